#include "faults/chaos_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "faults/chaos_names.h"
#include "faults/chaos_paths.h"
#include "faults/disk_fault_set.h"
#include "sut/base/prng.h"

namespace holdfast::faults {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// What tells one version of a file that is only ever replaced from the next.
struct FileVersion {
  ino_t inode = 0;
  off_t bytes = 0;
  timespec modified = {};

  friend bool operator==(const FileVersion& a, const FileVersion& b) {
    return a.inode == b.inode && a.bytes == b.bytes && a.modified.tv_sec == b.modified.tv_sec &&
           a.modified.tv_nsec == b.modified.tv_nsec;
  }
};

FileVersion VersionOf(const std::string& path) {
  struct stat found = {};
  if (stat(path.c_str(), &found) != 0) return {};
  return {found.st_ino, found.st_size, found.st_mtim};
}

// The faults of the process's disk, wherever they come from.
class Faults {
 public:
  Faults(std::string data_dir, std::string control_file)
      : data_dir_(std::move(data_dir)), control_file_(std::move(control_file)) {}

  void Arm(const DiskFault& fault) {
    std::lock_guard lock(mutex_);
    set_.Arm(fault);
  }
  uint64_t struck() {
    std::lock_guard lock(mutex_);
    return set_.struck();
  }

  // What the operation meets; a latency is waited for here.
  std::optional<DiskFaultSet::Strike> Meet(const DiskFaultSet::Operation& operation) {
    std::optional<DiskFaultSet::Strike> strike;
    {
      std::lock_guard lock(mutex_);
      ReadControlFile();
      strike = set_.OnOperation(operation);
      if (strike) Tell(*strike, operation);
    }
    if (!strike || strike->effect != DiskEffect::kLatency) return strike;
    std::this_thread::sleep_for(std::chrono::microseconds(strike->latency_us));
    return std::nullopt;
  }

 private:
  // Before every operation: a fault holds from the moment at which it is armed.
  void ReadControlFile() {
    if (control_file_.empty()) return;
    const FileVersion version = VersionOf(control_file_);
    if (version == control_version_) return;
    control_version_ = version;
    std::ifstream file(control_file_);
    std::stringstream text;
    if (file) text << file.rdbuf();
    if (text.str() == control_text_) return;
    control_text_ = text.str();
    const absl::StatusOr<std::vector<DiskFault>> faults = ParseDiskFaults(control_text_);
    if (!faults.ok()) {
      std::fprintf(stderr, "chaos disk: %s: %s\n", control_file_.c_str(),
                   std::string(faults.status().message()).c_str());
      return;
    }
    std::map<std::string, uint64_t> controlled;
    for (std::string line; std::getline(text, line);) {
      const auto one = ParseDiskFaults(line);
      if (!one.ok() || one->empty() || controlled.contains(line)) continue;
      const auto known = controlled_.find(line);
      controlled[line] = known != controlled_.end() ? known->second : set_.Arm(one->front());
    }
    for (const auto& [line, id] : controlled_) {
      if (!controlled.contains(line)) set_.Disarm(id);
    }
    controlled_ = std::move(controlled);
  }

  void Tell(const DiskFaultSet::Strike& strike, const DiskFaultSet::Operation& operation) const {
    std::ofstream log(ChaosDirectory(data_dir_) + "/struck", std::ios::app);
    log << DiskEffectName(strike.effect) << " " << DiskOperationName(operation.kind) << " " << operation.path;
    for (const auto& [line, id] : controlled_) {
      if (id == strike.fault) log << "\t" << line;
    }
    log << "\n";
  }

  const std::string data_dir_;
  const std::string control_file_;
  std::mutex mutex_;
  DiskFaultSet set_;
  FileVersion control_version_;
  std::string control_text_;
  std::map<std::string, uint64_t> controlled_;  // by line: as armed, also when it is spent
};

// What all parts of one disk share; outlives its handles.
struct Disk {
  std::unique_ptr<ChaosNames> names;
  std::unique_ptr<Faults> faults;
  bool real_syncs = false;

  // An error for operations that fail altogether; lost and misdirected writes are for the caller.
  IOStatus Admit(const DiskFaultSet::Operation& operation, std::optional<DiskFaultSet::Strike>* strike = nullptr) {
    const auto met = faults->Meet(operation);
    if (strike != nullptr) *strike = met;
    if (!met) return IOStatus::OK();
    const std::string path(operation.path);
    if (met->effect == DiskEffect::kNoSpace) return IOStatus::NoSpace(path, "injected");
    const bool fails = met->effect == DiskEffect::kIoError || met->effect == DiskEffect::kShort;
    return fails ? IOStatus::IOError(path, "injected") : IOStatus::OK();
  }

  // The bytes meant for `path` overwrite some of another file of the class.
  void Misdirect(const std::string& path, PathClass path_class, std::string_view data) {
    std::vector<std::string> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(names->data_dir(), error)) {
      const std::string other = entry.path().string();
      std::error_code ignored;
      if (!names->IsInside(other) || !entry.is_regular_file(ignored) || entry.file_size(ignored) == 0) continue;
      if (Includes(path_class, other)) files.push_back(other);
    }
    if (files.empty()) return;
    std::sort(files.begin(), files.end());
    const uint64_t draw = sut::Mix({sut::MixString(path), sut::MixString(data)});
    const std::string& other = files[sut::Below(draw, files.size())];
    const uint64_t bytes = std::filesystem::file_size(other, error);
    const int descriptor = open(other.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0 || bytes == 0) return;
    const uint64_t offset = sut::Below(sut::MixBits(draw), bytes);
    data = data.substr(0, bytes - offset);
    const ssize_t written = pwrite(descriptor, data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0) std::fprintf(stderr, "chaos disk: a misdirected write missed %s\n", other.c_str());
    close(descriptor);
  }

  // What is to be written in place of `data`. Not ok: `*data` is the part that is written before the failure.
  IOStatus AdmitWrite(DiskOperation operation, const std::string& path, std::string_view* data, std::string* zeros) {
    std::optional<DiskFaultSet::Strike> strike;
    IOStatus status = Admit({operation, path, {}}, &strike);
    if (!status.ok()) {
      const bool is_short = strike && strike->effect == DiskEffect::kShort;
      *data = is_short ? data->substr(0, sut::Below(sut::MixString(*data), std::max<size_t>(1, data->size())))
                       : std::string_view();
      return status;
    }
    if (!strike || !IsDamage(strike->effect)) return status;
    if (strike->effect == DiskEffect::kMisdirected) Misdirect(path, strike->path_class, *data);
    zeros->assign(data->size(), '\0');
    *data = *zeros;
    return status;
  }

  IOStatus Sync(const std::string& path, uint64_t inode, uint64_t bytes, const std::function<IOStatus()>& really) {
    IOStatus status = Admit({DiskOperation::kSync, path, {}});
    if (status.ok() && real_syncs) status = really();
    if (status.ok()) return names->NoteSync(inode, bytes);
    IOStatus noted = names->NoteFailedSync(inode);
    return noted.ok() ? status : noted;
  }
};

std::string_view AsView(const Slice& slice) { return {slice.data(), slice.size()}; }

class ChaosWritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  ChaosWritableFile(std::unique_ptr<rocksdb::FSWritableFile> target, Disk* disk, std::string path, uint64_t bytes)
      : FSWritableFileOwnerWrapper(std::move(target)),
        disk_(disk),
        path_(std::move(path)),
        inode_(InodeOf(path_)),
        bytes_(bytes) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    std::string_view bytes = AsView(data);
    std::string zeros;
    IOStatus status = disk_->AdmitWrite(DiskOperation::kAppend, path_, &bytes, &zeros);
    if (bytes.empty() && !status.ok()) return status;
    IOStatus appended = target()->Append(Slice(bytes.data(), bytes.size()), options, debug);
    if (appended.ok()) bytes_ += bytes.size();
    return status.ok() ? appended : status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = disk_->Admit({DiskOperation::kTruncate, path_, {}});
    const uint64_t before = bytes_;
    if (status.ok() && size < before) status = disk_->names->KeepOld({path_, size, before - size});
    if (status.ok()) status = target()->Truncate(size, options, debug);
    if (status.ok()) bytes_ = size;
    return status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return disk_->Sync(path_, inode_, bytes_, [&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  bool IsSyncThreadSafe() const override { return true; }
  // Only starts write-back: promises nothing.
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  Disk* const disk_;
  const std::string path_;
  const uint64_t inode_;
  std::atomic<uint64_t> bytes_;  // written so far; a sync beside an append may count less, never more
};

class ChaosRandomReadWriteFile final : public rocksdb::FSRandomRWFileOwnerWrapper {
 public:
  ChaosRandomReadWriteFile(std::unique_ptr<rocksdb::FSRandomRWFile> target, Disk* disk, std::string path)
      : FSRandomRWFileOwnerWrapper(std::move(target)), disk_(disk), path_(std::move(path)), inode_(InodeOf(path_)) {}

  IOStatus Write(uint64_t offset, const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    std::string_view bytes = AsView(data);
    std::string zeros;
    IOStatus status = disk_->AdmitWrite(DiskOperation::kWrite, path_, &bytes, &zeros);
    if (bytes.empty() && !status.ok()) return status;
    if (IOStatus kept = disk_->names->KeepOld({path_, offset, bytes.size()}); !kept.ok()) return kept;
    IOStatus written = FSRandomRWFileOwnerWrapper::Write(offset, Slice(bytes.data(), bytes.size()), options, debug);
    return status.ok() ? written : status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(path_, error);
    if (error) return IOStatus::IOError(path_, error.message());
    return disk_->Sync(path_, inode_, bytes, [&] { return FSRandomRWFileOwnerWrapper::Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }

 private:
  Disk* const disk_;
  const std::string path_;
  const uint64_t inode_;
};

class ChaosSequentialFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  ChaosSequentialFile(std::unique_ptr<rocksdb::FSSequentialFile> target, Disk* disk, std::string path)
      : FSSequentialFileOwnerWrapper(std::move(target)), disk_(disk), path_(std::move(path)) {}

  IOStatus Read(size_t bytes, const IOOptions& options, Slice* result, char* scratch, IODebugContext* debug) override {
    IOStatus status = disk_->Admit({DiskOperation::kRead, path_, {}});
    return status.ok() ? target()->Read(bytes, options, result, scratch, debug) : status;
  }

 private:
  Disk* const disk_;
  const std::string path_;
};

class ChaosRandomAccessFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  ChaosRandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile> target, Disk* disk, std::string path)
      : FSRandomAccessFileOwnerWrapper(std::move(target)), disk_(disk), path_(std::move(path)) {}

  IOStatus Read(uint64_t offset, size_t bytes, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) const override {
    IOStatus status = disk_->Admit({DiskOperation::kRead, path_, {}});
    return status.ok() ? target()->Read(offset, bytes, options, result, scratch, debug) : status;
  }

 private:
  Disk* const disk_;
  const std::string path_;
};

class ChaosDirectoryHandle final : public rocksdb::FSDirectory {
 public:
  ChaosDirectoryHandle(std::unique_ptr<rocksdb::FSDirectory> target, Disk* disk, std::string path)
      : target_(std::move(target)), disk_(disk), path_(std::move(path)), inode_(InodeOf(path_)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = disk_->Admit({DiskOperation::kSyncDirectory, path_, {}});
    if (status.ok() && disk_->real_syncs) status = target_->Fsync(options, debug);
    return status.ok() ? disk_->names->SyncDirectory(inode_) : status;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override { return target_->Close(options, debug); }

 private:
  const std::unique_ptr<rocksdb::FSDirectory> target_;
  Disk* const disk_;
  const std::string path_;
  const uint64_t inode_;
};

class ChaosFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit ChaosFileSystem(Disk* disk) : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(disk) {}
  const char* Name() const override { return "ChaosFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result, IODebugContext* debug) override {
    if (!Inside(path)) return target()->NewSequentialFile(path, options, result, debug);
    IOStatus status = AdmitOpen(path);
    if (status.ok()) status = target()->NewSequentialFile(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<ChaosSequentialFile>(std::move(*result), disk_, path);
    return status;
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result, IODebugContext* debug) override {
    if (!Inside(path)) return target()->NewRandomAccessFile(path, options, result, debug);
    IOStatus status = AdmitOpen(path);
    if (status.ok()) status = target()->NewRandomAccessFile(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<ChaosRandomAccessFile>(std::move(*result), disk_, path);
    return status;
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) override {
    if (!Inside(path)) return target()->NewWritableFile(path, options, result, debug);
    uint64_t bytes = 0;
    IOStatus status = MakeReadyForWriting(path, &bytes);
    if (status.ok() && bytes > 0) status = disk_->Admit({DiskOperation::kTruncate, path, {}});
    if (status.ok() && bytes > 0) status = disk_->names->KeepOld({path, 0, bytes});
    if (status.ok()) status = target()->NewWritableFile(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<ChaosWritableFile>(std::move(*result), disk_, path, 0);
    return status;
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) override {
    if (!Inside(path)) return target()->ReopenWritableFile(path, options, result, debug);
    uint64_t bytes = 0;
    IOStatus status = MakeReadyForWriting(path, &bytes);
    if (status.ok()) status = target()->ReopenWritableFile(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<ChaosWritableFile>(std::move(*result), disk_, path, bytes);
    return status;
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* result, IODebugContext* debug) override {
    if (!Inside(path)) return target()->NewRandomRWFile(path, options, result, debug);
    uint64_t bytes = 0;
    IOStatus status = MakeReadyForWriting(path, &bytes);
    if (status.ok()) status = target()->NewRandomRWFile(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<ChaosRandomReadWriteFile>(std::move(*result), disk_, path);
    return status;
  }
  // Another way around the journal; nothing that runs here needs it.
  IOStatus ReuseWritableFile(const std::string&, const std::string&, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("reuse of files on a chaos disk");
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result, IODebugContext* debug) override {
    IOStatus status = target()->NewDirectory(path, options, result, debug);
    if (!status.ok() || !InsideOrRoot(path)) return status;
    *result = std::make_unique<ChaosDirectoryHandle>(std::move(*result), disk_, path);
    return status;
  }
  IOStatus GetChildren(const std::string& path, const IOOptions& options, std::vector<std::string>* result,
                       IODebugContext* debug) override {
    IOStatus status = target()->GetChildren(path, options, result, debug);
    std::erase(*result, kChaosDirectoryName);
    return status;
  }
  // Or RocksDB starts threads that wait for room after a fault, and a store that waits does not close.
  IOStatus GetFreeSpace(const std::string&, const IOOptions&, uint64_t*, IODebugContext*) override {
    return IOStatus::NotSupported("free space of a chaos disk");
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    if (!Inside(path)) return target()->DeleteFile(path, options, debug);
    IOStatus status = disk_->Admit({DiskOperation::kUnlink, path, {}});
    return status.ok() ? disk_->names->Unlink(path) : status;
  }
  IOStatus Truncate(const std::string& path, size_t size, const IOOptions& options, IODebugContext* debug) override {
    if (!Inside(path)) return target()->Truncate(path, size, options, debug);
    uint64_t bytes = 0;
    IOStatus status = disk_->Admit({DiskOperation::kTruncate, path, {}});
    if (status.ok()) status = MakeReadyForWriting(path, &bytes);
    if (status.ok() && size < bytes) status = disk_->names->KeepOld({path, size, bytes - size});
    return status.ok() ? target()->Truncate(path, size, options, debug) : status;
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    if (!Inside(path)) return target()->CreateDir(path, options, debug);
    IOStatus status = disk_->Admit({DiskOperation::kMakeDirectory, path, {}});
    return status.ok() ? disk_->names->MakeDirectory(path) : status;
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    std::error_code ignored;
    if (Inside(path) && !std::filesystem::is_directory(path, ignored)) return CreateDir(path, options, debug);
    return target()->CreateDirIfMissing(path, options, debug);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
    if (!Inside(path)) return target()->DeleteDir(path, options, debug);
    IOStatus status = disk_->Admit({DiskOperation::kRemoveDirectory, path, {}});
    return status.ok() ? disk_->names->RemoveDirectory(path) : status;
  }
  IOStatus RenameFile(const std::string& source, const std::string& target_path, const IOOptions& options,
                      IODebugContext* debug) override {
    if (!Inside(source) || !Inside(target_path)) return target()->RenameFile(source, target_path, options, debug);
    IOStatus status = disk_->Admit({DiskOperation::kRename, source, target_path});
    return status.ok() ? disk_->names->Rename({source, target_path}) : status;
  }
  IOStatus LinkFile(const std::string& source, const std::string& target_path, const IOOptions& options,
                    IODebugContext* debug) override {
    if (!Inside(source) || !Inside(target_path)) return target()->LinkFile(source, target_path, options, debug);
    IOStatus status = disk_->Admit({DiskOperation::kLink, source, target_path});
    return status.ok() ? disk_->names->Link({source, target_path}) : status;
  }

 private:
  bool Inside(const std::string& path) const { return disk_->names->IsInside(path); }
  bool InsideOrRoot(const std::string& path) const { return Inside(path) || path == disk_->names->data_dir(); }
  IOStatus AdmitOpen(const std::string& path) {
    return InodeOf(path) == 0 ? IOStatus::OK() : disk_->Admit({DiskOperation::kOpen, path, {}});
  }

  // The file is there afterwards, and the journal knows it; `*bytes` is its size.
  IOStatus MakeReadyForWriting(const std::string& path, uint64_t* bytes) {
    if (InodeOf(path) == 0) {
      IOStatus status = disk_->Admit({DiskOperation::kCreate, path, {}});
      return status.ok() ? disk_->names->Create(path) : status;
    }
    std::error_code error;
    *bytes = std::filesystem::file_size(path, error);
    if (error) return IOStatus::IOError(path, error.message());
    return disk_->names->NoteOpened(InodeOf(path), *bytes);
  }

  Disk* const disk_;
};

class OpenedDisk final : public ChaosDisk {
 public:
  explicit OpenedDisk(Disk disk)
      : disk_(std::move(disk)), env_(rocksdb::NewCompositeEnv(std::make_shared<ChaosFileSystem>(&disk_))) {}
  rocksdb::Env* env() override { return env_.get(); }
  uint64_t faults_struck() const override { return disk_.faults->struck(); }

 private:
  Disk disk_;
  const std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChaosDisk>> OpenChaosDisk(ChaosDiskOptions options) {
  for (const DiskFault& fault : options.faults) {
    if (absl::Status status = Validate(fault); !status.ok()) return status;
  }
  auto names = ChaosNames::Open(options.data_dir);
  if (!names.ok()) return names.status();
  Disk disk;
  disk.names = *std::move(names);
  disk.faults = std::make_unique<Faults>(options.data_dir, options.control_file);
  disk.real_syncs = options.real_syncs;
  for (const DiskFault& fault : options.faults) disk.faults->Arm(fault);
  return std::make_unique<OpenedDisk>(std::move(disk));
}

}  // namespace holdfast::faults
