// Where things are on a node's disk; the directory names follow YugabyteDB's.
//
//   <root>/node-<n>/disk-1/yb-data/tserver/raft-log                       the Raft log store of the node
//   <root>/node-<n>/disk-1/yb-data/tserver/data/rocksdb/table-<table>/
//       tablet-<tablet>/<generation>/                                     live store; the journal says which generation
//       tablet-<tablet>.snapshots/<snapshot>/                             a snapshot
//       tablet-<tablet>.snapshots/<snapshot>.tmp/                         the same while it is made,
//       tablet-<tablet>.snapshots/<snapshot>.trash.tmp/                   and while it is removed
//       tablet-<tablet>.incoming/<snapshot>/                              snapshots being received by an install
//       tablet-<tablet>.outgoing/<session>/...                            pinned source of an install
//
// Ids are hex and checked when parsed, so no path can be built from outside input that leaves the tree.

#ifndef SUT_STORAGE_LAYOUT_H_
#define SUT_STORAGE_LAYOUT_H_

#include <string>

#include "sut/base/ids.h"

namespace sut {

class NodeLayout {
 public:
  NodeLayout(std::string root, NodeId node);
  std::string log_store() const;
  // Every directory from the root down to it is created by CreateDirectoryChain and fsynced in its parent.
  std::string table(TableId table) const;
  std::string tables() const;  // holds the directories of tables
  const std::string& root() const { return root_; }

 private:
  std::string root_;  // <root>/node-<n>/disk-1/yb-data/tserver
};

// The directories of one replica.
class ReplicaLayout {
 public:
  ReplicaLayout(const NodeLayout& node, TableId table, TabletId tablet);
  std::string live() const;  // holds the generations
  std::string generation(uint64_t number) const;
  std::string snapshots() const;
  std::string snapshot(SnapshotId id) const;
  std::string snapshot_tmp(SnapshotId id) const;    // being made
  std::string snapshot_trash(SnapshotId id) const;  // being removed
  std::string incoming() const;
  std::string incoming(SnapshotId id) const;
  std::string outgoing() const;
  std::string outgoing(uint64_t session) const;

 private:
  std::string base_;  // .../table-<table>/tablet-<tablet>
};

}  // namespace sut

#endif  // SUT_STORAGE_LAYOUT_H_
