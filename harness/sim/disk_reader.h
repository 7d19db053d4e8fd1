// Reads stores, snapshot directories and journals off a simulated disk without touching it, whether their node is up or
// down.
//
// What was read is remembered by the content of its files, so looking again at a directory that has not changed, or at
// the same files on a second path, costs a listing. Loop rule: single-threaded, no effects on the disk.

#ifndef HARNESS_SIM_DISK_READER_H_
#define HARNESS_SIM_DISK_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/cluster/disk_inspection.h"
#include "harness/cluster/store_content.h"
#include "harness/sim/sim_env.h"
#include "harness/sim/sim_file_system.h"
#include "sut/proto/storage.pb.h"
#include "sut/runtime/seams.h"

namespace holdfast::sim {

class DiskReader final : public DiskView {
 public:
  // The disk outlives the reader.
  explicit DiskReader(const SimFileSystem* disk);

  std::vector<std::string> NamesIn(const std::string& directory) override;
  std::shared_ptr<const StoreContent> ReadStore(const std::string& directory, RowKeys row_keys) override;
  std::shared_ptr<const StoreContent> ReadSnapshot(const std::string& directory, RowKeys row_keys) override;
  absl::StatusOr<std::vector<JournaledReplica>> ReadJournal(const std::string& log_store_directory) override;
  // Read-only.
  const sut::StorageSeam& seam() const { return seam_; }

 private:
  // The cache is emptied when it holds more than this.
  static constexpr size_t kCachedMax = 4096;

  uint64_t HashDirectory(const std::string& directory) const;
  // Where the content of `directory` is remembered; null if it is not yet.
  std::shared_ptr<StoreContent>& Remembered(const std::string& directory, uint64_t salt);

  const SimFileSystem* const disk_;
  SimEnv env_;
  sut::StorageSeam seam_;
  std::map<uint64_t, std::shared_ptr<StoreContent>> cache_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_DISK_READER_H_
