// Properties: every point of a small plan is tried and strikes; a cluster that keeps its word passes; one that does not
// is found, and the finding replays.

#include "harness/run/enumerate.h"

#include <gtest/gtest.h>

#include <set>

#include "harness/plan/plan_text.h"
#include "harness/run/isolated.h"
#include "harness/run/result_text.h"

namespace holdfast::run {
namespace {

class Collector : public EnumerationObserver {
 public:
  void OnCounted(const EnumerationSummary& summary) override { total = summary.total; }
  void OnFinding(const Trial& trial, const Result& result) override { findings.emplace_back(trial, result); }
  void OnNotStruck(const CrashPoint& point) override { not_struck.push_back(CrashPointText(point)); }
  bool GoOn(const EnumerationSummary& so_far) override { return so_far.tried < stop_after; }

  uint64_t total = 0;
  uint64_t stop_after = UINT64_MAX;
  std::vector<std::pair<Trial, Result>> findings;
  std::vector<std::string> not_struck;
};

// One node, one row, one snapshot: few points, and all kinds of them.
plan::Plan TinyPlan() {
  const absl::StatusOr<plan::ParsedPlan> parsed = plan::ParsePlan(R"(
    format_version: 1
    seed: 5
    shape { nodes: 1 replication_factor: 1 tables: 1 tablets_per_table: 1 }
    options { flush_after_entries: 1 }
    clients: 1
    skip_epilogue: true
    steps { gap_us: 50000 salt: 1 client { write { mutations { key: "a" value: "v1" } } } }
    steps { gap_us: 50000 salt: 2 snapshot { create { snapshot: 1 tables: 0 } } }
    steps { gap_us: 900000 salt: 3 client { scan { } } }
  )",
                                                                  "tiny");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed->plan;
}

TEST(EnumerateTest, EveryPointIsTriedAndStrikesAndTheClusterPasses) {
  Collector collector;
  EnumerateOptions options;
  options.pool.jobs = 2;
  const absl::StatusOr<EnumerationSummary> summary = Enumerate(TinyPlan(), options, &collector);
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_EQ(summary->points.size(), 1u);
  EXPECT_GT(summary->points[0].mutations(), 10u);
  EXPECT_GT(summary->points[0].probes(), 5u);
  EXPECT_EQ(summary->total, 2 * (summary->points[0].mutations() + summary->points[0].probes()));
  EXPECT_EQ(summary->tried, summary->total);
  EXPECT_EQ(summary->struck, summary->total);
  EXPECT_TRUE(collector.not_struck.empty());
  EXPECT_EQ(summary->findings, 0u);
  for (const auto& [trial, result] : collector.findings) {
    ADD_FAILURE() << CrashPointText(trial.crash_point()) << "\n" << ViolationsText(result);
  }
}

TEST(EnumerateTest, APlantedBugOfDurabilityIsFoundAndItsPointReplays) {
  plan::Plan plan = TinyPlan();
  plan.add_bugs("no-parent-fsync-after-rename");
  Collector collector;
  EnumerateOptions options;
  options.kinds = {fault::Crash::POWER_LOSS};
  const absl::StatusOr<EnumerationSummary> summary = Enumerate(plan, options, &collector);
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_FALSE(collector.findings.empty());
  const auto& [trial, result] = collector.findings.front();
  const absl::StatusOr<TrialReport> again = RunIsolated(trial, {}, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(SameFailure(again->result(), result));
  EXPECT_EQ(again->result().history_digest(), result.history_digest());
}

TEST(EnumerateTest, AStopLeavesTheRestUntried) {
  Collector collector;
  collector.stop_after = 5;
  const absl::StatusOr<EnumerationSummary> summary = Enumerate(TinyPlan(), {}, &collector);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_TRUE(summary->interrupted);
  EXPECT_LT(summary->tried, summary->total);
}

TEST(EnumerateTest, EveryFileSystemOperationFailsOnceAndTheClusterRecovers) {
  Collector collector;
  EnumerateOptions options;
  options.points = PointSet::kFails;
  options.pool.jobs = 2;
  const absl::StatusOr<EnumerationSummary> summary = Enumerate(TinyPlan(), options, &collector);
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_EQ(summary->points.size(), 1u);
  EXPECT_GT(summary->points[0].reads(), 0u);
  EXPECT_EQ(summary->total, summary->points[0].mutations() + summary->points[0].reads());
  EXPECT_EQ(summary->struck, summary->total);
  for (const auto& [trial, result] : collector.findings) {
    ADD_FAILURE() << CrashPointText(trial.crash_point()) << "\n" << ViolationsText(result);
  }
}

TEST(EnumerateTest, ANodeDiesBeforeEveryMessageAndTheClusterRecovers) {
  Collector collector;
  EnumerateOptions options;
  options.points = PointSet::kDeliveries;
  options.pool.jobs = 2;
  const absl::StatusOr<EnumerationSummary> summary = Enumerate(TinyPlan(), options, &collector);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_GT(summary->points[0].deliveries(), 4u);
  EXPECT_EQ(summary->total, 2 * summary->points[0].deliveries());
  EXPECT_EQ(summary->struck, summary->total);
  for (const auto& [trial, result] : collector.findings) {
    ADD_FAILURE() << CrashPointText(trial.crash_point()) << "\n" << ViolationsText(result);
  }
}

TEST(EnumerateTest, PairsOfCrashesStrikeAndTheClusterRecovers) {
  Collector collector;
  EnumerateOptions options;
  options.points = PointSet::kPairs;
  options.pairs = 60;
  options.pool.jobs = 2;
  const absl::StatusOr<EnumerationSummary> summary = Enumerate(TinyPlan(), options, &collector);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->tried, options.pairs);
  EXPECT_GT(summary->struck, options.pairs / 2);
  for (const auto& [trial, result] : collector.findings) {
    ADD_FAILURE() << CrashPointText(trial.crash_point()) << "\n" << ViolationsText(result);
  }
}

// The death between a rename and its fsync is harmless as long as power stays: it takes the loss of it soon after.
TEST(EnumerateTest, APairOfCrashesFindsWhatNoSingleOneOfItsKindsDoes) {
  plan::Plan plan = TinyPlan();
  plan.add_bugs("no-parent-fsync-after-rename");
  EnumerateOptions options;
  options.pool.jobs = 2;
  options.kinds = {fault::Crash::PROCESS_DEATH};
  Collector single;
  ASSERT_TRUE(Enumerate(plan, options, &single).ok());
  EXPECT_TRUE(single.findings.empty());
  options.kinds.push_back(fault::Crash::POWER_LOSS);
  options.points = PointSet::kPairs;
  options.pairs = 300;
  Collector pairs;
  ASSERT_TRUE(Enumerate(plan, options, &pairs).ok());
  ASSERT_FALSE(pairs.findings.empty());
  const auto& [trial, result] = pairs.findings.front();
  const absl::StatusOr<TrialReport> again = RunIsolated(trial, {}, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(SameFailure(again->result(), result));
  EXPECT_EQ(again->result().history_digest(), result.history_digest());
}

TEST(EnumerateTest, EveryWriteIsTornOnceAndTheClusterRecovers) {
  Collector collector;
  EnumerateOptions options;
  options.points = PointSet::kTorn;
  options.pool.jobs = 2;
  const absl::StatusOr<EnumerationSummary> summary = Enumerate(TinyPlan(), options, &collector);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_GT(summary->total, 4u);
  EXPECT_EQ(summary->total, 2 * summary->points[0].writes());
  EXPECT_EQ(summary->struck, summary->total);
  for (const auto& [trial, result] : collector.findings) {
    ADD_FAILURE() << CrashPointText(trial.crash_point()) << "\n" << ViolationsText(result);
  }
}

}  // namespace
}  // namespace holdfast::run
