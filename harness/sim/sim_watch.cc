// What the simulated cluster watches over: hooks of its nodes, crash points, Raft's invariants, roles, quiet,
// inspections.

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/cluster/ledger_entry.h"
#include "harness/sim/sim_cluster.h"
#include "harness/sim/sim_inspection.h"
#include "sut/master/catalogue_state.h"
#include "sut/node/node.h"
#include "sut/raft/wire.h"
#include "sut/tablet/replica.h"

namespace holdfast::sim {

namespace {

// The messages by which a replica binds itself; all others are not worth decoding.
bool BindsItsSender(sut::raft::MessageType type) {
  return type == sut::raft::MessageType::kVote || type == sut::raft::MessageType::kVoteReply ||
         type == sut::raft::MessageType::kAppendReply;
}

std::string ObjectName(uint32_t object) {
  return object == check::kMasterObject ? "the master" : absl::StrCat("tablet ", object);
}

}  // namespace

void SimCluster::OnNodeProbe(SimNode& node, sut::Probe probe, sut::TabletId tablet) {
  ++probe_hits_[static_cast<size_t>(probe)];
  const uint32_t number = node.id().value;
  observer_->OnProbe(number, probe, tablet.is_nil() ? std::nullopt : ids_.ObjectNumber(tablet));
  for (auto armed = armed_probes_.begin(); armed != armed_probes_.end() && node.is_up(); ++armed) {
    ProbeCrash& crash = armed->second.crash;
    if (crash.probe != probe || crash.node.value_or(number) != number || --crash.nth > 0) continue;
    const ArmedProbe struck = std::move(armed->second);
    armed_probes_.erase(armed);
    node.Crash({.kind = struck.crash.kind,
                .salt = struck.crash.salt,
                .why = absl::StrCat("at probe ", std::string(sut::ProbeName(probe)))});
    if (struck.struck) queue_.Schedule(NowUs(), {}, [callback = struck.struck, number] { callback(number); });
    break;
  }
  StrikePoint(node, PointKind::kProbe, node.probe_count());
}

SimNodeHost::PointFate SimCluster::OnNodeMutation(SimNode& node, bool writes) {
  StrikePoint(node, PointKind::kMutation, node.mutation_count());
  if (armed_points_.empty()) return PointFate::kProceed;
  if (TakePoint(node, PointKind::kMutationFails, node.mutation_count())) return PointFate::kFail;
  if (writes) tearing_ = TakePoint(node, PointKind::kWriteTorn, node.write_count());
  return tearing_ ? PointFate::kTear : PointFate::kProceed;
}

SimNodeHost::PointFate SimCluster::OnNodeRead(SimNode& node) {
  return TakePoint(node, PointKind::kReadFails, node.read_count()) ? PointFate::kFail : PointFate::kProceed;
}

void SimCluster::OnNodeDelivery(SimNode& node) { StrikePoint(node, PointKind::kDelivery, node.delivery_count()); }

void SimCluster::OnNodeTorn(SimNode& node) {
  const PointCrash crash = *std::exchange(tearing_, std::nullopt);
  node.Crash({.kind = crash.kind, .salt = crash.salt, .why = absl::StrCat("in the middle of write ", crash.ordinal)});
}

std::optional<SimCluster::PointCrash> SimCluster::TakePoint(const SimNode& node, PointKind point, uint64_t count) {
  if (!started_ || armed_points_.empty() || !node.is_up()) return std::nullopt;
  const auto armed = std::find_if(armed_points_.begin(), armed_points_.end(), [&](const ArmedPoint& candidate) {
    return candidate.crash.node == node.id().value && candidate.crash.point == point &&
           candidate.crash.ordinal == count;
  });
  if (armed == armed_points_.end()) return std::nullopt;
  ArmedPoint struck = std::move(*armed);
  armed_points_.erase(armed);
  if (struck.struck) queue_.Schedule(NowUs(), {}, std::move(struck.struck));
  return struck.crash;
}

void SimCluster::StrikePoint(SimNode& node, PointKind point, uint64_t count) {
  const std::optional<PointCrash> crash = TakePoint(node, point, count);
  if (!crash) return;
  const char* what = point == PointKind::kMutation ? "disk mutation "
                     : point == PointKind::kProbe  ? "probe hit "
                                                   : "message ";
  node.Crash({.kind = crash->kind, .salt = crash->salt, .why = absl::StrCat("at ", what, count)});
}

void SimCluster::OnNodeSent(SimNode& node, const std::string& bytes) {
  sut::proto::Envelope envelope;
  if (!envelope.ParseFromString(bytes) || !envelope.has_raft()) return;
  if (!BindsItsSender(static_cast<sut::raft::MessageType>(envelope.raft().message().type()))) return;
  const auto tablet = sut::IdFromBytes<sut::TabletId>(envelope.raft().tablet());
  const auto message = sut::raft::FromProto(envelope.raft().message());
  if (!tablet.ok() || !message.ok()) return;
  Group& group = GroupOf(*tablet);
  if (const auto violation = group.invariants.ObserveSent(*message)) TellRaftViolation(group, node, *violation);
  CheckPromises(node, *tablet, [&message](const DurablePromises& promises, uint64_t durable) {
    return promises.ObserveSent(*message, durable);
  });
}

// `more`: what the moment asks for, if anything, besides what every event does. A disk that lies to its node excuses
// it.
void SimCluster::CheckPromises(SimNode& node, sut::TabletId tablet, const PromiseCheck& more) {
  if (node.node() == nullptr || node.disk_damaged()) return;
  const auto replica = node.node()->replicas().find(tablet);
  if (replica == node.node()->replicas().end()) return;
  Group& group = GroupOf(tablet);
  DurablePromises& promises = group.promises[node.id().value];
  WrittenLog& log = node.written_log();
  const sut::raft::Raft& raft = replica->second->raft();
  auto violation =
      promises.Observe(node.incarnation(), raft.status(), raft.log(), log.marked(), [&log] { return log.Durable(); });
  if (!violation && more) violation = more(promises, log.Durable());
  if (violation.has_value()) TellRaftViolation(group, node, *violation);
}

void SimCluster::OnNodeRecovered(SimNode& node, sut::TabletId tablet, sut::OpId applied) {
  observer_->OnRecovered(NameOf(node, tablet), ToLogPosition(applied));
}

void SimCluster::OnNodeBegun(SimNode& node, const sut::ApplyObserver::Applied& applied) {
  CheckPromises(node, applied.tablet, [&applied](const DurablePromises& promises, uint64_t durable) {
    return promises.ObserveApplied(applied.op.index, durable);
  });
  observer_->OnBegun(NameOf(node, applied.tablet), LedgerEntryOf(applied, ids_));
}

void SimCluster::OnNodeApplied(SimNode& node, const sut::ApplyObserver::Applied& applied) {
  observer_->OnApplied(NameOf(node, applied.tablet), LedgerEntryOf(applied, ids_));
  if (applied.tablet == sut::kMasterTablet && applied.is_command) WatchOverdue(node, applied.op);
}

// What the master applies is told before its memory follows.
void SimCluster::WatchOverdue(const SimNode& node, sut::OpId op) {
  if (!overdue_ || node.node() == nullptr || node.node()->catalogue() == nullptr) return;
  const auto replica = node.node()->replicas().find(sut::kMasterTablet);
  if (replica == node.node()->replicas().end()) return;
  const auto& log = replica->second->raft().log();
  const auto entry = std::lower_bound(log.begin(), log.end(), op.index, [](const auto& candidate, sut::Index index) {
    return candidate.op.index < index;
  });
  if (entry == log.end() || entry->op != op) return;
  check::OverdueSnapshots::States states;
  for (const auto& [id, info] : node.node()->catalogue()->snapshots) {
    const bool creating = info.state() == sut::proto::SnapshotInfo::CREATING;
    const bool complete = info.state() == sut::proto::SnapshotInfo::COMPLETE;
    states[ids_.SnapshotNumber(id).value_or(kUnknownNumber)] = creating   ? check::CatalogueState::kCreating
                                                               : complete ? check::CatalogueState::kComplete
                                                                          : check::CatalogueState::kFailed;
  }
  const auto stamped_us = static_cast<int64_t>(entry->time.value >> sut::HybridClock::kLogicalBits);
  const sut::raft::Status& status = replica->second->raft().status();
  const bool by_leader = status.role == sut::raft::Role::kLeader && status.term == op.term;
  const check::OverdueSnapshots::Command command = {ToLogPosition(op), stamped_us - SimClock::kNodeEpochUs, NowUs(),
                                                    by_leader};
  if (auto late = overdue_->OnCommand(command, states)) observer_->OnViolation(*late);
}

void SimCluster::OnNodeInstalled(SimNode& node, sut::TabletId tablet, sut::OpId op) {
  observer_->OnInstalled(NameOf(node, tablet), ToLogPosition(op));
}

void SimCluster::OnNodeDied(SimNode& node, const std::string& why) { observer_->OnNodeDown(node.id().value, why); }

void SimCluster::OnNodeFatal(SimNode& node, const std::string& reason) {
  if (node.disk_errors() > 0 || node.disk_damaged()) {
    return observer_->OnDiskStop(node.id().value, reason);
  }
  observer_->OnViolation({.checker = "node",
                          .invariant = "",
                          .summary = absl::StrCat(NodeName(node), " stopped itself, and its disk had no fault"),
                          .evidence = {reason}});
}

void SimCluster::Deliver(sut::NodeId to, std::string envelope) {
  if (to.value >= kFirstClientAddress) {
    clients_.Deliver(to, envelope);
  } else if (to.value >= 1 && to.value <= nodes_.size()) {
    Node(to.value).Receive(envelope);
  }
}

void SimCluster::AfterEvent(EventQueue::Owner owner) {
  SimNode& node = Node(owner.node);
  node.Bury();
  if (node.node() != nullptr) CheckInvariants(node);
}

void SimCluster::CheckInvariants(SimNode& node) {
  for (const auto& [tablet, replica] : node.node()->replicas()) {
    Group& group = GroupOf(tablet);
    const auto violation = group.invariants.Observe(replica->replica(), node.incarnation(), replica->raft());
    if (violation.has_value()) TellRaftViolation(group, node, *violation);
    CheckPromises(node, tablet, {});
  }
  node.written_log().Mark();
}

// What a replica knows right after its start is what it found on its disk.
void SimCluster::CheckRecovered(SimNode& node) {
  if (node.node() == nullptr) return;
  for (const auto& [tablet, replica] : node.node()->replicas()) {
    const sut::raft::Status& status = replica->raft().status();
    sut::raft::RecoveredState recovered;
    recovered.hard_state = {status.term, status.vote, status.commit};
    recovered.start = status.start;
    recovered.entries.assign(replica->raft().log().begin(), replica->raft().log().end());
    recovered.applied = replica->applied().index;
    Group& group = GroupOf(tablet);
    const auto violation = group.invariants.ObserveRecovered(replica->replica(), recovered);
    if (violation.has_value()) TellRaftViolation(group, node, *violation);
  }
  CheckInvariants(node);
}

void SimCluster::TellRaftViolation(Group& group, const SimNode& node, const std::string& what) {
  if (group.violated) return;
  group.violated = true;
  observer_->OnViolation({.checker = "raft",
                          .invariant = "",
                          .summary = absl::StrCat(ObjectName(group.object), ", ", NodeName(node), ": ", what),
                          .evidence = {absl::StrCat("at ", NowUs(), " us")}});
}

std::string SimCluster::NodeName(const SimNode& node) const {
  return absl::StrCat("node ", node.id().value, " (incarnation ", node.incarnation(), ")");
}

SimCluster::Group& SimCluster::GroupOf(sut::TabletId tablet) {
  std::unique_ptr<Group>& group = groups_[tablet];
  if (group == nullptr) {
    group = std::make_unique<Group>();
    group->object = ids_.ObjectNumber(tablet).value_or(kUnknownNumber - 1);
  }
  return *group;
}

check::ReplicaName SimCluster::NameOf(const SimNode& node, sut::TabletId tablet) {
  return {.tablet = GroupOf(tablet).object, .node = node.id().value, .incarnation = node.incarnation()};
}

std::optional<uint32_t> SimCluster::ObjectOf(const fault::Target& target) const {
  if (target.role() == fault::Target::MASTER_LEADER || target.role() == fault::Target::MASTER_FOLLOWER) {
    return check::kMasterObject;
  }
  if (target.table() >= plan_.shape().tables() || target.tablet() >= ids_.tablets_per_table()) return std::nullopt;
  return target.table() * ids_.tablets_per_table() + target.tablet();
}

std::optional<uint32_t> SimCluster::Resolve(const fault::Target& target) const {
  if (target.role() == fault::Target::NODE) {
    return target.node() >= 1 && target.node() <= nodes_.size() ? std::optional(target.node()) : std::nullopt;
  }
  const std::optional<uint32_t> object = ObjectOf(target);
  if (!object.has_value()) return std::nullopt;
  const std::optional<uint32_t> leader = LeaderOf(*object);
  const bool wants_leader = target.role() == fault::Target::LEADER || target.role() == fault::Target::MASTER_LEADER;
  if (!leader.has_value() || wants_leader) return leader;
  std::vector<uint32_t> followers = Members(*object);
  std::erase(followers, *leader);
  if (followers.empty()) return std::nullopt;
  return followers[target.ordinal() % followers.size()];
}

const sut::Replica* SimCluster::ReplicaAt(uint32_t node, uint32_t object) const {
  const sut::Node* running = Node(node).node();
  if (running == nullptr) return nullptr;
  const auto found = running->replicas().find(ids_.Tablet(object));
  return found == running->replicas().end() ? nullptr : found->second;
}

std::vector<uint64_t> SimCluster::LogTimes(uint32_t node, uint32_t object) const {
  std::vector<uint64_t> times;
  const sut::Replica* replica = ReplicaAt(node, object);
  if (replica == nullptr) return times;
  for (const sut::raft::Entry& entry : replica->raft().log()) {
    if (entry.type == sut::raft::EntryType::kCommand) times.push_back(entry.time.value);
  }
  return times;
}

std::optional<uint32_t> SimCluster::LeaderOf(uint32_t object) const {
  std::optional<uint32_t> leader;
  uint64_t leader_term = 0;
  for (uint32_t node = 1; node <= nodes_.size(); ++node) {
    const sut::Replica* replica = ReplicaAt(node, object);
    // A leader that was cut off may not know yet; the one of the highest term is the true one.
    if (replica == nullptr || !replica->is_leader() || replica->term().value <= leader_term) continue;
    leader = node;
    leader_term = replica->term().value;
  }
  return leader;
}

std::vector<uint32_t> SimCluster::Members(uint32_t object) const {
  const std::optional<uint32_t> leader = LeaderOf(object);
  if (!leader.has_value()) return NodesOf(object);
  const sut::raft::Config& config = ReplicaAt(*leader, object)->raft().status().config;
  if (config.version == 0) return NodesOf(object);
  std::vector<uint32_t> members;
  for (const sut::raft::Address& address : config.addresses) members.push_back(address.node.value);
  return members;
}

// As the catalogue has it: a leader that was cut off knows only who was there before, and there may be none.
absl::StatusOr<std::vector<uint32_t>> SimCluster::MembersOf(uint32_t object) const {
  const sut::CatalogueState* catalogue = CatalogueNow();
  const sut::proto::TabletInfo* tablet =
      catalogue == nullptr ? nullptr : sut::FindTablet(*catalogue, ids_.Tablet(object));
  if (tablet == nullptr) return Members(object);
  std::set<uint32_t> members;
  for (const auto& replica : tablet->replicas()) {
    if (replica.role() != sut::proto::ReplicaInfo::REMOVED) members.insert(replica.node());
  }
  return std::vector<uint32_t>(members.begin(), members.end());
}

// That of whoever has applied most of it; none without a leader.
const sut::CatalogueState* SimCluster::CatalogueNow() const {
  if (!LeaderOf(check::kMasterObject).has_value()) return nullptr;
  const sut::CatalogueState* latest = nullptr;
  uint64_t latest_index = 0;
  for (uint32_t node = 1; node <= nodes_.size(); ++node) {
    const sut::Replica* master = ReplicaAt(node, check::kMasterObject);
    if (master == nullptr || master->applied().index.value <= latest_index) continue;
    latest = Node(node).node()->catalogue();
    latest_index = master->applied().index.value;
  }
  return latest;
}

bool SimCluster::ChangesGroups() const {
  const sut::CatalogueState* catalogue = CatalogueNow();
  if (catalogue == nullptr) return true;
  for (const auto& [id, table] : catalogue->tables) {
    for (const auto& tablet : table.tablets()) {
      for (const auto& replica : tablet.replicas()) {
        if (replica.role() != sut::proto::ReplicaInfo::VOTER) return true;
      }
    }
  }
  return false;
}

check::Inspection SimCluster::Inspect() {
  check::Inspection inspection;
  inspection.quiet = IsQuiet();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]->disk_damaged()) CheckCatalogue(*nodes_[i]);
    NodeInspection node = InspectNode(*nodes_[i], ids_, disk_readers_[i].get());
    for (check::ReplicaInspection& replica : node.replicas) replica.damaged = nodes_[i]->disk_damaged();
    for (check::LeftOver& left : node.left_overs) left.damaged = nodes_[i]->disk_damaged();
    std::move(node.replicas.begin(), node.replicas.end(), std::back_inserter(inspection.replicas));
    std::move(node.left_overs.begin(), node.left_overs.end(), std::back_inserter(inspection.left_overs));
  }
  return inspection;
}

void SimCluster::CheckCatalogue(const SimNode& node) {
  std::vector<std::string> difference = CatalogueBesideItsStore(node);
  if (difference.empty()) return;
  observer_->OnViolation(
      {.checker = "catalogue-store",
       .invariant = "I6",
       .summary = absl::StrCat("the master on ", NodeName(node), " and its store do not hold the same catalogue"),
       .evidence = std::move(difference)});
}

bool SimCluster::IsQuiet() const {
  if (ChangesGroups()) return false;
  for (uint32_t object = 0; object < ids_.object_count(); ++object) {
    if (!GroupIsQuiet(object, nullptr)) return false;
  }
  return GroupIsQuiet(check::kMasterObject, nullptr);
}

std::vector<std::string> SimCluster::WhyNotQuiet() const {
  std::vector<std::string> reasons;
  for (const auto& node : nodes_) {
    if (!node->is_up() && !node->disk_damaged()) reasons.push_back(absl::StrCat("node ", node->id().value, " is down"));
  }
  for (uint32_t object = 0; object < ids_.object_count(); ++object) GroupIsQuiet(object, &reasons);
  GroupIsQuiet(check::kMasterObject, &reasons);
  if (ChangesGroups()) reasons.push_back("the catalogue asks for a change of a group that is not made");
  return reasons;
}

bool SimCluster::IsGone(uint32_t object) const {
  if (object == check::kMasterObject || !dropped_tables_.contains(ids_.TableOfObject(object))) return false;
  return std::all_of(NodesOf(object).begin(), NodesOf(object).end(), [&](uint32_t node) {
    return Node(node).disk_damaged() || (Node(node).node() != nullptr && ReplicaAt(node, object) == nullptr);
  });
}

bool SimCluster::GroupIsQuiet(uint32_t object, std::vector<std::string>* reasons) const {
  bool quiet = true;
  const auto disturb = [&](auto&&... parts) {
    if (reasons != nullptr) reasons->push_back(absl::StrCat(ObjectName(object), ": ", parts...));
    quiet = false;
  };
  if (IsGone(object)) return quiet;
  const std::optional<uint32_t> leader_node = LeaderOf(object);
  if (!leader_node.has_value()) {
    disturb("no leader");
    return quiet;
  }
  const sut::raft::Status& leader = ReplicaAt(*leader_node, object)->raft().status();
  if (leader.commit != leader.last.index) disturb("uncommitted entries on node ", *leader_node);
  for (uint32_t node = 1; node <= nodes_.size(); ++node) {
    if (!quiet && reasons == nullptr) return false;
    if (Node(node).disk_damaged()) continue;
    const auto& members = leader.config.addresses;
    const auto member = std::find_if(members.begin(), members.end(),
                                     [node](const sut::raft::Address& address) { return address.node.value == node; });
    const sut::Replica* replica = ReplicaAt(node, object);
    if (member == members.end()) {
      if (replica != nullptr) disturb("node ", node, " hosts a replica that is not in the group");
    } else if (replica == nullptr || replica->replica() != member->replica) {
      disturb("no replica on node ", node);
    } else if (replica->applied().index != leader.commit) {
      disturb("node ", node, " has applied ", replica->applied().index.value, " of ", leader.commit.value,
              replica->out_of_service() ? ", out of service" : "", replica->in_barrier() ? ", in a barrier" : "");
    } else if (!replica->idle()) {
      disturb("node ", node, " is busy", replica->in_barrier() ? " in a barrier" : "");
    }
  }
  return quiet;
}

}  // namespace holdfast::sim
