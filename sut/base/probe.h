// Probes: named points in the cluster's code at which something worth interrupting has just happened.
//
// They serve coverage (which were reached, how often), triggers of plans ("crash the leader when it has flushed for a
// snapshot"), and crash points to enumerate. Each node has one ProbeSink; the server's does nothing. A hit may kill the
// node from inside: the code after it then runs on, but its file system, messages and timers have no effect any more.

#ifndef SUT_BASE_PROBE_H_
#define SUT_BASE_PROBE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "sut/base/ids.h"

namespace sut {

enum class Probe : uint8_t {
  kPreVoteStarted,
  kElectionStarted,
  kVoteGranted,
  kBecameLeader,
  kSteppedDown,
  kLeaderTransferStarted,
  kEntriesAppended,
  kEntriesSynced,
  kLogTruncated,
  kLogCompacted,
  kStoreOpened,
  kStoreFlushed,
  kSnapshotBegun,
  kSnapshotFlushed,
  kSnapshotLinked,
  kSnapshotMetadataWritten,
  kSnapshotRenamed,
  kSnapshotMarked,
  kRestoreBegun,
  kRestoreStaged,
  kRestoreCarriedOver,
  kRestoreCommitted,
  kRestoreSwapped,
  kDropBegun,
  kDropRenamed,
  kDropUnlinked,
  kAdoptBegun,
  kAdoptVerified,
  kTabletClosed,
  kRemovalJournaled,
  kRemovalFinished,
  kInstallBegun,
  kInstallAccepted,
  kInstallResumed,  // files that an earlier session brought need not come again
  kInstallChunkSent,
  kInstallChunkReceived,
  kInstallStaged,
  kInstallCommitted,
  kInstallFinished,
  kRecoveryBegun,
  kRecoveryFinished,
  kReconcileBegun,
  kReconcileCalled,
  kReconcileReply,
  kBootstrapBegun,  // an empty replica is hosted, to be shipped everything
  kMemberAdded,     // applied: a learner is in the group
  kMemberPromoted,  // applied: it votes
  kMemberRemoved,   // applied: a replica is out of the group
  kReplicaDeleted,  // nothing of a replica is left on its node
  kPlacementAsked,
  kPlacementShown,
};
inline constexpr int kProbeCount = static_cast<int>(Probe::kPlacementShown) + 1;

// The name in plans and reports: "tablet.snapshot.flushed".
std::string_view ProbeName(Probe probe);
std::optional<Probe> ProbeFromName(std::string_view name);

// Where hits go. Loop rule: called on the node's loop, or from a job of its Worker.
class ProbeSink {
 public:
  virtual ~ProbeSink() = default;
  // `tablet` is the replica's group, or nil for what concerns the whole node.
  virtual void Hit(Probe probe, TabletId tablet) = 0;
};

}  // namespace sut

#endif  // SUT_BASE_PROBE_H_
