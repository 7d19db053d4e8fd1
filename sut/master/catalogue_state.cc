#include "sut/master/catalogue_state.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sut {
namespace {

using proto::RestorationInfo;
using proto::SnapshotInfo;
using proto::TableInfo;

// The object of that id, or null; also for what is no id, which no object has.
template <typename Id, typename Info>
const Info* Find(const std::map<Id, Info>& objects, const std::string& id) {
  const auto parsed = IdFromBytes<Id>(id);
  if (!parsed.ok()) return nullptr;
  const auto it = objects.find(*parsed);
  return it == objects.end() ? nullptr : &it->second;
}

// An id as people see it; ids in stored objects are valid.
std::string Shown(const std::string& id) {
  const auto parsed = ParseUuidBytes(id);
  return parsed.ok() ? UuidHex(parsed->first, parsed->second) : "(malformed)";
}

Transition Accept() { return {}; }
Transition Refuse(proto::Code code, std::string message) {
  Transition transition;
  transition.reply = RefusedReply(code, std::move(message));
  return transition;
}
Transition Change(SnapshotInfo snapshot) {
  Transition transition;
  transition.snapshot = std::move(snapshot);
  return transition;
}
Transition Change(RestorationInfo restoration) {
  Transition transition;
  transition.restoration = std::move(restoration);
  return transition;
}
Transition Change(TableInfo table) {
  Transition transition;
  transition.table = std::move(table);
  return transition;
}

template <typename Info>
bool AllDone(const Info& info) {
  return std::all_of(info.tablets().begin(), info.tablets().end(), [](const auto& tablet) { return tablet.done(); });
}

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

std::set<std::string> TableSet(const google::protobuf::RepeatedPtrField<std::string>& tables) {
  return {tables.begin(), tables.end()};
}

// Whether both describe the same table, apart from how far it has got.
bool SameTable(TableInfo a, TableInfo b) {
  a.set_state(TableInfo::CREATING);
  b.set_state(TableInfo::CREATING);
  return a.SerializeAsString() == b.SerializeAsString();
}

Transition CreateTable(const CatalogueState& state, const proto::CatalogueCommand::CreateTable& command) {
  const TableInfo& wanted = command.table();
  if (const TableInfo* known = Find(state.tables, wanted.id()); known != nullptr) {
    if (SameTable(*known, wanted)) return Accept();
    return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another table has the id ", Shown(wanted.id())));
  }
  for (const auto& [id, table] : state.tables) {
    if (table.keyspace() == wanted.keyspace() && table.name() == wanted.name()) {
      return Refuse(proto::ALREADY_EXISTS,
                    absl::StrCat("Table '", wanted.name(), "' already exists in namespace '", wanted.keyspace(), "'"));
    }
  }
  for (const auto& tablet : wanted.tablets()) {
    const auto id = IdFromBytes<TabletId>(tablet.id());
    if (!id.ok()) return Refuse(proto::BAD_REQUEST, "Malformed tablet id");
    if (FindTablet(state, *id) != nullptr) {
      return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another tablet has the id ", Hex(*id)));
    }
  }
  TableInfo table = wanted;
  table.set_state(TableInfo::CREATING);
  return Change(std::move(table));
}

Transition SetTableRunning(const CatalogueState& state, const proto::CatalogueCommand::TableRunning& command) {
  const TableInfo* known = Find(state.tables, command.table());
  if (known == nullptr || known->state() == TableInfo::RUNNING) return Accept();
  TableInfo table = *known;
  table.set_state(TableInfo::RUNNING);
  return Change(std::move(table));
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
    const TableInfo* table = Find(state.tables, id);
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
  return Change(Begun(*known, SnapshotInfo::DELETING));
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
  const RestorationInfo* rival = FindRunning(state, [&](const RestorationInfo& restoration) {
    const SnapshotInfo* used = Find(state.snapshots, restoration.snapshot());
    return used != nullptr && ShareTable(*used, *snapshot);
  });
  if (rival != nullptr && !bugs.has(Bug::kTwoRestoresAtOnce)) {
    return Refuse(proto::RESTORATION_RUNNING, absl::StrCat("Cannot restore snapshot ", shown, ", restoration ",
                                                           Shown(rival->id()), " of a table of it is in progress"));
  }
  RestorationInfo restoration;
  restoration.set_id(command.restoration());
  restoration.set_snapshot(command.snapshot());
  restoration.set_state(RestorationInfo::RESTORING);
  for (const auto& tablet : snapshot->tablets()) restoration.add_tablets()->set_tablet(tablet.tablet());
  return Change(std::move(restoration));
}

Transition SnapshotTabletDone(const SnapshotInfo& known, const proto::CatalogueCommand::TabletDone& command,
                              BugSet bugs) {
  if (command.expected_state() != static_cast<uint32_t>(known.state())) return Accept();
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
    case proto::CatalogueCommand::kCreateTable:
      return CreateTable(state, command.create_table());
    case proto::CatalogueCommand::kTableRunning:
      return SetTableRunning(state, command.table_running());
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
    case proto::CatalogueCommand::OP_NOT_SET:
      break;
  }
  return Refuse(proto::BAD_REQUEST, "The change names no operation");
}

void ApplyTransition(const Transition& transition, CatalogueState* state) {
  if (transition.table) state->tables[IdFromBytes<TableId>(transition.table->id()).value()] = *transition.table;
  if (transition.snapshot) {
    state->snapshots[IdFromBytes<SnapshotId>(transition.snapshot->id()).value()] = *transition.snapshot;
  }
  if (transition.restoration) {
    state->restorations[IdFromBytes<RestorationId>(transition.restoration->id()).value()] = *transition.restoration;
  }
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
