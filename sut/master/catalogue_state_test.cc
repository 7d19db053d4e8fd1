// Every legal transition of the catalogue is taken, every illegal one refused with its true reason, and retries are
// harmless.

#include "sut/master/catalogue_state.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sut/base/prng.h"
#include "sut/master/catalogue_commands.h"

namespace sut {
namespace {

using proto::RestorationInfo;
using proto::SnapshotInfo;
using namespace commands;  // NOLINT: short names for what a test is made of

class CatalogueStateTest : public ::testing::Test {
 protected:
  CatalogueStateTest() {
    EXPECT_EQ(Do(CreateTable(1, 2)).code(), proto::OK);
    EXPECT_EQ(Do(CreateTable(2, 1)).code(), proto::OK);
  }
  proto::Reply Do(const proto::CatalogueCommand& command) {
    const Transition transition = Decide(state_, command, bugs_);
    ApplyTransition(transition, &state_);
    return transition.reply;
  }
  SnapshotInfo::State StateOf(uint64_t snapshot) { return state_.snapshots.at(Snapshot(snapshot)).state(); }
  RestorationInfo::State StateOfRestoration(uint64_t n) { return state_.restorations.at(Restoration(n)).state(); }

  // Both tablets of table 1 say that they are done with what `expected` asks.
  void BothDone(uint64_t snapshot, SnapshotInfo::State expected) {
    Do(SnapshotDone(snapshot, Tablet(1, 0), expected));
    Do(SnapshotDone(snapshot, Tablet(1, 1), expected));
  }
  void MakeComplete(uint64_t snapshot) {
    EXPECT_EQ(Do(CreateSnapshot(snapshot, {1})).code(), proto::OK);
    BothDone(snapshot, SnapshotInfo::CREATING);
    EXPECT_EQ(StateOf(snapshot), SnapshotInfo::COMPLETE);
  }
  void MakeFailed(uint64_t snapshot) {
    EXPECT_EQ(Do(CreateSnapshot(snapshot, {1})).code(), proto::OK);
    Do(FailSnapshot(snapshot));
    BothDone(snapshot, SnapshotInfo::FAILING);
    EXPECT_EQ(StateOf(snapshot), SnapshotInfo::FAILED);
  }

  CatalogueState state_;
  BugSet bugs_;
};

TEST_F(CatalogueStateTest, ASnapshotIsCompleteOnlyWhenEveryTabletIsDone) {
  Do(CreateSnapshot(1, {1}));
  Do(SnapshotDone(1, Tablet(1, 1), SnapshotInfo::CREATING, 21));
  EXPECT_EQ(StateOf(1), SnapshotInfo::CREATING);
  Do(SnapshotDone(1, Tablet(1, 1), SnapshotInfo::CREATING, 22));  // the same one again is no other one
  EXPECT_EQ(StateOf(1), SnapshotInfo::CREATING);
  Do(SnapshotDone(1, Tablet(1, 0), SnapshotInfo::CREATING, 31));
  EXPECT_EQ(StateOf(1), SnapshotInfo::COMPLETE);
  EXPECT_EQ(state_.snapshots.at(Snapshot(1)).tablets(0).op().index(), 31u);
  EXPECT_EQ(state_.snapshots.at(Snapshot(1)).tablets(1).op().index(), 21u);
}

TEST_F(CatalogueStateTest, PlantedBugPublishesCompleteOnTheFirstTablet) {
  bugs_.Plant(Bug::kCompleteOnFirstTablet);
  Do(CreateSnapshot(1, {1}));
  EXPECT_EQ(StateOf(1), SnapshotInfo::CREATING);
  Do(SnapshotDone(1, Tablet(1, 1), SnapshotInfo::CREATING));
  EXPECT_EQ(StateOf(1), SnapshotInfo::COMPLETE);
  EXPECT_FALSE(state_.snapshots.at(Snapshot(1)).tablets(0).done());
}

TEST_F(CatalogueStateTest, TheWordOfAForeignTabletCountsForNothing) {
  Do(CreateSnapshot(1, {2}));
  Do(SnapshotDone(1, Tablet(1, 0), SnapshotInfo::CREATING));
  EXPECT_EQ(StateOf(1), SnapshotInfo::CREATING);
}

TEST_F(CatalogueStateTest, ASnapshotCoversTheTabletsOfAllItsTables) {
  Do(CreateSnapshot(1, {2, 1}));
  std::vector<std::string> tablets;
  for (const auto& tablet : state_.snapshots.at(Snapshot(1)).tablets()) tablets.push_back(tablet.tablet());
  EXPECT_EQ(tablets, (std::vector<std::string>{Bytes(Tablet(2, 0)), Bytes(Tablet(1, 0)), Bytes(Tablet(1, 1))}));
}

TEST_F(CatalogueStateTest, CreatingAnIdAgainIsTheSameSnapshotWhateverBecameOfIt) {
  Do(CreateSnapshot(1, {1, 2}));
  Do(SnapshotDone(1, Tablet(1, 0), SnapshotInfo::CREATING));
  EXPECT_EQ(Do(CreateSnapshot(1, {2, 1})).code(), proto::OK);
  EXPECT_TRUE(state_.snapshots.at(Snapshot(1)).tablets(0).done());
  EXPECT_EQ(Do(CreateSnapshot(1, {1})).code(), proto::ALREADY_EXISTS);

  MakeComplete(2);
  Do(DeleteSnapshot(2));
  BothDone(2, SnapshotInfo::DELETING);
  EXPECT_EQ(Do(CreateSnapshot(2, {1})).code(), proto::OK);
  EXPECT_EQ(StateOf(2), SnapshotInfo::DELETED);
}

TEST_F(CatalogueStateTest, ASnapshotOfAnUnknownTableIsRefusedAndLeavesNothing) {
  const proto::Reply reply = Do(CreateSnapshot(1, {1, 9}));
  EXPECT_EQ(reply.code(), proto::NOT_FOUND);
  EXPECT_EQ(reply.message(), "Table with id '" + Hex(Table(9)) + "' not found");
  EXPECT_TRUE(state_.snapshots.empty());
}

TEST_F(CatalogueStateTest, AFailingSnapshotIsFailedOnlyWhenEveryTabletHasAborted) {
  Do(CreateSnapshot(1, {1}));
  Do(SnapshotDone(1, Tablet(1, 0), SnapshotInfo::CREATING));
  Do(FailSnapshot(1));
  EXPECT_EQ(StateOf(1), SnapshotInfo::FAILING);
  Do(SnapshotDone(1, Tablet(1, 1), SnapshotInfo::CREATING));  // too late: the decision has fallen
  EXPECT_EQ(StateOf(1), SnapshotInfo::FAILING);
  Do(SnapshotDone(1, Tablet(1, 1), SnapshotInfo::FAILING));
  EXPECT_EQ(StateOf(1), SnapshotInfo::FAILING);  // the create on tablet 0 is not yet undone
  Do(SnapshotDone(1, Tablet(1, 0), SnapshotInfo::FAILING));
  EXPECT_EQ(StateOf(1), SnapshotInfo::FAILED);
}

TEST_F(CatalogueStateTest, OnlyACreatingSnapshotCanFail) {
  MakeComplete(1);
  Do(FailSnapshot(1));
  EXPECT_EQ(StateOf(1), SnapshotInfo::COMPLETE);
  Do(DeleteSnapshot(1));
  Do(FailSnapshot(1));
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETING);
}

TEST_F(CatalogueStateTest, ADeleteEndsInATombstoneWhenEveryTabletHasDropped) {
  MakeComplete(1);
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::OK);
  Do(SnapshotDone(1, Tablet(1, 0), SnapshotInfo::CREATING));  // a late one of the create
  Do(SnapshotDone(1, Tablet(1, 1), SnapshotInfo::DELETING));
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETING);
  Do(SnapshotDone(1, Tablet(1, 0), SnapshotInfo::DELETING));
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETED);
}

TEST_F(CatalogueStateTest, AFailedSnapshotCanBeDeleted) {
  MakeFailed(1);
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::OK);
  BothDone(1, SnapshotInfo::DELETING);
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETED);
}

TEST_F(CatalogueStateTest, DeleteIsRefusedWithTheTrueReasonInEveryOtherState) {
  EXPECT_EQ(Do(DeleteSnapshot(1)).message(), "Could not find snapshot: " + Hex(Snapshot(1)));
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::NOT_FOUND);
  Do(CreateSnapshot(1, {1}));
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::SNAPSHOT_NOT_COMPLETE);
  EXPECT_EQ(Do(DeleteSnapshot(1)).message(), "The snapshot state is not complete: " + Hex(Snapshot(1)));
  Do(FailSnapshot(1));
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::SNAPSHOT_NOT_COMPLETE);
  BothDone(1, SnapshotInfo::FAILING);
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::OK);
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::SNAPSHOT_BEING_DELETED);
  EXPECT_EQ(Do(DeleteSnapshot(1)).message(), "The snapshot is being deleted");
  BothDone(1, SnapshotInfo::DELETING);
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::SNAPSHOT_DELETED);
  EXPECT_EQ(Do(DeleteSnapshot(1)).message(), "The snapshot was deleted");
}

TEST_F(CatalogueStateTest, RestoreIsRefusedWithTheTrueReasonInEveryStateButComplete) {
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::NOT_FOUND);
  EXPECT_EQ(Do(Restore(1, 1)).message(), "Could not find snapshot: " + Hex(Snapshot(1)));
  Do(CreateSnapshot(1, {1}));
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::SNAPSHOT_NOT_COMPLETE);
  Do(FailSnapshot(1));
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::SNAPSHOT_NOT_COMPLETE);
  BothDone(1, SnapshotInfo::FAILING);
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::SNAPSHOT_NOT_COMPLETE);
  Do(DeleteSnapshot(1));
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::SNAPSHOT_BEING_DELETED);
  BothDone(1, SnapshotInfo::DELETING);
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::SNAPSHOT_DELETED);
  EXPECT_TRUE(state_.restorations.empty());

  MakeComplete(2);
  EXPECT_EQ(Do(Restore(1, 2)).code(), proto::OK);
}

TEST_F(CatalogueStateTest, ARestorationIsRestoredOnlyWhenEveryTabletIs) {
  MakeComplete(1);
  Do(Restore(1, 1));
  Do(RestorationDone(1, Tablet(1, 0)));
  Do(RestorationDone(1, Tablet(1, 0)));
  EXPECT_EQ(StateOfRestoration(1), RestorationInfo::RESTORING);
  Do(RestorationDone(1, Tablet(1, 1)));
  EXPECT_EQ(StateOfRestoration(1), RestorationInfo::RESTORED);
}

TEST_F(CatalogueStateTest, RestoringUnderAnIdAgainIsTheSameRestoration) {
  MakeComplete(1);
  MakeComplete(2);
  Do(Restore(1, 1));
  Do(RestorationDone(1, Tablet(1, 0)));
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::OK);
  EXPECT_TRUE(state_.restorations.at(Restoration(1)).tablets(0).done());
  EXPECT_EQ(Do(Restore(1, 2)).code(), proto::ALREADY_EXISTS);
  Do(RestorationDone(1, Tablet(1, 1)));
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::OK);
  EXPECT_EQ(StateOfRestoration(1), RestorationInfo::RESTORED);
}

TEST_F(CatalogueStateTest, RestorationsThatShareATableDoNotOverlap) {
  MakeComplete(1);
  Do(CreateSnapshot(2, {2}));
  Do(SnapshotDone(2, Tablet(2, 0), SnapshotInfo::CREATING));
  Do(CreateSnapshot(3, {1, 2}));
  BothDone(3, SnapshotInfo::CREATING);
  Do(SnapshotDone(3, Tablet(2, 0), SnapshotInfo::CREATING));

  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::OK);
  EXPECT_EQ(Do(Restore(2, 1)).code(), proto::RESTORATION_RUNNING);  // the same snapshot
  EXPECT_EQ(Do(Restore(2, 3)).code(), proto::RESTORATION_RUNNING);  // another one that shares table 1
  EXPECT_EQ(Do(Restore(2, 2)).code(), proto::OK);                   // table 2 only
  Do(RestorationDone(1, Tablet(1, 0)));
  EXPECT_EQ(Do(Restore(3, 1)).code(), proto::RESTORATION_RUNNING);
  Do(RestorationDone(1, Tablet(1, 1)));
  EXPECT_EQ(Do(Restore(3, 1)).code(), proto::OK);
}

TEST_F(CatalogueStateTest, ASnapshotInUseByARestorationCannotBeDeleted) {
  MakeComplete(1);
  MakeComplete(2);
  Do(Restore(1, 1));
  const proto::Reply refused = Do(DeleteSnapshot(1));
  EXPECT_EQ(refused.code(), proto::RESTORATION_RUNNING);
  EXPECT_EQ(refused.message(), "Cannot delete snapshot " + Hex(Snapshot(1)) + ", restoration " + Hex(Restoration(1)) +
                                   " is in progress and using snapshot " + Hex(Snapshot(1)));
  EXPECT_EQ(Do(DeleteSnapshot(2)).code(), proto::OK);  // of the same table, but not in use
  Do(RestorationDone(1, Tablet(1, 0)));
  Do(RestorationDone(1, Tablet(1, 1)));
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::OK);
}

TEST_F(CatalogueStateTest, ATableMayBeSnapshottedWhileItIsRestored) {
  MakeComplete(1);
  Do(Restore(1, 1));
  EXPECT_EQ(Do(CreateSnapshot(2, {1})).code(), proto::OK);
}

TEST_F(CatalogueStateTest, ATableIsCreatedOnceAndItsNameAndTabletsAreItsOwn) {
  EXPECT_EQ(Do(TableRunning(1)).code(), proto::OK);
  EXPECT_EQ(Do(CreateTable(1, 2)).code(), proto::OK);  // a retry, though it runs by now
  EXPECT_EQ(state_.tables.at(Table(1)).state(), proto::TableInfo::RUNNING);
  EXPECT_EQ(Do(CreateTable(1, 3)).code(), proto::ALREADY_EXISTS);

  proto::CatalogueCommand namesake = CreateTable(3, 1);
  namesake.mutable_create_table()->mutable_table()->set_name("t1");
  EXPECT_EQ(Do(namesake).message(), "Table 't1' already exists in namespace 'k'");
  namesake.mutable_create_table()->mutable_table()->set_keyspace("other");
  EXPECT_EQ(Do(namesake).code(), proto::OK);

  proto::CatalogueCommand thief = CreateTable(4, 1);
  thief.mutable_create_table()->mutable_table()->mutable_tablets(0)->set_id(Bytes(Tablet(2, 0)));
  EXPECT_EQ(Do(thief).code(), proto::ALREADY_EXISTS);
}

TEST_F(CatalogueStateTest, AKeyspaceIsMadeByItselfOrWithItsFirstTable) {
  EXPECT_EQ(state_.keyspaces.size(), 1u);  // both tables' "k"
  EXPECT_EQ(state_.tables.at(Table(2)).keyspace_id(), Bytes(Keyspace(1)));
  EXPECT_EQ(Do(CreateKeyspace(7, "ydb")).code(), proto::OK);
  EXPECT_EQ(Do(CreateKeyspace(7, "ydb")).code(), proto::OK);  // a retry
  EXPECT_EQ(Do(CreateKeyspace(8, "ydb")).message(), "Keyspace 'ydb' already exists");
  EXPECT_EQ(Do(CreateKeyspace(7, "other")).code(), proto::ALREADY_EXISTS);

  proto::CatalogueCommand named = CreateTable(3, 1);
  named.mutable_create_table()->mutable_table()->set_keyspace("ydb");
  named.mutable_create_table()->mutable_table()->set_keyspace_id(Bytes(Keyspace(9)));
  EXPECT_EQ(Do(named).message(), "Keyspace 'ydb' does not exist");
  named.mutable_create_table()->mutable_table()->set_keyspace_id(Bytes(Keyspace(1)));
  EXPECT_EQ(Do(named).code(), proto::NOT_FOUND);  // that one has another name
  named.mutable_create_table()->mutable_table()->set_keyspace_id(Bytes(Keyspace(7)));
  EXPECT_EQ(Do(named).code(), proto::OK);
  EXPECT_EQ(Do(named).code(), proto::OK);  // a retry
}

TEST_F(CatalogueStateTest, AKeyspaceWithTablesStays) {
  EXPECT_EQ(Do(DropKeyspace(9)).code(), proto::NOT_FOUND);
  EXPECT_EQ(Do(DropKeyspace(1)).message(), "Cannot drop keyspace 'k', it has table 't1'");
  Do(DropTable(1));
  EXPECT_EQ(Do(DropKeyspace(1)).code(), proto::NOT_EMPTY);
  Do(DropTable(2));
  EXPECT_EQ(Do(DropKeyspace(1)).code(), proto::OK);  // what was dropped holds its name no more
  EXPECT_TRUE(state_.keyspaces.empty());
}

TEST_F(CatalogueStateTest, ADroppedTableIsGoneForNewOperationsAtOnce) {
  MakeComplete(1);
  EXPECT_EQ(Do(DropTable(1)).code(), proto::OK);
  EXPECT_EQ(Do(DropTable(1)).code(), proto::NOT_FOUND);
  EXPECT_EQ(Do(CreateSnapshot(2, {1})).code(), proto::NOT_FOUND);
  EXPECT_EQ(Do(Restore(1, 1)).message(), "Table with id '" + Hex(Table(1)) + "' of the snapshot was dropped");
  proto::CatalogueCommand successor = CreateTable(3, 1);
  successor.mutable_create_table()->mutable_table()->set_name("t1");
  EXPECT_EQ(Do(successor).code(), proto::OK);
}

TEST_F(CatalogueStateTest, ADroppedTableStaysHiddenWhileASnapshotOrARestorationNeedsIt) {
  MakeComplete(1);
  Do(CreateSnapshot(2, {1}));
  Do(Restore(1, 1));
  Do(TableRunning(1));
  Do(DropTable(1));
  Do(TabletClosed(1, 0));
  EXPECT_EQ(state_.tables.at(Table(1)).state(), proto::TableInfo::DROPPING);
  Do(TabletClosed(1, 1));
  EXPECT_EQ(state_.tables.at(Table(1)).state(), proto::TableInfo::HIDDEN);

  // What was under way comes to its end.
  BothDone(2, SnapshotInfo::CREATING);
  EXPECT_EQ(StateOf(2), SnapshotInfo::COMPLETE);
  Do(RestorationDone(1, Tablet(1, 0)));
  Do(RestorationDone(1, Tablet(1, 1)));
  EXPECT_EQ(StateOfRestoration(1), RestorationInfo::RESTORED);
  for (const uint64_t n : {1, 2}) {
    EXPECT_FALSE(IsRemovable(state_, state_.tables.at(Table(1))));
    Do(TableGone(1));  // of a leader that is behind
    EXPECT_TRUE(state_.tables.contains(Table(1)));
    EXPECT_EQ(Do(DeleteSnapshot(n)).code(), proto::OK);
    BothDone(n, SnapshotInfo::DELETING);
  }
  EXPECT_TRUE(IsRemovable(state_, state_.tables.at(Table(1))));
  Do(TableGone(1));
  EXPECT_FALSE(state_.tables.contains(Table(1)));
}

TEST_F(CatalogueStateTest, AFailedSnapshotHoldsNoTableAndIsDeletedAtOnceWhenItIsGone) {
  MakeFailed(1);
  Do(DropTable(1));
  Do(TabletClosed(1, 0));
  Do(TabletClosed(1, 1));
  Do(TableGone(1));
  EXPECT_FALSE(state_.tables.contains(Table(1)));
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::OK);
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETED);
}

// Node after node is asked to remove its replica, so that soon no majority is left to ask anything else of.
TEST_F(CatalogueStateTest, TheDeleteOfAFailedSnapshotDoesNotCallBackATableThatIsBeingRemoved) {
  Do(CreateSnapshot(1, {1, 2}));
  Do(FailSnapshot(1));
  for (const TabletId tablet : {Tablet(1, 0), Tablet(1, 1), Tablet(2, 0)}) {
    Do(SnapshotDone(1, tablet, SnapshotInfo::FAILING));
  }
  Do(DropTable(1));
  Do(TabletClosed(1, 0));
  Do(TabletClosed(1, 1));
  ASSERT_TRUE(IsRemovable(state_, state_.tables.at(Table(1))));
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::OK);
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETING);  // of the other table
  EXPECT_TRUE(IsRemovable(state_, state_.tables.at(Table(1))));
  Do(SnapshotDone(1, Tablet(2, 0), SnapshotInfo::DELETING));
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETED);
}

// What must hold after every command, whatever the order in which they come.
void ExpectInvariants(const CatalogueState& state) {
  std::set<std::string> being_restored;
  for (const auto& [id, restoration] : state.restorations) {
    bool all_done = true;
    for (const auto& tablet : restoration.tablets()) all_done = all_done && tablet.done();
    EXPECT_EQ(all_done, restoration.state() == RestorationInfo::RESTORED);
    if (restoration.state() != RestorationInfo::RESTORING) continue;
    const SnapshotInfo& used = state.snapshots.at(*IdFromBytes<SnapshotId>(restoration.snapshot()));
    EXPECT_EQ(used.state(), SnapshotInfo::COMPLETE);
    for (const std::string& table : used.tables()) EXPECT_TRUE(being_restored.insert(table).second);
  }
  for (const auto& [id, snapshot] : state.snapshots) {
    const bool working = snapshot.state() == SnapshotInfo::CREATING || snapshot.state() == SnapshotInfo::FAILING ||
                         snapshot.state() == SnapshotInfo::DELETING;
    bool all_done = true;
    for (const auto& tablet : snapshot.tablets()) all_done = all_done && tablet.done();
    EXPECT_EQ(all_done, !working);
  }
}

TEST_F(CatalogueStateTest, AnyOrderOfCommandsTakesLegalTransitionsOnly) {
  const std::set<std::pair<SnapshotInfo::State, SnapshotInfo::State>> legal = {
      {SnapshotInfo::CREATING, SnapshotInfo::COMPLETE}, {SnapshotInfo::CREATING, SnapshotInfo::FAILING},
      {SnapshotInfo::FAILING, SnapshotInfo::FAILED},    {SnapshotInfo::COMPLETE, SnapshotInfo::DELETING},
      {SnapshotInfo::FAILED, SnapshotInfo::DELETING},   {SnapshotInfo::DELETING, SnapshotInfo::DELETED},
      {SnapshotInfo::FAILED, SnapshotInfo::DELETED}};  // with tables that are being removed
  std::set<std::pair<SnapshotInfo::State, SnapshotInfo::State>> taken;
  Prng prng(11);
  const auto tables = state_.tables;
  int dropped = 0;
  for (int step = 0; step < 100'000; ++step) {
    if (step % 500 == 0) state_.snapshots.clear(), state_.restorations.clear(), state_.tables = tables;
    const uint64_t n = 1 + prng.NextBelow(6);
    const TabletId tablet = prng.OneIn(3) ? Tablet(2, 0) : Tablet(1, prng.NextBelow(2));
    std::map<SnapshotId, SnapshotInfo::State> before;
    for (const auto& [id, snapshot] : state_.snapshots) before[id] = snapshot.state();
    const bool was_removable = step % 500 != 0 && IsRemovable(state_, state_.tables.at(Table(1)));
    if (step % 500 == 50) {
      Do(DropTable(1));
      Do(TabletClosed(1, 0));
      Do(TabletClosed(1, 1));
    }
    switch (prng.NextBelow(10)) {
      case 0:
        Do(CreateSnapshot(n, prng.OneIn(2) ? std::vector<uint64_t>{1} : std::vector<uint64_t>{1, 2}));
        break;
      case 1:
        Do(DeleteSnapshot(n));
        break;
      case 2:
        Do(FailSnapshot(n));
        break;
      case 3:
        Do(Restore(1 + prng.NextBelow(20), n));
        break;
      case 4:
      case 5:
        Do(RestorationDone(1 + prng.NextBelow(20), tablet));
        break;
      default:
        Do(SnapshotDone(n, tablet, static_cast<SnapshotInfo::State>(prng.NextBelow(SnapshotInfo::State_ARRAYSIZE))));
    }
    ExpectInvariants(state_);
    const bool removable = IsRemovable(state_, state_.tables.at(Table(1)));
    EXPECT_TRUE(removable || !was_removable) << "a table that is being removed was called back";
    dropped += removable && !was_removable ? 1 : 0;
    for (const auto& [id, snapshot] : state_.snapshots) {
      if (!before.contains(id) || before[id] == snapshot.state()) continue;
      taken.insert({before[id], snapshot.state()});
      EXPECT_TRUE(legal.contains({before[id], snapshot.state()})) << before[id] << " to " << snapshot.state();
    }
    ASSERT_FALSE(HasFailure()) << "at step " << step;
  }
  EXPECT_EQ(taken, legal);  // the walk was no idle one
  EXPECT_GT(dropped, 5);
}

}  // namespace
}  // namespace sut
