// The master's replicated state as plain values, and the rules by which a command changes it.
//
// Contract: Decide is a pure function, so every replica of the master's group reaches the same state and gives the same
// reply; a refusal names the reason that holds in the state it was decided in. A command changes at most one object,
// and with a table perhaps its keyspace. Ids come with the command, never from here, but for those of new replicas:
// they count up in their tablet.
//
//   snapshot:    CREATING -> COMPLETE | FAILING -> FAILED;  COMPLETE | FAILED -> DELETING -> DELETED (a tombstone)
//
//   restoration: RESTORING -> RESTORED
//
//   keyspace, table: see table_rules.h; a tablet's replicas: see replica_rules.h
//
// An imported snapshot begins as COMPLETE, with a source for each tablet; a tablet's source goes when it has adopted
// its directory, which the first restoration has it do before it restores.
//
// Each arrow out of CREATING (to COMPLETE), FAILING, DELETING and RESTORING needs the word of every tablet.

#ifndef SUT_MASTER_CATALOGUE_STATE_H_
#define SUT_MASTER_CATALOGUE_STATE_H_

#include <map>
#include <optional>
#include <string>

#include "sut/base/bugs.h"
#include "sut/base/ids.h"
#include "sut/proto/catalogue.pb.h"
#include "sut/proto/service.pb.h"

namespace sut {

struct CatalogueState {
  std::map<KeyspaceId, proto::KeyspaceInfo> keyspaces;
  std::map<TableId, proto::TableInfo> tables;
  std::map<SnapshotId, proto::SnapshotInfo> snapshots;
  std::map<RestorationId, proto::RestorationInfo> restorations;
};

// What one command does: the reply, and the object that it changes as it is afterwards.
// Invariant: at most one of them is set, or a table and the keyspace that is made with it; none if the reply is a
// refusal.
struct Transition {
  proto::Reply reply;
  std::optional<proto::KeyspaceInfo> keyspace;
  std::optional<KeyspaceId> keyspace_gone;
  std::optional<proto::TableInfo> table;
  std::optional<TableId> table_gone;
  std::optional<proto::SnapshotInfo> snapshot;
  std::optional<proto::RestorationInfo> restoration;

  bool changes() const { return keyspace || keyspace_gone || table || table_gone || snapshot || restoration; }
};

Transition Decide(const CatalogueState& state, const proto::CatalogueCommand& command, BugSet bugs);

// Puts the changed object in its place.
void ApplyTransition(const Transition& transition, CatalogueState* state);

// The tablet of that id in any table; null if there is none.
const proto::TabletInfo* FindTablet(const CatalogueState& state, TabletId tablet);

// Whether a tablet of the snapshot has still to adopt the directories that are placed for it by hand.
bool AwaitsPlacement(const proto::SnapshotInfo& snapshot);

// Whether a table was dropped and nothing needs it any more: its replicas are to be removed.
bool IsRemovable(const CatalogueState& state, const proto::TableInfo& table);

// A code with its message, as a refusal.
proto::Reply RefusedReply(proto::Code code, std::string message);

}  // namespace sut

#endif  // SUT_MASTER_CATALOGUE_STATE_H_
