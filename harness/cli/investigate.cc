#include "harness/cli/investigate.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_format.h"
#include "harness/cli/stop_signal.h"
#include "harness/run/finding.h"
#include "harness/run/isolated.h"
#include "harness/run/minimize_run.h"
#include "harness/run/result_text.h"

namespace holdfast::cli {
namespace {

// Leaves the trial as it is if it can't be made smaller.
void MinimizeFinding(const FailingRun& failing, const FindingOptions& options, int64_t timeout_ms,
                     run::Finding* finding) {
  if (options.keep_as_found || finding->minimal.has_crash_point()) return;
  absl::PrintF("minimising, for at most %d s\n", options.minimize_s_max);
  std::fflush(stdout);
  const absl::StatusOr<run::MinimizedTrial> minimized = run::MinimizeTrial(
      finding->minimal, failing.result,
      {.wall_ms_max = options.minimize_s_max * 1000, .timeout_ms = timeout_ms, .should_stop = StopRequested});
  if (!minimized.ok()) {
    absl::PrintF("not minimised: %s\n", minimized.status().message());
    return;
  }
  finding->minimal = minimized->trial;
  finding->is_minimal = minimized->is_minimal;
  absl::PrintF("minimised: %d steps of %d, %d runs%s\n", finding->minimal.plan().steps_size(),
               finding->plan.steps_size(), minimized->runs, minimized->is_minimal ? "" : ", stopped before the end");
}

// The minimal plan, run with everything recorded. If that comes to something else, the finding keeps what was seen
// first.
absl::Status RecordFinding(const FailingRun& failing, int64_t timeout_ms, run::Finding* finding) {
  const absl::StatusOr<run::TrialReport> report =
      run::RunIsolated(finding->minimal, {.keep_history = true, .keep_timeline = true},
                       {.timeout_ms = timeout_ms, .should_stop = nullptr});
  if (!report.ok()) return report.status();
  finding->result = report->result();
  const bool unknown = failing.result.verdict() == run::Result::UNKNOWN;
  if (unknown && finding->result.verdict() == run::Result::UNKNOWN) return absl::OkStatus();
  if (run::SameFailure(report->result(), failing.result)) return absl::OkStatus();
  absl::PrintF("run once more it came to: %s\n", run::HeadlineText(report->result()));
  finding->result = failing.result;
  finding->result.add_notes("run once more, it came to: " + run::HeadlineText(report->result()));
  return absl::OkStatus();
}

// How often it fails again.
absl::Status RepeatFinding(const FailingRun& failing, const InvestigateOptions& options, run::Finding* finding) {
  run::TrialOptions trial;
  trial.processes = options.processes;
  for (; finding->repeats < options.repeats && !StopRequested(); ++finding->repeats) {
    const absl::StatusOr<run::TrialReport> report =
        run::RunIsolated(failing.trial, trial, {.timeout_ms = options.timeout_ms, .should_stop = StopRequested});
    if (absl::IsCancelled(report.status())) break;
    if (!report.ok()) return report.status();
    finding->repeats_failed += run::SameFailure(report->result(), failing.result) ? 1 : 0;
    absl::PrintF("repeat %d: %s\n", finding->repeats + 1, run::HeadlineText(report->result()));
    std::fflush(stdout);
  }
  absl::PrintF("failed in the same way in %d of %d repeats\n", finding->repeats_failed, finding->repeats);
  return absl::OkStatus();
}

}  // namespace

absl::Status Investigate(const FailingRun& failing, const InvestigateOptions& options) {
  absl::PrintF("FOUND by %s: %s\n", failing.found_by, run::HeadlineText(failing.result));
  std::fflush(stdout);
  run::Finding finding{.found_by = failing.found_by, .plan = failing.trial.plan(), .minimal = failing.trial};
  absl::Status recorded;
  if (failing.trial.world() == run::PROCESSES) {
    finding.result = failing.result;
    recorded = RepeatFinding(failing, options, &finding);
  } else {
    // Two runs are needed only if two runs are what failed.
    finding.minimal.set_twice(failing.result.verdict() == run::Result::NONDETERMINISTIC);
    MinimizeFinding(failing, options.findings, options.timeout_ms, &finding);
    recorded = RecordFinding(failing, options.timeout_ms, &finding);
  }
  if (!recorded.ok()) return recorded;
  const absl::StatusOr<std::string> folder = run::WriteFinding(finding, options.findings.directory);
  if (!folder.ok()) return folder.status();
  absl::PrintF("%s", run::ViolationsText(finding.result));
  absl::PrintF("finding: %s\nreplay it: holdfast replay %s\n\n", *folder, *folder);
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status KeepUnknown(const FailingRun& unknown, const InvestigateOptions& options) {
  run::Finding finding{.found_by = unknown.found_by, .plan = unknown.trial.plan(), .minimal = unknown.trial};
  finding.result = unknown.result;
  finding.minimal.set_twice(false);
  if (unknown.trial.world() != run::PROCESSES) {
    if (absl::Status status = RecordFinding(unknown, options.timeout_ms, &finding); !status.ok()) return status;
  }
  const absl::StatusOr<std::string> folder = run::WriteFinding(finding, options.findings.directory);
  if (!folder.ok()) return folder.status();
  absl::PrintF("UNKNOWN: %s: %s\nkept: %s\n\n", unknown.found_by, run::HeadlineText(unknown.result), *folder);
  std::fflush(stdout);
  return absl::OkStatus();
}

}  // namespace holdfast::cli
