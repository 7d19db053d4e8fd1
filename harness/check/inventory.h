// Invariant I4: once quiet, a snapshot that clients saw DELETED or FAILED has left nothing on any disk, and no replica
// holds a directory or file that belongs to nothing: tmp and trash directories, old generations, ends of an install,
// directories of a snapshot that does not cover the tablet's table, or anything of a tablet that the node does not host
// (any more). Of a dropped table that clients saw gone nothing at all is left: no replica, no row, no directory.
//
// Outside of quiet it judges nothing: leftovers are legal while an operation runs or a node is down.

#ifndef HARNESS_CHECK_INVENTORY_H_
#define HARNESS_CHECK_INVENTORY_H_

#include <cstdint>
#include <vector>

#include "harness/check/catalogue.h"
#include "harness/check/evidence.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

class Inventory {
 public:
  explicit Inventory(uint32_t tablets_per_table) : tablets_per_table_(tablets_per_table), log_("inventory") {}

  // `windows`: what clients had seen of the catalogue when the inspection was made.
  void Check(const Inspection& inspection, const CatalogueWindows& windows);
  const std::vector<Violation>& violations() const { return log_.violations(); }
  uint64_t quiet_inspections() const { return quiet_inspections_; }

 private:
  void CheckDropped(const Inspection& inspection, const CatalogueWindows& windows);
  void CheckSnapshot(const Inspection& inspection, const ReplicaInspection& replica, const SnapshotOnDisk& found,
                     const CatalogueWindows& windows);

  const uint32_t tablets_per_table_;
  ViolationLog log_;
  uint64_t quiet_inspections_ = 0;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_INVENTORY_H_
