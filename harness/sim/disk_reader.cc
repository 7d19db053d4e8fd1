// Opens what it reads with RocksDB on a read-only view of the disk.

#include "harness/sim/disk_reader.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/iterator.h"
#include "sut/base/prng.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/log_records.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/partition.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kStoreSalt = 1;
constexpr uint64_t kSnapshotSalt = 2;

using StoreRows = std::vector<std::pair<std::string, std::string>>;

void AddStoreRows(const absl::StatusOr<StoreRows>& rows, RowKeys row_keys, StoreContent* content) {
  if (!rows.ok()) {
    content->error = rows.status().ToString();
    return;
  }
  for (const auto& [key, value] : *rows) AddStoreRow(key, value, row_keys, content);
}

}  // namespace

void AddStoreRow(std::string_view key, std::string_view value, RowKeys row_keys, StoreContent* content) {
  const char space = key.empty() ? '\0' : key.front();
  if (space == static_cast<char>(sut::KeySpace::kApplied) && key.size() == 1) {
    // As TabletStore writes it: term, then index, in the form of a UUID.
    const auto parts = sut::ParseUuidBytes(value);
    if (!parts.ok()) {
      content->error = "the applied op id does not parse";
      return;
    }
    content->op = {sut::Term{parts->first}, sut::Index{parts->second}};
    return;
  }
  if (space != static_cast<char>(sut::KeySpace::kRow)) {
    content->metadata.emplace(key, value);
    return;
  }
  if (row_keys == RowKeys::kTablet && key.size() < 3) {
    content->error = "a row's key is too short";
    return;
  }
  content->rows.emplace(row_keys == RowKeys::kTablet ? sut::RowUserKey(key) : key.substr(1), value);
}

DiskReader::DiskReader(const SimFileSystem* disk)
    : disk_(disk), env_({.file_system = disk->NewReadOnlyView(), .now_us = [] { return uint64_t{1'000'000}; }}) {
  seam_.env = &env_;
  seam_.drain_background = [this] { env_.Drain(); };
}

std::shared_ptr<const StoreContent> DiskReader::ReadStore(const std::string& directory, RowKeys row_keys) {
  std::shared_ptr<StoreContent>& content = Remembered(directory, sut::Mix({kStoreSalt, uint64_t(row_keys)}));
  if (content != nullptr) return content;
  content = std::make_shared<StoreContent>();
  AddStoreRows(sut::ReadAll(seam_, directory), row_keys, content.get());
  return content;
}

std::shared_ptr<const StoreContent> DiskReader::ReadSnapshot(const std::string& directory, RowKeys row_keys) {
  std::shared_ptr<StoreContent>& content = Remembered(directory, sut::Mix({kSnapshotSalt, uint64_t(row_keys)}));
  if (content != nullptr) return content;
  content = std::make_shared<StoreContent>();
  const absl::StatusOr<sut::proto::SnapshotMetadata> metadata = sut::VerifySnapshot(seam_, directory);
  if (!metadata.ok()) {
    content->error = metadata.status().ToString();
    return content;
  }
  AddStoreRows(sut::ReadAll(seam_, directory), row_keys, content.get());
  content->op = {sut::Term{metadata->op().term()}, sut::Index{metadata->op().index()}};
  return content;
}

absl::StatusOr<std::vector<sut::proto::ReplicaRecord>> DiskReader::ReadJournal(const std::string& log_store_directory) {
  std::vector<sut::proto::ReplicaRecord> records;
  if (!disk_->Exists(absl::StrCat(log_store_directory, "/CURRENT"))) return records;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::OpenForReadOnly(sut::LogStoreOptions(seam_), log_store_directory, &opened);
  if (!status.ok()) return sut::FromRocksdb(status, "reading the journal");
  std::unique_ptr<rocksdb::DB> db(opened);
  absl::Status problem;
  {
    const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(rocksdb::ReadOptions()));
    for (it->SeekToFirst(); it->Valid() && problem.ok(); it->Next()) {
      const auto key = sut::DecodeLogKey(it->key().ToStringView());
      if (!key.ok()) problem = key.status();
      if (!key.ok() || key->kind != sut::LogRecord::kReplica) continue;
      auto record = sut::DecodeReplicaValue(it->key().ToStringView(), it->value().ToStringView());
      if (record.ok()) {
        records.push_back(*std::move(record));
      } else {
        problem = record.status();
      }
    }
    if (problem.ok() && !it->status().ok()) problem = sut::FromRocksdb(it->status(), "reading the journal");
  }
  sut::CloseStore(seam_, std::move(db));
  if (!problem.ok()) return problem;
  return records;
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
