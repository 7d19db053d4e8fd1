#include "harness/run/in_processes.h"

#include <algorithm>
#include <string>

#include "harness/process/process_cluster.h"
#include "harness/run/runner.h"
#include "sut/base/probe.h"

namespace holdfast::run {
namespace {

// A busy machine may take so many times as long to heal as plans allow for.
constexpr int64_t kPatience = 2;

void Fail(const std::string& checker, const std::string& summary, const std::string& evidence, Result* result) {
  result->set_verdict(Result::FAIL);
  Violation* violation = result->add_violations();
  violation->set_checker(checker);
  violation->set_summary(summary);
  if (!evidence.empty()) violation->add_evidence(evidence);
}

}  // namespace

Result RunInProcesses(const Trial& trial, const TrialOptions& options) {
  const int64_t speed = std::max<int64_t>(1, trial.speed());
  Runner runner(
      trial.plan(),
      {.keep_history = options.keep_history, .keep_timeline = options.keep_timeline, .patience = kPatience * speed});
  auto cluster = process::ProcessCluster::Create(trial.plan(),
                                                 {.server_binary = options.processes.server_binary,
                                                  .work_dir = options.processes.work_dir,
                                                  .keep_directory = options.processes.keep_directories,
                                                  .speed = speed},
                                                 &runner);
  if (!cluster.ok()) {
    Result result;
    Fail("start", std::string(cluster.status().message()), "", &result);
    return result;
  }
  Result result = runner.Run(cluster->get());
  if (result.violations().empty()) {
    const absl::Status stopped = (*cluster)->StopAll();
    if (!stopped.ok()) Fail("stop", "a node does not stop in good order", std::string(stopped.message()), &result);
  }
  for (const std::string& what : (*cluster)->refused_options()) ++(*result.mutable_refused())[what];
  const process::LinkCounters links = (*cluster)->link_counters();
  result.mutable_counters()->set_link_resets(links.resets);
  result.mutable_counters()->set_link_bytes_swallowed(links.bytes_swallowed);
  result.mutable_counters()->set_link_bytes_delayed(links.bytes_delayed);
  const auto& hits = (*cluster)->probe_hits();
  for (int i = 0; i < sut::kProbeCount; ++i) {
    (*result.mutable_probes())[std::string(sut::ProbeName(static_cast<sut::Probe>(i)))] = hits[i];
  }
  return result;
}

}  // namespace holdfast::run
