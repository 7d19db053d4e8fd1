// For tests: a simulated disk with short calls.

#ifndef HARNESS_SIM_TEST_DISK_H_
#define HARNESS_SIM_TEST_DISK_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "harness/sim/sim_file_system.h"

namespace holdfast::sim {

using rocksdb::IOStatus;

// Paths are absolute.
class Disk {
 public:
  IOStatus Append(const std::string& path, std::string_view data, bool sync = false) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus status = fs.ReopenWritableFile(path, {}, &file, nullptr);
    if (status.ok()) status = file->Append({data.data(), data.size()}, {}, nullptr);
    if (status.ok() && sync) status = file->Sync({}, nullptr);
    return status;
  }
  IOStatus SyncFile(const std::string& path) { return Append(path, "", true); }
  IOStatus SyncDirectory(const std::string& path) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    IOStatus status = fs.NewDirectory(path, {}, &directory, nullptr);
    return status.ok() ? directory->Fsync({}, nullptr) : status;
  }
  IOStatus Create(const std::string& path) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    return fs.NewWritableFile(path, {}, &file, nullptr);
  }
  IOStatus WriteAt(const std::string& path, uint64_t offset, const std::string& data) {
    std::unique_ptr<rocksdb::FSRandomRWFile> file;
    IOStatus status = fs.NewRandomRWFile(path, {}, &file, nullptr);
    return status.ok() ? file->Write(offset, data, {}, nullptr) : status;
  }
  IOStatus Rename(const std::string& source, const std::string& target) {
    return fs.RenameFile(source, target, {}, nullptr);
  }
  IOStatus Link(const std::string& source, const std::string& target) {
    return fs.LinkFile(source, target, {}, nullptr);
  }
  IOStatus Unlink(const std::string& path) { return fs.DeleteFile(path, {}, nullptr); }
  IOStatus MakeDirectory(const std::string& path) { return fs.CreateDir(path, {}, nullptr); }
  IOStatus RemoveDirectory(const std::string& path) { return fs.DeleteDir(path, {}, nullptr); }
  void LosePowerAndRestart(uint64_t seed) {
    fs.PowerLoss(seed);
    fs.Restart();
  }
  std::string Read(const std::string& path) {
    const auto content = fs.ReadFile(path);
    return content.ok() ? std::string(*content) : "(none)";
  }

  uint64_t now_us = 5'000'000;
  SimFileSystem fs{[this] { return now_us; }};
};

#define ASSERT_IO_OK(call)                               \
  do {                                                   \
    const IOStatus io_status = (call);                   \
    ASSERT_TRUE(io_status.ok()) << io_status.ToString(); \
  } while (false)
#define EXPECT_IO_OK(call) EXPECT_TRUE((call).ok())
#define EXPECT_IO_FAILS(call) EXPECT_FALSE((call).ok())

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_TEST_DISK_H_
