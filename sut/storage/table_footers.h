// The footers of table files, looked at before RocksDB opens them.
//
// Every block of a table file has a checksum, but its footer, the last 53 bytes, has none (rocksdb, table/format.cc,
// format version 5): it says where the index is, and in one byte by what kind of checksum the blocks are guarded. A
// footer whose byte was damaged says "none" or nothing that there is, and RocksDB takes whatever it reads for an index,
// or ends the process.
// With the byte right, damage to the rest of the footer leads to a block whose checksum does not fit.

#ifndef SUT_STORAGE_TABLE_FOOTERS_H_
#define SUT_STORAGE_TABLE_FOOTERS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "sut/runtime/seams.h"

namespace sut {

// Whether a table's last bytes say that its blocks have no checksums, which none of this project's stores is made with
// (rocksdb_options.h). What is no whole footer, as of a file that a crash cut short, is left to RocksDB.
bool SaysNoChecksums(std::string_view footer);

// Renames each such table file in the directory of a store to NAME.damaged: if the store needs it, RocksDB misses it
// when it opens; if not, it was left over by a crash. A directory that is not there has none. Blocks its caller.
absl::Status SetDamagedTablesAside(const StorageSeam& seam, const std::string& directory);

}  // namespace sut

#endif  // SUT_STORAGE_TABLE_FOOTERS_H_
