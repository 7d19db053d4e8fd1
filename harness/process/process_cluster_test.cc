// Properties of a cluster of real processes: plans pass on it and its judges see what happened; deaths are what was
// asked for; and it refuses by name what it can't do.

#include "harness/process/process_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/plan/plan.pb.h"

namespace holdfast::process {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// For what must happen; a slow machine may take it.
constexpr int64_t kPatienceUs = 120'000'000;

plan::Plan MakePlan(uint32_t nodes = 3) {
  plan::Plan plan;
  plan.set_format_version(1);
  plan.set_seed(5);
  plan.mutable_shape()->set_nodes(nodes);
  plan.mutable_shape()->set_replication_factor(nodes);
  plan.mutable_shape()->set_tables(1);
  plan.mutable_shape()->set_tablets_per_table(1);
  plan.set_clients(2);
  return plan;
}

// What an observer was told.
struct Told : ClusterObserver {
  void OnRecovered(const check::ReplicaName&, check::LogPosition) override { ++recovered; }
  void OnBegun(const check::ReplicaName&, const check::LedgerEntry&) override {}
  void OnApplied(const check::ReplicaName& replica, const check::LedgerEntry& entry) override {
    applied[{replica.tablet, replica.node}] = entry.op.index;
  }
  void OnInstalled(const check::ReplicaName&, check::LogPosition) override {}
  void OnProbe(uint32_t, sut::Probe, std::optional<uint32_t>) override { ++probes; }
  void OnNodeDown(uint32_t, const std::string& why) override { down.push_back(why); }
  void OnNodeUp(uint32_t) override {}
  void OnViolation(const check::Violation& violation) override { violations.push_back(violation.summary); }

  int recovered = 0;
  int probes = 0;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> applied;  // by tablet and node
  std::vector<std::string> down;
  std::vector<std::string> violations;
};

class ProcessClusterTest : public ::testing::Test {
 protected:
  ProcessClusterTest() : work_(*WorkDirectory::Create("")) {}

  void Start(const plan::Plan& plan) {
    auto made = ProcessCluster::Create(
        plan, {.server_binary = HOLDFAST_SERVER_BINARY, .work_dir = work_->path(), .speed = 2}, &told_);
    ASSERT_TRUE(made.ok()) << made.status();
    cluster_ = *std::move(made);
    const absl::Status started = cluster_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  bool Await(const std::function<bool()>& condition) {
    cluster_->RunUntil(cluster_->NowUs() + 2 * kPatienceUs, condition);
    return condition();
  }
  bool AwaitQuiet() {
    return Await([this] { return cluster_->IsQuiet(); });
  }
  CallOutcome Put(const std::string& key, const std::string& value) {
    Cluster::Call call{0, 0, {}, cluster_->NowUs() + 2 * kPatienceUs, 0};
    sut::proto::Mutation* mutation = call.body.mutable_write()->add_mutations();
    mutation->set_key(key);
    mutation->set_value(value);
    std::optional<CallOutcome> outcome;
    cluster_->Invoke(std::move(call), [&](const CallResult& result) { outcome = result.outcome; });
    EXPECT_TRUE(Await([&] { return outcome.has_value(); }));
    return outcome.value_or(CallOutcome::kIndeterminate);
  }

  Told told_;
  const std::unique_ptr<WorkDirectory> work_;
  std::unique_ptr<ProcessCluster> cluster_;
};

TEST_F(ProcessClusterTest, WhatWasAcknowledgedSurvivesTheDeathOfEveryNodeAndIsOnEveryDisk) {
  Start(MakePlan());
  EXPECT_EQ(Put("a", "1"), CallOutcome::kOk);
  EXPECT_EQ(Put("b", "2"), CallOutcome::kOk);
  for (uint32_t node = 1; node <= 3; ++node) {
    EXPECT_TRUE(cluster_->Crash(node, plan::Fault::Crash::PROCESS_DEATH, 0).ok());
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
  Start(MakePlan());
  for (int round = 1; round <= 3; ++round) {
    EXPECT_EQ(Put("a", absl::StrCat(round)), CallOutcome::kOk);
    for (uint32_t node = 1; node <= 3; ++node) {
      EXPECT_TRUE(cluster_->Crash(node, plan::Fault::Crash::POWER_LOSS, static_cast<uint64_t>(round)).ok());
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
  Start(MakePlan());
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
  Start(MakePlan(1));
  kill(cluster_->pid(1), SIGABRT);
  ASSERT_TRUE(Await([this] { return !told_.violations.empty(); }));
  EXPECT_THAT(told_.violations, Contains(HasSubstr("was not asked to end")));
  EXPECT_FALSE(cluster_->IsUp(1));
}

TEST_F(ProcessClusterTest, ANodeThatCannotStartIsAViolationWithItsReason) {
  Start(MakePlan(1));
  ASSERT_TRUE(cluster_->Crash(1, plan::Fault::Crash::PROCESS_DEATH, 0).ok());
  for (const auto& entry : fs::recursive_directory_iterator(cluster_->directory())) {
    if (entry.path().filename() == "CURRENT") std::ofstream(entry.path(), std::ios::trunc) << "rot";
  }
  ASSERT_TRUE(cluster_->Restart(1).ok());
  ASSERT_TRUE(Await([this] { return !told_.violations.empty(); }));
  EXPECT_THAT(told_.violations, Contains(HasSubstr("can't start from its own disk")));
}

TEST_F(ProcessClusterTest, ACutNodeIsDeposedAndComesBack) {
  Start(MakePlan());
  plan::Target target;
  target.set_role(plan::Target::LEADER);
  const auto leader = cluster_->Resolve(target);
  ASSERT_TRUE(leader.has_value());
  std::vector<std::pair<uint32_t, uint32_t>> links;
  for (uint32_t other = 1; other <= 3; ++other) {
    if (other == *leader) continue;
    links.emplace_back(other, *leader);
    links.emplace_back(*leader, other);
  }
  ASSERT_TRUE(cluster_->Cut(1, links).ok());
  EXPECT_TRUE(Await([&] {
    const auto now = cluster_->Resolve(target);
    return now.has_value() && now != leader;
  }));
  EXPECT_EQ(Put("a", "1"), CallOutcome::kOk);
  cluster_->Mend(1);
  EXPECT_TRUE(AwaitQuiet());
  EXPECT_THAT(told_.violations, IsEmpty());
}

TEST_F(ProcessClusterTest, WhatTcpAndRealDisksCannotDoIsRefusedByName) {
  Start(MakePlan(1));
  const absl::Status loss = cluster_->SetWeather({.loss_permille = 1});
  EXPECT_EQ(loss.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(loss.message()), HasSubstr("TCP"));
  EXPECT_TRUE(cluster_->SetWeather({.delay_factor = 3}).ok());
  EXPECT_FALSE(cluster_->NotWatched().empty());
}

}  // namespace
}  // namespace holdfast::process
