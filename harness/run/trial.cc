#include "harness/run/trial.h"

#include <time.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/run/in_processes.h"
#include "harness/run/simulated.h"
#include "harness/run/time_profile.h"

namespace holdfast::run {
namespace {

uint64_t CpuTimeUs() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1'000;
}

sim::SimCluster::PointKind PointKindOf(CrashPoint::Kind kind) {
  using PointKind = sim::SimCluster::PointKind;
  switch (kind) {
    case CrashPoint::PROBE:
      return PointKind::kProbe;
    case CrashPoint::MUTATION_FAILS:
      return PointKind::kMutationFails;
    case CrashPoint::READ_FAILS:
      return PointKind::kReadFails;
    case CrashPoint::WRITE_TORN:
      return PointKind::kWriteTorn;
    case CrashPoint::DELIVERY:
      return PointKind::kDelivery;
    default:
      return PointKind::kMutation;
  }
}

uint64_t CountOf(CrashPoint::Kind kind, const sim::SimCluster& cluster, uint32_t node) {
  switch (kind) {
    case CrashPoint::PROBE:
      return cluster.probe_count(node);
    case CrashPoint::READ_FAILS:
      return cluster.read_count(node);
    case CrashPoint::WRITE_TORN:
      return cluster.write_count(node);
    case CrashPoint::DELIVERY:
      return cluster.delivery_count(node);
    default:
      return cluster.mutation_count(node);
  }
}

// Arms the point, and has the node started again some time after it struck: heal may be over by then. A node that
// stopped itself over a failed operation is started again by the runner.
void Arm(const CrashPoint& point, sim::SimCluster* cluster, std::vector<CrashPoint>* struck) {
  sim::SimCluster::PointCrash crash;
  crash.node = point.node();
  crash.point = PointKindOf(point.kind());
  crash.ordinal = point.ordinal();
  crash.kind = point.crash();
  crash.salt = point.salt();
  cluster->ArmPointCrash(crash, [cluster, point, struck] {
    struck->push_back(point);
    if (point.has_then()) {
      CrashPoint next = point.then();
      next.set_ordinal(next.ordinal() + CountOf(next.kind(), *cluster, next.node()));
      Arm(next, cluster, struck);
    }
    if (IsFailedOperation(point)) return;
    const auto restart_after_us = static_cast<int64_t>(point.restart_after_us());
    cluster->At(cluster->NowUs() + restart_after_us, [cluster, node = point.node()] {
      // A start that fails is a violation of its own, which the cluster tells its observer.
      if (!cluster->IsUp(node)) cluster->Restart(node).IgnoreError();
    });
  });
}

void CountPoints(const sim::SimCluster& cluster, uint32_t nodes, TrialReport* report) {
  for (uint32_t node = 1; node <= nodes; ++node) {
    TrialReport::Points* points = report->add_points();
    points->set_node(node);
    points->set_mutations(cluster.mutation_count(node));
    points->set_probes(cluster.probe_count(node));
    points->set_reads(cluster.read_count(node));
    points->set_writes(cluster.write_count(node));
    points->set_deliveries(cluster.delivery_count(node));
  }
}

TrialReport RunOnce(const Trial& trial, const TrialOptions& options) {
  TrialReport report;
  std::vector<CrashPoint> struck;
  SimulatedOptions simulated;
  simulated.runner.keep_history = options.keep_history;
  simulated.runner.keep_timeline = options.keep_timeline;
  simulated.sim.clock_skew_us = options.clock_skew_us;
  if (trial.has_crash_point()) {
    simulated.after_start = [&](sim::SimCluster* cluster) { Arm(trial.crash_point(), cluster, &struck); };
  }
  simulated.at_end = [&](const sim::SimCluster& cluster) {
    CountPoints(cluster, trial.plan().shape().nodes(), &report);
  };
  TimeProfile profile;
  if (options.profile_time) profile.Start();
  const uint64_t start_us = CpuTimeUs();
  *report.mutable_result() = RunSimulated(trial.plan(), simulated);
  report.set_cpu_us(CpuTimeUs() - start_us);
  profile.Stop();
  report.set_samples(profile.samples());
  report.set_rocksdb_samples(profile.rocksdb_samples());
  report.set_point_struck(struck.size() > (trial.crash_point().has_then() ? 1u : 0u));
  for (const CrashPoint& point : struck) {
    if (IsFailedOperation(point)) continue;
    Counters* counters = report.mutable_result()->mutable_counters();
    const bool power_loss = point.crash() == fault::Crash::POWER_LOSS;
    if (power_loss) counters->set_power_losses(counters->power_losses() + 1);
    if (!power_loss) counters->set_crashes(counters->crashes() + 1);
  }
  return report;
}

// The two runs differ: the finding is that, whatever each of them came to.
void MarkNondeterministic(const std::vector<std::string>& differences, Result* result) {
  Violation violation;
  violation.set_checker("self-check");
  violation.set_summary("two runs of the same plan in the same process differ");
  for (const std::string& difference : differences) violation.add_evidence(difference);
  result->set_verdict(Result::NONDETERMINISTIC);
  result->mutable_violations()->Add(std::move(violation));
  // First, as the leading one.
  for (int i = result->violations_size() - 1; i > 0; --i) result->mutable_violations()->SwapElements(i, i - 1);
}

}  // namespace

TrialReport RunTrial(const Trial& trial, const TrialOptions& options) {
  if (trial.world() == PROCESSES) {
    TrialReport report;
    *report.mutable_result() = RunInProcesses(trial, options);
    return report;
  }
  TrialReport report = RunOnce(trial, options);
  if (!trial.twice()) return report;
  TrialOptions quick = options;
  quick.keep_history = quick.keep_timeline = false;
  const TrialReport again = RunOnce(trial, quick);
  report.set_cpu_us(report.cpu_us() + again.cpu_us());
  report.set_samples(report.samples() + again.samples());
  report.set_rocksdb_samples(report.rocksdb_samples() + again.rocksdb_samples());
  std::vector<std::string> differences;
  if (!SameRun(report.result(), again.result(), &differences)) {
    MarkNondeterministic(differences, report.mutable_result());
  }
  return report;
}

bool SameRun(const Result& a, const Result& b, std::vector<std::string>* differences) {
  std::vector<std::string> found;
  if (a.history_digest() != b.history_digest()) {
    found.push_back(absl::StrFormat("history digest %016x against %016x", a.history_digest(), b.history_digest()));
  }
  if (a.final_draw() != b.final_draw()) {
    found.push_back(absl::StrFormat("final draw %016x against %016x", a.final_draw(), b.final_draw()));
  }
  if (a.verdict() != b.verdict()) {
    found.push_back(
        absl::StrCat("verdict ", Result::Verdict_Name(a.verdict()), " against ", Result::Verdict_Name(b.verdict())));
  }
  if (differences != nullptr) differences->insert(differences->end(), found.begin(), found.end());
  return found.empty();
}

bool IsFailure(const Result& result) {
  return result.verdict() == Result::FAIL || result.verdict() == Result::NONDETERMINISTIC ||
         result.verdict() == Result::CRASHED;
}

bool SameFailure(const Result& a, const Result& b) {
  if (!IsFailure(a) || a.verdict() != b.verdict()) return false;
  if (a.violations().empty() || b.violations().empty()) return a.violations().empty() == b.violations().empty();
  const Violation& first = a.violations(0);
  const Violation& second = b.violations(0);
  return first.checker() == second.checker() && first.invariant() == second.invariant();
}

bool IsFailedOperation(const CrashPoint& point) {
  return point.kind() == CrashPoint::MUTATION_FAILS || point.kind() == CrashPoint::READ_FAILS;
}

std::string CrashPointText(const CrashPoint& point) {
  const char* crash = point.crash() == fault::Crash::POWER_LOSS ? "power loss" : "process death";
  std::string text = absl::StrCat(crash, " of node ", point.node());
  switch (point.kind()) {
    case CrashPoint::MUTATION_FAILS:
      text = absl::StrCat("file-system mutation ", point.ordinal(), " of node ", point.node(), " fails");
      break;
    case CrashPoint::READ_FAILS:
      text = absl::StrCat("file-system read ", point.ordinal(), " of node ", point.node(), " fails");
      break;
    case CrashPoint::WRITE_TORN:
      absl::StrAppend(&text, " in the middle of its write ", point.ordinal());
      break;
    case CrashPoint::DELIVERY:
      absl::StrAppend(&text, " before message ", point.ordinal(), " to it");
      break;
    case CrashPoint::PROBE:
      absl::StrAppend(&text, " at its probe ", point.ordinal());
      break;
    default:
      absl::StrAppend(&text, " at its file-system mutation ", point.ordinal());
  }
  if (point.has_then()) absl::StrAppend(&text, ", counted from there ", CrashPointText(point.then()));
  return text;
}

}  // namespace holdfast::run
