// A tablet's snapshot directory outside of its cluster, as a backup keeps it: read off a node's disk, and put in its
// place on another one, as an operator does by hand with what export and import leave to him.
//
// Nothing is verified when it is placed: that is the cluster's to do. Placing is durable when it ends, and what is in
// the place is never half there. Works on any disk. Thread rule: none of it runs while the node's own code does.

#ifndef HARNESS_CLUSTER_SNAPSHOT_COPY_H_
#define HARNESS_CLUSTER_SNAPSHOT_COPY_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harness/check/inspection.h"
#include "sut/runtime/seams.h"
#include "sut/storage/placed.h"

namespace holdfast {

using DirectoryFiles = std::map<std::string, std::string>;  // name -> bytes

struct SnapshotCopy {
  DirectoryFiles files;
  sut::SnapshotContents contents;
  check::Rows rows;
};

// NotFound if there is no such directory, DataLoss if it is damaged.
absl::StatusOr<SnapshotCopy> CopySnapshotOut(const sut::StorageSeam& seam, const std::string& directory);

// Of a directory that is being placed. Not a snapshot's id: a node that starts takes it for a left-over and removes it.
inline constexpr const char* kPlacingSuffix = ".placing.tmp";

// Replaces what is at `directory`. REQUIRES: the files' names are plain.
absl::Status PlaceSnapshotFiles(const sut::StorageSeam& seam, const std::string& directory,
                                const DirectoryFiles& files);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_SNAPSHOT_COPY_H_
