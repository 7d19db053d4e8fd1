// An import fits the tables as they are or is refused; what it imports is adopted tablet by tablet, then as any other.

#include "sut/master/import_rules.h"

#include <gtest/gtest.h>

#include "sut/master/catalogue_commands.h"
#include "sut/master/next_actions.h"
#include "sut/tablet/partition.h"

namespace sut {
namespace {

using proto::SnapshotInfo;
using namespace commands;  // NOLINT: short names for what a test is made of

// Of snapshot 50 of some table with two tablets, as snapshot n of table 1.
proto::CatalogueCommand Import(uint64_t n) {
  proto::CatalogueCommand command;
  auto* import = command.mutable_import_snapshot();
  import->set_id(Bytes(Snapshot(n)));
  import->set_source(Bytes(Snapshot(50)));
  auto* table = import->add_tables();
  table->set_table(Bytes(Table(1)));
  for (uint32_t i = 0; i < 2; ++i) {
    auto* tablet = table->add_tablets();
    tablet->set_tablet(Bytes(Tablet(1, i)));
    tablet->set_hash_begin(TabletRange(i, 2).begin);
    tablet->set_hash_end(TabletRange(i, 2).end);
    tablet->mutable_source()->set_snapshot(Bytes(Snapshot(50)));
    tablet->mutable_source()->set_tablet(Bytes(Tablet(9, i)));
    tablet->mutable_source()->mutable_op()->set_index(30 + i);
  }
  return command;
}

class ImportRulesTest : public ::testing::Test {
 protected:
  ImportRulesTest() {
    EXPECT_EQ(Do(CreateTable(1, 2)).code(), proto::OK);
    Do(TableRunning(1));
  }
  proto::Reply Do(const proto::CatalogueCommand& command) {
    const Transition transition = Decide(state_, command, {});
    ApplyTransition(transition, &state_);
    return transition.reply;
  }
  const SnapshotInfo& Info(uint64_t n) { return state_.snapshots.at(Snapshot(n)); }
  proto::CatalogueCommand PlacedRestore(uint64_t restoration, uint64_t snapshot) {
    proto::CatalogueCommand command = Restore(restoration, snapshot);
    command.mutable_restore_snapshot()->set_placed(true);
    return command;
  }
  // The kinds of operation that its tablets are asked for now.
  std::vector<proto::TabletSnapshotOp::Kind> Asked() {
    std::vector<proto::TabletSnapshotOp::Kind> kinds;
    for (const Action& action : NextActions(state_)) kinds.push_back(std::get<TabletCall>(action).kind);
    return kinds;
  }

  CatalogueState state_;
};

TEST_F(ImportRulesTest, AnImportIsCompleteAndAwaitsItsDirectories) {
  EXPECT_EQ(Do(Import(1)).code(), proto::OK);
  EXPECT_EQ(Info(1).state(), SnapshotInfo::COMPLETE);
  EXPECT_EQ(Info(1).imported_from(), Bytes(Snapshot(50)));
  EXPECT_TRUE(AwaitsPlacement(Info(1)));
  EXPECT_EQ(Do(Import(1)).code(), proto::OK);  // a retry
  EXPECT_TRUE(NextActions(state_).empty());
  EXPECT_EQ(Do(CreateSnapshot(2, {1})).code(), proto::OK);
  EXPECT_EQ(Do(Import(2)).code(), proto::ALREADY_EXISTS);
}

TEST_F(ImportRulesTest, PartitionsMustBeExactlyThoseOfTheTable) {
  proto::CatalogueCommand fewer = Import(1);
  fewer.mutable_import_snapshot()->mutable_tables(0)->mutable_tablets()->RemoveLast();
  EXPECT_EQ(Do(fewer).message(), "Wrong number of tablets in created table k.t1: 2 (expected 1)");
  proto::CatalogueCommand moved = Import(1);
  moved.mutable_import_snapshot()->mutable_tables(0)->mutable_tablets(0)->set_hash_end(5);
  EXPECT_EQ(Do(moved).message(), "The partitions of table k.t1 are not those of the snapshot");
  proto::CatalogueCommand swapped = Import(1);
  swapped.mutable_import_snapshot()->mutable_tables(0)->mutable_tablets()->SwapElements(0, 1);
  EXPECT_EQ(Do(swapped).code(), proto::BAD_REQUEST);
  Do(DropTable(1));
  EXPECT_EQ(Do(Import(1)).code(), proto::NOT_FOUND);
  EXPECT_TRUE(state_.snapshots.empty());
}

TEST_F(ImportRulesTest, AChangeOfReplicasThatIsUnderWayHinders) {
  auto* replica = state_.tables.at(Table(1)).mutable_tablets(1)->mutable_replicas(0);
  for (const auto role : {proto::ReplicaInfo::ADDING, proto::ReplicaInfo::JOINING, proto::ReplicaInfo::LEARNER,
                          proto::ReplicaInfo::LEAVING}) {
    replica->set_role(role);
    EXPECT_EQ(Do(Import(1)).code(), proto::CHANGE_RUNNING);
    EXPECT_TRUE(state_.snapshots.empty());
  }
  replica->set_role(proto::ReplicaInfo::REMOVED);
  EXPECT_EQ(Do(Import(1)).code(), proto::OK);
}

TEST_F(ImportRulesTest, ARestoreIsRefusedUntilEveryReplicaHasShownItsDirectory) {
  Do(Import(1));
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::SNAPSHOT_NOT_COMPLETE);
  proto::CatalogueCommand missing = Restore(1, 1);
  missing.mutable_restore_snapshot()->set_not_placed("node 2 has nothing");
  EXPECT_EQ(Do(missing).message(), "node 2 has nothing");
  EXPECT_TRUE(state_.restorations.empty());
  EXPECT_EQ(Do(PlacedRestore(1, 1)).code(), proto::OK);
}

TEST_F(ImportRulesTest, EachTabletAdoptsThenRestoresAndNeverAdoptsAgain) {
  using Op = proto::TabletSnapshotOp;
  Do(Import(1));
  Do(PlacedRestore(1, 1));
  EXPECT_EQ(Asked(), (std::vector<Op::Kind>{Op::ADOPT, Op::ADOPT}));
  const auto actions = NextActions(state_);
  EXPECT_EQ(RequestFor(state_, actions[1]).snapshot().source().op().index(), 31u);
  proto::OpId op;
  op.set_index(77);
  Do(DoneCommand(actions[0], op));
  EXPECT_EQ(Asked(), (std::vector<Op::Kind>{Op::RESTORE, Op::ADOPT}));
  EXPECT_EQ(Info(1).tablets(0).op().index(), 77u);
  Do(DoneCommand(actions[0], proto::OpId()));  // again changes nothing
  EXPECT_EQ(Info(1).tablets(0).op().index(), 77u);
  Do(DoneCommand(actions[1], op));
  EXPECT_FALSE(AwaitsPlacement(Info(1)));
  Do(RestorationDone(1, Tablet(1, 0)));
  Do(RestorationDone(1, Tablet(1, 1)));
  EXPECT_EQ(Do(Restore(2, 1)).code(), proto::OK);
  EXPECT_EQ(Asked(), (std::vector<Op::Kind>{Op::RESTORE, Op::RESTORE}));
}

TEST_F(ImportRulesTest, AnImportThatWasNeverRestoredIsDeletedAsAnyOther) {
  Do(Import(1));
  EXPECT_EQ(Do(DeleteSnapshot(1)).code(), proto::OK);
  EXPECT_EQ(NextActions(state_).size(), 2u);
  for (uint64_t i = 0; i < 2; ++i) Do(SnapshotDone(1, Tablet(1, i), SnapshotInfo::DELETING));
  EXPECT_EQ(Info(1).state(), SnapshotInfo::DELETED);
}

}  // namespace
}  // namespace sut
