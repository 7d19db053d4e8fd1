#include "sut/master/catalogue_state.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/master/import_rules.h"
#include "sut/master/replica_rules.h"
#include "sut/master/rules.h"
#include "sut/master/table_rules.h"

namespace sut {
namespace {

using proto::RestorationInfo;
using proto::SnapshotInfo;
using proto::TableInfo;
using namespace rules;  // NOLINT: the words that these are written in

// Takes note that a tablet is done; false if that changes nothing. The op is kept where the state is about it.
template <typename Info>
bool MarkDone(const proto::CatalogueCommand::TabletDone& done, bool keep_op, Info* info) {
  for (auto& tablet : *info->mutable_tablets()) {
    if (tablet.tablet() != done.tablet()) continue;
    if (tablet.done()) return false;
    tablet.set_done(true);
    if (keep_op) *tablet.mutable_op() = done.op();
    return true;
  }
  return false;
}

// Into a state in which every tablet has its part still to do.
SnapshotInfo Begun(SnapshotInfo snapshot, SnapshotInfo::State state) {
  snapshot.set_state(state);
  for (auto& tablet : *snapshot.mutable_tablets()) tablet.set_done(false);
  return snapshot;
}

// Tablets of a table that is gone, or whose replicas are being removed, have nothing left to delete: a FAILED snapshot
// does not keep its table, and goes with it. To ask such a tablet would be to ask a group that may have no majority.
SnapshotInfo BegunDeleting(const CatalogueState& state, const SnapshotInfo& known) {
  SnapshotInfo snapshot = Begun(known, SnapshotInfo::DELETING);
  std::set<std::string> asked;
  for (const std::string& id : known.tables()) {
    const TableInfo* table = Find(state.tables, id);
    if (table == nullptr || IsRemovable(state, *table)) continue;
    for (const auto& tablet : table->tablets()) asked.insert(tablet.id());
  }
  for (auto& tablet : *snapshot.mutable_tablets()) tablet.set_done(!asked.contains(tablet.tablet()));
  if (AllDone(snapshot)) snapshot.set_state(SnapshotInfo::DELETED);
  return snapshot;
}

std::set<std::string> TableSet(const google::protobuf::RepeatedPtrField<std::string>& tables) {
  return {tables.begin(), tables.end()};
}

Transition CreateSnapshot(const CatalogueState& state, const proto::CatalogueCommand::CreateSnapshot& command) {
  if (const SnapshotInfo* known = Find(state.snapshots, command.id()); known != nullptr) {
    if (TableSet(known->tables()) == TableSet(command.tables())) return Accept();
    return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another snapshot has the id ", Shown(command.id())));
  }
  SnapshotInfo snapshot;
  snapshot.set_id(command.id());
  snapshot.set_state(SnapshotInfo::CREATING);
  for (const std::string& id : command.tables()) {
    const TableInfo* table = FindTable(state, id);
    if (table == nullptr) return Refuse(proto::NOT_FOUND, absl::StrCat("Table with id '", Shown(id), "' not found"));
    snapshot.add_tables(id);
    for (const auto& tablet : table->tablets()) snapshot.add_tablets()->set_tablet(tablet.id());
  }
  return Change(std::move(snapshot));
}

// A running restoration that `matches`; null if there is none.
template <typename Matches>
const RestorationInfo* FindRunning(const CatalogueState& state, const Matches& matches) {
  for (const auto& [id, restoration] : state.restorations) {
    if (restoration.state() == RestorationInfo::RESTORING && matches(restoration)) return &restoration;
  }
  return nullptr;
}

Transition DeleteSnapshot(const CatalogueState& state, const proto::CatalogueCommand::DeleteSnapshot& command,
                          BugSet bugs) {
  const std::string shown = Shown(command.id());
  const SnapshotInfo* known = Find(state.snapshots, command.id());
  if (known == nullptr) return Refuse(proto::NOT_FOUND, absl::StrCat("Could not find snapshot: ", shown));
  switch (known->state()) {
    case SnapshotInfo::DELETING:
      return Refuse(proto::SNAPSHOT_BEING_DELETED, "The snapshot is being deleted");
    case SnapshotInfo::DELETED:
      return Refuse(proto::SNAPSHOT_DELETED, "The snapshot was deleted");
    case SnapshotInfo::COMPLETE:
    case SnapshotInfo::FAILED:
      break;
    default:
      return Refuse(proto::SNAPSHOT_NOT_COMPLETE, absl::StrCat("The snapshot state is not complete: ", shown));
  }
  const RestorationInfo* user =
      FindRunning(state, [&](const RestorationInfo& restoration) { return restoration.snapshot() == command.id(); });
  if (user != nullptr && !bugs.has(Bug::kDeleteDuringRestore)) {
    return Refuse(proto::RESTORATION_RUNNING,
                  absl::StrCat("Cannot delete snapshot ", shown, ", restoration ", Shown(user->id()),
                               " is in progress and using snapshot ", shown));
  }
  return Change(BegunDeleting(state, *known));
}

bool ShareTable(const SnapshotInfo& a, const SnapshotInfo& b) {
  const std::set<std::string> tables = TableSet(a.tables());
  return std::any_of(b.tables().begin(), b.tables().end(), [&](const std::string& id) { return tables.contains(id); });
}

Transition RestoreSnapshot(const CatalogueState& state, const proto::CatalogueCommand::RestoreSnapshot& command,
                           BugSet bugs) {
  if (const RestorationInfo* known = Find(state.restorations, command.restoration()); known != nullptr) {
    if (known->snapshot() == command.snapshot()) return Accept();
    return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another restoration has the id ", Shown(command.restoration())));
  }
  const std::string shown = Shown(command.snapshot());
  const SnapshotInfo* snapshot = Find(state.snapshots, command.snapshot());
  if (snapshot == nullptr) return Refuse(proto::NOT_FOUND, absl::StrCat("Could not find snapshot: ", shown));
  if (snapshot->state() == SnapshotInfo::DELETING) {
    return Refuse(proto::SNAPSHOT_BEING_DELETED, "The snapshot is being deleted");
  }
  if (snapshot->state() == SnapshotInfo::DELETED) return Refuse(proto::SNAPSHOT_DELETED, "The snapshot was deleted");
  if (snapshot->state() != SnapshotInfo::COMPLETE) {
    return Refuse(proto::SNAPSHOT_NOT_COMPLETE, absl::StrCat("The snapshot state is not complete: ", shown));
  }
  for (const std::string& id : snapshot->tables()) {
    if (FindTable(state, id) != nullptr) continue;
    return Refuse(proto::NOT_FOUND, absl::StrCat("Table with id '", Shown(id), "' of the snapshot was dropped"));
  }
  const RestorationInfo* rival = FindRunning(state, [&](const RestorationInfo& restoration) {
    const SnapshotInfo* used = Find(state.snapshots, restoration.snapshot());
    return used != nullptr && ShareTable(*used, *snapshot);
  });
  if (rival != nullptr && !bugs.has(Bug::kTwoRestoresAtOnce)) {
    return Refuse(proto::RESTORATION_RUNNING, absl::StrCat("Cannot restore snapshot ", shown, ", restoration ",
                                                           Shown(rival->id()), " of a table of it is in progress"));
  }
  if (AwaitsPlacement(*snapshot) && !command.placed()) {
    return Refuse(proto::SNAPSHOT_NOT_COMPLETE,
                  command.not_placed().empty() ? "The imported snapshot's directories were not looked at; try again"
                                               : command.not_placed());
  }
  RestorationInfo restoration;
  restoration.set_id(command.restoration());
  restoration.set_snapshot(command.snapshot());
  restoration.set_state(RestorationInfo::RESTORING);
  for (const auto& tablet : snapshot->tablets()) restoration.add_tablets()->set_tablet(tablet.tablet());
  return Change(std::move(restoration));
}

// From here on the tablet's part is a snapshot as any other.
Transition SetAdopted(const SnapshotInfo& known, const proto::CatalogueCommand::TabletDone& command) {
  SnapshotInfo snapshot = known;
  for (auto& tablet : *snapshot.mutable_tablets()) {
    if (tablet.tablet() != command.tablet() || !tablet.has_source()) continue;
    tablet.clear_source();
    *tablet.mutable_op() = command.op();
    return Change(std::move(snapshot));
  }
  return Accept();
}

Transition SnapshotTabletDone(const SnapshotInfo& known, const proto::CatalogueCommand::TabletDone& command,
                              BugSet bugs) {
  if (command.expected_state() != static_cast<uint32_t>(known.state())) return Accept();
  if (known.state() == SnapshotInfo::COMPLETE) return SetAdopted(known, command);
  SnapshotInfo snapshot = known;
  if (!MarkDone(command, known.state() == SnapshotInfo::CREATING, &snapshot)) return Accept();
  switch (known.state()) {
    case SnapshotInfo::CREATING:
      if (AllDone(snapshot) || bugs.has(Bug::kCompleteOnFirstTablet)) snapshot.set_state(SnapshotInfo::COMPLETE);
      break;
    case SnapshotInfo::FAILING:
      if (AllDone(snapshot)) {
        snapshot.set_state(bugs.has(Bug::kLastAnswerDecides) ? SnapshotInfo::COMPLETE : SnapshotInfo::FAILED);
      }
      break;
    case SnapshotInfo::DELETING:
      if (AllDone(snapshot) || bugs.has(Bug::kDeletedOnFirstTablet)) snapshot.set_state(SnapshotInfo::DELETED);
      break;
    default:
      return Accept();  // a state in which nothing is asked of tablets
  }
  return Change(std::move(snapshot));
}

Transition TabletDone(const CatalogueState& state, const proto::CatalogueCommand::TabletDone& command, BugSet bugs) {
  if (const SnapshotInfo* snapshot = Find(state.snapshots, command.snapshot()); snapshot != nullptr) {
    return SnapshotTabletDone(*snapshot, command, bugs);
  }
  const RestorationInfo* known = Find(state.restorations, command.restoration());
  if (known == nullptr || command.expected_state() != static_cast<uint32_t>(known->state())) return Accept();
  if (known->state() != RestorationInfo::RESTORING) return Accept();
  RestorationInfo restoration = *known;
  if (!MarkDone(command, true, &restoration)) return Accept();
  if (AllDone(restoration)) restoration.set_state(RestorationInfo::RESTORED);
  return Change(std::move(restoration));
}

Transition FailSnapshot(const CatalogueState& state, const proto::CatalogueCommand::FailSnapshot& command) {
  const SnapshotInfo* known = Find(state.snapshots, command.id());
  if (known == nullptr || known->state() != SnapshotInfo::CREATING) return Accept();
  SnapshotInfo snapshot = Begun(*known, SnapshotInfo::FAILING);
  // What a tablet has made of the create is undone, so there is no entry left to point at.
  for (auto& tablet : *snapshot.mutable_tablets()) tablet.clear_op();
  return Change(std::move(snapshot));
}

}  // namespace

proto::Reply RefusedReply(proto::Code code, std::string message) {
  proto::Reply reply;
  reply.set_code(code);
  reply.set_message(std::move(message));
  return reply;
}

Transition Decide(const CatalogueState& state, const proto::CatalogueCommand& command, BugSet bugs) {
  switch (command.op_case()) {
    case proto::CatalogueCommand::kCreateKeyspace:
      return CreateKeyspace(state, command.create_keyspace());
    case proto::CatalogueCommand::kDropKeyspace:
      return DropKeyspace(state, command.drop_keyspace());
    case proto::CatalogueCommand::kCreateTable:
      return CreateTable(state, command.create_table());
    case proto::CatalogueCommand::kTableRunning:
      return SetTableRunning(state, command.table_running());
    case proto::CatalogueCommand::kDropTable:
      return DropTable(state, command.drop_table());
    case proto::CatalogueCommand::kTabletClosed:
      return SetTabletClosed(state, command.tablet_closed());
    case proto::CatalogueCommand::kTableGone:
      return SetTableGone(state, command.table_gone());
    case proto::CatalogueCommand::kCreateSnapshot:
      return CreateSnapshot(state, command.create_snapshot());
    case proto::CatalogueCommand::kDeleteSnapshot:
      return DeleteSnapshot(state, command.delete_snapshot(), bugs);
    case proto::CatalogueCommand::kRestoreSnapshot:
      return RestoreSnapshot(state, command.restore_snapshot(), bugs);
    case proto::CatalogueCommand::kTabletDone:
      return TabletDone(state, command.tablet_done(), bugs);
    case proto::CatalogueCommand::kFailSnapshot:
      return FailSnapshot(state, command.fail_snapshot());
    case proto::CatalogueCommand::kImportSnapshot:
      return ImportSnapshot(state, command.import_snapshot(), bugs);
    case proto::CatalogueCommand::kChangeReplicas:
      return ChangeReplicas(state, command.change_replicas());
    case proto::CatalogueCommand::kReplicaDone:
      return SetReplicaDone(state, command.replica_done());
    case proto::CatalogueCommand::OP_NOT_SET:
      break;
  }
  return Refuse(proto::BAD_REQUEST, "The change names no operation");
}

void ApplyTransition(const Transition& transition, CatalogueState* state) {
  if (transition.keyspace) {
    state->keyspaces[IdFromBytes<KeyspaceId>(transition.keyspace->id()).value()] = *transition.keyspace;
  }
  if (transition.keyspace_gone) state->keyspaces.erase(*transition.keyspace_gone);
  if (transition.table_gone) state->tables.erase(*transition.table_gone);
  if (transition.table) state->tables[IdFromBytes<TableId>(transition.table->id()).value()] = *transition.table;
  if (transition.snapshot) {
    state->snapshots[IdFromBytes<SnapshotId>(transition.snapshot->id()).value()] = *transition.snapshot;
  }
  if (transition.restoration) {
    state->restorations[IdFromBytes<RestorationId>(transition.restoration->id()).value()] = *transition.restoration;
  }
}

bool AwaitsPlacement(const SnapshotInfo& snapshot) {
  return std::any_of(snapshot.tablets().begin(), snapshot.tablets().end(),
                     [](const auto& tablet) { return tablet.has_source(); });
}

namespace {

// Whether a snapshot of the table still needs its tablets. That a delete is over there does not wait for other tables.
bool NeedsTable(const SnapshotInfo& snapshot, const proto::TableInfo& table) {
  if (snapshot.state() == SnapshotInfo::DELETED || snapshot.state() == SnapshotInfo::FAILED) return false;
  if (snapshot.state() != SnapshotInfo::DELETING) return true;
  return std::any_of(table.tablets().begin(), table.tablets().end(), [&snapshot](const auto& tablet) {
    return std::any_of(snapshot.tablets().begin(), snapshot.tablets().end(),
                       [&tablet](const auto& part) { return part.tablet() == tablet.id() && !part.done(); });
  });
}

}  // namespace

bool IsRemovable(const CatalogueState& state, const proto::TableInfo& table) {
  if (table.state() != TableInfo::HIDDEN) return false;
  const auto covers = [&table](const SnapshotInfo& snapshot) {
    return TableSet(snapshot.tables()).contains(table.id());
  };
  for (const auto& [id, snapshot] : state.snapshots) {
    if (covers(snapshot) && NeedsTable(snapshot, table)) return false;
  }
  return FindRunning(state, [&](const RestorationInfo& restoration) {
           const SnapshotInfo* used = Find(state.snapshots, restoration.snapshot());
           return used != nullptr && covers(*used);
         }) == nullptr;
}

const proto::TabletInfo* FindTablet(const CatalogueState& state, TabletId tablet) {
  const std::string id = Bytes(tablet);
  for (const auto& [table_id, table] : state.tables) {
    for (const auto& candidate : table.tablets()) {
      if (candidate.id() == id) return &candidate;
    }
  }
  return nullptr;
}

}  // namespace sut
