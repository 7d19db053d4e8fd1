// The Raft log store: one RocksDB for all groups of a node, and the journal of its replicas.
//
// Contract: Write puts records into the WAL without a sync, Sync makes everything written durable (group commit: one
// sync serves all groups). A failed Write or Sync is final: the store must be closed and the node stopped, never
// retried, since dirty pages may be gone. After a crash the store holds a prefix of what was written that contains all
// that was synced: a store that lacks some of that is rotten, and is told from one with a torn tail by the mark that is
// kept beside it (synced_mark.h), as is one whose MANIFEST lost a record. Where whole records were lost inside a log
// and their bytes read as zeros, RocksDB goes on behind the hole; then it is the gap between entries that tells.
//
// Entries are deleted one by one. With range deletions in the store, an iterator of RocksDB before 8.5.2 forgets that a
// table could not be read, and goes on with what older tables say (facebook/rocksdb#11782, #11786).
//
// Thread rule: Write and Compact on the loop; Sync and PutReplica anywhere, also at the same time.

#ifndef SUT_STORAGE_LOG_STORE_H_
#define SUT_STORAGE_LOG_STORE_H_

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"
#include "sut/raft/raft.h"
#include "sut/runtime/seams.h"
#include "sut/storage/rocksdb_calls.h"

namespace rocksdb {
class DB;
class WriteBatch;
}  // namespace rocksdb

namespace sut {

class SyncedMark;

class LogStore {
 public:
  struct GroupWrite {
    TabletId tablet;
    std::optional<Index> truncate_from;  // entries at and above it are removed first
    std::vector<raft::Entry> entries;
    std::optional<raft::HardState> hard_state;
  };
  struct RecoveredReplica {
    proto::ReplicaRecord record;
    raft::HardState hard_state;
    raft::LogStart start;
    std::vector<raft::Entry> entries;
  };

  // Opens or creates the store below `path`, whose missing parents are created and fsynced. DataLoss if it is rotten.
  static absl::StatusOr<std::unique_ptr<LogStore>> Open(const StorageSeam& seam, const std::string& path);
  ~LogStore();

  // Appends the writes of several groups as one batch; unsynced.
  absl::Status Write(const std::vector<GroupWrite>& writes);
  // Now and then it also flushes and merges table files, which its caller waits for, but writers do not.
  absl::Status Sync();
  // Drops entries up to start.last and remembers `start`; unsynced (losing it only keeps entries longer).
  // REQUIRES: start.last is not before the present start.
  absl::Status Compact(TabletId tablet, const raft::LogStart& start);
  // Writes a replica's journal record and syncs. With `reset`, in the same atomic batch, the log is made to begin at
  // *reset: all entries are dropped but those that agree with and follow reset->last if `keep_tail`.
  struct LogReset {
    raft::LogStart start;
    bool keep_tail = false;
    // The record is of another replica than the one before: what that one has promised is not this one's.
    bool forget_promises = false;
  };
  absl::Status PutReplica(const proto::ReplicaRecord& record, const std::optional<LogReset>& reset);
  // Every replica that has a record, in the order of tablet ids. DataLoss for a record or entry that does not parse, or
  // a gap. A store that is not new is recovered before it is written to.
  absl::StatusOr<std::vector<RecoveredReplica>> Recover();

 private:
  LogStore(const StorageSeam& seam, OpenedStore store, std::unique_ptr<SyncedMark> mark);
  // Which entries of a group there are. Invariant: first <= next.
  struct Entries {
    Index first;
    Index next;  // after the last one
  };

  // Commits `batch`; the first failure is kept and returned ever after. REQUIRES: mutex_ is held.
  absl::Status Commit(rocksdb::WriteBatch& batch, bool sync);
  // REQUIRES of these: mutex_ is held, and the entry follows those that there are.
  void AddEntry(TabletId tablet, const raft::Entry& entry, rocksdb::WriteBatch& batch);
  void DeleteBelow(TabletId tablet, Index end, rocksdb::WriteBatch& batch);
  void DeleteFrom(TabletId tablet, Index begin, rocksdb::WriteBatch& batch);
  // Syncs what was written so far, then says so in the mark.
  absl::Status SyncAndMark();
  // Syncs and has RocksDB begin a new write-ahead log, with no record in between.
  absl::Status SyncAndSwitch();
  // Flushes the memtable that was switched out, and merges table files if there are many. Writers do not wait for it.
  absl::Status Maintain();
  absl::Status Merge();
  // Keeps the first failure; gives back `status`.
  absl::Status Fail(absl::Status status);
  // Adds to `batch` what makes the log begin at reset.start.
  absl::Status AddReset(TabletId tablet, const LogReset& reset, rocksdb::WriteBatch& batch);
  // Whether the log knows `op` as its start or as one of its entries.
  absl::StatusOr<bool> Contains(TabletId tablet, OpId op) const;

  const StorageSeam seam_;
  const std::unique_ptr<rocksdb::Env> env_;  // the store's
  std::unique_ptr<rocksdb::DB> db_;
  const std::unique_ptr<SyncedMark> mark_;  // Invariant: not above the last record that was synced

  // Held by writers, and by Sync while it switches logs: a record that came between sync and switch would be the
  // unsynced end of the old log, and a power loss could take it and leave the records of the new log behind it.
  std::mutex mutex_;
  bool recovered_ = false;
  std::map<TabletId, Entries> entries_;  // of groups that have any
  uint64_t weight_since_flush_ = 0;  // rows, with large ones counted for several: memtables never fill by themselves
  absl::Status failure_;             // the first failed write or sync
};

}  // namespace sut

#endif  // SUT_STORAGE_LOG_STORE_H_
