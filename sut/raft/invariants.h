// The safety properties of Raft (Raft paper, figures 2 and 3), checked from outside on everything that the replicas of
// one group show, over a whole run with its crashes. Apart from the mechanism: nothing in here knows how Raft works.
//
//   election safety        at most one leader a term
//   election rule          a leader has the votes of most voters of its configuration (section 5.2)
//   vote rule              who gets a vote has a log that is not behind the voter's (section 5.4.1)
//   leader append-only     a leader never removes or replaces entries of its log
//   log matching           two logs with the same op id at an index agree up to there
//   leader completeness    what was committed in a term is in the log of every leader of a later term
//   commit rule            a leader commits older terms' entries only together with one of its own (section 5.4.2), and
//                          only what most voters of its configuration have
//   state-machine safety   the committed entry at an index is the same everywhere
//   configuration safety   a log begins with the configuration that was committed there, not with one still to come
//   configuration rule     a leader changes one voter at a time: it has committed the configuration before and an entry
//                          of its own term, and who becomes a voter is not far behind (dissertation, sections 4.1, 4.2)
//   monotony               term and commit never go back; a term's vote never changes
//   memory over restarts   what a replica told others (term, vote, acknowledged entries) it still knows when it comes
//   back
//
// Costs: a few comparisons where nothing has changed, else work proportional to what is new. One object for each group,
// which must be watched from its creation on (a log that begins after index 0).

#ifndef SUT_RAFT_INVARIANTS_H_
#define SUT_RAFT_INVARIANTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "sut/raft/raft.h"

namespace sut::raft {

class RaftInvariants {
 public:
  // What is wrong, as text; nullopt if nothing is.
  using Violation = std::optional<std::string>;

  struct Rules {
    // How many committed entries a replica may lack when it becomes a voter. Raft is safe without such a rule, so a
    // host that has none leaves it unset.
    std::optional<uint64_t> new_voter_lag_max;
  };
  RaftInvariants() = default;
  explicit RaftInvariants(const Rules& rules) : rules_(rules) {}

  // To be called for each replica after every event. `log` are the entries after status.start. `incarnation` counts the
  // replica's starts; it must be a new one after each restart.
  Violation Observe(ReplicaId replica, uint64_t incarnation, const Status& status, const std::vector<Entry>& log) {
    View& view = views_[replica];
    if (view.incarnation == incarnation && view.log_changes == status.log_changes && view.term == status.term &&
        view.vote == status.vote && view.role == status.role && view.commit == status.commit &&
        view.persisted == status.persisted) [[likely]] {
      return std::nullopt;
    }
    return ObserveChange(view, incarnation, status, log);
  }
  Violation Observe(ReplicaId replica, uint64_t incarnation, const Raft& raft) {
    return Observe(replica, incarnation, raft.status(), raft.log());
  }

  // A message leaves its sender: from now on, others rely on what it says.
  Violation ObserveSent(const Message& message);

  // A replica is about to start with what it found on its disk.
  Violation ObserveRecovered(ReplicaId replica, const RecoveredState& recovered);

 private:
  // A replica as last seen.
  struct View {
    std::optional<uint64_t> incarnation;
    uint64_t log_changes = 0;
    Term term;
    ReplicaId vote;
    OpId voted_at;  // the log's end when it voted
    Role role = Role::kFollower;
    Index commit;
    Index persisted;
    Config config;
    // The log: terms[i] is the term of the entry at start.index + 1 + i.
    OpId start;
    std::vector<Term> terms;
    // What the replica told others.
    Term told_term;
    ReplicaId told_vote;                 // in told_term
    Index told_match;                    // acknowledged to a leader, and not truncated by a later one since
    Term told_match_term;                // that leader's
    Index told_match_max;                // ever, to anybody
    std::map<Term, Index> acknowledged;  // to each term's leader
    std::optional<Term> TermAt(Index index) const;
    OpId end() const { return {terms.empty() ? start.term : terms.back(), last()}; }
    Index last() const { return Index{start.index.value + terms.size()}; }
  };
  // Content of an entry anywhere, and the term of the entry before it: by induction these two carry log matching.
  struct KnownEntry {
    uint64_t fingerprint = 0;
    Term previous;
  };
  struct Committed {
    OpId op;
    Term committed_in;  // Invariant: not below the term in which it was committed
  };
  struct LeaderRecord {
    ReplicaId replica;
    OpId last;  // of its log when it was elected
  };

  Violation ObserveChange(View& view, uint64_t incarnation, const Status& status, const std::vector<Entry>& log);
  Violation CheckMonotony(const View& view, const Status& status) const;
  Violation CheckLogStart(const View& view, const Status& status) const;
  Violation CheckStartConfig(const Status& status) const;
  void NoteCommitted(const OpId& op, Term committed_in);
  Violation CheckLog(View& view, const Status& status, const std::vector<Entry>& log, Index& checked);
  // That `entry` may follow `previous`; notes what it holds.
  Violation CheckEntry(const Status& status, OpId previous, const Entry& entry);
  // That a leader may append the configuration at log[position].
  Violation CheckNewConfig(const View& view, const Status& status, const std::vector<Entry>& log,
                           size_t position) const;
  Violation CheckNewVoters(const View& view, const Status& status, const Config& before, const Config& after) const;
  Violation CheckTruncation(View& view, const Status& status, Index kept) const;
  Violation CheckLeader(const View& view, const Status& status);
  Violation CheckElection(const Status& status) const;
  Violation CheckVote(const View& view, const Message& reply);
  Violation CheckQuorum(const View& view, const Status& status) const;
  Violation CheckCommit(const View& view, const Status& status, Index checked);
  Violation CheckLaterLeaders(const Committed& committed) const;
  bool Precedes(const OpId& op, OpId log_end) const;

  Rules rules_;
  std::map<ReplicaId, View> views_;
  std::map<Term, LeaderRecord> leaders_;
  // Who asked for votes with what end of its log, and who else promised one.
  struct Candidacy {
    std::optional<OpId> last;
    std::set<ReplicaId> votes;
  };
  std::map<std::pair<Term, ReplicaId>, Candidacy> candidacies_;
  // Configurations: of every such entry seen anywhere, and those that were committed, by index. The founders' is not an
  // entry; it is taken from the first log that begins with one.
  std::map<OpId, Config> config_entries_;
  std::map<Index, Config> committed_configs_;
  // Keys: term and index.
  absl::flat_hash_map<std::pair<uint64_t, uint64_t>, KnownEntry> entries_;
  // Everything ever committed, by index; the first one stands for the empty log.
  std::vector<Committed> committed_ = {Committed{}};
};

}  // namespace sut::raft

#endif  // SUT_RAFT_INVARIANTS_H_
