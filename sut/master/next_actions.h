// What is still to be done in the cluster so that it becomes what the catalogue says: the reconciler's pure half.
//
// Contract: NextActions depends on nothing but the catalogue, so a new leader starts where the old one stopped. Every
// action is idempotent: tablets remember by id what they did, nodes what they host. It may be made twice, late, or by a
// leader that was deposed meanwhile.

#ifndef SUT_MASTER_NEXT_ACTIONS_H_
#define SUT_MASTER_NEXT_ACTIONS_H_

#include <compare>
#include <cstdint>
#include <optional>
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

// To the leader of a tablet: commit that it serves no rows any more.
struct CloseCall {
  TableId table;
  TabletId tablet;

  friend auto operator<=>(const CloseCall&, const CloseCall&) = default;
};

// To the leader of a tablet: change its group by this replica.
struct GroupCall {
  proto::ChangeGroup::Kind kind = proto::ChangeGroup::ADD_LEARNER;
  TableId table;
  TabletId tablet;
  ReplicaId replica;
  NodeId node;
  uint64_t version = 0;

  friend auto operator<=>(const GroupCall&, const GroupCall&) = default;
};

// To a node: host this replica, or remove it for good. Of all replicas of a new or dropped table, or of one that joins
// or has left its group.
struct ReplicaCall {
  enum class Kind : uint8_t { kHost, kRemove, kHostJoining, kRemoveLeft };
  Kind kind = Kind::kHost;
  TableId table;
  TabletId tablet;
  ReplicaId replica;
  NodeId node;

  friend auto operator<=>(const ReplicaCall&, const ReplicaCall&) = default;
};

using Action = std::variant<TabletCall, CloseCall, ReplicaCall, GroupCall>;

// The actions that are due, in a fixed order and without repetition.
std::vector<Action> NextActions(const CatalogueState& state);

// The request that asks for an action; it carries no request id.
proto::Request RequestFor(const CatalogueState& state, const Action& action);
// The tablet whose leader is asked; none if a certain node is.
std::optional<TabletId> AskedTablet(const Action& action);
// The catalogue command that says that a tablet has committed its part, at `op`. REQUIRES: AskedTablet names one.
proto::CatalogueCommand DoneCommand(const Action& action, const proto::OpId& op);
// Whether this is said of a table once all its replicas have answered.
bool IsForWholeTable(const ReplicaCall& call);
// The catalogue command that says that this has been answered: by all replicas of the table, or by this one.
proto::CatalogueCommand HostingDoneCommand(const ReplicaCall& call);
// Names an action by what it is.
uint64_t ActionIdentity(const Action& action);

}  // namespace sut

#endif  // SUT_MASTER_NEXT_ACTIONS_H_
