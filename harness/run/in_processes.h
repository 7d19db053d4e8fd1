// A run in real processes: composition of the runner and the cluster of processes. No two runs of a plan are the same.

#ifndef HARNESS_RUN_IN_PROCESSES_H_
#define HARNESS_RUN_IN_PROCESSES_H_

#include "harness/run/result.pb.h"
#include "harness/run/trial.h"

namespace holdfast::run {

// REQUIRES: the plan validates; nobody forks meanwhile; the calling thread lives as long as the run.
Result RunInProcesses(const Trial& trial, const TrialOptions& options);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_IN_PROCESSES_H_
