#include "sut/cql/changes.h"

#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/cql/errors.h"
#include "sut/cql/row_codec.h"
#include "sut/cql/where.h"

namespace sut::cql {
namespace {

// No value: the cell is removed, since a null is no cell.
void SetCell(std::string key, const std::optional<Value>& value, proto::Write* write) {
  proto::Mutation* mutation = write->add_mutations();
  mutation->set_kind(value ? proto::Mutation::PUT : proto::Mutation::DELETE);
  mutation->set_key(std::move(key));
  if (value) mutation->set_value(EncodeCell(value));
}

void PutMarker(const std::string& row_key, proto::Write* write) {
  proto::Mutation* mutation = write->add_mutations();
  mutation->set_kind(proto::Mutation::PUT);
  mutation->set_key(CellKey(row_key, kRowMarker));
  mutation->set_value(EncodeCell(std::nullopt));
}

// What an assignment adds to its counter.
absl::StatusOr<int64_t> Delta(const Column& column, const Assignment& assignment) {
  if (assignment.counted != assignment.column) {
    return InvalidRequest(absl::StrCat("Only expressions of the form X = X +<value> are supported: ", column.name));
  }
  auto value = ToValue(assignment.value, column.name, column.type);
  if (!value.ok()) return value.status();
  if (!value->has_value())
    return InvalidRequest(absl::StrCat("Invalid null value for counter increment of ", column.name));
  const int64_t number = std::get<int64_t>(**value);
  if (assignment.kind == Assignment::Kind::kAdd) return number;
  if (number == std::numeric_limits<int64_t>::min()) {
    return InvalidRequest(absl::StrCat("The negation of ", number, " overflows supported counter precision"));
  }
  return -number;
}

absl::Status Assign(const Column& column, const Assignment& assignment, std::string key, proto::Write* write) {
  const bool counter = column.type == Type::kCounter;
  if (assignment.kind == Assignment::Kind::kSet) {
    if (counter) {
      return InvalidRequest(absl::StrCat("Cannot set the value of counter column ", column.name,
                                         " (counters can only be incremented/decremented, not set)"));
    }
    auto value = ToValue(assignment.value, column.name, column.type);
    if (!value.ok()) return value.status();
    SetCell(std::move(key), *value, write);
    return absl::OkStatus();
  }
  if (!counter) {
    return InvalidRequest(absl::StrCat("Invalid operation (", column.name, " = ", assignment.counted,
                                       assignment.kind == Assignment::Kind::kAdd ? " + " : " - ", assignment.value.text,
                                       ") for non counter column ", column.name));
  }
  const auto delta = Delta(column, assignment);
  if (!delta.ok()) return delta.status();
  proto::Mutation* mutation = write->add_mutations();
  mutation->set_kind(proto::Mutation::INCREMENT);
  mutation->set_key(std::move(key));
  mutation->set_delta(*delta);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<proto::Write> PlanInsert(const Table& table, const Insert& insert) {
  if (table.has_counters()) {
    return InvalidRequest("INSERT statements are not allowed on counter tables, use UPDATE instead");
  }
  if (insert.columns.size() != insert.values.size()) return InvalidRequest("Unmatched column names/values");
  Row row(table.columns.size());
  std::set<size_t> named;
  for (size_t i = 0; i < insert.columns.size(); ++i) {
    const auto column = FindColumn(table, insert.columns[i]);
    if (!column.ok()) return column.status();
    if (!named.insert(*column).second) return InvalidRequest("The column names contains duplicates");
    auto value = ToValue(insert.values[i], insert.columns[i], table.columns[*column].type);
    if (!value.ok()) return value.status();
    if (table.IsKey(*column) && !value->has_value()) {
      return InvalidRequest(absl::StrCat("Invalid null value in condition for column ", insert.columns[i]));
    }
    row[*column] = *std::move(value);
  }
  if (absl::Status status = CheckKeyIsWhole(table, row); !status.ok()) return status;
  std::vector<Value> key;
  for (size_t i = 0; i < table.key_columns(); ++i) key.push_back(*row[i]);
  const std::string row_key = EncodeRowKey(table, key);
  proto::Write write;
  PutMarker(row_key, &write);
  for (const size_t column : named) {
    if (!table.IsKey(column)) SetCell(CellKey(row_key, table.columns[column].name), row[column], &write);
  }
  return write;
}

absl::StatusOr<proto::Write> PlanUpdate(const Table& table, const Update& update) {
  const auto key = BindPrimaryKey(table, update.where);
  if (!key.ok()) return key.status();
  const std::string row_key = EncodeRowKey(table, *key);
  proto::Write write;
  std::set<size_t> set;
  for (const Assignment& assignment : update.assignments) {
    const auto column = FindColumn(table, assignment.column);
    if (!column.ok()) return column.status();
    if (table.IsKey(*column)) {
      return InvalidRequest(absl::StrCat("PRIMARY KEY part ", assignment.column, " found in SET part"));
    }
    if (!set.insert(*column).second) {
      return InvalidRequest(absl::StrCat("Multiple incompatible setting of column ", assignment.column));
    }
    const absl::Status status = Assign(table.columns[*column], assignment, CellKey(row_key, assignment.column), &write);
    if (!status.ok()) return status;
  }
  return write;
}

absl::StatusOr<proto::Write> PlanDelete(const Table& table, const Delete& change) {
  std::vector<std::string> columns = change.columns;
  for (const std::string& name : columns) {
    const auto column = FindColumn(table, name);
    if (!column.ok()) return column.status();
    if (table.IsKey(*column)) {
      return InvalidRequest(
          absl::StrCat("Invalid identifier ", name, " for deletion (should not be a PRIMARY KEY part)"));
    }
  }
  const auto key = BindPrimaryKey(table, change.where);
  if (!key.ok()) return key.status();
  if (columns.empty()) {
    columns.emplace_back(kRowMarker);
    for (size_t i = table.key_columns(); i < table.columns.size(); ++i) columns.push_back(table.columns[i].name);
  }
  const std::string row_key = EncodeRowKey(table, *key);
  proto::Write write;
  for (const std::string& name : columns) SetCell(CellKey(row_key, name), std::nullopt, &write);
  return write;
}

}  // namespace sut::cql
