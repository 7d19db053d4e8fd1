#include "sut/master/next_actions.h"

#include <algorithm>
#include <optional>
#include <string>

#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/master/replica_rules.h"

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
    case TabletSnapshotOp::ADOPT:
      return SnapshotInfo::COMPLETE;
    default:
      return SnapshotInfo::CREATING;
  }
}

ReplicaCall CallOf(ReplicaCall::Kind kind, TableId table, const proto::TabletInfo& tablet,
                   const proto::ReplicaInfo& replica) {
  return {.kind = kind,
          .table = table,
          .tablet = StoredId<TabletId>(tablet.id()),
          .replica = ReplicaId{replica.replica()},
          .node = NodeId{replica.node()}};
}

void AddReplicaCalls(ReplicaCall::Kind kind, TableId id, const TableInfo& table, std::vector<Action>* actions) {
  for (const auto& tablet : table.tablets()) {
    for (const auto& replica : tablet.replicas()) {
      actions->push_back(CallOf(kind, id, tablet, replica));
    }
  }
}

proto::ChangeGroup::Kind GroupKindFor(proto::ReplicaInfo::Role role) {
  switch (role) {
    case proto::ReplicaInfo::JOINING:
      return proto::ChangeGroup::ADD_LEARNER;
    case proto::ReplicaInfo::LEARNER:
      return proto::ChangeGroup::PROMOTE;
    default:
      return proto::ChangeGroup::REMOVE;
  }
}

proto::ReplicaInfo::Role RoleFor(proto::ChangeGroup::Kind kind) {
  switch (kind) {
    case proto::ChangeGroup::ADD_LEARNER:
      return proto::ReplicaInfo::JOINING;
    case proto::ChangeGroup::PROMOTE:
      return proto::ReplicaInfo::LEARNER;
    default:
      return proto::ReplicaInfo::LEAVING;
  }
}

// Replicas that come or go, see replica_rules.h.
void AddMembershipActions(TableId id, const proto::TabletInfo& tablet, std::vector<Action>* actions) {
  if (tablet.membership_version() == 0) return;
  for (const proto::ReplicaInfo& replica : tablet.replicas()) {
    if (rules::IsDueOnNode(tablet, replica)) {
      actions->push_back(CallOf(ReplicaCall::Kind::kHostJoining, id, tablet, replica));
    } else if (replica.role() == proto::ReplicaInfo::REMOVED) {
      actions->push_back(CallOf(ReplicaCall::Kind::kRemoveLeft, id, tablet, replica));
    }
  }
  if (const proto::ReplicaInfo* due = rules::DueInGroup(tablet)) {
    actions->push_back(GroupCall{.kind = GroupKindFor(due->role()),
                                 .table = id,
                                 .tablet = StoredId<TabletId>(tablet.id()),
                                 .replica = ReplicaId{due->replica()},
                                 .node = NodeId{due->node()},
                                 .version = tablet.membership_version()});
  }
}

// A dropped table is still hosted to the end: what is under way on its tablets needs their leaders.
void AddTableActions(const CatalogueState& state, TableId id, const TableInfo& table, std::vector<Action>* actions) {
  if (IsRemovable(state, table)) return AddReplicaCalls(ReplicaCall::Kind::kRemove, id, table, actions);
  if (!table.hosted()) AddReplicaCalls(ReplicaCall::Kind::kHost, id, table, actions);
  for (const auto& tablet : table.tablets()) AddMembershipActions(id, tablet, actions);
  if (table.state() != TableInfo::DROPPING) return;
  for (const auto& tablet : table.tablets()) {
    if (!tablet.closed()) actions->push_back(CloseCall{.table = id, .tablet = StoredId<TabletId>(tablet.id())});
  }
}

// What the tablet has still to adopt of the snapshot; null if nothing.
const proto::SnapshotSource* SourceOf(const CatalogueState& state, SnapshotId snapshot, const std::string& tablet) {
  const auto known = state.snapshots.find(snapshot);
  if (known == state.snapshots.end()) return nullptr;
  for (const auto& part : known->second.tablets()) {
    if (part.tablet() == tablet && part.has_source()) return &part.source();
  }
  return nullptr;
}

void AddRestorationActions(const CatalogueState& state, RestorationId id, const RestorationInfo& restoration,
                           std::vector<Action>* actions) {
  const auto snapshot = StoredId<SnapshotId>(restoration.snapshot());
  for (const auto& tablet : restoration.tablets()) {
    if (tablet.done()) continue;
    const bool adopts = SourceOf(state, snapshot, tablet.tablet()) != nullptr;
    actions->push_back(TabletCall{.kind = adopts ? TabletSnapshotOp::ADOPT : TabletSnapshotOp::RESTORE,
                                  .snapshot = snapshot,
                                  .restoration = adopts ? RestorationId{} : id,
                                  .tablet = StoredId<TabletId>(tablet.tablet())});
  }
}

proto::Request TabletRequest(const CatalogueState& state, const TabletCall& call) {
  proto::Request request;
  request.set_tablet(Bytes(call.tablet));
  TabletSnapshotOp* op = request.mutable_snapshot();
  op->set_kind(call.kind);
  op->set_snapshot(Bytes(call.snapshot));
  if (!call.restoration.is_nil()) op->set_restoration(Bytes(call.restoration));
  if (call.kind == TabletSnapshotOp::ADOPT) {
    // None if it was adopted meanwhile: the tablet then refuses, and the call is made no more.
    if (const auto* source = SourceOf(state, call.snapshot, request.tablet())) *op->mutable_source() = *source;
  }
  return request;
}

proto::Request ReplicaRequest(const CatalogueState& state, const ReplicaCall& call) {
  const proto::TabletInfo* tablet = FindTablet(state, call.tablet);
  SUT_CHECK(tablet != nullptr, "a replica of a tablet that no table has");
  proto::Request request;
  request.set_tablet(Bytes(call.tablet));
  if (call.kind == ReplicaCall::Kind::kRemove || call.kind == ReplicaCall::Kind::kRemoveLeft) {
    request.mutable_delete_replica()->set_table(Bytes(call.table));
    request.mutable_delete_replica()->set_replica(call.replica.value);
    request.mutable_delete_replica()->set_tablet_lives_on(call.kind == ReplicaCall::Kind::kRemoveLeft);
    return request;
  }
  proto::CreateReplica* create = request.mutable_create_replica();
  create->set_table(Bytes(call.table));
  *create->mutable_tablet() = *tablet;
  create->set_replica(call.replica.value);
  if (call.kind == ReplicaCall::Kind::kHost) return request;
  create->set_joins(true);
  auto& replicas = *create->mutable_tablet()->mutable_replicas();
  replicas.erase(std::remove_if(replicas.begin(), replicas.end(),
                                [&call](const proto::ReplicaInfo& replica) {
                                  return !rules::IsInGroup(replica) && replica.replica() != call.replica.value;
                                }),
                 replicas.end());
  return request;
}

proto::CatalogueCommand ReplicaDoneCommand(TableId table, TabletId tablet, ReplicaId replica,
                                           proto::ReplicaInfo::Role role) {
  proto::CatalogueCommand command;
  command.mutable_replica_done()->set_table(Bytes(table));
  command.mutable_replica_done()->set_tablet(Bytes(tablet));
  command.mutable_replica_done()->set_replica(replica.value);
  command.mutable_replica_done()->set_role(role);
  return command;
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
    if (restoration.state() == RestorationInfo::RESTORING) AddRestorationActions(state, id, restoration, &actions);
  }
  return actions;
}

proto::Request RequestFor(const CatalogueState& state, const Action& action) {
  if (const auto* call = std::get_if<TabletCall>(&action)) return TabletRequest(state, *call);
  if (const auto* call = std::get_if<CloseCall>(&action)) {
    proto::Request request;
    request.set_tablet(Bytes(call->tablet));
    request.mutable_close_tablet();
    return request;
  }
  if (const auto* call = std::get_if<GroupCall>(&action)) {
    proto::Request request;
    request.set_tablet(Bytes(call->tablet));
    proto::ChangeGroup* change = request.mutable_change_group();
    change->set_kind(call->kind);
    change->set_replica(call->replica.value);
    change->set_node(call->node.value);
    change->set_version(call->version);
    return request;
  }
  return ReplicaRequest(state, std::get<ReplicaCall>(action));
}

std::optional<TabletId> AskedTablet(const Action& action) {
  if (const auto* call = std::get_if<TabletCall>(&action)) return call->tablet;
  if (const auto* call = std::get_if<CloseCall>(&action)) return call->tablet;
  if (const auto* call = std::get_if<GroupCall>(&action)) return call->tablet;
  return std::nullopt;
}

proto::CatalogueCommand DoneCommand(const Action& action, const proto::OpId& op) {
  proto::CatalogueCommand command;
  if (const auto* close = std::get_if<CloseCall>(&action)) {
    command.mutable_tablet_closed()->set_table(Bytes(close->table));
    command.mutable_tablet_closed()->set_tablet(Bytes(close->tablet));
    return command;
  }
  if (const auto* group = std::get_if<GroupCall>(&action)) {
    return ReplicaDoneCommand(group->table, group->tablet, group->replica, RoleFor(group->kind));
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

bool IsForWholeTable(const ReplicaCall& call) {
  return call.kind == ReplicaCall::Kind::kHost || call.kind == ReplicaCall::Kind::kRemove;
}

proto::CatalogueCommand HostingDoneCommand(const ReplicaCall& call) {
  if (!IsForWholeTable(call)) {
    const bool joins = call.kind == ReplicaCall::Kind::kHostJoining;
    return ReplicaDoneCommand(call.table, call.tablet, call.replica,
                              joins ? proto::ReplicaInfo::ADDING : proto::ReplicaInfo::REMOVED);
  }
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
  if (const auto* call = std::get_if<GroupCall>(&action)) {
    return Mix({5, static_cast<uint64_t>(call->kind), call->tablet.hi, call->tablet.lo, call->version});
  }
  const auto& call = std::get<ReplicaCall>(action);
  constexpr uint64_t kKinds[] = {2, 4, 6, 7};
  return Mix(
      {kKinds[static_cast<size_t>(call.kind)], call.tablet.hi, call.tablet.lo, call.replica.value, call.node.value});
}

}  // namespace sut
