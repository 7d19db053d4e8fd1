// Properties of a cluster of real processes: plans pass on it and its judges see what happened; deaths are what was
// asked for; and it refuses by name what it can't do.

#include "harness/process/process_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/process/test_cluster.h"

namespace holdfast::process {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using ProcessClusterTest = ProcessTest;

TEST_F(ProcessClusterTest, WhatWasAcknowledgedSurvivesTheDeathOfEveryNodeAndIsOnEveryDisk) {
  Start(SmallPlan());
  EXPECT_EQ(Put("a", "1"), CallOutcome::kOk);
  EXPECT_EQ(Put("b", "2"), CallOutcome::kOk);
  for (uint32_t node = 1; node <= 3; ++node) {
    EXPECT_TRUE(cluster_->Crash(node, fault::Crash::PROCESS_DEATH, 0).ok());
    EXPECT_FALSE(cluster_->IsUp(node));
  }
  for (uint32_t node = 1; node <= 3; ++node) EXPECT_TRUE(cluster_->Restart(node).ok());
  ASSERT_TRUE(AwaitQuiet()) << ::testing::PrintToString(cluster_->WhyNotQuiet());
  const check::Inspection inspection = cluster_->Inspect();
  EXPECT_TRUE(inspection.quiet);
  int tablets = 0;
  for (const check::ReplicaInspection& replica : inspection.replicas) {
    EXPECT_EQ(replica.error, "");
    if (replica.replica.tablet == check::kMasterObject) continue;
    ++tablets;
    EXPECT_EQ(replica.rows, (check::Rows{{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(replica.applied.index, (told_.applied[{0, replica.replica.node}]));
    EXPECT_EQ(replica.replica.incarnation, 2u);
  }
  EXPECT_EQ(tablets, 3);
  EXPECT_EQ(inspection.replicas.size(), 6u) << "and the master's";
  EXPECT_GE(told_.recovered, 9) << "of the second life at least, and of the master's first";
  EXPECT_GT(told_.probes, 0);
  EXPECT_TRUE(cluster_->StopAll().ok());
  EXPECT_THAT(told_.violations, IsEmpty());
}

TEST_F(ProcessClusterTest, WhatWasAcknowledgedSurvivesALossOfPowerOfEveryNode) {
  Start(SmallPlan());
  for (int round = 1; round <= 3; ++round) {
    EXPECT_EQ(Put("a", absl::StrCat(round)), CallOutcome::kOk);
    for (uint32_t node = 1; node <= 3; ++node) {
      EXPECT_TRUE(cluster_->Crash(node, fault::Crash::POWER_LOSS, static_cast<uint64_t>(round)).ok());
    }
    for (uint32_t node = 1; node <= 3; ++node) EXPECT_TRUE(cluster_->Restart(node).ok());
    ASSERT_TRUE(AwaitQuiet()) << ::testing::PrintToString(cluster_->WhyNotQuiet());
    for (const check::ReplicaInspection& replica : cluster_->Inspect().replicas) {
      if (replica.replica.tablet != check::kMasterObject) {
        EXPECT_EQ(replica.rows, (check::Rows{{"a", absl::StrCat(round)}}));
      }
    }
  }
  EXPECT_THAT(told_.violations, IsEmpty());
}

TEST_F(ProcessClusterTest, AProbeKillsItsNodeThereAndTellsWhich) {
  Start(SmallPlan());
  std::optional<uint32_t> struck;
  const auto armed = cluster_->ArmProbeCrash({.probe = sut::Probe::kEntriesAppended, .node = 2},
                                             [&](uint32_t node) { struck = node; });
  ASSERT_TRUE(armed.ok());
  EXPECT_EQ(Put("a", "1"), CallOutcome::kOk);
  ASSERT_TRUE(Await([&] { return struck.has_value(); }));
  EXPECT_EQ(struck, 2u);
  EXPECT_FALSE(cluster_->IsUp(2));
  EXPECT_THAT(told_.down, Contains(HasSubstr("at probe raft")));
  EXPECT_TRUE(cluster_->Restart(2).ok());
  EXPECT_TRUE(AwaitQuiet());
  EXPECT_THAT(told_.violations, IsEmpty());
}

TEST_F(ProcessClusterTest, ADeathThatNobodyAskedForIsAViolation) {
  Start(SmallPlan(1));
  kill(cluster_->pid(1), SIGABRT);
  ASSERT_TRUE(Await([this] { return !told_.violations.empty(); }));
  EXPECT_THAT(told_.violations, Contains(HasSubstr("was not asked to end")));
  EXPECT_FALSE(cluster_->IsUp(1));
}

TEST_F(ProcessClusterTest, ANodeThatCannotStartIsAViolationWithItsReason) {
  Start(SmallPlan(1));
  ASSERT_TRUE(cluster_->Crash(1, fault::Crash::PROCESS_DEATH, 0).ok());
  for (const auto& entry : fs::recursive_directory_iterator(cluster_->directory())) {
    if (entry.path().filename() == "CURRENT") std::ofstream(entry.path(), std::ios::trunc) << "rot";
  }
  ASSERT_TRUE(cluster_->Restart(1).ok());
  ASSERT_TRUE(Await([this] { return !told_.violations.empty(); }));
  EXPECT_THAT(told_.violations, Contains(HasSubstr("can't start from its own disk")));
}

TEST_F(ProcessClusterTest, ACutNodeIsDeposedAndComesBack) {
  Start(SmallPlan());
  const uint32_t leader = Leader();
  std::vector<std::pair<uint32_t, uint32_t>> links;
  for (uint32_t other = 1; other <= 3; ++other) {
    if (other == leader) continue;
    links.emplace_back(other, leader);
    links.emplace_back(leader, other);
  }
  ASSERT_TRUE(cluster_->Cut(1, links).ok());
  EXPECT_TRUE(Await([&] { return Leader() != leader; }));
  EXPECT_EQ(Put("a", "1"), CallOutcome::kOk);
  cluster_->Mend(1);
  EXPECT_TRUE(AwaitQuiet());
  EXPECT_THAT(told_.violations, IsEmpty());
}

TEST_F(ProcessClusterTest, WhatTcpAndRealDisksCannotDoIsRefusedByName) {
  Start(SmallPlan(1));
  const absl::Status loss = cluster_->SetWeather({.loss_permille = 1});
  EXPECT_EQ(loss.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(loss.message()), HasSubstr("TCP"));
  EXPECT_TRUE(cluster_->SetWeather({.delay_factor = 3}).ok());
  EXPECT_FALSE(cluster_->NotWatched().empty());
}

}  // namespace
}  // namespace holdfast::process
