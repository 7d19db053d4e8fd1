// A run in the simulator, in this process: a pure function of (plan, binary).

#ifndef HARNESS_RUN_SIMULATED_H_
#define HARNESS_RUN_SIMULATED_H_

#include <functional>

#include "harness/plan/plan.pb.h"
#include "harness/run/result.pb.h"
#include "harness/run/runner.h"
#include "harness/sim/sim_cluster.h"

namespace holdfast::run {

struct SimulatedOptions {
  RunnerOptions runner;
  sim::SimOptions sim;
  // Called once the cluster is up: to arm crash points. May be empty.
  std::function<void(sim::SimCluster*)> after_start;
  // Called when the run has ended: to read counts. May be empty.
  std::function<void(const sim::SimCluster&)> at_end;
};

// REQUIRES: the plan validates.
Result RunSimulated(const plan::Plan& plan, const SimulatedOptions& options);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_SIMULATED_H_
