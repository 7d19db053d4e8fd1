// A finding on disk: a folder that says what was found, in plain words and for programs, and replays to the bit. Where
// the plan ran in real processes no two runs are the same: there it says how often it failed in how many repeats.
//
//   plan.textproto       the plan as it was found
//   minimal.textproto    the smallest plan that fails in the same way
//   history.jsonl        what clients saw when the minimal plan ran
//   timeline.txt         what happened then, a line each
//   verdict.json         what it came to: FindingRecord
//   README.md            all that in plain words, and the command that replays it
//
// A folder is whole or absent: it is written under another name and renamed. Nothing is ever written over.

#ifndef HARNESS_RUN_FINDING_H_
#define HARNESS_RUN_FINDING_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harness/run/trial.h"

namespace holdfast::run {

struct Finding {
  std::string found_by;  // "campaign with seed 7, plan 12"
  plan::Plan plan;       // as found
  Trial minimal;
  bool is_minimal = false;
  Result result = {};  // of `minimal`, with history and timeline
  // Of runs in processes: of so many further ones, so many failed in the same way.
  uint32_t repeats = 0;
  uint32_t repeats_failed = 0;
};

// Gives the folder's path, in `directory`, which is made if need be.
absl::StatusOr<std::string> WriteFinding(const Finding& finding, const std::string& directory);

struct StoredFinding {
  Trial trial;
  FindingRecord record;
};

// Errors are one line with file and reason.
absl::StatusOr<StoredFinding> ReadFinding(const std::string& folder);

// The parts that make up a stored result, for comparing with a new one.
std::string DigestText(uint64_t digest);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_FINDING_H_
