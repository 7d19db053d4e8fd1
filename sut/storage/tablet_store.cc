#include "sut/storage/tablet_store.h"

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "sut/base/check.h"
#include "sut/storage/directory.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"

namespace sut {
namespace {

constexpr size_t kAppliedBytes = 16;

std::string EncodeApplied(OpId op) { return UuidBytes(op.term.value, op.index.value); }

absl::StatusOr<OpId> DecodeApplied(std::string_view bytes) {
  if (bytes.size() != kAppliedBytes) return absl::DataLossError("applied op id of wrong length");
  absl::StatusOr<std::pair<uint64_t, uint64_t>> parts = ParseUuidBytes(bytes);
  if (!parts.ok()) return parts.status();
  return OpId{Term{parts->first}, Index{parts->second}};
}

void AddChanges(const StoreBatch& batch, rocksdb::WriteBatch& to) {
  for (const StoreBatch::Change& change : batch.changes()) {
    if (change.value.has_value()) {
      to.Put(change.key, *change.value);
    } else {
      to.Delete(change.key);
    }
  }
}

absl::Status WriteUnlogged(rocksdb::DB& db, rocksdb::WriteBatch& batch) {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return FromRocksdb(db.Write(options, &batch), "commit to a tablet's store");
}

}  // namespace

std::string StoreKey(KeySpace space, std::string_view rest) {
  std::string key(1, static_cast<char>(space));
  key.append(rest);
  return key;
}

std::pair<std::string, std::string> KeySpaceRange(KeySpace space) {
  return {std::string(1, static_cast<char>(space)), std::string(1, static_cast<char>(static_cast<char>(space) + 1))};
}

absl::StatusOr<std::shared_ptr<TabletStore>> TabletStore::Open(const StorageSeam& seam, const std::string& path,
                                                               const OpenOptions& options) {
  const rocksdb::Status present = seam.env->FileExists(absl::StrCat(path, "/CURRENT"));
  if (present.IsNotFound()) {
    if (!options.create) return absl::NotFoundError(absl::StrCat("no store at ", path));
    if (absl::Status status = CreateDirectoryChain(seam, path); !status.ok()) return status;
  } else if (!present.ok()) {
    return FromRocksdb(present, "open of a tablet's store");
  }
  absl::StatusOr<OpenedStore> opened = OpenStore(TabletStoreOptions(seam), path);
  if (!opened.ok()) return opened.status();
  std::shared_ptr<TabletStore> store(new TabletStore(seam, path, options, *std::move(opened)));
  if (absl::Status loaded = store->LoadApplied(); !loaded.ok()) return loaded;
  return store;
}

TabletStore::TabletStore(const StorageSeam& seam, std::string path, const OpenOptions& options, OpenedStore store)
    : seam_(seam), path_(std::move(path)), options_(options), env_(std::move(store.env)), db_(std::move(store.db)) {}

TabletStore::~TabletStore() { CloseStore(seam_, std::move(db_)); }

absl::Status TabletStore::LoadApplied() {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), StoreKey(KeySpace::kApplied, ""), &value);
  if (status.IsNotFound()) return absl::OkStatus();
  if (!status.ok()) return FromRocksdb(status, "read of the applied op id");
  absl::StatusOr<OpId> applied = DecodeApplied(value);
  if (!applied.ok()) return applied.status();
  applied_ = flushed_applied_ = *applied;
  return absl::OkStatus();
}

absl::Status TabletStore::Commit(const StoreBatch& batch, OpId applied) {
  SUT_CHECK(applied.index > this->applied().index, "entries are applied in the order of their indexes, once");
  if (options_.bugs.has(Bug::kAppliedIndexInOwnBatch)) return CommitAppliedApart(batch, applied);
  return CommitStaged(batch, applied);
}

absl::Status TabletStore::CommitStaged(const StoreBatch& batch, OpId applied) {
  rocksdb::WriteBatch writes;
  AddChanges(batch, writes);
  writes.Put(StoreKey(KeySpace::kApplied, ""), EncodeApplied(applied));
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  failure_ = WriteUnlogged(*db_, writes);
  if (failure_.ok()) applied_ = applied;
  return failure_;
}

absl::Status TabletStore::CommitAppliedApart(const StoreBatch& batch, OpId applied) {
  if (absl::Status status = CommitStaged(StoreBatch(), applied); !status.ok()) return status;
  if (flush_due()) {
    if (absl::Status status = Flush(); !status.ok()) return status;
  }
  rocksdb::WriteBatch rows;
  AddChanges(batch, rows);
  return WriteUnlogged(*db_, rows);
}

OpId TabletStore::applied() const {
  std::lock_guard lock(mutex_);
  return applied_;
}

OpId TabletStore::flushed_applied() const {
  std::lock_guard lock(mutex_);
  return flushed_applied_;
}

bool TabletStore::flush_due() const {
  std::lock_guard lock(mutex_);
  return applied_.index.value >= flushed_applied_.index.value + options_.flush_after_entries;
}

absl::Status TabletStore::Flush() {
  OpId covered;
  {
    std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    covered = applied_;
  }
  absl::Status status = FlushMemtable(seam_, *db_);
  std::lock_guard lock(mutex_);
  if (status.ok()) {
    flushed_applied_ = covered;
  } else if (failure_.ok()) {
    failure_ = status;
  }
  return status;
}

absl::Status TabletStore::Compact() { return MergeTableFiles(*db_); }

absl::Status TabletStore::VerifyChecksums() const {
  return FromRocksdb(db_->VerifyChecksum(), "verification of a tablet's store");
}

uint64_t TabletStore::file_count() const { return CountTableFiles(*db_); }

TabletStore::View TabletStore::Latest() const { return View(shared_from_this(), nullptr, applied()); }

std::unique_ptr<TabletStore::View> TabletStore::Pin() const {
  std::lock_guard lock(mutex_);
  return std::unique_ptr<View>(new View(shared_from_this(), db_->GetSnapshot(), applied_));
}

TabletStore::View::View(std::shared_ptr<const TabletStore> store, const rocksdb::Snapshot* pinned, OpId applied)
    : store_(std::move(store)), pinned_(pinned), applied_(applied) {}

TabletStore::View::~View() {
  if (pinned_ != nullptr) store_->db_->ReleaseSnapshot(pinned_);
}

absl::StatusOr<std::optional<std::string>> TabletStore::View::Get(const std::string& key) const {
  rocksdb::ReadOptions options;
  options.verify_checksums = !store_->options_.bugs.has(Bug::kSnapshotBytesNotChecked);
  options.snapshot = pinned_;
  std::string value;
  const rocksdb::Status status = store_->db_->Get(options, key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocksdb(status, "read of a row");
  return std::optional<std::string>(std::move(value));
}

absl::Status TabletStore::View::Scan(
    const std::string& begin, const std::string& end,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  const rocksdb::Slice upper_bound(end);
  rocksdb::ReadOptions options;
  options.verify_checksums = !store_->options_.bugs.has(Bug::kSnapshotBytesNotChecked);
  options.snapshot = pinned_;
  if (!end.empty()) options.iterate_upper_bound = &upper_bound;
  const std::unique_ptr<rocksdb::Iterator> it(store_->db_->NewIterator(options));
  for (it->Seek(begin); it->Valid(); it->Next()) {
    if (!visit(it->key().ToStringView(), it->value().ToStringView())) return absl::OkStatus();
  }
  return FromRocksdb(it->status(), "scan of rows");
}

}  // namespace sut
