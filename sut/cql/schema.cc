#include "sut/cql/schema.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "sut/base/check.h"
#include "sut/cql/errors.h"
#include "sut/cql/parser.h"

namespace sut::cql {
namespace {

constexpr size_t kNameMax = 48;
constexpr size_t kColumnNameMax = 255;
constexpr size_t kColumnsMax = 1000;

bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }

absl::Status CheckColumns(const CreateTable& statement) {
  if (statement.columns.size() > kColumnsMax) {
    return InvalidRequest(absl::StrCat("A table has at most ", kColumnsMax, " columns"));
  }
  std::set<std::string> names;
  for (const ColumnDefinition& column : statement.columns) {
    if (column.name.size() > kColumnNameMax) return InvalidRequest("A column's name is too long");
    if (!names.insert(column.name).second) {
      return InvalidRequest(absl::StrCat("Multiple definition of identifier ", column.name));
    }
  }
  return absl::OkStatus();
}

// Moves the definition of a key column over to the table's columns.
absl::Status TakeKeyColumn(const std::string& name, std::vector<ColumnDefinition>* rest, Table* table) {
  const auto found = std::find_if(rest->begin(), rest->end(), [&](const auto& column) { return column.name == name; });
  if (found == rest->end()) {
    const bool twice = table->Find(name).has_value();
    return InvalidRequest(twice ? absl::StrCat("Multiple definition of identifier ", name, " in the PRIMARY KEY")
                                : absl::StrCat("Unknown definition ", name, " referenced in PRIMARY KEY"));
  }
  if (found->type == Type::kCounter) {
    return InvalidRequest(absl::StrCat("counter type is not supported for PRIMARY KEY part ", name));
  }
  table->columns.push_back({.name = found->name, .type = found->type});
  rest->erase(found);
  return absl::OkStatus();
}

absl::Status CheckCounters(const std::vector<ColumnDefinition>& regular) {
  const auto counters = std::count_if(regular.begin(), regular.end(),
                                      [](const ColumnDefinition& column) { return column.type == Type::kCounter; });
  if (counters == 0 || counters == static_cast<ptrdiff_t>(regular.size())) return absl::OkStatus();
  return InvalidRequest("Cannot mix counter and non counter columns in the same table");
}

// All columns of the clustering key in its order, or none.
absl::Status SetClusteringOrder(const std::vector<Ordering>& order, Table* table) {
  if (order.empty()) return absl::OkStatus();
  for (size_t i = 0; i < order.size(); ++i) {
    const auto column = table->Find(order[i].column);
    if (!column || *column != table->partition_columns + i || !table->IsKey(*column)) {
      return InvalidRequest("CLUSTERING ORDER must name the columns of the clustering key in their order");
    }
    table->columns[*column].descending = order[i].descending;
  }
  if (order.size() == table->clustering_columns) return absl::OkStatus();
  return InvalidRequest("Missing CLUSTERING ORDER for column " +
                        table->columns[table->partition_columns + order.size()].name);
}

std::string ColumnLine(const Column& column) {
  return absl::StrCat("    ", QuotedName(column.name), " ", std::string(TypeName(column.type)));
}

std::string Names(const Table& table, size_t begin, size_t end) {
  std::vector<std::string> names;
  for (size_t i = begin; i < end; ++i) names.push_back(QuotedName(table.columns[i].name));
  return absl::StrJoin(names, ", ");
}

std::string PrimaryKeyLine(const Table& table) {
  std::string partition = Names(table, 0, table.partition_columns);
  if (table.partition_columns > 1) partition = absl::StrCat("(", partition, ")");
  const std::string clustering = Names(table, table.partition_columns, table.key_columns());
  return absl::StrCat("    PRIMARY KEY (", partition, clustering.empty() ? "" : ", ", clustering, ")");
}

}  // namespace

std::optional<size_t> Table::Find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return i;
  }
  return std::nullopt;
}

const Table* Schema::Find(const TableName& name) const {
  for (const Table& table : tables) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

absl::StatusOr<Table> MakeTable(const CreateTable& statement) {
  SUT_CHECK(!statement.table.keyspace.empty(), "a table of no keyspace");
  if (absl::Status status = CheckName(statement.table.name, "table"); !status.ok()) return status;
  if (absl::Status status = CheckColumns(statement); !status.ok()) return status;
  if (statement.partition_key.empty()) return InvalidRequest("No PRIMARY KEY specified (exactly one required)");
  Table table;
  table.name = statement.table;
  table.partition_columns = statement.partition_key.size();
  table.clustering_columns = statement.clustering_key.size();
  table.tablets = statement.tablets.value_or(kTabletsDefault);
  if (table.tablets < 1 || table.tablets > kTabletsMax) {
    return ConfigurationException(absl::StrCat("tablets must be from 1 to ", kTabletsMax));
  }
  std::vector<ColumnDefinition> rest = statement.columns;
  for (const auto* key : {&statement.partition_key, &statement.clustering_key}) {
    for (const std::string& name : *key) {
      if (absl::Status status = TakeKeyColumn(name, &rest, &table); !status.ok()) return status;
    }
  }
  if (absl::Status status = CheckCounters(rest); !status.ok()) return status;
  for (const ColumnDefinition& column : rest) table.columns.push_back({.name = column.name, .type = column.type});
  if (absl::Status status = SetClusteringOrder(statement.clustering_order, &table); !status.ok()) return status;
  return table;
}

absl::Status CheckName(std::string_view name, std::string_view what) {
  if (!name.empty() && name.size() <= kNameMax && std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    return absl::OkStatus();
  }
  return InvalidRequest(
      absl::StrCat("A ", std::string(what), " name has 1 to ", kNameMax, " letters, digits and underscores"));
}

std::string QuotedName(std::string_view name) {
  const bool plain = !name.empty() && absl::ascii_islower(name.front()) && !IsReserved(name) &&
                     std::all_of(name.begin(), name.end(), IsNameCharacter) &&
                     std::none_of(name.begin(), name.end(), absl::ascii_isupper);
  if (plain) return std::string(name);
  return absl::StrCat("\"", absl::StrReplaceAll(std::string(name), {{"\"", "\"\""}}), "\"");
}

std::string QuotedName(const TableName& name) {
  return absl::StrCat(QuotedName(name.keyspace), ".", QuotedName(name.name));
}

std::string CreateText(const Table& table) {
  std::string out = absl::StrCat("CREATE TABLE ", QuotedName(table.name), " (\n");
  std::vector<std::string> lines;
  for (const Column& column : table.columns) lines.push_back(ColumnLine(column));
  if (table.key_columns() == 1) {
    lines.front() += " PRIMARY KEY";
  } else {
    lines.push_back(PrimaryKeyLine(table));
  }
  std::vector<std::string> options;
  for (size_t i = table.partition_columns; i < table.key_columns(); ++i) {
    options.push_back(absl::StrCat(QuotedName(table.columns[i].name), table.columns[i].descending ? " DESC" : " ASC"));
  }
  const std::string order = absl::StrJoin(options, ", ");
  absl::StrAppend(&out, absl::StrJoin(lines, ",\n"), "\n) WITH ",
                  order.empty() ? "" : absl::StrCat("CLUSTERING ORDER BY (", order, ")\n    AND "),
                  "tablets = ", table.tablets, ";");
  return out;
}

std::string CreateText(const std::string& keyspace) {
  return absl::StrCat("CREATE KEYSPACE ", QuotedName(keyspace), ";");
}

}  // namespace sut::cql
