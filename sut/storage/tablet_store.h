// One generation of a replica's rows: a RocksDB with WAL off, whose log is the Raft log.
//
// One column family with key prefixes, so that rows, remembered requests, markers and the applied op id go in one write
// batch and reach the disk together: a flush can't tear them apart. What is durable is exactly the state after the
// entry flushed_applied(); everything later is replayed from the Raft log.
//
// Thread rule: Commit on the loop (or on the Worker while a barrier runs, never both); Flush and Compact on the Worker;
// reads anywhere. A generation that was swapped out stays readable until its last reference goes.

#ifndef SUT_STORAGE_TABLET_STORE_H_
#define SUT_STORAGE_TABLET_STORE_H_

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/bugs.h"
#include "sut/base/ids.h"
#include "sut/runtime/seams.h"
#include "sut/storage/rocksdb_calls.h"

namespace rocksdb {
class DB;
class Snapshot;
}  // namespace rocksdb

namespace sut {

// The first byte of every key. Everything but kRow is the replica's own metadata, which a restore carries over.
enum class KeySpace : char {
  kRow = 'r',      // 2 bytes hash, big endian, then the user's key
  kRequest = 'q',  // 16 bytes client, 8 bytes sequence -> remembered reply
  kSession = 'c',  // 16 bytes client -> session state
  kMarker = 'm',   // kind and id -> marker of a snapshot operation
  kApplied = 'a',  // no more bytes -> applied op id
};

std::string StoreKey(KeySpace space, std::string_view rest);
// Every key of the space lies in [first, second).
std::pair<std::string, std::string> KeySpaceRange(KeySpace space);

// Changes that are committed as one, in order.
class StoreBatch {
 public:
  struct Change {
    std::string key;
    std::optional<std::string> value;  // none: delete
  };
  void Put(std::string key, std::string value) { changes_.push_back({std::move(key), std::move(value)}); }
  void Delete(std::string key) { changes_.push_back({std::move(key), std::nullopt}); }
  void Add(Change change) { changes_.push_back(std::move(change)); }
  bool empty() const { return changes_.empty(); }
  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
};

class TabletStore : public std::enable_shared_from_this<TabletStore> {
 public:
  struct OpenOptions {
    BugSet bugs;
    bool create = false;  // create if missing; otherwise NotFound
    // Entries to apply between flushes; Commit says when one is due.
    uint64_t flush_after_entries = 64;
  };
  static absl::StatusOr<std::shared_ptr<TabletStore>> Open(const StorageSeam& seam, const std::string& path,
                                                           const OpenOptions& options);
  ~TabletStore();

  // Writes the changes and `applied` atomically (planted bug 3: in two batches, with a flush possible in between).
  // A failed Commit or Flush is final: the store refuses all further ones and must be opened anew.
  // REQUIRES: applied.index is above applied().index.
  absl::Status Commit(const StoreBatch& batch, OpId applied);
  // As Commit, for a store that is not in service yet: `applied` may be any op id.
  absl::Status CommitStaged(const StoreBatch& batch, OpId applied);
  OpId applied() const;
  // Up to where the store is durable, at least: a flush may take in what was committed while it ran.
  OpId flushed_applied() const;
  bool flush_due() const;

  // Makes everything committed before the call durable. Blocks its caller.
  absl::Status Flush();
  // Merges all table files into one, in the caller's thread.
  absl::Status Compact();
  // Reads every block of every table file and holds it against its checksum. DataLoss if one is rotten.
  absl::Status VerifyChecksums() const;
  // Live table files. Decides when to compact.
  uint64_t file_count() const;

  // A version that does not change, for scans that take several pages. Keeps this generation alive.
  class View {
   public:
    ~View();
    View(const View&) = delete;
    View& operator=(const View&) = delete;
    absl::StatusOr<std::optional<std::string>> Get(const std::string& key) const;
    // Calls `visit` for each key in [begin, end) in order until it returns false. An empty `end` is beyond all keys.
    absl::Status Scan(const std::string& begin, const std::string& end,
                      const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
    OpId applied() const { return applied_; }

   private:
    friend class TabletStore;
    View(std::shared_ptr<const TabletStore> store, const rocksdb::Snapshot* pinned, OpId applied);
    std::shared_ptr<const TabletStore> store_;
    const rocksdb::Snapshot* pinned_;  // null: reads see the newest state
    OpId applied_;
  };
  // The newest state, unpinned: cheap, for reads that end before the loop turns.
  View Latest() const;
  std::unique_ptr<View> Pin() const;

  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) const { return Latest().Get(key); }

  rocksdb::DB* db() const { return db_.get(); }
  const std::string& path() const { return path_; }

 private:
  TabletStore(const StorageSeam& seam, std::string path, const OpenOptions& options, OpenedStore store);
  absl::Status LoadApplied();
  // Planted bug 3.
  absl::Status CommitAppliedApart(const StoreBatch& batch, OpId applied);

  const StorageSeam seam_;
  const std::string path_;
  const OpenOptions options_;
  const std::unique_ptr<rocksdb::Env> env_;  // the store's
  std::unique_ptr<rocksdb::DB> db_;

  mutable std::mutex mutex_;  // guards what follows, and keeps Pin out of a Commit
  OpId applied_;
  OpId flushed_applied_;
  absl::Status failure_;  // the first failed Commit or Flush
};

}  // namespace sut

#endif  // SUT_STORAGE_TABLET_STORE_H_
