// Disk faults as a plan says them, and as every world understands them (faults/).
//
// Damage (lost and misdirected writes, rot) is what a node can't recover from on its own: a plan may damage no more
// nodes than each group can lose, or is marked safety_only.

#ifndef HARNESS_PLAN_PLAN_DISK_FAULTS_H_
#define HARNESS_PLAN_PLAN_DISK_FAULTS_H_

#include <cstdint>

#include "faults/disk_fault.h"
#include "faults/disk_rot.h"
#include "harness/plan/plan.pb.h"

namespace holdfast::plan {

faults::DiskFault DiskFaultOf(const fault::Disk& disk);
faults::DiskRot DiskRotOf(const fault::Rot& rot);

// Whether the fault takes bytes away without telling.
bool IsDamage(const fault::Fault& fault);
// How many nodes may be damaged while every group keeps a majority of sound replicas.
inline uint32_t DamagedNodesMax(const Shape& shape) { return (shape.replication_factor() - 1) / 2; }

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_PLAN_DISK_FAULTS_H_
