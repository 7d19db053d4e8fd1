#include "harness/cli/enumerate_command.h"

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/cli/common_options.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/investigate.h"
#include "harness/cli/stop_signal.h"
#include "harness/plan/plan_text.h"
#include "harness/run/enumerate.h"
#include "harness/run/progress.h"
#include "harness/run/result_text.h"

namespace holdfast::cli {
namespace {

using fault::Fault;

struct EnumerateFlags {
  std::string plan_file;
  std::string kind = "both";
  bool fail = false;
  bool torn = false;
  bool deliveries = false;
  std::vector<std::string> bugs;
  uint64_t folders_max = 10;
  run::EnumerateOptions options;
  FindingOptions findings;
};

class Reporter : public run::EnumerationObserver {
 public:
  explicit Reporter(const EnumerateFlags& flags) : flags_(flags), progress_("points", stderr) {}

  void OnCounted(const run::EnumerationSummary& summary) override {
    for (const run::TrialReport::Points& points : summary.points) {
      absl::PrintF("node %d: %d file-system mutations, %d of them writes, %d reads, %d probe hits, %d messages\n",
                   points.node(), points.mutations(), points.writes(), points.reads(), points.probes(),
                   points.deliveries());
    }
    absl::PrintF("%d points to try\n", summary.total);
    std::fflush(stdout);
  }

  // Every point is tried; of many findings, mostly one bug's, the first few become folders.
  void OnFinding(const run::Trial& trial, const run::Result& result) override {
    progress_.Clear();
    if (folders_ >= flags_.folders_max) {
      absl::PrintF("also at: %s: %s\n", run::CrashPointText(trial.crash_point()), run::HeadlineText(result));
      return;
    }
    ++folders_;
    const std::string at = trial.has_crash_point() ? ", " + run::CrashPointText(trial.crash_point()) : "";
    const absl::Status status =
        Investigate({trial, result, absl::StrCat("enumeration of ", flags_.plan_file, at)},
                    {.findings = flags_.findings, .timeout_ms = flags_.options.pool.timeout_ms, .processes = {}});
    if (!status.ok()) broken_ = status;
  }

  void OnNotStruck(const run::CrashPoint& point) override {
    progress_.Clear();
    absl::PrintF("not struck: %s\n", run::CrashPointText(point));
  }

  bool GoOn(const run::EnumerationSummary& so_far) override {
    progress_.Update({so_far.tried, so_far.total, so_far.findings, so_far.wall_us});
    return !StopRequested() && broken_.ok();
  }

  void Clear() { progress_.Clear(); }
  const absl::Status& broken() const { return broken_; }

 private:
  const EnumerateFlags& flags_;
  run::Progress progress_;
  uint64_t folders_ = 0;
  absl::Status broken_;
};

int Conclude(const run::EnumerationSummary& summary) {
  const bool inconclusive = summary.unknown > 0 || summary.passed == 0 || summary.tried < summary.total;
  const ExitCode code = summary.findings > 0 ? kExitFinding : inconclusive ? kExitInconclusive : kExitPass;
  absl::PrintF("%s%s: %d of %d points tried, %d struck, %d pass, %d vacuous, %d unknown, %d findings, %.1f s\n",
               code == kExitPass      ? "PASS"
               : code == kExitFinding ? "FINDINGS"
                                      : "INCONCLUSIVE",
               summary.interrupted ? " (interrupted)" : "", summary.tried, summary.total, summary.struck,
               summary.passed, summary.vacuous, summary.unknown, summary.findings,
               static_cast<double>(summary.wall_us) / 1e6);
  return code;
}

int EnumeratePoints(EnumerateFlags* flags) {
  if (absl::Status status = CheckBugs(flags->bugs); !status.ok()) return Fail(status);
  absl::StatusOr<plan::Plan> plan = plan::LoadPlan(flags->plan_file);
  if (!plan.ok()) return Fail(plan.status());
  const uint32_t nodes = plan->shape().nodes();
  if (flags->options.node && (*flags->options.node < 1 || *flags->options.node > nodes)) {
    return Fail(
        absl::InvalidArgumentError(absl::StrCat("--node ", *flags->options.node, ": the plan has nodes 1 to ", nodes)));
  }
  for (const std::string& bug : flags->bugs) plan->add_bugs(bug);
  if (flags->kind == "process-death") flags->options.kinds = {fault::Crash::PROCESS_DEATH};
  if (flags->fail) flags->options.points = run::PointSet::kFails;
  if (flags->torn) flags->options.points = run::PointSet::kTorn;
  if (flags->deliveries) flags->options.points = run::PointSet::kDeliveries;
  if (flags->options.pairs > 0) flags->options.points = run::PointSet::kPairs;
  if (flags->kind == "power-loss") flags->options.kinds = {fault::Crash::POWER_LOSS};
  Reporter reporter(*flags);
  const absl::StatusOr<run::EnumerationSummary> summary = run::Enumerate(*plan, flags->options, &reporter);
  reporter.Clear();
  if (!summary.ok()) return Fail(summary.status());
  const int code = Conclude(*summary);
  if (reporter.broken().ok()) return code;
  Fail(reporter.broken());
  return kExitInternalError;
}

}  // namespace

void AddEnumerateCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<EnumerateFlags>();
  CLI::App* command = app.add_subcommand(
      "enumerate", "Run a small plan once for every file-system mutation and every probe, with a node crashing there");
  command->add_option("PLAN", flags->plan_file, "A plan file")->required();
  command->add_option("--node", flags->options.node, "Crash this node only");
  CLI::Option* kind = command->add_option("--kind", flags->kind, "How it crashes")
                          ->check(CLI::IsMember({"process-death", "power-loss", "both"}))
                          ->capture_default_str();
  CLI::Option* fail =
      command->add_flag("--fail", flags->fail, "Let each file-system operation fail once instead, reads too");
  fail->excludes(kind);
  CLI::Option* torn =
      command->add_flag("--torn", flags->torn, "Crash in the middle of every write instead: a part of it is there")
          ->excludes(fail);
  CLI::Option* deliveries =
      command->add_flag("--deliveries", flags->deliveries, "Crash before every message that is delivered instead")
          ->excludes(fail)
          ->excludes(torn);
  command->add_option("--pairs", flags->options.pairs, "Try so many pairs of crashes instead, the second soon after")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}))
      ->excludes(fail)
      ->excludes(torn)
      ->excludes(deliveries);
  command->add_option("--folders", flags->folders_max, "Write so many findings as folders, name the others")
      ->capture_default_str();
  AddBugOption(command, &flags->bugs);
  AddPoolOptions(command, &flags->options.pool);
  command->add_option("--out", flags->findings.directory, "Where folders of findings are put")
      ->type_name("DIR")
      ->capture_default_str();
  command->callback([flags, exit_code] { *exit_code = EnumeratePoints(flags.get()); });
}

}  // namespace holdfast::cli
