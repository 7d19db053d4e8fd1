// Faults of one node's disk and clock in real processes. Property: each really strikes, is counted and told for what it
// is, and ends; a node that stops itself over its disk is no violation, and comes back whole unless it is damaged.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/process/test_cluster.h"

namespace holdfast::process {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class NodeFaultsTest : public ProcessTest {
 protected:
  static constexpr int64_t kSnapshotTimeoutUs = 4'000'000;  // of the cluster's time

  void SetUp() override {
    plan::Plan plan = SmallPlan();
    plan.mutable_options()->set_flush_after_entries(4);
    plan.mutable_options()->set_snapshot_timeout_us(kSnapshotTimeoutUs);
    Start(plan);
  }
  void TearDown() override { EXPECT_THAT(told_.violations, IsEmpty()); }

  uint64_t Arm(uint32_t node, const std::string& fault) {
    const auto armed = cluster_->ArmDiskFault(node, *faults::ParseDiskFault(fault));
    EXPECT_TRUE(armed.ok()) << armed.status();
    return armed.value_or(0);
  }
  void PutMany(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) EXPECT_EQ(Put(absl::StrCat(prefix, i), absl::StrCat("v", i)), CallOutcome::kOk);
  }
  // Writes until the condition holds.
  bool PutUntil(const std::function<bool()>& reached) {
    const int64_t give_up_us = cluster_->NowUs() + kSpeed * kPatienceUs;
    for (int i = 0; !reached(); ++i) {
      if (cluster_->NowUs() > give_up_us) return false;
      EXPECT_EQ(Put(absl::StrCat("more", i % 10), "v"), CallOutcome::kOk);
    }
    return true;
  }
  bool AwaitDown(uint32_t node) {
    return Await([&] { return !cluster_->IsUp(node); });
  }
  // Started again as often as it takes, as by a supervisor.
  bool AwaitWhole(uint32_t node) {
    return Await([&] {
      if (!cluster_->IsUp(node)) {
        EXPECT_TRUE(cluster_->Restart(node).ok());
      }
      return cluster_->IsQuiet();
    });
  }
  void ExpectRow(const std::string& key, const std::string& value) {
    sut::proto::Request body;
    body.mutable_get()->set_key(key);
    const CallResult result = Call(std::move(body));
    EXPECT_EQ(result.outcome, CallOutcome::kOk);
    EXPECT_EQ(result.reply.get().value(), value);
  }
  std::optional<sut::proto::SnapshotInfo::State> StateOf(const std::string& snapshot) {
    sut::proto::Request list;
    list.mutable_list_snapshots();
    const CallResult listed = Call(list, check::kMasterObject);
    for (const auto& one : listed.reply.snapshots().snapshots()) {
      if (one.id() == snapshot) return one.state();
    }
    return std::nullopt;
  }
  int64_t ClockUs(uint32_t node) { return cluster_->AskClockUs(node).value_or(0); }
};

TEST_F(NodeFaultsTest, AFailedLogSyncStopsTheNodeWhichComesBackWhole) {
  const uint32_t node = Leader();
  Arm(node, "io-error sync raft-log");
  ASSERT_TRUE(PutUntil([&] { return !cluster_->IsUp(node); }));
  EXPECT_EQ(cluster_->DiskFaultsStruck(node), 1u);
  EXPECT_THAT(told_.disk_stops, Contains(HasSubstr("the Raft log can't be written")));
  EXPECT_FALSE(cluster_->IsDamaged(node));
  EXPECT_TRUE(AwaitWhole(node));
  EXPECT_EQ(cluster_->DiskFaultsStruck(node), 1u) << "what has struck is gone";
  ExpectRow("more0", "v");
}

TEST_F(NodeFaultsTest, AFullDiskKeepsTheNodeDownUntilThereIsRoom) {
  const uint32_t node = Leader();
  const uint64_t full = Arm(node, "no-space any any times=always");
  ASSERT_TRUE(PutUntil([&] { return !cluster_->IsUp(node); }));
  ASSERT_TRUE(cluster_->Restart(node).ok());
  ASSERT_TRUE(AwaitDown(node));
  EXPECT_THAT(told_.disk_stops, Contains(HasSubstr("can't start")));
  cluster_->DisarmDiskFault(node, full);
  EXPECT_TRUE(AwaitWhole(node));
  ExpectRow("more0", "v");
}

TEST_F(NodeFaultsTest, AFailedFlushStopsTheNodeWhichReplays) {
  const uint32_t node = Leader() % 3 + 1;
  Arm(node, "io-error sync sst");
  ASSERT_TRUE(PutUntil([&] { return !cluster_->IsUp(node); }));
  EXPECT_TRUE(AwaitWhole(node));
  EXPECT_EQ(cluster_->DiskFaultsStruck(node), 1u);
}

// Nobody stops: the create is tried again until the master gives it up, and what was made of it goes.
TEST_F(NodeFaultsTest, ACreateOnFullDisksFailsAndLeavesNothing) {
  const std::string snapshot = sut::Bytes(sut::SnapshotId{1, 2});
  std::vector<uint64_t> full;
  for (uint32_t node = 1; node <= 3; ++node) full.push_back(Arm(node, "no-space any tmp times=always"));
  sut::proto::Request list;
  list.mutable_list_tables();
  const CallResult tables = Call(list, check::kMasterObject);
  ASSERT_EQ(tables.reply.tables().tables_size(), 1);
  sut::proto::Request create;
  create.mutable_catalogue()->mutable_create_snapshot()->set_id(snapshot);
  create.mutable_catalogue()->mutable_create_snapshot()->add_tables(tables.reply.tables().tables(0).id());
  EXPECT_EQ(Call(create, check::kMasterObject).outcome, CallOutcome::kOk);
  // What is made first meets the full disk on every node.
  for (uint32_t node = 1; node <= 3; ++node) {
    EXPECT_TRUE(Await([&] { return cluster_->DiskFaultsStruck(node) > 0; }));
  }
  sut::proto::Request restore;
  restore.mutable_catalogue()->mutable_restore_snapshot()->set_snapshot(snapshot);
  restore.mutable_catalogue()->mutable_restore_snapshot()->set_restoration(sut::Bytes(sut::RestorationId{3, 4}));
  const CallResult refused = Call(restore, check::kMasterObject);
  EXPECT_EQ(refused.outcome, CallOutcome::kFail);
  EXPECT_THAT(refused.reply.message(), HasSubstr("The snapshot state is not complete"));
  // The master gives it up, and there is room again.
  cluster_->RunUntil(cluster_->NowUs() + 2 * kSnapshotTimeoutUs, nullptr);
  EXPECT_NE(StateOf(snapshot), sut::proto::SnapshotInfo::COMPLETE);
  for (uint32_t node = 1; node <= 3; ++node) cluster_->DisarmDiskFault(node, full[node - 1]);
  EXPECT_TRUE(Await([&] { return StateOf(snapshot) == sut::proto::SnapshotInfo::FAILED; }));
  ASSERT_TRUE(AwaitQuiet()) << ::testing::PrintToString(cluster_->WhyNotQuiet());
  for (const check::ReplicaInspection& replica : cluster_->Inspect().replicas) {
    EXPECT_THAT(replica.strays, IsEmpty());
    EXPECT_THAT(replica.snapshots, IsEmpty());
  }
  EXPECT_THAT(told_.down, IsEmpty());
}

TEST_F(NodeFaultsTest, ASlowDiskIsLateAndNothingElse) {
  const uint32_t node = Leader();
  const uint64_t slow = Arm(node, "latency sync raft-log times=always us=20000");
  ASSERT_TRUE(PutUntil([&] { return cluster_->DiskFaultsStruck(node) >= 3; }));
  cluster_->DisarmDiskFault(node, slow);
  EXPECT_TRUE(AwaitQuiet());
  EXPECT_THAT(told_.down, IsEmpty());
}

TEST_F(NodeFaultsTest, ALostWriteDamagesTheNodeAndTheOthersComeToRestWithoutIt) {
  const uint32_t node = Leader() % 3 + 1;
  Arm(node, "lost append sst");
  ASSERT_TRUE(PutUntil([&] { return cluster_->IsDamaged(node); }));
  EXPECT_EQ(cluster_->DiskFaultsStruck(node), 1u);
  ASSERT_TRUE(cluster_->Crash(node, fault::Crash::PROCESS_DEATH, 0).ok());
  PutMany("b", 5);
  EXPECT_TRUE(AwaitQuiet()) << ::testing::PrintToString(cluster_->WhyNotQuiet());
  const check::Inspection inspection = cluster_->Inspect();
  EXPECT_TRUE(inspection.quiet);
  for (const check::ReplicaInspection& replica : inspection.replicas) {
    EXPECT_EQ(replica.damaged, replica.replica.node == node);
  }
  ExpectRow("b4", "v4");
}

TEST_F(NodeFaultsTest, ARottenLogIsNoticedAtTheNextStart) {
  PutMany("a", 10);
  const uint32_t node = Leader() % 3 + 1;
  ASSERT_TRUE(cluster_->Crash(node, fault::Crash::PROCESS_DEATH, 0).ok());
  const auto flipped = cluster_->RotDisk(node, {.path_class = faults::PathClass::kRaftLog, .files = 100, .bits = 3}, 7);
  ASSERT_TRUE(flipped.ok()) << flipped.status();
  EXPECT_GT(*flipped, 0u);
  EXPECT_TRUE(cluster_->IsDamaged(node));
  ASSERT_TRUE(cluster_->Restart(node).ok());
  EXPECT_TRUE(AwaitDown(node));
  EXPECT_THAT(told_.disk_stops, Contains(HasSubstr("can't start")));
  ExpectRow("a9", "v9");
}

TEST_F(NodeFaultsTest, NothingRotsWhereThereIsNoFileOfTheClass) {
  const auto flipped = cluster_->RotDisk(1, {.path_class = faults::PathClass::kSnapshot}, 7);
  ASSERT_TRUE(flipped.ok()) << flipped.status();
  EXPECT_EQ(*flipped, 0u);
  EXPECT_FALSE(cluster_->IsDamaged(1));
}

TEST_F(NodeFaultsTest, ADisturbedClockJumpsAndDriftsAndIsCorrected) {
  constexpr int64_t kHourUs = 3'600'000'000;
  const int64_t true_us = ClockUs(2);
  ASSERT_TRUE(cluster_->DisturbClock(1, {.jump_us = kSpeed * kHourUs}).ok());
  EXPECT_GE(ClockUs(1), true_us + kHourUs);
  EXPECT_LT(ClockUs(2), true_us + kHourUs);
  ASSERT_TRUE(cluster_->DisturbClock(1, {}).ok());
  EXPECT_GE(ClockUs(1), true_us + kHourUs) << "it stands still instead of going back";
  EXPECT_EQ(Put("a", "1"), CallOutcome::kOk);
  ASSERT_TRUE(cluster_->Crash(1, fault::Crash::PROCESS_DEATH, 0).ok());
  ASSERT_TRUE(cluster_->Restart(1).ok());
  ASSERT_TRUE(AwaitQuiet());
  EXPECT_LT(ClockUs(1), true_us + kHourUs) << "a new life knows no earlier reading";
  const int64_t before_us = ClockUs(1) - ClockUs(2);
  ASSERT_TRUE(cluster_->DisturbClock(1, {.drift_permille = 1000}).ok());
  EXPECT_TRUE(Await([&] { return ClockUs(1) - ClockUs(2) > before_us + 500'000; }));
  ASSERT_TRUE(cluster_->DisturbClock(1, {}).ok());
  EXPECT_EQ(Put("b", "2"), CallOutcome::kOk);
  EXPECT_TRUE(AwaitQuiet());
  EXPECT_EQ(cluster_->DisturbClock(1, {.drift_permille = -1000}).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast::process
