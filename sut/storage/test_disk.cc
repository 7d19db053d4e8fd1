#include "sut/storage/test_disk.h"

#include <deque>
#include <filesystem>
#include <limits>
#include <mutex>
#include <utility>

#include "gtest/gtest.h"
#include "rocksdb/file_system.h"
#include "rocksdb/system_clock.h"
#include "sut/base/check.h"

namespace sut {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Shared by the file system and its open files.
struct DiskState {
  std::mutex mutex;
  uint64_t mutations_left = std::numeric_limits<uint64_t>::max();
  bool fail_syncs = false;
  std::vector<std::string> synced_directories;

  IOStatus Read() {
    std::lock_guard lock(mutex);
    return mutations_left == 0 ? IOStatus::IOError("dead") : IOStatus::OK();
  }
  IOStatus Mutate() {
    std::lock_guard lock(mutex);
    if (mutations_left == 0) return IOStatus::IOError("dead");
    --mutations_left;
    return IOStatus::OK();
  }
  IOStatus Sync() {
    IOStatus status = Mutate();
    std::lock_guard lock(mutex);
    return status.ok() && fail_syncs ? IOStatus::IOError("sync failed") : status;
  }
};

class TestWritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TestWritableFile(std::unique_ptr<rocksdb::FSWritableFile> target, std::shared_ptr<DiskState> state)
      : FSWritableFileOwnerWrapper(std::move(target)), state_(std::move(state)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? target()->Append(data, options, debug) : status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return state_->Sync(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return state_->Sync(); }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    IOStatus closed = target()->Close(options, debug);
    IOStatus status = state_->Read();
    return status.ok() ? closed : status;
  }

 private:
  const std::shared_ptr<DiskState> state_;
};

class TestRandomReadWriteFile final : public rocksdb::FSRandomRWFileOwnerWrapper {
 public:
  TestRandomReadWriteFile(std::unique_ptr<rocksdb::FSRandomRWFile> target, std::shared_ptr<DiskState> state)
      : FSRandomRWFileOwnerWrapper(std::move(target)), state_(std::move(state)) {}

  IOStatus Write(uint64_t offset, const rocksdb::Slice& data, const IOOptions& options,
                 IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? FSRandomRWFileOwnerWrapper::Write(offset, data, options, debug) : status;
  }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return state_->Sync(); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return state_->Sync(); }

 private:
  const std::shared_ptr<DiskState> state_;
};

class TestRandomAccessFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  TestRandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile> target, std::shared_ptr<DiskState> state)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), state_(std::move(state)) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions& options, rocksdb::Slice* result, char* scratch,
                IODebugContext* debug) const override {
    IOStatus status = state_->Read();
    return status.ok() ? FSRandomAccessFileOwnerWrapper::Read(offset, n, options, result, scratch, debug) : status;
  }

 private:
  const std::shared_ptr<DiskState> state_;
};

class TestDirectory final : public rocksdb::FSDirectory {
 public:
  TestDirectory(std::string path, std::shared_ptr<DiskState> state)
      : path_(std::move(path)), state_(std::move(state)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    IOStatus status = state_->Sync();
    std::lock_guard lock(state_->mutex);
    if (status.ok()) state_->synced_directories.push_back(path_);
    return status;
  }

 private:
  const std::string path_;
  const std::shared_ptr<DiskState> state_;
};

// RocksDB pauses after a failed background job.
class ClockWithoutSleep final : public rocksdb::SystemClockWrapper {
 public:
  ClockWithoutSleep() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "ClockWithoutSleep"; }
  void SleepForMicroseconds(int) override {}
};

// In memory where there is such a file system: what is tested here is not the machine's disk.
std::string TemporaryDirectory() {
  std::error_code ignored;
  return std::filesystem::is_directory("/dev/shm", ignored) ? "/dev/shm" : testing::TempDir();
}

}  // namespace

class TestDisk::FileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "TestDisk"; }
  DiskState& state() { return *state_; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file, IODebugContext* debug) override {
    IOStatus status = state_->Read();
    return status.ok() ? target()->NewSequentialFile(path, options, file, debug) : status;
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file, IODebugContext* debug) override {
    IOStatus status = state_->Read();
    if (status.ok()) status = target()->NewRandomAccessFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<TestRandomAccessFile>(std::move(*file), state_);
    return status;
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    if (status.ok()) status = target()->NewWritableFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<TestWritableFile>(std::move(*file), state_);
    return status;
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
    IOStatus status = state_->Read();
    if (status.ok()) status = target()->ReopenWritableFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<TestWritableFile>(std::move(*file), state_);
    return status;
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* file, IODebugContext* debug) override {
    IOStatus status = state_->Read();
    if (status.ok()) status = target()->NewRandomRWFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<TestRandomReadWriteFile>(std::move(*file), state_);
    return status;
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) override {
    IOStatus status = state_->Read();
    if (status.ok()) status = target()->NewDirectory(path, options, directory, debug);
    if (status.ok()) *directory = std::make_unique<TestDirectory>(path, state_);
    return status;
  }
  IOStatus FileExists(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->Read();
    return status.ok() ? target()->FileExists(path, options, debug) : status;
  }
  IOStatus GetChildren(const std::string& path, const IOOptions& options, std::vector<std::string>* names,
                       IODebugContext* debug) override {
    IOStatus status = state_->Read();
    return status.ok() ? target()->GetChildren(path, options, names, debug) : status;
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* size,
                       IODebugContext* debug) override {
    IOStatus status = state_->Read();
    return status.ok() ? target()->GetFileSize(path, options, size, debug) : status;
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions& options, bool* is_directory,
                       IODebugContext* debug) override {
    IOStatus status = state_->Read();
    return status.ok() ? target()->IsDirectory(path, options, is_directory, debug) : status;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? target()->DeleteFile(path, options, debug) : status;
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? target()->CreateDir(path, options, debug) : status;
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? target()->CreateDirIfMissing(path, options, debug) : status;
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? target()->DeleteDir(path, options, debug) : status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? target()->RenameFile(from, to, options, debug) : status;
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override {
    IOStatus status = state_->Mutate();
    return status.ok() ? target()->LinkFile(from, to, options, debug) : status;
  }
  IOStatus GetFreeSpace(const std::string&, const IOOptions&, uint64_t*, IODebugContext*) override {
    return IOStatus::NotSupported("free space");
  }

 private:
  const std::shared_ptr<DiskState> state_ = std::make_shared<DiskState>();
};

class TestDisk::Env final : public rocksdb::EnvWrapper {
 public:
  Env(rocksdb::Env* target, Threads threads) : EnvWrapper(target), threads_(threads) {
    system_clock_ = std::make_shared<ClockWithoutSleep>();
  }
  const char* Name() const override { return "TestDisk"; }

  void Schedule(void (*function)(void*), void* argument, Priority priority, void* tag,
                void (*unschedule)(void*)) override {
    if (threads_ == Threads::kOwn) return EnvWrapper::Schedule(function, argument, priority, tag, unschedule);
    jobs_.push_back({function, argument, tag, unschedule});
  }
  int UnSchedule(void* tag, Priority priority) override {
    if (threads_ == Threads::kOwn) return EnvWrapper::UnSchedule(tag, priority);
    int removed = 0;
    for (size_t i = jobs_.size(); i-- > 0;) {
      if (jobs_[i].tag != tag) continue;
      if (jobs_[i].unschedule != nullptr) jobs_[i].unschedule(jobs_[i].argument);
      jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(i));
      ++removed;
    }
    return removed;
  }
  void Drain() {
    constexpr int kJobsMax = 1000;
    for (int n = 0; !jobs_.empty(); ++n) {
      SUT_CHECK(n < kJobsMax, "background jobs that never end");
      const Job job = jobs_.front();
      jobs_.pop_front();
      job.function(job.argument);
    }
  }

 private:
  struct Job {
    void (*function)(void*);
    void* argument;
    void* tag;
    void (*unschedule)(void*);
  };
  const Threads threads_;
  std::deque<Job> jobs_;
};

TestDisk::TestDisk(Threads threads) : threads_(threads) {
  std::string pattern = TemporaryDirectory() + "/holdfast-storage-XXXXXX";
  SUT_CHECK(mkdtemp(pattern.data()) != nullptr, "no temporary directory");
  root_ = pattern;
  file_system_ = std::make_shared<FileSystem>();
  composite_ = rocksdb::NewCompositeEnv(file_system_);
  env_ = std::make_unique<Env>(composite_.get(), threads);
}

TestDisk::~TestDisk() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

StorageSeam TestDisk::seam() {
  StorageSeam seam;
  seam.env = env_.get();
  if (threads_ == Threads::kNone) seam.drain_background = [env = env_.get()] { env->Drain(); };
  return seam;
}

void TestDisk::DieAfter(uint64_t mutations) {
  std::lock_guard lock(file_system_->state().mutex);
  file_system_->state().mutations_left = mutations;
}

void TestDisk::Revive() { DieAfter(std::numeric_limits<uint64_t>::max()); }

bool TestDisk::dead() const { return !file_system_->state().Read().ok(); }

void TestDisk::FailSyncs(bool fail) {
  std::lock_guard lock(file_system_->state().mutex);
  file_system_->state().fail_syncs = fail;
}

std::vector<std::string> TestDisk::TakeSyncedDirectories() {
  std::lock_guard lock(file_system_->state().mutex);
  return std::exchange(file_system_->state().synced_directories, {});
}

}  // namespace sut
