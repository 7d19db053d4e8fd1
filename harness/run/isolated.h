// One run in a forked child: a failed check, a signal or a hang of the cluster under test becomes a result, CRASHED,
// with the tail of the child's stderr as evidence. This process opens no store.

#ifndef HARNESS_RUN_ISOLATED_H_
#define HARNESS_RUN_ISOLATED_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "harness/run/trial.h"

namespace holdfast::run {

struct IsolatedOptions {
  int64_t timeout_ms = 60'000;                  // of wall time; then it counts as a hang
  std::function<bool()> should_stop = nullptr;  // asked several times a second; may be empty
};

// Cancelled if it was stopped; any other error means that no child could be made.
absl::StatusOr<TrialReport> RunIsolated(const Trial& trial, const TrialOptions& options,
                                        const IsolatedOptions& isolated);
// The same, for any work.
absl::StatusOr<TrialReport> RunIsolated(const std::function<TrialReport()>& work, const IsolatedOptions& isolated);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_ISOLATED_H_
