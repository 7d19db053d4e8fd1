// A plan made from another: what a guided campaign tries where a plan has reached something new.
//
// Pure: the same arguments give the same plan. The result is valid, as the base is; steps that lose their meaning (a
// restore of a snapshot that is no longer made) go.

#ifndef HARNESS_PLAN_MUTATE_H_
#define HARNESS_PLAN_MUTATE_H_

#include <cstdint>

#include "harness/plan/plan.pb.h"

namespace holdfast::plan {

// One to four changes to `base`: steps are taken over from `donor`, moved, left out, closer together or further apart,
// wait for another probe, or draw other randomness; constants of the nodes and of the world may become the donor's.
// REQUIRES: both are valid.
Plan Mutate(const Plan& base, const Plan& donor, uint64_t seed);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_MUTATE_H_
