// Housekeeping of a replica: flushes, log compaction, merging of table files, removal of generations that are not live.
//
// One piece of work at a time, never during a barrier. A flush that fails is final for the store and stops the node;
// the rest only costs room, and is tried again after a pause.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"
#include "sut/storage/directory.h"
#include "sut/tablet/install_receiver.h"
#include "sut/tablet/install_source.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/snapshot_barriers.h"

namespace sut {
namespace {

constexpr int64_t kMaintenancePauseUs = 1'000'000;

absl::Status RemoveAllGenerationsBut(const StorageSeam& storage, const std::string& directory,
                                     const std::string& live) {
  auto names = ListDirectory(storage, directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == live) continue;
    if (absl::Status status = RemoveTree(storage, absl::StrCat(directory, "/", name)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

void Replica::MaintainStore() {
  if (maintenance_running_ || barrier_running_ || retiring_) return;
  const LogicalIdentity identity{Mix({0x6d61696e, tablet_.hi, tablet_.lo, applied_.index.value})};
  if (store_->flush_due() || flush_wanted_) {
    flush_wanted_ = false;
    return FlushStore(identity);
  }
  if (NowUs() < maintenance_after_us_) return;
  if (std::exchange(compaction_wanted_, false)) return CompactStore(identity);
  if (std::exchange(old_generations_, false)) RemoveOldGenerations();
}

void Replica::RunMaintenance(LogicalIdentity identity, Step step, std::function<void(absl::Status)> finish) {
  maintenance_running_ = true;
  RunSequence(context_.seams->worker, identity, {std::move(step)},
              [this, finish = std::move(finish)](absl::Status status) {
                maintenance_running_ = false;
                if (!status.ok()) maintenance_after_us_ = NowUs() + kMaintenancePauseUs;
                finish(std::move(status));
                Pump();
              });
}

void Replica::FlushStore(LogicalIdentity identity) {
  RunMaintenance(identity, FlushStep(), [this](absl::Status status) {
    if (!status.ok()) return Fatal(absl::StrCat("the row store can't be flushed: ", status.message()));
    Hit(Probe::kStoreFlushed);
    CompactLog();
    compaction_wanted_ = compaction_wanted_ || store_->file_count() >= options().compact_after_files;
  });
}

void Replica::CompactStore(LogicalIdentity identity) {
  RunMaintenance(
      identity, [store = store_] { return store->Compact(); },
      [this](absl::Status status) { compaction_wanted_ = compaction_wanted_ || !status.ok(); });
}

void Replica::CompactLog() {
  const uint64_t retention = options().log_retention_entries;
  uint64_t target = store_->flushed_applied().index.value;
  target = target > retention ? target - retention : 0;
  if (options().bugs.has(Bug::kLogTruncatedToApplied)) target = applied_.index.value;
  if (const auto pinned = install_source_->oldest_index()) target = std::min(target, pinned->value);
  if (target <= raft_->status().start.last.index.value) return;
  raft_->Compact(Index{target});
  if (absl::Status status = context_.log_store->Compact(tablet_, raft_->status().start); !status.ok()) {
    return Fatal(absl::StrCat("the Raft log can't be compacted: ", status.message()));
  }
  Hit(Probe::kLogCompacted);
}

void Replica::RemoveOldGenerations() {
  RunMaintenance(
      LogicalIdentity{Mix({0x67656e73, tablet_.hi, tablet_.lo, record_.generation()})},
      [storage = storage(), directory = layout_.live(), live = absl::StrCat(record_.generation())] {
        return RemoveAllGenerationsBut(storage, directory, live);
      },
      [this](absl::Status status) { old_generations_ = old_generations_ || !status.ok(); });
}

std::shared_ptr<TabletStore> Replica::Retire(bool tablet_lives_on) {
  retiring_ = out_of_service_ = true;
  lives_on_ = tablet_lives_on;
  install_source_->StopAll();
  install_receiver_->Cancel();
  const bool under_way = (barrier_running_ && !held_up_) || maintenance_running_ || install_source_->busy() ||
                         install_receiver_->busy() || !inspections_.empty();
  if (under_way) return nullptr;
  stopped_ = true;
  barriers_waiting_.clear();
  pins_.clear();
  FailProposals(raft_->status().last.index, "the replica was removed");
  for (auto& [index, done] : std::exchange(reads_confirmed_, {})) done(Gone());
  for (auto& [id, done] : std::exchange(reads_, {})) done(Gone());
  return std::exchange(store_, nullptr);
}

}  // namespace sut
