// A copy of a node's disk as it is at one moment, and the look at it.
//
// The node must be dead or stopped while the copy is made. Table files and everything in snapshot directories never
// change once they are there, so they are hard-linked, and the copy costs little; all else is copied. Reading can then
// take its time, while the node goes on. Contents of snapshot directories are remembered by their files.
//
// One thread.

#ifndef HARNESS_PROCESS_DISK_CAPTURE_H_
#define HARNESS_PROCESS_DISK_CAPTURE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "harness/cluster/disk_inspection.h"
#include "sut/runtime/seams.h"

namespace holdfast::process {

// Copies the tree `from` to `to`, which must not exist; on one file system.
struct TreeCopy {
  std::string from;
  std::string to;
};
absl::Status CaptureTree(const TreeCopy& copy);

// Real directories that do not change.
class CapturedDisk final : public DiskView {
 public:
  CapturedDisk();
  std::vector<std::string> NamesIn(const std::string& directory) override;
  std::shared_ptr<const StoreContent> ReadStore(const std::string& directory, RowKeys row_keys) override;
  std::shared_ptr<const StoreContent> ReadSnapshot(const std::string& directory, RowKeys row_keys) override;
  absl::StatusOr<std::vector<JournaledReplica>> ReadJournal(const std::string& log_store_directory) override;

 private:
  // The cache is emptied when it holds more than this.
  static constexpr size_t kCachedMax = 1024;

  sut::StorageSeam seam_;
  std::map<std::string, std::shared_ptr<const StoreContent>> snapshots_;  // by the identities of their files
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_DISK_CAPTURE_H_
