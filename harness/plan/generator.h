// Random plans.
//
// Contract: a plan is a function of seed and profile; it validates; what it holds keeps to the profile's sizes. Plans
// for campaigns come straight from the seed; the RapidCheck generator draws seeds and shrinks with the same reductions
// that minimise findings.

#ifndef HARNESS_PLAN_GENERATOR_H_
#define HARNESS_PLAN_GENERATOR_H_

#include <cstdint>
#include <vector>

#include "harness/plan/plan.pb.h"
#include "harness/plan/profile.h"

namespace holdfast::plan {

Plan GeneratePlan(uint64_t seed, const Profile& profile);

// The same, and which themes it was woven from.
struct GeneratedPlan {
  Plan plan;
  std::vector<Theme> themes;
};
GeneratedPlan GenerateWithThemes(uint64_t seed, const Profile& profile);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_GENERATOR_H_
