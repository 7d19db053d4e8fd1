#include "harness/history/jsonl.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace holdfast::history {
namespace {

// A cursor over one line. The first failure sticks; every read is bounded by the line.
class LineParser {
 public:
  LineParser(std::string_view line, std::string* scratch) : line_(line), scratch_(*scratch) {}

  bool Fail(const char* message) {
    if (message_ == nullptr) {
      message_ = message;
      failed_at_ = at_;
    }
    return false;
  }
  const char* message() const { return message_; }
  int64_t column() const { return static_cast<int64_t>(failed_at_) + 1; }

  char Peek() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
    return at_ < line_.size() ? line_[at_] : '\0';
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  bool Expect(char c) { return Take(c) || Fail("unexpected character"); }
  bool AtEnd() { return Peek() == '\0' && at_ == line_.size(); }

  // The bytes of a string; valid until the next String.
  bool String(std::string_view* text) {
    if (!Expect('"')) return false;
    const size_t begin = at_;
    while (at_ < line_.size() && line_[at_] != '"' && line_[at_] != '\\') ++at_;
    if (at_ < line_.size() && line_[at_] == '"') {
      *text = line_.substr(begin, at_++ - begin);
      return true;
    }
    scratch_.assign(line_.substr(begin, at_ - begin));
    while (at_ < line_.size() && line_[at_] != '"') {
      if (line_[at_] != '\\') {
        scratch_ += line_[at_++];
      } else if (!Escape()) {
        return false;
      }
    }
    if (at_ == line_.size()) return Fail("the line ends within a string");
    ++at_;
    *text = scratch_;
    return true;
  }

  bool Integer(int64_t* number) {
    Peek();
    const char* const end = line_.data() + line_.size();
    const auto [stop, error] = std::from_chars(line_.data() + at_, end, *number);
    if (error != std::errc()) return Fail("a whole number of 64 bits is needed here");
    at_ = static_cast<size_t>(stop - line_.data());
    return true;
  }

  bool Small(uint32_t* number) {
    int64_t value = 0;
    if (!Integer(&value)) return false;
    if (value < 0 || value > 0xFFFFFFFE) return Fail("a number of 32 bits is needed here");
    *number = static_cast<uint32_t>(value);
    return true;
  }

  // A string, a number (taken as written) or null, as a symbol.
  bool Scalar(SymbolTable* symbols, Symbol null, Symbol* symbol) {
    std::string_view text;
    const char c = Peek();
    if (c == 'n' && line_.substr(at_).starts_with("null")) {
      at_ += 4;
      *symbol = null;
      return true;
    }
    if (c == '"') {
      if (!String(&text)) return false;
    } else {
      const size_t begin = at_;
      int64_t number = 0;
      if (!Integer(&number)) return false;
      text = line_.substr(begin, at_ - begin);
    }
    *symbol = symbols->Intern(text);
    return true;
  }

 private:
  bool Escape() {
    ++at_;
    if (at_ == line_.size()) return Fail("the line ends within a string");
    const char c = line_[at_++];
    switch (c) {
      case 'n':
        scratch_ += '\n';
        return true;
      case 't':
        scratch_ += '\t';
        return true;
      case 'r':
        scratch_ += '\r';
        return true;
      case 'b':
        scratch_ += '\b';
        return true;
      case 'f':
        scratch_ += '\f';
        return true;
      case '"':
      case '\\':
      case '/':
        scratch_ += c;
        return true;
      case 'u':
        break;
      default:
        return Fail("unknown escape");
    }
    uint32_t code = 0;
    if (line_.size() - at_ < 4) return Fail("\\u needs four hexadecimal digits");
    const auto [stop, error] = std::from_chars(line_.data() + at_, line_.data() + at_ + 4, code, 16);
    if (error != std::errc() || stop != line_.data() + at_ + 4) return Fail("\\u needs four hexadecimal digits");
    at_ += 4;
    if (code > 0xFF && code >= 0x800) {
      scratch_ += static_cast<char>(0xE0 | (code >> 12));
      scratch_ += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    } else if (code > 0xFF) {
      scratch_ += static_cast<char>(0xC0 | (code >> 6));
    }
    scratch_ += static_cast<char>(code > 0xFF ? 0x80 | (code & 0x3F) : code);
    return true;
  }

  std::string_view line_;
  std::string& scratch_;
  size_t at_ = 0;
  size_t failed_at_ = 0;
  const char* message_ = nullptr;
};

class JsonlImporter {
 public:
  explicit JsonlImporter(Imported* imported) : imported_(*imported), history_(imported->history) {}

  // False: the parser says why.
  bool Add(std::string_view line, LineParser* in) {
    (void)line;
    op_ = Operation();
    op_.invoke = -1;
    note_.clear();
    has_rows_ = false;
    initial_ = header_ = has_f_ = has_outcome_ = false;
    if (!in->Expect('{')) return false;
    if (!in->Take('}')) {
      do {
        std::string_view name;
        if (!in->String(&name) || !in->Expect(':') || !Field(name, in)) return false;
      } while (in->Take(','));
      if (!in->Expect('}')) return false;
    }
    if (!in->AtEnd()) return in->Fail("text after the end of the object");
    return Finish(in);
  }

 private:
  bool Field(std::string_view name, LineParser* in) {
    std::string_view text;
    SymbolTable* const symbols = &history_.symbols;
    switch (name.empty() ? '\0' : name[0]) {
      case 'f':
        if (name != "f") break;
        if (!in->String(&text)) return false;
        has_f_ = true;
        initial_ = text == "initial";
        return initial_ || KindFromName(text, &op_.kind) || in->Fail("unknown \"f\"");
      case 'o':
        if (name == "object") return in->Small(&op_.object);
        if (name != "outcome") break;
        if (!in->String(&text)) return false;
        has_outcome_ = true;
        for (const Outcome outcome : {Outcome::kOk, Outcome::kFail, Outcome::kIndeterminate}) {
          op_.outcome = outcome;
          if (OutcomeName(outcome) == text) return true;
        }
        return in->Fail("\"outcome\" is \"ok\", \"fail\" or \"info\"");
      case 'p':
        if (name == "process") return in->Small(&op_.process);
        if (name == "parts") return Parts(in);
        break;
      case 'k':
        if (name == "key") return in->Scalar(symbols, kAbsent, &op_.key);
        break;
      case 'v':
        if (name == "value") return in->Scalar(symbols, kAbsent, &op_.value);
        if (name == "version") {
          uint32_t version = 0;
          return in->Small(&version) && (version == 1 || in->Fail("this version of the form is not known"));
        }
        break;
      case 'i':
        if (name == "invoke") return in->Integer(&op_.invoke) && (op_.invoke >= 0 || in->Fail("\"invoke\" is negative"));
        if (name == "initial") {
          if (!in->String(&text)) return false;
          imported_.initial = std::string(text);
          return true;
        }
        break;
      case 'c':
        if (name == "complete") return in->Integer(&op_.complete);
        break;
      case 'a': {
        if (name != "at") break;
        return in->Expect('[') && in->Small(&op_.hint.term) && in->Expect(',') && in->Integer(&op_.hint.index) &&
               in->Expect(',') && in->Small(&op_.hint.sub) && in->Expect(']');
      }
      case 'r':
        if (name == "rows") return Rows(in);
        break;
      case 'd':
        if (name == "delta") return in->Integer(&op_.delta);
        break;
      case 'e':
        if (name == "expected") return in->Scalar(symbols, kAbsent, &op_.expected);
        break;
      case 's':
        if (name == "step") return in->Small(&op_.step);
        break;
      case 'g':
        if (name == "group") return in->Small(&op_.group);
        break;
      case 'n':
        if (name != "note" || !in->String(&text)) break;
        note_ = std::string(text);
        return true;
      case 'h':
        if (name != "holdfast" || !in->String(&text)) break;
        header_ = true;
        return text == "history" || in->Fail("this is not a history");
      case 'm':
        if (name != "model" || !in->String(&text)) break;
        imported_.model = std::string(text);
        return true;
      default:
        break;
    }
    return in->Fail("unknown field");
  }

  bool Rows(LineParser* in) {
    rows_.clear();
    has_rows_ = true;
    if (!in->Expect('{')) return false;
    if (in->Take('}')) return true;
    do {
      Row row;
      std::string_view key;
      if (!in->String(&key)) return false;
      row.key = history_.symbols.Intern(key);
      if (!in->Expect(':') || !in->Scalar(&history_.symbols, kUnobserved, &row.value)) return false;
      rows_.push_back(row);
    } while (in->Take(','));
    return in->Expect('}');
  }

  bool Parts(LineParser* in) {
    std::vector<Mutation> parts;
    if (!in->Expect('[')) return false;
    if (!in->Take(']')) {
      do {
        Mutation part;
        part.value = kUnobserved;
        std::string_view kind;
        if (!in->Expect('[') || !in->String(&kind)) return false;
        if (kind != "put" && kind != "delete" && kind != "increment") return in->Fail("a part is put, delete or increment");
        KindFromName(kind, &part.kind);
        if (!in->Expect(',') || !in->Scalar(&history_.symbols, kAbsent, &part.key)) return false;
        if (part.kind == Kind::kIncrement && !(in->Expect(',') && in->Integer(&part.delta))) return false;
        if (part.kind == Kind::kPut && in->Peek() != ',') return in->Fail("a put needs a value");
        if (part.kind != Kind::kDelete && in->Take(',') &&
            !in->Scalar(&history_.symbols, kUnobserved, &part.value)) {
          return false;
        }
        if (!in->Expect(']')) return false;
        parts.push_back(part);
      } while (in->Take(','));
      if (!in->Expect(']')) return false;
    }
    op_.list = history_.AddMutations(parts);
    return true;
  }

  bool Finish(LineParser* in) {
    if (header_) return true;
    if (!has_f_) return in->Fail("\"f\" is missing");
    if (initial_) {
      std::vector<Row>& rows = history_.initial_rows[op_.object];
      rows.insert(rows.end(), rows_.begin(), rows_.end());
      return true;
    }
    if (op_.invoke < 0) return in->Fail("\"invoke\" is missing");
    if (!has_outcome_) return in->Fail("\"outcome\" is missing");
    if (op_.complete <= op_.invoke) return in->Fail("\"complete\" is not after \"invoke\"");
    if (op_.ok() && op_.complete == kPending) return in->Fail("an operation that is ok needs \"complete\"");
    const bool wide = op_.kind == Kind::kScan || op_.kind == Kind::kSnapshot || op_.kind == Kind::kRestore;
    if ((op_.kind == Kind::kBatch) != (op_.list != kNoList)) return in->Fail("a batch, and only that, has \"parts\"");
    if (has_rows_ && !wide) return in->Fail("only a scan, a snapshot and a restore have \"rows\"");
    if (has_rows_) {
      const auto before = [](const Row& a, const Row& b) { return a.key < b.key; };
      if (!std::is_sorted(rows_.begin(), rows_.end(), before)) std::sort(rows_.begin(), rows_.end(), before);
      for (size_t i = 1; i < rows_.size(); ++i) {
        if (rows_[i].key == rows_[i - 1].key) return in->Fail("a key stands twice in \"rows\"");
      }
      op_.list = history_.AddRows(rows_);
    }
    const bool writes = op_.kind == Kind::kPut || op_.kind == Kind::kWrite || op_.kind == Kind::kAppend ||
                        op_.kind == Kind::kCompareAndSet;
    if (writes && op_.value == kUnobserved) return in->Fail("\"value\" is missing");
    if (op_.kind == Kind::kCompareAndSet && op_.expected == kUnobserved) return in->Fail("\"expected\" is missing");
    history_.operations.push_back(op_);
    if (!note_.empty()) history_.notes[history_.operations.size() - 1] = note_;
    return true;
  }

  Imported& imported_;
  History& history_;
  Operation op_;
  std::string note_;
  std::vector<Row> rows_;
  bool has_rows_ = false, initial_ = false, header_ = false, has_f_ = false, has_outcome_ = false;
};

void AppendValue(std::string* out, const History& history, Symbol value) {
  if (value == kAbsent || value == kUnobserved) {
    out->append("null");
  } else {
    AppendJsonString(out, history.text(value));
  }
}

void AppendRows(std::string* out, const History& history, std::span<const Row> rows) {
  out->append(",\"rows\":{");
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out->push_back(',');
    AppendJsonString(out, history.text(rows[i].key));
    out->push_back(':');
    AppendValue(out, history, rows[i].value);
  }
  out->push_back('}');
}

void AppendParts(std::string* out, const History& history, const Operation& op) {
  out->append(",\"parts\":[");
  const char* separator = "[\"";
  for (const Mutation& part : history.mutations(op.list)) {
    out->append(separator);
    separator = ",[\"";
    out->append(KindName(part.kind)).append("\",");
    AppendJsonString(out, history.text(part.key));
    if (part.kind == Kind::kIncrement) out->append(",").append(std::to_string(part.delta));
    if (part.kind != Kind::kDelete && part.value != kUnobserved) {
      out->push_back(',');
      AppendValue(out, history, part.value);
    }
    out->push_back(']');
  }
  out->push_back(']');
}

bool HasKey(Kind kind) {
  return kind == Kind::kGet || kind == Kind::kPut || kind == Kind::kDelete || kind == Kind::kIncrement ||
         kind == Kind::kSnapshot || kind == Kind::kRestore || kind == Kind::kDrop || kind == Kind::kAppend;
}

void AppendOperation(std::string* out, const History& history, size_t position) {
  const Operation& op = history.operations[position];
  const auto number = [&](const char* name, int64_t value) {
    out->append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  out->append("{\"f\":\"").append(KindName(op.kind)).append("\"");
  number("object", op.object);
  number("process", op.process);
  if (HasKey(op.kind) && op.key != kAbsent) {
    out->append(",\"key\":");
    AppendJsonString(out, history.text(op.key));
  }
  if (op.expected != kUnobserved) {
    out->append(",\"expected\":");
    AppendValue(out, history, op.expected);
  }
  if (op.kind == Kind::kIncrement) number("delta", op.delta);
  if (op.value != kUnobserved) {
    out->append(",\"value\":");
    AppendValue(out, history, op.value);
  }
  if (op.kind == Kind::kBatch) AppendParts(out, history, op);
  if (History::HasRows(op)) AppendRows(out, history, history.rows(op.list));
  out->append(",\"outcome\":\"").append(OutcomeName(op.outcome)).append("\"");
  number("invoke", op.invoke);
  if (op.complete != kPending) number("complete", op.complete);
  if (op.hint.known()) {
    out->append(",\"at\":[").append(std::to_string(op.hint.term)).append(",");
    out->append(std::to_string(op.hint.index)).append(",").append(std::to_string(op.hint.sub)).append("]");
  }
  if (op.step != 0) number("step", op.step);
  if (op.group != 0) number("group", op.group);
  const auto note = history.notes.find(position);
  if (note != history.notes.end()) {
    out->append(",\"note\":");
    AppendJsonString(out, note->second);
  }
  out->append("}\n");
}

}  // namespace

void AppendJsonString(std::string* out, std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : bytes) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte >= 0x20 && byte < 0x7F) {
      out->push_back(c);
    } else {
      out->append("\\u00");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
  }
  out->push_back('"');
}

void WriteJsonl(const History& history, const JsonlHeader& header, const std::function<void(std::string_view)>& write) {
  std::string line = "{\"holdfast\":\"history\",\"version\":1";
  if (!header.model.empty()) {
    line.append(",\"model\":");
    AppendJsonString(&line, header.model);
  }
  if (header.initial.has_value()) {
    line.append(",\"initial\":");
    AppendJsonString(&line, *header.initial);
  }
  line.append("}\n");
  write(line);
  for (const auto& [object, rows] : history.initial_rows) {
    line = "{\"f\":\"initial\",\"object\":" + std::to_string(object);
    AppendRows(&line, history, rows);
    line.append("}\n");
    write(line);
  }
  for (size_t i = 0; i < history.operations.size(); ++i) {
    line.clear();
    AppendOperation(&line, history, i);
    write(line);
  }
}

std::string ToJsonl(const History& history, const JsonlHeader& header) {
  std::string text;
  WriteJsonl(history, header, [&text](std::string_view line) { text.append(line); });
  return text;
}

bool ImportJsonl(TextSource* source, Imported* imported, ParseError* error) {
  JsonlImporter importer(imported);
  std::string scratch;
  std::string_view line;
  bool sorted = true;
  while (source->NextLine(&line)) {
    LineParser parser(line, &scratch);
    if (parser.AtEnd()) continue;
    if (!importer.Add(line, &parser)) {
      *error = {source->line() - 1, parser.column(), parser.message()};
      return false;
    }
    const std::vector<Operation>& ops = imported->history.operations;
    if (ops.size() > 1 && ops[ops.size() - 2].invoke > ops.back().invoke) sorted = false;
  }
  if (source->too_long()) {
    *error = {source->line(), 1, "the line is too long"};
    return false;
  }
  if (!sorted) {
    // Notes go by position: sort an index, then both.
    std::vector<size_t> order(imported->history.operations.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const std::vector<Operation>& ops = imported->history.operations;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ops[a].invoke < ops[b].invoke; });
    std::vector<Operation> in_order;
    std::map<size_t, std::string> notes;
    in_order.reserve(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      in_order.push_back(ops[order[i]]);
      const auto note = imported->history.notes.find(order[i]);
      if (note != imported->history.notes.end()) notes[i] = note->second;
    }
    imported->history.operations = std::move(in_order);
    imported->history.notes = std::move(notes);
  }
  return true;
}

}  // namespace holdfast::history
