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

constexpr std::array<BugEntry, sut::kBugCount> kCatalogue = {{
    {Bug::kCheckpointWithoutFlush, 1, "yugabyte/yugabyte-db#2086, facebook/rocksdb#13652",
     "A snapshot's checkpoint is taken without flushing first, so what is only in memory is not in it.", kLostOnly},
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
    {Bug::kCompleteOnFirstTablet, 8, "elastic/elasticsearch#5793",
     "A snapshot becomes COMPLETE when its first tablet has answered.", kFalseOkOnly},
    {Bug::kNoParentFsyncAfterRename, 11, "etcd-io/etcd#22340, hashicorp/raft#229",
     "A finished snapshot directory is renamed into place, but the parent directory is not synced: power loss takes "
     "it.",
     kDivOrLost},
    {Bug::kDuplicateCreateOverwrites, 16, "yugabyte/yugabyte-db#4526",
     "A create that reaches a tablet a second time replaces the first result with the rows of that later moment.",
     kTornOnly},
    {Bug::kVoteNotPersisted, 31, "Raft paper, section 5.2 (votes must be durable before they are given)",
     "Term and vote are not made durable before a vote is answered, so that a voter that crashed may vote twice in a "
     "term.",
     kLostOnly},
    {Bug::kRequestTableNotInSnapshot, 35, "redpanda-data/redpanda#29623",
     "The table of remembered requests is not carried over by a restore or an install, so that a retry is applied "
     "again.",
     kDupOnly},
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
