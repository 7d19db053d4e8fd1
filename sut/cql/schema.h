// Tables with typed columns: what CREATE TABLE makes and everything else looks up.

#ifndef SUT_CQL_SCHEMA_H_
#define SUT_CQL_SCHEMA_H_

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/cql/statement.h"
#include "sut/cql/value.h"

namespace sut::cql {

struct Column {
  std::string name;
  Type type = Type::kInt;
  bool descending = false;  // Invariant: set for columns of the clustering key only
  friend bool operator==(const Column&, const Column&) = default;
};

struct Table {
  TableName name;
  // Invariant: the partition key first, then the clustering key, both in the order of the key; then all others. There
  // is a partition key, and names differ.
  std::vector<Column> columns;
  size_t partition_columns = 0;
  size_t clustering_columns = 0;
  int64_t tablets = 0;

  size_t key_columns() const { return partition_columns + clustering_columns; }
  bool IsPartition(size_t column) const { return column < partition_columns; }
  bool IsKey(size_t column) const { return column < key_columns(); }
  // Invariant: of the columns outside the key, all are counters or none is.
  bool has_counters() const { return columns.back().type == Type::kCounter; }
  std::optional<size_t> Find(std::string_view column) const;
  friend bool operator==(const Table&, const Table&) = default;
};

struct Schema {
  std::set<std::string> keyspaces;
  std::vector<Table> tables;

  const Table* Find(const TableName& name) const;
};

inline constexpr int64_t kTabletsDefault = 2;
inline constexpr int64_t kTabletsMax = 64;

// The table that the statement asks for; an error in the words of cqlsh if it makes no sense.
// REQUIRES: the statement names a keyspace.
absl::StatusOr<Table> MakeTable(const CreateTable& statement);
// What may stand in a path, too: up to 48 letters, digits and underscores. `what`: "keyspace" or "table".
absl::Status CheckName(std::string_view name, std::string_view what);

// The name as a statement must write it: in quotes where it is no plain name.
std::string QuotedName(std::string_view name);
std::string QuotedName(const TableName& name);
// The statements that make them.
std::string CreateText(const Table& table);
std::string CreateText(const std::string& keyspace);

}  // namespace sut::cql

#endif  // SUT_CQL_SCHEMA_H_
