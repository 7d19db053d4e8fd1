#include "harness/cli/compare_command.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/cli/common_options.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/stop_signal.h"
#include "harness/cli/world_options.h"
#include "harness/run/isolated.h"
#include "harness/run/result_text.h"

namespace holdfast::cli {
namespace {

struct CompareFlags {
  std::string path;
  std::vector<std::string> bugs;
  int64_t timeout_s = 3600;
  WorldFlags world;
};

void PrintRow(const std::string& name, const std::string& simulated, const std::string& real) {
  absl::PrintF("%-26s %-22s %s\n", name, simulated, real);
}

void PrintCounts(const run::Counters& simulated, const run::Counters& real) {
  const auto row = [&](const char* name, uint64_t (run::Counters::*count)() const) {
    PrintRow(name, absl::StrCat((simulated.*count)()), absl::StrCat((real.*count)()));
  };
  row("operations ok", &run::Counters::operations_ok);
  row("operations failed", &run::Counters::operations_failed);
  row("operations indeterminate", &run::Counters::operations_indeterminate);
  row("snapshots complete", &run::Counters::snapshots_complete);
  row("snapshots failed", &run::Counters::snapshots_failed);
  row("restores in the plan", &run::Counters::restores_chaos);
  row("restores in the epilogue", &run::Counters::restores_epilogue);
  row("leaders elected", &run::Counters::leaders_elected);
  row("process deaths", &run::Counters::crashes);
  row("power losses", &run::Counters::power_losses);
  row("probe crashes struck", &run::Counters::probe_crashes_struck);
  row("partitions", &run::Counters::partitions);
  row("installs", &run::Counters::installs);
  row("inspections", &run::Counters::inspections);
  row("states compared", &run::Counters::comparisons);
}

void PrintDetails(const std::string& world, const run::Result& result) {
  const std::string text = run::ViolationsText(result) + run::LimitsText(result);
  absl::PrintF("\nin %s:%s\n%s", world, text.empty() ? " nothing was refused, everything watched" : "", text);
}

int Compare(const CompareFlags& flags) {
  if (absl::Status status = CheckBugs(flags.bugs); !status.ok()) return Fail(status);
  absl::StatusOr<run::Trial> trial = LoadTrial(flags.path);
  if (!trial.ok()) return Fail(trial.status());
  for (const std::string& bug : flags.bugs) trial->mutable_plan()->add_bugs(bug);
  const absl::StatusOr<ProcessWorld> world = ProcessWorld::Make(flags.world);
  if (!world.ok()) return Fail(world.status());
  const run::IsolatedOptions isolated{.timeout_ms = flags.timeout_s * 1000, .should_stop = StopRequested};
  std::vector<run::Result> results;
  for (const run::World where : {run::SIMULATION, run::PROCESSES}) {
    run::Trial one = *trial;
    one.set_world(where);
    one.set_speed(flags.world.speed);
    if (where == run::PROCESSES) one.clear_crash_point();
    run::TrialOptions options;
    options.processes = world->places();
    absl::StatusOr<run::TrialReport> report = run::RunIsolated(one, options, isolated);
    if (!report.ok()) return Fail(report.status());
    results.push_back(std::move(*report->mutable_result()));
  }
  const run::Result& simulated = results[0];
  const run::Result& real = results[1];
  PrintRow("", "sim", "process");
  PrintRow("verdict", run::VerdictText(simulated.verdict()), run::VerdictText(real.verdict()));
  PrintCounts(simulated.counters(), real.counters());
  PrintDetails("sim", simulated);
  PrintDetails("process", real);
  if (trial->has_crash_point()) absl::PrintF("refused: the finding's crash point is one of the simulator's disk\n");
  // Two findings are one, and a finding outweighs what is inconclusive.
  const ExitCode codes[] = {ExitCodeOf(simulated.verdict()), ExitCodeOf(real.verdict())};
  if (std::ranges::find(codes, kExitFinding) != std::end(codes)) return kExitFinding;
  return std::max(codes[0], codes[1]);
}

}  // namespace

void AddCompareCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<CompareFlags>();
  CLI::App* command =
      app.add_subcommand("compare", "Run a plan in simulation and in real processes; both verdicts side by side");
  command->add_option("PLAN", flags->path, "A plan file, or a finding's folder")->required();
  AddBugOption(command, &flags->bugs);
  AddSpeedOption(command, &flags->world);
  AddProcessOptions(command, &flags->world);
  command->add_option("--plan-timeout", flags->timeout_s, "Seconds of wall time after which a run counts as hung")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  command->callback([flags, exit_code] { *exit_code = Compare(*flags); });
}

}  // namespace holdfast::cli
