// Opens what it reads with RocksDB, read-only.

#include "harness/cluster/store_content.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/iterator.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/log_records.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/partition.h"

namespace holdfast {

namespace {

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

StoreContent ReadStore(const sut::StorageSeam& seam, const std::string& directory, RowKeys row_keys) {
  StoreContent content;
  AddStoreRows(sut::ReadAll(seam, directory), row_keys, &content);
  return content;
}

StoreContent ReadSnapshot(const sut::StorageSeam& seam, const std::string& directory, RowKeys row_keys) {
  StoreContent content;
  const absl::StatusOr<sut::proto::SnapshotMetadata> metadata = sut::VerifySnapshot(seam, directory);
  if (!metadata.ok()) {
    content.error = metadata.status().ToString();
    return content;
  }
  AddStoreRows(sut::ReadAll(seam, directory), row_keys, &content);
  content.op = {sut::Term{metadata->op().term()}, sut::Index{metadata->op().index()}};
  return content;
}

namespace {

absl::Status TakeLogRecord(std::string_view key_bytes, std::string_view value, std::vector<JournaledReplica>* records) {
  const auto key = sut::DecodeLogKey(key_bytes);
  if (!key.ok()) return key.status();
  if (key->kind == sut::LogRecord::kReplica) {
    auto record = sut::DecodeReplicaValue(key_bytes, value);
    if (!record.ok()) return record.status();
    records->push_back({*std::move(record), {}});
  }
  // It stands behind the record.
  if (key->kind == sut::LogRecord::kLogStart && !records->empty() &&
      records->back().record.tablet() == sut::Bytes(key->tablet)) {
    auto start = sut::DecodeLogStartValue(key_bytes, value);
    if (!start.ok()) return start.status();
    records->back().log_start = start->last;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<JournaledReplica>> ReadJournal(const sut::StorageSeam& seam,
                                                          const std::string& log_store_directory) {
  std::vector<JournaledReplica> records;
  if (!seam.env->FileExists(absl::StrCat(log_store_directory, "/CURRENT")).ok()) return records;
  absl::StatusOr<sut::OpenedStore> opened = sut::OpenStoreReadOnly(sut::LogStoreOptions(seam), log_store_directory);
  if (!opened.ok()) return opened.status();
  absl::Status problem;
  {
    const std::unique_ptr<rocksdb::Iterator> it(opened->db->NewIterator(rocksdb::ReadOptions()));
    for (it->SeekToFirst(); it->Valid() && problem.ok(); it->Next()) {
      problem = TakeLogRecord(it->key().ToStringView(), it->value().ToStringView(), &records);
    }
    if (problem.ok() && !it->status().ok()) problem = sut::FromRocksdb(it->status(), "reading the journal");
  }
  sut::CloseStore(seam, std::move(opened->db));
  if (!problem.ok()) return problem;
  return records;
}

}  // namespace holdfast
