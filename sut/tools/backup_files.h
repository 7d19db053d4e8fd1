// A backup on disk, and the copying of tablet directories between it and the nodes of a cluster on this machine.
//
//   <backup>/snapshot.meta       what was exported (sut/backup/export_file.h)
//   <backup>/<tablet>/           a copy of the snapshot's directory of each tablet
//
// A copy has its final name only when it is complete, durable and verified against the export. Thread rule:
// single-threaded; calls block.

#ifndef SUT_TOOLS_BACKUP_FILES_H_
#define SUT_TOOLS_BACKUP_FILES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/proto/backup.pb.h"
#include "sut/storage/placed.h"

namespace sut {

std::string BackupMetaFile(const std::string& backup);
std::string BackupTabletDirectory(const std::string& backup, const std::string& tablet_bytes);

struct CopiedDirectory {
  uint64_t files = 0;
  uint64_t bytes = 0;
};
struct DirectoryCopy {
  std::string from;
  std::string to;  // must not be there; its parent is made
  PlacedExpectation expected;
};
// Nothing is left of it if it fails.
absl::StatusOr<CopiedDirectory> CopyVerified(const DirectoryCopy& copy);

// Reads the metadata and verifies every tablet directory. The first that is missing or not what was exported is named.
absl::StatusOr<proto::SnapshotExport> ReadBackup(const std::string& backup);

}  // namespace sut

#endif  // SUT_TOOLS_BACKUP_FILES_H_
