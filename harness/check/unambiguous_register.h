// A judge for cells whose values each have one writer: linear but for sorting, whatever the concurrency.
//
// The class: the cell is only read and written, by operations that touch nothing else, and no value is written twice
// (the initial value counts as written before everything). Then every read tells its write. A write and its reads are a
// cluster; in a linearization clusters stand one behind the other, so one must come first if any of its operations ends
// before one of the other begins. Gibbons and Korach ("Testing shared memories", SIAM Journal on Computing 26(4), 1997,
// section 4) show that it is enough that no two clusters must each come first: with the zone of a cluster from the
// first end to the last beginning of its operations, no two forward zones overlap and no backward zone lies within a
// forward one. Indeterminate writes that nobody saw are left out, those that were seen have happened.
//
// Cells out of the class are for the search to judge, as is the evidence of a violation. Pure; one thread.
#ifndef HOLDFAST_HARNESS_CHECK_UNAMBIGUOUS_REGISTER_H_
#define HOLDFAST_HARNESS_CHECK_UNAMBIGUOUS_REGISTER_H_

#include <cstdint>
#include <vector>

#include "harness/check/problem.h"
#include "harness/check/verdict.h"

namespace holdfast::check {

struct CellVerdicts {
  // kPass: all cells are right. kFail: those in `wrong` are not. kUnknown: those in `undecided` are out of the class,
  // the others are right.
  Verdict verdict = Verdict::kUnknown;
  std::vector<uint32_t> wrong;
  std::vector<uint32_t> undecided;
};

// Judges each cell by itself. A problem with an operation on several cells is out of the class as a whole.
CellVerdicts JudgeUnambiguousCells(const Problem& problem, Meter* meter);

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_UNAMBIGUOUS_REGISTER_H_
