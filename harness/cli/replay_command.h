// `holdfast replay`: runs a finding again and compares.

#ifndef HARNESS_CLI_REPLAY_COMMAND_H_
#define HARNESS_CLI_REPLAY_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddReplayCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_REPLAY_COMMAND_H_
