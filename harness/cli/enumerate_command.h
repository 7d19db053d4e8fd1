// `holdfast enumerate`: a plan, once for every place where a node can crash.

#ifndef HARNESS_CLI_ENUMERATE_COMMAND_H_
#define HARNESS_CLI_ENUMERATE_COMMAND_H_

#include <CLI/CLI.hpp>

namespace holdfast::cli {

// Sets `exit_code` when the command has run. It outlives `app`.
void AddEnumerateCommand(CLI::App& app, int* exit_code);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_ENUMERATE_COMMAND_H_
