#include "sut/cql/where.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sut/base/check.h"
#include "sut/cql/errors.h"

namespace sut::cql {
namespace {

bool Holds(std::strong_ordering order, Operator op) {
  switch (op) {
    case Operator::kEqual:
      return order == 0;
    case Operator::kLess:
      return order < 0;
    case Operator::kLessOrEqual:
      return order <= 0;
    case Operator::kGreater:
      return order > 0;
    case Operator::kGreaterOrEqual:
      return order >= 0;
  }
  SUT_CHECK(false, "an unknown operator");
}

}  // namespace

absl::StatusOr<size_t> FindColumn(const Table& table, std::string_view name) {
  const auto found = table.Find(name);
  if (!found) return InvalidRequest(absl::StrCat("Undefined column name ", std::string(name)));
  return *found;
}

absl::StatusOr<std::vector<Restriction>> Bind(const Table& table, const std::vector<Relation>& where) {
  std::vector<Restriction> out;
  for (const Relation& relation : where) {
    const auto column = FindColumn(table, relation.column);
    if (!column.ok()) return column.status();
    auto value = ToValue(relation.value, relation.column, table.columns[*column].type);
    if (!value.ok()) return value.status();
    if (!value->has_value()) {
      return InvalidRequest(absl::StrCat("Invalid null value in condition for column ", relation.column));
    }
    out.push_back({*column, relation.op, **std::move(value)});
  }
  return out;
}

bool Fits(const Row& row, const std::vector<Restriction>& restrictions) {
  return std::all_of(restrictions.begin(), restrictions.end(), [&row](const Restriction& restriction) {
    const auto& value = row[restriction.column];
    return value.has_value() && Holds(Compare(*value, restriction.value), restriction.op);
  });
}

std::vector<Value> EqualKeyPrefix(const Table& table, const std::vector<Restriction>& restrictions) {
  std::vector<Value> out;
  for (size_t column = 0; column < table.key_columns(); ++column) {
    const auto found = std::find_if(restrictions.begin(), restrictions.end(), [column](const Restriction& restriction) {
      return restriction.column == column && restriction.op == Operator::kEqual;
    });
    if (found == restrictions.end()) break;
    out.push_back(found->value);
  }
  return out;
}

absl::Status CheckKeyIsWhole(const Table& table, const Row& key) {
  std::vector<std::string> partition, clustering;
  for (size_t i = 0; i < table.key_columns(); ++i) {
    if (!key[i]) (table.IsPartition(i) ? partition : clustering).push_back(table.columns[i].name);
  }
  if (!partition.empty()) {
    return InvalidRequest(absl::StrCat("Some partition key parts are missing: ", absl::StrJoin(partition, ", ")));
  }
  if (!clustering.empty()) {
    return InvalidRequest(absl::StrCat("Some clustering keys are missing: ", absl::StrJoin(clustering, ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Value>> BindPrimaryKey(const Table& table, const std::vector<Relation>& where) {
  auto restrictions = Bind(table, where);
  if (!restrictions.ok()) return restrictions.status();
  Row key(table.columns.size());
  for (Restriction& restriction : *restrictions) {
    const std::string& name = table.columns[restriction.column].name;
    if (!table.IsKey(restriction.column)) {
      return InvalidRequest(absl::StrCat("Non PRIMARY KEY columns found in where clause: ", name));
    }
    if (restriction.op != Operator::kEqual) {
      return InvalidRequest(absl::StrCat("A change names one row: only = can restrict ", name));
    }
    if (key[restriction.column]) {
      return InvalidRequest(
          absl::StrCat(name, " cannot be restricted by more than one relation if it includes an Equal"));
    }
    key[restriction.column] = std::move(restriction.value);
  }
  if (absl::Status status = CheckKeyIsWhole(table, key); !status.ok()) return status;
  std::vector<Value> out;
  for (size_t i = 0; i < table.key_columns(); ++i) out.push_back(*std::move(key[i]));
  return out;
}

}  // namespace sut::cql
