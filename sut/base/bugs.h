// Planted bugs: switches, off by default, that break the cluster in one known way each, to prove that the harness
// bites.
//
// A switch is a bit of a BugSet that each node gets with its Options; code that it breaks asks `bugs.has(Bug::k...)` in
// one small branch. With the set empty the question is a test of one register. The catalogue with origin and expected
// symptom stands in faults/bug_catalogue.h; here are only the names.

#ifndef SUT_BASE_BUGS_H_
#define SUT_BASE_BUGS_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace sut {

enum class Bug : uint8_t {
  kCheckpointWithoutFlush,        // 1
  kFilesListedBeforeFlush,        // 2
  kAppliedIndexInOwnBatch,        // 3
  kRestoreKeepsSnapshotIndex,     // 4
  kRestoreMergesRows,             // 5
  kOnlyLeaderRestores,            // 6
  kDeletionMarkersDropped,        // 7
  kCompleteOnFirstTablet,         // 8
  kLastAnswerDecides,             // 9
  kCreateAnsweredBeforeCommit,    // 10
  kNoParentFsyncAfterRename,      // 11
  kMetadataNotSynced,             // 12
  kManifestNotSynced,             // 13
  kSnapshotWrittenInPlace,        // 14
  kLeftOverTmpKept,               // 15
  kDuplicateCreateOverwrites,     // 16
  kDeletedOnFirstTablet,          // 17
  kDeleteDuringRestore,           // 18
  kManifestHardLinked,            // 19
  kMissingFileSkipped,            // 20
  kImportPairsByPosition,         // 21
  kImportReusesSourceId,          // 22
  kImportTakesFilesForGranted,    // 23
  kInstallSkipsSlowFile,          // 24
  kInstallShipsNoSnapshots,       // 25
  kOlderInstallTaken,             // 26
  kInstallKeepsConflictingTail,   // 27
  kInstallLabelOneBelow,          // 28
  kNoInstallForLaggard,           // 29
  kLogTruncatedToApplied,         // 30
  kVoteNotPersisted,              // 31
  kCommitWithoutMajority,         // 32
  kReadWithoutQuorum,             // 33
  kOlderTermCommittedByCounting,  // 34
  kRequestTableNotInSnapshot,     // 35
  kRestoreStampedByReplica,       // 36
  kSnapshotBytesNotChecked,       // 37
  kUnreadableCatalogueIsEmpty,    // 38
  kFailedFlushIgnored,            // 39
  kFullDiskIgnoredInLinking,      // 40
  kNewMasterForgetsCreating,      // 41
  kRepeatedRestoreRunsAgain,      // 42
  kTwoRestoresAtOnce,             // 43
  kDroppedTableKeepsSnapshots,    // 44
  kClosedTabletRefusesSnapshots,  // 45
  kUncommittedConfigShipped,      // 46
  kRemovedReplicaVotes,           // 47
  kListFromDeposedMaster,         // 48
  kWritesLostInSwap,              // 49
  kRowBesideMarkerSkipped,        // 50
};
inline constexpr int kBugCount = static_cast<int>(Bug::kRowBesideMarkerSkipped) + 1;

class BugSet {
 public:
  constexpr BugSet() = default;
  constexpr bool has(Bug bug) const { return (bits_ >> static_cast<int>(bug) & 1) != 0; }
  constexpr void Plant(Bug bug) { bits_ |= uint64_t{1} << static_cast<int>(bug); }
  constexpr bool empty() const { return bits_ == 0; }

 private:
  uint64_t bits_ = 0;
};

// The name on the command line, in kebab case: "checkpoint-without-flush".
std::string_view BugName(Bug bug);
std::optional<Bug> BugFromName(std::string_view name);

}  // namespace sut

#endif  // SUT_BASE_BUGS_H_
