#include "harness/plan/plan_disk_faults.h"

#include <algorithm>

namespace holdfast::plan {
namespace {

// The values of the two sides are the same.
static_assert(Fault::Disk::Effect_ARRAYSIZE == faults::kDiskEffectCount);
static_assert(Fault::Disk::LATENCY == static_cast<int>(faults::DiskEffect::kLatency));
static_assert(Fault::Disk::Operation_ARRAYSIZE == faults::kDiskOperationCount);
static_assert(Fault::Disk::SYNC == static_cast<int>(faults::DiskOperation::kSync));
static_assert(Fault::Disk::READ == static_cast<int>(faults::DiskOperation::kRead));
static_assert(Fault::PathClass_ARRAYSIZE == faults::kPathClassCount);
static_assert(Fault::SNAPSHOT_METADATA == static_cast<int>(faults::PathClass::kSnapshotMetadata));

}  // namespace

faults::DiskFault DiskFaultOf(const Fault::Disk& disk) {
  return {.effect = static_cast<faults::DiskEffect>(disk.effect()),
          .operation = static_cast<faults::DiskOperation>(disk.operation()),
          .path_class = static_cast<faults::PathClass>(disk.path_class()),
          .nth = std::max(1u, disk.nth()),
          .times = disk.lasting() ? faults::DiskFault::kAlways : std::max(1u, disk.times()),
          .latency_us = disk.latency_us()};
}

faults::DiskRot DiskRotOf(const Fault::Rot& rot) {
  return {.path_class = static_cast<faults::PathClass>(rot.path_class()),
          .files = std::max(1u, rot.files()),
          .bits = std::max(1u, rot.bits())};
}

bool IsDamage(const Fault& fault) {
  return fault.has_rot() || (fault.has_disk() && faults::IsDamage(DiskFaultOf(fault.disk()).effect));
}

}  // namespace holdfast::plan
