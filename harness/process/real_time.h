// A plan's time on a real machine: the constants of its nodes, as fast as its run shall be and no faster than a busy
// machine keeps up with. Pure.

#ifndef HARNESS_PROCESS_REAL_TIME_H_
#define HARNESS_PROCESS_REAL_TIME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/plan/plan.pb.h"

namespace holdfast::process {

struct RealTimeOptions {
  // The plan's, with every time divided by the speed.
  plan::Options options;
  // Values of the plan's own that could not be had, in a line each.
  std::vector<std::string> refused;
};

// InvalidArgument: a planted bug that nobody knows.
absl::StatusOr<RealTimeOptions> RealTimeOptionsOf(const plan::Plan& plan, int64_t speed);

// An election time-out is at least so long: a node that waits its turn for a processor must not be deposed for it.
inline constexpr int64_t kElectionUsMin = 200'000;

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_REAL_TIME_H_
