// `holdfast compare`: one plan in both worlds, side by side.

#ifndef HARNESS_CLI_COMPARE_COMMAND_H_
#define HARNESS_CLI_COMPARE_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddCompareCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_COMPARE_COMMAND_H_
