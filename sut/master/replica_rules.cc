#include "sut/master/replica_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/master/rules.h"
#include "sut/master/table_rules.h"

namespace sut::rules {
namespace {

using proto::ReplicaInfo;
using proto::TableInfo;
using proto::TabletInfo;

// On its way into the group.
bool IsComing(const ReplicaInfo& replica) {
  return replica.role() == ReplicaInfo::ADDING || replica.role() == ReplicaInfo::JOINING ||
         replica.role() == ReplicaInfo::LEARNER;
}

int CountVoters(const TabletInfo& tablet) {
  return static_cast<int>(
      std::count_if(tablet.replicas().begin(), tablet.replicas().end(),
                    [](const ReplicaInfo& replica) { return replica.role() == ReplicaInfo::VOTER; }));
}

TabletInfo* FindTablet(TableInfo* table, const std::string& id) {
  for (TabletInfo& tablet : *table->mutable_tablets()) {
    if (tablet.id() == id) return &tablet;
  }
  return nullptr;
}

// The one on the node that is neither leaving nor gone; null if there is none.
ReplicaInfo* FindOn(TabletInfo* tablet, uint32_t node) {
  for (ReplicaInfo& replica : *tablet->mutable_replicas()) {
    const bool stays = IsComing(replica) || replica.role() == ReplicaInfo::VOTER;
    if (stays && replica.node() == node) return &replica;
  }
  return nullptr;
}

uint64_t NextReplica(const TabletInfo& tablet) {
  uint64_t last = tablet.last_replica();
  for (const ReplicaInfo& replica : tablet.replicas()) last = std::max(last, replica.replica());
  return last + 1;
}

// A directory that was placed at the replicas by hand is at those that there were.
bool AwaitsPlacementOf(const CatalogueState& state, const std::string& tablet) {
  return std::any_of(state.snapshots.begin(), state.snapshots.end(), [&](const auto& entry) {
    return std::any_of(entry.second.tablets().begin(), entry.second.tablets().end(), [&](const auto& part) {
      return part.tablet() == tablet && part.has_source() && entry.second.state() == proto::SnapshotInfo::COMPLETE;
    });
  });
}

// Why the change can't be made of this tablet; OK if it can. `leaving` is what is on remove_node, if anything.
proto::Reply CheckChange(const proto::CatalogueCommand::ChangeReplicas& command, TabletInfo* tablet,
                         const ReplicaInfo* leaving) {
  const uint32_t add = command.add_node();
  const uint32_t remove = command.remove_node();
  if (remove != 0 && leaving == nullptr) {
    return RefusedReply(proto::NOT_FOUND, absl::StrCat("No replica of the tablet is on node ", remove));
  }
  const bool gives_up = leaving != nullptr && IsComing(*leaving);
  if (!gives_up && ChangeIsRunning(*tablet)) {
    return RefusedReply(proto::CHANGE_RUNNING, "Another change of the tablet's replicas is under way");
  }
  if (add != 0 && add != remove && FindOn(tablet, add) != nullptr) {
    return RefusedReply(proto::ALREADY_EXISTS, absl::StrCat("A replica of the tablet is on node ", add));
  }
  if (add != 0 && remove == 0 && CountVoters(*tablet) >= kReplicasMax) {
    return RefusedReply(proto::BAD_REQUEST, absl::StrCat("A tablet has at most ", kReplicasMax, " replicas"));
  }
  return {};
}

// One that still waits for its node to be free was never heard of anywhere: no group has to let go of it.
void GiveUp(ReplicaInfo* leaving, TabletInfo* tablet) {
  if (leaving->role() != ReplicaInfo::ADDING || IsDueOnNode(*tablet, *leaving)) {
    leaving->set_role(ReplicaInfo::LEAVING);
    return;
  }
  tablet->set_last_replica(NextReplica(*tablet) - 1);
  const auto& replicas = tablet->replicas();
  tablet->mutable_replicas()->erase(
      std::find_if(replicas.begin(), replicas.end(), [leaving](const ReplicaInfo& one) { return &one == leaving; }));
}

// Whether there is always somebody left: a voter that stays, or a new one that nobody has to leave for.
bool KeepsReplica(const TabletInfo& tablet) {
  if (CountVoters(tablet) > 0) return true;
  return std::any_of(tablet.replicas().begin(), tablet.replicas().end(), [&](const ReplicaInfo& coming) {
    return IsComing(coming) &&
           std::none_of(tablet.replicas().begin(), tablet.replicas().end(), [&](const ReplicaInfo& other) {
             return other.role() == ReplicaInfo::LEAVING && other.node() == coming.node();
           });
  });
}

}  // namespace

bool ChangeIsRunning(const TabletInfo& tablet) {
  return std::any_of(tablet.replicas().begin(), tablet.replicas().end(), [](const ReplicaInfo& replica) {
    return IsComing(replica) || replica.role() == ReplicaInfo::LEAVING;
  });
}

bool IsInGroup(const ReplicaInfo& replica) {
  return replica.role() == ReplicaInfo::LEARNER || replica.role() == ReplicaInfo::VOTER ||
         replica.role() == ReplicaInfo::LEAVING;
}

bool IsDueOnNode(const TabletInfo& tablet, const ReplicaInfo& replica) {
  if (replica.role() != ReplicaInfo::ADDING) return false;
  return std::none_of(tablet.replicas().begin(), tablet.replicas().end(), [&](const ReplicaInfo& other) {
    return other.node() == replica.node() && other.replica() != replica.replica();
  });
}

const ReplicaInfo* DueInGroup(const TabletInfo& tablet) {
  const ReplicaInfo* waiting = nullptr;  // for its node to be free
  for (const ReplicaInfo& replica : tablet.replicas()) {
    if (replica.role() == ReplicaInfo::JOINING || replica.role() == ReplicaInfo::LEARNER) return &replica;
    if (replica.role() != ReplicaInfo::ADDING) continue;
    if (IsDueOnNode(tablet, replica)) return nullptr;
    waiting = &replica;
  }
  for (const ReplicaInfo& replica : tablet.replicas()) {
    const bool in_the_way = waiting == nullptr || waiting->node() == replica.node();
    if (replica.role() == ReplicaInfo::LEAVING && in_the_way) return &replica;
  }
  return nullptr;
}

// A dropped table is hosted for as long as its snapshots need it, and may lose a node meanwhile.
Transition ChangeReplicas(const CatalogueState& state, const proto::CatalogueCommand::ChangeReplicas& command) {
  const TableInfo* known = Find(state.tables, command.table());
  if (known == nullptr || IsRemovable(state, *known)) {
    return Refuse(proto::NOT_FOUND, absl::StrCat("Table with id '", Shown(command.table()), "' not found"));
  }
  TableInfo table = *known;
  TabletInfo* tablet = FindTablet(&table, command.tablet());
  if (tablet == nullptr) {
    return Refuse(proto::NOT_FOUND, absl::StrCat("Tablet ", Shown(command.tablet()), " not found"));
  }
  if (!table.hosted()) return Refuse(proto::CHANGE_RUNNING, "The table is being created");
  if (AwaitsPlacementOf(state, command.tablet())) {
    return Refuse(proto::CHANGE_RUNNING, "An imported snapshot of the tablet has not been restored yet");
  }
  ReplicaInfo* leaving = command.remove_node() == 0 ? nullptr : FindOn(tablet, command.remove_node());
  if (proto::Reply refusal = CheckChange(command, tablet, leaving); refusal.code() != proto::OK) {
    return Refuse(refusal.code(), refusal.message());
  }
  tablet->set_membership_version(tablet->membership_version() + 1);
  if (leaving != nullptr) GiveUp(leaving, tablet);
  if (command.add_node() != 0) {
    const uint64_t id = NextReplica(*tablet);
    tablet->set_last_replica(id);
    ReplicaInfo* added = tablet->add_replicas();
    added->set_replica(id);
    added->set_node(command.add_node());
    added->set_role(ReplicaInfo::ADDING);
  }
  if (!KeepsReplica(*tablet)) return Refuse(proto::BAD_REQUEST, "It is the tablet's only replica");
  return Change(std::move(table));
}

Transition SetReplicaDone(const CatalogueState& state, const proto::CatalogueCommand::ReplicaDone& command) {
  const TableInfo* known = Find(state.tables, command.table());
  if (known == nullptr) return Accept();
  TableInfo table = *known;
  TabletInfo* tablet = FindTablet(&table, command.tablet());
  if (tablet == nullptr) return Accept();
  auto& replicas = *tablet->mutable_replicas();
  const auto replica = std::find_if(replicas.begin(), replicas.end(), [&command](const ReplicaInfo& one) {
    return one.replica() == command.replica() && one.role() == command.role();
  });
  if (replica == replicas.end()) return Accept();
  switch (command.role()) {
    case ReplicaInfo::ADDING:
      replica->set_role(ReplicaInfo::JOINING);
      return Change(std::move(table));
    case ReplicaInfo::JOINING:
      replica->set_role(ReplicaInfo::LEARNER);
      break;
    case ReplicaInfo::LEARNER:
      replica->set_role(ReplicaInfo::VOTER);
      break;
    case ReplicaInfo::LEAVING:
      replica->set_role(ReplicaInfo::REMOVED);
      break;
    case ReplicaInfo::REMOVED:
      tablet->set_last_replica(NextReplica(*tablet) - 1);
      replicas.erase(replica);
      return Change(std::move(table));
    default:
      return Accept();  // nothing is asked of a voter
  }
  tablet->set_membership_version(tablet->membership_version() + 1);
  return Change(std::move(table));
}

}  // namespace sut::rules
