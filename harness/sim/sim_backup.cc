// What an operator does by hand on simulated disks.

#include <memory>

#include "harness/sim/sim_cluster.h"
#include "harness/sim/sim_env.h"
#include "sut/storage/layout.h"

namespace holdfast::sim {

std::string SimCluster::PathOf(const SnapshotPlace& place) const {
  const sut::NodeLayout layout(SimNode::root(), sut::NodeId{place.node});
  const sut::TableId table = ids_.Table(ids_.TableOfObject(place.object));
  return sut::ReplicaLayout(layout, table, ids_.Tablet(place.object)).snapshot(ids_.Snapshot(place.snapshot));
}

absl::StatusOr<SnapshotCopy> SimCluster::CopySnapshot(const SnapshotPlace& place) {
  return CopySnapshotOut(disk_readers_[place.node - 1]->seam(), PathOf(place));
}

absl::Status SimCluster::PlaceSnapshot(const SnapshotPlace& place, const DirectoryFiles& files) {
  SimNode& node = Node(place.node);
  if (!node.is_up()) return absl::FailedPreconditionError("the node is down");
  // The disk is the node's and outlives the call.
  const std::shared_ptr<SimFileSystem> disk(&node.disk(), [](SimFileSystem*) {});
  SimEnv env({.file_system = disk, .now_us = [this] { return static_cast<uint64_t>(NowUs()); }});
  sut::StorageSeam seam;
  seam.env = &env;
  seam.drain_background = [&env] { env.Drain(); };
  return PlaceSnapshotFiles(seam, PathOf(place), files);
}

}  // namespace holdfast::sim
