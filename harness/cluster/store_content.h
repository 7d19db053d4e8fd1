// What stands in a node's stores, snapshot directories and journal, read off its files and changed by nothing.
//
// Works on any rocksdb::Env, so the same code looks at simulated and at real disks. The directories must not change
// meanwhile. Thread rule: pure, but for the disk.

#ifndef HARNESS_CLUSTER_STORE_CONTENT_H_
#define HARNESS_CLUSTER_STORE_CONTENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/check/inspection.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"
#include "sut/runtime/seams.h"

namespace holdfast {

// A row of a store goes to `rows` under its user's key, the applied op id to `applied`, all else to `metadata` as it
// is.
struct StoreContent {
  std::string error;  // why it can't be read, or is damaged; empty if it can
  sut::OpId op;       // of a store: the applied op id; of a snapshot: the op id in its metadata file
  check::Rows rows;
  check::Rows metadata;
};

// Rows of a tablet lie under a hash prefix, which is cut off; those of the master's catalogue do not.
enum class RowKeys : uint8_t { kTablet, kMaster };

inline RowKeys RowKeysOf(sut::TabletId tablet) {
  return tablet == sut::kMasterTablet ? RowKeys::kMaster : RowKeys::kTablet;
}

void AddStoreRow(std::string_view key, std::string_view value, RowKeys row_keys, StoreContent* content);

// The store in `directory`, as its files have it.
StoreContent ReadStore(const sut::StorageSeam& seam, const std::string& directory, RowKeys row_keys);
// A snapshot directory, with every checksum verified.
StoreContent ReadSnapshot(const sut::StorageSeam& seam, const std::string& directory, RowKeys row_keys);
// A replica as a node's Raft log store knows it.
struct JournaledReplica {
  sut::proto::ReplicaRecord record;
  sut::OpId log_start;  // the last entry that is not in the log any more
};

// In the order of tablet ids; none if there is no store yet.
absl::StatusOr<std::vector<JournaledReplica>> ReadJournal(const sut::StorageSeam& seam,
                                                          const std::string& log_store_directory);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_STORE_CONTENT_H_
