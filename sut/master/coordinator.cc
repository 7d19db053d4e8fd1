#include "sut/master/coordinator.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/master/replica_rules.h"

namespace sut {

void Coordinator::Arm(int64_t delay_us) {
  const int64_t at_us = world_.clock->NowUs() + delay_us;
  if (armed_for_us_ && *armed_for_us_ <= at_us) return;
  armed_for_us_ = at_us;
  world_.timers->After(delay_us, [this, at_us] {
    if (armed_for_us_ != at_us) return;  // an earlier one took its place
    armed_for_us_.reset();
    Pass();
  });
}

void Coordinator::Pass() {
  Refresh();
  if (pending_.empty()) return;
  // A follower keeps looking too, since nothing else tells it that it has become the leader.
  Arm(options_.reconcile_interval_us);
  if (!world_.group->is_leader()) return;
  if (world_.group->term() != term_) {
    term_ = world_.group->term();
    ForgetInFlight();
  }
  FailOverdueSnapshots();
  MakeDueCalls();
}

void Coordinator::Refresh() {
  if (seen_version_ == world_.catalogue->version()) return;
  seen_version_ = world_.catalogue->version();
  Pending due;
  std::map<SnapshotId, int64_t> fail_at_us;
  const int64_t patience_ends_us = world_.clock->NowUs() + options_.snapshot_timeout_us;
  for (const Action& action : NextActions(world_.catalogue->state())) {
    const auto* call = std::get_if<TabletCall>(&action);
    const bool creates = call != nullptr && call->kind == proto::TabletSnapshotOp::CREATE;
    if (creates && forgotten_.contains(call->snapshot)) continue;
    const auto known = pending_.find(action);
    due.emplace(action, known == pending_.end() ? Progress{} : known->second);
    if (!creates) continue;
    const auto watched = fail_at_us_.find(call->snapshot);
    fail_at_us.emplace(call->snapshot, watched == fail_at_us_.end() ? patience_ends_us : watched->second);
  }
  pending_ = std::move(due);
  fail_at_us_ = std::move(fail_at_us);
}

void Coordinator::ForgetInFlight() {
  if (options_.bugs.has(Bug::kNewMasterForgetsCreating)) ForgetCreating();
  for (auto& [action, progress] : pending_) progress = Progress{};
  leaders_.clear();
  last_called_.reset();
  for (auto& [snapshot, fail_at_us] : fail_at_us_) {
    fail_at_us = world_.clock->NowUs() + options_.snapshot_timeout_us;
  }
}

// Planted bug 41: what is CREATING at a leader's first pass passes for its predecessor's business.
void Coordinator::ForgetCreating() {
  for (const auto& [snapshot, fail_at_us] : fail_at_us_) forgotten_.insert(snapshot);
  fail_at_us_.clear();
  std::erase_if(pending_, [this](const auto& entry) {
    const auto* call = std::get_if<TabletCall>(&entry.first);
    return call != nullptr && call->kind == proto::TabletSnapshotOp::CREATE && forgotten_.contains(call->snapshot);
  });
}

void Coordinator::FailOverdueSnapshots() {
  const int64_t now_us = world_.clock->NowUs();
  for (auto& [snapshot, fail_at_us] : fail_at_us_) {
    if (now_us < fail_at_us) continue;
    fail_at_us = now_us + options_.tablet_call_timeout_us;  // asked for again then, should this proposal be lost
    proto::CatalogueCommand change;
    change.mutable_fail_snapshot()->set_id(Bytes(snapshot));
    ProposeChange(std::move(change), [] {});
  }
}

// Counts the calls in flight, apart from those whose time is over.
int Coordinator::ExpireCalls() {
  const int64_t now_us = world_.clock->NowUs();
  int in_flight = 0;
  for (auto& [action, progress] : pending_) {
    progress.redirected = false;
    if (!progress.in_flight) continue;
    if (progress.not_before_us > now_us) {
      ++in_flight;
      continue;
    }
    progress.in_flight = false;
    ForgetLeader(action, progress.asked, &progress);
  }
  return in_flight;
}

void Coordinator::MakeDueCalls() {
  const int64_t now_us = world_.clock->NowUs();
  int free = options_.calls_in_flight_max - ExpireCalls();
  bool begun = false;
  auto it = last_called_ ? pending_.upper_bound(*last_called_) : pending_.begin();
  for (size_t looked_at = 0; looked_at < pending_.size() && free > 0; ++looked_at, ++it) {
    if (it == pending_.end()) it = pending_.begin();
    Progress& progress = it->second;
    if (progress.confirmed || progress.in_flight || progress.not_before_us > now_us) continue;
    if (!std::exchange(begun, true)) world_.probes->Hit(Probe::kReconcileBegun, kMasterTablet);
    MakeCall(it->first, &progress);
    last_called_ = it->first;
    --free;
  }
}

void Coordinator::MakeCall(const Action& action, Progress* progress) {
  ++progress->attempts;
  progress->in_flight = true;
  progress->not_before_us = world_.clock->NowUs() + options_.tablet_call_timeout_us;
  progress->asked = Destination(action, *progress);
  const Call call{.action = action, .attempt = progress->attempts, .term = term_, .node = progress->asked};
  const LogicalIdentity identity{Mix({ActionIdentity(action), term_.value, progress->attempts})};
  world_.sender->Send(call.node, RequestFor(world_.catalogue->state(), action), identity,
                      [this, call](const proto::Reply& reply) { OnReply(call, reply); });
  world_.probes->Hit(Probe::kReconcileCalled, kMasterTablet);
}

NodeId Coordinator::Destination(const Action& action, const Progress& progress) const {
  if (const auto* call = std::get_if<ReplicaCall>(&action)) return call->node;
  const TabletId tablet = *AskedTablet(action);
  if (const auto leader = leaders_.find(tablet); leader != leaders_.end()) return leader->second;
  const proto::TabletInfo* info = FindTablet(world_.catalogue->state(), tablet);
  SUT_CHECK(info != nullptr, "a call to a tablet that no table has");
  std::vector<NodeId> nodes;
  for (const proto::ReplicaInfo& replica : info->replicas()) {
    if (rules::IsInGroup(replica)) nodes.push_back(NodeId{replica.node()});
  }
  SUT_CHECK(!nodes.empty(), "a call to a tablet without replicas");
  return nodes[progress.next_replica % nodes.size()];
}

// `node` does not lead the tablet, or does not answer: ask another one.
void Coordinator::ForgetLeader(const Action& action, NodeId node, Progress* progress) {
  const auto tablet = AskedTablet(action);
  if (!tablet) return;
  if (const auto leader = leaders_.find(*tablet); leader != leaders_.end() && leader->second == node) {
    leaders_.erase(leader);
  }
  ++progress->next_replica;
}

void Coordinator::OnReply(const Call& call, const proto::Reply& reply) {
  if (!world_.group->is_leader() || world_.group->term() != call.term) return;
  const auto found = pending_.find(call.action);
  if (found == pending_.end()) return;
  Progress* progress = &found->second;
  if (progress->confirmed) return;
  world_.probes->Hit(Probe::kReconcileReply, kMasterTablet);
  if (reply.code() == proto::OK) {
    // Of whichever attempt: the action is idempotent, and done is done.
    progress->in_flight = false;
    progress->confirmed = true;
    if (AskedTablet(call.action)) {
      OnTabletDone(call, reply);
    } else {
      OnReplicaDone(call);
    }
  } else if (progress->in_flight && progress->attempts == call.attempt) {
    OnRefusal(call, reply, progress);
  }
}

void Coordinator::OnRefusal(const Call& call, const proto::Reply& reply, Progress* progress) {
  progress->in_flight = false;
  switch (reply.code()) {
    case proto::NOT_LEADER:
      if (FollowHint(call, reply, progress)) return;
      [[fallthrough]];
    case proto::UNAVAILABLE:
    case proto::NOT_HOSTED:
    case proto::INDETERMINATE:
      progress->not_before_us = 0;  // with the next pass
      ForgetLeader(call.action, call.node, progress);
      return;
    case proto::NOT_CAUGHT_UP:
      progress->not_before_us = 0;
      return;
    default:
      // The tablet can't do it now. Perhaps it can later: a replica that misses its files is repaired, say.
      progress->not_before_us = world_.clock->NowUs() + options_.tablet_call_timeout_us;
      return;
  }
}

// Takes note of the leader that a refusal names. True if the call was made again, to that one; once for each pass,
// since two replicas that each hold the other for the leader would otherwise keep it going for ever.
bool Coordinator::FollowHint(const Call& call, const proto::Reply& reply, Progress* progress) {
  const NodeId hint{reply.leader_node()};
  const auto tablet = AskedTablet(call.action);
  if (!tablet || hint.is_none() || hint == call.node) return false;
  leaders_[*tablet] = hint;
  if (progress->redirected) return false;
  progress->redirected = true;
  MakeCall(call.action, progress);
  return true;
}

void Coordinator::OnTabletDone(const Call& call, const proto::Reply& reply) {
  leaders_[*AskedTablet(call.action)] = call.node;
  ProposeChange(DoneCommand(call.action, reply.op()), [this, action = call.action] { Retry(action); });
}

void Coordinator::OnReplicaDone(const Call& call) {
  const auto& done = std::get<ReplicaCall>(call.action);
  const bool by_all = !IsForWholeTable(done) || std::all_of(pending_.begin(), pending_.end(), [&](const auto& entry) {
    const auto* other = std::get_if<ReplicaCall>(&entry.first);
    return other == nullptr || other->table != done.table || other->kind != done.kind || entry.second.confirmed;
  });
  if (by_all) ProposeChange(HostingDoneCommand(done), [this, action = call.action] { Retry(action); });
}

void Coordinator::ProposeChange(proto::CatalogueCommand change, std::function<void()> on_failure) {
  proto::Command command;
  *command.mutable_catalogue() = std::move(change);
  world_.group->Propose(std::move(command),
                        [this, term = term_, on_failure = std::move(on_failure)](proto::Reply reply) {
                          if (reply.code() != proto::OK && term == term_) on_failure();
                        });
}

// What was confirmed could not be proposed: ask again with the next pass, and propose what comes back.
void Coordinator::Retry(const Action& action) {
  const auto found = pending_.find(action);
  if (found == pending_.end()) return;
  found->second.confirmed = false;
  found->second.not_before_us = 0;
}

}  // namespace sut
