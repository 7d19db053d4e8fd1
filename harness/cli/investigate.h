// What is done with a failing run: it is minimised, run once more with everything recorded, and put on disk as a
// finding.

#ifndef HARNESS_CLI_INVESTIGATE_H_
#define HARNESS_CLI_INVESTIGATE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "harness/cli/common_options.h"
#include "harness/run/trial.h"

namespace holdfast::cli {

struct FailingRun {
  run::Trial trial;
  run::Result result;
  std::string found_by;  // "campaign with seed 7, plan 12"
};

// Prints what was found, where it is, and the command that replays it. A stop signal ends the minimising early; the
// finding is still written.
absl::Status Investigate(const FailingRun& failing, const FindingOptions& options, int64_t timeout_ms);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_INVESTIGATE_H_
