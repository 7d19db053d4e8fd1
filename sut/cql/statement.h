// What a statement says, as the parser found it: names are as written, and nothing has been looked up yet.

#ifndef SUT_CQL_STATEMENT_H_
#define SUT_CQL_STATEMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sut/cql/literal.h"
#include "sut/cql/value.h"

namespace sut::cql {

struct TableName {
  std::string keyspace;  // empty: the current one
  std::string name;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

struct CreateKeyspace {
  std::string name;
  bool if_not_exists = false;
  bool operator==(const CreateKeyspace&) const = default;
};

struct DropKeyspace {
  std::string name;
  bool if_exists = false;
  bool operator==(const DropKeyspace&) const = default;
};

struct ColumnDefinition {
  std::string name;
  Type type = Type::kInt;
  bool operator==(const ColumnDefinition&) const = default;
};

struct Ordering {
  std::string column;
  bool descending = false;
  bool operator==(const Ordering&) const = default;
};

struct CreateTable {
  TableName table;
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;  // in the order of the statement
  std::vector<std::string> partition_key;
  std::vector<std::string> clustering_key;
  std::vector<Ordering> clustering_order;  // empty: all ascending
  std::optional<int64_t> tablets;
  bool operator==(const CreateTable&) const = default;
};

struct DropTable {
  TableName table;
  bool if_exists = false;
  bool operator==(const DropTable&) const = default;
};

struct Use {
  std::string keyspace;
  bool operator==(const Use&) const = default;
};

enum class Operator { kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

struct Relation {
  std::string column;
  Operator op = Operator::kEqual;
  Literal value;
  bool operator==(const Relation&) const = default;
};

struct Insert {
  TableName table;
  std::vector<std::string> columns;
  std::vector<Literal> values;
  bool operator==(const Insert&) const = default;
};

// column = value, column = counted + value or column = counted - value.
struct Assignment {
  enum class Kind { kSet, kAdd, kSubtract };
  std::string column;
  Kind kind = Kind::kSet;
  std::string counted;  // empty for kSet
  Literal value;
  bool operator==(const Assignment&) const = default;
};

struct Update {
  TableName table;
  std::vector<Assignment> assignments;
  std::vector<Relation> where;
  bool operator==(const Update&) const = default;
};

struct Delete {
  TableName table;
  std::vector<std::string> columns;  // empty: the row
  std::vector<Relation> where;
  bool operator==(const Delete&) const = default;
};

struct Select {
  TableName table;
  bool count = false;                // COUNT(*)
  std::vector<std::string> columns;  // empty and not `count`: *
  std::vector<Relation> where;
  std::vector<Ordering> order_by;
  std::optional<int64_t> limit;
  bool operator==(const Select&) const = default;
};

struct Describe {
  enum class What { kKeyspaces, kKeyspace, kTables, kTable };
  What what = What::kKeyspaces;
  TableName table;  // kKeyspace: its keyspace, empty for the current one
  bool operator==(const Describe&) const = default;
};

using Statement =
    std::variant<CreateKeyspace, DropKeyspace, CreateTable, DropTable, Use, Insert, Update, Delete, Select, Describe>;

}  // namespace sut::cql

#endif  // SUT_CQL_STATEMENT_H_
