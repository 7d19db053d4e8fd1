// Linearizable reads without log entries (dissertation, section 6.4): the leader remembers its commit index, then makes
// sure by one round of heartbeats that it still led after the question came.
//
// One round runs at a time; reads that come meanwhile share the next one, so that their number does not multiply
// messages. Every append carries the running round, so an ordinary append's answer confirms as well as a heartbeat's.

#include <algorithm>

#include "sut/raft/raft_impl.h"

namespace sut::raft {

absl::Status Raft::Impl::ReadIndex(uint64_t id) {
  Leader* leader = std::get_if<Leader>(&role);
  if (leader == nullptr) return absl::FailedPreconditionError("not the leader");
  if (leader->reads.size() >= static_cast<size_t>(options.proposals_pending_max)) {
    return absl::ResourceExhaustedError("too many reads wait");
  }
  if (options.bug_read_without_quorum) {
    reads.push_back({id, status.commit});
    return absl::OkStatus();
  }
  leader->reads.push_back({id, leader->read_round + 1, status.commit});
  // Before the first commit of its term, a leader's commit index may lag behind what was acknowledged.
  if (TermCommitted(*leader) && leader->read_round_confirmed == leader->read_round) StartReadRound(*leader);
  return absl::OkStatus();
}

void Raft::Impl::StartReadRound(Leader& leader) {
  ++leader.read_round;
  BroadcastHeartbeats(leader);
  ConfirmReads(leader);
}

// Called when commit has moved: reads that came before the term's first commit begin now.
void Raft::Impl::StartWaitingReads(Leader& leader) {
  if (leader.read_round != 0 || leader.reads.empty() || !TermCommitted(leader)) return;
  for (Leader::Read& read : leader.reads) read.index = status.commit;
  StartReadRound(leader);
}

void Raft::Impl::ConfirmReads(Leader& leader) {
  leader.read_round_confirmed =
      std::max(leader.read_round_confirmed, ReachedByQuorum(leader, &Progress::read_round, leader.read_round));
  while (!leader.reads.empty() && leader.reads.front().round <= leader.read_round_confirmed) {
    reads.push_back({leader.reads.front().id, leader.reads.front().index});
    leader.reads.pop_front();
  }
  const bool more_wait = !leader.reads.empty() && leader.reads.front().round > leader.read_round;
  if (more_wait && leader.read_round_confirmed == leader.read_round) StartReadRound(leader);
}

}  // namespace sut::raft
