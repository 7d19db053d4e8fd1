// The open files of SimFileSystem, as RocksDB holds them. A handle belongs to the incarnation that opened it and fails
// without effect once that is dead. It keeps its file alive after the last name is gone, as an open file does.
//
// Loop rule: single-threaded; the file system must outlive its handles.

#ifndef HARNESS_SIM_SIM_FILE_HANDLES_H_
#define HARNESS_SIM_SIM_FILE_HANDLES_H_

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "harness/sim/sim_file_system.h"

namespace holdfast::sim::internal {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

inline std::string_view AsView(const Slice& slice) { return {slice.data(), slice.size()}; }

// What every handle on a file is made of.
template <typename FileSystem>
struct OpenFile {
  OpenFile(FileSystem* file_system, FilePtr opened, std::string opened_path)
      : owner(file_system),
        incarnation(file_system->incarnation()),
        file(std::move(opened)),
        path(std::move(opened_path)) {}

  IOStatus CheckAlive() const { return owner->CheckAlive(incarnation); }
  // Copies what there is of [offset, offset + length); bytes may yet be appended, so no view of them is given away.
  IOStatus Read(uint64_t offset, size_t length, Slice* result, char* scratch) const {
    *result = Slice();
    if (IOStatus status = CheckAlive(); !status.ok()) return status;
    if (IOStatus status = owner->AdmitRead({DiskRead::Kind::kRead, path}); !status.ok()) return status;
    const std::string_view content = file->content();
    if (offset >= content.size()) return IOStatus::OK();
    const size_t available = std::min<size_t>(length, content.size() - offset);
    std::memcpy(scratch, content.data() + offset, available);
    *result = Slice(scratch, available);
    return IOStatus::OK();
  }

  FileSystem* const owner;
  const uint64_t incarnation;
  const FilePtr file;
  const std::string path;
};

class SequentialHandle final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialHandle(OpenFile<const SimReadOnlyFileSystem> open) : open_(std::move(open)) {}

  IOStatus Read(size_t length, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    IOStatus status = open_.Read(position_, length, result, scratch);
    position_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t length) override {
    position_ = std::min<uint64_t>(position_ + length, std::max(position_, open_.file->size()));
    return open_.CheckAlive();
  }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  const OpenFile<const SimReadOnlyFileSystem> open_;
  uint64_t position_ = 0;
};

class RandomAccessHandle final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessHandle(OpenFile<const SimReadOnlyFileSystem> open) : open_(std::move(open)) {}

  IOStatus Read(uint64_t offset, size_t length, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return open_.Read(offset, length, result, scratch);
  }
  // There is nothing to be gained; saying so keeps RocksDB from prefetching into a buffer of its own.
  IOStatus Prefetch(uint64_t, size_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  const OpenFile<const SimReadOnlyFileSystem> open_;
};

class WritableHandle final : public rocksdb::FSWritableFile {
 public:
  explicit WritableHandle(OpenFile<SimFileSystem> open) : open_(std::move(open)) {}

  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    if (IOStatus status = open_.CheckAlive(); !status.ok()) return status;
    return open_.owner->WriteFile(open_.file, open_.path, open_.file->size(), AsView(data));
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    if (IOStatus status = open_.CheckAlive(); !status.ok()) return status;
    return open_.owner->TruncateFile(open_.file, open_.path, size);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return open_.CheckAlive(); }
  // An append is written at once: it outlives the process, and only a sync makes it outlive the power.
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return open_.CheckAlive(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    if (IOStatus status = open_.CheckAlive(); !status.ok()) return status;
    return open_.owner->SyncFile(open_.file, open_.path);
  }
  bool IsSyncThreadSafe() const override { return true; }  // Or DB::SyncWAL is refused.
  // Only starts write-back, as sync_file_range does: promises nothing.
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return open_.CheckAlive(); }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return open_.file->size(); }
  void PrepareWrite(size_t, size_t, const IOOptions&, IODebugContext*) override {}
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }

 private:
  const OpenFile<SimFileSystem> open_;
};

class RandomReadWriteHandle final : public rocksdb::FSRandomRWFile {
 public:
  explicit RandomReadWriteHandle(OpenFile<SimFileSystem> open) : open_(std::move(open)) {}

  IOStatus Write(uint64_t offset, const Slice& data, const IOOptions&, IODebugContext*) override {
    if (IOStatus status = open_.CheckAlive(); !status.ok()) return status;
    return open_.owner->WriteFile(open_.file, open_.path, offset, AsView(data));
  }
  IOStatus Read(uint64_t offset, size_t length, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return open_.Read(offset, length, result, scratch);
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return open_.CheckAlive(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    if (IOStatus status = open_.CheckAlive(); !status.ok()) return status;
    return open_.owner->SyncFile(open_.file, open_.path);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return open_.CheckAlive(); }

 private:
  const OpenFile<SimFileSystem> open_;
};

class DirectoryHandle final : public rocksdb::FSDirectory {
 public:
  DirectoryHandle(SimFileSystem* owner, DirectoryPtr directory, std::string path)
      : owner_(owner), incarnation_(owner->incarnation()), directory_(std::move(directory)), path_(std::move(path)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    if (IOStatus status = owner_->CheckAlive(incarnation_); !status.ok()) return status;
    return owner_->SyncDirectory(directory_, path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return owner_->CheckAlive(incarnation_); }

 private:
  SimFileSystem* const owner_;
  const uint64_t incarnation_;
  const DirectoryPtr directory_;
  const std::string path_;
};

}  // namespace holdfast::sim::internal

#endif  // HARNESS_SIM_SIM_FILE_HANDLES_H_
