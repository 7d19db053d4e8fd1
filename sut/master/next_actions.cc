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

void AddReplicaCalls(ReplicaCall::Kind kind, TableId id, const TableInfo& table, std::vector<Action>* actions) {
  for (const auto& tablet : table.tablets()) {
    for (const auto& replica : tablet.replicas()) {
      actions->push_back(ReplicaCall{.kind = kind,
                                     .table = id,
                                     .tablet = StoredId<TabletId>(tablet.id()),
                                     .replica = ReplicaId{replica.replica()},
                                     .node = NodeId{replica.node()}});
    }
  }
}

// A dropped table is still hosted to the end: what is under way on its tablets needs their leaders.
void AddTableActions(const CatalogueState& state, TableId id, const TableInfo& table, std::vector<Action>* actions) {
  if (IsRemovable(state, table)) return AddReplicaCalls(ReplicaCall::Kind::kRemove, id, table, actions);
  if (!table.hosted()) AddReplicaCalls(ReplicaCall::Kind::kHost, id, table, actions);
  if (table.state() != TableInfo::DROPPING) return;
  for (const auto& tablet : table.tablets()) {
    if (!tablet.closed()) actions->push_back(CloseCall{.table = id, .tablet = StoredId<TabletId>(tablet.id())});
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
  if (call.kind == ReplicaCall::Kind::kRemove) {
    request.mutable_delete_replica()->set_table(Bytes(call.table));
    request.mutable_delete_replica()->set_replica(call.replica.value);
    return request;
  }
  proto::CreateReplica* create = request.mutable_create_replica();
  create->set_table(Bytes(call.table));
  *create->mutable_tablet() = *tablet;
  create->set_replica(call.replica.value);
  return request;
}

}  // namespace

std::vector<Action> NextActions(const CatalogueState& state) {
  std::vector<Action> actions;
  for (const auto& [id, table] : state.tables) AddTableActions(state, id, table, &actions);
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
  if (const auto* call = std::get_if<CloseCall>(&action)) {
    proto::Request request;
    request.set_tablet(Bytes(call->tablet));
    request.mutable_close_tablet();
    return request;
  }
  return ReplicaRequest(state, std::get<ReplicaCall>(action));
}

std::optional<TabletId> AskedTablet(const Action& action) {
  if (const auto* call = std::get_if<TabletCall>(&action)) return call->tablet;
  if (const auto* call = std::get_if<CloseCall>(&action)) return call->tablet;
  return std::nullopt;
}

proto::CatalogueCommand DoneCommand(const Action& action, const proto::OpId& op) {
  proto::CatalogueCommand command;
  if (const auto* close = std::get_if<CloseCall>(&action)) {
    command.mutable_tablet_closed()->set_table(Bytes(close->table));
    command.mutable_tablet_closed()->set_tablet(Bytes(close->tablet));
    return command;
  }
  const auto& call = std::get<TabletCall>(action);
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

proto::CatalogueCommand AllDoneCommand(const ReplicaCall& call) {
  proto::CatalogueCommand command;
  if (call.kind == ReplicaCall::Kind::kRemove) {
    command.mutable_table_gone()->set_table(Bytes(call.table));
  } else {
    command.mutable_table_running()->set_table(Bytes(call.table));
  }
  return command;
}

uint64_t ActionIdentity(const Action& action) {
  if (const auto* call = std::get_if<TabletCall>(&action)) {
    return Mix({1, static_cast<uint64_t>(call->kind), call->snapshot.hi, call->snapshot.lo, call->restoration.hi,
                call->restoration.lo, call->tablet.hi, call->tablet.lo});
  }
  if (const auto* call = std::get_if<CloseCall>(&action)) return Mix({3, call->tablet.hi, call->tablet.lo});
  const auto& call = std::get<ReplicaCall>(action);
  const uint64_t kind = call.kind == ReplicaCall::Kind::kHost ? 2 : 4;
  return Mix({kind, call.tablet.hi, call.tablet.lo, call.replica.value, call.node.value});
}

}  // namespace sut
