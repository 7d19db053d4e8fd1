#include "harness/history/history.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace holdfast::history {
namespace {

constexpr size_t kChunkBytes = 64 * 1024;
constexpr size_t kSlotsMin = 64;
constexpr size_t kShortBytes = 8;

uint64_t Mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ (x >> 32);
}

constexpr std::string_view kKindNames[kKindCount] = {"get",   "put",      "delete",  "increment",  "batch",
                                                     "scan",  "snapshot", "restore", "drop",       "read",
                                                     "write", "cas",      "append",  "refused-cas"};

std::string DescribeValue(const History& history, Symbol value) {
  if (value == kAbsent) return "nothing";
  if (value == kUnobserved) return "?";
  return Quote(history.text(value));
}

std::string DescribeMutation(const History& history, const Mutation& mutation) {
  const std::string key = Quote(history.text(mutation.key));
  switch (mutation.kind) {
    case Kind::kDelete:
      return absl::StrCat("delete ", key);
    case Kind::kIncrement:
      return absl::StrCat("increment ", key, " by ", mutation.delta, " -> ", DescribeValue(history, mutation.value));
    default:
      return absl::StrCat("put ", key, " = ", DescribeValue(history, mutation.value));
  }
}

std::string DescribeAction(const History& history, const Operation& op) {
  const auto key = [&] { return Quote(history.text(op.key)); };
  const auto value = [&] { return DescribeValue(history, op.value); };
  const auto rows = [&]() -> std::string {
    return History::HasRows(op) ? absl::StrCat(" (", history.rows(op.list).size(), " rows)") : "";
  };
  switch (op.kind) {
    case Kind::kGet:
      return absl::StrCat("get ", key(), " -> ", value());
    case Kind::kPut:
      return absl::StrCat("put ", key(), " = ", value());
    case Kind::kDelete:
      return absl::StrCat("delete ", key());
    case Kind::kIncrement:
      return absl::StrCat("increment ", key(), " by ", op.delta, " -> ", value());
    case Kind::kBatch: {
      std::string text = "batch {";
      const std::span<const Mutation> parts = history.mutations(op.list);
      for (size_t i = 0; i < parts.size() && i < 4; ++i) {
        absl::StrAppend(&text, i == 0 ? "" : ", ", DescribeMutation(history, parts[i]));
      }
      return absl::StrCat(text, parts.size() > 4 ? absl::StrCat(", ", parts.size() - 4, " more}") : "}");
    }
    case Kind::kScan:
      return absl::StrCat("scan", rows());
    case Kind::kSnapshot:
    case Kind::kRestore:
      return absl::StrCat(std::string(KindName(op.kind)), " ", key(), rows());
    case Kind::kDrop:
      return absl::StrCat("drop ", key());
    case Kind::kRead:
      return absl::StrCat("read -> ", value());
    case Kind::kWrite:
      return absl::StrCat("write ", value());
    case Kind::kCompareAndSet:
      return absl::StrCat("cas ", DescribeValue(history, op.expected), " -> ", value());
    case Kind::kRefusedCompare:
      return absl::StrCat("cas ", DescribeValue(history, op.expected), " -> ", value(), " refused");
    case Kind::kAppend:
      return absl::StrCat("append ", key(), " += ", value());
  }
  return "";
}

}  // namespace

std::string_view KindName(Kind kind) { return kKindNames[static_cast<int>(kind)]; }

bool KindFromName(std::string_view name, Kind* kind) {
  for (int i = 0; i < kKindCount; ++i) {
    if (kKindNames[i] == name) {
      *kind = static_cast<Kind>(i);
      return true;
    }
  }
  return false;
}

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kFail:
      return "fail";
    case Outcome::kIndeterminate:
      return "info";
  }
  return "";
}

SymbolTable::SymbolTable() : slots_(kSlotsMin) { texts_.emplace_back(); }

SymbolTable::SymbolTable(const SymbolTable& other) : SymbolTable() { *this = other; }

SymbolTable& SymbolTable::operator=(const SymbolTable& other) {
  if (this == &other) return *this;
  chunks_.clear();
  texts_.assign(1, std::string_view());
  slots_.assign(kSlotsMin, Slot());
  text_bytes_ = 0;
  for (size_t i = 1; i < other.texts_.size(); ++i) Intern(other.texts_[i]);
  return *this;
}

// The bytes of a short text, the hash of a long one. Short texts of one length have different bits.
uint64_t SymbolTable::BitsOf(std::string_view text) {
  uint64_t bits = 0;
  if (text.size() <= kShortBytes) {
    // Two loads that may overlap: a copy of variable length would be a call.
    if (text.size() >= 4) {
      uint32_t low = 0, high = 0;
      std::memcpy(&low, text.data(), sizeof(low));
      std::memcpy(&high, text.data() + text.size() - sizeof(high), sizeof(high));
      return (uint64_t{high} << 32) | low;
    }
    for (const char c : text) bits = (bits << 8) | static_cast<unsigned char>(c);
    return bits;
  }
  uint64_t hash = text.size();
  while (text.size() >= kShortBytes) {
    std::memcpy(&bits, text.data(), kShortBytes);
    hash = Mix(hash ^ bits);
    text.remove_prefix(kShortBytes);
  }
  bits = 0;
  std::memcpy(&bits, text.data(), text.size());
  return Mix(hash ^ bits);
}

size_t SymbolTable::FirstSlot(std::string_view text, uint64_t bits) const {
  return Mix(bits + text.size()) & (slots_.size() - 1);
}

Symbol SymbolTable::Intern(std::string_view text, uint64_t bits) {
  size_t slot = FindSlot(text, bits);
  if (slots_[slot].symbol != kAbsent) return slots_[slot].symbol;
  if (texts_.size() * 4 >= slots_.size() * 3) {
    Grow(slots_.size() * 2);
    slot = FindSlot(text, bits);
  }
  const Symbol symbol = static_cast<Symbol>(texts_.size());
  texts_.push_back(Store(text));
  text_bytes_ += static_cast<int64_t>(text.size());
  slots_[slot] = {bits, static_cast<uint32_t>(text.size()), symbol};
  return symbol;
}

Symbol SymbolTable::Find(std::string_view text) const { return slots_[FindSlot(text, BitsOf(text))].symbol; }

size_t SymbolTable::FindSlot(std::string_view text, uint64_t bits) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = FirstSlot(text, bits);; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.symbol == kAbsent) return at;
    if (slot.bits != bits || slot.length != text.size()) continue;
    if (text.size() <= kShortBytes || texts_[slot.symbol] == text) return at;
  }
}

void SymbolTable::Reserve(size_t symbols) {
  texts_.reserve(symbols);
  const size_t slots = std::bit_ceil(symbols + symbols / 3 + 1);
  if (slots > slots_.size()) Grow(slots);
}

void SymbolTable::Grow(size_t slots) {
  std::vector<Slot> old(slots);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.symbol == kAbsent) continue;
    size_t at = Mix(slot.bits + slot.length) & mask;
    while (slots_[at].symbol != kAbsent) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

std::string_view SymbolTable::Store(std::string_view text) {
  if (text.size() > kChunkBytes / 4) {
    // A long string gets a chunk of its own, in front, so that the open chunk stays at the back.
    return chunks_.emplace_front(text);
  }
  if (chunks_.empty() || chunks_.back().capacity() < kChunkBytes ||
      chunks_.back().size() + text.size() > chunks_.back().capacity()) {
    chunks_.emplace_back().reserve(kChunkBytes);
  }
  std::string& chunk = chunks_.back();
  const size_t begin = chunk.size();
  chunk.append(text);
  return std::string_view(chunk).substr(begin, text.size());
}

uint32_t History::AddRows(std::vector<Row> rows) {
  const auto before = [](const Row& a, const Row& b) { return a.key < b.key; };
  if (!std::is_sorted(rows.begin(), rows.end(), before)) std::sort(rows.begin(), rows.end(), before);
  const uint32_t begin = static_cast<uint32_t>(row_pool_.size());
  row_pool_.insert(row_pool_.end(), rows.begin(), rows.end());
  row_lists_.push_back({begin, static_cast<uint32_t>(row_pool_.size())});
  return static_cast<uint32_t>(row_lists_.size() - 1);
}

uint32_t History::AddMutations(std::span<const Mutation> mutations) {
  const uint32_t begin = static_cast<uint32_t>(mutation_pool_.size());
  mutation_pool_.insert(mutation_pool_.end(), mutations.begin(), mutations.end());
  mutation_lists_.push_back({begin, static_cast<uint32_t>(mutation_pool_.size())});
  return static_cast<uint32_t>(mutation_lists_.size() - 1);
}

std::span<const Row> History::rows(uint32_t list) const {
  if (list >= row_lists_.size()) return {};
  const Range range = row_lists_[list];
  return std::span<const Row>(row_pool_).subspan(range.begin, range.end - range.begin);
}

std::span<const Mutation> History::mutations(uint32_t list) const {
  if (list >= mutation_lists_.size()) return {};
  const Range range = mutation_lists_[list];
  return std::span<const Mutation>(mutation_pool_).subspan(range.begin, range.end - range.begin);
}

int64_t History::ByteCount() const {
  return static_cast<int64_t>(operations.capacity() * sizeof(Operation) + row_pool_.capacity() * sizeof(Row) +
                              mutation_pool_.capacity() * sizeof(Mutation) +
                              (row_lists_.capacity() + mutation_lists_.capacity()) * sizeof(Range)) +
         symbols.ByteCount();
}

std::string History::Describe(size_t position) const {
  const Operation& op = operations[position];
  std::string text = absl::StrCat("client ", op.process, ": ", DescribeAction(*this, op), " on ", op.object, " [",
                                  op.invoke, "..", op.complete == kPending ? "" : absl::StrCat(op.complete), "] ",
                                  std::string(OutcomeName(op.outcome)));
  if (op.hint.known()) absl::StrAppend(&text, " at ", op.hint.term, ".", op.hint.index);
  if (op.step != 0) absl::StrAppend(&text, " step ", op.step);
  const auto note = notes.find(position);
  if (note != notes.end()) absl::StrAppend(&text, " (", note->second, ")");
  return text;
}

std::string Quote(std::string_view text, size_t length_max) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, length_max)) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  out += text.size() > length_max ? "\"..." : "\"";
  return out;
}

}  // namespace holdfast::history
