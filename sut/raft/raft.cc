// Inputs that every role takes, the hand-over of Readies, and what follows from their being durable.
//
// A Ready is a cut through everything decided since the last one: the log's end and the hard state in it are what
// messages_after_sync rely on, so nothing may be changed between collecting the one and the other.

#include "sut/raft/raft.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/raft/raft_impl.h"

namespace sut::raft {

namespace {

absl::Status CheckRecovered(const RecoveredState& recovered) {
  OpId last = recovered.start.last;
  for (const Entry& entry : recovered.entries) {
    if (entry.op.index != Next(last.index) || entry.op.term < last.term) {
      return absl::InvalidArgumentError(absl::StrCat("log entry ", ToString(entry.op), " follows ", ToString(last)));
    }
    if (entry.type == EntryType::kConfig) {
      if (const auto config = DecodeConfig(entry.data); !config.ok()) return config.status();
    }
    last = entry.op;
  }
  if (recovered.applied < recovered.start.last.index || recovered.applied > last.index) {
    return absl::InvalidArgumentError(absl::StrCat("applied index ", recovered.applied.value,
                                                   " lies outside the log from ", recovered.start.last.index.value,
                                                   " to ", last.index.value));
  }
  if (recovered.hard_state.commit > last.index) {
    return absl::InvalidArgumentError(absl::StrCat("commit index ", recovered.hard_state.commit.value,
                                                   " lies beyond the log's end ", last.index.value));
  }
  return absl::OkStatus();
}

void CheckOptions(const Options& options) {
  SUT_CHECK(options.heartbeat_ticks >= 1, "heartbeat_ticks");
  SUT_CHECK(options.election_ticks_min > options.heartbeat_ticks, "election_ticks_min");
  SUT_CHECK(options.election_ticks != nullptr, "election_ticks");
  SUT_CHECK(options.entries_per_append_max >= 1, "entries_per_append_max");
  SUT_CHECK(options.appends_in_flight_max >= 1, "appends_in_flight_max");
  SUT_CHECK(options.proposals_pending_max >= 1, "proposals_pending_max");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Raft>> Raft::Recover(ReplicaId self, Options options, RecoveredState recovered) {
  SUT_CHECK(!self.is_none(), "a replica needs an id");
  CheckOptions(options);
  if (absl::Status checked = CheckRecovered(recovered); !checked.ok()) return checked;
  return std::unique_ptr<Raft>(new Raft(std::make_unique<Impl>(self, std::move(options), std::move(recovered))));
}

Raft::Raft(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Raft::~Raft() = default;

void Raft::Tick() { impl_->Tick(); }
void Raft::Step(const Message& message) { impl_->Step(message); }
absl::StatusOr<OpId> Raft::Propose(std::string data, HybridTime time) { return impl_->Propose(std::move(data), time); }
absl::StatusOr<OpId> Raft::ProposeConfig(const Config& config, HybridTime time) {
  return impl_->ProposeConfig(config, time);
}
absl::Status Raft::ReadIndex(uint64_t id) { return impl_->ReadIndex(id); }
absl::Status Raft::TransferLeader(ReplicaId to) { return impl_->TransferLeader(to); }
void Raft::StepDown() { impl_->StepDown(); }
void Raft::SetElectable(bool electable) { impl_->electable = electable; }
void Raft::Campaign() {
  if (!is_leader()) impl_->StartPreVote();
}
bool Raft::HasReady() const { return impl_->HasReady(); }
Ready Raft::TakeReady() { return impl_->TakeReady(); }
void Raft::Persisted(uint64_t number) { impl_->Persisted(number); }

void Raft::Applied(Index index) {
  SUT_CHECK(index <= impl_->handed_out, "applied an entry that was not handed out");
  impl_->applied = std::max(impl_->applied, index);
}

void Raft::Compact(Index index) {
  SUT_CHECK(index <= impl_->applied, "compaction beyond the applied index");
  impl_->log.CompactTo(index);
  impl_->NoteLogChange();
}

void Raft::ReportInstall(ReplicaId peer, std::optional<Index> index) { impl_->ReportInstall(peer, index); }
bool Raft::Installed(const LogStart& start) { return impl_->Installed(start); }
bool Raft::CanInstall(OpId last) const { return last.index > impl_->status.commit; }
const Status& Raft::status() const { return impl_->status; }
bool Raft::is_leader() const { return impl_->status.role == Role::kLeader; }
std::optional<Term> Raft::TermAt(Index index) const { return impl_->log.TermAt(index); }
const std::vector<Entry>& Raft::log() const { return impl_->log.entries(); }

Raft::Impl::Impl(ReplicaId self, Options options_in, RecoveredState recovered)
    : options(std::move(options_in)),
      log(std::move(recovered.start), std::move(recovered.entries)),
      recovered_hard_state(recovered.hard_state),
      written_hard_state(recovered.hard_state),
      handed_out(recovered.applied),
      applied(recovered.applied) {
  status.self = self;
  // Entries or an installed store can be durable before the term that they came in. Nothing was promised in that term
  // yet: promises wait for the hard state.
  status.term = std::max(recovered.hard_state.term, log.last().term);
  if (status.term == recovered.hard_state.term) status.vote = recovered.hard_state.vote;
  promises_changed = status.term != recovered.hard_state.term;
  durable_term = status.term;
  status.commit = std::max(recovered.hard_state.commit, recovered.applied);
  status.persisted = log.last().index;
  status.start = log.start();
  NoteLogChange();
  ResetElectionTimer();
}

void Raft::Impl::Tick() {
  ++election_elapsed;
  if (Leader* leader = std::get_if<Leader>(&role)) {
    TickLeader(*leader);
  } else if (election_elapsed >= election_timeout) {
    OnElectionTimeout();
  }
}

void Raft::Impl::Step(const Message& message) {
  if (message.to != status.self || message.from == status.self || message.from.is_none()) return;
  const bool is_reply = message.type == MessageType::kPreVoteReply || message.type == MessageType::kVoteReply ||
                        message.type == MessageType::kAppendReply;
  if (is_reply && !IsMember(message.from)) return;
  if (message.term > status.term && !AdmitHigherTerm(message)) return;
  if (message.term < status.term) {
    AnswerLowerTerm(message);
    return;
  }
  switch (message.type) {
    case MessageType::kPreVote:
    case MessageType::kVote:
      HandleVoteRequest(message);
      return;
    case MessageType::kPreVoteReply:
    case MessageType::kVoteReply:
      HandleVoteReply(message);
      return;
    case MessageType::kAppend:
      HandleAppend(message);
      return;
    case MessageType::kAppendReply:
      HandleAppendReply(message);
      return;
    case MessageType::kTimeoutNow:
      HandleTimeoutNow();
      return;
  }
}

bool Raft::Impl::HasReady() const {
  return !messages.empty() || !messages_after_sync.empty() || promises_changed || log.HasUnwritten() ||
         std::min(status.commit, status.persisted) > handed_out || !reads.empty() || !lost_reads.empty() ||
         !installs.empty();
}

Ready Raft::Impl::TakeReady() {
  Ready ready;
  ready.number = ++ready_number;
  ready.truncate_from = log.TakeTruncation();
  ready.entries = log.TakeUnwritten();
  const bool writes_log = ready.truncate_from.has_value() || !ready.entries.empty();
  const HardState hard = HardStateToWrite();
  if (hard.term != written_hard_state.term || hard.vote != written_hard_state.vote ||
      (writes_log && hard.commit != written_hard_state.commit)) {
    ready.hard_state = hard;
    written_hard_state = hard;
  }
  promises_changed = false;
  ready.must_sync = writes_log || ready.hard_state.has_value();

  ready.messages = std::exchange(messages, {});
  ready.messages_after_sync = std::exchange(messages_after_sync, {});
  ready.reads = std::exchange(reads, {});
  ready.lost_reads = std::exchange(lost_reads, {});
  ready.installs = std::exchange(installs, {});
  // An entry that a quorum of others holds may be committed before it is durable here; it is not applied before.
  const Index apply_to = std::min(status.commit, status.persisted);
  if (apply_to > handed_out) {
    ready.committed = log.EntriesAfter(handed_out, apply_to.value - handed_out.value);
    handed_out = apply_to;
  }

  if (ready.must_sync) {
    unsynced.push_back({ready.number, status.last.index, status.term});
  } else if (!unsynced.empty()) {
    unsynced.back().term = status.term;
  } else {
    OnTermDurable(status.term);
  }
  return ready;
}

HardState Raft::Impl::HardStateToWrite() const {
  HardState hard{status.term, status.vote, status.commit};
  if (options.bug_vote_not_persisted) {  // planted bug 31
    hard.term = recovered_hard_state.term;
    hard.vote = recovered_hard_state.vote;
  }
  return hard;
}

void Raft::Impl::Persisted(uint64_t number) {
  SUT_CHECK(number <= ready_number, "durability of a Ready that was not taken");
  Term term = durable_term;
  while (!unsynced.empty() && unsynced.front().number <= number) {
    status.persisted = std::max(status.persisted, unsynced.front().last);
    term = std::max(term, unsynced.front().term);
    unsynced.pop_front();
  }
  OnTermDurable(term);
  AdvanceCommit();
}

bool Raft::Impl::Installed(const LogStart& start) {
  if (start.last.index <= status.commit) return false;
  const bool kept = log.Install(start, options.bug_install_keeps_conflicting_tail);
  if (kept) {
    status.persisted = std::max(status.persisted, start.last.index);
  } else {
    for (Unsynced& ready : unsynced) ready.last = std::min(ready.last, start.last.index);
    status.persisted = start.last.index;
  }
  status.commit = start.last.index;
  handed_out = start.last.index;
  applied = start.last.index;
  NoteLogChange();
  // A log never ends in a later term than its replica's; and no leader's log can disagree with a committed entry.
  const bool leads = std::holds_alternative<Leader>(role);
  if (start.last.term > status.term || (leads && !kept)) {
    BecomeFollower(std::max(start.last.term, status.term), ReplicaId{});
  }
  return true;
}

void Raft::Impl::NoteLogChange() {
  status.last = log.last();
  status.log_changes = log.changes();
  if (status.start.last != log.start().last) status.start = log.start();
  if (status.config != log.config()) status.config = log.config();
}

void Raft::Impl::Send(Message message) { messages_after_sync.push_back(std::move(message)); }
void Raft::Impl::SendNow(Message message) { messages.push_back(std::move(message)); }

Message Raft::Impl::Reply(const Message& to, MessageType type) const {
  Message reply;
  reply.type = type;
  reply.from = status.self;
  reply.to = to.from;
  reply.term = status.term;
  return reply;
}

}  // namespace sut::raft
