// Faults of one node's disk or clock, as a plan's steps ask for them, and what they do to the node's life.
//
// A node that stopped itself over its disk is started again a moment later, as a supervisor would, as often as that
// takes. A node whose disk is damaged may stay down for ever: at heal it gets one more start, and is left out of what
// must come to rest. So no more nodes are damaged than each group can lose, unless only safety is judged; a step that
// would damage one more is left undone.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/plan/plan_disk_faults.h"
#include "harness/run/runner.h"

namespace holdfast::run {
namespace {

constexpr uint64_t kSupervisorUs = 700'000;

}  // namespace

bool Runner::MayDamage(uint32_t node) {
  if (damaged_.contains(node)) return true;
  if (!plan_.safety_only() && damaged_.size() >= plan::DamagedNodesMax(plan_.shape())) return false;
  damaged_.insert(node);
  return true;
}

void Runner::ExecuteDisk(const plan::Step& step, uint32_t number) {
  const fault::Disk& disk = step.fault().disk();
  const auto node = cluster_->Resolve(disk.target());
  if (!node || (plan::IsDamage(step.fault()) && !MayDamage(*node))) return;
  const auto armed = cluster_->ArmDiskFault(*node, plan::DiskFaultOf(disk));
  if (!Take(armed.status())) return;
  result_.mutable_counters()->set_disk_faults(result_.counters().disk_faults() + 1);
  disk_faults_[number] = {*node, *armed};
  coverage_.Begin(number, *node, FaultKind::kDisk);
  if (disk.heal_after_us() == 0) return;
  cluster_->At(cluster_->NowUs() + static_cast<int64_t>(disk.heal_after_us()), [this, number] {
    const auto found = disk_faults_.find(number);
    if (found == disk_faults_.end()) return;
    cluster_->DisarmDiskFault(found->second.first, found->second.second);
    disk_faults_.erase(found);
    coverage_.End(number);
  });
}

void Runner::ExecuteRot(const plan::Step& step) {
  const fault::Rot& rot = step.fault().rot();
  const auto node = cluster_->Resolve(rot.target());
  if (!node || !MayDamage(*node)) return;
  const auto flipped = cluster_->RotDisk(*node, plan::DiskRotOf(rot), step.salt());
  if (!Take(flipped.status())) return;
  result_.mutable_counters()->set_rotten_bits(result_.counters().rotten_bits() + *flipped);
  coverage_.Strike(*node, FaultKind::kRot);
}

void Runner::ExecuteClock(const fault::Clock& clock, uint32_t number) {
  const auto node = cluster_->Resolve(clock.target());
  if (!node) return;
  if (!Take(cluster_->DisturbClock(*node, {clock.jump_us(), clock.drift_permille()}))) return;
  result_.mutable_counters()->set_clock_faults(result_.counters().clock_faults() + 1);
  clock_faults_[number] = *node;
  coverage_.Begin(number, *node, FaultKind::kClock);
  if (clock.heal_after_us() == 0) return;
  cluster_->At(cluster_->NowUs() + static_cast<int64_t>(clock.heal_after_us()), [this, number] {
    const auto found = clock_faults_.find(number);
    if (found == clock_faults_.end()) return;
    cluster_->DisturbClock(found->second, {}).IgnoreError();  // it could be disturbed, so it can be corrected
    clock_faults_.erase(found);
    coverage_.End(number);
  });
}

void Runner::EndNodeFaults() {
  for (const auto& [step, armed] : std::exchange(disk_faults_, {})) {
    cluster_->DisarmDiskFault(armed.first, armed.second);
  }
  for (const auto& [step, node] : std::exchange(clock_faults_, {})) cluster_->DisturbClock(node, {}).IgnoreError();
}

void Runner::OnDiskStop(uint32_t node, const std::string& reason) {
  Counters* counters = result_.mutable_counters();
  counters->set_disk_stops(counters->disk_stops() + 1);
  if (cluster_ == nullptr) return;
  timeline_.Add(cluster_->NowUs(), absl::StrCat("  node ", node, " stopped over its disk: ", reason));
  if (!healing_ || !cluster_->IsDamaged(node)) RestartLater(node, kSupervisorUs);
}

void Runner::NoteDamagedNodes() {
  if (cluster_ == nullptr) return;
  uint64_t struck = 0;
  for (uint32_t node = 1; node <= plan_.shape().nodes(); ++node) {
    struck += cluster_->DiskFaultsStruck(node);
    if (!cluster_->IsDamaged(node)) continue;
    result_.add_notes(absl::StrCat("node ", node, "'s disk was damaged: it was not asked to come to rest",
                                   cluster_->IsUp(node) ? "" : ", and is down at the end"));
  }
  result_.mutable_counters()->set_disk_operations_struck(struck);
}

}  // namespace holdfast::run
