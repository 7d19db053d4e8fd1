// How each fault of a plan strikes; those of one node's disk or clock are in node_faults.cc. A fault whose target has
// no meaning at its moment (no leader, node already down) leaves no trace; one that this cluster can't do is noted in
// the result.
//
// What lasts is known by the number of its step until it ends by itself or at heal; every strike is told to the
// coverage.

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/run/runner.h"
#include "sut/base/prng.h"

namespace holdfast::run {
void Runner::ExecuteFault(const plan::Step& step, uint32_t number) {
  const fault::Fault& fault = step.fault();
  switch (fault.kind_case()) {
    case fault::Fault::kCrash:
      return ExecuteCrash(step, number);
    case fault::Fault::kCrashAll:
      return ExecuteCrashAll(step);
    case fault::Fault::kRestart:
      if (const auto node = cluster_->Resolve(fault.restart().target())) RestartNode(*node);
      return;
    case fault::Fault::kPartition:
      return ExecutePartition(fault.partition(), number);
    case fault::Fault::kWeather:
      return ExecuteWeather(fault.weather(), number);
    case fault::Fault::kPause:
      return ExecutePause(fault.pause(), number);
    case fault::Fault::kSlowLink:
      return ExecuteSlowLink(fault.slow_link(), number);
    case fault::Fault::kDisk:
      return ExecuteDisk(step, number);
    case fault::Fault::kRot:
      return ExecuteRot(step);
    case fault::Fault::kClock:
      return ExecuteClock(fault.clock(), number);
    case fault::Fault::kDiskLoss:
      return ExecuteDiskLoss(fault.disk_loss(), number);
    default:
      return;
  }
}

void Runner::ExecuteCrash(const plan::Step& step, uint32_t) {
  const fault::Crash& crash = step.fault().crash();
  if (!step.has_when()) {
    if (const auto node = cluster_->Resolve(crash.target())) {
      Crash(*node, crash.kind(), step.salt(), crash.restart_after_us());
      CrashAgain(*node, crash, step.salt(), 1);
    }
    return;
  }
  Cluster::ProbeCrash armed;
  armed.probe = *sut::ProbeFromName(step.when().probe());
  armed.nth = std::max(1u, step.when().nth());
  armed.kind = crash.kind();
  armed.salt = step.salt();
  if (step.when().has_target()) {
    armed.node = cluster_->Resolve(step.when().target());
    if (!armed.node) return;
  }
  const auto id = std::make_shared<uint64_t>(0);
  const auto arm = [&] {
    return cluster_->ArmProbeCrash(armed, [this, id, kind = armed.kind, crash, salt = step.salt()](uint32_t node) {
      armed_probes_.erase(*id);
      Counters* counters = result_.mutable_counters();
      counters->set_probe_crashes_struck(counters->probe_crashes_struck() + 1);
      CountCrash(node, kind);
      RestartLater(node, crash.restart_after_us());
      CrashAgain(node, crash, salt, 1);
    });
  };
  absl::StatusOr<uint64_t> armed_id = arm();
  if (armed.kind == fault::Crash::POWER_LOSS && !Take(armed_id.status())) {
    armed.kind = fault::Crash::PROCESS_DEATH;
    armed_id = arm();
  }
  if (!Take(armed_id.status())) return;
  *id = *armed_id;
  armed_probes_.insert(*id);
  const int64_t deadline_us =
      step.when().deadline_us() > 0 ? static_cast<int64_t>(step.when().deadline_us()) : kWhenDeadlineUs;
  cluster_->At(cluster_->NowUs() + deadline_us, [this, id] {
    if (armed_probes_.erase(*id) == 0) return;
    cluster_->DisarmProbeCrash(*id);
    Counters* counters = result_.mutable_counters();
    counters->set_probe_crashes_missed(counters->probe_crashes_missed() + 1);
  });
}

void Runner::Crash(uint32_t node, fault::Crash::Kind kind, uint64_t salt, uint64_t restart_after_us) {
  if (!cluster_->IsUp(node)) {
    if (kind == fault::Crash::POWER_LOSS) (void)Take(cluster_->Crash(node, kind, salt));
    return;
  }
  // Where no power can be lost, the process dies all the same: a restart is what most of the plan's story needs.
  if (!Take(cluster_->Crash(node, kind, salt))) {
    kind = fault::Crash::PROCESS_DEATH;
    Take(cluster_->Crash(node, kind, salt));
  }
  CountCrash(node, kind);
  RestartLater(node, restart_after_us);
}

// Once the node is dead: what it was at when it died is known by then.
void Runner::CountCrash(uint32_t node, fault::Crash::Kind kind) {
  Counters* counters = result_.mutable_counters();
  const bool power_loss = kind == fault::Crash::POWER_LOSS;
  if (power_loss) counters->set_power_losses(counters->power_losses() + 1);
  if (!power_loss) counters->set_crashes(counters->crashes() + 1);
  // The epilogue strikes every plan alike, which says nothing of the plans.
  if (!healing_) coverage_.Strike(node, power_loss ? FaultKind::kPowerLoss : FaultKind::kProcessDeath);
}

// The rest of a restart loop: each crash has its restart, and the next one comes as long after that.
void Runner::CrashAgain(uint32_t node, const fault::Crash& crash, uint64_t salt, uint32_t done) {
  if (done >= crash.times() || crash.restart_after_us() == 0) return;
  const auto round_us = static_cast<int64_t>(2 * crash.restart_after_us());
  cluster_->At(cluster_->NowUs() + round_us, [this, node, crash, salt, done] {
    if (healing_ || stopped()) return;
    Crash(node, crash.kind(), sut::Mix({salt, done}), crash.restart_after_us());
    CrashAgain(node, crash, salt, done + 1);
  });
}

void Runner::ExecuteCrashAll(const plan::Step& step) {
  const fault::CrashAll& crash = step.fault().crash_all();
  for (uint32_t node = 1; node <= plan_.shape().nodes(); ++node) {
    const auto strike = [this, crash, node, salt = sut::Mix({step.salt(), node})] {
      if (!healing_ && !stopped()) Crash(node, crash.kind(), salt, crash.restart_after_us());
    };
    const auto delay_us = static_cast<int64_t>((node - 1) * crash.stagger_us());
    delay_us == 0 ? strike() : cluster_->At(cluster_->NowUs() + delay_us, strike);
  }
}

void Runner::RestartLater(uint32_t node, uint64_t after_us) {
  if (after_us == 0) return;
  cluster_->At(cluster_->NowUs() + static_cast<int64_t>(after_us), [this, node] { RestartNode(node); });
}

void Runner::RestartNode(uint32_t node) {
  if (cluster_->IsUp(node) || stopped()) return;
  Counters* counters = result_.mutable_counters();
  counters->set_restarts(counters->restarts() + 1);
  // What a disk fault keeps from starting was told by OnDiskStop.
  if (absl::Status status = cluster_->Restart(node); !status.ok() && !absl::IsUnavailable(status)) {
    Violate({"recovery", "I6", absl::StrCat("node ", node, " does not start again"), {std::string(status.message())}});
  }
}

// The directed links that a partition cuts; none if its roles mean all nodes or nobody now.
Runner::Links Runner::LinksOf(const fault::Partition& partition) const {
  using Partition = fault::Partition;
  const uint32_t nodes = plan_.shape().nodes();
  std::set<uint32_t> side;
  for (const fault::Target& target : partition.side()) {
    if (const auto node = cluster_->Resolve(target)) side.insert(*node);
  }
  Links links;
  if (partition.kind() == Partition::RING || partition.kind() == Partition::BRIDGE) {
    if (partition.kind() == Partition::BRIDGE && side.size() != 1) return links;
    // The halves of a bridge are the nodes of odd and of even numbers.
    const auto apart = [&](uint32_t a, uint32_t b) {
      if (partition.kind() == Partition::BRIDGE) return !side.contains(a) && !side.contains(b) && (a + b) % 2 != 0;
      const uint32_t distance = a < b ? b - a : a - b;
      return distance != 0 && distance != 1 && distance != nodes - 1;
    };
    for (uint32_t a = 1; a <= nodes; ++a) {
      for (uint32_t b = 1; b <= nodes; ++b) {
        if (apart(a, b)) links.emplace_back(a, b);
      }
    }
    return links;
  }
  if (side.empty() || side.size() == nodes) return links;
  const auto cut = [&](uint32_t outside, uint32_t inside) {
    if (partition.kind() != Partition::FROM_SIDE) links.emplace_back(outside, inside);
    if (partition.kind() != Partition::TO_SIDE) links.emplace_back(inside, outside);
  };
  for (uint32_t outside = 1; outside <= nodes; ++outside) {
    if (side.contains(outside)) continue;
    for (const uint32_t inside : side) cut(outside, inside);
    // A one-way cut between nodes is still a whole one for clients, who would hear no answer either way.
    for (const uint32_t client : partition.clients_inside()) {
      links.emplace_back(outside, Cluster::ClientEnd(client));
      links.emplace_back(Cluster::ClientEnd(client), outside);
    }
  }
  if (!partition.clients_too()) return links;
  const auto& with_side = partition.clients_inside();
  for (const uint32_t inside : side) {
    if (with_side.empty()) cut(Cluster::kAllClients, inside);
    for (uint32_t client = 0; client < plan_.clients() && !with_side.empty(); ++client) {
      if (std::find(with_side.begin(), with_side.end(), client) == with_side.end()) {
        cut(Cluster::ClientEnd(client), inside);
      }
    }
  }
  return links;
}

void Runner::ExecutePartition(const fault::Partition& partition, uint32_t number) {
  const Links links = LinksOf(partition);
  if (links.empty()) return;
  result_.mutable_counters()->set_partitions(result_.counters().partitions() + 1);
  Take(cluster_->Cut(number, links));
  BeginLasting(number, links, FaultKind::kPartition, partition.heal_after_us());
}

void Runner::ExecuteSlowLink(const fault::SlowLink& slow, uint32_t number) {
  const auto from = cluster_->Resolve(slow.from());
  const auto to = cluster_->Resolve(slow.to());
  if (!from || !to || *from == *to) return;
  const Links links = {{*from, *to}, {*to, *from}};
  if (!Take(cluster_->Slow(number, links, slow.delay_factor()))) return;
  result_.mutable_counters()->set_slow_links(result_.counters().slow_links() + 1);
  BeginLasting(number, links, FaultKind::kSlowLink, slow.heal_after_us());
}

// A rule of the network, under the number of its step, until it is mended.
void Runner::BeginLasting(uint64_t id, const Links& links, FaultKind kind, uint64_t heal_after_us) {
  std::set<uint32_t> nodes;
  for (const auto& [from, to] : links) {
    for (const uint32_t end : {from, to}) {
      if (end >= 1 && end <= plan_.shape().nodes()) nodes.insert(end);
    }
  }
  for (const uint32_t node : nodes) coverage_.Begin(id, node, kind);
  cuts_.insert(id);
  if (heal_after_us == 0) return;
  cluster_->At(cluster_->NowUs() + static_cast<int64_t>(heal_after_us), [this, id] {
    if (cuts_.erase(id) == 0) return;
    cluster_->Mend(id);
    coverage_.End(id);
  });
}

void Runner::ExecutePause(const fault::Pause& pause, uint32_t number) {
  const auto node = cluster_->Resolve(pause.target());
  if (!node || paused_.contains(*node) || !cluster_->IsUp(*node)) return;
  if (!Take(cluster_->Pause(*node))) return;
  result_.mutable_counters()->set_pauses(result_.counters().pauses() + 1);
  paused_[*node] = number;
  coverage_.Begin(number, *node, FaultKind::kPause);
  if (pause.resume_after_us() == 0) return;
  cluster_->At(cluster_->NowUs() + static_cast<int64_t>(pause.resume_after_us()), [this, node = *node, number] {
    const auto paused = paused_.find(node);
    if (paused != paused_.end() && paused->second == number) Resume(node);
  });
}

void Runner::Resume(uint32_t node) {
  coverage_.End(paused_.at(node));
  paused_.erase(node);
  cluster_->Resume(node);
}

// A fault that this cluster can't do is told of: the plan did not have all that it asked for.
bool Runner::Take(const absl::Status& done) {
  if (done.ok()) return true;
  ++(*result_.mutable_refused())[std::string(done.message())];
  return false;
}

Cluster::Weather Runner::BaseWeather() const {
  if (healing_) return {};
  return {plan_.world().loss_permille(), plan_.world().duplicate_permille(), plan_.world().reorder_permille(), 1};
}

void Runner::ExecuteWeather(const fault::Weather& weather, uint32_t number) {
  Cluster::Weather now = BaseWeather();
  now.loss_permille = std::max(now.loss_permille, weather.loss_permille());
  now.duplicate_permille = std::max(now.duplicate_permille, weather.duplicate_permille());
  now.delay_factor = std::max(1u, weather.delay_factor());
  result_.mutable_counters()->set_weather_changes(result_.counters().weather_changes() + 1);
  Take(cluster_->SetWeather(now));
  for (uint32_t node = 1; node <= plan_.shape().nodes(); ++node) coverage_.Begin(number, node, FaultKind::kWeather);
  if (weather.heal_after_us() == 0) return;
  cluster_->At(cluster_->NowUs() + static_cast<int64_t>(weather.heal_after_us()), [this, number] {
    Take(cluster_->SetWeather(BaseWeather()));
    coverage_.End(number);
  });
}

}  // namespace holdfast::run
