// Steps that wait for a probe, other than crashes: armed when they are due, carried out once the probe has been hit as
// often as they ask, given up after their deadline or at heal. They hold up nothing.
//
// A step follows its probe at the same moment of cluster time, as an event of its own: what the node was doing goes on
// to its end first. Only a crash can strike in the middle of that, which the cluster itself sees to
// (Cluster::ArmProbeCrash).

#include <algorithm>
#include <utility>

#include "harness/plan/probe_target.h"
#include "harness/run/runner.h"

namespace holdfast::run {

void Runner::ArmTrigger(const plan::Step& step, uint32_t number) {
  Trigger trigger{.probe = *sut::ProbeFromName(step.when().probe()),
                  .node = std::nullopt,
                  .hits_left = std::max(1u, step.when().nth()),
                  .step = step};
  if (step.when().has_target()) {
    trigger.node = cluster_->Resolve(step.when().target());
    if (!trigger.node) return;
  }
  trigger.step.clear_when();
  triggers_.emplace(number, std::move(trigger));
  const int64_t deadline_us =
      step.when().deadline_us() > 0 ? static_cast<int64_t>(step.when().deadline_us()) : kWhenDeadlineUs;
  cluster_->At(cluster_->NowUs() + deadline_us, [this, number] { MissTrigger(number); });
}

void Runner::MissTrigger(uint32_t number) {
  if (triggers_.erase(number) == 0) return;
  Counters* counters = result_.mutable_counters();
  counters->set_triggers_missed(counters->triggers_missed() + 1);
}

void Runner::MeetTriggers(uint32_t node, sut::Probe probe) {
  if (cluster_ == nullptr || healing_) return;
  for (auto it = triggers_.begin(); it != triggers_.end();) {
    Trigger& trigger = it->second;
    const bool met = trigger.probe == probe && (!trigger.node || *trigger.node == node) && --trigger.hits_left == 0;
    if (!met) {
      ++it;
      continue;
    }
    if (trigger.step.has_fault()) {
      fault::Target target;
      target.set_node(node);
      plan::AimAt(target, trigger.step.mutable_fault());
    }
    cluster_->At(cluster_->NowUs(), [this, number = it->first, step = std::move(trigger.step)] {
      if (healing_ || stopped()) return;
      Counters* counters = result_.mutable_counters();
      counters->set_triggers_met(counters->triggers_met() + 1);
      CarryOut(step, number);
    });
    it = triggers_.erase(it);
  }
}

}  // namespace holdfast::run
