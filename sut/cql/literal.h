// A constant as it stands in a statement, and the value that it is for a column of a given type.

#ifndef SUT_CQL_LITERAL_H_
#define SUT_CQL_LITERAL_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sut/cql/value.h"

namespace sut::cql {

struct Literal {
  enum class Kind { kNull, kString, kInteger, kFloat, kBoolean, kHex, kUuid };
  Kind kind = Kind::kNull;
  // A string without its quotes; numbers with their sign; true, false, nan and infinity in lower case; 0x...
  std::string text;

  friend bool operator==(const Literal&, const Literal&) = default;
};

// None for null. An InvalidRequest if the literal can't be a value of that type.
absl::StatusOr<std::optional<Value>> ToValue(const Literal& literal, std::string_view column, Type type);

// "2026-01-31", with a time of day and a zone if there are; UTC without a zone. None if it is no point in time.
std::optional<Timestamp> ParseTimestamp(std::string_view text);

}  // namespace sut::cql

#endif  // SUT_CQL_LITERAL_H_
