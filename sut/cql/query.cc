#include "sut/cql/query.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/cql/errors.h"
#include "sut/cql/row_codec.h"

namespace sut::cql {
namespace {

absl::StatusOr<std::vector<size_t>> ShownColumns(const Table& table, const Select& select) {
  std::vector<size_t> out;
  for (const std::string& name : select.columns) {
    const auto column = FindColumn(table, name);
    if (!column.ok()) return column.status();
    out.push_back(*column);
  }
  if (!select.columns.empty()) return out;
  for (size_t i = 0; i < table.columns.size(); ++i) out.push_back(i);
  return out;
}

// Rows of a partition lie in the order of the clustering key, so that it, or its reverse, is all there can be.
absl::StatusOr<bool> IsReversed(const Table& table, const Select& select, bool one_partition) {
  if (select.order_by.empty()) return false;
  if (!one_partition) {
    return InvalidRequest("ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
  }
  std::optional<bool> reversed;
  for (size_t i = 0; i < select.order_by.size(); ++i) {
    const Ordering& ordering = select.order_by[i];
    const auto column = FindColumn(table, ordering.column);
    if (!column.ok()) return column.status();
    if (table.IsPartition(*column) || !table.IsKey(*column)) {
      return InvalidRequest(
          absl::StrCat("Order by is currently only supported on the clustered columns of the "
                       "PRIMARY KEY, got ",
                       ordering.column));
    }
    if (*column != table.partition_columns + i) {
      return InvalidRequest(
          "Order by currently only supports the ordering of columns following their declared order "
          "in the PRIMARY KEY");
    }
    const bool against = ordering.descending != table.columns[*column].descending;
    if (reversed.value_or(against) != against) return InvalidRequest("Unsupported order by relation");
    reversed = against;
  }
  return *reversed;
}

// Puts cells, as they come, together to rows.
class RowBuilder {
 public:
  explicit RowBuilder(const Table& table) : table_(table) {}

  absl::Status Add(const proto::Row& cell) {
    auto parts = DecodeCellKey(table_, cell.key());
    if (!parts.ok()) return parts.status();
    if (rows_.empty() || parts->row_key != row_key_) {
      row_key_ = std::string(parts->row_key);
      Row& row = rows_.emplace_back(table_.columns.size());
      std::move(parts->values.begin(), parts->values.end(), row.begin());
    }
    if (parts->column == kRowMarker) return absl::OkStatus();
    const auto column = table_.Find(parts->column);
    if (!column || table_.IsKey(*column)) {
      return absl::DataLossError(absl::StrCat("table ", QuotedName(table_.name), " holds a cell of no column"));
    }
    auto value = DecodeCell(table_.columns[*column].type, cell.value());
    if (!value.ok()) return value.status();
    rows_.back()[*column] = *std::move(value);
    return absl::OkStatus();
  }

  std::vector<Row> TakeRows() { return std::move(rows_); }

 private:
  const Table& table_;
  std::string row_key_;  // of the last row
  std::vector<Row> rows_;
};

// Of a count only the one row of the result could be cut off, which LIMIT never does.
ResultSet CountOf(const std::vector<Row>& rows) { return {{"count"}, {{Value(static_cast<int64_t>(rows.size()))}}}; }

}  // namespace

absl::StatusOr<QueryPlan> PlanSelect(const Table& table, const Select& select) {
  QueryPlan plan;
  auto columns = ShownColumns(table, select);
  if (!columns.ok()) return columns.status();
  plan.columns = *std::move(columns);
  plan.count = select.count;
  auto restrictions = Bind(table, select.where);
  if (!restrictions.ok()) return restrictions.status();
  plan.restrictions = *std::move(restrictions);
  const std::vector<Value> prefix = EqualKeyPrefix(table, plan.restrictions);
  const bool one_partition = prefix.size() >= table.partition_columns;
  if (one_partition) plan.key_prefix = EncodeKeyPrefix(table, prefix);
  const auto reversed = IsReversed(table, select, one_partition);
  if (!reversed.ok()) return reversed.status();
  plan.reversed = *reversed;
  if (select.limit && *select.limit < 1) return InvalidRequest("LIMIT must be strictly positive");
  plan.limit = select.limit;
  return plan;
}

absl::StatusOr<ResultSet> Evaluate(const Table& table, const QueryPlan& plan, const std::vector<proto::Row>& cells) {
  RowBuilder builder(table);
  for (const proto::Row& cell : cells) {
    if (absl::Status status = builder.Add(cell); !status.ok()) return status;
  }
  std::vector<Row> rows = builder.TakeRows();
  std::erase_if(rows, [&plan](const Row& row) { return !Fits(row, plan.restrictions); });
  if (plan.count) return CountOf(rows);
  if (plan.reversed) std::reverse(rows.begin(), rows.end());
  if (plan.limit && rows.size() > static_cast<size_t>(*plan.limit)) rows.resize(static_cast<size_t>(*plan.limit));
  ResultSet out;
  for (const size_t column : plan.columns) out.names.push_back(table.columns[column].name);
  for (const Row& row : rows) {
    Row& shown = out.rows.emplace_back();
    for (const size_t column : plan.columns) shown.push_back(row[column]);
  }
  return out;
}

}  // namespace sut::cql
