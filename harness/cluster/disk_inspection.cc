#include "harness/cluster/disk_inspection.h"

#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/cluster/ledger_entry.h"

namespace holdfast {

namespace {

using check::ReplicaInspection;

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

ReplicaInspection InspectReplica(const sut::NodeLayout& layout, const NodeLife& life,
                                 const sut::proto::ReplicaRecord& record, const PlanIds& ids, DiskView* disk) {
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
  const auto content = disk->ReadStore(at.layout.generation(at.generation), RowKeysOf(*tablet));
  out.applied = ToLogPosition(content->op);
  TakeStore(*content, &out);
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

void TakeStore(const StoreContent& content, ReplicaInspection* out) {
  out->error = content.error;
  out->rows = content.rows;
  out->metadata = content.metadata;
}

void InspectDirectories(const ReplicaDirectories& at, const PlanIds& ids, DiskView* disk, ReplicaInspection* out) {
  InspectSnapshots(at, ids, disk, out);
  InspectStrays(at, disk, out);
}

std::vector<ReplicaInspection> InspectLeftOvers(const sut::NodeLayout& layout, const NodeLife& life,
                                                const std::set<sut::TabletId>& hosted, const PlanIds& ids,
                                                DiskView* disk) {
  constexpr size_t kHexDigits = 32;
  const std::string prefix = "tablet-";
  const std::string tables = absl::StrCat(layout.root(), "/data/rocksdb");
  std::map<sut::TabletId, ReplicaInspection> left;
  for (const std::string& table : disk->NamesIn(tables)) {
    for (const std::string& name : disk->NamesIn(absl::StrCat(tables, "/", table))) {
      const bool is_tablet = name.starts_with(prefix) && name.size() >= prefix.size() + kHexDigits;
      const auto tablet = sut::IdFromHex<sut::TabletId>(is_tablet ? name.substr(prefix.size(), kHexDigits) : name);
      if (!tablet.ok() || hosted.contains(*tablet)) continue;
      ReplicaInspection& out = left.try_emplace(*tablet, NewInspection(life, *tablet, ids)).first->second;
      out.gone = true;
      out.strays.push_back(absl::StrCat(table, "/", name));
    }
  }
  std::vector<ReplicaInspection> all;
  for (auto& [tablet, out] : left) all.push_back(std::move(out));
  return all;
}

std::vector<ReplicaInspection> InspectStoppedNode(const sut::NodeLayout& layout, const NodeLife& life,
                                                  const PlanIds& ids, DiskView* disk) {
  std::vector<ReplicaInspection> replicas;
  const auto records = disk->ReadJournal(layout.log_store());
  if (!records.ok()) {
    replicas.push_back(NewInspection(life, sut::kMasterTablet, ids));
    replicas.back().error = absl::StrCat("the journal can't be read: ", records.status().ToString());
    return replicas;
  }
  std::set<sut::TabletId> hosted;
  for (const sut::proto::ReplicaRecord& record : *records) {
    if (record.removed()) continue;
    replicas.push_back(InspectReplica(layout, life, record, ids, disk));
    if (const auto tablet = sut::IdFromBytes<sut::TabletId>(record.tablet()); tablet.ok()) hosted.insert(*tablet);
  }
  std::vector<ReplicaInspection> left = InspectLeftOvers(layout, life, hosted, ids, disk);
  std::move(left.begin(), left.end(), std::back_inserter(replicas));
  return replicas;
}

}  // namespace holdfast
