// The removal of a replica with everything on disk, for good.
//
// The journal comes first: a record that says that the replica was removed, in one batch with the dropping of its log.
// From then on its directories are garbage, whatever a crash leaves of them, and no late request can bring it back.
// Also right for a replica that never was on this node: the record alone keeps it from coming.
//
// Thread rule: steps on the Worker, in order; FinishRemoval on the loop during start-up. REQUIRES: nothing else is
// under way for the tablet (Replica::Retire).

#ifndef SUT_TABLET_REPLICA_REMOVAL_H_
#define SUT_TABLET_REPLICA_REMOVAL_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "sut/base/ids.h"
#include "sut/proto/storage.pb.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/sequence.h"

namespace sut {

struct RemovedReplica {
  TableId table;
  TabletId tablet;
  ReplicaId replica;
  bool tablet_lives_on = false;  // elsewhere
};

// Repeating them from any point gives the same. `store` is closed by them, if there is one.
std::vector<Step> RemovalSteps(const ReplicaContext& context, const RemovedReplica& removed,
                               std::shared_ptr<TabletStore> store);

// Removes what a crash has left. REQUIRES: `record` says that the replica was removed.
absl::Status FinishRemoval(const ReplicaContext& context, const proto::ReplicaRecord& record);

}  // namespace sut

#endif  // SUT_TABLET_REPLICA_REMOVAL_H_
