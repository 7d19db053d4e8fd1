#include "harness/cli/plan_command.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "harness/cli/common_options.h"
#include "harness/cli/exit_code.h"
#include "harness/plan/generator.h"
#include "harness/plan/plan_text.h"

namespace holdfast::cli {
namespace {

struct PlanFlags {
  std::vector<std::string> files;
  std::optional<uint64_t> seed;
  std::string profile = "default";
  std::vector<std::string> bugs;
};

int ValidatePlans(const PlanFlags& flags) {
  int code = kExitPass;
  for (const std::string& file : flags.files) {
    if (const absl::StatusOr<plan::Plan> plan = plan::LoadPlan(file); !plan.ok()) {
      code = Fail(plan.status());
    } else {
      absl::PrintF("%s: %d steps, valid\n", file, plan->steps_size());
    }
  }
  return code;
}

int GenerateOne(const PlanFlags& flags) {
  if (absl::Status status = CheckBugs(flags.bugs); !status.ok()) return Fail(status);
  const absl::StatusOr<plan::Profile> profile = FindProfile(flags.profile);
  if (!profile.ok()) return Fail(profile.status());
  plan::Plan plan = plan::GeneratePlan(flags.seed ? *flags.seed : std::random_device()(), *profile);
  for (const std::string& bug : flags.bugs) plan.add_bugs(bug);
  absl::PrintF("%s", plan::PrintPlan(plan));
  return kExitPass;
}

}  // namespace

void AddPlanCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<PlanFlags>();
  CLI::App* plan = app.add_subcommand("plan", "Plans as files");
  plan->require_subcommand(1);
  CLI::App* validate =
      plan->add_subcommand("validate", "Check plan files: exit 2 with file, line and reason if one is wrong");
  validate->add_option("FILE", flags->files, "Plan files")->required();
  validate->callback([flags, exit_code] { *exit_code = ValidatePlans(*flags); });
  CLI::App* generate = plan->add_subcommand("generate", "Print the random plan of a seed");
  generate->add_option("--seed", flags->seed, "The plan's seed; a fresh one is drawn if there is none");
  AddProfileOption(generate, &flags->profile);
  AddBugOption(generate, &flags->bugs);
  generate->callback([flags, exit_code] { *exit_code = GenerateOne(*flags); });
}

}  // namespace holdfast::cli
