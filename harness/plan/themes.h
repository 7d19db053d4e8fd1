// The themes of random plans: each puts one short story on a draft's timeline.
//
// None is made for one bug; each is a situation in which snapshots of real systems have gone wrong. A theme must put in
// no more snapshots, restores and faults than it says it needs at most.

#ifndef HARNESS_PLAN_THEMES_H_
#define HARNESS_PLAN_THEMES_H_

#include <cstdint>

#include "harness/plan/draft.h"
#include "harness/plan/profile.h"

namespace holdfast::plan {

// The most that a theme puts in.
struct ThemeNeeds {
  uint64_t snapshots = 0;
  uint64_t restores = 0;
  uint64_t faults = 0;
};

ThemeNeeds NeedsOf(Theme theme);

// Plays the theme from `at_us` on.
void Play(Theme theme, uint64_t at_us, Draft* draft);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_THEMES_H_
