// Themes about reads that take long.

#ifndef HARNESS_PLAN_SCAN_THEMES_H_
#define HARNESS_PLAN_SCAN_THEMES_H_

#include <cstdint>

#include "harness/plan/draft.h"

namespace holdfast::plan {

void PlayLongScans(uint64_t at_us, Draft* draft);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_SCAN_THEMES_H_
