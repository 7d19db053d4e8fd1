#include "faults/bug_catalogue.h"

#include <algorithm>
#include <array>

#include "sut/base/check.h"

namespace holdfast {
namespace {

using enum BugSymptom;
using sut::Bug;

constexpr BugSymptom kLostOnly[] = {kLost};
constexpr BugSymptom kResOnly[] = {kRes};
constexpr BugSymptom kDivOnly[] = {kDiv};
constexpr BugSymptom kDupOnly[] = {kDup};
constexpr BugSymptom kTornOnly[] = {kTorn};
constexpr BugSymptom kDivOrDup[] = {kDiv, kDup};
constexpr BugSymptom kFalseOkOnly[] = {kFalseOk};
constexpr BugSymptom kDivOrLost[] = {kDiv, kLost};
constexpr BugSymptom kNoOpenOnly[] = {kNoOpen};
constexpr BugSymptom kStuckOnly[] = {kStuck};
constexpr BugSymptom kLeakOnly[] = {kLeak};
constexpr BugSymptom kStaleOnly[] = {kStale};
constexpr BugSymptom kLostOrNoOpen[] = {kLost, kNoOpen};
constexpr BugSymptom kDivOrNoOpen[] = {kDiv, kNoOpen};
constexpr BugSymptom kStuckOrNoOpen[] = {kStuck, kNoOpen};
constexpr BugSymptom kFalseOkOrLost[] = {kFalseOk, kLost};
constexpr BugSymptom kTornOrRes[] = {kTorn, kRes};
constexpr BugSymptom kResOrLost[] = {kRes, kLost};

constexpr std::array<BugEntry, sut::kBugCount> kCatalogue = {{
    {Bug::kCheckpointWithoutFlush, 1, "yugabyte/yugabyte-db#2086, facebook/rocksdb#13652",
     "A snapshot's checkpoint is taken without flushing first, so what is only in memory is not in it.", kLostOnly},
    {Bug::kFilesListedBeforeFlush, 2, "facebook/rocksdb#13652",
     "A checkpoint lists and links the files before the flush has ended, so the newest table file is not in it.",
     kLostOnly},
    {Bug::kAppliedIndexInOwnBatch, 3, "etcd-io/etcd#13766",
     "The applied index is committed in a batch of its own, apart from the rows; a crash in between applies an entry "
     "again.",
     kDivOrDup},
    {Bug::kRestoreKeepsSnapshotIndex, 4, "yugabyte/yugabyte-db#780",
     "A restore leaves the applied index at the snapshot's, so old log entries are replayed over the restored rows.",
     kResOnly},
    {Bug::kRestoreMergesRows, 5, "loft-sh/vcluster#4097",
     "A restore writes the snapshot's rows over the live ones and keeps rows that the snapshot does not have.",
     kResOnly},
    {Bug::kOnlyLeaderRestores, 6, "yugabyte/yugabyte-db, restore path of the tablet leader",
     "Only the leader carries a restore out; followers mark it applied and keep their rows.", kDivOnly},
    {Bug::kDeletionMarkersDropped, 7, "dgraph-io/badger#521, cockroachdb/cockroach#103334",
     "A restore overlooks deletion markers: of a deleted row, the version under the marker comes back.", kResOnly},
    {Bug::kCompleteOnFirstTablet, 8, "elastic/elasticsearch#5793",
     "A snapshot becomes COMPLETE when its first tablet has answered.", kFalseOkOnly},
    {Bug::kLastAnswerDecides, 9, "VoltDB/voltdb#4855",
     "A snapshot's state is the last tablet's answer: one that has failed becomes COMPLETE when all have undone it.",
     kFalseOkOnly},
    {Bug::kCreateAnsweredBeforeCommit, 10, "yugabyte/yugabyte-db#4431",
     "A tablet's leader answers a create when the entry is appended, so a snapshot is COMPLETE that no majority knows.",
     kFalseOkOrLost},
    {Bug::kNoParentFsyncAfterRename, 11, "etcd-io/etcd#22340, hashicorp/raft#229",
     "A finished snapshot directory is renamed into place, but the parent directory is not synced: power loss takes "
     "it.",
     kDivOrLost},
    {Bug::kMetadataNotSynced, 12, "hashicorp/consul#3362",
     "A snapshot's metadata file is not synced: power loss leaves a snapshot without it, or with half of it.",
     kNoOpenOnly},
    {Bug::kManifestNotSynced, 13, "facebook/rocksdb#4322",
     "A snapshot's MANIFEST and CURRENT are not synced: power loss leaves table files that can't be opened.",
     kNoOpenOnly},
    {Bug::kSnapshotWrittenInPlace, 14, "canonical/raft#183",
     "A snapshot is written under its final name, where a directory passes for complete: a crash leaves half of one.",
     kLostOrNoOpen},
    {Bug::kLeftOverTmpKept, 15, "yugabyte/yugabyte-db#4352",
     "The temporary directory of an interrupted create is not removed, and the next attempt fails over it.",
     kStuckOrNoOpen},
    {Bug::kDuplicateCreateOverwrites, 16, "yugabyte/yugabyte-db#4526",
     "A create that reaches a tablet a second time replaces the first result with the rows of that later moment.",
     kTornOnly},
    {Bug::kDeletedOnFirstTablet, 17, "elastic/elasticsearch#13159",
     "A snapshot is DELETED, and forgotten, when its first tablet has answered: a tablet that is down keeps its files.",
     kLeakOnly},
    {Bug::kDeleteDuringRestore, 18, "yugabyte/yugabyte-db#23055, yugabyte/yugabyte-db#32966",
     "A snapshot may be deleted while a restore from it is running.", kStuckOrNoOpen},
    {Bug::kManifestHardLinked, 19, "talent-plan/tinykv#218",
     "A checkpoint hard-links the MANIFEST too, and the live store goes on appending to it inside the snapshot.",
     kNoOpenOnly},
    {Bug::kMissingFileSkipped, 20, "apache/cassandra CASSANDRA-16047",
     "A merge of table files runs while a checkpoint links them; a file that is gone by then is left out.",
     kLostOrNoOpen},
    {Bug::kImportPairsByPosition, 21, "StarRocks/starrocks#34324, apache/doris#24834",
     "An import pairs tablets by their position, not by their partition bounds.", kDivOrLost},
    {Bug::kImportReusesSourceId, 22, "elastic/elasticsearch#82911",
     "An import is entered under the exported snapshot's id, over whatever has that id already.", kResOrLost},
    {Bug::kImportTakesFilesForGranted, 23, "yugabyte/yugabyte-db#4431",
     "An imported snapshot is restored without a look at the files that it needs, which may not be there.",
     kStuckOrNoOpen},
    {Bug::kInstallSkipsSlowFile, 24, "yugabyte/yugabyte-db#26798",
     "An install does without a snapshot's file that does not come when it is asked for, and goes on.", kDivOrNoOpen},
    {Bug::kInstallShipsNoSnapshots, 25, "yugabyte/yugabyte-db#26798, family of",
     "An install ships the rows, but no snapshots.", kDivOrNoOpen},
    {Bug::kOlderInstallTaken, 26, "databendlabs/openraft#543",
     "A store that an old leader goes on shipping is installed although its receiver has got further meanwhile.",
     kDivOrLost},
    {Bug::kInstallKeepsConflictingTail, 27, "databendlabs/openraft#559",
     "An install leaves log entries beyond it in place, though they conflict with it.", kDivOrNoOpen},
    {Bug::kInstallLabelOneBelow, 28, "deventlab/d-engine#418",
     "An install is labelled an index below its data, so that its last entry is applied once more.", kDupOnly},
    {Bug::kNoInstallForLaggard, 29, "apache/kafka KAFKA-14238",
     "A follower that lags behind the start of the log is not given a store instead.", kStuckOnly},
    {Bug::kLogTruncatedToApplied, 30, "lni/dragonboat#369, family of",
     "The log is truncated up to what is applied, not to what is flushed.", kLostOrNoOpen},
    {Bug::kVoteNotPersisted, 31, "Raft paper, section 5.2 (votes must be durable before they are given)",
     "Term and vote are not made durable before a vote is answered, so that a voter that crashed may vote twice in a "
     "term.",
     kLostOnly},
    {Bug::kCommitWithoutMajority, 32, "tikv/tikv#14099",
     "A leader commits, and acknowledges, what is durable in its own log alone.", kLostOnly},
    {Bug::kReadWithoutQuorum, 33, "tikv/tikv#14099, analyses by Jepsen",
     "A leader answers reads without making sure that it still leads.", kStaleOnly},
    {Bug::kOlderTermCommittedByCounting, 34, "Raft paper, section 5.4.2 and figure 8",
     "A leader commits entries of older terms as soon as a majority has them.", kLostOnly},
    {Bug::kRequestTableNotInSnapshot, 35, "redpanda-data/redpanda#29623",
     "The table of remembered requests is not carried over by a restore or an install, so that a retry is applied "
     "again.",
     kDupOnly},
    {Bug::kRestoreStampedByReplica, 36, "hashicorp/consul#8474",
     "A restore is stamped with the term that each replica is in when it applies it, not with the entry's.", kDivOnly},
    {Bug::kSnapshotBytesNotChecked, 37, "facebook/rocksdb#12200, hashicorp/vault#12168",
     "A snapshot's bytes are not held against its checksums before they are restored, nor are blocks when rows are "
     "read.",
     kLostOrNoOpen},
    {Bug::kUnreadableCatalogueIsEmpty, 38, "nats-io/nats-server#7556",
     "A master that can't read its catalogue goes on with an empty one.", kLostOnly},
    {Bug::kFailedFlushIgnored, 39, "pingcap/tidb#39934",
     "A flush that fails while a snapshot is made is ignored: what was in memory is not in the snapshot.",
     kFalseOkOrLost},
    {Bug::kFullDiskIgnoredInLinking, 40, "facebook/rocksdb#15038, family of",
     "A table file that can't be linked into a snapshot because the disk is full is left out.", kFalseOkOrLost},
    {Bug::kNewMasterForgetsCreating, 41, "yugabyte/yugabyte-db#32330",
     "A new leader of the master does not go on with snapshots that it finds CREATING.", kStuckOnly},
    {Bug::kRepeatedRestoreRunsAgain, 42, "yugabyte/yugabyte-db#4816",
     "A restore that the master asks for once more, as a new leader does, runs once more.", kResOrLost},
    {Bug::kTwoRestoresAtOnce, 43, "yugabyte/yugabyte-db#9158", "Two restores of the same table may run at once.",
     kTornOrRes},
    {Bug::kDroppedTableKeepsSnapshots, 44, "yugabyte/yugabyte-db#4756",
     "The removal of a dropped table's replica leaves its directory of snapshots.", kLeakOnly},
    {Bug::kClosedTabletRefusesSnapshots, 45, "yugabyte/yugabyte-db#17307, #4610",
     "A tablet of a dropped table refuses the creates and restores that are under way; the master asks for ever.",
     kStuckOnly},
    {Bug::kUncommittedConfigShipped, 46, "canonical/raft#250",
     "An install is labelled with the newest configuration in its sender's log, which may not be committed.",
     kDivOrLost},
    {Bug::kRemovedReplicaVotes, 47, "databendlabs/openraft#1808",
     "A replica that was removed from its group is still asked for its vote, and the vote counts.", kLostOnly},
    {Bug::kListFromDeposedMaster, 48, "hashicorp/vault#8097, akka-entity-replication#134",
     "The master lists snapshots from memory, without making sure that it still leads.", kStaleOnly},
    {Bug::kWritesLostInSwap, 49, "yugabyte/yugabyte-db#14290",
     "Writes that are committed while a restore runs are applied to the rows that it replaces.", kLostOnly},
    {Bug::kRowBesideMarkerSkipped, 50, "cockroachdb/cockroach#28171",
     "A restore steps over the live row that follows a deletion marker.", kLostOnly},
}};

}  // namespace

std::string_view BugSymptomName(BugSymptom symptom) {
  switch (symptom) {
    case kLost:
      return "LOST";
    case kRes:
      return "RES";
    case kDiv:
      return "DIV";
    case kDup:
      return "DUP";
    case kFalseOk:
      return "FALSEOK";
    case kTorn:
      return "TORN";
    case kNoOpen:
      return "NOOPEN";
    case kStuck:
      return "STUCK";
    case kLeak:
      return "LEAK";
    case kStale:
      return "STALE";
  }
  return "unknown";
}

std::span<const BugEntry> BugCatalogue() { return kCatalogue; }

const BugEntry& BugEntryOf(Bug bug) {
  const auto* found =
      std::find_if(kCatalogue.begin(), kCatalogue.end(), [bug](const BugEntry& entry) { return entry.bug == bug; });
  SUT_CHECK(found != kCatalogue.end(), "a bug without an entry in the catalogue");
  return *found;
}

}  // namespace holdfast
