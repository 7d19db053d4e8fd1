// `holdfast check`: is a recorded history linearizable? Files in any of the forms of harness/history/import.h.

#ifndef HARNESS_CLI_CHECK_COMMAND_H_
#define HARNESS_CLI_CHECK_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddCheckCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_CHECK_COMMAND_H_
