// sut-backup: a table's backup and its restoration as one command each, for a cluster that sut-ctl has made on this
// machine.
//
// create: snapshot, export, copies of the leaders' tablet directories, and the snapshot is deleted again.
// restore: everything is verified; then import, a copy at every replica, restore, and the snapshot is deleted again.
//
// Contract: what fails leaves nothing behind: no directory of a backup that is not complete, no imported snapshot, no
// table that the import has made. One line of progress for each thing done. Thread rule: single-threaded; calls block.

#ifndef SUT_TOOLS_BACKUP_COMMANDS_H_
#define SUT_TOOLS_BACKUP_COMMANDS_H_

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sut/backup/import_mapping.h"
#include "sut/server/remote_client.h"

namespace sut {

// The cluster, and where its nodes have their data.
struct BackupWorld {
  RemoteClient* client = nullptr;
  std::string data_dir;
  std::ostream* out = nullptr;
};

struct BackupRequest {
  std::string keyspace;
  std::vector<std::string> tables;
  std::string directory;  // must not be there
};
absl::Status CreateBackup(const BackupWorld& world, const BackupRequest& request);

struct RestoreRequest {
  std::string directory;
  std::optional<TableName> as;  // of a backup of one table
};
absl::Status RestoreBackup(const BackupWorld& world, const RestoreRequest& request);

// Waits for the end of a snapshot operation; bounded. The reason, if it ends otherwise.
absl::Status AwaitSnapshot(RemoteClient& client, SnapshotId snapshot, proto::SnapshotInfo::State wanted);
absl::Status AwaitRestored(RemoteClient& client, RestorationId restoration);
// Deletes it and waits until that is done.
absl::Status DeleteSnapshotAndWait(RemoteClient& client, SnapshotId snapshot);

}  // namespace sut

#endif  // SUT_TOOLS_BACKUP_COMMANDS_H_
