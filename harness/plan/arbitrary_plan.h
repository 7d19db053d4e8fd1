// Plans for RapidCheck properties: a seed is drawn, a plan made from it, and shrunk as findings are.
//
// RapidCheck's own combinators would build a tree of shrinks for each of a plan's thousands of draws; one lazy sequence
// of whole plans is faster, and smaller plans are found by meaning (a node less) rather than by digits.

#ifndef HARNESS_PLAN_ARBITRARY_PLAN_H_
#define HARNESS_PLAN_ARBITRARY_PLAN_H_

#include <rapidcheck.h>

#include <iosfwd>

#include "harness/plan/plan.pb.h"
#include "harness/plan/profile.h"

namespace holdfast::plan {

// RapidCheck's size has no effect: how large plans are is the profile's to say.
rc::Gen<Plan> ArbitraryPlan(const Profile& profile);

// How RapidCheck prints a plan: as text that `holdfast run --plan` reads.
void showValue(const Plan& plan, std::ostream& out);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_ARBITRARY_PLAN_H_
