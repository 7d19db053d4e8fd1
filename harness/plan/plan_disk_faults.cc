#include "harness/plan/plan_disk_faults.h"

#include <algorithm>

namespace holdfast::plan {
namespace {

// The values of the two sides are the same.
static_assert(fault::Disk::Effect_ARRAYSIZE == faults::kDiskEffectCount);
static_assert(fault::Disk::LATENCY == static_cast<int>(faults::DiskEffect::kLatency));
static_assert(fault::Disk::Operation_ARRAYSIZE == faults::kDiskOperationCount);
static_assert(fault::Disk::SYNC == static_cast<int>(faults::DiskOperation::kSync));
static_assert(fault::Disk::READ == static_cast<int>(faults::DiskOperation::kRead));
static_assert(fault::PathClass_ARRAYSIZE == faults::kPathClassCount);
static_assert(fault::SNAPSHOT_METADATA == static_cast<int>(faults::PathClass::kSnapshotMetadata));

}  // namespace

faults::DiskFault DiskFaultOf(const fault::Disk& disk) {
  return {.effect = static_cast<faults::DiskEffect>(disk.effect()),
          .operation = static_cast<faults::DiskOperation>(disk.operation()),
          .path_class = static_cast<faults::PathClass>(disk.path_class()),
          .nth = std::max(1u, disk.nth()),
          .times = disk.lasting() ? faults::DiskFault::kAlways : std::max(1u, disk.times()),
          .latency_us = disk.latency_us()};
}

faults::DiskRot DiskRotOf(const fault::Rot& rot) {
  return {.path_class = static_cast<faults::PathClass>(rot.path_class()),
          .files = std::max(1u, rot.files()),
          .bits = std::max(1u, rot.bits())};
}

bool IsDamage(const fault::Fault& fault) {
  return fault.has_rot() || (fault.has_disk() && faults::IsDamage(DiskFaultOf(fault.disk()).effect));
}

}  // namespace holdfast::plan
