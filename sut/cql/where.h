// WHERE clauses with their columns looked up and their constants as values.

#ifndef SUT_CQL_WHERE_H_
#define SUT_CQL_WHERE_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/cql/schema.h"
#include "sut/cql/statement.h"

namespace sut::cql {

struct Restriction {
  size_t column = 0;
  Operator op = Operator::kEqual;
  Value value;
};
using Row = std::vector<std::optional<Value>>;  // by the table's columns; none is null

// InvalidRequest for an unknown column, a null, or a constant of another type.
absl::StatusOr<std::vector<Restriction>> Bind(const Table& table, const std::vector<Relation>& where);
absl::StatusOr<size_t> FindColumn(const Table& table, std::string_view name);

// A null fits no restriction.
bool Fits(const Row& row, const std::vector<Restriction>& restrictions);

// The values that = demands of the first columns of the key, as far as there are.
std::vector<Value> EqualKeyPrefix(const Table& table, const std::vector<Restriction>& restrictions);

// The key of the one row that a change names: = for each column of the key, and nothing else.
absl::StatusOr<std::vector<Value>> BindPrimaryKey(const Table& table, const std::vector<Relation>& where);

// InvalidRequest that names the columns of the key that have no value yet; OK if there is none.
absl::Status CheckKeyIsWhole(const Table& table, const Row& key);

}  // namespace sut::cql

#endif  // SUT_CQL_WHERE_H_
