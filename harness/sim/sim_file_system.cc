#include "harness/sim/sim_file_system.h"

#include <array>
#include <utility>

#include "harness/sim/sim_file_handles.h"

namespace holdfast::sim {
namespace {

using rocksdb::IOStatus;

constexpr uint64_t kMicrosecondsPerSecond = 1'000'000;

IOStatus NoSuchPath(const std::string& path) { return IOStatus::PathNotFound(path); }
IOStatus ReadOnly() { return IOStatus::NotSupported("read-only view of a simulated disk"); }

bool IsOptionsFile(std::string_view path) {
  const size_t slash = path.rfind('/');
  return path.substr(slash == std::string_view::npos ? 0 : slash + 1).starts_with("OPTIONS-");
}

absl::Status NotFound(std::string_view path) { return absl::NotFoundError("no such path: " + std::string(path)); }

class SilentLogger final : public rocksdb::Logger {
 public:
  SilentLogger() : Logger(rocksdb::InfoLogLevel::NUM_INFO_LOG_LEVELS) {}
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  void LogHeader(const char*, va_list) override {}
};

struct SimFileLock final : rocksdb::FileLock {
  std::string path;
  uint64_t incarnation;
};

}  // namespace

std::string_view MutationKindName(MutationKind kind) {
  constexpr std::array<std::string_view, 11> kNames = {"create", "append", "write at", "truncate",
                                                       "sync",   "mkdir",  "rmdir",    "fsync of directory",
                                                       "rename", "link",   "unlink"};
  return kNames[static_cast<size_t>(kind)];
}

// --- Reading
// -----------------------------------------------------------------------------------------------------------

IOStatus SimReadOnlyFileSystem::CheckAlive(uint64_t) const { return IOStatus::OK(); }

IOStatus SimReadOnlyFileSystem::AdmitRead(const DiskRead&) const { return IOStatus::OK(); }

IOStatus SimReadOnlyFileSystem::NewSequentialFile(const std::string& path, const FileOptions&,
                                                  std::unique_ptr<rocksdb::FSSequentialFile>* result, Debug*) {
  result->reset();
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NoSuchPath(path);
  if (IOStatus status = AdmitRead({DiskRead::Kind::kOpen, path}); !status.ok()) return status;
  *result = std::make_unique<internal::SequentialHandle>(
      internal::OpenFile<const SimReadOnlyFileSystem>(this, std::move(file), path));
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::NewRandomAccessFile(const std::string& path, const FileOptions&,
                                                    std::unique_ptr<rocksdb::FSRandomAccessFile>* result, Debug*) {
  result->reset();
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NoSuchPath(path);
  if (IOStatus status = AdmitRead({DiskRead::Kind::kOpen, path}); !status.ok()) return status;
  *result = std::make_unique<internal::RandomAccessHandle>(
      internal::OpenFile<const SimReadOnlyFileSystem>(this, std::move(file), path));
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::FileExists(const std::string& path, const IOOptions&, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  return std::holds_alternative<std::monostate>(tree_->Find(path)) ? IOStatus::NotFound(path) : IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* result,
                                            Debug*) {
  result->clear();
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  const DirectoryPtr directory = tree_->FindDirectory(path);
  if (directory == nullptr) return IOStatus::NotFound(path);
  for (const auto& [name, node] : directory->written) result->push_back(name);
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::GetFileSize(const std::string& path, const IOOptions&, uint64_t* size, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  const FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NoSuchPath(path);
  *size = file->size();
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t* time_s,
                                                        Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  const FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NoSuchPath(path);
  *time_s = file->modified_us() / kMicrosecondsPerSecond;
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::NumFileLinks(const std::string& path, const IOOptions&, uint64_t* count, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  const FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NoSuchPath(path);
  *count = file->link_count();
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::AreFilesSame(const std::string& first, const std::string& second, const IOOptions&,
                                             bool* same, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  const FilePtr file = tree_->FindFile(first);
  const FilePtr other = tree_->FindFile(second);
  if (file == nullptr || other == nullptr) return NoSuchPath(file == nullptr ? first : second);
  *same = file == other;
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::IsDirectory(const std::string& path, const IOOptions&, bool* is_directory, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  const Node node = tree_->Find(path);
  if (std::holds_alternative<std::monostate>(node)) return NoSuchPath(path);
  *is_directory = std::holds_alternative<DirectoryPtr>(node);
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result,
                                                Debug*) {
  *result = path.starts_with('/') ? path : "/" + path;
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::NewLogger(const std::string&, const IOOptions&,
                                          std::shared_ptr<rocksdb::Logger>* result, Debug*) {
  *result = std::make_shared<SilentLogger>();
  return IOStatus::OK();
}

IOStatus SimReadOnlyFileSystem::GetFreeSpace(const std::string&, const IOOptions&, uint64_t*, Debug*) {
  return IOStatus::NotSupported("free space of a simulated disk");
}

// --- Refusing to write
// -------------------------------------------------------------------------------------------------

IOStatus SimReadOnlyFileSystem::NewWritableFile(const std::string&, const FileOptions&,
                                                std::unique_ptr<rocksdb::FSWritableFile>* result, Debug*) {
  result->reset();
  return ReadOnly();
}
IOStatus SimReadOnlyFileSystem::NewDirectory(const std::string&, const IOOptions&,
                                             std::unique_ptr<rocksdb::FSDirectory>* result, Debug*) {
  result->reset();
  return ReadOnly();
}
IOStatus SimReadOnlyFileSystem::DeleteFile(const std::string&, const IOOptions&, Debug*) { return ReadOnly(); }
IOStatus SimReadOnlyFileSystem::CreateDir(const std::string&, const IOOptions&, Debug*) { return ReadOnly(); }
IOStatus SimReadOnlyFileSystem::CreateDirIfMissing(const std::string& path, const IOOptions&, Debug*) {
  return tree_->FindDirectory(path) != nullptr ? IOStatus::OK() : ReadOnly();
}
IOStatus SimReadOnlyFileSystem::DeleteDir(const std::string&, const IOOptions&, Debug*) { return ReadOnly(); }
IOStatus SimReadOnlyFileSystem::RenameFile(const std::string&, const std::string&, const IOOptions&, Debug*) {
  return ReadOnly();
}
IOStatus SimReadOnlyFileSystem::LockFile(const std::string&, const IOOptions&, rocksdb::FileLock** lock, Debug*) {
  *lock = nullptr;
  return ReadOnly();
}
IOStatus SimReadOnlyFileSystem::UnlockFile(rocksdb::FileLock*, const IOOptions&, Debug*) { return ReadOnly(); }
IOStatus SimReadOnlyFileSystem::GetTestDirectory(const IOOptions&, std::string*, Debug*) {
  return IOStatus::NotSupported("test directory");
}

// --- The machine's life
// ------------------------------------------------------------------------------------------------

SimFileSystem::SimFileSystem(std::function<uint64_t()> now_us)
    : SimReadOnlyFileSystem(std::make_shared<SimDirectoryTree>()), now_us_(std::move(now_us)) {}

SimFileSystem::~SimFileSystem() = default;

void SimFileSystem::KillHandles() {
  alive_ = false;
  locks_.clear();
}

void SimFileSystem::PowerLoss(uint64_t seed) {
  KillHandles();
  tree_->LosePower(seed);
}

void SimFileSystem::Wipe() {
  KillHandles();
  tree_->Clear();
}

void SimFileSystem::Restart() {
  KillHandles();
  ++incarnation_;
  alive_ = true;
}

IOStatus SimFileSystem::CheckAlive(uint64_t incarnation) const {
  if (alive_ && incarnation == incarnation_) return IOStatus::OK();
  return IOStatus::IOError("the process that opened this is dead");
}

IOStatus SimFileSystem::AdmitRead(const DiskRead& read) const {
  if (observer_ == nullptr || observer_->OnRead(read)) return IOStatus::OK();
  return IOStatus::IOError(std::string(read.path), "injected");
}

// --- Inspection
// --------------------------------------------------------------------------------------------------------

absl::Status SimFileSystem::FlipBits(std::string_view path, uint64_t offset, uint8_t mask) {
  const FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NotFound(path);
  if (offset >= file->size()) return absl::OutOfRangeError("behind the end of " + std::string(path));
  file->FlipBits(offset, mask);
  return absl::OkStatus();
}

std::vector<SimFileSystem::FileSize> SimFileSystem::ListFiles() const {
  std::vector<FileSize> files;
  tree_->ForEach([&](const std::string& path, const Node& node) {
    if (const FilePtr* file = std::get_if<FilePtr>(&node)) files.push_back({path, (*file)->size()});
  });
  return files;
}

bool SimFileSystem::Exists(std::string_view path) const {
  return !std::holds_alternative<std::monostate>(tree_->Find(path));
}

bool SimFileSystem::HasDirectory(std::string_view path) const { return tree_->FindDirectory(path) != nullptr; }

absl::StatusOr<std::vector<std::string>> SimFileSystem::ListDirectory(std::string_view path) const {
  const DirectoryPtr directory = tree_->FindDirectory(path);
  if (directory == nullptr) return NotFound(path);
  std::vector<std::string> names;
  for (const auto& [name, node] : directory->written) names.push_back(name);
  return names;
}

absl::StatusOr<std::string_view> SimFileSystem::ReadFile(std::string_view path) const {
  const FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NotFound(path);
  return file->content();
}

absl::StatusOr<SimFileSystem::FileInfo> SimFileSystem::Stat(std::string_view path) const {
  const FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return NotFound(path);
  return FileInfo{.inode = file->inode(),
                  .link_count = file->link_count(),
                  .size = file->size(),
                  .version = file->version(),
                  .content_hash = file->ContentHash(),
                  .durable = file->durable()};
}

std::optional<SimFileSystem::DurableBytes> SimFileSystem::DurableSize(std::string_view path) const {
  const FilePtr file = tree_->FindFile(path);
  if (file == nullptr) return std::nullopt;
  return DurableBytes{.size = file->size(), .durable = file->durable_size()};
}

uint64_t SimFileSystem::TotalBytes() const {
  std::map<uint64_t, uint64_t> bytes_by_inode;
  tree_->ForEach([&](const std::string&, const Node& node) {
    if (const FilePtr* file = std::get_if<FilePtr>(&node)) bytes_by_inode[(*file)->inode()] = (*file)->size();
  });
  uint64_t total = 0;
  for (const auto& [inode, bytes] : bytes_by_inode) total += bytes;
  return total;
}

std::shared_ptr<rocksdb::FileSystem> SimFileSystem::NewReadOnlyView() const {
  return std::make_shared<SimReadOnlyFileSystem>(tree_);
}

// --- Mutating
// ----------------------------------------------------------------------------------------------------------

IOStatus SimFileSystem::Admit(Mutation mutation, MutationVerdict* verdict) {
  mutation.count = ++mutation_count_;
  *verdict = MutationVerdict();
  if (observer_ == nullptr) return IOStatus::OK();
  const uint64_t incarnation = incarnation_;
  *verdict = observer_->OnMutation(mutation);
  if (IOStatus status = CheckAlive(incarnation); !status.ok()) {
    *verdict = MutationVerdict{.action = MutationVerdict::Action::kIOError};
    return status;
  }
  switch (verdict->action) {
    case MutationVerdict::Action::kProceed:
    case MutationVerdict::Action::kTorn:
    case MutationVerdict::Action::kLost:
    case MutationVerdict::Action::kMisdirected:
      return IOStatus::OK();
    case MutationVerdict::Action::kNoSpace:
      return IOStatus::NoSpace(std::string(mutation.path));
    case MutationVerdict::Action::kIOError:
    case MutationVerdict::Action::kShortWrite:
      break;
  }
  return IOStatus::IOError(std::string(mutation.path), "injected");
}

IOStatus SimFileSystem::Admit(Mutation mutation) {
  MutationVerdict ignored;
  return Admit(mutation, &ignored);
}

IOStatus SimFileSystem::AdmitAndCommit(IOStatus prepared, SimDirectoryTree::Change change, Mutation mutation) {
  if (!prepared.ok() || SimDirectoryTree::IsNoChange(change)) return prepared;
  if (IOStatus status = Admit(mutation); !status.ok()) return status;
  tree_->Commit(std::move(change));
  return IOStatus::OK();
}

IOStatus SimFileSystem::OpenForWriting(const std::string& path, FilePtr* file) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  if (IsOptionsFile(path)) return IOStatus::NotSupported("OPTIONS files are not kept");
  *file = tree_->FindFile(path);
  if (*file != nullptr) return IOStatus::OK();
  SimDirectoryTree::Change change;
  IOStatus prepared = tree_->PrepareCreate(path, &change);
  IOStatus status = AdmitAndCommit(std::move(prepared), std::move(change),
                                   {.kind = MutationKind::kCreate, .path = path, .target = {}, .bytes = 0, .count = 0});
  if (status.ok()) *file = tree_->FindFile(path);
  return status;
}

IOStatus SimFileSystem::NewWritableFile(const std::string& path, const FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* result, Debug* debug) {
  IOStatus status = ReopenWritableFile(path, options, result, debug);
  if (!status.ok()) return status;
  // An existing file is cut in place, under all of its names, as open(2) with O_TRUNC does.
  const FilePtr file = tree_->FindFile(path);
  if (file != nullptr && file->size() > 0) status = TruncateFile(file, path, 0);
  if (!status.ok()) result->reset();
  return status;
}

IOStatus SimFileSystem::ReopenWritableFile(const std::string& path, const FileOptions&,
                                           std::unique_ptr<rocksdb::FSWritableFile>* result, Debug*) {
  result->reset();
  FilePtr file;
  if (IOStatus status = OpenForWriting(path, &file); !status.ok()) return status;
  *result = std::make_unique<internal::WritableHandle>(internal::OpenFile<SimFileSystem>(this, std::move(file), path));
  return IOStatus::OK();
}

IOStatus SimFileSystem::NewRandomRWFile(const std::string& path, const FileOptions&,
                                        std::unique_ptr<rocksdb::FSRandomRWFile>* result, Debug*) {
  result->reset();
  FilePtr file;
  if (IOStatus status = OpenForWriting(path, &file); !status.ok()) return status;
  *result =
      std::make_unique<internal::RandomReadWriteHandle>(internal::OpenFile<SimFileSystem>(this, std::move(file), path));
  return IOStatus::OK();
}

IOStatus SimFileSystem::NewDirectory(const std::string& path, const IOOptions&,
                                     std::unique_ptr<rocksdb::FSDirectory>* result, Debug*) {
  result->reset();
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  DirectoryPtr directory = tree_->FindDirectory(path);
  if (directory == nullptr) return NoSuchPath(path);
  *result = std::make_unique<internal::DirectoryHandle>(this, std::move(directory), path);
  return IOStatus::OK();
}

IOStatus SimFileSystem::DeleteFile(const std::string& path, const IOOptions&, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  SimDirectoryTree::Change change;
  IOStatus prepared = tree_->PrepareUnlink(path, &change);
  return AdmitAndCommit(std::move(prepared), std::move(change),
                        {.kind = MutationKind::kUnlink, .path = path, .target = {}, .bytes = 0, .count = 0});
}

IOStatus SimFileSystem::Truncate(const std::string& path, size_t size, const IOOptions&, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  const FilePtr file = tree_->FindFile(path);
  return file == nullptr ? NoSuchPath(path) : TruncateFile(file, path, size);
}

IOStatus SimFileSystem::CreateDir(const std::string& path, const IOOptions&, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  SimDirectoryTree::Change change;
  IOStatus prepared = tree_->PrepareMakeDirectory(path, &change);
  return AdmitAndCommit(std::move(prepared), std::move(change),
                        {.kind = MutationKind::kMakeDirectory, .path = path, .target = {}, .bytes = 0, .count = 0});
}

IOStatus SimFileSystem::CreateDirIfMissing(const std::string& path, const IOOptions& options, Debug* debug) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  return tree_->FindDirectory(path) != nullptr ? IOStatus::OK() : CreateDir(path, options, debug);
}

IOStatus SimFileSystem::DeleteDir(const std::string& path, const IOOptions&, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  SimDirectoryTree::Change change;
  IOStatus prepared = tree_->PrepareRemoveDirectory(path, &change);
  return AdmitAndCommit(std::move(prepared), std::move(change),
                        {.kind = MutationKind::kRemoveDirectory, .path = path, .target = {}, .bytes = 0, .count = 0});
}

IOStatus SimFileSystem::RenameFile(const std::string& source, const std::string& target, const IOOptions&, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  SimDirectoryTree::Change change;
  IOStatus prepared = tree_->PrepareRename({.source = source, .target = target}, &change);
  return AdmitAndCommit(std::move(prepared), std::move(change),
                        {.kind = MutationKind::kRename, .path = source, .target = target, .bytes = 0, .count = 0});
}

IOStatus SimFileSystem::LinkFile(const std::string& source, const std::string& target, const IOOptions&, Debug*) {
  if (IOStatus status = CheckAlive(incarnation_); !status.ok()) return status;
  SimDirectoryTree::Change change;
  IOStatus prepared = tree_->PrepareLink({.source = source, .target = target}, &change);
  return AdmitAndCommit(std::move(prepared), std::move(change),
                        {.kind = MutationKind::kLink, .path = source, .target = target, .bytes = 0, .count = 0});
}

IOStatus SimFileSystem::LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock, Debug*) {
  *lock = nullptr;
  FilePtr file;
  if (IOStatus status = OpenForWriting(path, &file); !status.ok()) return status;
  if (!locks_.emplace(path, incarnation_).second) return IOStatus::IOError(path, "is locked");
  auto held = std::make_unique<SimFileLock>();
  held->path = path;
  held->incarnation = incarnation_;
  *lock = held.release();
  return IOStatus::OK();
}

IOStatus SimFileSystem::UnlockFile(rocksdb::FileLock* lock, const IOOptions&, Debug*) {
  const std::unique_ptr<SimFileLock> held(static_cast<SimFileLock*>(lock));
  if (IOStatus status = CheckAlive(held->incarnation); !status.ok()) return status;
  locks_.erase(held->path);
  return IOStatus::OK();
}

IOStatus SimFileSystem::WriteFile(const FilePtr& file, std::string_view path, uint64_t offset, std::string_view data) {
  const bool at_end = offset == file->size();
  MutationVerdict verdict;
  IOStatus status = Admit({.kind = at_end ? MutationKind::kAppend : MutationKind::kWriteAt,
                           .path = path,
                           .target = {},
                           .bytes = data.size(),
                           .count = 0},
                          &verdict);
  using Action = MutationVerdict::Action;
  if (verdict.action == Action::kShortWrite) data = data.substr(0, verdict.bytes_written);
  if (!status.ok() && verdict.action != Action::kShortWrite) return status;
  if (verdict.action == Action::kTorn) {
    file->WriteAt(offset, data.substr(0, verdict.bytes_written), now_us_());
    const uint64_t incarnation = incarnation_;
    observer_->OnTorn();
    return CheckAlive(incarnation);
  }
  const bool damaged = verdict.action == Action::kLost || verdict.action == Action::kMisdirected;
  file->WriteAt(offset, damaged ? std::string(data.size(), '\0') : data, now_us_());
  if (verdict.action == Action::kMisdirected) {
    const FilePtr other = tree_->FindFile(verdict.other_path);
    if (other != nullptr) other->Overwrite(verdict.other_offset, data);
  }
  return status;
}

IOStatus SimFileSystem::TruncateFile(const FilePtr& file, std::string_view path, uint64_t size) {
  if (size == file->size()) return IOStatus::OK();
  IOStatus status = Admit({.kind = MutationKind::kTruncate, .path = path, .target = {}, .bytes = size, .count = 0});
  if (status.ok()) file->Truncate(size, now_us_());
  return status;
}

IOStatus SimFileSystem::SyncFile(const FilePtr& file, std::string_view path) {
  MutationVerdict verdict;
  const uint64_t incarnation = incarnation_;
  IOStatus status = Admit({.kind = MutationKind::kSync, .path = path, .target = {}, .bytes = 0, .count = 0}, &verdict);
  if (status.ok()) {
    file->Sync();
  } else if (CheckAlive(incarnation).ok()) {
    file->FailSync();
  }
  return status;
}

IOStatus SimFileSystem::SyncDirectory(const DirectoryPtr& directory, std::string_view path) {
  IOStatus status = Admit({.kind = MutationKind::kSyncDirectory, .path = path, .target = {}, .bytes = 0, .count = 0});
  if (status.ok()) tree_->SyncDirectory(*directory);
  return status;
}

}  // namespace holdfast::sim
