#include "harness/check/ledger.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/model_replica.h"

namespace holdfast::check {
namespace {

using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr uint32_t kTablet = 2;
ReplicaName Node(uint32_t node, uint32_t incarnation = 1) { return {kTablet, node, incarnation}; }

// A ledger that has heard of `log` from nodes 1..3, which all recovered empty.
class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    log_.Nothing();
    log_.Put("a", "1");
    log_.Create(1);
    log_.Write({IncrementOf("n", 5)}, 9, 1, 1);
    log_.Restore(1, 1);
    log_.Put("b", "2");
    log_.Drop(1);
    log_.Put("c", "3");
    for (uint32_t node = 1; node <= 3; ++node) ledger_.OnRecovered(Node(node), {});
  }
  void Apply(const ReplicaName& replica, uint64_t from, uint64_t to) {
    for (uint64_t index = from; index <= to; ++index) ledger_.OnApplied(replica, log_.at(index));
  }
  void ApplyAll() {
    for (uint32_t node = 1; node <= 3; ++node) Apply(Node(node), 1, log_.size());
  }
  void Check(const ReplicaInspection& replica, bool quiet = false) { ledger_.Check(replica, DigestOf(replica), quiet); }
  std::string Finished() {
    ledger_.Finish();
    std::string text = TextOf(ledger_.violations());
    for (const std::string& line : ledger_.unjudged()) text += "unjudged: " + line + "\n";
    return text;
  }

  ModelLog log_;
  ApplyLedger ledger_;
};

TEST_F(LedgerTest, AcceptsReplicasThatEqualTheFoldAtEveryIndex) {
  ApplyAll();
  for (uint64_t index = 0; index <= log_.size(); ++index) Check(log_.Replica(Node(1), index));
  ledger_.Acknowledged(kTablet, log_.at(4).op, 9, 1);
  EXPECT_EQ(Finished(), "");
  EXPECT_EQ(ledger_.entries(kTablet), log_.size());
  EXPECT_GT(ledger_.comparisons(), 0u);
}

TEST_F(LedgerTest, RejectsAWriteThatFailedAndTookEffect) {
  log_.Write({PutOf("d", "1")}, 9, 4, 4);
  log_.Write({PutOf("d", "2")}, 9, 3, 3);
  ApplyAll();
  ledger_.Refused(kTablet, 9, 3);  // stands there, without effect
  ledger_.Refused(kTablet, 9, 5);  // does not stand there
  ledger_.Refused(kTablet, 8, 4);  // another client's
  EXPECT_EQ(Finished(), "");
  ledger_.Refused(kTablet, 9, 4);
  EXPECT_THAT(Finished(), HasSubstr("told to have failed took effect"));
}

TEST_F(LedgerTest, KnowsWhatBecameOfAnEntryOnceAllBeforeItAreKnown) {
  log_.Write({PutOf("d", "1")}, 9, 4, 4);
  log_.Write({PutOf("d", "2")}, 9, 3, 3);
  Apply(Node(1), 1, 9);
  EXPECT_EQ(ledger_.EffectAt(kTablet, 9), FoldEffect::kApplied);
  EXPECT_EQ(ledger_.EffectAt(kTablet, 10), std::nullopt);
  ledger_.OnApplied(Node(1), log_.at(10));
  EXPECT_EQ(ledger_.EffectAt(kTablet, 10), FoldEffect::kStale);
  EXPECT_EQ(ledger_.EffectAt(kTablet + 1, 1), std::nullopt);
}

TEST_F(LedgerTest, RejectsAnotherEntryAtTheSameIndex) {
  Apply(Node(1), 1, 4);
  Apply(Node(2), 1, 3);
  LedgerEntry other = log_.at(4);
  other.hash += 1;
  ledger_.OnApplied(Node(2), other);
  ASSERT_THAT(ledger_.violations(), SizeIs(1));
  EXPECT_THAT(ledger_.violations()[0].summary, HasSubstr("two entries at index 4"));
  EXPECT_THAT(ledger_.violations()[0].evidence, SizeIs(2));
}

TEST_F(LedgerTest, RejectsAnotherTermAtTheSameIndex) {
  Apply(Node(1), 1, 4);
  Apply(Node(2), 1, 3);
  LedgerEntry other = log_.at(4);
  other.op.term = 2;
  ledger_.OnApplied(Node(2), other);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsSkippedAndRepeatedEntriesWithinAnIncarnation) {
  Apply(Node(1), 1, 3);
  ledger_.OnApplied(Node(1), log_.at(5));
  Apply(Node(2), 1, 3);
  ledger_.OnApplied(Node(2), log_.at(3));
  ASSERT_THAT(ledger_.violations(), SizeIs(2));
  EXPECT_THAT(ledger_.violations()[0].summary, HasSubstr("skipped"));
  EXPECT_THAT(ledger_.violations()[1].summary, HasSubstr("applied again"));
}

TEST_F(LedgerTest, AcceptsAnIncarnationThatRepeatsFromItsDurableIndex) {
  ApplyAll();
  ledger_.OnRecovered(Node(2, 2), log_.at(3).op);
  Apply(Node(2, 2), 4, 8);
  EXPECT_EQ(Finished(), "");
}

TEST_F(LedgerTest, RejectsAnIncarnationThatBeginsAnywhereElse) {
  ApplyAll();
  ledger_.OnRecovered(Node(2, 2), log_.at(3).op);
  ledger_.OnApplied(Node(2, 2), log_.at(5));
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsAnEntryOfADeadIncarnation) {
  ApplyAll();
  ledger_.OnRecovered(Node(2, 2), log_.at(8).op);
  log_.Put("d", "4");
  ledger_.OnApplied(Node(2, 1), log_.at(9));
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, AcceptsAnInstallAndGoesOnAfterIt) {
  Apply(Node(1), 1, 8);
  Apply(Node(2), 1, 8);
  ledger_.OnInstalled(Node(3), log_.at(6).op);
  Apply(Node(3), 7, 8);
  Check(log_.Replica(Node(3), 8));
  EXPECT_EQ(Finished(), "");
}

TEST_F(LedgerTest, RejectsAnOlderStateInstalledOverANewerOne) {
  ApplyAll();
  ledger_.OnInstalled(Node(3), log_.at(6).op);
  ASSERT_THAT(ledger_.violations(), SizeIs(1));
  EXPECT_THAT(ledger_.violations()[0].summary, HasSubstr("older state"));
}

TEST_F(LedgerTest, RejectsAnInstallOfAnotherTerm) {
  Apply(Node(1), 1, 8);
  ledger_.OnInstalled(Node(3), {2, 6});
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsARowThatIsMissingExtraOrOther) {
  ApplyAll();
  ReplicaInspection missing = log_.Replica(Node(1), 8);
  missing.rows.erase("a");
  ReplicaInspection extra = log_.Replica(Node(2), 8);
  extra.rows["ghost"] = "0";
  ReplicaInspection other = log_.Replica(Node(3), 8);
  other.rows["c"] = "0";
  for (const ReplicaInspection& replica : {missing, extra, other}) Check(replica);
  ASSERT_THAT(ledger_.violations(), SizeIs(3));
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("key \"a\": expected \"1\", found nothing"));
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("key \"ghost\": expected nothing, found \"0\""));
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("key \"c\": expected \"3\", found \"0\""));
}

// Nobody has sent a duplicate yet that would show it.
TEST_F(LedgerTest, RejectsBooksThatForgotOrInvented) {
  ApplyAll();
  ReplicaInspection forgot = log_.Replica(Node(1), 8);
  ASSERT_EQ(forgot.books.erase("request 1 of client 9"), 1u);
  ReplicaInspection revived = log_.Replica(Node(2), 8);
  ASSERT_EQ(revived.books.at("snapshot 1"), "removed");
  revived.books["snapshot 1"] = "made";
  ReplicaInspection restored = log_.Replica(Node(3), 8);
  restored.books["restoration 7"] = "restored";
  for (const ReplicaInspection& replica : {forgot, revived, restored}) Check(replica);
  ASSERT_THAT(ledger_.violations(), SizeIs(3));
  const std::string text = TextOf(ledger_.violations());
  EXPECT_THAT(text, HasSubstr("key \"request 1 of client 9\": expected \"remembered\", found nothing"));
  EXPECT_THAT(text, HasSubstr("key \"snapshot 1\": expected \"removed\", found \"made\""));
  EXPECT_THAT(text, HasSubstr("key \"restoration 7\": expected nothing, found \"restored\""));
}

TEST_F(LedgerTest, AFenceIsInTheBooks) {
  log_.Fence(9);
  ApplyAll();
  ReplicaInspection open = log_.Replica(Node(1), 9);
  Check(open);
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  ASSERT_EQ(open.books.erase("session of client 9"), 1u);
  Check(open);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsAStoreWhoseAppliedIndexIsOffByOneEntry) {
  ApplyAll();
  ReplicaInspection ahead = log_.Replica(Node(1), 7);
  ahead.applied = log_.at(8).op;  // the row of entry 8 was lost
  ReplicaInspection behind = log_.Replica(Node(2), 8);
  behind.applied = log_.at(7).op;  // entry 8 will be applied twice
  Check(ahead);
  Check(behind);
  EXPECT_THAT(ledger_.violations(), SizeIs(2));
}

TEST_F(LedgerTest, RejectsARestoreThatKeptLaterRows) {
  ApplyAll();
  ReplicaInspection merged = log_.Replica(Node(1), 5);
  merged.rows["n"] = "5";
  Check(merged);
  ASSERT_THAT(ledger_.violations(), SizeIs(1));
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("restore snapshot 1 as restoration 1"));
}

TEST_F(LedgerTest, RejectsASnapshotOfOtherContentOrOpId) {
  ApplyAll();
  ReplicaInspection content = log_.Replica(Node(1), 4);
  content.snapshots[0].rows["n"] = "5";
  ReplicaInspection op = log_.Replica(Node(2), 4);
  op.snapshots[0].op.index = 4;
  Check(content);
  Check(op);
  ASSERT_THAT(ledger_.violations(), SizeIs(2));
  EXPECT_THAT(ledger_.violations()[0].summary, HasSubstr("is not the state at its op id"));
}

TEST_F(LedgerTest, RejectsAMissingAnExtraAnUnreadableAndAForeignSnapshot) {
  ApplyAll();
  ReplicaInspection missing = log_.Replica(Node(1), 4);
  missing.snapshots.clear();
  ReplicaInspection extra = log_.Replica(Node(2), 8);
  extra.snapshots = log_.Replica(Node(2), 4).snapshots;
  ReplicaInspection unreadable = log_.Replica(Node(3), 4);
  unreadable.snapshots[0].error = "checksum";
  ReplicaInspection foreign = log_.Replica(Node(3), 8);
  foreign.snapshots.push_back({std::nullopt, "feed", "", {1, 3}, {}});
  for (const ReplicaInspection& replica : {missing, extra, unreadable, foreign}) Check(replica);
  ledger_.Finish();
  EXPECT_THAT(ledger_.violations(), UnorderedElementsAre(Field(&Violation::summary, HasSubstr("misses snapshot 1")),
                                                         Field(&Violation::summary, HasSubstr("holds snapshot 1")),
                                                         Field(&Violation::summary, HasSubstr("can't be read")),
                                                         Field(&Violation::summary, HasSubstr("nobody ever used"))));
}

// The effect of a barrier comes before its mark: one id, that of the next entry, may be ahead, on a restarted replica
// too.
TEST_F(LedgerTest, AcceptsADirectoryMadeOrRemovedJustBeforeItsMark) {
  ApplyAll();
  ReplicaInspection created = log_.Replica(Node(1), 2);
  created.snapshots = log_.Replica(Node(1), 3).snapshots;
  created.running = false;
  ReplicaInspection dropped = log_.Replica(Node(2), 6);
  dropped.snapshots.clear();
  Check(created);
  Check(dropped);
  EXPECT_EQ(Finished(), "");
}

TEST_F(LedgerTest, RejectsADirectoryMadeJustBeforeItsMarkWithOtherContent) {
  ApplyAll();
  ReplicaInspection created = log_.Replica(Node(1), 2);
  created.snapshots = log_.Replica(Node(1), 3).snapshots;
  created.snapshots[0].rows.clear();
  Check(created);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, WaitsForTheEntryThatExplainsADirectory) {
  Apply(Node(1), 1, 2);
  ReplicaInspection created = log_.Replica(Node(1), 2);
  created.snapshots = log_.Replica(Node(1), 3).snapshots;
  Check(created);
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  Apply(Node(1), 3, 8);
  EXPECT_EQ(Finished(), "");
}

TEST_F(LedgerTest, RejectsAMissingSnapshotAtTheEndOfTheLogOnceQuiet) {
  ReplicaInspection missing = log_.Replica(Node(1), 6);
  missing.snapshots.clear();
  for (uint32_t node = 1; node <= 3; ++node) Apply(Node(node), 1, 6);
  Check(missing);  // its drop may be under way
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  Check(missing, /*quiet=*/true);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, LeavesOpenAtTheEndWhatTheNextEntryMightHaveExplained) {
  ReplicaInspection missing = log_.Replica(Node(1), 6);
  missing.snapshots.clear();
  Apply(Node(1), 1, 6);
  Check(missing);
  ledger_.Finish();
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  EXPECT_THAT(ledger_.unjudged(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsADirectoryThatTheNextEntryDoesNotExplain) {
  ReplicaInspection created = log_.Replica(Node(1), 2);
  created.snapshots = log_.Replica(Node(1), 3).snapshots;
  created.snapshots[0].snapshot = 8;
  Apply(Node(1), 1, 2);
  Check(created);
  Apply(Node(1), 3, 8);
  EXPECT_THAT(Finished(), HasSubstr("holds snapshot 8"));
}

TEST_F(LedgerTest, AcceptsRestoredRowsJustBeforeTheirMarkOnlyInABarrier) {
  ApplyAll();
  ReplicaInspection swapped = log_.Replica(Node(1), 4);
  swapped.rows = log_.Replica(Node(1), 5).rows;
  swapped.books = log_.Replica(Node(1), 5).books;
  swapped.in_barrier = true;
  Check(swapped);
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  swapped.in_barrier = false;
  Check(swapped);
  EXPECT_THAT(ledger_.violations(), SizeIs(2));  // rows and books
}

TEST_F(LedgerTest, AcceptsAnyKnownSetDuringAnInstallButNoOtherContent) {
  ApplyAll();
  ReplicaInspection installing = log_.Replica(Node(1), 8);
  installing.snapshots = log_.Replica(Node(1), 4).snapshots;
  installing.in_barrier = true;
  Check(installing);
  EXPECT_EQ(Finished(), "");
  installing.snapshots[0].rows["x"] = "y";
  Check(installing);
  EXPECT_THAT(Finished(), HasSubstr("is not the state at its op id"));
}

TEST_F(LedgerTest, RejectsAnUnreadableStoreUnlessAFaultDamagedIt) {
  ApplyAll();
  ReplicaInspection broken = log_.Replica(Node(1), 8);
  broken.error = "corruption";
  broken.damaged = true;
  Check(broken);
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  broken.damaged = false;
  Check(broken);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsOtherContentEvenOnADamagedDisk) {
  ApplyAll();
  ReplicaInspection rotten = log_.Replica(Node(1), 8);
  rotten.damaged = true;
  rotten.rows["a"] = "rot";
  Check(rotten);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsARestoreOfADroppedSnapshot) {
  log_.Restore(1, 2);
  ApplyAll();
  ASSERT_THAT(ledger_.violations(), SizeIs(1));
  EXPECT_THAT(ledger_.violations()[0].summary, HasSubstr("which it did not have"));
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("drop snapshot 1"));
}

TEST_F(LedgerTest, RejectsAnAcknowledgedWriteThatIsNowhere) {
  ApplyAll();
  ledger_.Acknowledged(kTablet, {1, 9}, 9, 2);  // beyond the end
  EXPECT_THAT(Finished(), HasSubstr("an acknowledged write is not in the log"));
}

TEST_F(LedgerTest, RejectsAnAcknowledgedWriteWhosePlaceHoldsAnotherOne) {
  ApplyAll();
  ledger_.Acknowledged(kTablet, log_.at(2).op, 9, 2);
  EXPECT_THAT(Finished(), HasSubstr("found there: 1.2 write"));
}

TEST_F(LedgerTest, RejectsAnAcknowledgedWriteThatWasRefusedByApply) {
  log_.Put("t", "text");
  const uint64_t index = log_.Write({IncrementOf("t", 1)}, 9, 2, 2);
  ApplyAll();
  ledger_.Acknowledged(kTablet, log_.at(index).op, 9, 2);
  EXPECT_THAT(Finished(), HasSubstr("refused, increment of what is no number"));
}

TEST_F(LedgerTest, AcceptsAnAcknowledgementAtARepetition) {
  const uint64_t again = log_.Write({IncrementOf("n", 5)}, 9, 1, 1);
  ApplyAll();
  ledger_.Acknowledged(kTablet, log_.at(again).op, 9, 1);
  ledger_.Acknowledged(kTablet, {}, 9, 1);  // the reply did not say where
  EXPECT_EQ(Finished(), "");
}

// Crash between the durable swap of a restore and its report: the incarnation begins after an entry that nobody
// reported yet.
TEST_F(LedgerTest, AcceptsARecoveryAheadOfTheReportOnceOthersReportTheEntry) {
  Apply(Node(1), 1, 4);
  ledger_.OnRecovered(Node(1, 2), log_.at(5).op);
  Check(log_.Replica(Node(1, 2), 5));
  Apply(Node(1, 2), 6, 8);
  Apply(Node(2), 1, 8);
  EXPECT_EQ(Finished(), "");
}

TEST_F(LedgerTest, SaysSoWhereAnEntryIsNeverReported) {
  Apply(Node(1), 1, 4);
  ledger_.OnRecovered(Node(1, 2), log_.at(5).op);
  Apply(Node(1, 2), 6, 8);
  Check(log_.Replica(Node(1, 2), 8));
  ledger_.Finish();
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  EXPECT_THAT(ledger_.unjudged(), ::testing::Contains(HasSubstr("from index 5 on")));
}

TEST_F(LedgerTest, JudgesAnEntryThatWasBegunAndNeverReported) {
  Apply(Node(1), 1, 4);
  ledger_.OnBegun(Node(1), log_.at(5));
  ledger_.OnRecovered(Node(1, 2), log_.at(5).op);
  Apply(Node(1, 2), 6, 8);
  ReplicaInspection replica = log_.Replica(Node(1, 2), 8);
  Check(replica);
  EXPECT_EQ(Finished(), "");
  replica.rows["n"] = "5";
  Check(replica);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, RejectsWrongRowsAfterARecoveryAheadOfTheReport) {
  Apply(Node(1), 1, 4);
  ledger_.OnRecovered(Node(1, 2), log_.at(5).op);
  ReplicaInspection wrong = log_.Replica(Node(1, 2), 4);
  wrong.applied = log_.at(5).op;
  Check(wrong);
  Apply(Node(2), 1, 8);
  EXPECT_THAT(Finished(), HasSubstr("are not what its log makes of them"));
}

TEST_F(LedgerTest, ComparesTheMastersEntriesWithoutAFold) {
  LedgerEntry entry;
  entry.op = {1, 1};
  entry.hash = 5;
  for (uint32_t node = 1; node <= 2; ++node) ledger_.OnRecovered({kMasterObject, node, 1}, {});
  ledger_.OnApplied({kMasterObject, 1, 1}, entry);
  ReplicaInspection master;
  master.replica = {kMasterObject, 1, 1};
  master.applied = entry.op;
  master.rows = {{"anything", "at all"}};
  Check(master);
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  entry.hash = 6;
  ledger_.OnApplied({kMasterObject, 2, 1}, entry);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

TEST_F(LedgerTest, TellsOneFaultOnceOverManyInspections) {
  ApplyAll();
  ReplicaInspection wrong = log_.Replica(Node(1), 8);
  wrong.rows["a"] = "2";
  for (int i = 0; i < 50; ++i) Check(wrong);
  EXPECT_THAT(ledger_.violations(), SizeIs(1));
}

}  // namespace
}  // namespace holdfast::check
