// Dropped tables and imported snapshots, before every judge that knows of them: what each must reject, beside what is
// near it and right.

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/catalogue.h"
#include "harness/check/inventory.h"
#include "harness/check/ledger.h"
#include "harness/check/liveness.h"
#include "harness/check/model_replica.h"
#include "harness/check/replica_agreement.h"
#include "harness/check/snapshots.h"
#include "harness/check/table_tracks.h"

namespace holdfast::check {
namespace {

using history::kPending;
using history::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using Kind = CatalogueOperation::Kind;
using Listed = CatalogueOperation::Listed;
using ListedTable = CatalogueOperation::ListedTable;

// --- The fold

FoldEffect EffectOfLast(const ModelLog& log) {
  TabletFold fold = log.FoldTo(log.size() - 1);
  return fold.Apply(log.at(log.size()));
}

TEST(ClosedTablet, TakesNoWriteButSnapshotsAndRestoresOfBefore) {
  ModelLog log;
  log.Put("a", "1");
  log.Create(1);
  log.Put("a", "2");
  log.Close();
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kApplied);
  log.Put("a", "3");
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kClosed);
  log.Close();
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kNothing);
  log.Create(2);
  log.Restore(1, 1);
  const TabletFold fold = log.FoldTo(log.size());
  EXPECT_THAT(fold.rows().rows, ElementsAre(Pair("a", "1")));
  EXPECT_THAT(fold.snapshots()->at(2).content->rows, ElementsAre(Pair("a", "2")));
}

TEST(ClosedTablet, AnswersARequestOfBeforeAsItDidAndRemembersNoneOfAfter) {
  ModelLog log;
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  log.Close();
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kRemembered);
  log.Write({IncrementOf("n", 1)}, 1, 2, 2);
  log.Write({IncrementOf("n", 1)}, 1, 2, 2);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kClosed);
}

// --- The ledger

constexpr uint32_t kSource = 0;
constexpr uint32_t kTarget = 2;

// Tablet 0 makes snapshot 1 of one row; tablet 2, with another row, adopts it as 1000 and restores it.
class AdoptionTest : public ::testing::Test {
 protected:
  AdoptionTest() : AdoptionTest(nullptr) {}
  explicit AdoptionTest(ApplyLedger::OwnsKey owns_key) : ledger_(std::move(owns_key)) {
    source_.Put("a", "1");
    source_.Create(1);
    source_.Put("a", "2");
    target_.Put("b", "5");
    ledger_.OnRecovered({kSource, 1, 1}, {});
    ledger_.OnRecovered({kTarget, 1, 1}, {});
  }
  void ApplyAll(uint32_t tablet, const ModelLog& log) {
    for (uint64_t i = 1; i <= log.size(); ++i) ledger_.OnApplied({tablet, 1, 1}, log.at(i));
  }
  std::shared_ptr<const FoldedRows> SourceContent() const { return source_.FoldTo(2).snapshots()->at(1).content; }
  // What is inspected, imported under number 1000.
  void Check(ReplicaInspection replica) {
    Inspection inspection;
    inspection.imports = {1000};
    inspection.replicas.push_back(std::move(replica));
    ledger_.Check(inspection, DigestOf(inspection));
  }
  std::string Finished() {
    ledger_.Finish();
    std::string text = TextOf(ledger_.violations());
    for (const std::string& line : ledger_.unjudged()) text += "unjudged: " + line + "\n";
    return text;
  }

  ModelLog source_, target_;
  ApplyLedger ledger_;
};

TEST_F(AdoptionTest, BringsWhatTheSourceHeldAtItsCreateInWhateverOrderTheLogsComeIn) {
  target_.Adopt(1000, {kSource, 1, source_.at(2).op});
  target_.Restore(1000, 7);
  ApplyAll(kTarget, target_);
  const ReplicaInspection restored = target_.Replica({kTarget, 1, 1}, 3, SourceContent());
  EXPECT_THAT(restored.rows, ElementsAre(Pair("a", "1")));
  Check(restored);  // waits for the other tablet's log
  ApplyAll(kSource, source_);
  Check(restored);
  EXPECT_EQ(Finished(), "");
}

TEST_F(AdoptionTest, RejectsOtherRowsInTheDirectoryAndInTheTablet) {
  target_.Adopt(1000, {kSource, 1, source_.at(2).op});
  target_.Restore(1000, 7);
  ApplyAll(kSource, source_);
  ApplyAll(kTarget, target_);
  ReplicaInspection wrong = target_.Replica({kTarget, 1, 1}, 3, SourceContent());
  wrong.rows["a"] = "2";
  wrong.snapshots[0].rows["a"] = "2";
  Check(wrong);
  EXPECT_THAT(Finished(), HasSubstr("rows of tablet 2 on node 1 are not what its log makes of them"));
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("snapshot 1000 of tablet 2 on node 1 is not the state"));
}

TEST_F(AdoptionTest, RejectsTheAdoptionOfWhatWasNeverThere) {
  target_.Adopt(1000, {kSource, 9, source_.at(2).op});
  ApplyAll(kSource, source_);
  ApplyAll(kTarget, target_);
  EXPECT_THAT(Finished(), HasSubstr("adopt as snapshot 1000 what was never there"));
}

TEST_F(AdoptionTest, SaysNothingOfWhatIsPlacedByHandUntilItIsAdopted) {
  target_.Adopt(1000, {kSource, 1, source_.at(2).op});
  ApplyAll(kSource, source_);
  ApplyAll(kTarget, target_);
  ReplicaInspection placed = target_.Replica({kTarget, 1, 1}, 1);
  placed.snapshots.push_back({1000, "1000", "", {7, 7}, {{"x", "y"}}});
  Check(placed);
  placed.snapshots[0].error = "a file is missing";
  Check(placed);
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  ReplicaInspection adopted = target_.Replica({kTarget, 1, 1}, 2, SourceContent());
  adopted.snapshots[0].error = "a file is missing";
  Check(adopted);
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("snapshot 1000 can't be read"));
}

TEST_F(AdoptionTest, LeavesUnjudgedWhatComesFromALogThatNobodyReported) {
  target_.Adopt(1000, {kSource, 1, source_.at(2).op});
  ApplyAll(kTarget, target_);
  EXPECT_THAT(Finished(), HasSubstr("unjudged: tablet 2 from index 2 on: it adopts what no replica"));
}

class OwnKeysTest : public AdoptionTest {
 protected:
  OwnKeysTest() : AdoptionTest([](uint32_t, const std::string& key) { return key != "a"; }) {}
};

TEST_F(OwnKeysTest, RowsThatAreAnotherTabletsAreNoneOfWhatIsAdopted) {
  target_.Adopt(1000, {kSource, 1, source_.at(2).op});
  ApplyAll(kSource, source_);
  ApplyAll(kTarget, target_);
  ReplicaInspection with_it = target_.Replica({kTarget, 1, 1}, 2, SourceContent());
  ReplicaInspection without = with_it;
  without.snapshots[0].rows.clear();
  Check(without);
  EXPECT_THAT(ledger_.violations(), IsEmpty());
  Check(with_it);
  EXPECT_THAT(TextOf(ledger_.violations()), HasSubstr("snapshot 1000 of tablet 2"));
}

// --- The catalogue

class TableHistoryTest : public ::testing::Test {
 protected:
  CatalogueOperation& Add(Kind kind, int64_t invoke, int64_t complete, Outcome outcome = Outcome::kOk) {
    CatalogueOperation op;
    op.kind = kind;
    op.invoke = invoke;
    op.complete = complete;
    op.outcome = complete == kPending ? Outcome::kIndeterminate : outcome;
    history_.push_back(std::move(op));
    return history_.back();
  }
  void Drop(uint32_t table, int64_t invoke, int64_t complete) { Add(Kind::kDropTable, invoke, complete).table = table; }
  void Tables(int64_t invoke, int64_t complete, std::vector<ListedTable> tables) {
    Add(Kind::kListTables, invoke, complete).listed_tables = std::move(tables);
  }
  CatalogueOperation& Make(Kind kind, uint32_t snapshot, int64_t invoke, int64_t complete,
                           Outcome outcome = Outcome::kOk) {
    CatalogueOperation& op = Add(kind, invoke, complete, outcome);
    op.snapshot = snapshot;
    op.restoration = static_cast<uint32_t>(invoke);
    op.tables = {1};
    return op;
  }
  std::string Found() const { return TextOf(CheckCatalogue(history_, {.table_count = 2})); }

  CatalogueHistory history_;
};

TEST_F(TableHistoryTest, AcceptsTheWholeEndOfATable) {
  Make(Kind::kCreate, 1, 1, 2);
  Tables(3, 4, {{0}, {1}});
  Drop(1, 5, 6);
  Tables(7, 8, {{0}, {1, TableState::kDropping}});
  Make(Kind::kCreate, 2, 9, 10, Outcome::kFail).refusal = RefusalReason::kNotFound;
  Tables(11, 12, {{0}, {1, TableState::kHidden}});
  Tables(13, 14, {{0}});
  EXPECT_EQ(Found(), "");
  const CatalogueWindows windows = WindowsOf(history_);
  EXPECT_EQ(windows.tables.at(1).hidden_seen, 12);
  EXPECT_EQ(windows.tables.at(1).gone_seen, 14);
  EXPECT_FALSE(windows.tables.contains(0));
}

TEST_F(TableHistoryTest, RejectsATableThatComesBackAndAcceptsListsThatOverlapTheDrop) {
  Drop(1, 5, 9);
  Tables(6, 12, {{0}, {1}});
  EXPECT_EQ(Found(), "");
  Tables(10, 13, {{0}, {1}});
  EXPECT_THAT(Found(), HasSubstr("table 1 went through its states in an order that is not theirs"));
}

TEST_F(TableHistoryTest, RejectsADropThatNobodyAskedFor) {
  Tables(1, 2, {{0}, {1}});
  Tables(3, 4, {{0}});
  EXPECT_THAT(Found(), HasSubstr("table 1 was dropped, which nobody asked for"));
  Drop(1, 2, kPending);
  EXPECT_EQ(Found(), "");
}

TEST_F(TableHistoryTest, RejectsWhatIsAcceptedOfADroppedTable) {
  for (const Kind kind : {Kind::kCreate, Kind::kImport, Kind::kRestore}) {
    history_.clear();
    Make(Kind::kCreate, 1, 1, 2);
    Drop(1, 5, 7);
    Make(kind, kind == Kind::kRestore ? 1 : 2, 6, 9);
    EXPECT_EQ(Found(), "");
    history_.back().invoke = 8;
    EXPECT_THAT(Found(), HasSubstr("what needs table 1 was accepted after the table was dropped"));
  }
}

TEST_F(TableHistoryTest, NotFoundIsTrueOnceTheTableMayBeDropped) {
  Make(Kind::kCreate, 1, 1, 2);
  Make(Kind::kRestore, 1, 3, 6, Outcome::kFail).refusal = RefusalReason::kNotFound;
  EXPECT_THAT(Found(), HasSubstr("a refusal gives a reason that was not true"));
  Drop(1, 5, kPending);
  EXPECT_EQ(Found(), "");
  CatalogueOperation& again = Add(Kind::kDropTable, 7, 8, Outcome::kFail);
  again.table = 0;
  again.refusal = RefusalReason::kNotFound;
  EXPECT_THAT(Found(), HasSubstr("the table existed throughout the call"));
  again.table = 1;
  EXPECT_EQ(Found(), "");
}

TEST_F(TableHistoryTest, AnImportIsCompleteFromItsReplyOnAndRefusedOnlyIfItDoesNotFit) {
  Make(Kind::kImport, 1000, 1, 2);
  Add(Kind::kList, 3, 4).snapshots = {{1000, CatalogueState::kComplete, 0}};
  EXPECT_EQ(Found(), "");
  history_.back().snapshots.clear();
  EXPECT_THAT(Found(), HasSubstr("snapshot 1000"));
  history_.pop_back();
  history_.back().fits = false;
  EXPECT_THAT(Found(), HasSubstr("an import that does not fit was accepted"));
  history_.back().outcome = Outcome::kFail;
  history_.back().refusal = RefusalReason::kOther;
  EXPECT_EQ(Found(), "");
  history_.back().fits = true;
  EXPECT_THAT(Found(), HasSubstr("what was to be imported is sound, and fits the table"));
}

TEST_F(TableHistoryTest, ARestoreOfAnImportIsAcceptedOnlyIfAllIsInItsPlace) {
  Make(Kind::kImport, 1000, 1, 2);
  Make(Kind::kRestore, 1000, 3, 4, Outcome::kFail).refusal = RefusalReason::kNotComplete;
  Make(Kind::kRestore, 1000, 5, 6);
  EXPECT_EQ(Found(), "");
  history_.back().fits = false;
  EXPECT_THAT(Found(), HasSubstr("a restore of an import was accepted, though its directories were not sound"));
}

TEST(TableUses, RejectsRowsServedAfterTheTableWasSeenHiddenAndNotBefore) {
  std::map<uint32_t, TableWindow> tables;
  tables[1] = {.drop_invoke = 10, .drop_ok = 12, .hidden_seen = 20, .gone_seen = 30};
  EXPECT_THAT(CheckTableUses(tables, {{1, 19, 25, true, "get"}}), IsEmpty());
  EXPECT_THAT(TextOf(CheckTableUses(tables, {{1, 21, 25, true, "get"}})), HasSubstr("after it was dropped"));
}

TEST(TableUses, RejectsARefusalOfATableThatNobodyDropped) {
  std::map<uint32_t, TableWindow> tables;
  tables[1].drop_invoke = 10;
  EXPECT_THAT(CheckTableUses(tables, {{1, 5, 11, false, "put"}}), IsEmpty());
  EXPECT_THAT(CheckTableUses(tables, {{1, 5, 9, false, "put"}}), SizeIs(1));
  EXPECT_THAT(CheckTableUses(tables, {{0, 5, 11, false, "put"}}), SizeIs(1));
}

// --- Disks

class DroppedTableTest : public ::testing::Test {
 protected:
  DroppedTableTest() {
    log_.Put("a", "1");
    log_.Create(5);
    SnapshotWindow& window = windows_.snapshots[5];
    window.tables = {1};
    window.create_invoke = 10;
    window.complete_seen = 50;
    windows_.tables[1] = {.drop_invoke = 60, .drop_ok = 61, .hidden_seen = 70, .gone_seen = kPending};
    inspection_.event = 100;
    inspection_.quiet = true;
  }
  std::string InventoryFinds() {
    Inventory inventory(1);
    inventory.Check(inspection_, windows_);
    return TextOf(inventory.violations());
  }
  std::string SnapshotsFind() {
    SnapshotsOnDisk snapshots({.tablets_per_table = 1});
    snapshots.Check(inspection_, DigestOf(inspection_), windows_);
    return TextOf(snapshots.violations());
  }

  ModelLog log_;
  CatalogueWindows windows_;
  Inspection inspection_;
};

TEST_F(DroppedTableTest, InventoryRejectsWhatIsLeftOfATableThatIsGoneAndNotOfOneThatIsKept) {
  windows_.snapshots[5].deleted_seen = 90;
  log_.Drop(5);
  inspection_.replicas.push_back(log_.Replica({1, 1, 1}, 3));
  inspection_.left_overs.push_back({{1, 2, 1}, {"table-1/tablet-1.snapshots"}});
  EXPECT_EQ(InventoryFinds(), "");
  windows_.tables[1].gone_seen = 101;
  EXPECT_EQ(InventoryFinds(), "");
  windows_.tables[1].gone_seen = 99;
  EXPECT_THAT(InventoryFinds(), HasSubstr("tablet 1 on node 1"));
  EXPECT_THAT(InventoryFinds(), HasSubstr("found table-1/tablet-1.snapshots"));
  inspection_.left_overs[0].damaged = true;
  inspection_.replicas.clear();
  EXPECT_EQ(InventoryFinds(), "");
}

TEST_F(DroppedTableTest, InventoryRejectsWhatIsLeftWhereATabletIsNotHostedAnyMore) {
  inspection_.left_overs = {{{0, 2, 1}, {"table-0/tablet-0"}}};  // of a table that nobody dropped
  EXPECT_THAT(InventoryFinds(), HasSubstr("left on node 2, which does not host it"));
  EXPECT_THAT(InventoryFinds(), HasSubstr("found table-0/tablet-0"));
  inspection_.left_overs[0].damaged = true;
  EXPECT_EQ(InventoryFinds(), "");
  inspection_.left_overs[0].damaged = false;
  inspection_.quiet = false;  // it may be about to go
  EXPECT_EQ(InventoryFinds(), "");
}

TEST_F(DroppedTableTest, ACompleteSnapshotOfADroppedTableIsKeptUntilItsDelete) {
  EXPECT_THAT(SnapshotsFind(), HasSubstr("is on no replica"));
  inspection_.quiet = false;
  EXPECT_EQ(SnapshotsFind(), "");
  inspection_.quiet = true;
  windows_.snapshots[5].delete_invoke = 95;
  EXPECT_EQ(SnapshotsFind(), "");
  windows_.snapshots[5].delete_invoke = kPending;
  inspection_.replicas.push_back(log_.Replica({1, 1, 1}, 2));
  EXPECT_EQ(SnapshotsFind(), "");
}

TEST_F(DroppedTableTest, AgreementAndContentLeaveImportsToTheLedger) {
  inspection_.replicas = {log_.Replica({1, 1, 1}, 2), log_.Replica({1, 2, 1}, 2)};
  inspection_.replicas[0].snapshots.push_back({1000, "1000", "", {9, 9}, {{"x", "y"}}});
  ReplicaAgreement agreement;
  agreement.Check(inspection_, DigestOf(inspection_));
  EXPECT_THAT(agreement.violations(), SizeIs(1));
  inspection_.imports = {1000};
  ReplicaAgreement knowing;
  knowing.Check(inspection_, DigestOf(inspection_));
  EXPECT_THAT(knowing.violations(), IsEmpty());
}

TEST(TableLiveness, RejectsATableThatIsNeverClosedOrNeverGoesAndAcceptsOneThatIsNeeded) {
  LivenessInput input;
  input.tables = {{1, TableState::kHidden, true}};
  EXPECT_THAT(CheckLiveness(input), IsEmpty());
  input.tables = {{1, TableState::kHidden, false}};
  EXPECT_THAT(TextOf(CheckLiveness(input)), HasSubstr("dropped table 1 is still kept"));
  input.tables = {{1, TableState::kDropping, true}};
  EXPECT_THAT(TextOf(CheckLiveness(input)), HasSubstr("table 1 is still being dropped"));
}

}  // namespace
}  // namespace holdfast::check
