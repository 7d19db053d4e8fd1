// Calls into RocksDB that need care: with threads of its own or with none (StorageSeam::drain_background), they end
// with their work done, and with its status.

#ifndef SUT_STORAGE_ROCKSDB_CALLS_H_
#define SUT_STORAGE_ROCKSDB_CALLS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/status.h"
#include "sut/runtime/seams.h"

namespace rocksdb {
class DB;
class Env;
struct Options;
}  // namespace rocksdb

namespace sut {

// `what` says what was tried. Corruption -> DataLoss; no space -> ResourceExhausted; not found, also of a file ->
// NotFound; any other failure of the disk -> Unavailable.
absl::Status FromRocksdb(const rocksdb::Status& status, std::string_view what);

struct OpenedStore {
  std::unique_ptr<rocksdb::Env> env;  // which looks at every table file (table_check.h); outlives the store
  std::unique_ptr<rocksdb::DB> db;
};
// Opens a store that is there, or that `options` says to create. What is not found is one of its files, so DataLoss.
// Blocks its caller.
absl::StatusOr<OpenedStore> OpenStore(const rocksdb::Options& options, const std::string& directory);
absl::StatusOr<OpenedStore> OpenStoreReadOnly(const rocksdb::Options& options, const std::string& directory);

// Makes the memtable a durable table file. Blocks its caller.
absl::Status FlushMemtable(const StorageSeam& seam, rocksdb::DB& db);
// Puts a new memtable (and a new write-ahead log) in the place of the present one, whose flush is left to the
// background.
absl::Status SwitchMemtable(rocksdb::DB& db);
// Does what SwitchMemtable left, where RocksDB has no threads of its own; elsewhere the flush goes on, and a failure
// shows in the next write.
absl::Status FinishFlush(const StorageSeam& seam, rocksdb::DB& db);
// Merges all table files into one, in the caller's thread. After an error the store keeps every file until it is
// closed. REQUIRES: one such call at a time.
absl::Status MergeTableFiles(rocksdb::DB& db);
uint64_t CountTableFiles(rocksdb::DB& db);
// Closes a store. What is not flushed and not in its write-ahead log is forgotten. Safe on a store whose disk has
// failed.
void CloseStore(const StorageSeam& seam, std::unique_ptr<rocksdb::DB> db);

}  // namespace sut

#endif  // SUT_STORAGE_ROCKSDB_CALLS_H_
