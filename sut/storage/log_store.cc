#include "sut/storage/log_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "rocksdb/write_batch.h"
#include "sut/base/check.h"
#include "sut/storage/directory.h"
#include "sut/storage/log_records.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"
#include "sut/storage/synced_mark.h"

namespace sut {
namespace {

// Bounds the memtable and the write-ahead log to about a megabyte.
constexpr uint64_t kWeightBetweenFlushes = 4096;
constexpr uint64_t kBytesPerWeight = 256;
// Each flush, and each recovery that found records, leaves one.
constexpr uint64_t kTableFilesMax = 8;

constexpr char kMarkFile[] = "/SYNCED";  // no name of RocksDB's, which leaves such files alone

std::string EntryKey(TabletId tablet, Index index) { return EncodeLogKey({tablet, LogRecord::kEntry, index}); }
std::string RecordKey(TabletId tablet, LogRecord kind) { return EncodeLogKey({tablet, kind, Index{}}); }

// What recovery has seen of one group.
struct GroupRecords {
  TabletId tablet;
  std::optional<proto::ReplicaRecord> record;
  LogStore::RecoveredReplica replica;
};

absl::Status AddRecord(const LogKey& key, std::string_view key_bytes, std::string_view value, GroupRecords& group) {
  switch (key.kind) {
    case LogRecord::kEntry: {
      absl::StatusOr<raft::Entry> entry = DecodeEntryValue(key_bytes, value);
      if (!entry.ok()) return entry.status();
      if (entry->op.index != key.index) return absl::DataLossError("log entry under the key of another one");
      group.replica.entries.push_back(*std::move(entry));
      return absl::OkStatus();
    }
    case LogRecord::kHardState: {
      absl::StatusOr<raft::HardState> state = DecodeHardStateValue(key_bytes, value);
      if (!state.ok()) return state.status();
      group.replica.hard_state = *state;
      return absl::OkStatus();
    }
    case LogRecord::kReplica: {
      absl::StatusOr<proto::ReplicaRecord> record = DecodeReplicaValue(key_bytes, value);
      if (!record.ok()) return record.status();
      group.record = *std::move(record);
      return absl::OkStatus();
    }
    case LogRecord::kLogStart: {
      absl::StatusOr<raft::LogStart> start = DecodeLogStartValue(key_bytes, value);
      if (!start.ok()) return start.status();
      group.replica.start = *std::move(start);
      return absl::OkStatus();
    }
  }
  return absl::DataLossError("log record of unknown kind");
}

// Entries follow the start and each other without a gap, and terms never go back (Raft paper, figure 3, log matching).
absl::Status CheckConsecutive(TabletId tablet, const LogStore::RecoveredReplica& replica) {
  OpId last = replica.start.last;
  for (const raft::Entry& entry : replica.entries) {
    if (entry.op.index != Next(last.index) || entry.op.term < last.term) {
      return absl::DataLossError(
          absl::StrCat("log of tablet ", Hex(tablet), ": ", ToString(entry.op), " follows ", ToString(last)));
    }
    last = entry.op;
  }
  return absl::OkStatus();
}

absl::Status FinishGroup(GroupRecords group, std::vector<LogStore::RecoveredReplica>& replicas) {
  if (!group.record.has_value()) return absl::OkStatus();
  if (group.record->tablet() != Bytes(group.tablet)) return absl::DataLossError("replica record of another tablet");
  if (absl::Status status = CheckConsecutive(group.tablet, group.replica); !status.ok()) return status;
  group.replica.record = *std::move(group.record);
  replicas.push_back(std::move(group.replica));
  return absl::OkStatus();
}

// Takes note of the tables that recovery makes: the MANIFEST that was found did not list them.
class RecoveryTables : public rocksdb::EventListener {
 public:
  void OnTableFileCreated(const rocksdb::TableFileCreationInfo& info) override {
    if (info.reason == rocksdb::TableFileCreationReason::kRecovery) paths_.push_back(info.file_path);
  }
  bool Made(const rocksdb::LiveFileMetaData& file) const {
    return std::any_of(paths_.begin(), paths_.end(),
                       [&file](const std::string& path) { return path.ends_with("/" + file.relative_filename); });
  }

 private:
  std::vector<std::string> paths_;
};

// Of those that `counts`; 0 if there is none.
template <typename Counts>
uint64_t NewestTable(rocksdb::DB& db, const Counts& counts) {
  std::vector<rocksdb::LiveFileMetaData> files;
  db.GetLiveFilesMetaData(&files);
  uint64_t newest = 0;
  for (const rocksdb::LiveFileMetaData& file : files) {
    if (counts(file)) newest = std::max(newest, file.file_number);
  }
  return newest;
}
uint64_t NewestTable(rocksdb::DB& db) {
  return NewestTable(db, [](const auto&) { return true; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogStore>> LogStore::Open(const StorageSeam& seam, const std::string& path) {
  if (absl::Status status = CreateDirectoryChain(seam, path); !status.ok()) return status;
  const rocksdb::Status present = seam.env->FileExists(absl::StrCat(path, "/CURRENT"));
  if (present.IsNotFound()) {
    if (absl::Status status = SyncedMark::Create(seam, path + kMarkFile); !status.ok()) return status;
  } else if (!present.ok()) {
    return FromRocksdb(present, "open of the Raft log store");
  }
  absl::StatusOr<std::unique_ptr<SyncedMark>> mark = SyncedMark::Open(seam, path + kMarkFile);
  if (!mark.ok()) return mark.status();
  const uint64_t synced = (*mark)->sequence();
  const auto recovered = std::make_shared<RecoveryTables>();
  rocksdb::Options options = LogStoreOptions(seam);
  options.listeners.push_back(recovered);
  absl::StatusOr<OpenedStore> opened = OpenStore(options, path);
  if (!opened.ok()) return opened.status();
  std::unique_ptr<LogStore> store(new LogStore(seam, *std::move(opened), *std::move(mark)));
  if (const uint64_t found = store->db_->GetLatestSequenceNumber(); found < synced) {
    return absl::DataLossError(absl::StrCat("the Raft log ends at record ", found, ", and was synced up to ", synced));
  }
  const uint64_t listed = NewestTable(*store->db_, [&](const auto& file) { return !recovered->Made(file); });
  if (const uint64_t known = store->mark_->newest_table(); listed < known) {
    return absl::DataLossError(absl::StrCat("the Raft log's MANIFEST does not list table ", known));
  }
  if (absl::Status noted = store->mark_->NoteTable(NewestTable(*store->db_)); !noted.ok()) return noted;
  store->recovered_ = present.IsNotFound();
  if (CountTableFiles(*store->db_) >= kTableFilesMax) {
    if (absl::Status merged = store->Merge(); !merged.ok()) return merged;
  }
  return store;
}

LogStore::LogStore(const StorageSeam& seam, OpenedStore store, std::unique_ptr<SyncedMark> mark)
    : seam_(seam), env_(std::move(store.env)), db_(std::move(store.db)), mark_(std::move(mark)) {}

LogStore::~LogStore() { CloseStore(seam_, std::move(db_)); }

absl::Status LogStore::Write(const std::vector<GroupWrite>& writes) {
  std::lock_guard lock(mutex_);
  rocksdb::WriteBatch batch;
  for (const GroupWrite& write : writes) {
    if (write.truncate_from.has_value()) DeleteFrom(write.tablet, *write.truncate_from, batch);
    for (const raft::Entry& entry : write.entries) AddEntry(write.tablet, entry, batch);
    if (write.hard_state.has_value()) {
      const std::string key = RecordKey(write.tablet, LogRecord::kHardState);
      batch.Put(key, EncodeHardStateValue(key, *write.hard_state));
    }
  }
  return Commit(batch, /*sync=*/false);
}

absl::Status LogStore::Sync() {
  bool flush_due = false;
  {
    std::lock_guard lock(mutex_);
    if (!failure_.ok()) return failure_;
    flush_due = weight_since_flush_ >= kWeightBetweenFlushes;
  }
  if (!flush_due) return Fail(SyncAndMark());
  if (absl::Status status = SyncAndSwitch(); !status.ok()) return Fail(status);
  return Fail(Maintain());
}

absl::Status LogStore::Compact(TabletId tablet, const raft::LogStart& start) {
  std::lock_guard lock(mutex_);
  rocksdb::WriteBatch batch;
  DeleteBelow(tablet, Next(start.last.index), batch);
  const std::string key = RecordKey(tablet, LogRecord::kLogStart);
  batch.Put(key, EncodeLogStartValue(key, start));
  return Commit(batch, /*sync=*/false);
}

absl::Status LogStore::PutReplica(const proto::ReplicaRecord& record, const std::optional<LogReset>& reset) {
  absl::StatusOr<TabletId> tablet = IdFromBytes<TabletId>(record.tablet());
  if (!tablet.ok()) return tablet.status();
  std::lock_guard lock(mutex_);
  rocksdb::WriteBatch batch;
  const std::string key = RecordKey(*tablet, LogRecord::kReplica);
  batch.Put(key, EncodeReplicaValue(key, record));
  if (reset.has_value()) {
    if (absl::Status status = AddReset(*tablet, *reset, batch); !status.ok()) return status;
  }
  return Commit(batch, /*sync=*/true);
}

absl::StatusOr<std::vector<LogStore::RecoveredReplica>> LogStore::Recover() {
  std::lock_guard lock(mutex_);
  std::vector<RecoveredReplica> replicas;
  std::optional<GroupRecords> group;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const std::string_view key_bytes = it->key().ToStringView();
    absl::StatusOr<LogKey> key = DecodeLogKey(key_bytes);
    if (!key.ok()) return key.status();
    if (!group.has_value() || group->tablet != key->tablet) {
      if (group.has_value()) {
        if (absl::Status status = FinishGroup(*std::move(group), replicas); !status.ok()) return status;
      }
      group.emplace();
      group->tablet = key->tablet;
    }
    if (absl::Status status = AddRecord(*key, key_bytes, it->value().ToStringView(), *group); !status.ok()) {
      return status;
    }
    if (key->kind != LogRecord::kEntry) continue;
    entries_.try_emplace(key->tablet, Entries{key->index, key->index}).first->second.next = Next(key->index);
  }
  if (!it->status().ok()) return FromRocksdb(it->status(), "recovery of the Raft log");
  if (group.has_value()) {
    if (absl::Status status = FinishGroup(*std::move(group), replicas); !status.ok()) return status;
  }
  recovered_ = true;
  return replicas;
}

void LogStore::AddEntry(TabletId tablet, const raft::Entry& entry, rocksdb::WriteBatch& batch) {
  const std::string key = EntryKey(tablet, entry.op.index);
  batch.Put(key, EncodeEntryValue(key, entry));
  Entries& entries = entries_.try_emplace(tablet, Entries{entry.op.index, entry.op.index}).first->second;
  SUT_CHECK(entry.op.index == entries.next, "entries are appended one after the other");
  entries.next = Next(entry.op.index);
}

void LogStore::DeleteBelow(TabletId tablet, Index end, rocksdb::WriteBatch& batch) {
  const auto found = entries_.find(tablet);
  if (found == entries_.end()) return;
  Entries& entries = found->second;
  for (; entries.first < std::min(end, entries.next); entries.first = Next(entries.first)) {
    batch.Delete(EntryKey(tablet, entries.first));
  }
  if (entries.first == entries.next) entries_.erase(found);
}

void LogStore::DeleteFrom(TabletId tablet, Index begin, rocksdb::WriteBatch& batch) {
  const auto found = entries_.find(tablet);
  if (found == entries_.end()) return;
  Entries& entries = found->second;
  const Index kept = std::max(begin, entries.first);
  for (Index index = kept; index < entries.next; index = Next(index)) batch.Delete(EntryKey(tablet, index));
  entries.next = std::min(entries.next, kept);
  if (entries.first == entries.next) entries_.erase(found);
}

absl::Status LogStore::Commit(rocksdb::WriteBatch& batch, bool sync) {
  SUT_CHECK(recovered_, "a log is recovered before it is written to");
  if (!failure_.ok()) return failure_;
  if (batch.Count() == 0) return absl::OkStatus();
  weight_since_flush_ += batch.Count() + batch.GetDataSize() / kBytesPerWeight;
  rocksdb::WriteOptions options;
  options.sync = sync;
  failure_ = FromRocksdb(db_->Write(options, &batch), "write to the Raft log");
  // A synced write takes those before it along.
  if (failure_.ok() && sync) failure_ = mark_->Advance(db_->GetLatestSequenceNumber());
  return failure_;
}

absl::Status LogStore::SyncAndMark() {
  // Before the sync: what is written while it runs may not be in it.
  const uint64_t written = db_->GetLatestSequenceNumber();
  if (absl::Status status = FromRocksdb(db_->SyncWAL(), "sync of the Raft log"); !status.ok()) return status;
  return mark_->Advance(written);
}

absl::Status LogStore::SyncAndSwitch() {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  if (absl::Status status = SyncAndMark(); !status.ok()) return status;
  weight_since_flush_ = 0;
  return SwitchMemtable(*db_);
}

absl::Status LogStore::Maintain() {
  if (absl::Status status = FinishFlush(seam_, *db_); !status.ok()) return status;
  if (absl::Status status = mark_->NoteTable(NewestTable(*db_)); !status.ok()) return status;
  return CountTableFiles(*db_) < kTableFilesMax ? absl::OkStatus() : Merge();
}

absl::Status LogStore::Merge() {
  if (absl::Status status = MergeTableFiles(*db_); !status.ok()) return status;
  return mark_->NoteTable(NewestTable(*db_));
}

absl::Status LogStore::Fail(absl::Status status) {
  if (status.ok()) return status;
  std::lock_guard lock(mutex_);
  if (failure_.ok()) failure_ = status;
  return status;
}

absl::Status LogStore::AddReset(TabletId tablet, const LogReset& reset, rocksdb::WriteBatch& batch) {
  bool keep_tail = false;
  if (reset.keep_tail) {
    absl::StatusOr<bool> agrees = Contains(tablet, reset.start.last);
    if (!agrees.ok()) return agrees.status();
    keep_tail = *agrees;
  }
  if (keep_tail) {
    DeleteBelow(tablet, Next(reset.start.last.index), batch);
  } else {
    DeleteFrom(tablet, Index{0}, batch);
  }
  if (reset.forget_promises) batch.Delete(RecordKey(tablet, LogRecord::kHardState));
  const std::string key = RecordKey(tablet, LogRecord::kLogStart);
  batch.Put(key, EncodeLogStartValue(key, reset.start));
  return absl::OkStatus();
}

absl::StatusOr<bool> LogStore::Contains(TabletId tablet, OpId op) const {
  std::string value;
  const std::string start_key = RecordKey(tablet, LogRecord::kLogStart);
  rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), start_key, &value);
  if (status.ok()) {
    absl::StatusOr<raft::LogStart> start = DecodeLogStartValue(start_key, value);
    if (!start.ok()) return start.status();
    if (start->last == op) return true;
  } else if (!status.IsNotFound()) {
    return FromRocksdb(status, "read of the Raft log");
  }
  const std::string entry_key = EntryKey(tablet, op.index);
  status = db_->Get(rocksdb::ReadOptions(), entry_key, &value);
  if (status.IsNotFound()) return false;
  if (!status.ok()) return FromRocksdb(status, "read of the Raft log");
  absl::StatusOr<raft::Entry> entry = DecodeEntryValue(entry_key, value);
  if (!entry.ok()) return entry.status();
  return entry->op == op;
}

}  // namespace sut
