#include "sut/storage/rocksdb_calls.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "sut/storage/rocksdb_options.h"
#include "sut/storage/table_check.h"

namespace sut {
namespace {

absl::StatusCode CodeOf(const rocksdb::Status& status) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit)
    return absl::StatusCode::kResourceExhausted;
  if (status.IsNotFound() || status.IsPathNotFound()) return absl::StatusCode::kNotFound;
  switch (status.code()) {
    case rocksdb::Status::kCorruption:
      return absl::StatusCode::kDataLoss;
    case rocksdb::Status::kInvalidArgument:
      return absl::StatusCode::kInvalidArgument;
    case rocksdb::Status::kNotSupported:
      return absl::StatusCode::kUnimplemented;
    case rocksdb::Status::kAborted:
      return absl::StatusCode::kAborted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

absl::StatusOr<OpenedStore> Opened(OpenedStore store, const rocksdb::Status& status, const std::string& directory) {
  if (status.IsNotFound() || status.IsPathNotFound()) {
    return absl::DataLossError(absl::StrCat("open of ", directory, ": ", status.ToString()));
  }
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("open of ", directory));
  return store;
}

}  // namespace

absl::StatusOr<OpenedStore> OpenStore(const rocksdb::Options& options, const std::string& directory) {
  OpenedStore store{.env = WithTableCheck(options.env), .db = nullptr};
  rocksdb::Options checked = options;
  checked.env = store.env.get();
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(checked, directory, &opened);
  store.db.reset(opened);
  return Opened(std::move(store), status, directory);
}

absl::StatusOr<OpenedStore> OpenStoreReadOnly(const rocksdb::Options& options, const std::string& directory) {
  OpenedStore store{.env = WithTableCheck(options.env), .db = nullptr};
  rocksdb::Options checked = options;
  checked.env = store.env.get();
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(checked, directory, &opened);
  store.db.reset(opened);
  return Opened(std::move(store), status, directory);
}

absl::Status FromRocksdb(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(CodeOf(status), absl::StrCat(std::string(what), ": ", status.ToString()));
}

absl::Status FlushMemtable(const StorageSeam& seam, rocksdb::DB& db) {
  if (seam.drain_background) {
    if (absl::Status status = SwitchMemtable(db); !status.ok()) return status;
    return FinishFlush(seam, db);
  }
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  return FromRocksdb(db.Flush(options), "flush");
}

absl::Status SwitchMemtable(rocksdb::DB& db) {
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;  // otherwise RocksDB may wait for a job before it even queues this one
  return FromRocksdb(db.Flush(options), "flush");
}

absl::Status FinishFlush(const StorageSeam& seam, rocksdb::DB& db) {
  if (!seam.drain_background) return absl::OkStatus();
  seam.drain_background();
  // The job has nobody to report to: whether it succeeded shows in what it left behind.
  uint64_t memtables_left = 0;
  if (!db.GetIntProperty(rocksdb::DB::Properties::kNumImmutableMemTable, &memtables_left) || memtables_left != 0) {
    return absl::UnavailableError("flush: the background job failed");
  }
  return absl::OkStatus();
}

absl::Status MergeTableFiles(rocksdb::DB& db) {
  std::vector<rocksdb::LiveFileMetaData> files;
  db.GetLiveFilesMetaData(&files);
  if (files.size() < 2) return absl::OkStatus();
  std::vector<std::string> names;
  for (const rocksdb::LiveFileMetaData& file : files) names.push_back(file.relative_filename);
  rocksdb::CompactionOptions options;
  options.compression = rocksdb::kNoCompression;
  options.output_file_size_limit = std::numeric_limits<uint64_t>::max();
  // When the MANIFEST can't be synced, its new record may be on the disk all the same, and names the new file, which
  // RocksDB removes on that error. So nothing is removed before the record is known to be there, and after an error
  // nothing at all as long as the store is open.
  if (absl::Status status = FromRocksdb(db.DisableFileDeletions(), "compact"); !status.ok()) return status;
  const rocksdb::Status merged = db.CompactFiles(options, names, kBottomLevel);
  if (!merged.ok()) return FromRocksdb(merged, "compact");
  return FromRocksdb(db.EnableFileDeletions(/*force=*/false), "compact");
}

uint64_t CountTableFiles(rocksdb::DB& db) {
  std::vector<rocksdb::LiveFileMetaData> files;
  db.GetLiveFilesMetaData(&files);
  return files.size();
}

void CloseStore(const StorageSeam& seam, std::unique_ptr<rocksdb::DB> db) {
  if (db != nullptr && seam.drain_background) seam.drain_background();  // closing waits for what is queued
  db.reset();
}

}  // namespace sut
