// Requests to a leader: proposals, membership changes of one server (dissertation, section 4.1) and the hand-over of
// leadership (section 3.10).

#include <algorithm>
#include <utility>

#include "sut/raft/raft_impl.h"

namespace sut::raft {

namespace {

bool Holds(const std::vector<ReplicaId>& ids, ReplicaId id) { return std::binary_search(ids.begin(), ids.end(), id); }

// How many servers are voters, learners or strangers in one configuration and something else in the other.
size_t CountChanges(const Config& from, const Config& to) {
  std::vector<ReplicaId> all;
  for (const Config* config : {&from, &to}) {
    all.insert(all.end(), config->voters.begin(), config->voters.end());
    all.insert(all.end(), config->learners.begin(), config->learners.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](ReplicaId id) {
    return Holds(from.voters, id) != Holds(to.voters, id) || Holds(from.learners, id) != Holds(to.learners, id);
  }));
}

}  // namespace

absl::StatusOr<OpId> Raft::Impl::Propose(std::string data, HybridTime time) {
  const Leader* leader = std::get_if<Leader>(&role);
  if (leader == nullptr) return absl::FailedPreconditionError("not the leader");
  if (leader->transfer.has_value()) return absl::FailedPreconditionError("leadership is being handed over");
  if (log.last().index.value - status.commit.value >= static_cast<uint64_t>(options.proposals_pending_max)) {
    return absl::ResourceExhaustedError("too many proposals wait for commit");
  }
  const OpId op = AppendOwn(EntryType::kCommand, std::move(data), time);
  Replicate();
  return op;
}

absl::StatusOr<OpId> Raft::Impl::ProposeConfig(const Config& config, HybridTime time) {
  Leader* leader = std::get_if<Leader>(&role);
  if (leader == nullptr) return absl::FailedPreconditionError("not the leader");
  if (leader->transfer.has_value()) return absl::FailedPreconditionError("leadership is being handed over");
  std::string encoded = EncodeConfig(config);
  if (absl::StatusOr<Config> decoded = DecodeConfig(encoded); !decoded.ok()) return decoded.status();
  if (config.voters.empty()) return absl::InvalidArgumentError("no voter is left");
  // With the version alone no quorum changes.
  const size_t changes = CountChanges(log.config(), config);
  if (changes > 1 || (changes == 0 && config.version == log.config().version)) {
    return absl::InvalidArgumentError("not a change of one server");
  }
  if (!TermCommitted(*leader)) return absl::FailedPreconditionError("no entry of this term is committed yet");
  if (log.config_index() > status.commit) return absl::FailedPreconditionError("another change is not committed yet");
  const OpId op = AppendOwn(EntryType::kConfig, std::move(encoded), time);
  UpdatePeers(*leader);
  Replicate();
  // A smaller majority may already hold what was waiting.
  AdvanceCommit();
  if (Leader* still = std::get_if<Leader>(&role)) ConfirmReads(*still);
  return op;
}

absl::Status Raft::Impl::TransferLeader(ReplicaId to) {
  Leader* leader = std::get_if<Leader>(&role);
  if (leader == nullptr) return absl::FailedPreconditionError("not the leader");
  if (to == status.self || !IsVoter(to)) return absl::FailedPreconditionError("the successor is no other voter");
  if (leader->transfer.has_value() && leader->transfer->to == to) return absl::OkStatus();
  leader->transfer = Leader::Transfer{to, 0};
  status.transfer_target = to;
  FinishTransfer(*leader);
  return absl::OkStatus();
}

// Tells the successor to campaign, once it holds the whole log; again with each of its answers, should the word be
// lost.
void Raft::Impl::FinishTransfer(Leader& leader) {
  if (!leader.transfer.has_value()) return;
  const ReplicaId to = leader.transfer->to;
  if (leader.peers.at(to).match != log.last().index) return;
  Message message;
  message.type = MessageType::kTimeoutNow;
  message.from = status.self;
  message.to = to;
  message.term = status.term;
  SendNow(std::move(message));
}

}  // namespace sut::raft
