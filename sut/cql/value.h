// The types of CQL that a column can have, and their values.
//
// Values are totally ordered within a type; the encoding of keys (row_codec.h) keeps this order. A null is no value: it
// is an empty optional wherever one may stand.

#ifndef SUT_CQL_VALUE_H_
#define SUT_CQL_VALUE_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sut::cql {

enum class Type : uint8_t { kInt, kBigint, kText, kBoolean, kDouble, kFloat, kBlob, kTimestamp, kUuid, kCounter };

struct Blob {
  std::string bytes;
  friend auto operator<=>(const Blob&, const Blob&) = default;
};
struct Timestamp {
  int64_t since_epoch_ms = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};
struct UuidValue {
  uint64_t hi = 0;
  uint64_t lo = 0;
  friend auto operator<=>(const UuidValue&, const UuidValue&) = default;
};

using Value = std::variant<bool, int32_t, int64_t, float, double, std::string, Blob, Timestamp, UuidValue>;

// As DESCRIBE shows it: "bigint".
std::string_view TypeName(Type type);
// From a name in lower case; varchar is text.
std::optional<Type> TypeFromName(std::string_view name);
// Whether the value is one of that type.
bool IsOfType(const Value& value, Type type);

// -0.0 lies before 0.0, and NaN after everything else. REQUIRES: both of one type.
std::strong_ordering Compare(const Value& a, const Value& b);

// As cqlsh shows it, in one line: control characters and backslashes of texts are escaped.
std::string ValueText(const Value& value);

// Whether the bytes are well-formed UTF-8, which texts must be.
bool IsUtf8(std::string_view bytes);

}  // namespace sut::cql

#endif  // SUT_CQL_VALUE_H_
