// What a leader knows of one follower or learner, and when it may send it more.
//
// Lost, duplicated and reordered messages cost time, never correctness: `match` only ever grows, and by
// acknowledgements; `next` is a guess that a refusal sets back. A heartbeat names the entry before `next`, so that the
// loss of the last append shows itself in the heartbeat's refusal.

#ifndef SUT_RAFT_PROGRESS_H_
#define SUT_RAFT_PROGRESS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sut/base/ids.h"

namespace sut::raft {

struct Progress {
  enum class Phase : uint8_t {
    kProbe,      // looking for the last common entry: one append at a time
    kReplicate,  // it is known: appends are pipelined
    kInstall,    // it lies before the log's start: the host ships a store
  };

  Phase phase = Phase::kProbe;
  // Last entry known to be durable there, as part of this leader's log.
  Index match;
  // First entry to send. Invariant: next > match.
  Index next;
  // Probe: an append was sent and not answered; only heartbeats go out meanwhile.
  bool probe_sent = false;
  // Something was heard since the last quorum check.
  bool recently_active = false;
  // Newest read round that it has confirmed.
  uint64_t read_round = 0;
  // Replicate: last indices of the appends that are not answered, ascending.
  std::vector<Index> in_flight;

  bool CanSend(Index last, size_t appends_in_flight_max) const {
    switch (phase) {
      case Phase::kProbe:
        return !probe_sent;
      case Phase::kReplicate:
        return next <= last && in_flight.size() < appends_in_flight_max;
      case Phase::kInstall:
        return false;
    }
    return false;
  }

  // An append that ended at `acknowledged` was accepted. Returns whether `match` moved.
  bool Accepted(Index acknowledged) {
    const bool moved = acknowledged > match;
    match = std::max(match, acknowledged);
    if (phase == Phase::kReplicate) {
      const auto answered = std::upper_bound(in_flight.begin(), in_flight.end(), acknowledged);
      in_flight.erase(in_flight.begin(), answered);
      next = std::max(next, Next(match));
    } else if (moved || (phase == Phase::kProbe && Next(acknowledged) >= next)) {
      // An acknowledgement shows the common entry, whichever message brought it about.
      phase = Phase::kReplicate;
      next = Next(match);
      in_flight.clear();
    }
    return moved;
  }

  // Whether a refusal of an append that named the entry at `previous` says something new.
  bool IsNews(Index previous) const {
    if (phase == Phase::kInstall) return false;
    return phase == Phase::kProbe ? Next(previous) == next : previous > match && previous < next;
  }

  // The follower's log agrees with the leader's at `common` at best.
  void BackUpTo(Index common) {
    phase = Phase::kProbe;
    next = Next(std::max(common, match));
    probe_sent = false;
    in_flight.clear();
  }

  void BeginInstall() {
    phase = Phase::kInstall;
    in_flight.clear();
  }
};

}  // namespace sut::raft

#endif  // SUT_RAFT_PROGRESS_H_
