// A hunt: how long random plans take to find one planted bug, and how small the plan that shows it becomes.
//
// A campaign with the bug planted runs until its first finding or until its budget is spent. The failing plan is
// minimised, and run once without the bug: a plan that fails then too is a finding, but not of this bug: the hunt goes
// on with what is left of its budget. A finding that stays too large to be read is not the end either: a few others are
// looked for, each for as long as minimising may take, and the smallest plan is kept. Every run happens in a child
// process.
//
// In real processes no two runs of a plan are the same: the plan stays as it was found, and must pass several times
// without the bug.

#ifndef HARNESS_RUN_HUNT_H_
#define HARNESS_RUN_HUNT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "harness/plan/profile_set.h"
#include "harness/run/trial.h"
#include "harness/run/worker_pool.h"

namespace holdfast::run {

struct HuntOptions {
  uint64_t seed = 0;
  plan::ProfileSet profiles;
  bool guided = false;                       // see CampaignOptions
  std::chrono::milliseconds budget{60'000};  // of searching
  int64_t minimize_ms_max = 60'000;          // 0, or in processes: the plan stays as it was found
  WorkerPoolOptions pool;
  World world = SIMULATION;
  uint32_t speed = 1;  // of runs in processes, see Trial
  ProcessPlaces processes = {};
  std::function<bool()> should_stop = nullptr;  // may be empty
};

struct HuntResult {
  bool found = false;
  bool without_too = false;  // not found, and a plan failed that fails without the bug as well
  bool interrupted = false;
  uint64_t plans = 0;   // run until then
  double seconds = 0;   // of wall time until then
  std::string checker;  // that told first, with its invariant
  std::string headline;
  int steps_found = 0;
  int steps = 0;  // of the smallest plan, after minimising
  bool is_minimal = false;
  Trial minimal;
};

// Fails only if no child can be made.
absl::StatusOr<HuntResult> HuntBug(const std::string& bug, const HuntOptions& options);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_HUNT_H_
