#include "harness/cli/common_options.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "faults/bug_catalogue.h"
#include "harness/plan/plan_text.h"
#include "harness/run/finding.h"

namespace holdfast::cli {
namespace {

constexpr absl::Duration kDurationMax = absl::Hours(24 * 365);

// "21" is the bug that `bugs list` numbers so.
std::string NameOfNumber(std::string text) {
  int number = 0;
  if (!absl::SimpleAtoi(text, &number)) return text;
  for (const BugEntry& entry : BugCatalogue()) {
    if (entry.number == number) return std::string(sut::BugName(entry.bug));
  }
  return text;
}

}  // namespace

void AddBugOption(CLI::App* command, std::vector<std::string>* bugs) {
  command
      ->add_option("--bug", *bugs,
                   "Plant this bug, by name or number, in the cluster under test; may be repeated (see: holdfast bugs "
                   "list)")
      ->type_name("NAME")
      ->transform(NameOfNumber, "")
      ->allow_extra_args(false);
}

void AddBugArguments(CLI::App* command, std::vector<std::string>* bugs) {
  command->add_option("NAME", *bugs, "Which bugs, by name or number (see: holdfast bugs list)")
      ->transform(NameOfNumber, "");
}

void AddProfileOption(CLI::App* command, std::string* profile) {
  command->add_option("--profile", *profile, "What random plans look like")->type_name("NAME")->capture_default_str();
}

void AddProfilesOption(CLI::App* command, std::string* profiles) {
  command->add_option("--profile", *profiles, "What random plans look like; several, or \"all\", take turns")
      ->type_name("NAME,...")
      ->capture_default_str();
}

void AddGuidedOption(CLI::App* command, bool* guided) {
  command->add_flag("--guided", *guided, "Mutate plans that reached something new");
}

void AddPoolOptions(CLI::App* command, run::WorkerPoolOptions* pool) {
  pool->jobs = run::DefaultJobs();
  command->add_option("--jobs", pool->jobs, "Plans that run at the same time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command
      ->add_option_function<int64_t>(
          "--plan-timeout", [pool](int64_t seconds) { pool->timeout_ms = seconds * 1000; },
          "Seconds of wall time after which a run counts as hung [60]")
      ->check(CLI::Range(1, 86'400));
}

void AddFindingOptions(CLI::App* command, FindingOptions* options) {
  command->add_option("--out", options->directory, "Where folders of findings are put")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_flag("--no-minimize", options->keep_as_found, "Keep failing plans as they were found");
  command->add_option("--minimize-seconds", options->minimize_s_max, "How long to minimise a failing plan")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
}

absl::Status CheckBugs(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (sut::BugFromName(name)) continue;
    std::vector<std::string> known;
    for (const BugEntry& entry : BugCatalogue()) known.emplace_back(sut::BugName(entry.bug));
    return absl::InvalidArgumentError(
        absl::StrCat("--bug ", name, ": no such bug; known ones are: ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<plan::Profile> FindProfile(const std::string& name) {
  if (std::optional<plan::Profile> profile = plan::ProfileNamed(name)) return *std::move(profile);
  return absl::InvalidArgumentError(
      absl::StrCat("--profile ", name, ": no such profile; known ones are: ", plan::ProfileNamesText()));
}

absl::StatusOr<std::chrono::milliseconds> ParseDuration(const std::string& flag, const std::string& text) {
  absl::Duration duration;
  const bool has_unit = !text.empty() && text.find_first_not_of("0123456789.") != std::string::npos;
  if (!absl::ParseDuration(has_unit ? text : text + "s", &duration) || duration <= absl::ZeroDuration() ||
      duration > kDurationMax) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " ", text, ": not a time such as 90s, 5m or 1h"));
  }
  return absl::ToChronoMilliseconds(duration);
}

absl::StatusOr<run::Trial> LoadTrial(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    absl::StatusOr<run::StoredFinding> finding = run::ReadFinding(path);
    if (!finding.ok()) return finding.status();
    return std::move(finding->trial);
  }
  absl::StatusOr<plan::Plan> plan = plan::LoadPlan(path);
  if (!plan.ok()) return plan.status();
  run::Trial trial;
  *trial.mutable_plan() = *std::move(plan);
  return trial;
}

}  // namespace holdfast::cli
