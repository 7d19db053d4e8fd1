// The applying of committed entries, one at a time and in order, and of the reads that wait for it.

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

// Whether a correct leader may have appended this. Anything else is damage that no checksum saw.
bool ValidCommand(const proto::Command& command) {
  if (command.has_request() && !ValidRequest(command.request())) return false;
  if (command.has_fence()) return IdFromBytes<ClientId>(command.fence().client()).ok();
  return !command.has_snapshot() || ValidSnapshotOp(command.snapshot());
}

}  // namespace

void Replica::ApplyCommitted() {
  while (!stopped_ && may_begin_barrier() && !barriers_waiting_.empty()) {
    const auto start = std::move(barriers_waiting_.front());
    barriers_waiting_.pop_front();
    // An entry that was held up is begun anew afterwards, if the install does not contain it.
    barrier_running_ = held_up_ = false;
    retry_barrier_ = nullptr;
    start();
  }
  while (!stopped_ && !retiring_ && !to_apply_.empty() && !barrier_running_) {
    // An install may have brought more than what was waiting.
    if (to_apply_.front().op.index <= applied_.index) {
      to_apply_.pop_front();
      continue;
    }
    if (!ApplyOne(raft::Entry(to_apply_.front()))) return;
  }
  if (!stopped_) MaintainStore();
}

bool Replica::ApplyOne(const raft::Entry& entry) {
  SUT_CHECK(entry.op.index == Next(applied_.index), "entries apply without a gap");
  context_.hybrid_clock->Observe(entry.time);
  if (entry.type != raft::EntryType::kCommand) {
    if (entry.type == raft::EntryType::kConfig) NoteConfigApplied(entry);
    CommitEntry(entry, nullptr, {}, {});
    return true;
  }
  proto::Command command;
  if (!command.ParseFromString(entry.data) || !ValidCommand(command)) {
    Fatal("a committed entry is no command");
    return false;
  }
  if (command.has_snapshot() && snapshots_->Start(entry, command)) return !barrier_running_;
  StoreBatch batch;
  absl::Status status;
  proto::Reply reply = ApplyCommand(command, entry, &batch, &status);
  if (!status.ok()) {
    BeginBarrier();
    retry_barrier_ = [this] { EndBarrier(); };
    BarrierFailed(status);
    return false;
  }
  if (snapshots_->IsLostInSwap(entry.op.index)) batch = StoreBatch();
  CommitEntry(entry, &command, std::move(batch), std::move(reply));
  if (command.has_close()) Hit(Probe::kTabletClosed);
  return true;
}

proto::Reply Replica::ApplyCommand(const proto::Command& command, const raft::Entry& entry, StoreBatch* batch,
                                   absl::Status* status) {
  if (command.has_snapshot()) return snapshots_->RepeatedReply(command.snapshot());
  if (command.has_fence()) {
    const auto client = IdFromBytes<ClientId>(command.fence().client());
    SUT_CHECK(client.ok(), "a fence was validated before it was appended");
    return sessions_.Close(*client, batch);
  }
  if (command.has_close()) return ApplyClose(entry.op, batch);
  const bool remembered = command.has_request();
  if (remembered) {
    if (auto known = sessions_.Lookup(command.request())) return *std::move(known);
  }
  // Not remembered: every later attempt meets the same.
  if (markers_.closed()) return TabletGone();
  absl::StatusOr<proto::Reply> reply = machine_->Apply(command, entry.op, entry.time, *store_, batch);
  if (!reply.ok()) {
    *status = reply.status();
    return {};
  }
  if (remembered) {
    reply->mutable_op()->set_term(entry.op.term.value);
    reply->mutable_op()->set_index(entry.op.index.value);
    sessions_.Remember(command.request(), *reply, batch);
  }
  return *std::move(reply);
}

proto::Reply Replica::ApplyClose(OpId op, StoreBatch* batch) {
  if (!markers_.closed()) {
    proto::ClosedMarker marker;
    marker.mutable_op()->set_term(op.term.value);
    marker.mutable_op()->set_index(op.index.value);
    markers_.PutClosed(marker, batch);
  }
  proto::Reply reply;
  reply.set_code(proto::OK);
  *reply.mutable_op() = markers_.closed()->op();
  return reply;
}

void Replica::CommitEntry(const raft::Entry& entry, const proto::Command* command, StoreBatch batch,
                          proto::Reply reply) {
  if (absl::Status status = store_->Commit(batch, entry.op); !status.ok()) {
    // What the caches hold is ahead of the store now: only a restart puts that right.
    Fatal(absl::StrCat("the row store can't be written: ", status.message()));
    return;
  }
  FinishEntry(entry, command, std::move(reply));
}

ApplyObserver::Applied Replica::Observed(const raft::Entry& entry, const proto::Command* command) const {
  ApplyObserver::Applied applied;
  applied.tablet = tablet_;
  applied.replica = replica_;
  applied.op = entry.op;
  if (command != nullptr && command->has_request()) {
    applied.request = {*IdFromBytes<ClientId>(command->request().client()), command->request().sequence()};
  }
  applied.entry_hash = MixString(entry.data, static_cast<uint64_t>(entry.type));
  applied.data = &entry.data;
  applied.is_command = entry.type == raft::EntryType::kCommand;
  return applied;
}

void Replica::FinishEntry(const raft::Entry& entry, const proto::Command* command, proto::Reply reply) {
  applied_ = entry.op;
  context_.seams->observer->OnApplied(Observed(entry, command));
  const OpId op = entry.op;
  if (!to_apply_.empty() && to_apply_.front().op.index == op.index) to_apply_.pop_front();
  raft_->Applied(op.index);
  if (command != nullptr) machine_->Committed();
  const auto waiting = proposals_.find(op.index);
  if (waiting == proposals_.end()) return;
  const Proposal proposal = std::move(waiting->second);
  proposals_.erase(waiting);
  if (proposal.term == op.term) {
    if (!reply.has_op()) {
      reply.mutable_op()->set_term(op.term.value);
      reply.mutable_op()->set_index(op.index.value);
    }
  } else {
    reply.Clear();
    reply.set_code(proto::INDETERMINATE);
    reply.set_message("another leader's entry stands in its place");
  }
  proposal.done(std::move(reply));
}

void Replica::ServeReads() {
  while (!reads_confirmed_.empty() && reads_confirmed_.begin()->first <= applied_.index) {
    const auto done = std::move(reads_confirmed_.begin()->second);
    reads_confirmed_.erase(reads_confirmed_.begin());
    proto::Reply reply;
    reply.set_code(proto::OK);
    reply.mutable_op()->set_term(applied_.term.value);
    reply.mutable_op()->set_index(applied_.index.value);
    done(std::move(reply));
  }
}

}  // namespace sut
