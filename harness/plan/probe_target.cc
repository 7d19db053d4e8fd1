#include "harness/plan/probe_target.h"

namespace holdfast::plan {

bool StrikesNodeOfProbe(const fault::Fault& fault) {
  switch (fault.kind_case()) {
    case fault::Fault::kCrash:
      return !fault.crash().has_target();
    case fault::Fault::kPause:
      return !fault.pause().has_target();
    case fault::Fault::kDisk:
      return !fault.disk().has_target();
    case fault::Fault::kPartition:
      return fault.partition().kind() != fault::Partition::RING && fault.partition().side().empty();
    default:
      return false;
  }
}

void AimAt(const fault::Target& target, fault::Fault* fault) {
  if (!StrikesNodeOfProbe(*fault)) return;
  if (fault->has_crash()) *fault->mutable_crash()->mutable_target() = target;
  if (fault->has_pause()) *fault->mutable_pause()->mutable_target() = target;
  if (fault->has_disk()) *fault->mutable_disk()->mutable_target() = target;
  if (fault->has_partition()) *fault->mutable_partition()->add_side() = target;
}

}  // namespace holdfast::plan
