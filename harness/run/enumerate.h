// Crash points, all of them: a plan is run once to count the file-system mutations and the probe hits of each node, and
// then once for every one of them, with the node dying exactly there and coming back a moment later. A cluster that
// keeps its word passes every time.
//
// Instead, the file-system operation may fail, the write be torn, or the crash come with a message; or a second crash
// may follow the first one, anywhere. Of such pairs there are too many: a number of them is drawn.
//
// Up to its point a run is the run that was counted, so each point strikes; one that does not is told of, not passed
// over.

#ifndef HARNESS_RUN_ENUMERATE_H_
#define HARNESS_RUN_ENUMERATE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/run/trial.h"
#include "harness/run/worker_pool.h"

namespace holdfast::run {

// What happens at each point.
enum class PointSet : uint8_t {
  kCrashes,     // a crash, at every mutation and every probe hit
  kFails,       // each file-system operation, reads too, fails once instead
  kTorn,        // a crash in the middle of every write: a part of it is there
  kDeliveries,  // a crash before every message that is delivered, which is lost
  kPairs,       // two crashes, drawn: at a mutation, a probe hit or a delivery, and soon after it another one
};

struct EnumerateOptions {
  PointSet points = PointSet::kCrashes;
  std::optional<uint32_t> node;  // none: every node
  std::vector<fault::Crash::Kind> kinds = {fault::Crash::PROCESS_DEATH, fault::Crash::POWER_LOSS};
  uint64_t restart_after_us = 300'000;  // of simulated time
  uint64_t pairs = 0;                   // kPairs: how many
  WorkerPoolOptions pool;
};

struct EnumerationSummary {
  std::vector<TrialReport::Points> points;  // of the nodes that were asked for
  uint64_t total = 0;                       // runs that these make
  uint64_t tried = 0;
  uint64_t struck = 0;
  uint64_t passed = 0;
  uint64_t vacuous = 0;
  uint64_t unknown = 0;
  uint64_t findings = 0;
  uint64_t wall_us = 0;
  bool interrupted = false;
};

class EnumerationObserver {
 public:
  virtual ~EnumerationObserver() = default;
  // Once, when the counting run is over.
  virtual void OnCounted(const EnumerationSummary& summary) = 0;
  // Also if the plan fails without any crash point: then nothing is enumerated.
  virtual void OnFinding(const Trial& trial, const Result& result) = 0;
  virtual void OnNotStruck(const CrashPoint& point) = 0;
  virtual bool GoOn(const EnumerationSummary& so_far) = 0;
};

// REQUIRES: the plan validates. Fails only if no child can be made.
absl::StatusOr<EnumerationSummary> Enumerate(const plan::Plan& plan, const EnumerateOptions& options,
                                             EnumerationObserver* observer);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_ENUMERATE_H_
