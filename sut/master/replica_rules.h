// The rules for the replicas of a tablet: how they come and go.
//
//   ADDING -> JOINING -> LEARNER -> VOTER;  any of them -> LEAVING -> REMOVED -> no more listed
//   ADDING, while it waits for its node to be free -> no more listed
//
// Each arrow but those into ADDING and LEAVING, which a client asks for, is the coordinator's word that what the role
// before it asks for is done. One change of a tablet at a time: a new one is refused while a replica is anything
// between ADDING and LEAVING. But what has not become a VOTER yet may always be given up, since its node may have lost
// it. A REMOVED replica stays listed until its node has deleted it, and hinders nobody: its id is never used again, and
// a new replica on its node waits for that.
//
// A replacement adds before it removes, so that the group is at no time smaller than it was; unless both are on one
// node, which holds one replica of a tablet at a time.
//
// membership_version rises whenever another change of the group becomes due. It goes with the call, and into the
// group's configuration: sut/tablet/replica_membership.cc.

#ifndef SUT_MASTER_REPLICA_RULES_H_
#define SUT_MASTER_REPLICA_RULES_H_

#include "sut/master/catalogue_state.h"

namespace sut::rules {

Transition ChangeReplicas(const CatalogueState& state, const proto::CatalogueCommand::ChangeReplicas& command);
Transition SetReplicaDone(const CatalogueState& state, const proto::CatalogueCommand::ReplicaDone& command);

// Whether one of the tablet's replicas is on its way into the group or out of it.
bool ChangeIsRunning(const proto::TabletInfo& tablet);
// Whether the replica may hold the tablet's data and answer for it.
bool IsInGroup(const proto::ReplicaInfo& replica);

// The replica whose role asks for a change of the group that is due now; null if there is none. At most one is.
const proto::ReplicaInfo* DueInGroup(const proto::TabletInfo& tablet);
// Whether the replica is to be hosted now: it is ADDING, and no other one of the tablet is on its node.
bool IsDueOnNode(const proto::TabletInfo& tablet, const proto::ReplicaInfo& replica);

inline constexpr int kReplicasMax = 5;

}  // namespace sut::rules

#endif  // SUT_MASTER_REPLICA_RULES_H_
