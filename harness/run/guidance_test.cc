#include "harness/run/guidance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/plan/generator.h"
#include "harness/plan/plan_text.h"
#include "harness/plan/profile.h"

namespace holdfast::run {
namespace {

using ::testing::Contains;
using ::testing::Not;

plan::Plan PlanOf(uint64_t seed) { return plan::GeneratePlan(seed, plan::DefaultProfile()); }

TEST(GuidanceTest, CountsAreFeaturesInPowersOfTwo) {
  Result result;
  (*result.mutable_probes())["tablet.install.begun"] = 5;
  (*result.mutable_probes())["tablet.drop.begun"] = 0;
  (*result.mutable_cells())["creating/disk"] = 1;
  EXPECT_THAT(FeaturesOf(result), Contains("tablet.install.begun*4"));
  EXPECT_THAT(FeaturesOf(result), Contains("creating/disk*1"));
  EXPECT_THAT(FeaturesOf(result), Not(Contains("tablet.drop.begun*0")));
}

TEST(GuidanceTest, OnlyAPlanThatReachedSomethingNewIsKept) {
  Guidance guidance;
  EXPECT_TRUE(guidance.Learn(PlanOf(1), {"a", "b"}));
  EXPECT_FALSE(guidance.Learn(PlanOf(2), {"b"}));
  EXPECT_FALSE(guidance.Learn(PlanOf(3), {}));
  EXPECT_TRUE(guidance.Learn(PlanOf(4), {"b", "c"}));
  EXPECT_EQ(guidance.kept(), 2u);
  EXPECT_EQ(guidance.features(), 3u);
}

TEST(GuidanceTest, MutatesAboutHalfOfThePlansOnceOneIsKept) {
  Guidance guidance;
  EXPECT_FALSE(guidance.Mutated(PlanOf(1), 1)) << "there is nothing to mutate yet";
  guidance.Learn(PlanOf(9), {"a"});
  int mutated = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) mutated += guidance.Mutated(PlanOf(2), seed) ? 1 : 0;
  EXPECT_GT(mutated, 30);
  EXPECT_LT(mutated, 70);
}

TEST(GuidanceTest, TheOldestPlansMakeRoom) {
  Guidance guidance;
  const plan::Plan plan = PlanOf(1);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(guidance.Learn(plan, {std::to_string(i)}));
  EXPECT_EQ(guidance.kept(), 128u);
}

}  // namespace
}  // namespace holdfast::run
