#include "harness/plan/mutate.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "harness/plan/generator.h"
#include "harness/plan/plan_text.h"
#include "harness/plan/profile.h"
#include "harness/plan/validate.h"

namespace holdfast::plan {
namespace {

Plan PlanOf(const char* profile, uint64_t seed) { return GeneratePlan(seed, *ProfileNamed(profile)); }

TEST(MutateTest, EveryMutationIsAValidPlanThatDiffersFromItsBase) {
  int changed = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    const Plan base = PlanOf("everything", seed % 5);
    const Plan mutated = Mutate(base, PlanOf("disk", seed), seed);
    const absl::Status valid = Validate(mutated, nullptr);
    ASSERT_TRUE(valid.ok()) << "seed " << seed << ": " << valid;
    changed += PrintPlan(mutated) != PrintPlan(base) ? 1 : 0;
  }
  EXPECT_GE(changed, 140);
}

TEST(MutateTest, TheSameArgumentsGiveTheSamePlan) {
  const Plan base = PlanOf("default", 1);
  const Plan donor = PlanOf("network", 2);
  std::set<std::string> distinct;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text = PrintPlan(Mutate(base, donor, seed));
    EXPECT_EQ(text, PrintPlan(Mutate(base, donor, seed)));
    distinct.insert(text);
  }
  EXPECT_GE(distinct.size(), 18u);
}

TEST(MutateTest, APlanDoesNotGrowFromMutationToMutation) {
  Plan plan = PlanOf("default", 3);
  for (uint64_t seed = 0; seed < 300; ++seed) plan = Mutate(plan, PlanOf("everything", seed % 7), seed);
  EXPECT_LE(plan.steps_size(), 600);
  EXPECT_TRUE(Validate(plan, nullptr).ok());
}

}  // namespace
}  // namespace holdfast::plan
