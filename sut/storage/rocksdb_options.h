// The one place of RocksDB option policy.
//
// Nothing happens in a store unless a caller asks for it: no compaction, no statistics, no log file, and write buffers
// that never fill by themselves, since the moment would differ from run to run. So flushes and compactions are counted
// and called for, and all work of a store is either in its caller's thread or queued where
// StorageSeam::drain_background finds it.
//
// Everything else is there to keep opening cheap: simulated nodes open stores by the dozen.

#ifndef SUT_STORAGE_ROCKSDB_OPTIONS_H_
#define SUT_STORAGE_ROCKSDB_OPTIONS_H_

#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "sut/runtime/seams.h"

namespace sut {

// Of a replica's rows, whose write-ahead log is the Raft log: RocksDB's is not used.
rocksdb::Options TabletStoreOptions(const StorageSeam& seam);
// Of the Raft log store, whose write-ahead log is all that makes it durable.
rocksdb::Options LogStoreOptions(const StorageSeam& seam);
// Of every block of a table file (table_check.h).
inline constexpr rocksdb::ChecksumType kTableChecksum = rocksdb::kCRC32c;
// For plain files beside RocksDB's own.
rocksdb::EnvOptions PlainFileOptions();

// The level below level 0, and the last: a compaction moves everything there.
inline constexpr int kBottomLevel = 1;

}  // namespace sut

#endif  // SUT_STORAGE_ROCKSDB_OPTIONS_H_
