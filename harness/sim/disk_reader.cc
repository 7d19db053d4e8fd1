// Opens what it reads with RocksDB on a read-only view of the disk.

#include "harness/sim/disk_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kStoreSalt = 1;
constexpr uint64_t kSnapshotSalt = 2;

}  // namespace

DiskReader::DiskReader(const SimFileSystem* disk)
    : disk_(disk), env_({.file_system = disk->NewReadOnlyView(), .now_us = [] { return uint64_t{1'000'000}; }}) {
  seam_.env = &env_;
  seam_.drain_background = [this] { env_.Drain(); };
}

std::vector<std::string> DiskReader::NamesIn(const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names = disk_->ListDirectory(directory);
  return names.ok() ? *std::move(names) : std::vector<std::string>();
}

std::shared_ptr<const StoreContent> DiskReader::ReadStore(const std::string& directory, RowKeys row_keys) {
  std::shared_ptr<StoreContent>& content = Remembered(directory, sut::Mix({kStoreSalt, uint64_t(row_keys)}));
  if (content != nullptr) return content;
  content = std::make_shared<StoreContent>(holdfast::ReadStore(seam_, directory, row_keys));
  return content;
}

std::shared_ptr<const StoreContent> DiskReader::ReadSnapshot(const std::string& directory, RowKeys row_keys) {
  std::shared_ptr<StoreContent>& content = Remembered(directory, sut::Mix({kSnapshotSalt, uint64_t(row_keys)}));
  if (content != nullptr) return content;
  content = std::make_shared<StoreContent>(holdfast::ReadSnapshot(seam_, directory, row_keys));
  return content;
}

absl::StatusOr<std::vector<JournaledReplica>> DiskReader::ReadJournal(const std::string& log_store_directory) {
  return holdfast::ReadJournal(seam_, log_store_directory);
}

uint64_t DiskReader::HashDirectory(const std::string& directory) const {
  const absl::StatusOr<std::vector<std::string>> names = disk_->ListDirectory(directory);
  if (!names.ok()) return 0;
  uint64_t hash = names->size();
  for (const std::string& name : *names) {
    const absl::StatusOr<SimFileSystem::FileInfo> file = disk_->Stat(absl::StrCat(directory, "/", name));
    hash = sut::Mix({hash, sut::MixString(name), file.ok() ? file->size : 0, file.ok() ? file->content_hash : 0});
  }
  return hash;
}

std::shared_ptr<StoreContent>& DiskReader::Remembered(const std::string& directory, uint64_t salt) {
  if (cache_.size() > kCachedMax) cache_.clear();
  return cache_[sut::Mix({salt, HashDirectory(directory)})];
}

}  // namespace holdfast::sim
