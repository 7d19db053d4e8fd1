// Whom a fault that waits for a probe strikes, if it names nobody: the node that hits the probe.

#ifndef HARNESS_PLAN_PROBE_TARGET_H_
#define HARNESS_PLAN_PROBE_TARGET_H_

#include "harness/plan/plan.pb.h"

namespace holdfast::plan {

bool StrikesNodeOfProbe(const fault::Fault& fault);
// Gives the fault this target, if it names nobody.
void AimAt(const fault::Target& target, fault::Fault* fault);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_PROBE_TARGET_H_
