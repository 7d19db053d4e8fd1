// The apply ledger as a file, from both its sides.
//
// A record is a frame: 4 bytes length, 4 bytes CRC-32C of the rest, both little endian, then a LedgerRecord. The writer
// hands each frame to the kernel in one write before it returns, so that the death of the process loses none that was
// finished. The reader follows the file as it grows; a frame that is not whole yet is not there yet, and at the end of
// a life it never happened.
//
// Thread rule: the writer from any thread; the reader from one.

#ifndef HARNESS_PROCESS_LEDGER_FILE_H_
#define HARNESS_PROCESS_LEDGER_FILE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harness/process/ledger.pb.h"

namespace holdfast::process {

class LedgerWriter {
 public:
  static absl::StatusOr<std::unique_ptr<LedgerWriter>> Open(const std::string& file);
  ~LedgerWriter();
  LedgerWriter(const LedgerWriter&) = delete;
  LedgerWriter& operator=(const LedgerWriter&) = delete;

  // A ledger with a gap proves nothing: the process ends if the record can't be written.
  void Append(const LedgerRecord& record);

 private:
  explicit LedgerWriter(int fd) : fd_(fd) {}
  const int fd_;
  std::mutex mutex_;  // keeps frames whole and in order
};

class LedgerReader {
 public:
  // The file need not be there yet.
  explicit LedgerReader(std::string file);
  ~LedgerReader();
  LedgerReader(const LedgerReader&) = delete;
  LedgerReader& operator=(const LedgerReader&) = delete;

  // Calls `take` for each record that was added since the last call. DataLoss: a frame is damaged, and nothing behind
  // it can be read.
  absl::Status ReadNew(const std::function<void(const LedgerRecord&)>& take);
  // Bytes of a frame that is not whole.
  size_t unfinished_bytes() const { return pending_.size(); }

 private:
  const std::string file_;
  int fd_ = -1;
  std::string pending_;
};

// A frame's payload may have so many bytes; a longer one is damage.
inline constexpr size_t kLedgerRecordBytesMax = 64 << 20;

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_LEDGER_FILE_H_
