// Themes about who is in a group: replicas that are replaced under load, while they are away, or since their disk is
// gone, with crashes at each phase of it.

#ifndef HARNESS_PLAN_MEMBERSHIP_THEMES_H_
#define HARNESS_PLAN_MEMBERSHIP_THEMES_H_

#include <cstdint>

#include "harness/plan/draft.h"

namespace holdfast::plan {

void PlayReplaceReplica(uint64_t at_us, Draft* draft);
void PlayReplaceDead(uint64_t at_us, Draft* draft);
void PlayGrowAndShrink(uint64_t at_us, Draft* draft);
void PlayLostDisk(uint64_t at_us, Draft* draft);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_MEMBERSHIP_THEMES_H_
