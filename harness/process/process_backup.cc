// What an operator does by hand on the servers' data directories. What he places is durable by then: it is not among
// the writes that a loss of power may take.

#include "harness/process/process_cluster.h"
#include "rocksdb/env.h"
#include "sut/storage/layout.h"

namespace holdfast::process {
namespace {

sut::StorageSeam RealDisk() {
  sut::StorageSeam seam;
  seam.env = rocksdb::Env::Default();
  return seam;
}

}  // namespace

std::string ProcessCluster::PathOf(const SnapshotPlace& place) const {
  const sut::NodeLayout layout(DataDir(place.node), sut::NodeId{place.node});
  const sut::TableId table = ids_.Table(ids_.TableOfObject(place.object));
  return sut::ReplicaLayout(layout, table, ids_.Tablet(place.object)).snapshot(ids_.Snapshot(place.snapshot));
}

absl::StatusOr<SnapshotCopy> ProcessCluster::CopySnapshot(const SnapshotPlace& place) {
  return CopySnapshotOut(RealDisk(), PathOf(place));
}

absl::Status ProcessCluster::PlaceSnapshot(const SnapshotPlace& place, const DirectoryFiles& files) {
  if (!IsUp(place.node)) return absl::FailedPreconditionError("the node is down");
  return PlaceSnapshotFiles(RealDisk(), PathOf(place), files);
}

}  // namespace holdfast::process
