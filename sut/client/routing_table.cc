#include "sut/client/routing_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"

namespace sut {
namespace {

absl::StatusOr<RoutingTable::Tablet> ParseTablet(const proto::TabletInfo& info, uint32_t covered) {
  const auto id = IdFromBytes<TabletId>(info.id());
  if (!id.ok()) return id.status();
  if (info.hash_begin() != covered || info.hash_end() <= covered || info.replicas().empty()) {
    return absl::InvalidArgumentError(absl::StrCat("tablet ", Hex(*id), " leaves a gap, or has no replica"));
  }
  RoutingTable::Tablet tablet;
  tablet.target.tablet = *id;
  tablet.range = HashRange{.begin = info.hash_begin(), .end = info.hash_end()};
  for (const auto& replica : info.replicas()) tablet.target.replicas.push_back(NodeId{replica.node()});
  return tablet;
}

absl::StatusOr<RoutingTable::Table> ParseTable(const proto::TableInfo& info) {
  const auto id = IdFromBytes<TableId>(info.id());
  if (!id.ok()) return id.status();
  RoutingTable::Table table;
  table.id = *id;
  table.keyspace = info.keyspace();
  table.name = info.name();
  table.running = info.state() == proto::TableInfo::RUNNING;
  uint32_t covered = 0;
  for (const auto& tablet_info : info.tablets()) {
    auto tablet = ParseTablet(tablet_info, covered);
    if (!tablet.ok()) return tablet.status();
    covered = tablet->range.end;
    table.tablets.push_back(*std::move(tablet));
  }
  if (covered != kHashSpace) {
    return absl::InvalidArgumentError(absl::StrCat("table ", table.name, " does not cover the hash space"));
  }
  return table;
}

}  // namespace

absl::StatusOr<RoutingTable> RoutingTable::FromTableList(const proto::Reply::TableList& list) {
  RoutingTable out;
  for (const auto& info : list.tables()) {
    auto table = ParseTable(info);
    if (!table.ok()) return table.status();
    const TableId id = table->id;
    if (!out.tables_.emplace(id, *std::move(table)).second) {
      return absl::InvalidArgumentError(absl::StrCat("table ", Hex(id), " is listed twice"));
    }
  }
  return out;
}

const RoutingTable::Table* RoutingTable::Find(TableId table) const {
  const auto found = tables_.find(table);
  return found == tables_.end() ? nullptr : &found->second;
}

const RoutingTable::Table* RoutingTable::FindByName(std::string_view keyspace, std::string_view name) const {
  for (const auto& [id, table] : tables_) {
    if (table.keyspace == keyspace && table.name == name) return &table;
  }
  return nullptr;
}

const CallTarget* RoutingTable::Route(TableId table, std::string_view key) const {
  const Table* found = Find(table);
  if (found == nullptr) return nullptr;
  const uint32_t hash = PartitionHash(key);
  for (const Tablet& tablet : found->tablets) {
    if (tablet.range.contains(hash)) return &tablet.target;
  }
  SUT_CHECK(false, "the tablets of a table leave a gap");
}

}  // namespace sut
