#include "harness/run/minimize_run.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "harness/plan/shrink.h"
#include "harness/run/isolated.h"

namespace holdfast::run {
namespace {

using Clock = std::chrono::steady_clock;

// Hangs are shrunk with less patience: each candidate that still hangs costs it in full.
constexpr int64_t kHangTimeoutMs = 10'000;

}  // namespace

absl::StatusOr<MinimizedTrial> MinimizeTrial(const Trial& trial, const Result& result,
                                             const MinimizeRunOptions& options) {
  MinimizedTrial minimized{.trial = trial};
  if (trial.has_crash_point()) return minimized;
  const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(options.wall_ms_max);
  const auto stopped = [&] { return options.should_stop && options.should_stop(); };
  const IsolatedOptions isolated{.timeout_ms = std::min(options.timeout_ms, kHangTimeoutMs), .should_stop = stopped};
  absl::Status broken;
  const auto still_fails = [&](const plan::Plan& candidate) {
    Trial candidate_trial = trial;
    *candidate_trial.mutable_plan() = candidate;
    const absl::StatusOr<TrialReport> report = RunIsolated(candidate_trial, {}, isolated);
    if (!report.ok() && !absl::IsCancelled(report.status())) broken = report.status();
    return report.ok() && SameFailure(report->result(), result);
  };
  const plan::MinimizeOptions limits{
      .max_runs = options.runs_max,
      .should_stop = [&] { return stopped() || !broken.ok() || Clock::now() >= deadline; },
  };
  absl::StatusOr<plan::MinimizeResult> smallest = plan::Minimize(trial.plan(), still_fails, limits);
  if (!broken.ok()) return broken;
  if (!smallest.ok()) return stopped() ? absl::CancelledError("stopped") : smallest.status();
  *minimized.trial.mutable_plan() = std::move(smallest->plan);
  minimized.runs = smallest->runs;
  minimized.is_minimal = smallest->is_minimal;
  return minimized;
}

}  // namespace holdfast::run
