#include "faults/chaos_names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "faults/chaos_paths.h"
#include "sut/base/prng.h"

namespace holdfast::faults {
namespace {

using chaos::DirectoryChange;
using rocksdb::IOStatus;

constexpr char kStaging[] = "/new";

std::optional<struct stat> StatOf(const std::string& path) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) return std::nullopt;
  return found;
}

std::string ParentOf(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }
std::string NameOf(const std::string& path) { return std::filesystem::path(path).filename().string(); }

IOStatus FromErrno(int error, const std::string& path) {
  if (error == ENOENT) return IOStatus::PathNotFound(path, std::strerror(error));
  if (error == ENOSPC) return IOStatus::NoSpace(path, std::strerror(error));
  return IOStatus::IOError(path, std::strerror(error));
}

IOStatus FromAbsl(const absl::Status& status) {
  return status.ok() ? IOStatus::OK() : IOStatus::IOError(std::string(status.message()));
}

IOStatus RenamePath(const std::string& from, const std::string& to) {
  return rename(from.c_str(), to.c_str()) == 0 ? IOStatus::OK() : FromErrno(errno, from);
}

}  // namespace

uint64_t InodeOf(const std::string& path) {
  const auto found = StatOf(path);
  return found ? found->st_ino : 0;
}

absl::StatusOr<std::unique_ptr<ChaosNames>> ChaosNames::Open(const std::string& data_dir) {
  if (data_dir.empty() || data_dir.front() != '/') {
    return absl::InvalidArgumentError(absl::StrCat("\"", data_dir, "\" is no absolute path"));
  }
  std::error_code error;
  std::filesystem::create_directories(TrashDirectory(data_dir), error);
  if (error) return absl::UnavailableError(absl::StrCat("creating ", data_dir, ": ", error.message()));
  auto journal = ChaosJournal::Open(ChaosDirectory(data_dir));
  if (!journal.ok()) return journal.status();
  // Left behind by a kill in the middle of a change.
  std::filesystem::remove_all(ChaosDirectory(data_dir) + kStaging, error);
  std::set<uint64_t> kept;
  for (const DirectoryChange& change : (*journal)->changes()) kept.insert(change.trash());
  if (absl::Status status = EmptyTrash(data_dir, kept); !status.ok()) return status;
  return std::unique_ptr<ChaosNames>(new ChaosNames(data_dir, *std::move(journal)));
}

bool ChaosNames::IsInside(const std::string& path) const {
  const bool below = absl::StartsWith(path, data_dir_ + "/");
  return below && !absl::StartsWith(path, ChaosDirectory(data_dir_));
}

// --- Changes of names ------------------------------------------------------------------------------------------------

IOStatus ChaosNames::Create(const std::string& path) {
  std::lock_guard lock(mutex_);
  DirectoryChange change = NewChange(DirectoryChange::CREATE, path);
  if (IOStatus status = AddEntry(path, /*adds=*/true, &change); !status.ok()) return status;
  const std::string staging = ChaosDirectory(data_dir_) + kStaging;
  const int descriptor = open(staging.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return FromErrno(errno, path);
  close(descriptor);
  chaos::Record created;
  created.mutable_file_created()->set_file(InodeOf(staging));
  if (IOStatus status = Note(created); !status.ok()) return status;
  if (IOStatus status = Note(change); !status.ok()) return status;
  return RenamePath(staging, path);
}

IOStatus ChaosNames::MakeDirectory(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (StatOf(path)) return FromErrno(EEXIST, path);
  DirectoryChange change = NewChange(DirectoryChange::MAKE_DIRECTORY, path);
  if (IOStatus status = AddEntry(path, /*adds=*/true, &change); !status.ok()) return status;
  const std::string staging = ChaosDirectory(data_dir_) + kStaging;
  if (mkdir(staging.c_str(), 0755) != 0) return FromErrno(errno, path);
  change.set_made(InodeOf(staging));
  if (IOStatus status = Note(change); !status.ok()) return status;
  return RenamePath(staging, path);
}

IOStatus ChaosNames::Link(SourceAndTarget paths) {
  std::lock_guard lock(mutex_);
  if (StatOf(paths.target)) return FromErrno(EEXIST, paths.target);
  if (!StatOf(paths.source)) return FromErrno(ENOENT, paths.source);
  DirectoryChange change = NewChange(DirectoryChange::LINK, paths.target);
  if (IOStatus status = AddEntry(paths.target, /*adds=*/true, &change); !status.ok()) return status;
  if (IOStatus status = Note(change); !status.ok()) return status;
  return link(paths.source.c_str(), paths.target.c_str()) == 0 ? IOStatus::OK() : FromErrno(errno, paths.target);
}

IOStatus ChaosNames::Rename(SourceAndTarget paths) {
  std::lock_guard lock(mutex_);
  const auto source = StatOf(paths.source);
  const auto target = StatOf(paths.target);
  if (!source) return FromErrno(ENOENT, paths.source);
  if (target && target->st_ino == source->st_ino) return IOStatus::OK();  // two names of one inode
  const bool is_directory = S_ISDIR(source->st_mode);
  if (target && S_ISDIR(target->st_mode) != is_directory)
    return FromErrno(is_directory ? ENOTDIR : EISDIR, paths.target);
  if (target && is_directory && !std::filesystem::is_empty(paths.target)) return FromErrno(ENOTEMPTY, paths.target);
  DirectoryChange change = NewChange(DirectoryChange::RENAME, absl::StrCat(paths.source, "\n", paths.target));
  if (IOStatus status = AddEntry(paths.source, /*adds=*/false, &change); !status.ok()) return status;
  if (IOStatus status = AddEntry(paths.target, /*adds=*/true, &change); !status.ok()) return status;
  change.set_entered(change.entries(1).directory());
  change.set_moves_directory_across(is_directory && change.entries(0).directory() != change.entries(1).directory());
  if (target) change.set_trash(journal_->NewTrash());
  if (target && is_directory) change.set_emptied(target->st_ino);
  if (IOStatus status = Note(change); !status.ok()) return status;
  if (target) {
    // A link, so that at every moment the target's name stands for something.
    const std::string trash = TrashPath(data_dir_, change.trash());
    const bool kept = is_directory ? rename(paths.target.c_str(), trash.c_str()) == 0
                                   : link(paths.target.c_str(), trash.c_str()) == 0;
    if (!kept) return FromErrno(errno, paths.target);
  }
  return RenamePath(paths.source, paths.target);
}

IOStatus ChaosNames::Unlink(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto found = StatOf(path);
  if (!found) return FromErrno(ENOENT, path);
  if (S_ISDIR(found->st_mode)) return FromErrno(EISDIR, path);
  DirectoryChange change = NewChange(DirectoryChange::UNLINK, path);
  if (IOStatus status = AddEntry(path, /*adds=*/false, &change); !status.ok()) return status;
  change.set_trash(journal_->NewTrash());
  if (IOStatus status = Note(change); !status.ok()) return status;
  return RenamePath(path, TrashPath(data_dir_, change.trash()));
}

IOStatus ChaosNames::RemoveDirectory(const std::string& path) {
  std::lock_guard lock(mutex_);
  const auto found = StatOf(path);
  if (!found) return FromErrno(ENOENT, path);
  if (!S_ISDIR(found->st_mode)) return FromErrno(ENOTDIR, path);
  std::error_code error;
  if (!std::filesystem::is_empty(path, error)) return FromErrno(ENOTEMPTY, path);
  DirectoryChange change = NewChange(DirectoryChange::REMOVE_DIRECTORY, path);
  if (IOStatus status = AddEntry(path, /*adds=*/false, &change); !status.ok()) return status;
  change.set_emptied(found->st_ino);
  change.set_trash(journal_->NewTrash());
  if (IOStatus status = Note(change); !status.ok()) return status;
  return RenamePath(path, TrashPath(data_dir_, change.trash()));
}

IOStatus ChaosNames::SyncDirectory(uint64_t inode) {
  std::lock_guard lock(mutex_);
  chaos::Record record;
  record.mutable_directory_sync()->set_directory(inode);
  if (IOStatus status = Note(record); !status.ok()) return status;
  return EmptyObsoleteTrash();
}

// --- Bytes -----------------------------------------------------------------------------------------------------------

IOStatus ChaosNames::NoteOpened(uint64_t inode, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (journal_->FindFile(inode) != nullptr) return IOStatus::OK();
  chaos::Record record;
  record.mutable_file_sync()->set_file(inode);
  record.mutable_file_sync()->set_bytes(bytes);
  return Note(record);
}

IOStatus ChaosNames::NoteSync(uint64_t inode, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  chaos::Record record;
  record.mutable_file_sync()->set_file(inode);
  record.mutable_file_sync()->set_bytes(bytes);
  return Note(record);
}

IOStatus ChaosNames::NoteFailedSync(uint64_t inode) {
  std::lock_guard lock(mutex_);
  const ChaosJournal::File* file = journal_->FindFile(inode);
  chaos::Record record;
  record.mutable_file_sync()->set_file(inode);
  record.mutable_file_sync()->set_bytes(file == nullptr ? 0 : file->guaranteed_bytes);
  record.mutable_file_sync()->set_failed(true);
  return Note(record);
}

IOStatus ChaosNames::KeepOld(const FileRange& range) {
  std::lock_guard lock(mutex_);
  const auto found = StatOf(range.path);
  if (!found) return FromErrno(ENOENT, range.path);
  const ChaosJournal::File* file = journal_->FindFile(found->st_ino);
  const auto size = static_cast<uint64_t>(found->st_size);
  const uint64_t synced = file == nullptr ? size : std::min(size, file->guaranteed_bytes);
  if (range.offset >= synced || range.bytes == 0) return IOStatus::OK();
  std::string old(std::min(range.bytes, synced - range.offset), '\0');
  const int descriptor = open(range.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return FromErrno(errno, range.path);
  const ssize_t read = pread(descriptor, old.data(), old.size(), static_cast<off_t>(range.offset));
  const int error = errno;
  close(descriptor);
  if (read != static_cast<ssize_t>(old.size())) return FromErrno(read < 0 ? error : EIO, range.path);
  chaos::Record record;
  record.mutable_overwrite()->set_file(found->st_ino);
  record.mutable_overwrite()->set_offset(range.offset);
  record.mutable_overwrite()->set_old(std::move(old));
  return Note(record);
}

// --- The journal -----------------------------------------------------------------------------------------------------

DirectoryChange ChaosNames::NewChange(DirectoryChange::Kind kind, const std::string& path) const {
  DirectoryChange change;
  change.set_kind(kind);
  // Of the path inside the data directory, so that the same run elsewhere meets the same fate.
  std::string relative = path;
  for (size_t at = 0; (at = relative.find(data_dir_, at)) != std::string::npos;) relative.erase(at, data_dir_.size());
  change.set_identity(sut::Mix({static_cast<uint64_t>(kind), sut::MixString(relative)}));
  return change;
}

IOStatus ChaosNames::AddEntry(const std::string& path, bool adds, DirectoryChange* change) const {
  const uint64_t parent = InodeOf(ParentOf(path));
  if (parent == 0) return FromErrno(ENOENT, path);
  DirectoryChange::Entry* entry = change->add_entries();
  entry->set_directory(parent);
  entry->set_name(NameOf(path));
  entry->set_adds(adds);
  return IOStatus::OK();
}

IOStatus ChaosNames::Note(const chaos::Record& record) { return FromAbsl(journal_->Append(record)); }

IOStatus ChaosNames::Note(const DirectoryChange& change) {
  chaos::Record record;
  *record.mutable_change() = change;
  return Note(record);
}

IOStatus ChaosNames::EmptyObsoleteTrash() {
  for (const uint64_t number : journal_->TakeObsoleteTrash()) {
    const std::string path = TrashPath(data_dir_, number);
    const auto found = StatOf(path);
    if (!found) continue;
    if (S_ISREG(found->st_mode) && found->st_nlink == 1) {
      chaos::Record gone;
      gone.set_file_gone(found->st_ino);
      if (IOStatus status = Note(gone); !status.ok()) return status;
    }
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return IOStatus::IOError(path, error.message());
  }
  return IOStatus::OK();
}

}  // namespace holdfast::faults
