#include "harness/cli/minimize_command.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/cli/common_options.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/stop_signal.h"
#include "harness/plan/plan_text.h"
#include "harness/run/isolated.h"
#include "harness/run/minimize_run.h"
#include "harness/run/result_text.h"

namespace holdfast::cli {
namespace {

struct MinimizeFlags {
  std::string path;
  std::string out;
  int64_t seconds_max = 60;
  int64_t timeout_s = 60;
};

absl::Status WritePlan(const plan::Plan& plan, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file << plan::PrintPlan(plan);
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

int Minimize(const MinimizeFlags& flags) {
  const absl::StatusOr<run::Trial> trial = LoadTrial(flags.path);
  if (!trial.ok()) return Fail(trial.status());
  if (trial->world() == run::PROCESSES) {
    return Fail(absl::InvalidArgumentError(
        absl::StrCat(flags.path, ": a finding in real processes is not minimised: no two runs of it are the same")));
  }
  if (trial->has_crash_point()) {
    return Fail(absl::InvalidArgumentError(absl::StrCat(
        flags.path, ": a finding of a crash point is not minimised: with a step less, the point is another one")));
  }
  const int64_t timeout_ms = flags.timeout_s * 1000;
  const absl::StatusOr<run::TrialReport> report =
      run::RunIsolated(*trial, {}, {.timeout_ms = timeout_ms, .should_stop = StopRequested});
  if (!report.ok()) return Fail(report.status());
  if (!run::IsFailure(report->result())) {
    return Fail(absl::FailedPreconditionError(absl::StrCat(flags.path, ": does not fail (",
                                                           run::VerdictText(report->result().verdict()),
                                                           "), so there is nothing to minimise")));
  }
  absl::FPrintF(stderr, "fails: %s\n", run::HeadlineText(report->result()));
  const absl::StatusOr<run::MinimizedTrial> minimized = run::MinimizeTrial(
      *trial, report->result(),
      {.wall_ms_max = flags.seconds_max * 1000, .timeout_ms = timeout_ms, .should_stop = StopRequested});
  if (!minimized.ok()) return Fail(minimized.status());
  absl::FPrintF(stderr, "%d steps of %d, %d runs%s\n", minimized->trial.plan().steps_size(), trial->plan().steps_size(),
                minimized->runs, minimized->is_minimal ? "" : ", stopped before the end");
  if (flags.out.empty()) {
    absl::PrintF("%s", plan::PrintPlan(minimized->trial.plan()));
    return kExitPass;
  }
  if (absl::Status status = WritePlan(minimized->trial.plan(), flags.out); !status.ok()) return Fail(status);
  return kExitPass;
}

}  // namespace

void AddMinimizeCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<MinimizeFlags>();
  CLI::App* command =
      app.add_subcommand("minimize", "Find the smallest plan that fails in the same way; exit 0 if there is one");
  command->add_option("PLAN", flags->path, "A plan file that fails, or a finding's folder")->required();
  command->add_option("--out", flags->out, "Write it here instead of to stdout")->type_name("FILE");
  command->add_option("--minimize-seconds", flags->seconds_max, "How long to go on")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  command->add_option("--plan-timeout", flags->timeout_s, "Seconds of wall time after which a run counts as hung")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  command->callback([flags, exit_code] { *exit_code = Minimize(*flags); });
}

}  // namespace holdfast::cli
