// The first order to try: the one that the replies' op ids tell. If it is a legal sequential history of the
// snapshottable map and respects real time, the history is linearizable, and the order itself is the certificate. If
// not, nothing is said: hints are only hints, and the search decides.
//
// Linear in the operations and the rows that they return, but for sorting. Pure.

#ifndef HARNESS_CHECK_HINT_ORDER_H_
#define HARNESS_CHECK_HINT_ORDER_H_

#include <cstdint>
#include <span>

#include "harness/history/history.h"

namespace holdfast::check {

// `positions`: the operations of one object. An indeterminate operation counts as having taken effect if it has a hint.
bool HintOrderIsLinearization(const history::History& history, std::span<const uint32_t> positions);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_HINT_ORDER_H_
