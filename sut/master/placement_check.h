// Before an imported snapshot is restored for the first time: asks every replica whether the directory that was to be
// placed there is there, sound, and the one that was exported.
//
// Contract: `done` is called once with OK if all have shown that, or with the first thing found wrong, naming node and
// tablet; an answer that does not come in time is one of them. Changes nothing anywhere. A check of a snapshot that is
// being checked joins it. Loop rule: all calls on the node's loop.

#ifndef SUT_MASTER_PLACEMENT_CHECK_H_
#define SUT_MASTER_PLACEMENT_CHECK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "sut/master/catalogue_state.h"
#include "sut/master/coordinator.h"
#include "sut/runtime/seams.h"

namespace sut {

class PlacementCheck {
 public:
  struct Options {
    int64_t ask_again_us = 1'000'000;
    int64_t timeout_us = 30'000'000;
    int calls_in_flight_max = 16;  // each has a node read all its rows
    BugSet bugs = {};
  };
  using Done = std::function<void(const absl::Status&)>;

  // Both outlive it.
  PlacementCheck(Options options, Timers* timers, RequestSender* sender)
      : options_(options), timers_(timers), sender_(sender), self_(std::make_shared<PlacementCheck*>(this)) {}

  // REQUIRES: the tablets of `snapshot` are in `state`.
  void Run(const CatalogueState& state, const proto::SnapshotInfo& snapshot, Done done);

 private:
  struct Question {
    NodeId node;
    TabletId tablet;
    uint32_t hash_begin = 0, hash_end = 0;
    proto::SnapshotSource source;
    bool in_flight = false;
    bool answered = false;
  };
  struct Check {
    uint64_t number = 0;  // tells late answers to an earlier check apart
    int64_t waited_us = 0;
    uint64_t asked = 0;
    std::vector<Question> questions;
    std::vector<Done> done;
  };
  void Ask(SnapshotId snapshot);
  void OnReply(SnapshotId snapshot, uint64_t number, size_t question, const proto::Reply& reply);
  void OnTimer(SnapshotId snapshot, uint64_t number);
  void Arm(SnapshotId snapshot, uint64_t number);
  void Finish(SnapshotId snapshot, const absl::Status& status);

  const Options options_;
  Timers* timers_;
  RequestSender* sender_;
  std::shared_ptr<PlacementCheck*> self_;  // for callbacks that outlive it
  std::map<SnapshotId, Check> checks_;
  uint64_t started_ = 0;
};

}  // namespace sut

#endif  // SUT_MASTER_PLACEMENT_CHECK_H_
