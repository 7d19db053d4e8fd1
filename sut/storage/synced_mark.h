// How far a log was synced, kept apart from the log: by this a torn tail is told from rot. A log that ends below its
// mark has lost what was durable, which is damage; above the mark, a missing or broken record is the trace of a crash
// before its sync. After Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage" (FAST 2018),
// section 3.3.
//
// The mark also names the newest table file that the log's MANIFEST is known to list: a MANIFEST that lost a record
// reads as a whole one of an older version, and what was in that table would be missing in the middle of the log.
//
// Durable state: two slots in sectors of their own, written in turn, each sealed by a checksum; the higher valid one
// counts. So a crash in the middle of a write leaves the mark before it. The file is made, whole, before the log is, so
// a log without a mark, and a mark without a valid slot, are damage too.
//
// Thread rule: Advance from anywhere.

#ifndef SUT_STORAGE_SYNCED_MARK_H_
#define SUT_STORAGE_SYNCED_MARK_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/env.h"
#include "sut/runtime/seams.h"

namespace sut {

class SyncedMark {
 public:
  // A new mark, at 0, durable on return. Nothing happens if there is one.
  static absl::Status Create(const StorageSeam& seam, const std::string& path);
  // DataLoss if it is missing or rotten.
  static absl::StatusOr<std::unique_ptr<SyncedMark>> Open(const StorageSeam& seam, const std::string& path);

  uint64_t sequence() const;
  uint64_t newest_table() const;
  // Everything up to `sequence` has been synced. Durable on return; lower than the present mark, it does nothing. A
  // failure is final, as that of a sync is.
  absl::Status Advance(uint64_t sequence);
  // The MANIFEST lists the table of that number, durably. Otherwise as Advance.
  absl::Status NoteTable(uint64_t newest_table);

 private:
  // Of neither number less than before. REQUIRES: mutex_ is held.
  absl::Status Write(uint64_t sequence, uint64_t newest_table);
  SyncedMark(std::unique_ptr<rocksdb::RandomRWFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  mutable std::mutex mutex_;
  const std::unique_ptr<rocksdb::RandomRWFile> file_;
  const std::string path_;
  uint64_t newest_table_ = 0;
  uint64_t sequence_ = 0;
  uint64_t next_slot_ = 0;
};

}  // namespace sut

#endif  // SUT_STORAGE_SYNCED_MARK_H_
