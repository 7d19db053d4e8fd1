// `holdfast minimize`: the smallest plan that fails in the same way.

#ifndef HARNESS_CLI_MINIMIZE_COMMAND_H_
#define HARNESS_CLI_MINIMIZE_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddMinimizeCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_MINIMIZE_COMMAND_H_
