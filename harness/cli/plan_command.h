// `holdfast plan validate` and `holdfast plan generate`: plans as files.

#ifndef HARNESS_CLI_PLAN_COMMAND_H_
#define HARNESS_CLI_PLAN_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddPlanCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_PLAN_COMMAND_H_
