#include "sut/storage/layout.h"

#include "absl/strings/str_cat.h"

namespace sut {

NodeLayout::NodeLayout(std::string root, NodeId node)
    : root_(absl::StrCat(root, "/node-", node.value, "/disk-1/yb-data/tserver")) {}

std::string NodeLayout::log_store() const { return absl::StrCat(root_, "/raft-log"); }

std::string NodeLayout::table(TableId table) const { return absl::StrCat(tables(), "/table-", Hex(table)); }

std::string NodeLayout::tables() const { return absl::StrCat(root_, "/data/rocksdb"); }

ReplicaLayout::ReplicaLayout(const NodeLayout& node, TableId table, TabletId tablet)
    : base_(absl::StrCat(node.table(table), "/tablet-", Hex(tablet))) {}

std::string ReplicaLayout::live() const { return base_; }
std::string ReplicaLayout::generation(uint64_t number) const { return absl::StrCat(base_, "/", number); }

std::string ReplicaLayout::snapshots() const { return absl::StrCat(base_, ".snapshots"); }
std::string ReplicaLayout::snapshot(SnapshotId id) const { return absl::StrCat(snapshots(), "/", Hex(id)); }
std::string ReplicaLayout::snapshot_tmp(SnapshotId id) const { return absl::StrCat(snapshot(id), ".tmp"); }
std::string ReplicaLayout::snapshot_trash(SnapshotId id) const { return absl::StrCat(snapshot(id), ".trash.tmp"); }

std::string ReplicaLayout::incoming() const { return absl::StrCat(base_, ".incoming"); }
std::string ReplicaLayout::incoming(SnapshotId id) const { return absl::StrCat(incoming(), "/", Hex(id)); }
std::string ReplicaLayout::outgoing() const { return absl::StrCat(base_, ".outgoing"); }
std::string ReplicaLayout::outgoing(uint64_t session) const { return absl::StrCat(outgoing(), "/", session); }

}  // namespace sut
