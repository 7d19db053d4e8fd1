// Barriers of a replica: sequences of durable steps on the Worker during which nothing applies, and what becomes of
// them when the disk refuses. The barriers themselves stand in snapshot_barriers.cc and install_*.cc.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/tablet/install_receiver.h"
#include "sut/tablet/install_source.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/snapshot_barriers.h"

namespace sut {
namespace {

constexpr int64_t kBarrierRetryUs = 1'000'000;

}  // namespace

void Replica::StartBarrier(LogicalIdentity identity, std::vector<Step> steps, std::function<void()> finish) {
  barrier_running_ = true;  // perhaps since BeginBarrier
  retry_barrier_ = [this, identity, steps, finish] { StartBarrier(identity, steps, finish); };
  RunSequence(context_.seams->worker, LogicalIdentity{Mix({identity.hash, barrier_attempts_})}, std::move(steps),
              [this, finish = std::move(finish)](absl::Status status) {
                if (!status.ok()) return BarrierFailed(status);
                SetOutOfService(false);
                barrier_attempts_ = 0;
                finish();
                Pump();
              });
}

void Replica::MakeCommitDurable(std::function<void()> done) {
  const raft::Status& status = raft_->status();
  const raft::HardState hard_state{status.term, status.vote, std::min(status.commit, status.persisted)};
  context_.log_writer->Submit({.tablet = tablet_, .hard_state = hard_state}, std::move(done));
}

void Replica::BeginBarrier() {
  SUT_CHECK(!barrier_running_, "one barrier runs at a time");
  barrier_running_ = true;
}

void Replica::EndBarrier() {
  barrier_running_ = false;
  SetOutOfService(stopped_);
  retry_barrier_ = nullptr;
}

void Replica::WhenNoBarrier(std::function<void()> start) {
  barriers_waiting_.push_back(std::move(start));
  Pump();
}

Step Replica::FlushStep() const {
  return [store = store_, failed = store_failed_] {
    absl::Status status = store->Flush();
    *failed = !status.ok();
    return status;
  };
}

void Replica::BarrierFailed(const absl::Status& status) {
  if (*store_failed_) return Fatal(absl::StrCat("the row store can't be flushed: ", status.message()));
  SetOutOfService(true);
  held_up_ = true;
  ++barrier_attempts_;
  raft_->StepDown();
  FailProposals(raft_->status().last.index, absl::StrCat("the replica left service: ", status.message()));
  // Confirmed reads would wait for an index that may never be applied; the others are given back by Raft.
  for (auto& [index, done] : std::exchange(reads_confirmed_, {})) {
    proto::Reply reply;
    reply.set_code(proto::UNAVAILABLE);
    reply.set_message("the replica left service");
    done(std::move(reply));
  }
  context_.seams->timers->After(kBarrierRetryUs, [this, hold_up = ++hold_ups_] {
    if (stopped_ || !held_up_ || hold_ups_ != hold_up) return;
    held_up_ = false;
    const auto retry = retry_barrier_;
    retry();
    Pump();
  });
  Pump();
}

// It would lead for nothing, so it does not stand for election either.
void Replica::SetOutOfService(bool out_of_service) {
  out_of_service_ = out_of_service;
  raft_->SetElectable(!out_of_service);
}

void Replica::NoteReadFailure(const absl::Status& status) {
  // A barrier that runs already will meet the damage, or be followed by a read that does.
  if (!absl::IsDataLoss(status) || stopped_ || barrier_running_) return;
  SetOutOfService(true);
  raft_->StepDown();
  StartBarrier(LogicalIdentity{Mix({0x64616d61, tablet_.hi, tablet_.lo, applied_.index.value})},
               {[store = store_] { return store->VerifyChecksums(); }}, [this] { EndBarrier(); });
}

absl::Status Replica::SwapStore(std::shared_ptr<TabletStore> store, const proto::ReplicaRecord& record) {
  pins_.clear();
  if (absl::Status status = LoadStore(std::move(store)); !status.ok()) return status;
  record_ = record;
  old_generations_ = true;
  return absl::OkStatus();
}

}  // namespace sut
