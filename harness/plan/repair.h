// Changes to a plan that keep it valid and change as little else as can be.
//
// A step that goes leaves its gap to the next one, so that what stays happens when it did before; what depended on it
// (a restore of a snapshot that is no longer made) goes with it.

#ifndef HARNESS_PLAN_REPAIR_H_
#define HARNESS_PLAN_REPAIR_H_

#include <cstdint>
#include <functional>

#include "harness/plan/plan.pb.h"

namespace holdfast::plan {

// Calls `keep` for each step in order, which may change the step, and removes those for which it says no.
void KeepSteps(Plan* plan, const std::function<bool(Step*)>& keep);

// Removes the steps that are not valid where they stand. REQUIRES: the header is valid.
void Repair(Plan* plan);

// Each keeps the meaning of every step that can keep it, and repairs the plan.
// REQUIRES: the new number is a valid one, at most the old one.
void SetNodes(Plan* plan, uint32_t nodes);
void SetReplicationFactor(Plan* plan, uint32_t factor);
void RemoveTable(Plan* plan, uint32_t table);
// Everything happens to the first table.
void FoldTables(Plan* plan);
void SetTablets(Plan* plan, uint32_t tablets);
void SetClients(Plan* plan, uint32_t clients);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_REPAIR_H_
