// `holdfast bugs list`: what can be planted in the cluster under test; and `holdfast bugs hunt`, see hunt_command.h.

#ifndef HARNESS_CLI_BUGS_COMMAND_H_
#define HARNESS_CLI_BUGS_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddBugsCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_BUGS_COMMAND_H_
