// Minimising a failing run: the smallest plan found that fails for the same reason, each candidate run in a child of
// its own.

#ifndef HARNESS_RUN_MINIMIZE_RUN_H_
#define HARNESS_RUN_MINIMIZE_RUN_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "harness/run/trial.h"

namespace holdfast::run {

struct MinimizeRunOptions {
  int64_t wall_ms_max = 60'000;
  size_t runs_max = 3'000;
  int64_t timeout_ms = 60'000;                  // of one run; candidates of anything but a hang get less
  std::function<bool()> should_stop = nullptr;  // may be empty
};

struct MinimizedTrial {
  Trial trial;
  size_t runs = 0;
  bool is_minimal = false;  // no smaller plan that was tried fails in the same way
};

// `result` is what `trial` came to. A trial with a crash point stays as it is: with a step less, the point is another
// place. FailedPrecondition if the trial does not fail again as it did; Cancelled if it was stopped before that was
// known.
absl::StatusOr<MinimizedTrial> MinimizeTrial(const Trial& trial, const Result& result,
                                             const MinimizeRunOptions& options);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_MINIMIZE_RUN_H_
