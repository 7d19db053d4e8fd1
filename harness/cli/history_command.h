// `holdfast history convert`: histories from one form to another.

#ifndef HARNESS_CLI_HISTORY_COMMAND_H_
#define HARNESS_CLI_HISTORY_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddHistoryCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_HISTORY_COMMAND_H_
