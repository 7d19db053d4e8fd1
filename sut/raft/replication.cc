// The log's way from the leader to the others: appends, heartbeats, their answers, and what becomes committed by them.
//
// Only entries of the leader's own term are committed by counting (section 5.4.2); what older terms left is committed
// by the noop that opens a term. Leader and follower may sync in any order: a leader counts itself like any other
// voter, by what is durable.

#include <algorithm>
#include <utility>

#include "sut/base/check.h"
#include "sut/raft/raft_impl.h"

namespace sut::raft {

// The largest value that a majority of voters has reached, with `own` for this replica if it votes. There are few
// voters: trying each one's value costs less than sorting a copy.
template <typename Value>
Value Raft::Impl::ReachedByQuorum(const Leader& leader, Value Progress::*field, std::type_identity_t<Value> own) const {
  const std::vector<ReplicaId>& voters = log.config().voters;
  const auto reached = [&](ReplicaId voter) { return voter == status.self ? own : leader.peers.at(voter).*field; };
  Value best{};
  for (const ReplicaId candidate : voters) {
    const Value value = reached(candidate);
    size_t count = 0;
    for (const ReplicaId voter : voters) count += reached(voter) >= value ? 1 : 0;
    if (count >= voters.size() / 2 + 1) best = std::max(best, value);
  }
  return best;
}
template uint64_t Raft::Impl::ReachedByQuorum(const Leader&, uint64_t Progress::*, uint64_t) const;

void Raft::Impl::TickLeader(Leader& leader) {
  if (election_elapsed >= options.election_ticks_min) {
    election_elapsed = 0;
    if (!HeardFromQuorum(leader)) {
      BecomeFollower(status.term, ReplicaId{});
      return;
    }
  }
  if (leader.transfer.has_value() && ++leader.transfer->ticks >= options.election_ticks_min) {
    leader.transfer.reset();
    status.transfer_target = ReplicaId{};
  }
  if (++leader.heartbeat_elapsed >= options.heartbeat_ticks) {
    leader.heartbeat_elapsed = 0;
    // The beat can carry a new read round for those that came while an older, perhaps lost, one was running.
    if (TermCommitted(leader) && !leader.reads.empty() && leader.reads.back().round > leader.read_round) {
      ++leader.read_round;
    }
    BroadcastHeartbeats(leader);
  }
}

// Counts who was heard from since the last question.
bool Raft::Impl::HeardFromQuorum(Leader& leader) {
  size_t heard = IsVoter(status.self) ? 1 : 0;
  for (auto& [id, progress] : leader.peers) {
    if (std::exchange(progress.recently_active, false) && IsVoter(id)) ++heard;
  }
  return heard >= log.config().voters.size() / 2 + 1;
}

OpId Raft::Impl::AppendOwn(EntryType type, std::string data, HybridTime time) {
  const OpId op{status.term, Next(log.last().index)};
  log.Append({op, type, time, std::move(data)});
  NoteLogChange();
  return op;
}

// Makes the leader's list of peers follow the configuration.
void Raft::Impl::UpdatePeers(Leader& leader) {
  std::erase_if(leader.peers, [this](const auto& peer) { return !IsMember(peer.first); });
  for (const std::vector<ReplicaId>* group : {&log.config().voters, &log.config().learners}) {
    for (const ReplicaId id : *group) {
      if (id == status.self) continue;
      const auto [peer, is_new] = leader.peers.try_emplace(id);
      if (is_new) peer->second.next = Next(log.last().index);
    }
  }
  if (leader.transfer.has_value() && !IsVoter(leader.transfer->to)) {
    leader.transfer.reset();
    status.transfer_target = ReplicaId{};
  }
}

void Raft::Impl::Replicate() {
  Leader& leader = std::get<Leader>(role);
  for (auto& [id, progress] : leader.peers) SendAppends(leader, id, progress);
}

void Raft::Impl::SendAppends(Leader& leader, ReplicaId to, Progress& progress) {
  const size_t in_flight_max = static_cast<size_t>(options.appends_in_flight_max);
  while (progress.CanSend(log.last().index, in_flight_max)) {
    const std::optional<Term> previous_term = log.TermAt(Previous(progress.next));
    const bool holds_nothing = options.learners_begin_with_install && progress.next.value == 1 && !IsVoter(to);
    if (!previous_term.has_value() || holds_nothing) {
      BeginInstall(to, progress);
      return;
    }
    Message append;
    append.type = MessageType::kAppend;
    append.from = status.self;
    append.to = to;
    append.term = status.term;
    append.previous = {*previous_term, Previous(progress.next)};
    append.entries = log.EntriesAfter(append.previous.index, static_cast<size_t>(options.entries_per_append_max));
    append.commit = status.commit;
    append.read_context = leader.read_round;
    if (progress.phase == Progress::Phase::kProbe) {
      progress.probe_sent = true;
    } else {
      progress.next = Index{progress.next.value + append.entries.size()};
      progress.in_flight.push_back(Previous(progress.next));
    }
    SendNow(std::move(append));
  }
}

void Raft::Impl::SendHeartbeat(Leader& leader, ReplicaId to, Progress& progress) {
  if (progress.phase != Progress::Phase::kInstall && !log.TermAt(Previous(progress.next)).has_value()) {
    BeginInstall(to, progress);
  }
  Message heartbeat;
  heartbeat.type = MessageType::kAppend;
  heartbeat.from = status.self;
  heartbeat.to = to;
  heartbeat.term = status.term;
  // A peer that is being installed accepts as soon as it has the store, should the host's report be lost.
  const Index previous = progress.phase == Progress::Phase::kInstall ? log.start().last.index : Previous(progress.next);
  heartbeat.previous = {*log.TermAt(previous), previous};
  heartbeat.commit = status.commit;
  heartbeat.read_context = leader.read_round;
  SendNow(std::move(heartbeat));
}

void Raft::Impl::BroadcastHeartbeats(Leader& leader) {
  for (auto& [id, progress] : leader.peers) SendHeartbeat(leader, id, progress);
}

void Raft::Impl::BeginInstall(ReplicaId to, Progress& progress) {
  progress.BeginInstall();
  if (!options.bug_no_install) installs.push_back(to);
}

void Raft::Impl::ReportInstall(ReplicaId peer, std::optional<Index> index) {
  Leader* leader = std::get_if<Leader>(&role);
  if (leader == nullptr) return;
  const auto it = leader->peers.find(peer);
  if (it == leader->peers.end() || it->second.phase != Progress::Phase::kInstall) return;
  // Even after a failure the peer is asked first: it may have got the store from an earlier leader.
  it->second.BackUpTo(std::min(index.value_or(log.start().last.index), log.last().index));
  SendAppends(*leader, peer, it->second);
}

void Raft::Impl::HandleAppend(const Message& message) {
  // Two leaders in one term: only if somebody forgot a vote. Neither yields; the invariants tell.
  if (std::holds_alternative<Leader>(role)) return;
  if (std::holds_alternative<Follower>(role) && status.leader == message.from) {
    election_elapsed = 0;
  } else {
    BecomeFollower(status.term, message.from);
  }
  OpId last = message.previous;
  for (const Entry& entry : message.entries) {
    const bool follows = entry.op.index == Next(last.index) && entry.op.term >= last.term;
    if (!follows || (entry.type == EntryType::kConfig && !DecodeConfig(entry.data).ok())) return;
    last = entry.op;
  }
  if (last.term > message.term) return;

  Message reply = Reply(message, MessageType::kAppendReply);
  reply.read_context = message.read_context;
  // What is committed here is part of the leader's log (leader completeness), so only what lies beyond is compared. A
  // message that contradicts it comes from no legal leader.
  const bool overlaps = message.previous.index < status.commit;
  if (overlaps && last.index >= status.commit) {
    const size_t committed = status.commit.value - message.previous.index.value;
    if (!log.Contains(message.entries[committed - 1].op)) return;
  }
  if (overlaps || log.Contains(message.previous)) {
    AppendFrom(message);
    reply.granted = true;
    reply.match = std::max(last.index, status.commit);
    status.commit = std::max(status.commit, std::min(message.commit, last.index));
  } else {
    reply.previous = message.previous;
    reply.conflict = std::max(
        status.commit,
        log.LastIndexOfTermAtMost(Previous(message.previous.index), message.previous.term).value_or(status.commit));
    reply.conflict_term = *log.TermAt(reply.conflict);
  }
  Send(std::move(reply));
}

// Takes over those entries that are new here. An entry that is already there is left alone, with what follows it: a
// delayed append must not cut off what a later one brought (section 5.3).
void Raft::Impl::AppendFrom(const Message& message) {
  bool changed = false;
  for (const Entry& entry : message.entries) {
    if (entry.op.index <= status.commit || log.Contains(entry.op)) continue;
    if (entry.op.index <= log.last().index) {
      log.TruncateFrom(entry.op.index);
      const Index kept = Previous(entry.op.index);
      status.persisted = std::min(status.persisted, kept);
      for (Unsynced& ready : unsynced) ready.last = std::min(ready.last, kept);
    }
    log.Append(entry);
    changed = true;
  }
  if (changed) NoteLogChange();
}

void Raft::Impl::HandleAppendReply(const Message& message) {
  Leader* leader = std::get_if<Leader>(&role);
  if (leader == nullptr) return;
  const auto it = leader->peers.find(message.from);
  if (it == leader->peers.end()) return;
  Progress& progress = it->second;
  progress.recently_active = true;
  if (message.read_context > progress.read_round && message.read_context <= leader->read_round) {
    progress.read_round = message.read_context;
    ConfirmReads(*leader);
  }
  if (!message.granted) {
    HandleRefusal(progress, message);
  } else if (message.match <= log.last().index && progress.Accepted(message.match)) {
    AdvanceCommit();
    if (!std::holds_alternative<Leader>(role)) return;
  }
  SendAppends(*leader, message.from, progress);
  if (leader->transfer.has_value() && leader->transfer->to == message.from) FinishTransfer(*leader);
}

void Raft::Impl::HandleRefusal(Progress& progress, const Message& message) {
  if (message.previous.index.value == 0 || !progress.IsNews(message.previous.index)) return;
  const Index bound = std::min(message.conflict, Previous(message.previous.index));
  // Where the common entry lies before the log's start, index 0 leads to an install.
  progress.BackUpTo(log.LastIndexOfTermAtMost(bound, message.conflict_term).value_or(Index{0}));
}

void Raft::Impl::AdvanceCommit() {
  const Leader* leader = std::get_if<Leader>(&role);
  if (leader == nullptr) return;
  const Index quorum = options.bug_commit_without_majority
                           ? status.persisted
                           : ReachedByQuorum(*leader, &Progress::match, status.persisted);
  const bool counts = log.TermAt(quorum) == status.term || options.bug_older_term_committed_by_counting;
  if (quorum <= status.commit || !counts) return;
  status.commit = quorum;
  OnCommitAdvanced();
}

void Raft::Impl::OnCommitAdvanced() {
  Leader& leader = std::get<Leader>(role);
  StartWaitingReads(leader);
  if (!IsVoter(status.self) && log.config_index() <= status.commit) {
    // The last act of a leader that removed itself is to tell the others that its removal is committed.
    BroadcastHeartbeats(leader);
    BecomeFollower(status.term, ReplicaId{});
  }
}

}  // namespace sut::raft
