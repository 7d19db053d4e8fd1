#include "harness/cli/run_command.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/cli/common_options.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/investigate.h"
#include "harness/cli/stop_signal.h"
#include "harness/cli/world_options.h"
#include "harness/plan/plan_text.h"
#include "harness/run/campaign.h"
#include "harness/run/coverage_report.h"
#include "harness/run/isolated.h"
#include "harness/run/progress.h"
#include "harness/run/result_text.h"

namespace holdfast::cli {
namespace {

constexpr std::chrono::milliseconds kDurationDefault(60'000);
constexpr uint64_t kSelfCheckDefault = 50;

struct RunFlags {
  std::optional<uint64_t> plans;
  std::string duration;
  std::optional<uint64_t> seed;
  std::string profiles = "default";
  std::vector<std::string> bugs;
  std::string plan_file;
  uint64_t times = 1;
  uint64_t self_check = kSelfCheckDefault;
  uint64_t keep_going = 1;
  bool guided = false;
  bool profile_time = false;
  std::string coverage_file;
  run::WorkerPoolOptions pool;
  FindingOptions findings;
  WorldFlags world;
  uint32_t repeats = 5;
};

InvestigateOptions InvestigateOptionsOf(const RunFlags& flags, const run::ProcessPlaces& processes) {
  return {.findings = flags.findings,
          .timeout_ms = flags.pool.timeout_ms,
          .repeats = flags.repeats,
          .processes = processes};
}

// Shows how it goes, and turns failing runs into findings.
class Reporter : public run::CampaignObserver {
 public:
  Reporter(const run::CampaignOptions& options, const InvestigateOptions& investigate)
      : options_(options), investigate_(investigate), progress_("plans", stderr) {}

  void OnResult(uint64_t, const run::Result&, const run::CampaignSummary&) override {}

  void OnUnknown(uint64_t number, const run::Trial& trial, const run::Result& result) override {
    progress_.Clear();
    broken_.Update(KeepUnknown({trial, result, FoundBy(number)}, investigate_));
  }

  void OnFinding(uint64_t number, const run::Trial& trial, const run::Result& result) override {
    progress_.Clear();
    broken_.Update(Investigate({trial, result, FoundBy(number)}, investigate_));
  }

  bool GoOn(const run::CampaignSummary& so_far) override {
    progress_.Update({so_far.plans(), options_.plans.value_or(0), so_far.findings(), so_far.wall_us});
    return !StopRequested() && broken_.ok();
  }

  void Clear() { progress_.Clear(); }
  const absl::Status& broken() const { return broken_; }

 private:
  std::string FoundBy(uint64_t number) const {
    return absl::StrCat("campaign with seed ", options_.seed, " and profile ", options_.profiles.name(), ", plan ",
                        number);
  }

  const run::CampaignOptions& options_;
  const InvestigateOptions investigate_;
  run::Progress progress_;
  absl::Status broken_;
};

absl::StatusOr<run::CampaignOptions> CampaignOptionsOf(const RunFlags& flags) {
  run::CampaignOptions options;
  if (absl::Status status = CheckBugs(flags.bugs); !status.ok()) return status;
  absl::StatusOr<plan::ProfileSet> profiles = plan::ProfileSet::Named(flags.profiles);
  if (!profiles.ok()) return profiles.status();
  options.profiles = *std::move(profiles);
  options.guided = flags.guided;
  options.bugs = flags.bugs;
  options.plans = flags.plans;
  if (!flags.duration.empty()) {
    const absl::StatusOr<std::chrono::milliseconds> duration = ParseDuration("--duration", flags.duration);
    if (!duration.ok()) return duration.status();
    options.duration = *duration;
  }
  if (!options.plans && !options.duration) options.duration = kDurationDefault;
  // The one place where real randomness comes in; it is printed, so that it can be repeated.
  options.seed = flags.seed ? *flags.seed : std::random_device()();
  options.self_check_every = flags.self_check;
  options.findings_max = flags.keep_going;
  options.pool = flags.pool;
  options.trial.profile_time = flags.profile_time;
  if (IsProcesses(flags.world)) {
    options.world = run::PROCESSES;
    options.speed = flags.world.speed;
    // A run can't be had again, so each is recorded; and a cluster of processes deserves a child of its own.
    options.trial.keep_history = options.trial.keep_timeline = true;
    options.pool.tasks_per_child = 1;
  }
  return options;
}

std::string RepeatCommand(const run::CampaignOptions& options, uint64_t plans) {
  std::string command = absl::StrCat("holdfast run --seed=", options.seed, " --plans=", plans);
  if (!options.profiles.is_default()) absl::StrAppend(&command, " --profile=", options.profiles.name());
  if (options.guided) absl::StrAppend(&command, " --guided");
  if (options.self_check_every != kSelfCheckDefault) {
    absl::StrAppend(&command, " --self-check=", options.self_check_every);
  }
  for (const std::string& bug : options.bugs) absl::StrAppend(&command, " --bug=", bug);
  if (options.world == run::PROCESSES) absl::StrAppend(&command, " --cluster=process --speed=", options.speed);
  return command;
}

int Conclude(const run::CampaignOptions& options, const run::CampaignSummary& summary) {
  const uint64_t passed = summary.verdicts[run::Result::PASS];
  const std::vector<std::string> missed = run::MissedFloors(options, summary);
  const bool inconclusive = summary.verdicts[run::Result::UNKNOWN] > 0 || passed == 0 || !missed.empty();
  const ExitCode code = summary.findings() > 0 ? kExitFinding : inconclusive ? kExitInconclusive : kExitPass;
  absl::PrintF("%s%s\n%s",
               code == kExitPass      ? "PASS"
               : code == kExitFinding ? absl::StrCat("FINDINGS: ", summary.findings())
               : missed.empty()       ? "INCONCLUSIVE"
                                      : "VACUOUS: floors of the profile were missed",
               summary.interrupted ? " (interrupted)" : "", run::SummaryText(summary, options.pool.jobs));
  absl::PrintF("%s", run::CoverageText(summary));
  for (const std::string& floor : missed) absl::PrintF("missed: %s\n", floor);
  absl::PrintF("repeat it: %s\n", RepeatCommand(options, summary.numbers));
  return code;
}

absl::Status WriteCoverage(const std::string& file, const std::string& text) {
  if (file.empty()) return absl::OkStatus();
  std::ofstream out(file);
  out << text << "\n";
  out.close();
  if (out) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--coverage ", file, ": can't be written"));
}

int RunCampaignCommand(const RunFlags& flags) {
  absl::StatusOr<run::CampaignOptions> options = CampaignOptionsOf(flags);
  if (!options.ok()) return Fail(options.status());
  const absl::StatusOr<std::optional<ProcessWorld>> world = MakeWorld(flags.world);
  if (!world.ok()) return Fail(world.status());
  options->trial.processes = PlacesOf(*world);
  // Before anything is run: it would be a pity to notice at the end.
  if (absl::Status status = WriteCoverage(flags.coverage_file, "{}"); !status.ok()) return Fail(status);
  absl::PrintF("campaign: seed %d, profile %s, %s%d jobs\n", options->seed, options->profiles.name(),
               options->plans ? absl::StrCat(*options->plans, " plans, ") : "", options->pool.jobs);
  std::fflush(stdout);
  Reporter reporter(*options, InvestigateOptionsOf(flags, PlacesOf(*world)));
  const absl::StatusOr<run::CampaignSummary> summary = run::RunCampaign(*options, &reporter);
  reporter.Clear();
  if (!summary.ok()) return Fail(summary.status());
  const int code = Conclude(*options, *summary);
  if (absl::Status status = WriteCoverage(flags.coverage_file, run::CoverageJson(*options, *summary)); !status.ok()) {
    return Fail(status);
  }
  if (reporter.broken().ok()) return code;
  Fail(reporter.broken());
  return kExitInternalError;  // a finding was made that could not be written
}

int RunPlanCommand(const RunFlags& flags) {
  if (absl::Status status = CheckBugs(flags.bugs); !status.ok()) return Fail(status);
  absl::StatusOr<plan::Plan> plan = plan::LoadPlan(flags.plan_file);
  if (!plan.ok()) return Fail(plan.status());
  for (const std::string& bug : flags.bugs) plan->add_bugs(bug);
  FailingRun failing;
  *failing.trial.mutable_plan() = *std::move(plan);
  const absl::StatusOr<std::optional<ProcessWorld>> world = MakeWorld(flags.world);
  if (!world.ok()) return Fail(world.status());
  run::TrialOptions options;
  options.processes = PlacesOf(*world);
  if (IsProcesses(flags.world)) {
    failing.trial.set_world(run::PROCESSES);
    failing.trial.set_speed(flags.world.speed);
    options.keep_history = options.keep_timeline = true;
  } else {
    failing.trial.set_twice(flags.self_check > 0);
  }
  ExitCode code = kExitPass;
  for (uint64_t i = 1; i <= flags.times && !StopRequested(); ++i) {
    const absl::StatusOr<run::TrialReport> report =
        run::RunIsolated(failing.trial, options, {.timeout_ms = flags.pool.timeout_ms, .should_stop = StopRequested});
    if (!report.ok()) return Fail(report.status());
    const run::Result& result = report->result();
    absl::PrintF("run %d: %s, digest %016x, %.1f s of the plan's time\n", i, run::VerdictText(result.verdict()),
                 result.history_digest(), static_cast<double>(result.counters().simulated_us()) / 1e6);
    if (i == 1) absl::PrintF("%s", run::LimitsText(result));
    code = std::max(code, ExitCodeOf(result.verdict()));
    if (!run::IsFailure(result)) {
      absl::PrintF("%s", run::ViolationsText(result));
      continue;
    }
    failing.result = result;
    failing.found_by = absl::StrCat("plan ", flags.plan_file);
    const absl::Status status = Investigate(failing, InvestigateOptionsOf(flags, options.processes));
    return status.ok() ? kExitFinding : Fail(status);
  }
  return code;
}

void AddCampaignOptions(CLI::App* command, RunFlags* flags) {
  command->add_option("--plans", flags->plans, "End after so many plans")->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  command->add_option("--duration", flags->duration, "End after this time: 90s, 5m, 1h [1m without --plans]")
      ->type_name("TIME");
  command->add_option("--seed", flags->seed, "Which plans; a fresh seed is drawn and printed if there is none");
  AddProfilesOption(command, &flags->profiles);
  AddGuidedOption(command, &flags->guided);
  command->add_option("--self-check", flags->self_check, "Run every so-many-th plan twice and compare; 0: none")
      ->capture_default_str();
  command->add_option("--keep-going", flags->keep_going, "End after so many findings")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}))
      ->capture_default_str();
  command->add_option("--coverage", flags->coverage_file, "Write what was covered to this file, as JSON")
      ->type_name("FILE");
  command->add_flag("--profile-time", flags->profile_time, "Say which share of the time RocksDB takes");
}

}  // namespace

void AddRunCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Judge random plans, or one plan; without flags, for one minute");
  AddCampaignOptions(command, flags.get());
  AddBugOption(command, &flags->bugs);
  AddPoolOptions(command, &flags->pool);
  AddFindingOptions(command, &flags->findings);
  AddClusterOption(command, &flags->world);
  AddSpeedOption(command, &flags->world);
  AddProcessOptions(command, &flags->world);
  command->add_option("--repeat", flags->repeats, "How often a run in processes that fails is repeated")
      ->check(CLI::Range(0, 10'000))
      ->capture_default_str();
  CLI::Option* file =
      command->add_option("--plan", flags->plan_file, "Run this plan instead of random ones")->type_name("FILE");
  for (const char* name :
       {"--plans", "--duration", "--seed", "--profile", "--guided", "--keep-going", "--profile-time", "--coverage"}) {
    file->excludes(command->get_option(name));
  }
  command->add_option("--times", flags->times, "How often to run it")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}))
      ->needs(file);
  const CLI::Option* timeout = command->get_option("--plan-timeout");
  command->callback([flags, timeout, exit_code] {
    if (IsProcesses(flags->world) && timeout->count() == 0) flags->pool.timeout_ms = kProcessTimeoutMs;
    *exit_code = flags->plan_file.empty() ? RunCampaignCommand(*flags) : RunPlanCommand(*flags);
  });
}

}  // namespace holdfast::cli
