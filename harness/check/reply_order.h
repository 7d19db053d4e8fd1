// Replies name the op id at which a read was served or a write stands. By real time these may never go back: what is
// asked after something had ended stands behind it in the tablet's log, or is read there or later. A read that was
// served by a replica that had fallen behind breaks this even if nothing that it shows had changed, so it is found
// where the search for an order finds nothing wrong (Herlihy and Wing, 1990, the real-time order of linearizability).
//
// Parts of snapshots and restores are left out: they are named by the log, not by replies. One thread.

#ifndef HARNESS_CHECK_REPLY_ORDER_H_
#define HARNESS_CHECK_REPLY_ORDER_H_

#include <vector>

#include "harness/check/inspection.h"
#include "harness/history/history.h"

namespace holdfast::check {

// The first violation of each tablet.
std::vector<Violation> CheckReplyOrder(const history::History& history);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_REPLY_ORDER_H_
