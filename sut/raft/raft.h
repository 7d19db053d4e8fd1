// Raft as a pure state machine (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014;
// section numbers of Ongaro's dissertation where they say more).
//
// Inputs are calls: Tick, Step, Propose, ReadIndex, TransferLeader, and reports of what the host has made durable. The
// one output is Ready, whose fields say what must be durable before what is sent. There is no I/O, no clock, no thread
// and no randomness in here: time is counted in ticks, and the election time-out is a function that the host injects.
//
// The log from the compaction point on is kept in memory; the host writes the same entries to its log store.
//
// Contract with the host, on one event loop:
//   while (raft.HasReady()) { Ready ready = raft.TakeReady();
//     send ready.messages;                        // need nothing durable
//     write ready.truncate_from, .entries, .hard_state to the log store, then sync;
//     once synced: raft.Persisted(ready.number);  send ready.messages_after_sync;
//     apply ready.committed in order; answer ready.reads; start an install for each of ready.installs }
// Several Readies may be waiting for their sync at once; they are reported in order.

#ifndef SUT_RAFT_RAFT_H_
#define SUT_RAFT_RAFT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/hybrid_clock.h"
#include "sut/base/ids.h"

namespace sut::raft {

enum class EntryType : uint8_t {
  kNoop,     // the first entry of a term: commits what older terms left (section 5.4.2)
  kCommand,  // data is the state machine's
  kConfig,   // data is an encoded Config (EncodeConfig)
};

struct Entry {
  OpId op;
  EntryType type = EntryType::kNoop;
  HybridTime time;
  std::string data;

  friend bool operator==(const Entry&, const Entry&) = default;
};

// The group's membership. Single-server changes only (dissertation, section 4.1), with learners.
struct Config {
  std::vector<ReplicaId> voters;    // ascending
  std::vector<ReplicaId> learners;  // ascending; receive the log, do not count
  friend bool operator==(const Config&, const Config&) = default;
};

// What must be durable before any answer that depends on it (Raft paper, figure 2, persistent state).
struct HardState {
  Term term;
  ReplicaId vote;  // whom this replica voted for in `term`; none if nobody
  Index commit;    // a hint only: may lag after a restart, never leads
  friend bool operator==(const HardState&, const HardState&) = default;
};

// Where the log begins: everything up to `last` is contained in the store. Term 0, index 0 for a fresh group.
struct LogStart {
  OpId last;
  Config config;  // as of `last`
};

// What a host recovers at start-up.
// Invariant: entries are consecutive and begin at start.last.index + 1.
struct RecoveredState {
  HardState hard_state;
  LogStart start;
  std::vector<Entry> entries;
  Index applied;  // durable applied index of the store. Invariant: start.last.index <= applied <= last entry's index
};

enum class MessageType : uint8_t {
  kPreVote,  // section 9.6
  kPreVoteReply,
  kVote,
  kVoteReply,
  kAppend,  // heartbeat when it carries no entries
  kAppendReply,
  kTimeoutNow,  // section 3.10
};

struct Message {
  MessageType type = MessageType::kAppend;
  ReplicaId from;
  ReplicaId to;
  Term term;

  OpId previous;               // kAppend: entry before the first one sent; kVote, kPreVote: the candidate's last entry;
                               // kAppendReply, refused: the entry that the append named and this log lacks
  std::vector<Entry> entries;  // kAppend
  Index commit;                // kAppend: leader's commit index
  uint64_t read_context = 0;   // kAppend, kAppendReply: the newest read round that this heartbeat confirms
  bool transfer = false;       // kVote: sent for a leader transfer, so CheckQuorum's lease does not refuse it

  bool granted = false;  // replies: vote granted, entries accepted
  Index match;           // kAppendReply: last index known to agree (if accepted)
  Index conflict;        // kAppendReply, refused: the last index at which the logs may agree, as the follower sees it
  Term conflict_term;    //   and the term of its entry there (section 5.3, fast back-up)

  friend bool operator==(const Message&, const Message&) = default;
};

// The answer to a ReadIndex call (dissertation, section 6.4).
struct ReadState {
  uint64_t id = 0;  // the caller's
  Index index;      // serve once this index is applied
};

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

struct Ready {
  // Counts from 1; pass to Persisted.
  uint64_t number = 0;
  // To be written in one batch, in this order, and synced before messages_after_sync are sent. Entries replace whatever
  // the store holds at and after the first one's index (`truncate_from` says it where there is such a conflict).
  std::optional<Index> truncate_from;
  std::vector<Entry> entries;
  // Set if term or vote changed, or commit moved together with entries. must_sync is false if there is nothing to
  // write; then messages_after_sync may go out as soon as no earlier Ready waits for its sync, and Persisted need not
  // be called.
  std::optional<HardState> hard_state;
  bool must_sync = false;
  // A leader's appends and heartbeats: may go out before its own sync (dissertation, section 10.2.1).
  std::vector<Message> messages;
  // Votes, vote requests, append replies: promises about what is durable.
  std::vector<Message> messages_after_sync;
  // To be applied in order. Invariant: durable in this replica's own log and committed.
  std::vector<Entry> committed;
  // Reads that a quorum has confirmed.
  std::vector<ReadState> reads;
  // Reads that can't be served any more, because leadership was lost: ids of the callers.
  std::vector<uint64_t> lost_reads;
  // Peers that need what this log no longer holds: ship them a store (section 7). Repeated only after ReportInstall.
  std::vector<ReplicaId> installs;
};

struct Options {
  // Ticks between a leader's heartbeats, 1..; election_ticks must be several times as long.
  int heartbeat_ticks = 2;
  // Election time-out in ticks for this replica in this term, randomised by the host within [base, 2*base).
  std::function<int(Term)> election_ticks;
  // The smallest value that election_ticks gives: a follower that heard a leader within it refuses votes (CheckQuorum's
  // lease).
  int election_ticks_min = 10;
  // Entries in one append, 1..
  int entries_per_append_max = 64;
  // Appends to one follower that are unanswered at once, 1..
  int appends_in_flight_max = 8;
  // Proposals that are not yet committed, 1..; more are refused with ResourceExhausted.
  // The same bound holds for reads that wait.
  int proposals_pending_max = 1024;
  // Planted bug 31: term and vote are left out of Ready::hard_state, though votes are answered.
  bool bug_vote_not_persisted = false;
  // Planted bugs 27 (entries beyond an install stay though they conflict with it), 29 (nobody is asked for an install),
  // 32 (the leader's own log is enough to commit), 33 (reads are answered without asking the others), 34 (entries of
  // older terms are committed by counting).
  bool bug_install_keeps_conflicting_tail = false;
  bool bug_no_install = false;
  bool bug_commit_without_majority = false;
  bool bug_read_without_quorum = false;
  bool bug_older_term_committed_by_counting = false;
};

// What the outside may know of a replica's state, for routing, status pages and invariants.
struct Status {
  ReplicaId self;
  Role role = Role::kFollower;
  Term term;
  ReplicaId vote;
  ReplicaId leader;  // as far as known, else none
  Index commit;
  Index persisted;           // last index known durable here
  OpId last;                 // last entry in the log
  uint64_t log_changes = 0;  // counts appends, truncations, compactions and installs, for observers of what is new
  LogStart start;
  Config config;
  ReplicaId transfer_target;  // none unless a transfer is running
};

class Raft {
 public:
  // REQUIRES: recovered satisfies its invariants; otherwise InvalidArgument (a gap or rot in the log is fatal for the
  // host).
  static absl::StatusOr<std::unique_ptr<Raft>> Recover(ReplicaId self, Options options, RecoveredState recovered);
  ~Raft();
  Raft(const Raft&) = delete;
  Raft& operator=(const Raft&) = delete;

  // One unit of time has passed.
  void Tick();
  // A message has arrived; stale, duplicated and reordered ones are fine. Replies from replicas outside the group are
  // dropped; appends and vote requests are not, since the sender may be in a newer configuration (dissertation,
  // section 4.1).
  void Step(const Message& message);
  // Appends a command if this replica leads and no transfer is running. FailedPrecondition: not the leader, or about to
  // hand over. ResourceExhausted: too many pending. After an error nothing was appended, now or later.
  absl::StatusOr<OpId> Propose(std::string data, HybridTime time);
  // Appends a membership change that differs from the present one in one server. FailedPrecondition: not the leader, or
  // another change is uncommitted, or no entry of this term is committed yet (dissertation, section 4.1 and its
  // erratum). InvalidArgument: more or less than one server differs, or no voter is left, or the lists are not
  // ascending and disjoint.
  absl::StatusOr<OpId> ProposeConfig(const Config& config, HybridTime time);
  // Asks for a linearizable read; the answer comes in Ready::reads or lost_reads under `id`. FailedPrecondition: not
  // the leader. ResourceExhausted: proposals_pending_max reads wait. Waits inside until an entry of the own term is
  // committed.
  absl::Status ReadIndex(uint64_t id);
  // Hands leadership to `to` once it is up to date; given up after one election time-out. FailedPrecondition: not the
  // leader, or `to` is no other voter.
  absl::Status TransferLeader(ReplicaId to);
  // Gives up leadership now, without a successor, and lets the others try first; no effect unless leader.
  void StepDown();
  // A replica that is not electable votes and follows, but never stands for election. The host calls it for a replica
  // that can't apply what is committed: it would lead for nothing. It is electable at first.
  void SetElectable(bool electable);
  // Starts an election now, as if the time-out had passed; no effect on leaders and learners.
  void Campaign();

  bool HasReady() const;
  Ready TakeReady();
  // All writes of Ready `number` and of those before it are durable.
  void Persisted(uint64_t number);
  // The host has applied up to and including `index`.
  void Applied(Index index);

  // The host has dropped entries up to and including `index` from its log store. REQUIRES: index <= applied.
  void Compact(Index index);
  // An install to `peer` ended: with its store at `index`, or in vain (nullopt), after which it is asked for again.
  void ReportInstall(ReplicaId peer, std::optional<Index> index);
  // The host has durably replaced its store and its log by an install that ends at start.last. Entries beyond it are
  // kept only if the log agrees with start.last (section 7). False, and no effect, if start.last is not above the
  // commit index. REQUIRES: the caller asked CanInstall before it replaced anything, with no Step in between that moved
  // commit beyond it.
  bool Installed(const LogStart& start);
  // Whether an install that ends at `last` would bring anything new.
  bool CanInstall(OpId last) const;

  const Status& status() const;
  bool is_leader() const;
  // The term of the entry at `index`, if the log still knows it (start.last included).
  std::optional<Term> TermAt(Index index) const;
  // Entries still in memory, for invariants and inspections.
  const std::vector<Entry>& log() const;

 private:
  struct Impl;
  explicit Raft(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

std::string EncodeConfig(const Config& config);
absl::StatusOr<Config> DecodeConfig(const std::string& data);

}  // namespace sut::raft

#endif  // SUT_RAFT_RAFT_H_
