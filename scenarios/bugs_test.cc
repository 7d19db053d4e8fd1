// Property: the harness bites. Each planted bug is found by random plans, made small, and shows again whenever the
// small plan runs; and it is the bug that is found, for without it the same plan passes.
//
// Fault model: one switch of the planted-bug catalogue, in every node, under the default profile.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <optional>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "harness/run/campaign.h"
#include "harness/run/minimize_run.h"
#include "harness/run/result_text.h"
#include "scenarios/scenario_run.h"

namespace holdfast::scenarios {
namespace {

constexpr uint64_t kPlansMax = 2'000;
constexpr int kStepsMax = 15;
constexpr int kReplays = 20;
// Only a bound: minimising ends by itself long before.
constexpr int64_t kMinimizeMsMax = 240'000;

struct Found {
  uint64_t number = 0;  // of the plan
  run::Trial trial;
  run::Result result;
};

class FirstFinding : public run::CampaignObserver {
 public:
  void OnResult(uint64_t, const run::Result&, const run::CampaignSummary&) override {}
  void OnFinding(uint64_t number, const run::Trial& trial, const run::Result& result) override {
    found = Found{number, trial, result};
  }
  bool GoOn(const run::CampaignSummary&) override { return true; }

  std::optional<Found> found;
};

std::optional<Found> Hunt(const std::string& bug, uint64_t seed) {
  run::CampaignOptions options;
  options.seed = seed;
  options.profiles = *plan::ProfileSet::Named("all");
  options.bugs = {bug};
  options.plans = kPlansMax;
  options.self_check_every = 0;
  FirstFinding first;
  const absl::StatusOr<run::CampaignSummary> summary = run::RunCampaign(options, &first);
  EXPECT_TRUE(summary.ok()) << summary.status();
  return first.found;
}

// The smallest plan that fails as what was found does.
std::optional<plan::Plan> Minimize(const Found& found) {
  const absl::StatusOr<run::MinimizedTrial> minimized =
      run::MinimizeTrial(found.trial, found.result, {.wall_ms_max = kMinimizeMsMax, .should_stop = nullptr});
  EXPECT_TRUE(minimized.ok()) << minimized.status();
  if (!minimized.ok()) return std::nullopt;
  EXPECT_TRUE(minimized->is_minimal);
  std::cout << "minimised: " << minimized->trial.plan().steps_size() << " steps of " << found.trial.plan().steps_size()
            << ", " << minimized->runs << " runs" << std::endl;
  return minimized->trial.plan();
}

void ExpectReplaysAgree(const plan::Plan& plan, const run::Result& found) {
  const run::Result first = RunPlan(plan);
  EXPECT_TRUE(run::SameFailure(first, found)) << Explain(plan, first);
  for (int replay = 1; replay < kReplays; ++replay) {
    std::vector<std::string> differences;
    EXPECT_TRUE(run::SameRun(RunPlan(plan), first, &differences)) << "replay " << replay << ": " << differences.front();
  }
}

class PlantedBugTest : public testing::TestWithParam<std::tuple<std::string, uint64_t>> {
 protected:
  std::string bug() const { return std::get<0>(GetParam()); }
  uint64_t seed() const { return std::get<1>(GetParam()); }
};

TEST_P(PlantedBugTest, IsFoundMadeSmallAndReplays) {
  const std::optional<Found> found = Hunt(bug(), seed());
  ASSERT_TRUE(found) << "not within " << kPlansMax << " plans of seed " << seed();
  std::cout << "found by plan " << found->number << ": " << run::HeadlineText(found->result) << std::endl;
  std::optional<plan::Plan> minimal = Minimize(*found);
  ASSERT_TRUE(minimal);
  EXPECT_LE(minimal->steps_size(), kStepsMax) << Explain(*minimal, found->result);
  ExpectReplaysAgree(*minimal, found->result);

  minimal->clear_bugs();
  const run::Result without = RunPlan(*minimal);
  // With no operation left there is little to judge, but nothing that is wrong.
  EXPECT_THAT(without.verdict(), testing::AnyOf(run::Result::PASS, run::Result::VACUOUS)) << Explain(*minimal, without);
}

std::string NameOf(const testing::TestParamInfo<std::tuple<std::string, uint64_t>>& info) {
  return TestName(absl::StrCat(std::get<0>(info.param), "_seed_", std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(FiveSeeds, PlantedBugTest,
                         testing::Combine(testing::ValuesIn(PlantedBugs()), testing::Range<uint64_t>(1, 6)), NameOf);

}  // namespace
}  // namespace holdfast::scenarios
