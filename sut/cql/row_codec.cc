#include "sut/cql/row_codec.h"

#include <bit>
#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/tablet/row_machine.h"
#include "sut/tablet/typed_key.h"

namespace sut::cql {
namespace {

constexpr char kCellVersion = '\x01';

template <std::unsigned_integral Int>
std::string BigEndian(Int value) {
  std::string out(sizeof(Int), '\0');
  for (size_t i = 0; i < sizeof(Int); ++i) out[i] = static_cast<char>(value >> (8 * (sizeof(Int) - 1 - i)));
  return out;
}

template <std::unsigned_integral Int>
std::optional<Int> FromBigEndian(std::string_view bytes) {
  if (bytes.size() != sizeof(Int)) return std::nullopt;
  Int out = 0;
  for (const char c : bytes) out = static_cast<Int>(out << 8 | static_cast<unsigned char>(c));
  return out;
}

template <std::unsigned_integral Int>
constexpr Int kSign = Int{1} << (std::numeric_limits<Int>::digits - 1);

// Numbers as bytes that compare as they do: two's complement with the sign turned over.
template <std::signed_integral Int>
std::string OrderedInt(Int value) {
  using Bits = std::make_unsigned_t<Int>;
  return BigEndian<Bits>(static_cast<Bits>(value) ^ kSign<Bits>);
}

// IEEE 754 compares as sign and magnitude do: negative ones are turned over altogether. There is one NaN, the last.
template <typename Float, typename Bits>
std::string OrderedFloat(Float value) {
  if (std::isnan(value)) value = std::numeric_limits<Float>::quiet_NaN();
  const Bits bits = std::bit_cast<Bits>(value);
  return BigEndian<Bits>((bits & kSign<Bits>) != 0 ? ~bits : bits | kSign<Bits>);
}

std::string OrderedBytes(const Value& value) {
  struct Visitor {
    std::string operator()(bool v) const { return std::string(1, v ? '\x01' : '\0'); }
    std::string operator()(int32_t v) const { return OrderedInt(v); }
    std::string operator()(int64_t v) const { return OrderedInt(v); }
    std::string operator()(float v) const { return OrderedFloat<float, uint32_t>(v); }
    std::string operator()(double v) const { return OrderedFloat<double, uint64_t>(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Blob& v) const { return v.bytes; }
    std::string operator()(const Timestamp& v) const { return OrderedInt(v.since_epoch_ms); }
    std::string operator()(const UuidValue& v) const { return BigEndian(v.hi) + BigEndian(v.lo); }
  };
  return std::visit(Visitor{}, value);
}

template <std::signed_integral Int>
std::optional<Int> IntFrom(std::string_view bytes) {
  using Bits = std::make_unsigned_t<Int>;
  const auto bits = FromBigEndian<Bits>(bytes);
  if (!bits) return std::nullopt;
  return static_cast<Int>(*bits ^ kSign<Bits>);
}

template <typename Float, typename Bits>
std::optional<Value> FloatFrom(std::string_view bytes) {
  const auto bits = FromBigEndian<Bits>(bytes);
  if (!bits) return std::nullopt;
  return Value(std::bit_cast<Float>((*bits & kSign<Bits>) != 0 ? static_cast<Bits>(*bits ^ kSign<Bits>)
                                                               : static_cast<Bits>(~*bits)));
}

template <typename Int>
std::optional<Value> IntValueFrom(std::string_view bytes) {
  const auto number = IntFrom<Int>(bytes);
  return number ? std::optional<Value>(*number) : std::nullopt;
}

std::optional<Value> UuidFrom(std::string_view bytes) {
  if (bytes.size() != 16) return std::nullopt;
  return Value(UuidValue{*FromBigEndian<uint64_t>(bytes.substr(0, 8)), *FromBigEndian<uint64_t>(bytes.substr(8))});
}

std::optional<Value> FromOrderedBytes(Type type, std::string_view bytes) {
  switch (type) {
    case Type::kBoolean:
      if (bytes.size() != 1 || static_cast<unsigned char>(bytes[0]) > 1) return std::nullopt;
      return Value(bytes[0] != 0);
    case Type::kInt:
      return IntValueFrom<int32_t>(bytes);
    case Type::kBigint:
    case Type::kCounter:
      return IntValueFrom<int64_t>(bytes);
    case Type::kFloat:
      return FloatFrom<float, uint32_t>(bytes);
    case Type::kDouble:
      return FloatFrom<double, uint64_t>(bytes);
    case Type::kText:
      return IsUtf8(bytes) ? std::optional<Value>(std::string(bytes)) : std::nullopt;
    case Type::kBlob:
      return Value(Blob{std::string(bytes)});
    case Type::kTimestamp:
      if (const auto ms = IntFrom<int64_t>(bytes)) return Value(Timestamp{*ms});
      return std::nullopt;
    case Type::kUuid:
      return UuidFrom(bytes);
  }
  SUT_CHECK(false, "an unknown type");
}

// In a descending column all bits of a component are turned over, its end among them. No component is the beginning of
// another one, so that this reverses the order.
constexpr char Turned(char c, bool descending) { return static_cast<char>(descending ? ~c : c); }

void AppendComponent(const Value& value, bool descending, std::string* out) {
  std::string component;
  for (const char c : OrderedBytes(value)) {
    if (c == '\0') {
      component.append(kKeyZeroByte);
    } else {
      component.push_back(c);
    }
  }
  component.append(kKeyComponentEnd);
  for (const char c : component) out->push_back(Turned(c, descending));
}

// Takes one component off the front.
std::optional<std::string> TakeComponent(bool descending, std::string_view* key) {
  std::string out;
  for (size_t i = 0; i < key->size(); ++i) {
    const char c = Turned((*key)[i], descending);
    if (c != '\0') {
      out.push_back(c);
      continue;
    }
    if (++i == key->size()) break;
    const char meaning = Turned((*key)[i], descending);
    if (meaning == kKeyComponentEnd.back()) {
      key->remove_prefix(i + 1);
      return out;
    }
    if (meaning != kKeyZeroByte.back()) break;
    out.push_back('\0');
  }
  return std::nullopt;
}

bool TakeGroupEnd(std::string_view* key) {
  if (!key->starts_with(kKeyGroupEnd)) return false;
  key->remove_prefix(kKeyGroupEnd.size());
  return true;
}

absl::Status NoKey(const Table& table) {
  return absl::DataLossError(absl::StrCat("table ", QuotedName(table.name), " holds a key that is none of its rows'"));
}

}  // namespace

std::string EncodeKeyPrefix(const Table& table, std::span<const Value> values) {
  SUT_CHECK(values.size() >= table.partition_columns && values.size() <= table.key_columns(), "no prefix of the key");
  std::string out(1, kTypedKeyMarker);
  for (size_t i = 0; i < values.size(); ++i) {
    SUT_CHECK(IsOfType(values[i], table.columns[i].type), "a key column's value is of another type");
    AppendComponent(values[i], table.columns[i].descending, &out);
    if (i + 1 == table.partition_columns) out.append(kKeyGroupEnd);
  }
  return out;
}

std::string EncodeRowKey(const Table& table, std::span<const Value> values) {
  SUT_CHECK(values.size() == table.key_columns(), "not the whole key");
  std::string out = EncodeKeyPrefix(table, values);
  out.append(kKeyGroupEnd);
  return out;
}

std::string CellKey(std::string_view row_key, std::string_view column) {
  std::string out(row_key);
  out.append(column);
  return out;
}

absl::StatusOr<CellKeyParts> DecodeCellKey(const Table& table, std::string_view key) {
  std::string_view rest = key;
  if (rest.empty() || rest.front() != kTypedKeyMarker) return NoKey(table);
  rest.remove_prefix(1);
  CellKeyParts out;
  for (size_t i = 0; i < table.key_columns(); ++i) {
    const auto component = TakeComponent(table.columns[i].descending, &rest);
    auto value = component ? FromOrderedBytes(table.columns[i].type, *component) : std::nullopt;
    if (!value) return NoKey(table);
    out.values.push_back(*std::move(value));
    if (i + 1 == table.partition_columns && !TakeGroupEnd(&rest)) return NoKey(table);
  }
  if (!TakeGroupEnd(&rest)) return NoKey(table);
  out.row_key = key.substr(0, key.size() - rest.size());
  out.column = rest;
  return out;
}

std::string EncodeCell(const std::optional<Value>& value) {
  std::string out(1, kCellVersion);
  if (value) out.append(OrderedBytes(*value));
  return out;
}

absl::StatusOr<Value> DecodeCell(Type type, std::string_view bytes) {
  std::optional<Value> value;
  if (type == Type::kCounter) {
    if (const auto number = ParseCounter(bytes)) value = Value(*number);
  } else if (!bytes.empty() && bytes.front() == kCellVersion) {
    value = FromOrderedBytes(type, bytes.substr(1));
  }
  if (!value) return absl::DataLossError(absl::StrCat("a cell holds no ", std::string(TypeName(type))));
  return *std::move(value);
}

}  // namespace sut::cql
