// What RocksDB takes on trust in a table file, looked at whenever it opens one.
//
// Every block of a table file has a checksum, but two things are used before a checksum is looked at. The footer, the
// last 53 bytes, has none (rocksdb, table/format.cc, format version 5): it says where the other blocks are, and in one
// byte by what kind of checksum they are guarded. If that byte was damaged and says "none" or nothing that there is,
// RocksDB takes whatever it reads for an index, or ends the process. And the block of properties is parsed before it is
// verified (table/meta_blocks.cc), by code that asserts what the writer promised. All other blocks are verified first.

#ifndef SUT_STORAGE_TABLE_CHECK_H_
#define SUT_STORAGE_TABLE_CHECK_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "rocksdb/env.h"

namespace sut {

// The last bytes of a file, and where in it they begin.
struct TableEnd {
  std::string_view bytes;
  uint64_t offset = 0;
};
// Whether the footer of a table file, its metaindex or its properties are not what a store of this project writes
// (rocksdb_options.h). What has no whole footer, as a file that a crash cut short, is left to RocksDB, which refuses
// it. REQUIRES: the last 16 KiB of the file, or all of it. Thread rule: pure.
bool IsDamaged(const TableEnd& end);

// `env` with the opening of a damaged table file failing as Corruption. It must outlive the result, and the result
// every store that was opened with it.
std::unique_ptr<rocksdb::Env> WithTableCheck(rocksdb::Env* env);

}  // namespace sut

#endif  // SUT_STORAGE_TABLE_CHECK_H_
