// What the command's exit status says; scripts rest on it.

#ifndef HARNESS_CLI_EXIT_CODE_H_
#define HARNESS_CLI_EXIT_CODE_H_

#include <string_view>

#include "absl/status/status.h"
#include "harness/run/result.pb.h"

namespace holdfast::cli {

enum ExitCode : int {
  kExitPass = 0,
  kExitFinding = 1,
  kExitBadInput = 2,      // nothing was run, nothing changed
  kExitInconclusive = 3,  // unknown, or vacuous
  kExitInternalError = 4,
};

ExitCode ExitCodeOf(run::Result::Verdict verdict);

// Prints the error as one line on stderr. What the user gave was wrong, or else this program was.
ExitCode Fail(const absl::Status& status);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_EXIT_CODE_H_
