#include "harness/cli/replay_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/cli/common_options.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/stop_signal.h"
#include "harness/cli/world_options.h"
#include "harness/run/finding.h"
#include "harness/run/isolated.h"
#include "harness/run/result_text.h"

namespace holdfast::cli {
namespace {

struct ReplayFlags {
  std::string path;
  uint64_t times = 1;
  int64_t timeout_s = 60;
  bool timeline = false;
  WorldFlags world;
};

run::Result StoredResult(const run::FindingRecord& record) {
  run::Result result;
  result.set_verdict(record.verdict());
  *result.mutable_violations() = record.violations();
  return result;
}

// How one replay compares with what the finding's folder says, in words.
std::string Compare(const run::Result& result, const run::FindingRecord& record) {
  const bool same_verdict = run::SameFailure(result, StoredResult(record));
  if (record.world() == run::PROCESSES)
    return same_verdict ? "verdict as in verdict.json" : "another verdict this time";
  const bool same_digest = run::DigestText(result.history_digest()) == record.history_digest() &&
                           run::DigestText(result.final_draw()) == record.final_draw();
  return absl::StrCat(same_verdict ? "verdict as in verdict.json" : "verdict DIFFERS from verdict.json", ", ",
                      same_digest ? "digest too" : "digest DIFFERS: plan or binary changed since");
}

// Of the replays of a finding: it shows again, it is gone, or neither can be said.
int ConcludeFinding(const std::vector<run::Result>& results, const run::FindingRecord& record) {
  size_t again = 0;
  size_t passed = 0;
  std::set<uint64_t> digests;
  for (const run::Result& result : results) {
    if (run::SameFailure(result, StoredResult(record))) ++again;
    if (result.verdict() == run::Result::PASS) ++passed;
    digests.insert(result.history_digest());
  }
  absl::PrintF("%d of %d replays show the finding again, %d pass; %d digest(s) in all\n", again, results.size(), passed,
               digests.size());
  if (!results.empty() && again == results.size()) return kExitFinding;
  if (!results.empty() && passed == results.size()) return kExitPass;
  return kExitInconclusive;
}

int ConcludePlan(const std::vector<run::Result>& results) {
  ExitCode code = results.empty() ? kExitInconclusive : ExitCodeOf(results.front().verdict());
  for (const run::Result& result : results) {
    if (!run::SameRun(result, results.front(), nullptr)) code = kExitFinding;
  }
  return code;
}

int Replay(const ReplayFlags& flags) {
  std::optional<run::FindingRecord> record;
  std::error_code error;
  run::Trial trial;
  if (std::filesystem::is_directory(flags.path, error)) {
    absl::StatusOr<run::StoredFinding> finding = run::ReadFinding(flags.path);
    if (!finding.ok()) return Fail(finding.status());
    record = std::move(finding->record);
    trial = std::move(finding->trial);
  } else {
    absl::StatusOr<run::Trial> loaded = LoadTrial(flags.path);
    if (!loaded.ok()) return Fail(loaded.status());
    trial = *std::move(loaded);
  }
  run::TrialOptions options;
  std::optional<ProcessWorld> world;
  if (trial.world() == run::PROCESSES) {
    absl::StatusOr<ProcessWorld> made = ProcessWorld::Make(flags.world);
    if (!made.ok()) return Fail(made.status());
    options.processes = world.emplace(*std::move(made)).places();
  }
  const int64_t timeout_ms = world ? std::max(flags.timeout_s * 1000, kProcessTimeoutMs) : flags.timeout_s * 1000;
  std::vector<run::Result> results;
  for (uint64_t i = 1; i <= flags.times && !StopRequested(); ++i) {
    options.keep_timeline = flags.timeline && i == 1;
    absl::StatusOr<run::TrialReport> report =
        run::RunIsolated(trial, options, {.timeout_ms = timeout_ms, .should_stop = StopRequested});
    if (!report.ok()) return Fail(report.status());
    run::Result& result = *report->mutable_result();
    if (i == 1) absl::PrintF("%s%s", result.timeline(), run::ViolationsText(result));
    absl::PrintF("replay %d: %s, digest %s%s\n", i, run::VerdictText(result.verdict()),
                 run::DigestText(result.history_digest()), record ? ": " + Compare(result, *record) : "");
    result.clear_timeline();
    results.push_back(std::move(result));
  }
  if (!record) return ConcludePlan(results);
  absl::PrintF("timeline: %s/timeline.txt\n", flags.path);
  return ConcludeFinding(results, *record);
}

}  // namespace

void AddReplayCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<ReplayFlags>();
  CLI::App* command = app.add_subcommand(
      "replay", "Run a finding again: exit 1 if it shows again, 0 if it passes now, 3 if it comes to something else");
  command->add_option("FINDING", flags->path, "A finding's folder, or a plan file")->required();
  command->add_option("--times", flags->times, "How often")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000}))
      ->capture_default_str();
  command->add_option("--plan-timeout", flags->timeout_s, "Seconds of wall time after which a run counts as hung")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  AddProcessOptions(command, &flags->world);
  command->add_flag("--timeline", flags->timeline, "Print what happens, a line each");
  command->callback([flags, exit_code] { *exit_code = Replay(*flags); });
}

}  // namespace holdfast::cli
