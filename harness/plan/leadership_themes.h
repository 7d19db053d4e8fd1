// Themes about who leads, and who hears of it: leaders that are severed with a part of the clients, follow one another
// too fast, or lag behind their successors; networks of odd shapes; nodes that crash again and again.

#ifndef HARNESS_PLAN_LEADERSHIP_THEMES_H_
#define HARNESS_PLAN_LEADERSHIP_THEMES_H_

#include <cstdint>

#include "harness/plan/draft.h"

namespace holdfast::plan {

void PlayIsolatedLeader(uint64_t at_us, Draft* draft);
void PlayIsolatedMaster(uint64_t at_us, Draft* draft);
void PlayMasterToAndFro(uint64_t at_us, Draft* draft);
void PlayRollingIsolation(uint64_t at_us, Draft* draft);
void PlayDeposedLeaderLags(uint64_t at_us, Draft* draft);
void PlayOddNetwork(uint64_t at_us, Draft* draft);
void PlayRestartLoop(uint64_t at_us, Draft* draft);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_LEADERSHIP_THEMES_H_
