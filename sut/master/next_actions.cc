#include "sut/master/next_actions.h"

#include <optional>
#include <string>

#include "sut/base/check.h"
#include "sut/base/prng.h"

namespace sut {
namespace {

using proto::RestorationInfo;
using proto::SnapshotInfo;
using proto::TableInfo;
using proto::TabletSnapshotOp;

// Ids in the catalogue's objects were validated before they got there.
template <typename Id>
Id StoredId(const std::string& bytes) {
  const auto id = IdFromBytes<Id>(bytes);
  SUT_CHECK(id.ok(), "the catalogue holds a malformed id");
  return *id;
}

// What a snapshot in this state asks of its tablets, if anything.
std::optional<TabletSnapshotOp::Kind> KindFor(SnapshotInfo::State state) {
  switch (state) {
    case SnapshotInfo::CREATING:
      return TabletSnapshotOp::CREATE;
    case SnapshotInfo::FAILING:
      return TabletSnapshotOp::ABORT_CREATE;
    case SnapshotInfo::DELETING:
      return TabletSnapshotOp::DROP;
    default:
      return std::nullopt;
  }
}

// The state in which a call of this kind is made.
uint32_t StateFor(TabletSnapshotOp::Kind kind) {
  switch (kind) {
    case TabletSnapshotOp::ABORT_CREATE:
      return SnapshotInfo::FAILING;
    case TabletSnapshotOp::DROP:
      return SnapshotInfo::DELETING;
    case TabletSnapshotOp::RESTORE:
      return RestorationInfo::RESTORING;
    default:
      return SnapshotInfo::CREATING;
  }
}

void AddReplicaCalls(TableId id, const TableInfo& table, std::vector<Action>* actions) {
  for (const auto& tablet : table.tablets()) {
    for (const auto& replica : tablet.replicas()) {
      actions->push_back(ReplicaCall{.table = id,
                                     .tablet = StoredId<TabletId>(tablet.id()),
                                     .replica = ReplicaId{replica.replica()},
                                     .node = NodeId{replica.node()}});
    }
  }
}

proto::Request TabletRequest(const TabletCall& call) {
  proto::Request request;
  request.set_tablet(Bytes(call.tablet));
  TabletSnapshotOp* op = request.mutable_snapshot();
  op->set_kind(call.kind);
  op->set_snapshot(Bytes(call.snapshot));
  if (!call.restoration.is_nil()) op->set_restoration(Bytes(call.restoration));
  return request;
}

proto::Request ReplicaRequest(const CatalogueState& state, const ReplicaCall& call) {
  const proto::TabletInfo* tablet = FindTablet(state, call.tablet);
  SUT_CHECK(tablet != nullptr, "a replica of a tablet that no table has");
  proto::Request request;
  request.set_tablet(Bytes(call.tablet));
  proto::CreateReplica* create = request.mutable_create_replica();
  create->set_table(Bytes(call.table));
  *create->mutable_tablet() = *tablet;
  create->set_replica(call.replica.value);
  return request;
}

}  // namespace

std::vector<Action> NextActions(const CatalogueState& state) {
  std::vector<Action> actions;
  for (const auto& [id, table] : state.tables) {
    if (table.state() == TableInfo::CREATING) AddReplicaCalls(id, table, &actions);
  }
  for (const auto& [id, snapshot] : state.snapshots) {
    const auto kind = KindFor(snapshot.state());
    if (!kind) continue;
    for (const auto& tablet : snapshot.tablets()) {
      if (tablet.done()) continue;
      actions.push_back(
          TabletCall{.kind = *kind, .snapshot = id, .restoration = {}, .tablet = StoredId<TabletId>(tablet.tablet())});
    }
  }
  for (const auto& [id, restoration] : state.restorations) {
    if (restoration.state() != RestorationInfo::RESTORING) continue;
    for (const auto& tablet : restoration.tablets()) {
      if (tablet.done()) continue;
      actions.push_back(TabletCall{.kind = TabletSnapshotOp::RESTORE,
                                   .snapshot = StoredId<SnapshotId>(restoration.snapshot()),
                                   .restoration = id,
                                   .tablet = StoredId<TabletId>(tablet.tablet())});
    }
  }
  return actions;
}

proto::Request RequestFor(const CatalogueState& state, const Action& action) {
  if (const auto* call = std::get_if<TabletCall>(&action)) return TabletRequest(*call);
  return ReplicaRequest(state, std::get<ReplicaCall>(action));
}

proto::CatalogueCommand DoneCommand(const TabletCall& call, const proto::OpId& op) {
  proto::CatalogueCommand command;
  auto* done = command.mutable_tablet_done();
  if (call.kind == TabletSnapshotOp::RESTORE) {
    done->set_restoration(Bytes(call.restoration));
  } else {
    done->set_snapshot(Bytes(call.snapshot));
  }
  done->set_tablet(Bytes(call.tablet));
  *done->mutable_op() = op;
  done->set_expected_state(StateFor(call.kind));
  return command;
}

uint64_t ActionIdentity(const Action& action) {
  if (const auto* call = std::get_if<TabletCall>(&action)) {
    return Mix({1, static_cast<uint64_t>(call->kind), call->snapshot.hi, call->snapshot.lo, call->restoration.hi,
                call->restoration.lo, call->tablet.hi, call->tablet.lo});
  }
  const auto& call = std::get<ReplicaCall>(action);
  return Mix({2, call.tablet.hi, call.tablet.lo, call.replica.value, call.node.value});
}

}  // namespace sut
