// What a replicated group does with its committed commands, apart from how they are replicated.
//
// Contract: Apply is a pure function of the store's content and the command; replicas that apply the same entries write
// the same changes and give the same reply. Exactly-once and snapshot operations are the Replica's: Apply sees a
// request once. Loop rule: called on the node's loop.

#ifndef SUT_TABLET_STATE_MACHINE_H_
#define SUT_TABLET_STATE_MACHINE_H_

#include <functional>

#include "absl/status/status.h"
#include "sut/base/hybrid_clock.h"
#include "sut/base/ids.h"
#include "sut/proto/command.pb.h"
#include "sut/proto/service.pb.h"
#include "sut/storage/tablet_store.h"

namespace sut {

class StateMachine {
 public:
  virtual ~StateMachine() = default;
  // The store was opened, or replaced by an install or a restore: drop what is cached and load it anew.
  virtual absl::Status Load(const TabletStore& store) = 0;
  // Applies one command that stands in the log at `op`. Changes go into `batch`, which is committed together with the
  // applied op id before the next call. Returns code, message and result. An error status is the environment's (a
  // failed read): the entry is then not applied, and the replica stops before it.
  virtual absl::StatusOr<proto::Reply> Apply(const proto::Command& command, OpId op, HybridTime time,
                                             const TabletStore& store, StoreBatch* batch) = 0;
  // Called after the batch of an Apply was committed, in entry order, on every replica.
  virtual void Committed() {}
};

// What a service on top of a replica may ask of its group. Every callback is called exactly once, unless the node dies
// first.
class ReplicatedGroup {
 public:
  virtual ~ReplicatedGroup() = default;
  virtual bool is_leader() const = 0;
  virtual Term term() const = 0;
  // Proposes a command; the reply is that of its apply, or NOT_LEADER / UNAVAILABLE (nothing was appended), or
  // INDETERMINATE.
  virtual void Propose(proto::Command command, std::function<void(proto::Reply)> done) = 0;
  // Waits until everything that was committed before the call is applied here, with leadership confirmed by a quorum
  // after the call: state read inside `done` is linearizable. The reply is OK with the applied op id, NOT_LEADER or
  // UNAVAILABLE.
  virtual void ReadBarrier(std::function<void(proto::Reply)> done) = 0;
};

}  // namespace sut

#endif  // SUT_TABLET_STATE_MACHINE_H_
