#include "harness/process/real_time.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "harness/cluster/plan_shape.h"

namespace holdfast::process {

absl::StatusOr<RealTimeOptions> RealTimeOptionsOf(const plan::Plan& plan, int64_t speed) {
  const absl::StatusOr<sut::NodeOptions> planned = NodeOptionsOf(plan);
  if (!planned.ok()) return planned.status();
  RealTimeOptions real;
  real.options = plan.options();
  // No less than node_options.h allows.
  const auto faster = [speed](int64_t time_us, int64_t us_min) {
    return static_cast<uint64_t>(std::max(time_us / speed, us_min));
  };
  const auto tick_us = static_cast<int64_t>(faster(planned->tick_us, 1'000));
  const int64_t tick_us_min = kElectionUsMin / planned->election_ticks;
  real.options.set_tick_us(static_cast<uint64_t>(std::max(tick_us, tick_us_min)));
  real.options.set_reconcile_interval_us(faster(planned->reconcile_interval_us, 10'000));
  real.options.set_tablet_call_timeout_us(faster(planned->tablet_call_timeout_us, 10'000));
  real.options.set_snapshot_timeout_us(faster(planned->snapshot_timeout_us, 100'000));
  real.options.set_attempt_timeout_us(faster(planned->attempt_timeout_us, 10'000));
  // What the speed alone brings about was not the plan's wish.
  if (planned->tick_us < tick_us_min) {
    real.refused.push_back(absl::StrCat("a tick of less than ", tick_us_min,
                                        " us: an election on a real machine needs ", kElectionUsMin / 1000,
                                        " ms at least"));
  }
  return real;
}

}  // namespace holdfast::process
