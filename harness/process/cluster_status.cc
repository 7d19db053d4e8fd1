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
    objects_[tablets_[object]] = object;
    nodes_of_object_[object] = NodesOfObject(plan, object);
  };
  const std::set<uint32_t> dropped = TablesDroppedBy(plan);
  for (uint32_t object = 0; object < ids.object_count(); ++object) {
    add(object);
    if (dropped.contains(ids.TableOfObject(object))) may_go_.insert(object);
  }
  add(check::kMasterObject);
}

void ClusterStatus::Set(uint32_t node, sut::proto::NodeStatus status) {
  nodes_[node] = std::move(status);
  const Replica* master = ReplicaAt(node, check::kMasterObject);
  if (master == nullptr || master->applied().index() < catalogue_index_) return;
  catalogue_index_ = master->applied().index();
  TakeGroups(nodes_[node]);
}

void ClusterStatus::TakeGroups(const sut::proto::NodeStatus& status) {
  using sut::proto::ReplicaInfo;
  changing_.clear();
  for (const sut::proto::NodeStatus::Group& group : status.groups()) {
    const auto object = objects_.find(group.tablet());
    if (object == objects_.end()) continue;
    std::map<uint64_t, uint32_t> members;
    for (const ReplicaInfo& replica : group.replicas()) {
      if (replica.role() != ReplicaInfo::VOTER) changing_.insert(object->second);
      if (replica.role() != ReplicaInfo::REMOVED) members[replica.replica()] = replica.node();
    }
    std::vector<uint32_t>& nodes = nodes_of_object_[object->second];
    nodes.clear();
    for (const auto& [replica, node] : members) nodes.push_back(node);
  }
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
  for (const auto& [node, status] : nodes_) {
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
  return std::all_of(NodesOf(object).begin(), NodesOf(object).end(), [&](uint32_t node) {
    return left_out_.contains(node) || (Knows(node) && ReplicaAt(node, object) == nullptr);
  });
}

bool ClusterStatus::GroupIsQuiet(uint32_t object, std::vector<std::string>* reasons) const {
  bool quiet = true;
  const auto disturb = [&](auto&&... parts) {
    if (reasons != nullptr) reasons->push_back(absl::StrCat(ObjectName(object), ": ", parts...));
    quiet = false;
  };
  if (IsGone(object)) return quiet;
  if (changing_.contains(object)) disturb("the catalogue asks for a change of the group that is not made");
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
