// Parts of a problem that are problems themselves: fewer cells, or the events up to one of them.
//
// Both keep the numbers of cells and the sources of items, so that what is found in a part can be told of the whole.
#ifndef HOLDFAST_HARNESS_CHECK_PROBLEM_PART_H_
#define HOLDFAST_HARNESS_CHECK_PROBLEM_PART_H_

#include <cstdint>
#include <span>

#include "harness/check/problem.h"

namespace holdfast::check {

// The items on these cells. REQUIRES: every item is single.
Problem OnCells(const Problem& problem, std::span<const uint32_t> cells);

// The prefix that ends with this event: what is called later is left out, and what ends later may still be left out.
Problem UpTo(const Problem& problem, int64_t event);

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_PROBLEM_PART_H_
