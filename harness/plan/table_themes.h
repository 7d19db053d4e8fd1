// Themes about whole tables.

#ifndef HARNESS_PLAN_TABLE_THEMES_H_
#define HARNESS_PLAN_TABLE_THEMES_H_

#include <cstdint>

#include "harness/plan/draft.h"

namespace holdfast::plan {

void PlayDroppedTable(uint64_t at_us, Draft* draft);
void PlayImportedSnapshot(uint64_t at_us, Draft* draft);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_TABLE_THEMES_H_
