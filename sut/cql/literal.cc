#include "sut/cql/literal.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "sut/base/ids.h"
#include "sut/cql/errors.h"

namespace sut::cql {
namespace {

using Kind = Literal::Kind;

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "NULL";
    case Kind::kString:
      return "STRING";
    case Kind::kInteger:
      return "INTEGER";
    case Kind::kFloat:
      return "FLOAT";
    case Kind::kBoolean:
      return "BOOLEAN";
    case Kind::kHex:
      return "HEX";
    case Kind::kUuid:
      return "UUID";
  }
  return "UNKNOWN";
}

absl::Status Unable(Type type, const Literal& literal) {
  return InvalidRequest(absl::StrCat("Unable to make ", std::string(TypeName(type)), " from '", literal.text, "'"));
}

bool Fits(Kind kind, Type type) {
  switch (type) {
    case Type::kInt:
    case Type::kBigint:
    case Type::kCounter:
      return kind == Kind::kInteger;
    case Type::kFloat:
    case Type::kDouble:
      return kind == Kind::kInteger || kind == Kind::kFloat;
    case Type::kText:
      return kind == Kind::kString;
    case Type::kBoolean:
      return kind == Kind::kBoolean;
    case Type::kBlob:
      return kind == Kind::kHex;
    case Type::kTimestamp:
      return kind == Kind::kInteger || kind == Kind::kString;
    case Type::kUuid:
      return kind == Kind::kUuid;
  }
  return false;
}

std::optional<double> ParseDouble(std::string_view text) {
  if (text == "nan") return std::nan("");
  if (text == "infinity") return HUGE_VAL;
  if (text == "-infinity") return -HUGE_VAL;
  double value = 0;
  if (!absl::SimpleAtod(std::string(text), &value) || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<Value> FloatValue(const Literal& literal, Type type) {
  const auto value = ParseDouble(literal.text);
  if (!value) return std::nullopt;
  if (type == Type::kDouble) return Value(*value);
  const auto narrow = static_cast<float>(*value);
  if (std::isinf(narrow) && !std::isinf(*value)) return std::nullopt;
  return Value(narrow);
}

std::optional<Value> TimestampValue(const Literal& literal) {
  if (literal.kind == Kind::kString) {
    const auto parsed = ParseTimestamp(literal.text);
    return parsed ? std::optional<Value>(*parsed) : std::nullopt;
  }
  Timestamp out;
  if (!absl::SimpleAtoi(literal.text, &out.since_epoch_ms)) return std::nullopt;
  return Value(out);
}

template <typename Int>
std::optional<Value> IntegerValue(const Literal& literal) {
  Int value = 0;
  if (!absl::SimpleAtoi(literal.text, &value)) return std::nullopt;
  return Value(value);
}

std::optional<Value> BlobValue(const Literal& literal) {
  if (literal.text.size() % 2 != 0) return std::nullopt;
  return Value(Blob{absl::HexStringToBytes(literal.text.substr(2))});
}

std::optional<Value> UuidFrom(const Literal& literal) {
  const auto parts = ParseUuidHex(absl::AsciiStrToLower(absl::StrReplaceAll(literal.text, {{"-", ""}})));
  if (!parts.ok()) return std::nullopt;
  return Value(UuidValue{parts->first, parts->second});
}

// REQUIRES: Fits(literal.kind, type).
std::optional<Value> Convert(const Literal& literal, Type type) {
  switch (type) {
    case Type::kInt:
      return IntegerValue<int32_t>(literal);
    case Type::kBigint:
    case Type::kCounter:
      return IntegerValue<int64_t>(literal);
    case Type::kFloat:
    case Type::kDouble:
      return FloatValue(literal, type);
    case Type::kText:
      return IsUtf8(literal.text) ? std::optional<Value>(literal.text) : std::nullopt;
    case Type::kBoolean:
      return Value(literal.text == "true");
    case Type::kBlob:
      return BlobValue(literal);
    case Type::kTimestamp:
      return TimestampValue(literal);
    case Type::kUuid:
      return UuidFrom(literal);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::optional<Value>> ToValue(const Literal& literal, std::string_view column, Type type) {
  if (literal.kind == Kind::kNull) return std::nullopt;
  if (!Fits(literal.kind, type)) {
    return InvalidRequest(absl::StrCat("Invalid ", std::string(KindName(literal.kind)), " constant (", literal.text,
                                       ") for \"", std::string(column), "\" of type ", std::string(TypeName(type))));
  }
  auto value = Convert(literal, type);
  if (!value) return Unable(type, literal);
  return value;
}

std::optional<Timestamp> ParseTimestamp(std::string_view text) {
  // absl's parser also takes words ("infinite-past") and blanks around, which are no timestamps of CQL.
  if (text.empty() || !absl::ascii_isdigit(text.front()) || absl::ascii_isspace(text.back())) return std::nullopt;
  static constexpr std::string_view kFormats[] = {
      "%E4Y-%m-%d",          "%E4Y-%m-%d%Ez",         "%E4Y-%m-%d %H:%M",
      "%E4Y-%m-%d %H:%M%Ez", "%E4Y-%m-%d %H:%M:%E*S", "%E4Y-%m-%d %H:%M:%E*S%Ez"};
  std::string plain(text);
  if (plain.size() > 10 && plain[10] == 'T') plain[10] = ' ';
  for (const std::string_view format : kFormats) {
    absl::Time time;
    std::string error;
    if (absl::ParseTime(std::string(format), plain, absl::UTCTimeZone(), &time, &error)) {
      return Timestamp{absl::ToUnixMillis(time)};
    }
  }
  return std::nullopt;
}

}  // namespace sut::cql
