// A disk for tests: a temporary directory behind a file system that counts, that can die, and whose syncs cost nothing.
//
// Fault model: from the n-th mutation on, every operation fails with an IOError and has no effect, as for a process
// that was killed in the middle of a call; what was written before stays. Revive is the restart. Apart from that, syncs
// can be made to fail. With Threads::kNone, background jobs queue up until the seam's drain_background, as in the
// simulator.

#ifndef SUT_STORAGE_TEST_DISK_H_
#define SUT_STORAGE_TEST_DISK_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rocksdb/env.h"
#include "sut/runtime/seams.h"

namespace sut {

class TestDisk {
 public:
  enum class Threads { kOwn, kNone };

  explicit TestDisk(Threads threads);
  ~TestDisk();
  TestDisk(const TestDisk&) = delete;
  TestDisk& operator=(const TestDisk&) = delete;

  StorageSeam seam();
  // An existing directory that goes with the disk.
  const std::string& root() const { return root_; }

  void DieAfter(uint64_t mutations);
  void Revive();
  bool dead() const;
  void FailSyncs(bool fail);
  // Directories that were fsynced since the last call, in order.
  std::vector<std::string> TakeSyncedDirectories();

 private:
  class FileSystem;
  class Env;

  std::string root_;
  std::shared_ptr<FileSystem> file_system_;
  std::unique_ptr<rocksdb::Env> composite_;
  std::unique_ptr<Env> env_;
  const Threads threads_;
};

}  // namespace sut

#endif  // SUT_STORAGE_TEST_DISK_H_
