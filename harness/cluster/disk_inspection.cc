#include "harness/cluster/disk_inspection.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/cluster/ledger_entry.h"
#include "harness/cluster/read_books.h"

namespace holdfast {

namespace {

using check::ReplicaInspection;

// Empty if it does not begin with it.
std::string WithoutPrefix(const std::string& name, const std::string& prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : std::string();
}

void InspectSnapshots(const ReplicaDirectories& at, const PlanIds& ids, DiskView* disk, ReplicaInspection* out) {
  for (const std::string& name : disk->NamesIn(at.layout.snapshots())) {
    const auto id = sut::IdFromHex<sut::SnapshotId>(name);
    if (!id.ok()) {
      out->strays.push_back(absl::StrCat("snapshots/", name));
      continue;
    }
    const auto content = disk->ReadSnapshot(at.layout.snapshot(*id), RowKeysOf(at.tablet));
    out->snapshots.push_back({.snapshot = ids.SnapshotNumber(*id),
                              .name = name,
                              .error = content->error,
                              .op = ToLogPosition(content->op),
                              .rows = content->rows});
  }
}

void InspectStrays(const ReplicaDirectories& at, DiskView* disk, ReplicaInspection* out) {
  for (const std::string& name : disk->NamesIn(at.layout.live())) {
    if (name != absl::StrCat(at.generation)) out->strays.push_back(absl::StrCat("generations/", name));
  }
  for (const std::string& name : disk->NamesIn(at.layout.incoming())) {
    out->strays.push_back(absl::StrCat("incoming/", name));
  }
  for (const std::string& name : disk->NamesIn(at.layout.outgoing())) {
    out->strays.push_back(absl::StrCat("outgoing/", name));
  }
}

// A replica's first store is made after its journal record, and reaches the disk with its first flush; until then the
// log holds everything, and there is no snapshot.
bool LacksStoreYet(const JournaledReplica& replica, const ReplicaDirectories& at, DiskView* disk) {
  if (replica.record.generation() != 1 || replica.log_start.index.value != 0) return false;
  const std::vector<std::string> files = disk->NamesIn(at.layout.generation(at.generation));
  const bool is_made = std::find(files.begin(), files.end(), "CURRENT") != files.end();
  return !is_made && disk->NamesIn(at.layout.snapshots()).empty();
}

ReplicaInspection InspectReplica(const sut::NodeLayout& layout, const NodeLife& life, const JournaledReplica& replica,
                                 const PlanIds& ids, DiskView* disk) {
  const sut::proto::ReplicaRecord& record = replica.record;
  const auto table = sut::IdFromBytes<sut::TableId>(record.table());
  const auto tablet = sut::IdFromBytes<sut::TabletId>(record.tablet());
  if (!table.ok() || !tablet.ok()) {
    ReplicaInspection out = NewInspection(life, sut::kMasterTablet, ids);
    out.error = "a journal record names no tablet";
    return out;
  }
  ReplicaInspection out = NewInspection(life, *tablet, ids);
  out.in_barrier = record.install_unfinished();
  const ReplicaDirectories at = {sut::ReplicaLayout(layout, *table, *tablet), *tablet, record.generation()};
  if (!LacksStoreYet(replica, at, disk)) {
    const auto content = disk->ReadStore(at.layout.generation(at.generation), RowKeysOf(*tablet));
    out.applied = ToLogPosition(content->op);
    TakeStore(*content, ids, &out);
  }
  InspectDirectories(at, ids, disk, &out);
  return out;
}

}  // namespace

ReplicaInspection NewInspection(const NodeLife& life, sut::TabletId tablet, const PlanIds& ids) {
  ReplicaInspection out;
  out.replica.tablet = ids.ObjectNumber(tablet).value_or(kUnknownNumber - 1);
  out.replica.node = life.node;
  out.replica.incarnation = life.incarnation;
  return out;
}

void TakeStore(const StoreContent& content, const PlanIds& ids, ReplicaInspection* out) {
  out->error = content.error;
  out->rows = content.rows;
  out->metadata = content.metadata;
  if (!out->error.empty() || out->replica.tablet == check::kMasterObject) return;
  const auto books = ReadBooks(content.metadata, ids);
  if (books.ok()) {
    out->books = books->facts();
  } else {
    out->error = books.status().ToString();
  }
}

void InspectDirectories(const ReplicaDirectories& at, const PlanIds& ids, DiskView* disk, ReplicaInspection* out) {
  InspectSnapshots(at, ids, disk, out);
  InspectStrays(at, disk, out);
}

std::vector<check::LeftOver> FindLeftOvers(const sut::NodeLayout& layout, const NodeLife& life,
                                           const std::set<sut::TabletId>& hosted, const PlanIds& ids, DiskView* disk) {
  std::map<uint32_t, std::vector<std::string>> paths;  // by tablet
  for (const std::string& table_name : disk->NamesIn(layout.tables())) {
    const auto table = sut::IdFromHex<sut::TableId>(WithoutPrefix(table_name, "table-"));
    const auto number = table.ok() ? ids.TableNumber(*table) : std::nullopt;
    // What names no tablet stands for the table's first one.
    const uint32_t first = number ? *number * ids.tablets_per_table() : kUnknownNumber - 1;
    const std::vector<std::string> names = disk->NamesIn(absl::StrCat(layout.tables(), "/", table_name));
    if (names.empty()) paths[first].push_back(table_name);
    for (const std::string& name : names) {
      const auto tablet = sut::IdFromHex<sut::TabletId>(WithoutPrefix(name.substr(0, name.find('.')), "tablet-"));
      if (tablet.ok() && hosted.contains(*tablet)) continue;
      const uint32_t object = tablet.ok() ? ids.ObjectNumber(*tablet).value_or(first) : first;
      paths[object].push_back(absl::StrCat(table_name, "/", name));
    }
  }
  std::vector<check::LeftOver> found;
  for (auto& [object, left] : paths) {
    found.push_back({{.tablet = object, .node = life.node, .incarnation = life.incarnation}, std::move(left)});
  }
  return found;
}

NodeInspection InspectStoppedNode(const sut::NodeLayout& layout, const NodeLife& life, const PlanIds& ids,
                                  DiskView* disk) {
  NodeInspection node;
  const auto records = disk->ReadJournal(layout.log_store());
  if (!records.ok()) {
    node.replicas.push_back(NewInspection(life, sut::kMasterTablet, ids));
    node.replicas.back().error = absl::StrCat("the journal can't be read: ", records.status().ToString());
    return node;
  }
  std::set<sut::TabletId> hosted;
  for (const JournaledReplica& replica : *records) {
    if (replica.record.removed()) continue;
    node.replicas.push_back(InspectReplica(layout, life, replica, ids, disk));
    const auto tablet = sut::IdFromBytes<sut::TabletId>(replica.record.tablet());
    if (tablet.ok()) hosted.insert(*tablet);
  }
  node.left_overs = FindLeftOvers(layout, life, hosted, ids, disk);
  return node;
}

}  // namespace holdfast
