// A replica's part in changes of its group: the leader's answer to ChangeGroup, and who is where.
//
// The configuration carries the version of the change that made it. The master counts versions up and begins no change
// before the one before it is committed, so a version that the group has says that the change is made, and a lower one
// that the call was held up and is of the past. A late copy of an earlier call can therefore not bring back a replica
// that was removed since.

#include <algorithm>
#include <utility>

#include "sut/base/check.h"
#include "sut/tablet/install_receiver.h"
#include "sut/tablet/install_source.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/snapshot_barriers.h"

namespace sut {
namespace {

// Replicas that were heard from and stand in no configuration known here.
constexpr size_t kHeardFromMax = 64;

proto::Reply Refuse(proto::Code code, std::string message) {
  proto::Reply reply;
  reply.set_code(code);
  reply.set_message(std::move(message));
  return reply;
}

bool Holds(const std::vector<ReplicaId>& ids, ReplicaId id) { return std::binary_search(ids.begin(), ids.end(), id); }

void Insert(ReplicaId id, std::vector<ReplicaId>* ids) {
  ids->insert(std::lower_bound(ids->begin(), ids->end(), id), id);
}

}  // namespace

// `present` with the change made. A replica that is already what it is to become stays so.
raft::Config ChangedGroup(const raft::Config& present, const proto::ChangeGroup& change) {
  const ReplicaId replica{change.replica()};
  raft::Config next = present;
  std::erase(next.voters, replica);
  std::erase(next.learners, replica);
  std::erase_if(next.addresses, [replica](const raft::Address& address) { return address.replica == replica; });
  next.version = change.version();
  if (change.kind() == proto::ChangeGroup::REMOVE) return next;
  const bool votes = change.kind() == proto::ChangeGroup::PROMOTE || Holds(present.voters, replica);
  Insert(replica, votes ? &next.voters : &next.learners);
  const auto after = std::find_if(next.addresses.begin(), next.addresses.end(),
                                  [replica](const raft::Address& address) { return address.replica > replica; });
  next.addresses.insert(after, {replica, NodeId{change.node()}});
  return next;
}

void Replica::HandleChangeGroup(const proto::ChangeGroup& change, std::function<void(proto::Reply)> reply) {
  if (row_machine_ == nullptr || change.replica() == 0 || change.node() == 0 || change.version() == 0) {
    return reply(Refuse(proto::BAD_REQUEST, "not a change of a tablet's group"));
  }
  if (!is_leader()) return reply(NotLeader());
  if (out_of_service_) return reply(Refuse(proto::UNAVAILABLE, "the replica is out of service"));
  const raft::Config& present = raft_->status().config;
  if (present.version > change.version()) return reply(Refuse(proto::BAD_REQUEST, "a later change was made"));
  if (present.version == change.version()) {
    // Applied is committed; what is only in the log may still be lost with this leader.
    if (raft_->ConfigAt(applied_.index).version != change.version()) {
      return reply(Refuse(proto::UNAVAILABLE, "the change is under way"));
    }
    proto::Reply done = Refuse(proto::OK, "");
    done.mutable_op()->set_term(applied_.term.value);
    done.mutable_op()->set_index(applied_.index.value);
    return reply(std::move(done));
  }
  if (change.kind() == proto::ChangeGroup::PROMOTE && !CaughtUp(ReplicaId{change.replica()})) {
    return reply(Refuse(proto::NOT_CAUGHT_UP, "the replica is too far behind"));
  }
  const auto op = raft_->ProposeConfig(ChangedGroup(present, change), context_.hybrid_clock->Now(NowUs()));
  if (!op.ok()) return reply(Refuse(proto::UNAVAILABLE, std::string(op.status().message())));
  proposals_[op->index] = Proposal{op->term, std::move(reply)};
  Pump();
}

bool Replica::CaughtUp(ReplicaId learner) const {
  const std::optional<Index> match = raft_->MatchOf(learner);
  return match && match->value > 0 && match->value + kNewVoterLagMax >= raft_->status().commit.value;
}

NodeId Replica::NodeOf(ReplicaId replica) const {
  for (const raft::Address& address : raft_->status().config.addresses) {
    if (address.replica == replica) return address.node;
  }
  if (const auto heard = heard_from_.find(replica); heard != heard_from_.end()) return heard->second;
  for (const auto& member : record_.members()) {
    if (member.replica() == replica.value) return NodeId{member.node()};
  }
  return NodeId{};
}

ReplicaId Replica::MemberOn(NodeId node) const {
  for (const raft::Address& address : raft_->status().config.addresses) {
    if (address.node == node) return address.replica;
  }
  return ReplicaId{};
}

// A replica that joins is told of its group by the group: until it has the configuration it answers whoever asks.
void Replica::NoteSender(ReplicaId replica, NodeId node) {
  const auto& addresses = raft_->status().config.addresses;
  const bool known = std::any_of(addresses.begin(), addresses.end(),
                                 [replica](const raft::Address& address) { return address.replica == replica; });
  if (known || replica.is_none() || node.is_none()) return;
  if (heard_from_.size() >= kHeardFromMax && !heard_from_.contains(replica)) heard_from_.erase(heard_from_.begin());
  heard_from_[replica] = node;
}

void Replica::NoteConfigApplied(const raft::Entry& entry) {
  const auto config = raft::DecodeConfig(entry.data);
  SUT_CHECK(config.ok(), "Raft decoded the configuration when it was appended");
  const raft::Config& before = raft_->ConfigAt(applied_.index);
  if (config->learners.size() > before.learners.size()) Hit(Probe::kMemberAdded);
  if (config->voters.size() > before.voters.size()) Hit(Probe::kMemberPromoted);
  if (config->addresses.size() < before.addresses.size()) Hit(Probe::kMemberRemoved);
}

}  // namespace sut
