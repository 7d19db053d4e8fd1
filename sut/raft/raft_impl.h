// The state of one Raft replica, and the functions that the files of this folder share. Not part of the public
// interface.
//
//   raft.cc         inputs that any role takes, Ready, durability reports
//   election.cc     roles, terms, votes, time-outs
//   replication.cc  appends and their answers, commit, installs
//   membership.cc   what is asked of a leader: proposals, membership changes, transfer
//   reads.cc        linearizable reads
//
// The role is a variant that owns what only this role needs: leaving leadership drops every follower's progress at
// once. A function that may change the role says so; references into the variant do not outlive such a call.

#ifndef SUT_RAFT_RAFT_IMPL_H_
#define SUT_RAFT_RAFT_IMPL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sut/raft/log.h"
#include "sut/raft/progress.h"
#include "sut/raft/raft.h"

namespace sut::raft {

// Answers to one round of vote requests.
class VoteTally {
 public:
  enum class Outcome : uint8_t { kPending, kWon, kLost };
  // The first answer of a voter counts.
  void Record(ReplicaId voter, bool granted) { answers_.emplace(voter, granted); }
  Outcome Judge(const std::vector<ReplicaId>& voters) const;

 private:
  std::map<ReplicaId, bool> answers_;
};

struct Follower {};
struct PreCandidate {
  VoteTally tally;
};
struct Candidate {
  VoteTally tally;
};
struct Leader {
  struct Read {
    uint64_t id = 0;
    uint64_t round = 0;  // the first round whose confirmation answers this read
    Index index;
  };
  struct Transfer {
    ReplicaId to;
    int ticks = 0;
  };

  std::map<ReplicaId, Progress> peers;  // everyone else in the configuration, learners included
  Index term_start;                     // the noop of this term
  int heartbeat_elapsed = 0;
  std::deque<Read> reads;  // ascending by round
  uint64_t read_round = 0;
  uint64_t read_round_confirmed = 0;
  std::optional<Transfer> transfer;
};

struct Raft::Impl {
  Impl(ReplicaId self, Options options_in, RecoveredState recovered);

  // raft.cc
  void Tick();
  void Step(const Message& message);
  Ready TakeReady();
  bool HasReady() const;
  void Persisted(uint64_t number);
  bool Installed(const LogStart& start);
  void NoteLogChange();
  HardState HardStateToWrite() const;
  void Send(Message message);  // after the sync
  void SendNow(Message message);
  Message Reply(const Message& to, MessageType type) const;

  // election.cc
  template <typename R>
  R& Become(R role);
  void BecomeFollower(Term term, ReplicaId leader);
  void BecomeLeader();
  void StepDown();
  void SetTerm(Term term);
  void ResetElectionTimer();
  void OnElectionTimeout();
  void StartPreVote();
  void StartElection(bool transfer);
  void RequestVotes(MessageType type, Term term, bool transfer);
  void JudgePreVotes();
  void JudgeVotes();
  void OnTermDurable(Term term);
  bool InLease() const;
  bool AdmitHigherTerm(const Message& message);
  void AnswerLowerTerm(const Message& message);
  void HandleVoteRequest(const Message& message);
  void HandleVoteReply(const Message& message);
  void HandleTimeoutNow();
  bool CanStand() const;
  bool IsVoter(ReplicaId replica) const;
  bool IsMember(ReplicaId replica) const;

  // replication.cc
  void TickLeader(Leader& leader);
  bool HeardFromQuorum(Leader& leader);
  OpId AppendOwn(EntryType type, std::string data, HybridTime time);
  void UpdatePeers(Leader& leader);
  void Replicate();
  void SendAppends(Leader& leader, ReplicaId to, Progress& progress);
  void SendHeartbeat(Leader& leader, ReplicaId to, Progress& progress);
  void BroadcastHeartbeats(Leader& leader);
  void BeginInstall(ReplicaId to, Progress& progress);
  void ReportInstall(ReplicaId peer, std::optional<Index> index);
  void HandleAppend(const Message& message);
  void AppendFrom(const Message& message);
  void HandleAppendReply(const Message& message);
  void HandleRefusal(Progress& progress, const Message& message);
  void AdvanceCommit();  // may change the role
  void OnCommitAdvanced();
  template <typename Value>
  Value ReachedByQuorum(const Leader& leader, Value Progress::*field, std::type_identity_t<Value> own) const;

  // membership.cc
  absl::StatusOr<OpId> Propose(std::string data, HybridTime time);
  absl::StatusOr<OpId> ProposeConfig(const Config& config, HybridTime time);
  absl::Status TransferLeader(ReplicaId to);
  void FinishTransfer(Leader& leader);

  // reads.cc
  absl::Status ReadIndex(uint64_t id);
  bool TermCommitted(const Leader& leader) const { return status.commit >= leader.term_start; }
  void StartReadRound(Leader& leader);
  void StartWaitingReads(Leader& leader);
  void ConfirmReads(Leader& leader);

  const Options options;
  Log log;
  // Term, vote, role, commit and so on live here, so that status() costs nothing.
  Status status;
  std::variant<Follower, PreCandidate, Candidate, Leader> role;

  // Ticks since a leader was heard, a vote was granted, a campaign was begun or, on a leader, the last quorum check.
  int election_elapsed = 0;
  int election_timeout = 0;
  bool electable = true;       // as the host says; CanStand also asks the configuration
  Term election_timeout_term;  // the term that election_timeout was drawn for

  // A Ready that waits for its sync.
  struct Unsynced {
    uint64_t number = 0;
    Index last;  // the log's end as of this Ready, less what was truncated since
    Term term;
  };
  std::deque<Unsynced> unsynced;
  uint64_t ready_number = 0;
  const HardState recovered_hard_state;
  HardState written_hard_state;   // as last put into a Ready
  bool promises_changed = false;  // term or vote, since the last Ready
  Term durable_term;              // newest term that is durable together with the vote cast in it
  Index handed_out;               // last entry given out in Ready::committed
  Index applied;

  std::vector<Message> messages;
  std::vector<Message> messages_after_sync;
  std::vector<ReadState> reads;
  std::vector<uint64_t> lost_reads;
  std::vector<ReplicaId> installs;
};

}  // namespace sut::raft

#endif  // SUT_RAFT_RAFT_IMPL_H_
