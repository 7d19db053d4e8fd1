// Properties of what a plan's numbers mean to a cluster: ids that reverse, placement that is even, entries that decode.

#include "harness/cluster/plan_ids.h"

#include <map>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/cluster/ledger_entry.h"
#include "harness/cluster/plan_shape.h"
#include "sut/proto/command.pb.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;

plan::Plan MakePlan(uint64_t seed = 1) {
  plan::Plan plan;
  plan.set_seed(seed);
  plan.mutable_shape()->set_nodes(5);
  plan.mutable_shape()->set_replication_factor(3);
  plan.mutable_shape()->set_tables(2);
  plan.mutable_shape()->set_tablets_per_table(3);
  return plan;
}

TEST(PlanIdsTest, EveryIdLeadsBackToItsNumberAndToNoOther) {
  const PlanIds ids(MakePlan());
  std::set<std::pair<uint64_t, uint64_t>> seen;
  for (uint32_t number = 0; number < 300; ++number) {
    const sut::SnapshotId snapshot = ids.Snapshot(number);
    const sut::RestorationId restoration = ids.Restoration(number);
    EXPECT_EQ(ids.SnapshotNumber(snapshot), number);
    EXPECT_EQ(ids.RestorationNumber(restoration), number);
    EXPECT_EQ(ids.SessionNumber(ids.Session(number)), number);
    EXPECT_EQ(ids.SnapshotNumber({restoration.hi, restoration.lo}), std::nullopt);
    seen.insert({snapshot.hi, snapshot.lo});
    seen.insert({restoration.hi, restoration.lo});
  }
  EXPECT_EQ(seen.size(), 600u);
}

TEST(PlanIdsTest, IdsOfAnotherSeedOrOfNoPlanHaveNoNumber) {
  const PlanIds ids(MakePlan(1));
  EXPECT_EQ(ids.SnapshotNumber(PlanIds(MakePlan(2)).Snapshot(3)), std::nullopt);
  EXPECT_EQ(ids.SnapshotNumber({}), std::nullopt);
  sut::SnapshotId changed = ids.Snapshot(3);
  ++changed.lo;
  EXPECT_EQ(ids.SnapshotNumber(changed), std::nullopt);
}

TEST(PlanIdsTest, ObjectsAreTheTabletsOfThePlanAndTheMaster) {
  const PlanIds ids(MakePlan());
  EXPECT_EQ(ids.object_count(), 6u);
  for (uint32_t object = 0; object < 6; ++object) EXPECT_EQ(ids.ObjectNumber(ids.Tablet(object)), object);
  EXPECT_EQ(ids.ObjectNumber(ids.Tablet(6)), std::nullopt);
  EXPECT_EQ(ids.ObjectNumber(ids.Tablet(check::kMasterObject)), check::kMasterObject);
  EXPECT_EQ(ids.TableOfObject(2), 0u);
  EXPECT_EQ(ids.TableOfObject(3), 1u);
}

TEST(PlanShapeTest, PlacementGoesRoundAndEveryNodeHasItsShare) {
  const plan::Plan plan = MakePlan();
  EXPECT_THAT(NodesOfObject(plan, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(NodesOfObject(plan, 4), ElementsAre(5, 1, 2));
  EXPECT_THAT(NodesOfObject(plan, check::kMasterObject), ElementsAre(1, 2, 3, 4, 5));
  std::map<uint32_t, int> share;
  for (uint32_t object = 0; object < 5; ++object) {
    for (const uint32_t node : NodesOfObject(plan, object)) ++share[node];
  }
  for (const auto& [node, replicas] : share) EXPECT_EQ(replicas, 3) << "node " << node;
}

TEST(PlanShapeTest, TabletsCoverTheHashSpaceAndReplicaIdsAreUnique) {
  const plan::Plan plan = MakePlan();
  const PlanIds ids(plan);
  std::set<uint64_t> replicas;
  for (uint32_t table = 0; table < 2; ++table) {
    const sut::proto::TableInfo info = TableOf(plan, ids, table);
    uint32_t next = 0;
    for (const sut::proto::TabletInfo& tablet : info.tablets()) {
      EXPECT_EQ(tablet.hash_begin(), next);
      next = tablet.hash_end();
      for (const sut::proto::ReplicaInfo& replica : tablet.replicas()) replicas.insert(replica.replica());
    }
    EXPECT_EQ(next, 65536u);
  }
  EXPECT_EQ(replicas.size(), 18u);
}

TEST(PlanShapeTest, OptionsOfThePlanReplaceDefaultsAndZeroDoesNot) {
  plan::Plan plan = MakePlan();
  plan.mutable_options()->set_log_retention_entries(1);
  plan.add_bugs("vote-not-persisted");
  const auto options = NodeOptionsOf(plan);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->log_retention_entries, 1u);
  EXPECT_EQ(options->tick_us, sut::NodeOptions().tick_us);
  EXPECT_TRUE(options->bugs.has(sut::Bug::kVoteNotPersisted));
  plan.add_bugs("unheard-of");
  EXPECT_EQ(NodeOptionsOf(plan).status().code(), absl::StatusCode::kInvalidArgument);
}

// An entry as an observer of the apply sees it.
check::LedgerEntry Decode(const sut::proto::Command& command, const PlanIds& ids, sut::TabletId tablet) {
  const std::string data = command.SerializeAsString();
  sut::ApplyObserver::Applied applied;
  applied.tablet = tablet;
  applied.op = {sut::Term{3}, sut::Index{9}};
  applied.entry_hash = 77;
  applied.data = &data;
  applied.is_command = true;
  return LedgerEntryOf(applied, ids);
}

TEST(LedgerEntryTest, AWriteKeepsItsRequestAndItsMutations) {
  const PlanIds ids(MakePlan());
  sut::proto::Command command;
  command.mutable_request()->set_client(sut::Bytes(ids.Session(4)));
  command.mutable_request()->set_sequence(12);
  command.mutable_request()->set_first_incomplete(10);
  sut::proto::Mutation* mutation = command.mutable_write()->add_mutations();
  mutation->set_kind(sut::proto::Mutation::INCREMENT);
  mutation->set_key("k");
  mutation->set_delta(-5);
  const check::LedgerEntry entry = Decode(command, ids, ids.Tablet(2));
  EXPECT_EQ(entry.kind, check::LedgerEntry::Kind::kWrite);
  EXPECT_EQ(entry.op, (check::LogPosition{3, 9}));
  EXPECT_EQ(entry.hash, 77u);
  EXPECT_EQ(entry.client, 5u) << "sessions count from 1 in the ledger";
  EXPECT_EQ(entry.sequence, 12u);
  EXPECT_EQ(entry.first_incomplete, 10u);
  ASSERT_EQ(entry.mutations.size(), 1u);
  EXPECT_EQ(entry.mutations[0].kind, check::LedgerMutation::Kind::kIncrement);
  EXPECT_EQ(entry.mutations[0].key, "k");
  EXPECT_EQ(entry.mutations[0].delta, -5);
}

TEST(LedgerEntryTest, SnapshotOperationsNameThePlansNumbers) {
  const PlanIds ids(MakePlan());
  sut::proto::Command command;
  command.mutable_snapshot()->set_kind(sut::proto::TabletSnapshotOp::RESTORE);
  command.mutable_snapshot()->set_snapshot(sut::Bytes(ids.Snapshot(8)));
  command.mutable_snapshot()->set_restoration(sut::Bytes(ids.Restoration(2)));
  const check::LedgerEntry entry = Decode(command, ids, ids.Tablet(0));
  EXPECT_EQ(entry.kind, check::LedgerEntry::Kind::kRestore);
  EXPECT_EQ(entry.snapshot, 8u);
  EXPECT_EQ(entry.restoration, 2u);
  command.mutable_snapshot()->set_kind(sut::proto::TabletSnapshotOp::ABORT_CREATE);
  command.mutable_snapshot()->set_snapshot(std::string(16, 'x'));
  EXPECT_EQ(Decode(command, ids, ids.Tablet(0)).kind, check::LedgerEntry::Kind::kAbortCreate);
  EXPECT_EQ(Decode(command, ids, ids.Tablet(0)).snapshot, kUnknownNumber);
}

TEST(LedgerEntryTest, EntriesOfTheMasterAreHashesOnly) {
  const PlanIds ids(MakePlan());
  sut::proto::Command command;
  command.mutable_catalogue()->mutable_create_snapshot()->set_id("id");
  const check::LedgerEntry entry = Decode(command, ids, sut::kMasterTablet);
  EXPECT_EQ(entry.kind, check::LedgerEntry::Kind::kNothing);
  EXPECT_EQ(entry.hash, 77u);
}

}  // namespace
}  // namespace holdfast
