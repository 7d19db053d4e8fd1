#include "harness/cli/hunt_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "faults/bug_catalogue.h"
#include "harness/cli/common_options.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/stop_signal.h"
#include "harness/cli/world_options.h"
#include "harness/plan/plan_text.h"
#include "harness/run/hunt.h"

namespace holdfast::cli {
namespace {

struct HuntFlags {
  std::vector<std::string> names;
  bool all = false;
  std::string budget = "4m";
  uint64_t seed = 1;
  // What looks for trouble most widely, in turn.
  std::string profiles = "default,everything,membership,disk,tables";
  bool guided = false;
  std::string json_file;
  std::string plan_directory;
  bool baseline = false;
  std::string baseline_budget = "20s";
  int64_t minimize_s_max = 40;
  run::WorkerPoolOptions pool;
  WorldFlags world;
};

struct Row {
  const BugEntry* entry;
  run::HuntResult hunt;
  std::optional<run::HuntResult> baseline;
};

// In the catalogue's order, each once.
absl::StatusOr<std::vector<const BugEntry*>> EntriesAsked(const HuntFlags& flags) {
  if (flags.all == !flags.names.empty()) {
    return absl::InvalidArgumentError("bugs hunt: name the bugs to hunt, or else give --all");
  }
  if (absl::Status status = CheckBugs(flags.names); !status.ok()) return status;
  std::vector<const BugEntry*> entries;
  for (const BugEntry& entry : BugCatalogue()) {
    const bool named = std::find(flags.names.begin(), flags.names.end(), sut::BugName(entry.bug)) != flags.names.end();
    if (flags.all || named) entries.push_back(&entry);
  }
  return entries;
}

absl::StatusOr<run::HuntOptions> HuntOptionsOf(const HuntFlags& flags, const std::optional<ProcessWorld>& world) {
  run::HuntOptions options;
  absl::StatusOr<plan::ProfileSet> profiles = plan::ProfileSet::Named(flags.profiles);
  if (!profiles.ok()) return profiles.status();
  const absl::StatusOr<std::chrono::milliseconds> budget = ParseDuration("--budget", flags.budget);
  if (!budget.ok()) return budget.status();
  options.seed = flags.seed;
  options.profiles = *std::move(profiles);
  options.guided = flags.guided;
  options.budget = *budget;
  options.minimize_ms_max = flags.minimize_s_max * 1000;
  options.pool = flags.pool;
  options.should_stop = StopRequested;
  if (world) {
    options.world = run::PROCESSES;
    options.speed = flags.world.speed;
    options.processes = PlacesOf(world);
  }
  return options;
}

// --- Text

std::string BaselineText(const std::optional<run::HuntResult>& baseline) {
  if (!baseline) return "";
  if (!baseline->found) return absl::StrFormat("  %6s  %6s", "-", "-");
  return absl::StrFormat("  %6d  %6.1f", baseline->plans, baseline->seconds);
}

std::string RowText(const Row& row) {
  const run::HuntResult& hunt = row.hunt;
  const std::string name(sut::BugName(row.entry->bug));
  if (!hunt.found) {
    const char* why = hunt.without_too ? "fails without it too" : hunt.interrupted ? "interrupted" : "not found";
    return absl::StrFormat("%2d  %-32s  %6d  %6.1f  %-22s  %5s%s\n", row.entry->number, name, hunt.plans, hunt.seconds,
                           why, "-", BaselineText(row.baseline));
  }
  const std::string steps = absl::StrCat(hunt.steps, hunt.is_minimal ? "" : "+");
  return absl::StrFormat("%2d  %-32s  %6d  %6.1f  %-22s  %5s%s\n", row.entry->number, name, hunt.plans, hunt.seconds,
                         hunt.checker, steps, BaselineText(row.baseline));
}

std::string HeadText(bool baseline) {
  return absl::StrFormat("%2s  %-32s  %6s  %6s  %-22s  %5s%s\n", "#", "bug", "plans", "s", "told by", "steps",
                         baseline ? "   plain plans, s" : "");
}

template <typename T>
T Median(std::vector<T> values) {
  if (values.empty()) return T{};
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

std::string TotalsText(const std::vector<Row>& rows) {
  std::vector<double> seconds;
  std::vector<int> steps;
  size_t by_baseline = 0;
  for (const Row& row : rows) {
    if (row.baseline && row.baseline->found) ++by_baseline;
    if (!row.hunt.found) continue;
    seconds.push_back(row.hunt.seconds);
    steps.push_back(row.hunt.steps);
  }
  std::string text = absl::StrFormat("found %d of %d; the median bug in %.1f s, in %d steps", seconds.size(),
                                     rows.size(), Median(seconds), Median(steps));
  const bool baseline = std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.baseline.has_value(); });
  if (baseline) absl::StrAppend(&text, "; plain plans found ", by_baseline);
  return text + "\n";
}

// --- JSON

nlohmann::ordered_json HuntJson(const run::HuntResult& hunt) {
  nlohmann::ordered_json json = {{"found", hunt.found}, {"plans", hunt.plans}, {"seconds", hunt.seconds}};
  if (hunt.without_too) json["fails_without_the_bug"] = true;
  if (hunt.interrupted) json["interrupted"] = true;
  if (!hunt.found) return json;
  json["checker"] = hunt.checker;
  json["headline"] = hunt.headline;
  json["steps_found"] = hunt.steps_found;
  json["steps"] = hunt.steps;
  json["is_minimal"] = hunt.is_minimal;
  return json;
}

absl::Status WriteJson(const HuntFlags& flags, const std::vector<Row>& rows) {
  if (flags.json_file.empty()) return absl::OkStatus();
  nlohmann::ordered_json json = {{"format_version", 1},
                                 {"seed", flags.seed},
                                 {"profile", flags.profiles},
                                 {"jobs", flags.pool.jobs},
                                 {"budget", flags.budget},
                                 {"cluster", flags.world.cluster},
                                 {"bugs", nlohmann::ordered_json::array()}};
  for (const Row& row : rows) {
    nlohmann::ordered_json bug = {{"number", row.entry->number}, {"name", std::string(sut::BugName(row.entry->bug))}};
    bug.update(HuntJson(row.hunt));
    if (row.baseline) bug["baseline"] = HuntJson(*row.baseline);
    json["bugs"].push_back(std::move(bug));
  }
  std::ofstream out(flags.json_file);
  // What a run told need not be UTF-8: keys and values of plans are bytes.
  out << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
  out.close();
  if (out) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--json ", flags.json_file, ": can't be written"));
}

// The minimal plan, as scenarios/regressions/bugs/ keeps it.
absl::Status WritePlan(const HuntFlags& flags, const Row& row) {
  if (flags.plan_directory.empty() || !row.hunt.found) return absl::OkStatus();
  const std::string path = absl::StrCat(flags.plan_directory, "/", std::string(sut::BugName(row.entry->bug)), ".plan");
  std::ofstream out(path);
  out << plan::PrintPlan(row.hunt.minimal.plan());
  out.close();
  if (out) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--plans-to ", flags.plan_directory, ": ", path, " can't be written"));
}

// --- The hunt

// The same search with plain plans; not minimised.
absl::StatusOr<run::HuntOptions> BaselineOptionsOf(const HuntFlags& flags, const run::HuntOptions& options) {
  const absl::StatusOr<std::chrono::milliseconds> budget = ParseDuration("--baseline-budget", flags.baseline_budget);
  if (!budget.ok()) return budget.status();
  run::HuntOptions plain = options;
  plain.profiles = *plan::ProfileNamed("plain");
  plain.guided = false;
  plain.budget = *budget;
  plain.minimize_ms_max = 0;
  return plain;
}

absl::StatusOr<Row> HuntOne(const BugEntry& entry, const run::HuntOptions& options,
                            const std::optional<run::HuntOptions>& plain) {
  Row row{.entry = &entry, .hunt = {}, .baseline = {}};
  const std::string name(sut::BugName(entry.bug));
  absl::StatusOr<run::HuntResult> hunt = run::HuntBug(name, options);
  if (!hunt.ok()) return hunt.status();
  row.hunt = *std::move(hunt);
  if (!plain || StopRequested()) return row;
  absl::StatusOr<run::HuntResult> baseline = run::HuntBug(name, *plain);
  if (!baseline.ok()) return baseline.status();
  row.baseline = *std::move(baseline);
  return row;
}

int RunHunt(const HuntFlags& flags) {
  const absl::StatusOr<std::vector<const BugEntry*>> entries = EntriesAsked(flags);
  if (!entries.ok()) return Fail(entries.status());
  const absl::StatusOr<std::optional<ProcessWorld>> world = MakeWorld(flags.world);
  if (!world.ok()) return Fail(world.status());
  const absl::StatusOr<run::HuntOptions> options = HuntOptionsOf(flags, *world);
  if (!options.ok()) return Fail(options.status());
  std::optional<run::HuntOptions> plain;
  if (flags.baseline) {
    absl::StatusOr<run::HuntOptions> baseline = BaselineOptionsOf(flags, *options);
    if (!baseline.ok()) return Fail(baseline.status());
    plain = *std::move(baseline);
  }
  // Before anything is run: it would be a pity to notice at the end.
  std::error_code error;
  if (!flags.plan_directory.empty() && !std::filesystem::is_directory(flags.plan_directory, error)) {
    return Fail(absl::InvalidArgumentError(absl::StrCat("--plans-to ", flags.plan_directory, ": not a folder")));
  }
  if (absl::Status status = WriteJson(flags, {}); !status.ok()) return Fail(status);
  absl::PrintF("hunt: seed %d, profile %s, %s a bug, %d jobs%s\n%s", flags.seed, flags.profiles, flags.budget,
               flags.pool.jobs, *world ? ", in processes" : "", HeadText(flags.baseline));
  std::fflush(stdout);
  std::vector<Row> rows;
  for (const BugEntry* entry : *entries) {
    if (StopRequested()) break;
    absl::StatusOr<Row> row = HuntOne(*entry, *options, plain);
    if (!row.ok()) return Fail(row.status());
    if (absl::Status status = WritePlan(flags, *row); !status.ok()) return Fail(status);
    absl::PrintF("%s", RowText(*row));
    std::fflush(stdout);
    rows.push_back(*std::move(row));
  }
  absl::PrintF("%s", TotalsText(rows));
  if (absl::Status status = WriteJson(flags, rows); !status.ok()) return Fail(status);
  const bool all_found = rows.size() == entries->size() &&
                         std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.hunt.found; });
  return all_found ? kExitPass : kExitInconclusive;
}

}  // namespace

void AddHuntCommand(CLI::App* bugs, int* exit_code) {
  const auto flags = std::make_shared<HuntFlags>();
  CLI::App* command = bugs->add_subcommand(
      "hunt", "Search planted bugs with random plans, and write a scoreboard; exit status 0 if every one was found");
  AddBugArguments(command, &flags->names);
  command->add_flag("--all", flags->all, "Every bug of the catalogue");
  command->add_option("--budget", flags->budget, "How long to search each: 30s, 5m")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--seed", flags->seed, "Which plans")->capture_default_str();
  AddProfilesOption(command, &flags->profiles);
  AddGuidedOption(command, &flags->guided);
  AddPoolOptions(command, &flags->pool);
  AddClusterOption(command, &flags->world);
  AddSpeedOption(command, &flags->world);
  AddProcessOptions(command, &flags->world);
  command->add_flag("--baseline", flags->baseline,
                    "Search each also with plain plans: no faults, no triggers, no themes, no odd constants");
  command->add_option("--baseline-budget", flags->baseline_budget, "How long to search each with plain plans")
      ->needs("--baseline")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--minimize-seconds", flags->minimize_s_max,
                   "How long to minimise each failing plan; 0, or in processes: not")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  command->add_option("--json", flags->json_file, "Write the scoreboard to this file too")->type_name("FILE");
  command->add_option("--plans-to", flags->plan_directory, "Write each minimal plan to this folder")->type_name("DIR");
  const CLI::Option* timeout = command->get_option("--plan-timeout");
  command->callback([flags, timeout, exit_code] {
    if (IsProcesses(flags->world) && timeout->count() == 0) flags->pool.timeout_ms = kProcessTimeoutMs;
    *exit_code = RunHunt(*flags);
  });
}

}  // namespace holdfast::cli
