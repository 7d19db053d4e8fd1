// Also of the inventory: both judge snapshot directories against what clients saw.

#include "harness/check/snapshots.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/inventory.h"
#include "harness/check/model_replica.h"

namespace holdfast::check {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// One tablet (number 1: the second of table 0's two) on three nodes with snapshot 5; clients saw it COMPLETE at
// event 50.
class SnapshotsTest : public ::testing::Test {
 protected:
  SnapshotsTest() {
    log_.Put("a", "1");
    log_.Create(5);
    log_.Put("a", "2");
    SnapshotWindow& window = windows_.snapshots[5];
    window.tables = {0};
    window.create_invoke = 10;
    window.complete_seen = 50;
    inspection_.event = 100;
    for (uint32_t node = 1; node <= 3; ++node) inspection_.replicas.push_back(log_.Replica({1, node, 1}, 3));
  }
  void Check() { snapshots_.Check(inspection_, DigestOf(inspection_), windows_); }
  void CheckInventory() { inventory_.Check(inspection_, windows_); }

  ModelLog log_;
  CatalogueWindows windows_;
  Inspection inspection_;
  SnapshotsOnDisk snapshots_{{.tablets_per_table = 2, .complete_waits_for_majority = false}};
  Inventory inventory_{2};
};

TEST_F(SnapshotsTest, AcceptsSnapshotsThatStayAsTheyAre) {
  inspection_.quiet = true;
  Check();
  log_.Put("a", "3");
  for (ReplicaInspection& replica : inspection_.replicas) replica.rows["a"] = "3";
  Check();
  CheckInventory();
  EXPECT_EQ(TextOf(snapshots_.violations()) + TextOf(inventory_.violations()), "");
  EXPECT_GT(snapshots_.comparisons(), 0u);
}

TEST_F(SnapshotsTest, RejectsContentThatChanges) {
  Check();
  inspection_.replicas[0].snapshots[0].rows["a"] = "2";
  Check();
  ASSERT_THAT(snapshots_.violations(), SizeIs(1));
  EXPECT_THAT(snapshots_.violations()[0].summary, HasSubstr("has changed on node 1"));
  EXPECT_THAT(TextOf(snapshots_.violations()), HasSubstr("key \"a\": expected \"1\", found \"2\""));
}

TEST_F(SnapshotsTest, RejectsContentThatDiffersBetweenReplicasAlsoOnADamagedDisk) {
  inspection_.replicas[2].snapshots[0].rows["b"] = "2";
  inspection_.replicas[2].damaged = true;
  Check();
  ASSERT_THAT(snapshots_.violations(), SizeIs(1));
  EXPECT_THAT(snapshots_.violations()[0].summary, HasSubstr("has other content on node 3"));
}

TEST_F(SnapshotsTest, RejectsAReplicaThatPassedTheCreateWithoutADirectory) {
  inspection_.replicas[1].snapshots.clear();
  Check();
  ASSERT_THAT(snapshots_.violations(), SizeIs(1));
  EXPECT_EQ(snapshots_.violations()[0].invariant, "I3");
  EXPECT_THAT(TextOf(snapshots_.violations()), HasSubstr("missing on tablet 1 on node 2"));
}

TEST_F(SnapshotsTest, RejectsAnUnreadableDirectoryUnlessAFaultDamagedIt) {
  inspection_.replicas[1].snapshots[0].error = "checksum";
  inspection_.replicas[1].damaged = true;
  Check();
  EXPECT_THAT(snapshots_.violations(), IsEmpty());
  inspection_.replicas[1].damaged = false;
  Check();
  EXPECT_THAT(snapshots_.violations(), SizeIs(1));
}

TEST_F(SnapshotsTest, AcceptsAReplicaThatIsBehindTheCreateUntilQuiet) {
  inspection_.replicas[1] = log_.Replica({1, 2, 1}, 1);
  Check();
  EXPECT_THAT(snapshots_.violations(), IsEmpty());
  inspection_.quiet = true;
  Check();
  EXPECT_THAT(snapshots_.violations(), SizeIs(1));
}

TEST_F(SnapshotsTest, AcceptsAReplicaInABarrier) {
  inspection_.replicas[1].snapshots.clear();
  inspection_.replicas[1].in_barrier = true;
  Check();
  EXPECT_THAT(snapshots_.violations(), IsEmpty());
}

// The leader had applied the create, which is in the logs of the others.
TEST_F(SnapshotsTest, AcceptsThatAReplicaWasLostWithItsDiskWhileOthersAreBehindTheCreate) {
  inspection_.replicas = {log_.Replica({1, 2, 1}, 1), log_.Replica({1, 3, 1}, 1)};
  inspection_.replicas_lost = true;
  Check();
  EXPECT_THAT(snapshots_.violations(), IsEmpty());
  inspection_.replicas_lost = false;
  Check();
  EXPECT_THAT(snapshots_.violations(), SizeIs(1));
}

TEST_F(SnapshotsTest, RejectsACompleteSnapshotThatIsNowhere) {
  for (ReplicaInspection& replica : inspection_.replicas) replica.snapshots.clear();
  Check();
  ASSERT_THAT(snapshots_.violations(), SizeIs(1));
  EXPECT_THAT(snapshots_.violations()[0].summary, HasSubstr("is on no replica"));
}

TEST_F(SnapshotsTest, PromisesNothingBeforeCompleteIsSeenNorAfterADeleteIsInvoked) {
  for (ReplicaInspection& replica : inspection_.replicas) replica.snapshots.clear();
  inspection_.event = 49;
  Check();
  inspection_.event = 100;
  windows_.snapshots[5].delete_invoke = 99;
  Check();
  EXPECT_THAT(snapshots_.violations(), IsEmpty());
  windows_.snapshots[5].delete_invoke = 101;
  Check();
  EXPECT_THAT(snapshots_.violations(), SizeIs(1));
}

TEST_F(SnapshotsTest, HoldsAClusterToTheMajorityThatItClaims) {
  SnapshotsOnDisk strict({.tablets_per_table = 2, .complete_waits_for_majority = true});
  inspection_.replicas[1] = log_.Replica({1, 2, 1}, 1);
  strict.Check(inspection_, DigestOf(inspection_), windows_);
  EXPECT_THAT(strict.violations(), IsEmpty());
  inspection_.replicas[2] = log_.Replica({1, 3, 1}, 1);
  strict.Check(inspection_, DigestOf(inspection_), windows_);
  EXPECT_THAT(strict.violations(), SizeIs(1));
}

TEST_F(SnapshotsTest, InventoryRejectsWhatADeletedOrFailedSnapshotLeaves) {
  inspection_.quiet = true;
  windows_.snapshots[5].deleted_seen = 90;
  CheckInventory();
  EXPECT_THAT(inventory_.violations(), SizeIs(3));  // one for each replica
  windows_.snapshots[5].deleted_seen = history::kPending;
  windows_.snapshots[5].failed_seen = 90;
  Inventory failed(2);
  failed.Check(inspection_, windows_);
  EXPECT_THAT(failed.violations(), SizeIs(3));
}

TEST_F(SnapshotsTest, InventoryAcceptsADirectoryWhoseDeletionNobodySawYet) {
  inspection_.quiet = true;
  windows_.snapshots[5].delete_invoke = 80;
  windows_.snapshots[5].deleted_seen = 101;
  CheckInventory();
  EXPECT_THAT(inventory_.violations(), IsEmpty());
  EXPECT_EQ(inventory_.quiet_inspections(), 1u);
}

TEST_F(SnapshotsTest, InventoryRejectsStraysOnlyWhenQuiet) {
  inspection_.replicas[0].strays = {"snapshots/5.tmp", "outgoing/3"};
  CheckInventory();
  EXPECT_THAT(inventory_.violations(), IsEmpty());
  inspection_.quiet = true;
  CheckInventory();
  ASSERT_THAT(inventory_.violations(), SizeIs(1));
  EXPECT_THAT(TextOf(inventory_.violations()), HasSubstr("found snapshots/5.tmp"));
}

TEST_F(SnapshotsTest, InventoryRejectsSnapshotsOfOtherTablesOfRefusedCreatesAndOfNoName) {
  inspection_.quiet = true;
  windows_.snapshots[5].tables = {1};
  inspection_.replicas.resize(1);
  CheckInventory();
  ASSERT_THAT(inventory_.violations(), SizeIs(1));
  EXPECT_THAT(TextOf(inventory_.violations()), HasSubstr("does not cover table 0"));
  Inventory refused(2);
  refused.Check(inspection_, {});
  EXPECT_THAT(refused.violations(), SizeIs(1));
  Inventory nameless(2);
  inspection_.replicas[0].snapshots[0].snapshot.reset();
  nameless.Check(inspection_, windows_);
  EXPECT_THAT(nameless.violations(), SizeIs(1));
}

}  // namespace
}  // namespace holdfast::check
