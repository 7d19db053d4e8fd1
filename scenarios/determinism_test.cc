// Property: a run is a function of its plan. Nothing of the process that runs it gets in: not its clock, not what it
// ran before, not where its memory lies. And the self-check that watches over this in campaigns would see it if
// something did.
//
// Fault model, for the last: the real clock, in whole microseconds below a millisecond, is let into the nodes' clocks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>

#include "harness/plan/generator.h"
#include "harness/run/isolated.h"
#include "scenarios/scenario_run.h"

namespace holdfast::scenarios {
namespace {

constexpr uint64_t kSeeds = HOLDFAST_DETERMINISM_PLANS;
const run::IsolatedOptions kPatient{.timeout_ms = 120'000, .should_stop = nullptr};

run::Trial TrialOf(const plan::Plan& plan) {
  run::Trial trial;
  *trial.mutable_plan() = plan;
  return trial;
}

plan::Plan CreatePlan() {
  return LoadPlanFile(std::filesystem::path(HOLDFAST_SCENARIOS) / "plans" / "create.textproto");
}

int64_t RealMicroseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count() % 1'000;
}

TEST(DeterminismScenario, TwoRunsInOneProcessAgree) {
  for (const std::string_view profile : plan::ProfileNames()) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const plan::Plan plan = plan::GeneratePlan(seed, *plan::ProfileNamed(profile));
      const run::Result result = RunPlanTwice(plan);
      EXPECT_EQ(result.verdict(), run::Result::PASS) << Explain(plan, result);
    }
  }
}

TEST(DeterminismScenario, WhatTheProcessRanBeforeChangesNothing) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const plan::Plan plan = plan::GeneratePlan(seed, plan::DefaultProfile());
    const run::Result alone = RunPlan(plan);
    const auto after_others = run::RunIsolated(
        [&] {
          run::RunTrial(TrialOf(plan::GeneratePlan(seed + 1'000, plan::DefaultProfile())), {});
          run::RunTrial(TrialOf(CreatePlan()), {});
          return run::RunTrial(TrialOf(plan), {});
        },
        kPatient);
    ASSERT_TRUE(after_others.ok()) << after_others.status();
    std::vector<std::string> differences;
    EXPECT_TRUE(run::SameRun(alone, after_others->result(), &differences)) << differences.front();
  }
}

TEST(DeterminismScenario, RunsOfDifferentPlansDiffer) {
  std::set<uint64_t> digests;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    digests.insert(RunPlan(plan::GeneratePlan(seed, plan::DefaultProfile())).history_digest());
  }
  EXPECT_EQ(digests.size(), 5u) << "a digest that is always the same proves nothing";
}

TEST(DeterminismScenario, WhatIsRecordedBesidesChangesNothing) {
  const run::Trial trial = TrialOf(plan::GeneratePlan(7, plan::DefaultProfile()));
  const run::Result plain = RunTrialInChild(trial, {});
  const run::Result recorded =
      RunTrialInChild(trial, {.keep_history = true, .keep_timeline = true, .profile_time = true});
  EXPECT_FALSE(recorded.timeline().empty());
  std::vector<std::string> differences;
  EXPECT_TRUE(run::SameRun(plain, recorded, &differences)) << differences.front();
}

TEST(DeterminismScenario, TheSelfCheckSeesARealClock) {
  run::Trial trial = TrialOf(CreatePlan());
  trial.set_twice(true);
  run::TrialOptions options;
  options.clock_skew_us = RealMicroseconds;
  const run::Result with_real_clock = RunTrialInChild(trial, options);
  ASSERT_EQ(with_real_clock.verdict(), run::Result::NONDETERMINISTIC);
  ASSERT_FALSE(with_real_clock.violations().empty());
  EXPECT_EQ(with_real_clock.violations(0).checker(), "self-check");
  EXPECT_THAT(with_real_clock.violations(0).evidence(), testing::Contains(testing::HasSubstr("against")));

  // The hook by itself is not what it sees.
  options.clock_skew_us = [] { return 250; };
  EXPECT_EQ(RunTrialInChild(trial, options).verdict(), run::Result::PASS);
}

}  // namespace
}  // namespace holdfast::scenarios
