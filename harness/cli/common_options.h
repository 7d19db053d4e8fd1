// Flags that several commands share, and how their values are checked.

#ifndef HARNESS_CLI_COMMON_OPTIONS_H_
#define HARNESS_CLI_COMMON_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harness/plan/profile.h"
#include "harness/run/trial.h"
#include "harness/run/worker_pool.h"

namespace holdfast::cli {

void AddBugOption(CLI::App* command, std::vector<std::string>* bugs);
// NAME..., the same as arguments.
void AddBugArguments(CLI::App* command, std::vector<std::string>* bugs);
void AddProfileOption(CLI::App* command, std::string* profile);
// For campaigns: several profiles may take turns.
void AddProfilesOption(CLI::App* command, std::string* profiles);
void AddGuidedOption(CLI::App* command, bool* guided);
// --jobs and --plan-timeout.
void AddPoolOptions(CLI::App* command, run::WorkerPoolOptions* pool);
// --out, --no-minimize and --minimize-seconds.
struct FindingOptions {
  std::string directory = "findings";
  bool keep_as_found = false;
  int64_t minimize_s_max = 60;
};
void AddFindingOptions(CLI::App* command, FindingOptions* options);

// An unknown name lists the known ones.
absl::Status CheckBugs(const std::vector<std::string>& names);
absl::StatusOr<plan::Profile> FindProfile(const std::string& name);
// "90", "90s", "5m", "1h".
absl::StatusOr<std::chrono::milliseconds> ParseDuration(const std::string& flag, const std::string& text);
// A plan file, or a finding's folder: its minimal plan, with what else its run needs.
absl::StatusOr<run::Trial> LoadTrial(const std::string& path);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_COMMON_OPTIONS_H_
