#include "scenarios/scenario_run.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "faults/bug_catalogue.h"
#include "harness/plan/plan_text.h"
#include "harness/run/isolated.h"
#include "harness/run/result_text.h"
#include "sut/base/check.h"

namespace holdfast::scenarios {
namespace {

// Of wall time; generous, because tests share their processors and may run under sanitizers.
constexpr int64_t kTimeoutMs = 120'000;

}  // namespace

run::Result RunTrialInChild(const run::Trial& trial, const run::TrialOptions& options) {
  absl::StatusOr<run::TrialReport> report =
      run::RunIsolated(trial, options, {.timeout_ms = kTimeoutMs, .should_stop = nullptr});
  SUT_CHECK(report.ok(), "a child process can't be made");
  return std::move(*report->mutable_result());
}

run::Result RunPlan(const plan::Plan& plan) {
  run::Trial trial;
  *trial.mutable_plan() = plan;
  return RunTrialInChild(trial, {});
}

run::Result RunPlanTwice(const plan::Plan& plan) {
  run::Trial trial;
  *trial.mutable_plan() = plan;
  trial.set_twice(true);
  return RunTrialInChild(trial, {});
}

std::string Explain(const plan::Plan& plan, const run::Result& result) {
  return absl::StrCat("verdict: ", run::VerdictText(result.verdict()), "\n", run::ViolationsText(result),
                      "the plan, to be run with `holdfast run --plan FILE`:\n", plan::PrintPlan(plan));
}

std::vector<std::filesystem::path> PlanFiles(const std::string& folder, const std::string& extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(HOLDFAST_SCENARIOS) / folder)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

plan::Plan LoadPlanFile(const std::filesystem::path& file) {
  absl::StatusOr<plan::Plan> plan = plan::LoadPlan(file.string());
  SUT_CHECK(plan.ok(), std::string(plan.status().message()).c_str());
  return *std::move(plan);
}

std::vector<std::string> PlantedBugs() {
  std::vector<std::string> names;
  for (const BugEntry& entry : BugCatalogue()) names.emplace_back(sut::BugName(entry.bug));
  return names;
}

std::string TestName(std::string text) {
  for (char& c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return text;
}

}  // namespace holdfast::scenarios
