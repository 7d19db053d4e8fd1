// The command `holdfast`: one entry, a subcommand for each thing it does.
//
// Exit status: 0 pass, 1 finding, 2 bad input, 3 inconclusive (unknown, vacuous), 4 internal error.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/strings/str_format.h"
#include "harness/cli/bugs_command.h"
#include "harness/cli/check_command.h"
#include "harness/cli/compare_command.h"
#include "harness/cli/enumerate_command.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/history_command.h"
#include "harness/cli/minimize_command.h"
#include "harness/cli/plan_command.h"
#include "harness/cli/replay_command.h"
#include "harness/cli/run_command.h"
#include "harness/cli/stop_signal.h"

namespace holdfast::cli {
namespace {

// CLI11 tells of errors by exceptions; they end here.
int Main(int argc, char** argv) {
  CLI::App app("Holdfast proves database snapshots right, or shows how they are wrong.", "holdfast");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of all commands");
  app.set_version_flag("--version", "holdfast 0.1.0");
  app.footer("Exit status: 0 pass, 1 finding, 2 bad input, 3 inconclusive (unknown, vacuous), 4 internal error.");
  int exit_code = kExitInternalError;
  AddRunCommand(app, &exit_code);
  AddCompareCommand(app, &exit_code);
  AddReplayCommand(app, &exit_code);
  AddMinimizeCommand(app, &exit_code);
  AddEnumerateCommand(app, &exit_code);
  AddPlanCommand(app, &exit_code);
  AddBugsCommand(app, &exit_code);
  AddCheckCommand(app, &exit_code);
  AddHistoryCommand(app, &exit_code);
  CatchStopSignals();
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::RequiredError& error) {
    // CLI11 misses a command before it sees that what stands there is none.
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty()) {
      absl::FPrintF(stderr, "holdfast: no such command: %s (--help says more)\n", argv[1]);
    } else {
      absl::FPrintF(stderr, "holdfast: %s (--help says more)\n", error.what());
    }
    return kExitBadInput;
  } catch (const CLI::ParseError& error) {
    absl::FPrintF(stderr, "holdfast: %s (--help says more)\n", error.what());
    return kExitBadInput;
  }
  return exit_code;
}

}  // namespace
}  // namespace holdfast::cli

int main(int argc, char** argv) { return holdfast::cli::Main(argc, argv); }
