// Properties: what comes out of a campaign depends on its seed alone; the self-check finds what is not a function of
// the plan; a campaign ends when it is told to.

#include "harness/run/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>

namespace holdfast::run {
namespace {

class Collector : public CampaignObserver {
 public:
  void OnResult(uint64_t number, const Result& result, const CampaignSummary&) override {
    digests[number] = {result.history_digest(), result.final_draw()};
    if (result.verdict() != Result::PASS) not_passed.push_back(result);
  }
  void OnFinding(uint64_t number, const Trial&, const Result&) override { findings.push_back(number); }
  bool GoOn(const CampaignSummary& so_far) override { return so_far.plans() < stop_after; }

  std::map<uint64_t, std::pair<uint64_t, uint64_t>> digests;
  std::vector<Result> not_passed;
  std::vector<uint64_t> findings;
  uint64_t stop_after = UINT64_MAX;
};

CampaignOptions Options(uint64_t seed, uint64_t plans, int jobs) {
  CampaignOptions options;
  options.seed = seed;
  options.plans = plans;
  options.profiles = plan::DefaultProfile();
  options.pool.jobs = jobs;
  return options;
}

CampaignSummary RunAll(const CampaignOptions& options, Collector* collector) {
  absl::StatusOr<CampaignSummary> summary = RunCampaign(options, collector);
  EXPECT_TRUE(summary.ok()) << summary.status();
  return summary.ok() ? *summary : CampaignSummary();
}

TEST(CampaignTest, OneSeedGivesTheSameRunsWhateverTheNumberOfJobs) {
  Collector one;
  Collector two;
  RunAll(Options(7, 6, 1), &one);
  RunAll(Options(7, 6, 2), &two);
  EXPECT_EQ(one.digests.size(), 6u);
  EXPECT_EQ(one.digests, two.digests);
}

TEST(CampaignTest, AGuidedOneKeepsPlansAndGivesTheSameRunsWhateverTheNumberOfJobs) {
  const auto guided = [](int jobs, Collector* collector) {
    CampaignOptions options = Options(7, 150, jobs);
    options.profiles = *plan::ProfileNamed("small");
    options.guided = true;
    return RunAll(options, collector);
  };
  Collector one;
  Collector two;
  const CampaignSummary summary = guided(1, &one);
  guided(2, &two);
  EXPECT_EQ(one.digests.size(), 150u);
  EXPECT_EQ(one.digests, two.digests);
  EXPECT_GT(summary.plans_kept, 10u);
  Collector fresh;
  CampaignOptions options = Options(7, 150, 2);
  options.profiles = *plan::ProfileNamed("small");
  RunAll(options, &fresh);
  EXPECT_NE(one.digests, fresh.digests);
}

TEST(CampaignTest, AnotherSeedGivesOtherRuns) {
  Collector one;
  Collector other;
  RunAll(Options(7, 2, 1), &one);
  RunAll(Options(8, 2, 1), &other);
  EXPECT_NE(one.digests, other.digests);
}

TEST(CampaignTest, TheSummaryAddsUpWhatItsRunsDid) {
  Collector collector;
  const CampaignSummary summary = RunAll(Options(3, 4, 2), &collector);
  EXPECT_EQ(summary.plans(), 4u);
  EXPECT_EQ(summary.verdicts[Result::PASS] + collector.not_passed.size(), 4u);
  EXPECT_GT(summary.counters.steps(), 0u);
  EXPECT_GT(summary.counters.operations_ok(), 0u);
  EXPECT_GT(summary.counters.simulated_us(), 0u);
  EXPECT_EQ(summary.self_checked, 1u);
}

TEST(CampaignTest, TheSelfCheckFailsWhenARealClockIsLetIn) {
  Collector collector;
  CampaignOptions options = Options(11, 3, 1);
  options.self_check_every = 1;
  // The last bits of a real clock, as a node would see them that read it.
  options.trial.clock_skew_us = [] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() % 50;
  };
  const CampaignSummary summary = RunAll(options, &collector);
  EXPECT_EQ(summary.verdicts[Result::NONDETERMINISTIC], 1u);
  EXPECT_THAT(collector.findings, ::testing::ElementsAre(0));
  ASSERT_FALSE(collector.not_passed.empty());
  EXPECT_EQ(collector.not_passed[0].violations(0).checker(), "self-check");
}

TEST(CampaignTest, ItEndsWhenItIsToldTo) {
  Collector collector;
  collector.stop_after = 2;
  const CampaignSummary summary = RunAll(Options(5, 1'000, 1), &collector);
  EXPECT_TRUE(summary.interrupted);
  EXPECT_EQ(summary.plans(), 2u);
}

TEST(CampaignTest, ItEndsWhenItsTimeIsOver) {
  Collector collector;
  CampaignOptions options = Options(5, 1'000'000, 1);
  options.duration = std::chrono::milliseconds(300);
  const CampaignSummary summary = RunAll(options, &collector);
  EXPECT_FALSE(summary.interrupted);
  EXPECT_GE(summary.wall_us, 300'000u);
}

}  // namespace
}  // namespace holdfast::run
