#include "faults/chaos_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/storage/crc32c.h"

namespace holdfast::faults {
namespace {

constexpr size_t kHeaderBytes = 8;  // length and checksum, four each, little endian
constexpr uint64_t kRewriteBytes = 16 << 20;

void AppendLittleEndian(uint32_t value, std::string* out) {
  for (int i = 0; i < 4; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint32_t ReadLittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

std::string Framed(const chaos::Record& record) {
  const std::string payload = record.SerializeAsString();
  std::string framed;
  AppendLittleEndian(static_cast<uint32_t>(payload.size()), &framed);
  AppendLittleEndian(sut::Crc32c(payload), &framed);
  return framed + payload;
}

absl::Status WriteAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, "writing the chaos journal");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// What the changes that a sync takes stand on, gathered from the latest to the earliest.
struct Needs {
  std::set<uint64_t> directories;  // every change in them
  std::set<uint64_t> additions;    // every change that adds a name to one of them
  std::set<uint64_t> makings;      // the mkdir of each
  std::set<std::pair<uint64_t, std::string>> names;
  bool directory_moves = false;

  bool Include(const chaos::DirectoryChange& change) const {
    if (change.made() != 0 && makings.contains(change.made())) return true;
    if (directory_moves && change.moves_directory_across()) return true;
    return std::any_of(change.entries().begin(), change.entries().end(), [this](const auto& entry) {
      return directories.contains(entry.directory()) || (entry.adds() && additions.contains(entry.directory())) ||
             names.contains({entry.directory(), entry.name()});
    });
  }

  void Add(const chaos::DirectoryChange& change, uint64_t synced) {
    const bool is_needed_making = change.made() != 0 && makings.contains(change.made());
    for (const auto& entry : change.entries()) {
      if (entry.directory() == synced) continue;  // all of its changes are taken anyway
      names.insert({entry.directory(), entry.name()});
      if (is_needed_making) makings.insert(entry.directory());
    }
    if (change.emptied() != 0) directories.insert(change.emptied());
    if (change.entered() != 0) {
      additions.insert(change.entered());
      if (change.entries(0).directory() != change.entered()) makings.insert(change.entered());
    }
    directory_moves = directory_moves || change.moves_directory_across();
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<ChaosJournal>> ChaosJournal::Open(const std::string& directory) {
  std::unique_ptr<ChaosJournal> journal(new ChaosJournal(directory));
  if (absl::Status status = journal->Load(); !status.ok()) return status;
  if (absl::Status status = journal->Rewrite(); !status.ok()) return status;
  return journal;
}

ChaosJournal::~ChaosJournal() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status ChaosJournal::Load() {
  std::ifstream file(path(), std::ios::binary);
  if (!file) return absl::OkStatus();  // there is none yet
  const std::string contents{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string_view rest = contents;
  while (rest.size() >= kHeaderBytes) {
    const uint32_t bytes = ReadLittleEndian(rest);
    if (bytes > rest.size() - kHeaderBytes) return absl::OkStatus();  // torn
    const std::string_view payload = rest.substr(kHeaderBytes, bytes);
    const bool is_last = rest.size() == kHeaderBytes + bytes;
    chaos::Record record;
    if (sut::Crc32c(payload) != ReadLittleEndian(rest.substr(4)) ||
        !record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      if (is_last) return absl::OkStatus();
      return absl::DataLossError(absl::StrCat(path(), ": broken at byte ", contents.size() - rest.size()));
    }
    Apply(record);
    rest.remove_prefix(kHeaderBytes + bytes);
  }
  return absl::OkStatus();
}

absl::Status ChaosJournal::Append(const chaos::Record& record) {
  if (absl::Status status = Write(record); !status.ok()) return status;
  Apply(record);
  return bytes_ > kRewriteBytes ? Rewrite() : absl::OkStatus();
}

absl::Status ChaosJournal::Write(const chaos::Record& record) {
  const std::string framed = Framed(record);
  bytes_ += framed.size();
  return WriteAll(descriptor_, framed);
}

absl::Status ChaosJournal::Clear() {
  for (const chaos::DirectoryChange& change : changes_) {
    if (change.trash() != 0) obsolete_trash_.push_back(change.trash());
  }
  changes_.clear();
  files_.clear();
  return Rewrite();
}

absl::Status ChaosJournal::Rewrite() {
  const std::string fresh = path() + ".new";
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) return absl::ErrnoToStatus(errno, absl::StrCat("opening ", fresh));
  bytes_ = 0;
  for (const auto& [inode, file] : files_) {
    if (absl::Status status = WriteFileState(inode, file); !status.ok()) return status;
  }
  chaos::Record record;
  for (const chaos::DirectoryChange& change : changes_) {
    *record.mutable_change() = change;
    if (absl::Status status = Write(record); !status.ok()) return status;
  }
  if (rename(fresh.c_str(), path().c_str()) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("renaming ", fresh));
  return absl::OkStatus();
}

// In an order that Apply makes the same state of: a sync ends the overwrites before it.
absl::Status ChaosJournal::WriteFileState(uint64_t inode, const File& file) {
  chaos::Record record;
  record.mutable_file_sync()->set_file(inode);
  record.mutable_file_sync()->set_bytes(file.guaranteed_bytes);
  if (absl::Status status = Write(record); !status.ok()) return status;
  for (const chaos::Record::Overwrite& overwrite : file.overwrites) {
    *record.mutable_overwrite() = overwrite;
    if (absl::Status status = Write(record); !status.ok()) return status;
  }
  if (!file.sync_failed) return absl::OkStatus();
  record.mutable_file_sync()->set_file(inode);
  record.mutable_file_sync()->set_bytes(file.guaranteed_bytes);
  record.mutable_file_sync()->set_failed(true);
  return Write(record);
}

const ChaosJournal::File* ChaosJournal::FindFile(uint64_t inode) const {
  const auto found = files_.find(inode);
  return found == files_.end() ? nullptr : &found->second;
}

std::vector<uint64_t> ChaosJournal::TakeObsoleteTrash() { return std::exchange(obsolete_trash_, {}); }

void ChaosJournal::Apply(const chaos::Record& record) {
  switch (record.kind_case()) {
    case chaos::Record::kChange:
      last_trash_ = std::max(last_trash_, record.change().trash());
      changes_.push_back(record.change());
      return;
    case chaos::Record::kDirectorySync:
      SyncDirectory(record.directory_sync().directory());
      return;
    case chaos::Record::kFileCreated:
      files_[record.file_created().file()] = File();
      return;
    case chaos::Record::kFileSync: {
      File& file = files_[record.file_sync().file()];
      if (record.file_sync().failed()) {
        file.sync_failed = true;
        file.guaranteed_bytes = std::min(file.guaranteed_bytes, record.file_sync().bytes());
      } else if (!file.sync_failed) {
        file.guaranteed_bytes = record.file_sync().bytes();
        file.overwrites.clear();
      }
      return;
    }
    case chaos::Record::kOverwrite: {
      // Only a file that was synced has bytes worth keeping; one that the journal does not know was, as a whole.
      const chaos::Record::Overwrite& overwrite = record.overwrite();
      const auto [file, unknown] = files_.try_emplace(overwrite.file());
      if (unknown) file->second.guaranteed_bytes = overwrite.offset() + overwrite.old().size();
      file->second.overwrites.push_back(overwrite);
      return;
    }
    case chaos::Record::kFileGone:
      files_.erase(record.file_gone());
      return;
    case chaos::Record::KIND_NOT_SET:
      return;
  }
}

void ChaosJournal::SyncDirectory(uint64_t directory) {
  Needs needs;
  needs.directories.insert(directory);
  std::vector<bool> taken(changes_.size(), false);
  for (size_t i = changes_.size(); i-- > 0;) {
    taken[i] = needs.Include(changes_[i]);
    if (taken[i]) needs.Add(changes_[i], directory);
  }
  std::vector<chaos::DirectoryChange> rest;
  for (size_t i = 0; i < changes_.size(); ++i) {
    if (!taken[i]) {
      rest.push_back(std::move(changes_[i]));
    } else if (changes_[i].trash() != 0) {
      obsolete_trash_.push_back(changes_[i].trash());
    }
  }
  changes_ = std::move(rest);
}

}  // namespace holdfast::faults
