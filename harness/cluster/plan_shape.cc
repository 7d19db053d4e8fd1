// Replica ids differ from node numbers and between groups, so that code which confuses them is found out.

#include "harness/cluster/plan_shape.h"

#include "absl/strings/str_cat.h"
#include "harness/check/inspection.h"
#include "harness/plan/keys.h"
#include "harness/plan/validate.h"
#include "sut/base/bugs.h"

namespace holdfast {

namespace {

// Takes a plan's value over a default; 0 means the default.
template <typename Value>
void Take(uint64_t planned, Value* value) {
  if (planned != 0) *value = static_cast<Value>(planned);
}

constexpr uint64_t kReplicasPerObject = 1000;

}  // namespace

absl::StatusOr<sut::NodeOptions> NodeOptionsOf(const plan::Plan& plan) {
  const plan::Options& from = plan.options();
  sut::NodeOptions options;
  Take(from.tick_us(), &options.tick_us);
  Take(from.heartbeat_ticks(), &options.heartbeat_ticks);
  Take(from.election_ticks(), &options.election_ticks);
  Take(from.entries_per_append_max(), &options.entries_per_append_max);
  Take(from.appends_in_flight_max(), &options.appends_in_flight_max);
  Take(from.log_retention_entries(), &options.log_retention_entries);
  Take(from.flush_after_entries(), &options.flush_after_entries);
  Take(from.compact_after_files(), &options.compact_after_files);
  Take(from.scan_page_rows(), &options.scan_page_rows);
  Take(from.install_chunk_bytes(), &options.install_chunk_bytes);
  Take(from.reconcile_interval_us(), &options.reconcile_interval_us);
  Take(from.tablet_call_timeout_us(), &options.tablet_call_timeout_us);
  Take(from.snapshot_timeout_us(), &options.snapshot_timeout_us);
  Take(from.attempt_timeout_us(), &options.attempt_timeout_us);
  for (const std::string& name : plan.bugs()) {
    const std::optional<sut::Bug> bug = sut::BugFromName(name);
    if (!bug.has_value()) return absl::InvalidArgumentError(absl::StrCat("no planted bug is named ", name));
    options.bugs.Plant(*bug);
  }
  return options;
}

std::vector<sut::NodeId> MasterMembers(const plan::Plan& plan) {
  std::vector<sut::NodeId> members;
  for (uint32_t node = 1; node <= plan::MasterCount(plan.shape()); ++node) members.push_back({node});
  return members;
}

std::vector<uint32_t> NodesOfObject(const plan::Plan& plan, uint32_t object) {
  std::vector<uint32_t> nodes;
  const uint32_t node_count = plan.shape().nodes();
  if (object == check::kMasterObject) {
    for (uint32_t node = 1; node <= plan::MasterCount(plan.shape()); ++node) nodes.push_back(node);
    return nodes;
  }
  for (uint32_t i = 0; i < plan.shape().replication_factor(); ++i) nodes.push_back((object + i) % node_count + 1);
  return nodes;
}

std::set<uint32_t> TablesDroppedBy(const plan::Plan& plan) {
  std::set<uint32_t> tables;
  for (const plan::Step& step : plan.steps()) {
    if (step.table().has_drop()) tables.insert(step.table().drop().table());
  }
  return tables;
}

sut::proto::TableInfo TableOf(const plan::Plan& plan, const PlanIds& ids, uint32_t table) {
  sut::proto::TableInfo info;
  info.set_id(sut::Bytes(ids.Table(table)));
  info.set_keyspace("holdfast");
  info.set_name(absl::StrCat("table", table));
  info.set_state(sut::proto::TableInfo::CREATING);
  const uint32_t tablets = plan.shape().tablets_per_table();
  for (uint32_t ordinal = 0; ordinal < tablets; ++ordinal) {
    const uint32_t object = table * tablets + ordinal;
    const sut::HashRange range = plan::RangeOf(plan.shape(), table, ordinal);
    sut::proto::TabletInfo* tablet = info.add_tablets();
    tablet->set_id(sut::Bytes(ids.Tablet(object)));
    tablet->set_hash_begin(range.begin);
    tablet->set_hash_end(range.end);
    for (const uint32_t node : NodesOfObject(plan, object)) {
      sut::proto::ReplicaInfo* replica = tablet->add_replicas();
      replica->set_node(node);
      replica->set_replica(kReplicasPerObject * (object + 1) + node);
    }
  }
  return info;
}

}  // namespace holdfast
