// Rows and metadata from a store, then the replica's directories: snapshots, and what should not be there.

#include "harness/sim/sim_inspection.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/cluster/ledger_entry.h"
#include "sut/node/node.h"
#include "sut/storage/layout.h"
#include "sut/tablet/replica.h"

namespace holdfast::sim {

namespace {

using check::ReplicaInspection;

RowKeys RowKeysOf(sut::TabletId tablet) { return tablet == sut::kMasterTablet ? RowKeys::kMaster : RowKeys::kTablet; }

std::vector<std::string> NamesIn(const SimFileSystem& disk, const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names = disk.ListDirectory(directory);
  return names.ok() ? *std::move(names) : std::vector<std::string>();
}

// A replica's place on the disk.
struct Directories {
  sut::ReplicaLayout layout;
  sut::TabletId tablet;
  uint64_t generation;  // the live one
};

void InspectSnapshots(const SimNode& node, const Directories& at, const PlanIds& ids, DiskReader* reader,
                      ReplicaInspection* out) {
  for (const std::string& name : NamesIn(node.disk(), at.layout.snapshots())) {
    const auto id = sut::IdFromHex<sut::SnapshotId>(name);
    if (!id.ok()) {
      out->strays.push_back(absl::StrCat("snapshots/", name));
      continue;
    }
    const auto content = reader->ReadSnapshot(at.layout.snapshot(*id), RowKeysOf(at.tablet));
    out->snapshots.push_back({.snapshot = ids.SnapshotNumber(*id),
                              .name = name,
                              .error = content->error,
                              .op = ToLogPosition(content->op),
                              .rows = content->rows});
  }
}

void InspectStrays(const SimNode& node, const Directories& at, ReplicaInspection* out) {
  for (const std::string& name : NamesIn(node.disk(), at.layout.live())) {
    if (name != absl::StrCat(at.generation)) out->strays.push_back(absl::StrCat("generations/", name));
  }
  for (const std::string& name : NamesIn(node.disk(), at.layout.incoming())) {
    out->strays.push_back(absl::StrCat("incoming/", name));
  }
  for (const std::string& name : NamesIn(node.disk(), at.layout.outgoing())) {
    out->strays.push_back(absl::StrCat("outgoing/", name));
  }
}

void TakeStore(StoreContent content, ReplicaInspection* out) {
  out->error = std::move(content.error);
  out->rows = std::move(content.rows);
  out->metadata = std::move(content.metadata);
}

ReplicaInspection NewInspection(const SimNode& node, const PlanIds& ids, sut::TabletId tablet) {
  ReplicaInspection out;
  out.replica.tablet = ids.ObjectNumber(tablet).value_or(kUnknownNumber - 1);
  out.replica.node = node.id().value;
  out.replica.incarnation = node.incarnation();
  return out;
}

ReplicaInspection InspectRunning(const SimNode& node, const sut::Replica& replica, const PlanIds& ids,
                                 DiskReader* reader) {
  ReplicaInspection out = NewInspection(node, ids, replica.tablet());
  out.running = true;
  out.in_barrier = replica.in_barrier();
  out.applied = ToLogPosition(replica.applied());
  StoreContent content;
  const absl::Status read = replica.store()->Latest().Scan("", "", [&](std::string_view key, std::string_view value) {
    AddStoreRow(key, value, RowKeysOf(replica.tablet()), &content);
    return true;
  });
  if (!read.ok()) content.error = read.ToString();
  TakeStore(std::move(content), &out);
  const Directories at = {replica.layout(), replica.tablet(), replica.record().generation()};
  InspectSnapshots(node, at, ids, reader, &out);
  InspectStrays(node, at, &out);
  return out;
}

ReplicaInspection InspectDown(const SimNode& node, const sut::NodeLayout& layout,
                              const sut::proto::ReplicaRecord& record, const PlanIds& ids, DiskReader* reader) {
  const auto table = sut::IdFromBytes<sut::TableId>(record.table());
  const auto tablet = sut::IdFromBytes<sut::TabletId>(record.tablet());
  if (!table.ok() || !tablet.ok()) {
    ReplicaInspection out = NewInspection(node, ids, sut::kMasterTablet);
    out.error = "a journal record names no tablet";
    return out;
  }
  ReplicaInspection out = NewInspection(node, ids, *tablet);
  out.in_barrier = record.install_unfinished();
  const Directories at = {sut::ReplicaLayout(layout, *table, *tablet), *tablet, record.generation()};
  const auto content = reader->ReadStore(at.layout.generation(at.generation), RowKeysOf(*tablet));
  out.applied = ToLogPosition(content->op);
  TakeStore(*content, &out);
  InspectSnapshots(node, at, ids, reader, &out);
  InspectStrays(node, at, &out);
  return out;
}

}  // namespace

std::vector<ReplicaInspection> InspectNode(const SimNode& node, const PlanIds& ids, DiskReader* reader) {
  std::vector<ReplicaInspection> replicas;
  if (node.node() != nullptr) {
    for (const auto& [tablet, replica] : node.node()->replicas()) {
      replicas.push_back(InspectRunning(node, *replica, ids, reader));
    }
    return replicas;
  }
  const sut::NodeLayout layout(SimNode::root(), node.id());
  const auto records = reader->ReadJournal(layout.log_store());
  if (!records.ok()) {
    replicas.push_back(NewInspection(node, ids, sut::kMasterTablet));
    replicas.back().error = absl::StrCat("the journal can't be read: ", records.status().ToString());
    return replicas;
  }
  for (const sut::proto::ReplicaRecord& record : *records) {
    if (record.removed()) continue;
    replicas.push_back(InspectDown(node, layout, record, ids, reader));
  }
  return replicas;
}

}  // namespace holdfast::sim
