// Makes the cluster follow the catalogue: on the master's leader, makes the calls that NextActions names, and proposes
// what the replies say.
//
// Nothing that matters is only in memory. What is kept here (calls in flight, leaders learnt, since when a snapshot has
// been CREATING) is forgotten when the term changes; the calls are then made again, which is harmless. The catalogue
// may be behind on a new or a deposed leader: calls made from an old state meet the tablets' markers, and proposals
// made from one meet the expected state in the command.
//
// Loop rule: all calls and callbacks on the node's loop. Costs nothing while nothing is due: no timer, no pass.

#ifndef SUT_MASTER_COORDINATOR_H_
#define SUT_MASTER_COORDINATOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "sut/base/bugs.h"
#include "sut/master/catalogue.h"
#include "sut/master/next_actions.h"
#include "sut/runtime/seams.h"
#include "sut/tablet/state_machine.h"

namespace sut {

// How a node asks another one. The implementation sets `attempt` and matches replies by it.
class RequestSender {
 public:
  virtual ~RequestSender() = default;
  // `on_reply` is called for a reply that comes in, if one does, perhaps more than once; never before Send has
  // returned.
  virtual void Send(NodeId to, proto::Request request, LogicalIdentity identity,
                    std::function<void(const proto::Reply&)> on_reply) = 0;
};

class Coordinator {
 public:
  struct Options {
    int64_t reconcile_interval_us = 200'000;     // between passes while something is due
    int64_t tablet_call_timeout_us = 1'000'000;  // after it an unanswered call is made again
    int64_t snapshot_timeout_us = 20'000'000;    // CREATING for longer under one leader: it FAILs
    int calls_in_flight_max = 64;                // 1..
    BugSet bugs;
  };
  // Everything outlives the coordinator.
  struct World {
    ReplicatedGroup* group = nullptr;
    const Catalogue* catalogue = nullptr;
    Clock* clock = nullptr;
    Timers* timers = nullptr;
    RequestSender* sender = nullptr;
    ProbeSink* probes = nullptr;
  };
  Coordinator(Options options, World world) : options_(options), world_(world) {}
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  // The catalogue has changed, or leadership may have: makes a pass soon, never inside the call.
  void Wake() { Arm(0); }

  // Actions known to be due, for tests and status pages.
  size_t pending_count() const { return pending_.size(); }

 private:
  // Where one due action stands under this leader.
  struct Progress {
    uint64_t attempts = 0;
    int64_t not_before_us = 0;  // no call before this: one is in flight, or was refused just now
    bool in_flight = false;     // Invariant: if set, attempt number `attempts` has neither been answered nor timed out
    bool redirected = false;    // a hint was followed since the last pass
    bool confirmed = false;     // done. Invariant: if set, the proposal that says so is on its way, or waits for others
    NodeId asked;               // by the latest attempt
    size_t next_replica = 0;    // whom to ask when no leader is known
  };
  using Pending = std::map<Action, Progress>;

  void Arm(int64_t delay_us);
  void Pass();
  void Refresh();
  void ForgetInFlight();
  void ForgetCreating();
  void FailOverdueSnapshots();
  void MakeDueCalls();
  int ExpireCalls();
  void MakeCall(const Action& action, Progress* progress);
  NodeId Destination(const Action& action, const Progress& progress) const;
  void ForgetLeader(const Action& action, NodeId node, Progress* progress);

  // A reply to attempt number `attempt` of `action`, made in `term` to `node`.
  struct Call {
    Action action;
    uint64_t attempt = 0;
    Term term;
    NodeId node;
  };
  void OnReply(const Call& call, const proto::Reply& reply);
  void OnRefusal(const Call& call, const proto::Reply& reply, Progress* progress);
  void OnTabletDone(const Call& call, const proto::Reply& reply);
  void OnReplicaDone(const Call& call);
  bool FollowHint(const Call& call, const proto::Reply& reply, Progress* progress);
  void ProposeChange(proto::CatalogueCommand change, std::function<void()> on_failure);
  void Retry(const Action& action);

  Options options_;
  World world_;
  Pending pending_;
  std::optional<Action> last_called_;         // where the next pass goes on, so that none is left out for ever
  std::set<SnapshotId> forgotten_;            // planted bug 41: what an earlier leader had begun
  std::map<SnapshotId, int64_t> fail_at_us_;  // when a snapshot that is CREATING is to be given up
  std::map<TabletId, NodeId> leaders_;        // as far as replies told
  Term term_;                                 // of the leadership that all of the above is of
  std::optional<uint64_t> seen_version_;      // of the catalogue that pending_ was computed from
  std::optional<int64_t> armed_for_us_;       // when the next pass is to run
};

}  // namespace sut

#endif  // SUT_MASTER_COORDINATOR_H_
