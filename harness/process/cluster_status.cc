#include "harness/process/cluster_status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "harness/check/inspection.h"
#include "harness/cluster/plan_shape.h"

namespace holdfast::process {
namespace {

std::string ObjectName(uint32_t object) {
  return object == check::kMasterObject ? "the master" : absl::StrCat("tablet ", object);
}

}  // namespace

ClusterStatus::ClusterStatus(const plan::Plan& plan, const PlanIds& ids) {
  const auto add = [&](uint32_t object) {
    tablets_[object] = sut::Bytes(ids.Tablet(object));
    nodes_of_object_[object] = NodesOfObject(plan, object);
  };
  const std::set<uint32_t> dropped = TablesDroppedBy(plan);
  for (uint32_t object = 0; object < ids.object_count(); ++object) {
    add(object);
    if (dropped.contains(ids.TableOfObject(object))) may_go_.insert(object);
  }
  add(check::kMasterObject);
}

const ClusterStatus::Replica* ClusterStatus::ReplicaAt(uint32_t node, uint32_t object) const {
  const auto status = nodes_.find(node);
  if (status == nodes_.end()) return nullptr;
  const std::string& tablet = tablets_.at(object);
  const auto& replicas = status->second.replicas();
  const auto found = std::find_if(replicas.begin(), replicas.end(),
                                  [&](const Replica& replica) { return replica.tablet() == tablet; });
  return found == replicas.end() ? nullptr : &*found;
}

std::optional<uint32_t> ClusterStatus::LeaderOf(uint32_t object) const {
  std::optional<uint32_t> leader;
  uint64_t leader_term = 0;
  for (const uint32_t node : NodesOf(object)) {
    const Replica* replica = ReplicaAt(node, object);
    if (replica == nullptr || !replica->leads() || replica->term() <= leader_term) continue;
    leader = node;
    leader_term = replica->term();
  }
  return leader;
}

bool ClusterStatus::IsQuiet(std::vector<std::string>* reasons) const {
  bool quiet = true;
  for (const auto& [object, nodes] : nodes_of_object_) quiet = GroupIsQuiet(object, reasons) && quiet;
  return quiet;
}

bool ClusterStatus::IsGone(uint32_t object) const {
  if (!may_go_.contains(object)) return false;
  return std::all_of(NodesOf(object).begin(), NodesOf(object).end(),
                     [&](uint32_t node) { return Knows(node) && ReplicaAt(node, object) == nullptr; });
}

bool ClusterStatus::GroupIsQuiet(uint32_t object, std::vector<std::string>* reasons) const {
  bool quiet = true;
  const auto disturb = [&](auto&&... parts) {
    if (reasons != nullptr) reasons->push_back(absl::StrCat(ObjectName(object), ": ", parts...));
    quiet = false;
  };
  if (IsGone(object)) return quiet;
  const std::optional<uint32_t> leader_node = LeaderOf(object);
  if (!leader_node) {
    disturb("no leader");
    return quiet;
  }
  const Replica& leader = *ReplicaAt(*leader_node, object);
  if (leader.commit() != leader.last().index()) disturb("uncommitted entries on node ", *leader_node);
  for (const uint32_t node : NodesOf(object)) {
    if (left_out_.contains(node)) continue;
    const Replica* replica = ReplicaAt(node, object);
    if (replica == nullptr) {
      disturb("no replica answers on node ", node);
    } else if (replica->applied().index() != leader.commit()) {
      disturb("node ", node, " has applied ", replica->applied().index(), " of ", leader.commit(),
              replica->out_of_service() ? ", out of service" : "");
    } else if (!replica->idle()) {
      disturb("node ", node, " is busy");
    }
  }
  return quiet;
}

std::vector<ClusterStatus::Unflushed> ClusterStatus::NotFlushed() const {
  std::vector<Unflushed> behind;
  for (const auto& [object, nodes] : nodes_of_object_) {
    for (const uint32_t node : nodes) {
      const Replica* replica = left_out_.contains(node) ? nullptr : ReplicaAt(node, object);
      if (replica != nullptr && replica->flushed().index() != replica->applied().index()) {
        behind.push_back({node, object});
      }
    }
  }
  return behind;
}

bool ClusterStatus::SamePositions(const ClusterStatus& other) const {
  for (const auto& [object, nodes] : nodes_of_object_) {
    for (const uint32_t node : nodes) {
      if (left_out_.contains(node)) continue;
      const Replica* here = ReplicaAt(node, object);
      const Replica* there = other.ReplicaAt(node, object);
      if (here == nullptr && there == nullptr && may_go_.contains(object)) continue;
      if (here == nullptr || there == nullptr) return false;
      if (here->term() != there->term() || here->leads() != there->leads() ||
          here->applied().index() != there->applied().index() || here->last().index() != there->last().index() ||
          here->flushed().index() != there->flushed().index()) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace holdfast::process
