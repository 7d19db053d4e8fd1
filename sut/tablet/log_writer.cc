#include "sut/tablet/log_writer.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"

namespace sut {

void LogWriter::Submit(const LogStore::GroupWrite& write, std::function<void()> synced) {
  if (!Write(write)) return;
  if (waiting_.size() >= kWaitingMax) return Fatal(absl::ResourceExhaustedError("syncs fall behind"));
  waiting_.push_back(std::move(synced));
  if (!sync_running_) StartSync();
}

void LogWriter::SubmitUnsynced(const LogStore::GroupWrite& write) { Write(write); }

void LogWriter::AfterPending(std::function<void()> done) {
  if (failed_) return;
  std::vector<std::function<void()>>& queue = waiting_.empty() ? syncing_ : waiting_;
  if (sync_running_) {
    if (queue.size() < kWaitingMax) queue.push_back(std::move(done));
  } else {
    done();
  }
}

bool LogWriter::Write(const LogStore::GroupWrite& write) {
  if (failed_) return false;
  if (absl::Status status = store_->Write({write}); !status.ok()) {
    Fatal(status);
    return false;
  }
  seams_->probes->Hit(Probe::kEntriesAppended, write.tablet);
  return true;
}

void LogWriter::StartSync() {
  sync_running_ = true;
  syncing_ = std::exchange(waiting_, {});
  auto status = std::make_shared<absl::Status>();
  seams_->log_worker->Run(
      LogicalIdentity{Mix({0x73796e63, ++syncs_})}, [this, status] { *status = store_->Sync(); },
      [this, status] { SyncEnded(*status); });
}

void LogWriter::SyncEnded(absl::Status status) {
  sync_running_ = false;
  if (!status.ok()) return Fatal(status);
  seams_->probes->Hit(Probe::kEntriesSynced, TabletId{});
  // A callback may submit again; what it submits waits for the next sync.
  std::vector<std::function<void()>> done = std::exchange(syncing_, {});
  if (!waiting_.empty()) StartSync();
  for (const auto& callback : done) callback();
}

void LogWriter::Fatal(const absl::Status& status) {
  if (std::exchange(failed_, true)) return;
  seams_->on_fatal(absl::StrCat("the Raft log can't be written: ", status.message()));
}

}  // namespace sut
