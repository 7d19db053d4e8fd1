// Roles, terms and votes: elections with PreVote (dissertation, section 9.6), the lease that CheckQuorum gives a leader
// against disturbers (section 4.2.3), and leader transfer's TimeoutNow (section 3.10).
//
// A candidate counts its own vote when the vote is durable, not before. So a leader's term is always durable, and it
// may send entries of that term before its own disk holds them.

#include <algorithm>
#include <utility>

#include "sut/base/check.h"
#include "sut/raft/raft_impl.h"

namespace sut::raft {

VoteTally::Outcome VoteTally::Judge(const std::vector<ReplicaId>& voters, bool count_strangers) const {
  size_t granted = 0;
  size_t refused = 0;
  for (const auto& [replica, answer] : answers_) {
    const bool counts = std::binary_search(voters.begin(), voters.end(), replica);
    if (counts || (count_strangers && answer)) ++(answer ? granted : refused);
  }
  const size_t majority = voters.size() / 2 + 1;
  if (granted >= majority) return Outcome::kWon;
  return voters.size() - refused < majority ? Outcome::kLost : Outcome::kPending;
}

template <typename R>
R& Raft::Impl::Become(R state) {
  if (const Leader* leader = std::get_if<Leader>(&role)) {
    for (const Leader::Read& read : leader->reads) lost_reads.push_back(read.id);
    installs.clear();
  }
  R& entered = role.emplace<R>(std::move(state));
  status.role = static_cast<Role>(role.index());
  status.leader = ReplicaId{};
  status.transfer_target = ReplicaId{};
  ResetElectionTimer();
  return entered;
}

void Raft::Impl::BecomeFollower(Term term, ReplicaId leader) {
  if (term > status.term) SetTerm(term);
  Become(Follower{});
  status.leader = leader;
}

void Raft::Impl::BecomeLeader() {
  Leader& leader = Become(Leader{});
  status.leader = status.self;
  leader.term_start = Next(log.last().index);
  UpdatePeers(leader);
  // No hybrid time: there is no clock in here, and a noop has no effect that would need one.
  AppendOwn(EntryType::kNoop, "", HybridTime{});
  Replicate();
}

void Raft::Impl::StepDown() {
  if (!std::holds_alternative<Leader>(role)) return;
  BecomeFollower(status.term, ReplicaId{});
  // The others still believe in this leader for a while; without the handicap it would often be the first to try again.
  election_elapsed = -options.election_ticks_min;
}

void Raft::Impl::SetTerm(Term term) {
  SUT_CHECK(term > status.term, "terms never go back");
  status.term = term;
  status.vote = ReplicaId{};
  promises_changed = true;
}

void Raft::Impl::ResetElectionTimer() {
  election_elapsed = 0;
  if (election_timeout == 0 || election_timeout_term != status.term) {
    election_timeout = std::max(options.election_ticks(status.term), options.election_ticks_min);
    election_timeout_term = status.term;
  }
}

void Raft::Impl::OnElectionTimeout() {
  if (CanStand()) {
    StartPreVote();
  } else {
    election_elapsed = 0;
    status.leader = ReplicaId{};
  }
}

void Raft::Impl::StartPreVote() {
  if (!CanStand()) return;
  Become(PreCandidate{}).tally.Record(status.self, true);
  RequestVotes(MessageType::kPreVote, Next(status.term), false);
  JudgePreVotes();
}

void Raft::Impl::StartElection(bool transfer) {
  SetTerm(Next(status.term));
  status.vote = status.self;
  Become(Candidate{});
  RequestVotes(MessageType::kVote, status.term, transfer);
}

void Raft::Impl::RequestVotes(MessageType type, Term term, bool transfer) {
  std::vector<ReplicaId> voters = log.config().voters;
  if (options.bug_removed_replica_votes) voters = log.EveryVoter();  // planted bug 47
  for (const ReplicaId voter : voters) {
    if (voter == status.self) continue;
    Message request;
    request.type = type;
    request.from = status.self;
    request.to = voter;
    request.term = term;
    request.previous = log.last();
    request.transfer = transfer;
    Send(std::move(request));
  }
}

void Raft::Impl::JudgePreVotes() {
  switch (std::get<PreCandidate>(role).tally.Judge(log.config().voters, options.bug_removed_replica_votes)) {
    case VoteTally::Outcome::kWon:
      StartElection(false);
      return;
    case VoteTally::Outcome::kLost:
      BecomeFollower(status.term, ReplicaId{});
      return;
    case VoteTally::Outcome::kPending:
      return;
  }
}

void Raft::Impl::JudgeVotes() {
  switch (std::get<Candidate>(role).tally.Judge(log.config().voters, options.bug_removed_replica_votes)) {
    case VoteTally::Outcome::kWon:
      BecomeLeader();
      return;
    case VoteTally::Outcome::kLost:
      BecomeFollower(status.term, ReplicaId{});
      return;
    case VoteTally::Outcome::kPending:
      return;
  }
}

void Raft::Impl::OnTermDurable(Term term) {
  if (term <= durable_term) return;
  durable_term = term;
  Candidate* candidate = std::get_if<Candidate>(&role);
  if (candidate == nullptr || durable_term != status.term) return;
  candidate->tally.Record(status.self, true);
  JudgeVotes();
}

bool Raft::Impl::InLease() const { return !status.leader.is_none() && election_elapsed < options.election_ticks_min; }

// Takes over the message's term where that is called for; false if the message is to be dropped.
bool Raft::Impl::AdmitHigherTerm(const Message& message) {
  const bool is_request = message.type == MessageType::kPreVote || message.type == MessageType::kVote;
  if (is_request && !message.transfer && InLease()) return false;
  // A pre-vote speaks of a term that nobody has entered yet, and so does the consent to it.
  const bool hypothetical =
      message.type == MessageType::kPreVote || (message.type == MessageType::kPreVoteReply && message.granted);
  if (hypothetical) return true;
  const bool from_leader = message.type == MessageType::kAppend || message.type == MessageType::kTimeoutNow;
  BecomeFollower(message.term, from_leader ? message.from : ReplicaId{});
  return true;
}

// The sender must learn the newer term: with PreVote and leases, an old leader or a candidate that was left behind
// would otherwise never be told.
void Raft::Impl::AnswerLowerTerm(const Message& message) {
  switch (message.type) {
    case MessageType::kAppend:
      Send(Reply(message, MessageType::kAppendReply));
      return;
    case MessageType::kPreVote:
      Send(Reply(message, MessageType::kPreVoteReply));
      return;
    case MessageType::kVote:
      Send(Reply(message, MessageType::kVoteReply));
      return;
    case MessageType::kPreVoteReply:
    case MessageType::kVoteReply:
    case MessageType::kAppendReply:
    case MessageType::kTimeoutNow:
      return;
  }
}

// Votes are also granted by learners and to strangers: the candidate's configuration decides who counts, and this
// replica may not have received it yet (dissertation, section 4.1).
void Raft::Impl::HandleVoteRequest(const Message& message) {
  const bool pre_vote = message.type == MessageType::kPreVote;
  const bool is_free = status.vote == message.from || (status.vote.is_none() && status.leader.is_none()) ||
                       (pre_vote && message.term > status.term);
  Message reply = Reply(message, pre_vote ? MessageType::kPreVoteReply : MessageType::kVoteReply);
  reply.granted = is_free && log.IsUpToDate(message.previous);
  if (reply.granted && pre_vote) {
    reply.term = message.term;
  } else if (reply.granted) {
    if (status.vote != message.from) promises_changed = true;
    status.vote = message.from;
    election_elapsed = 0;
  }
  Send(std::move(reply));
}

void Raft::Impl::HandleVoteReply(const Message& message) {
  if (message.type == MessageType::kPreVoteReply) {
    PreCandidate* candidate = std::get_if<PreCandidate>(&role);
    if (candidate == nullptr || (message.granted && message.term != Next(status.term))) return;
    candidate->tally.Record(message.from, message.granted);
    JudgePreVotes();
  } else {
    Candidate* candidate = std::get_if<Candidate>(&role);
    if (candidate == nullptr) return;
    candidate->tally.Record(message.from, message.granted);
    JudgeVotes();
  }
}

void Raft::Impl::HandleTimeoutNow() {
  if (!CanStand() || std::holds_alternative<Leader>(role)) return;
  StartElection(true);
}

// Also if the newest configuration is without it, as long as that one is not committed: this log may be the only one
// that is long enough to commit it (dissertation, section 4.2.2, figure 4.6). It does not count its own vote then.
bool Raft::Impl::CanStand() const {
  if (!electable) return false;
  if (IsVoter(status.self)) return true;
  const std::vector<ReplicaId>& committed = log.ConfigAt(status.commit).voters;
  return std::binary_search(committed.begin(), committed.end(), status.self);
}

bool Raft::Impl::IsVoter(ReplicaId replica) const {
  const std::vector<ReplicaId>& voters = log.config().voters;
  return std::binary_search(voters.begin(), voters.end(), replica);
}

bool Raft::Impl::IsMember(ReplicaId replica) const {
  const std::vector<ReplicaId>& learners = log.config().learners;
  return IsVoter(replica) || std::binary_search(learners.begin(), learners.end(), replica);
}

}  // namespace sut::raft
