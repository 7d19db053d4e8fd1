// The disk of the chaos build: a rocksdb::FileSystem over the real one, for a real process that is killed by SIGKILL.
// After the kill, ApplyPowerLoss takes away what a loss of power would have taken; and operations go wrong as
// disk_fault.h says.
//
// Fault model: that of SimFileSystem (harness/sim/sim_file.h and sim_directory_tree.h say it in full), on real files.
// - Of an unsynced tail any part may survive: none, all, short, zero-filled, garbage or with holes. Of a MANIFEST only
//   a prefix does. Synced bytes never change. A synced file that was overwritten or cut since its last sync may come
//   back in its old form.
// - Unsynced directory operations (create, mkdir, link, rename, unlink, rmdir) persist as any dependency-closed subset;
//   an unsynced unlink may come back.
// - After a failed sync the dirty bytes may be lost although the next sync succeeds.
//
// How: the page cache outlives a SIGKILL. Every mutation below the data directory is noted in `DATA_DIR/.chaos/journal`
// (chaos_journal.h) before it is done, and what it would destroy (unlinked files, overwritten bytes) is kept in
// `DATA_DIR/.chaos/`. Syncs are noted, not made, unless `real_syncs`: they are of use only against the power loss that
// is played here. Paths outside the data directory pass through untouched.
//
// Thread rule: from any thread. The file system outlives its handles.

#ifndef FAULTS_CHAOS_FILE_SYSTEM_H_
#define FAULTS_CHAOS_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "faults/disk_fault.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace holdfast::faults {

struct ChaosDiskOptions {
  std::string data_dir;           // absolute; made if it is missing
  std::vector<DiskFault> faults;  // armed from the start
  // A file with one fault a line (ParseDiskFaults), read again before the first operation after each change of it, so
  // that a fault holds from the moment at which it is there: a line that is new is armed, one that has gone is
  // disarmed, and one that stays goes on counting. Lines that are the same are one fault; a comment tells them apart.
  // It is replaced by renaming, and may appear and vanish while the process runs. Empty: none. A file that does not
  // parse changes nothing and is told of once on stderr.
  std::string control_file;
  bool real_syncs = false;
};

// What has happened, for the harness to ask: written to `DATA_DIR/.chaos/struck` as one line for each operation that a
// fault has struck, `EFFECT OPERATION PATH`, then a tab and the fault's line if it came from the control file.
class ChaosDisk {
 public:
  virtual ~ChaosDisk() = default;
  // For Server::Hooks::env; lives as long as this object.
  virtual rocksdb::Env* env() = 0;
  virtual uint64_t faults_struck() const = 0;
};

// Opens the disk as it is: after a mere death of the process, what was unsynced is still unsynced. InvalidArgument for
// options that make no sense, DataLoss for a journal that can't be read.
absl::StatusOr<std::unique_ptr<ChaosDisk>> OpenChaosDisk(ChaosDiskOptions options);

// Plays the loss of power on the data directory of a process that is dead: rolls back a part of what was not synced,
// drawn from `salt` and the paths, and makes the rest durable. Nothing happens where no chaos disk ever was. May itself
// be interrupted and called again.
// REQUIRES: no process uses the directory.
absl::Status ApplyPowerLoss(const std::string& data_dir, uint64_t salt);

}  // namespace holdfast::faults

#endif  // FAULTS_CHAOS_FILE_SYSTEM_H_
