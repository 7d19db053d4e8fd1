// Exporting a snapshot's metadata from a running cluster, and importing it into one.
//
// Contract: an export has asked a replica of every tablet what it holds, so it says what the rows must be. An import
// checks everything it can before it changes anything; what it made itself is dropped again if it can't go on. The
// directories are not touched here: they are to be placed at every replica before the snapshot is restored.
// Thread rule: single-threaded; calls block.

#ifndef SUT_TOOLS_SNAPSHOT_TRANSFER_H_
#define SUT_TOOLS_SNAPSHOT_TRANSFER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/backup/import_mapping.h"
#include "sut/proto/backup.pb.h"
#include "sut/server/remote_client.h"

namespace sut {

// NotFound, or FailedPrecondition if it is not COMPLETE or has no directories of its own yet.
absl::StatusOr<proto::SnapshotExport> ExportSnapshot(RemoteClient& client, SnapshotId snapshot);

// A file or directory gets a new name on the same disk, which outlasts a loss of power.
absl::Status RenameDurably(const std::string& from, const std::string& to);
// The file, complete and durable under its name, or not there.
absl::Status WriteExportFile(const std::string& file, const proto::SnapshotExport& exported);
absl::StatusOr<proto::SnapshotExport> ReadExportFile(const std::string& file);

struct ImportedTable {
  proto::TableInfo table;
  proto::CatalogueCommand::ImportSnapshot::Table mapping;
};
struct ImportedSnapshot {
  SnapshotId id;
  std::vector<ImportedTable> tables;  // in the order of the export
  std::vector<TableId> created;       // those of them that the import has made
};
// `names` are of the tables to import into, in the order of the export. REQUIRES: as many as the export has.
absl::StatusOr<ImportedSnapshot> ImportSnapshot(RemoteClient& client, const proto::SnapshotExport& exported,
                                                const std::vector<TableName>& names);
// The tables' own names.
std::vector<TableName> NamesIn(const proto::SnapshotExport& exported);

}  // namespace sut

#endif  // SUT_TOOLS_SNAPSHOT_TRANSFER_H_
