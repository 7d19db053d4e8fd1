// Numbered runs, spread over forked children.
//
// Contract: `work` is a pure function of the number, so what comes out does not depend on how many children there are.
// A child that dies or hangs in a run is that run's result, CRASHED, and a new child goes on. Children are replaced
// after a while, so that memory stays flat whatever the stores leave behind. When RunTasks returns, no child is left.
//
// Thread rule: one thread; this process opens no store itself.

#ifndef HARNESS_RUN_WORKER_POOL_H_
#define HARNESS_RUN_WORKER_POOL_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "harness/run/trial.pb.h"

namespace holdfast::run {

struct WorkerPoolOptions {
  int jobs = 1;  // children at a time
  int tasks_per_child = 500;
  int64_t timeout_ms = 60'000;  // of wall time, for one run
};

// Where the numbers come from and the reports go. Time spent in here does not count against the runs' time-outs.
class TaskSource {
 public:
  virtual ~TaskSource() = default;
  // Another number, or none: then the runs under way are the last ones.
  virtual std::optional<uint64_t> Next() = 0;
  virtual void Done(uint64_t number, TrialReport report) = 0;
  // Asked several times a second. No: all children are killed, and what they were at is forgotten.
  virtual bool GoOn() = 0;
};

// Fails only if no child can be made.
absl::Status RunTasks(const WorkerPoolOptions& options, const std::function<TrialReport(uint64_t number)>& work,
                      TaskSource* source);

// As many as this machine has processors online. The simulator makes std::thread::hardware_concurrency() say 1.
int DefaultJobs();

}  // namespace holdfast::run

#endif  // HARNESS_RUN_WORKER_POOL_H_
