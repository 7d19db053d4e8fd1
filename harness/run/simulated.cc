// A run in the simulator: composition of the runner and the simulated cluster.

#include "harness/run/simulated.h"

#include "absl/strings/str_cat.h"
#include "harness/sim/sim_cluster.h"

namespace holdfast::run {

Result RunSimulated(const plan::Plan& plan, const SimulatedOptions& options) {
  Runner runner(plan, options.runner);
  auto cluster = sim::SimCluster::Create(plan, &runner, options.sim);
  if (!cluster.ok()) {
    Result result;
    result.set_verdict(Result::FAIL);
    Violation* violation = result.add_violations();
    violation->set_checker("start");
    violation->set_summary(std::string(cluster.status().message()));
    return result;
  }
  if (options.after_start) runner.set_after_start([&] { options.after_start(cluster->get()); });
  Result result = runner.Run(cluster->get());
  if (options.at_end) options.at_end(**cluster);
  result.set_final_draw((*cluster)->FinalDraw());
  const auto& hits = (*cluster)->probe_hits();
  for (int i = 0; i < sut::kProbeCount; ++i) {
    (*result.mutable_probes())[std::string(sut::ProbeName(static_cast<sut::Probe>(i)))] = hits[i];
  }
  return result;
}

}  // namespace holdfast::run
