// The ways in which a plan can be made smaller, in the order in which they are worth trying.
//
// A reduction offers a number of positions; applied at one, it gives a smaller plan or has nothing to do there.
// Positions are meant to be walked downwards: a reduction that was accepted at one leaves the lower ones as they were,
// so that a walk goes on where it is instead of starting again.

#ifndef HARNESS_PLAN_REDUCTIONS_H_
#define HARNESS_PLAN_REDUCTIONS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "harness/plan/plan.pb.h"

namespace holdfast::plan {

struct Reduction {
  std::string name;
  std::function<size_t(const Plan&)> count;
  // False if there is nothing to do at this position. What it gives may need Repair.
  std::function<bool(Plan*, size_t position)> apply;
};

// Coarse before fine. The sizes of chunks fit `plan`; the reductions may be applied to any plan.
std::vector<Reduction> ReductionsFor(const Plan& plan);

// Those that change more than they take away, for a plan of which the others can't take any more. Every one leaves
// fewer steps.
std::vector<Reduction> LuckyReductionsFor(const Plan& plan);

// The parts of it: steps; the cluster; what steps say.
void AddStepReductions(const Plan& plan, std::vector<Reduction>* reductions);
void AddHeaderReductions(std::vector<Reduction>* reductions);
void AddContentReductions(std::vector<Reduction>* reductions);

// Applies at a position, repairs and validates. False if that gives no valid plan, or the same one.
bool Reduce(const Reduction& reduction, size_t position, const Plan& plan, Plan* reduced);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_REDUCTIONS_H_
