// Invariants I2 and I3 on the disks. I2: the content of a snapshot on a tablet is the same on every replica and never
// changes. I3: a snapshot that a client saw COMPLETE, and that nobody has asked to delete, is there and readable: on a
// quiet inspection on every replica, at any other moment on every replica whose applied index has passed its create.
//
// A replica that is behind the create's entry counts as one that will have it: the entry is committed and will be
// replayed. Of imported snapshots only the ledger knows where they have to be: they are left out. One thread;
// inspections in the order of time.

#ifndef HARNESS_CHECK_SNAPSHOTS_H_
#define HARNESS_CHECK_SNAPSHOTS_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "harness/check/catalogue.h"
#include "harness/check/evidence.h"
#include "harness/check/fingerprint.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

class SnapshotsOnDisk {
 public:
  struct Options {
    uint32_t tablets_per_table = 1;
    // The cluster claims that COMPLETE waits until a majority of each tablet has applied the create.
    bool complete_waits_for_majority = false;
  };
  explicit SnapshotsOnDisk(Options options) : options_(options), log_("snapshots") {}

  // `windows`: what clients had seen of the catalogue when the inspection was made.
  void Check(const Inspection& inspection, const InspectionDigest& digest, const CatalogueWindows& windows);
  const std::vector<Violation>& violations() const { return log_.violations(); }
  uint64_t comparisons() const { return comparisons_; }

 private:
  struct Content {
    LogPosition op;
    Fingerprint fingerprint;
    Rows rows;
    ReplicaName replica;
    int64_t event = 0;
  };
  // Where one snapshot stands on the replicas of one tablet.
  struct Holders {
    std::vector<const ReplicaInspection*> readable;
    std::vector<const ReplicaInspection*> behind;   // of the create's entry
    std::vector<const ReplicaInspection*> between;  // in a barrier: not judged
    std::vector<const ReplicaInspection*> damaged;  // by a fault: may refuse
    std::vector<const ReplicaInspection*> missing;  // passed the create, and has no directory or can't read it
    size_t replicas = 0;
  };
  void CheckContent(const ReplicaInspection& replica, const ReplicaDigest& digest, const Inspection& inspection);
  struct TabletPart {
    uint32_t tablet = 0;
    bool of_dropped_table = false;
  };
  void CheckTablet(const Inspection& inspection, uint32_t snapshot, const SnapshotWindow& window, TabletPart part);
  Holders FindHolders(const Inspection& inspection, uint32_t snapshot, uint32_t tablet) const;
  std::vector<std::string> Describe(const Holders& holders, const Inspection& inspection, uint32_t snapshot,
                                    const SnapshotWindow& window) const;

  const Options options_;
  std::map<std::pair<uint32_t, uint32_t>, Content> contents_;  // (tablet, snapshot)
  ViolationLog log_;
  uint64_t comparisons_ = 0;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_SNAPSHOTS_H_
