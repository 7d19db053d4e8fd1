// Snapshot directories: made by hard link, verified, staged into new generations, shipped, removed; each durable step a
// call of its own, so that the tablet can make a sequence of events of them and a crash can fall between any two.
//
// Order of a create: RemoveLeftOver, store.Flush, LinkFiles, WriteMetadata, SyncSnapshot, Publish. A directory under
// its final name is complete and durable, and is never opened read-write nor changed until it is removed.
//
// What is about files and directories in general (SyncDirectory, RemoveTree, DescribeFiles, ...) stands in directory.h.
// Thread rule: on the Worker, or on the loop during start-up.

#ifndef SUT_STORAGE_CHECKPOINT_H_
#define SUT_STORAGE_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/bugs.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"
#include "sut/runtime/seams.h"
#include "sut/storage/directory.h"
#include "sut/storage/layout.h"
#include "sut/storage/tablet_store.h"

namespace sut {

inline constexpr char kSnapshotMetadataFile[] = "metadata";
inline constexpr uint32_t kSnapshotFormatVersion = 1;

// Hard-links the table files of the store's durable state into the new directory `to`, and copies MANIFEST and CURRENT
// there. Planted bugs 19 (MANIFEST is linked too), 20 (a merge gets in between, and
// what it removes is left out) and 40 (a full disk leaves files out).
// REQUIRES: the caller has flushed what shall be in it, and nothing is committed meanwhile.
absl::Status LinkFiles(const StorageSeam& seam, const TabletStore& store, const std::string& to, BugSet bugs = {});

// The files that LinkFiles made, with size and checksum. A checksum over a copy says nothing of what the copy was made
// from: a MANIFEST that lost a record reads as one of an older version, whole and valid. So what a reader would find is
// verified, and held against what was linked; after the checksums were taken, since what they fit passes for good
// wherever it is restored or installed. DataLoss if anything is damaged.
absl::StatusOr<std::vector<proto::FileInfo>> DescribeLinked(const StorageSeam& seam, const std::string& directory);
// Writes the metadata file of what LinkFiles made. `metadata.files` is filled in. Unsynced. Planted bugs 20 and 40:
// does not miss what is left out.
absl::Status WriteMetadata(const StorageSeam& seam, const std::string& directory, proto::SnapshotMetadata metadata,
                           BugSet bugs = {});
// The same with the files that `metadata` names.
absl::Status WriteMetadataAsGiven(const StorageSeam& seam, const std::string& directory,
                                  const proto::SnapshotMetadata& metadata);
// Makes a snapshot's directory durable with all its files (planted bugs 12 and 13: but one kind of them).
absl::Status SyncSnapshot(const StorageSeam& seam, const std::string& directory, BugSet bugs);
// Renames `from` to `to` and fsyncs the parents (planted bug 11: does not). A process may die in between: who finds
// `to` after a restart syncs its parent before relying on it.
absl::Status Publish(const StorageSeam& seam, const std::string& from, const std::string& to, BugSet bugs);

// Reads and verifies the metadata file alone. NotFound if there is no directory; DataLoss if it is damaged;
// Unimplemented if it is sound, but of another format version.
absl::StatusOr<proto::SnapshotMetadata> ReadMetadata(const StorageSeam& seam, const std::string& directory);
// Reads the metadata and verifies the size and checksum of every file, and that there is no other. DataLoss if not so.
absl::StatusOr<proto::SnapshotMetadata> VerifySnapshot(const StorageSeam& seam, const std::string& directory);

// Makes the new directory `generation` from a verified snapshot: table files linked, MANIFEST and CURRENT copied, all
// synced. A left-over `generation` is removed first.
absl::Status StageGeneration(const StorageSeam& seam, const std::string& snapshot, const std::string& generation);
// Replaces the replica's own metadata in `staged` (requests, sessions, markers, applied op id) by that of `live`, plus
// `extra`, marks it as applied up to `applied`, and flushes, so that `staged` is durable and equals: rows of the
// snapshot, all else of the live store. Planted bugs 4 (applied stays the snapshot's), 5 (the live rows stay as well),
// 7 and 50 (deletion markers are misread) and 35 (requests are not carried over) strike here.
absl::Status CarryOver(const TabletStore& live, TabletStore& staged, const StoreBatch& extra, OpId applied,
                       BugSet bugs);

// Everything in a store or snapshot directory, read off the files without opening them for writing, in key order.
// For inspections and exports.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadAll(const StorageSeam& seam,
                                                                         const std::string& directory);

}  // namespace sut

#endif  // SUT_STORAGE_CHECKPOINT_H_
