// What is still to be done in the cluster so that it becomes what the catalogue says: the reconciler's pure half.
//
// Contract: NextActions depends on nothing but the catalogue, so a new leader starts where the old one stopped. Every
// action is idempotent: tablets remember by id what they did, nodes what they host. It may be made twice, late, or by a
// leader that was deposed meanwhile.

#ifndef SUT_MASTER_NEXT_ACTIONS_H_
#define SUT_MASTER_NEXT_ACTIONS_H_

#include <compare>
#include <cstdint>
#include <variant>
#include <vector>

#include "sut/base/ids.h"
#include "sut/master/catalogue_state.h"

namespace sut {

// To the leader of a tablet: commit this snapshot operation.
struct TabletCall {
  proto::TabletSnapshotOp::Kind kind = proto::TabletSnapshotOp::CREATE;
  SnapshotId snapshot;
  RestorationId restoration;  // nil unless kind is RESTORE
  TabletId tablet;

  friend auto operator<=>(const TabletCall&, const TabletCall&) = default;
};

// To a node: host this replica.
struct ReplicaCall {
  TableId table;
  TabletId tablet;
  ReplicaId replica;
  NodeId node;

  friend auto operator<=>(const ReplicaCall&, const ReplicaCall&) = default;
};

using Action = std::variant<TabletCall, ReplicaCall>;

// The actions that are due, in a fixed order and without repetition.
std::vector<Action> NextActions(const CatalogueState& state);

// The request that asks for an action; it carries no request id.
proto::Request RequestFor(const CatalogueState& state, const Action& action);
// The catalogue command that says that a tablet has committed its part, at `op`.
proto::CatalogueCommand DoneCommand(const TabletCall& call, const proto::OpId& op);
// Names an action by what it is.
uint64_t ActionIdentity(const Action& action);

}  // namespace sut

#endif  // SUT_MASTER_NEXT_ACTIONS_H_
