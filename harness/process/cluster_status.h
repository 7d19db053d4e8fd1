// What the nodes of a cluster say of themselves: who leads, and whether anything is going on.
//
// Each node answers for itself at a moment of its own. So "quiet" is only as good as the moments are close: whoever
// needs to be sure asks before and after, and compares. Plain data.

#ifndef HARNESS_PROCESS_CLUSTER_STATUS_H_
#define HARNESS_PROCESS_CLUSTER_STATUS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/cluster/plan_ids.h"
#include "harness/plan/plan.pb.h"
#include "sut/proto/services.pb.h"

namespace holdfast::process {

class ClusterStatus {
 public:
  ClusterStatus(const plan::Plan& plan, const PlanIds& ids);

  void Set(uint32_t node, sut::proto::NodeStatus status);
  void Forget(uint32_t node) { nodes_.erase(node); }
  bool Knows(uint32_t node) const { return nodes_.contains(node); }

  // The leader of the highest term: one that was cut off may not know yet that it leads no more.
  std::optional<uint32_t> LeaderOf(uint32_t object) const;
  // The node is not asked to come to rest any more: its disk is damaged.
  void LeaveOut(uint32_t node) { left_out_.insert(node); }

  // Nothing is under way, and every replica has applied what its group has committed. `reasons` may be null.
  bool IsQuiet(std::vector<std::string>* reasons) const;
  // Replicas whose stores hold something that is not on their disks yet.
  struct Unflushed {
    uint32_t node;
    uint32_t object;
  };
  std::vector<Unflushed> NotFlushed() const;
  // Every replica stands where it stands in `other`.
  bool SamePositions(const ClusterStatus& other) const;

  // Who is in an object's group, in the order of replica ids, as the newest catalogue has it that was heard of; the
  // plan's nodes before there was any.
  const std::vector<uint32_t>& NodesOf(uint32_t object) const { return nodes_of_object_.at(object); }
  // Objects whose groups the newest catalogue wants to be others than they are.
  const std::set<uint32_t>& changing() const { return changing_; }

 private:
  using Replica = sut::proto::NodeStatus::Replica;
  void TakeGroups(const sut::proto::NodeStatus& status);
  // Null if the node is not known to host one.
  const Replica* ReplicaAt(uint32_t node, uint32_t object) const;
  // The plan drops its table, and none of its nodes, all of which answer, hosts it any more.
  bool IsGone(uint32_t object) const;
  bool GroupIsQuiet(uint32_t object, std::vector<std::string>* reasons) const;

  std::set<uint32_t> may_go_;                                  // objects of tables that the plan drops
  std::map<uint32_t, std::string> tablets_;                    // by object, as bytes
  std::map<std::string, uint32_t> objects_;                    // by tablet
  std::map<uint32_t, std::vector<uint32_t>> nodes_of_object_;  // the master's too
  std::set<uint32_t> changing_;
  uint64_t catalogue_index_ = 0;  // applied by the master's replica whose catalogue is the newest
  std::map<uint32_t, sut::proto::NodeStatus> nodes_;
  std::set<uint32_t> left_out_;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_CLUSTER_STATUS_H_
