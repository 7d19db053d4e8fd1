// A client session: many operations in flight, each tried again under one request id until it is settled or its time is
// over.
//
// Outcomes are the contract's. A change is ok or fail when a reply says what became of that very request id; the
// tablets remember replies by request id, so any attempt's reply speaks for all of them. At its deadline a change has
// failed only if every attempt is known to be refused before it was appended. A transport that duplicates messages
// takes that knowledge away: the copy of a refused request may yet reach a node that has become the leader (see
// Options::refusal_is_final).
//
// Loop rule: all calls and callbacks on the client's loop. Deterministic: no randomness, ordered containers.

#ifndef SUT_CLIENT_SESSION_H_
#define SUT_CLIENT_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "sut/base/ids.h"
#include "sut/client/routing_table.h"
#include "sut/proto/service.pb.h"
#include "sut/runtime/seams.h"

namespace sut {

enum class Outcome : uint8_t {
  kOk,
  kFail,           // has not taken effect and never will
  kIndeterminate,  // may take effect once, at any time from the call on, or never. A read: nothing was learnt
};

struct CallResult {
  Outcome outcome = Outcome::kIndeterminate;
  // The reply that settled the operation; otherwise the last one that came in, and if none did, an UNAVAILABLE with a
  // reason.
  proto::Reply reply;
  int attempts = 0;
  std::vector<proto::Row> rows;  // of a Scan that is ok: all pages
};

class Session {
 public:
  struct Options {
    ClientId id;
    NodeId self;
    std::vector<NodeId> masters;
    int64_t attempt_timeout_us = 1'000'000;  // 1..; doubles with each time-out of an operation, see kBackOffUsMax
    int64_t retry_pause_us = 50'000;         // 1..
    int operations_open_max = 4096;          // 1..
    // The transport delivers a request at most once, so a NOT_LEADER or UNAVAILABLE proves that this attempt has no
    // effect.
    bool refusal_is_final = false;
  };
  Session(Options options, Clock* clock, Timers* timers, Transport* transport);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  struct CallOptions {
    int64_t deadline_us = 0;  // on the clock
    // Names the operation in its messages' identities; 0: its sequence number, which counts the calls of the session.
    uint64_t identity = 0;
  };
  using Done = std::function<void(const CallResult&)>;

  // Starts an operation; `body` has one of Request's bodies set, and nothing else. `done` is called once, not before
  // Call has returned; it may start other operations. The result is the sequence number. REQUIRES: target.replicas is
  // not empty; fewer than operations_open_max operations are open.
  uint64_t Call(const CallTarget& target, proto::Request body, const CallOptions& options, Done done);
  uint64_t Call(const CallTarget& target, proto::Request body, int64_t deadline_us, Done done) {
    return Call(target, std::move(body), CallOptions{.deadline_us = deadline_us}, std::move(done));
  }
  CallTarget MasterTarget() const { return {kMasterTablet, options_.masters}; }

  // Takes what has arrived for this client. What is not a reply to one of its open operations is ignored.
  void OnEnvelope(const proto::Envelope& envelope);

  // Open operations go on at least until then.
  void ExtendDeadlines(int64_t deadline_us);
  // Ends every open operation now, without an answer.
  void Abandon();

  ClientId id() const { return options_.id; }
  size_t open_count() const { return open_.size(); }

  // An attempt's time-out is not doubled past this.
  static constexpr int64_t kBackOffUsMax = 4'000'000;

 private:
  struct Operation;
  using Open = std::map<uint64_t, std::unique_ptr<Operation>>;

  // Attempts.
  void Send(Operation* operation);
  void Pause(Operation* operation);
  void RestartScan(Operation* operation);
  NodeId Destination(const Operation& operation) const;
  void TryElsewhere(Operation* operation);
  // Asks the master where the tablets are, unless that is under way, and sends open operations there from then on.
  void Locate();
  void TakePlaces(const proto::Reply::TableList& list);
  uint64_t FirstIncomplete(uint64_t own_sequence) const;

  // Replies; `from` is the node that sent it.
  void OnReply(const proto::Reply& reply, NodeId from);
  void OnOk(Operation* operation, const proto::Reply& reply, NodeId from);
  void OnPage(Operation* operation, const proto::Reply& reply);
  void OnRefused(Operation* operation, const proto::Reply& reply, NodeId from);
  void OnClosed(Operation* operation, const proto::Reply& reply);

  // Time.
  int64_t AttemptTimeoutUs(const Operation& operation) const;
  void OnAttemptTimeout(Operation* operation);
  void OnDeadline(Operation* operation);
  void Arm(int64_t at_us);
  void OnTimer();
  // Ends an operation, which is destroyed.
  void Finish(Operation* operation, Outcome outcome, const proto::Reply& reply);

  Options options_;
  Clock* clock_;
  Timers* timers_;
  Transport* transport_;
  Open open_;                        // by sequence
  std::set<uint64_t> open_changes_;  // the sequences of those that are not reads
  uint64_t next_sequence_ = 1;
  std::map<TabletId, NodeId> leaders_;  // as far as replies told
  bool locating_ = false;
  std::optional<int64_t> armed_for_us_;  // the earliest timer that still counts
  std::shared_ptr<Session*> self_;       // timers hold it weakly: they may outlive the session
};

}  // namespace sut

#endif  // SUT_CLIENT_SESSION_H_
