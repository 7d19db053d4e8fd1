// A replica binds itself by messages: by a vote, by the acknowledgement of entries, by its term. Raft lets it do so
// only when what it promises can't be forgotten any more ("updated on stable storage before responding to RPCs": Raft
// paper, figure 2; dissertation, section 3.8). A promise made too early shows itself only where a loss of power falls
// between the message and the sync. This judge needs no such luck: it holds each promise against what is durable as it
// leaves.
//
// Who is watched is told from outside, by the replica's state after each event and by a count of what its node has
// written to its log (written_log.h). What came into a replica's state in an event was not written before that event;
// so it is durable only if some append is that came after it. A replica that compacts its log or installs a snapshot
// has promised that on other grounds, and what a process finds at its start it has recovered: neither is judged here.
//
// One object for each replica. Loop rule: single-threaded.

#ifndef HARNESS_SIM_DURABLE_PROMISES_H_
#define HARNESS_SIM_DURABLE_PROMISES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sut/raft/raft.h"

namespace holdfast::sim {

class DurablePromises {
 public:
  using Violation = std::optional<std::string>;

  // To be called after every event of the node, and before ObserveSent. `appends`: what its log had been given before
  // the event; `durable`: gives back how many of its appends are durable now.
  template <typename Durable>
  Violation Observe(uint64_t incarnation, const sut::raft::Status& status, const std::vector<sut::raft::Entry>& log,
                    uint64_t appends, const Durable& durable) {
    if (incarnation_ == incarnation && self_ == status.self && log_changes_ == status.log_changes &&
        term_ == status.term && vote_ == status.vote && persisted_ == status.persisted) [[likely]] {
      return std::nullopt;
    }
    Note(incarnation, status, log, appends);
    return CheckPersisted(status, durable());
  }

  // A message is about to leave the replica.
  Violation ObserveSent(const sut::raft::Message& message, uint64_t durable) const;
  // The replica begins to apply the entry. Its store may become durable with it at any time from now on, and a store
  // that knows of more than its log can't go on after a loss of power (Ready::committed).
  Violation ObserveApplied(sut::Index index, uint64_t durable) const;

 private:
  struct Entry {
    sut::Term term;
    uint64_t appends;  // Invariant: the entry was not written before so many appends were
  };

  void Note(uint64_t incarnation, const sut::raft::Status& status, const std::vector<sut::raft::Entry>& log,
            uint64_t appends);
  void NoteLog(const sut::raft::Status& status, const std::vector<sut::raft::Entry>& log, uint64_t appends);
  Violation CheckPersisted(const sut::raft::Status& status, uint64_t durable);
  // Whether the entry at `index` can't be lost; true of what lies before the log.
  bool IsDurable(sut::Index index, uint64_t durable) const;

  std::optional<uint64_t> incarnation_;
  sut::ReplicaId self_;
  uint64_t log_changes_ = 0;
  sut::Index start_;
  std::vector<Entry> entries_;  // those behind start_
  sut::Term term_;
  sut::ReplicaId vote_;
  sut::Index persisted_;
  // Since when, in appends, the term and the vote are what they are; nullopt: since the process started.
  std::optional<uint64_t> term_since_;
  std::optional<uint64_t> vote_since_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_DURABLE_PROMISES_H_
