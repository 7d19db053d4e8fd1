// Runs of plans for the tests in this folder.
//
// Contract: every run happens in a child process, so that a failed check, a signal or a hang of the cluster under test
// is a result like any other, and the test's own process opens no store. A child that can't be made ends the test
// program.

#ifndef SCENARIOS_SCENARIO_RUN_H_
#define SCENARIOS_SCENARIO_RUN_H_

#include <filesystem>
#include <string>
#include <vector>

#include "harness/plan/plan.pb.h"
#include "harness/run/trial.h"

namespace holdfast::scenarios {

run::Result RunPlan(const plan::Plan& plan);
// Both runs in one child; NONDETERMINISTIC if they differ.
run::Result RunPlanTwice(const plan::Plan& plan);
run::Result RunTrialInChild(const run::Trial& trial, const run::TrialOptions& options);

// What a failing assertion shows: the verdict with its evidence, and the plan as `holdfast run --plan` reads it.
std::string Explain(const plan::Plan& plan, const run::Result& result);

// The files of a folder of the source tree's scenarios/ that end in `extension`, sorted.
std::vector<std::filesystem::path> PlanFiles(const std::string& folder, const std::string& extension);
// Of a file that must be a valid plan.
plan::Plan LoadPlanFile(const std::filesystem::path& file);

// The names of the catalogue's bugs.
std::vector<std::string> PlantedBugs();

// A name for GoogleTest: letters, digits and underscores.
std::string TestName(std::string text);

}  // namespace holdfast::scenarios

#endif  // SCENARIOS_SCENARIO_RUN_H_
