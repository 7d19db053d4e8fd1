// `holdfast run`: a campaign of random plans, or one plan from a file.

#ifndef HARNESS_CLI_RUN_COMMAND_H_
#define HARNESS_CLI_RUN_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddRunCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_RUN_COMMAND_H_
