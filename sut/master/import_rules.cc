#include "sut/master/import_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/master/replica_rules.h"
#include "sut/master/rules.h"
#include "sut/master/table_rules.h"

namespace sut::rules {
namespace {

using Import = proto::CatalogueCommand::ImportSnapshot;

// Refused, or without change if the parts are the table's tablets.
Transition CheckParts(const proto::TableInfo& table, const Import::Table& parts) {
  if (parts.tablets_size() != table.tablets_size()) {
    return Refuse(proto::BAD_REQUEST,
                  absl::StrCat("Wrong number of tablets in created table ", table.keyspace(), ".", table.name(), ": ",
                               table.tablets_size(), " (expected ", parts.tablets_size(), ")"));
  }
  for (int i = 0; i < parts.tablets_size(); ++i) {
    const Import::Tablet& part = parts.tablets(i);
    const proto::TabletInfo& tablet = table.tablets(i);
    // A replica that is coming would have to adopt what nobody can have placed at it.
    if (ChangeIsRunning(tablet)) {
      return Refuse(proto::CHANGE_RUNNING, absl::StrCat("The replicas of table ", table.keyspace(), ".", table.name(),
                                                        " are being changed: try again later"));
    }
    if (part.tablet() == tablet.id() && part.hash_begin() == tablet.hash_begin() &&
        part.hash_end() == tablet.hash_end()) {
      continue;
    }
    return Refuse(proto::BAD_REQUEST, absl::StrCat("The partitions of table ", table.keyspace(), ".", table.name(),
                                                   " are not those of the snapshot"));
  }
  return Accept();
}

proto::SnapshotInfo SnapshotOf(const Import& command) {
  proto::SnapshotInfo snapshot;
  snapshot.set_id(command.id());
  snapshot.set_state(proto::SnapshotInfo::COMPLETE);
  snapshot.set_imported_from(command.source());
  for (const Import::Table& parts : command.tables()) {
    snapshot.add_tables(parts.table());
    for (const Import::Tablet& part : parts.tablets()) {
      proto::SnapshotInfo::Tablet* tablet = snapshot.add_tablets();
      tablet->set_tablet(part.tablet());
      tablet->set_done(true);
      *tablet->mutable_source() = part.source();
    }
  }
  return snapshot;
}

}  // namespace

Transition ImportSnapshot(const CatalogueState& state, const Import& command, BugSet bugs) {
  proto::SnapshotInfo snapshot = SnapshotOf(command);
  if (bugs.has(Bug::kImportReusesSourceId)) {
    snapshot.set_id(command.source());
  } else if (const proto::SnapshotInfo* known = Find(state.snapshots, command.id()); known != nullptr) {
    const bool same =
        known->imported_from() == command.source() &&
        std::equal(known->tables().begin(), known->tables().end(), snapshot.tables().begin(), snapshot.tables().end());
    if (same) return Accept();
    return Refuse(proto::ALREADY_EXISTS, absl::StrCat("Another snapshot has the id ", Shown(command.id())));
  }
  for (const Import::Table& parts : command.tables()) {
    const proto::TableInfo* table = FindTable(state, parts.table());
    if (table == nullptr) {
      return Refuse(proto::NOT_FOUND, absl::StrCat("Table with id '", Shown(parts.table()), "' not found"));
    }
    if (Transition checked = CheckParts(*table, parts); checked.reply.code() != proto::OK) return checked;
  }
  return Change(std::move(snapshot));
}

}  // namespace sut::rules
