#include "sut/cql/value.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <type_traits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "sut/base/check.h"
#include "sut/base/ids.h"
#include "sut/cql/utf8.h"

namespace sut::cql {
namespace {

struct NamedType {
  std::string_view name;
  Type type;
};
// The first name of a type is its own.
constexpr NamedType kTypes[] = {{"int", Type::kInt},      {"bigint", Type::kBigint},   {"text", Type::kText},
                                {"varchar", Type::kText}, {"boolean", Type::kBoolean}, {"double", Type::kDouble},
                                {"float", Type::kFloat},  {"blob", Type::kBlob},       {"timestamp", Type::kTimestamp},
                                {"uuid", Type::kUuid},    {"counter", Type::kCounter}};

// cqlsh's default, of both types.
constexpr int kFloatPrecision = 5;

template <typename Float>
std::strong_ordering CompareFloats(Float a, Float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) <=> std::isnan(b);
  if (a != b) return a < b ? std::strong_ordering::less : std::strong_ordering::greater;
  return std::signbit(b) <=> std::signbit(a);
}

// Plain notation for magnitudes from 1e-4 up to 10^precision, with `precision` digits after the point, and the
// exponential form for all others.
std::string FloatText(double value) {
  int precision = kFloatPrecision;
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (std::abs(value) > std::numeric_limits<double>::epsilon()) {
    const int exponent = static_cast<int>(std::log10(std::abs(value)));
    if (exponent >= -4 && exponent < precision) precision += exponent + 1;
  }
  return absl::StrFormat("%.*g", precision, value);
}

void AppendEscaped(std::string_view bytes, char32_t code_point, std::string* out) {
  switch (code_point) {
    case '\\':
      return absl::StrAppend(out, "\\\\");
    case '\n':
      return absl::StrAppend(out, "\\n");
    case '\r':
      return absl::StrAppend(out, "\\r");
    case '\t':
      return absl::StrAppend(out, "\\t");
    default:
      if (code_point < 0x20 || (code_point >= 0x7f && code_point <= 0xa0)) {
        return absl::StrAppend(out, absl::StrFormat("\\x%02x", static_cast<uint32_t>(code_point)));
      }
      out->append(bytes);
  }
}

std::string TextText(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    // A text of ours is UTF-8; a byte that is none is shown rather than sent to the terminal.
    const auto next = FirstCodePoint(text);
    const size_t bytes = next ? next->bytes : 1;
    if (next) {
      AppendEscaped(text.substr(0, bytes), next->value, &out);
    } else {
      absl::StrAppend(&out, absl::StrFormat("\\x%02x", static_cast<unsigned char>(text[0])));
    }
    text.remove_prefix(bytes);
  }
  return out;
}

std::string TimestampText(Timestamp timestamp) {
  const absl::Time time = absl::FromUnixMillis(timestamp.since_epoch_ms);
  // Years of other than four digits are shown as the number, as cqlsh does for what its calendar does not have.
  const int64_t year = absl::ToCivilYear(time, absl::UTCTimeZone()).year();
  if (year < 1 || year > 9999) return absl::StrCat(timestamp.since_epoch_ms);
  return absl::FormatTime("%E4Y-%m-%d %H:%M:%E6S+0000", time, absl::UTCTimeZone());
}

std::string UuidText(const UuidValue& uuid) {
  const std::string hex = UuidHex(uuid.hi, uuid.lo);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

template <typename T>
constexpr bool IsFloat = std::is_same_v<T, float> || std::is_same_v<T, double>;

}  // namespace

std::string_view TypeName(Type type) {
  for (const NamedType& one : kTypes) {
    if (one.type == type) return one.name;
  }
  SUT_CHECK(false, "a type without a name");
}

std::optional<Type> TypeFromName(std::string_view name) {
  for (const NamedType& one : kTypes) {
    if (one.name == name) return one.type;
  }
  return std::nullopt;
}

bool IsOfType(const Value& value, Type type) {
  switch (type) {
    case Type::kInt:
      return std::holds_alternative<int32_t>(value);
    case Type::kBigint:
    case Type::kCounter:
      return std::holds_alternative<int64_t>(value);
    case Type::kText:
      return std::holds_alternative<std::string>(value);
    case Type::kBoolean:
      return std::holds_alternative<bool>(value);
    case Type::kDouble:
      return std::holds_alternative<double>(value);
    case Type::kFloat:
      return std::holds_alternative<float>(value);
    case Type::kBlob:
      return std::holds_alternative<Blob>(value);
    case Type::kTimestamp:
      return std::holds_alternative<Timestamp>(value);
    case Type::kUuid:
      return std::holds_alternative<UuidValue>(value);
  }
  SUT_CHECK(false, "an unknown type");
}

std::strong_ordering Compare(const Value& a, const Value& b) {
  SUT_CHECK(a.index() == b.index(), "values of different types");
  return std::visit(
      [&b](const auto& left) -> std::strong_ordering {
        using T = std::decay_t<decltype(left)>;
        const T& right = std::get<T>(b);
        if constexpr (IsFloat<T>) {
          return CompareFloats(left, right);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return left.compare(right) <=> 0;
        } else {
          return left <=> right;
        }
      },
      a);
}

std::string ValueText(const Value& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "True" : "False"; }
    std::string operator()(int32_t v) const { return absl::StrCat(v); }
    std::string operator()(int64_t v) const { return absl::StrCat(v); }
    std::string operator()(float v) const { return FloatText(v); }
    std::string operator()(double v) const { return FloatText(v); }
    std::string operator()(const std::string& v) const { return TextText(v); }
    std::string operator()(const Blob& v) const { return absl::StrCat("0x", absl::BytesToHexString(v.bytes)); }
    std::string operator()(const Timestamp& v) const { return TimestampText(v); }
    std::string operator()(const UuidValue& v) const { return UuidText(v); }
  };
  return std::visit(Visitor{}, value);
}

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto next = FirstCodePoint(bytes);
    if (!next) return false;
    bytes.remove_prefix(next->bytes);
  }
  return true;
}

}  // namespace sut::cql
