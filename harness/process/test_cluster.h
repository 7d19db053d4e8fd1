// For tests: a cluster of real processes with a small plan, and an observer that keeps what it was told.
//
// Its files go with the fixture. Waits are for conditions, with a bound that only a machine that is stuck reaches.

#ifndef HARNESS_PROCESS_TEST_CLUSTER_H_
#define HARNESS_PROCESS_TEST_CLUSTER_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/process/process_cluster.h"
#include "harness/process/small_plan.h"

namespace holdfast::process {

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
  void OnDiskStop(uint32_t, const std::string& reason) override { disk_stops.push_back(reason); }

  int recovered = 0;
  int probes = 0;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> applied;  // by tablet and node
  std::vector<std::string> down;
  std::vector<std::string> violations;
  std::vector<std::string> disk_stops;
};

class ProcessTest : public ::testing::Test {
 protected:
  static constexpr int64_t kSpeed = 2;
  // For what must happen; a slow machine may take it.
  static constexpr int64_t kPatienceUs = 120'000'000;

  ProcessTest() : work_(*WorkDirectory::Create("")) {}

  void Start(const plan::Plan& plan) {
    auto made = ProcessCluster::Create(
        plan, {.server_binary = HOLDFAST_SERVER_BINARY, .work_dir = work_->path(), .speed = kSpeed}, &told_);
    ASSERT_TRUE(made.ok()) << made.status();
    cluster_ = *std::move(made);
    const absl::Status started = cluster_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  bool Await(const std::function<bool()>& condition) {
    cluster_->RunUntil(cluster_->NowUs() + kSpeed * kPatienceUs, condition);
    return condition();
  }
  bool AwaitQuiet() {
    return Await([this] { return cluster_->IsQuiet(); });
  }
  CallResult Call(sut::proto::Request body, uint32_t object = 0) {
    std::optional<CallResult> ended;
    cluster_->Invoke({0, object, std::move(body), cluster_->NowUs() + kSpeed * kPatienceUs, 0},
                     [&](const CallResult& result) { ended = result; });
    EXPECT_TRUE(Await([&] { return ended.has_value(); }));
    return ended.value_or(CallResult{});
  }
  CallOutcome Put(const std::string& key, const std::string& value) {
    sut::proto::Request body;
    sut::proto::Mutation* mutation = body.mutable_write()->add_mutations();
    mutation->set_key(key);
    mutation->set_value(value);
    return Call(std::move(body)).outcome;
  }
  uint32_t Leader() {
    fault::Target target;
    target.set_role(fault::Target::LEADER);
    std::optional<uint32_t> leader;
    EXPECT_TRUE(Await([&] { return (leader = cluster_->Resolve(target)).has_value(); }));
    return leader.value_or(1);
  }

  Told told_;
  const std::unique_ptr<WorkDirectory> work_;
  std::unique_ptr<ProcessCluster> cluster_;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_TEST_CLUSTER_H_
