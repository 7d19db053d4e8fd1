// Group commit: the log writes of all replicas of a node go to one log store, and one sync serves all that are waiting.
//
// A write reaches the store at once, unsynced; its callback runs on the loop when a sync that began after it has ended,
// in the order of the writes. While a sync runs, later writes gather for the next one. A failed write or sync is fatal
// for the node: no callback runs after it. So is a log device that falls behind by kWaitingMax writes. Loop rule: on
// the node's loop; syncs run on the log worker.

#ifndef SUT_TABLET_LOG_WRITER_H_
#define SUT_TABLET_LOG_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sut/runtime/seams.h"
#include "sut/storage/log_store.h"

namespace sut {

class LogWriter {
 public:
  // Both outlive the writer.
  LogWriter(LogStore* store, const Seams* seams) : store_(store), seams_(seams) {}

  // Writes, and calls `synced` once everything written so far is durable.
  void Submit(const LogStore::GroupWrite& write, std::function<void()> synced);
  // Writes what need not be durable (a commit index).
  void SubmitUnsynced(const LogStore::GroupWrite& write);
  static constexpr size_t kWaitingMax = 65'536;

  // Calls `done` after everything that was submitted before is durable: at once if nothing is waiting. Never, if too
  // much waits: REQUIRES: `done` is of no more weight than messages that may be lost.
  void AfterPending(std::function<void()> done);

 private:
  bool Write(const LogStore::GroupWrite& write);
  void StartSync();
  void SyncEnded(absl::Status status);
  void Fatal(const absl::Status& status);

  LogStore* store_;
  const Seams* seams_;
  std::vector<std::function<void()>> waiting_;  // for the next sync
  std::vector<std::function<void()>> syncing_;  // for the one that runs
  bool sync_running_ = false;
  bool failed_ = false;
  uint64_t syncs_ = 0;
};

}  // namespace sut

#endif  // SUT_TABLET_LOG_WRITER_H_
