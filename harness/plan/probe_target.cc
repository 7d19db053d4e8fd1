#include "harness/plan/probe_target.h"

namespace holdfast::plan {

bool StrikesNodeOfProbe(const Fault& fault) {
  switch (fault.kind_case()) {
    case Fault::kCrash:
      return !fault.crash().has_target();
    case Fault::kPause:
      return !fault.pause().has_target();
    case Fault::kDisk:
      return !fault.disk().has_target();
    case Fault::kPartition:
      return fault.partition().kind() != Fault::Partition::RING && fault.partition().side().empty();
    default:
      return false;
  }
}

void AimAt(const Target& target, Fault* fault) {
  if (!StrikesNodeOfProbe(*fault)) return;
  if (fault->has_crash()) *fault->mutable_crash()->mutable_target() = target;
  if (fault->has_pause()) *fault->mutable_pause()->mutable_target() = target;
  if (fault->has_disk()) *fault->mutable_disk()->mutable_target() = target;
  if (fault->has_partition()) *fault->mutable_partition()->add_side() = target;
}

}  // namespace holdfast::plan
