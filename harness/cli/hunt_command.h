// `holdfast bugs hunt`: searches planted bugs one after the other, and writes a scoreboard.

#ifndef HARNESS_CLI_HUNT_COMMAND_H_
#define HARNESS_CLI_HUNT_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Adds it below `bugs`. Sets `exit_code` when the command has run. It outlives `bugs`.
void AddHuntCommand(CLI::App* bugs, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_HUNT_COMMAND_H_
