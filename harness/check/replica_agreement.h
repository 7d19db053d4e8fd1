// Invariant I1: replicas of a tablet at the same applied index hold the same rows, the same metadata (request table,
// markers) and the same set of snapshots with the same op ids and content. Within one inspection and from one
// inspection to the next.
//
// Knows nothing of the log, so it holds also where the ledger's model would be wrong. One snapshot operation may be
// half done after a crash: outside of quiet, sets at one index may differ by the one id in flight. Imported snapshots
// are left out: what is placed by hand is not replicated. One thread; inspections in the order of time.

#ifndef HARNESS_CHECK_REPLICA_AGREEMENT_H_
#define HARNESS_CHECK_REPLICA_AGREEMENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/evidence.h"
#include "harness/check/fingerprint.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

class ReplicaAgreement {
 public:
  ReplicaAgreement() : log_("replica-agreement") {}

  void Check(const Inspection& inspection, const InspectionDigest& digest);
  const std::vector<Violation>& violations() const { return log_.violations(); }
  // Pairs of states that were compared: none means that nothing was shown.
  uint64_t comparisons() const { return comparisons_; }

 private:
  // The first state seen at an index; later ones are held against it.
  struct Seen {
    ReplicaName name;
    LogPosition applied;
    Fingerprint rows;
    Fingerprint metadata;
    std::map<uint32_t, std::optional<LogPosition>> snapshots;  // op id; none: not readable
    bool damaged = false;
    bool quiet = false;
    int64_t event = 0;
    // Only while the inspection that it comes from is being checked: rows are compared key by key within one
    // inspection, and by fingerprint from one to the next.
    const ReplicaInspection* replica = nullptr;
  };
  static std::vector<std::string> Sides(const Seen& first, const Seen& second);
  static Seen See(const ReplicaInspection& replica, const ReplicaDigest& digest, const Inspection& inspection);
  void Compare(const Seen& first, const Seen& second);
  void CompareSnapshots(const Seen& first, const Seen& second);
  void CompareRows(const char* what, const Rows ReplicaInspection::*rows, const Seen& first, const Seen& second);

  std::map<std::pair<uint32_t, uint64_t>, Seen> seen_;  // (tablet, applied index)
  ViolationLog log_;
  uint64_t comparisons_ = 0;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_REPLICA_AGREEMENT_H_
