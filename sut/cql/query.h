// SELECT: which cells to read, and what the rows made of them show.

#ifndef SUT_CQL_QUERY_H_
#define SUT_CQL_QUERY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/cql/schema.h"
#include "sut/cql/statement.h"
#include "sut/cql/where.h"
#include "sut/proto/service.pb.h"

namespace sut::cql {

struct QueryPlan {
  // What the keys to read begin with; empty: all tablets are read. A partition that is named is read alone.
  std::string key_prefix;
  std::vector<Restriction> restrictions;
  std::vector<size_t> columns;  // shown; unused for a count
  bool count = false;
  bool reversed = false;
  std::optional<int64_t> limit;
};

struct ResultSet {
  std::vector<std::string> names;
  std::vector<Row> rows;  // by `names`
};

// InvalidRequest if the statement does not fit the table.
absl::StatusOr<QueryPlan> PlanSelect(const Table& table, const Select& select);

// `cells`: all with the plan's prefix, each row's side by side. DataLoss if one is no cell of the table.
absl::StatusOr<ResultSet> Evaluate(const Table& table, const QueryPlan& plan, const std::vector<proto::Row>& cells);

}  // namespace sut::cql

#endif  // SUT_CQL_QUERY_H_
