// What is done with a failing run: it is minimised, run once more with everything recorded, and put on disk as a
// finding. One in real processes can't be had again at will: it is kept as it was, and repeated to say how often it
// fails.

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

struct InvestigateOptions {
  FindingOptions findings;
  int64_t timeout_ms = 0;  // of one run
  uint32_t repeats = 0;    // of a run in processes
  run::ProcessPlaces processes;
};

// Prints what was found, where it is, and the command that replays it. A stop signal ends the minimising early; the
// finding is still written.
// A run in processes comes with its history and its timeline.
absl::Status Investigate(const FailingRun& failing, const InvestigateOptions& options);

// A run whose verdict is unknown is kept in the same way, as it was: there is nothing to make smaller.
absl::Status KeepUnknown(const FailingRun& unknown, const InvestigateOptions& options);

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_INVESTIGATE_H_
