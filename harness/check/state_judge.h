// Everything that judges replicas and the catalogue, put together for a run: feed it what happens, ask it at the end.
//
// One thread; call in the order in which things happen. An inspection is not kept.

#ifndef HARNESS_CHECK_STATE_JUDGE_H_
#define HARNESS_CHECK_STATE_JUDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "harness/check/catalogue.h"
#include "harness/check/catalogue_history.h"
#include "harness/check/inspection.h"
#include "harness/check/inventory.h"
#include "harness/check/ledger.h"
#include "harness/check/replica_agreement.h"
#include "harness/check/snapshots.h"

namespace holdfast::check {

class StateJudge {
 public:
  struct Options {
    uint32_t tables = 1;
    uint32_t tablets_per_table = 1;
    bool complete_waits_for_majority = false;
    ApplyLedger::OwnsKey owns_key = nullptr;
  };
  explicit StateJudge(const Options& options);

  // OnRecovered, OnApplied, OnInstalled and Acknowledged go straight to it.
  ApplyLedger& ledger() { return ledger_; }
  // `so_far`: the catalogue's history up to the inspection.
  void Inspect(const Inspection& inspection, const CatalogueHistory& so_far);
  // What replicas and disks have shown so far: a run may stop at it.
  std::vector<Violation> violations_so_far() const;
  // All violations, the ledger's first. Call once.
  std::vector<Violation> Finish(const CatalogueHistory& catalogue);

  const std::vector<std::string>& unjudged() const { return ledger_.unjudged(); }
  // States compared with another or with the model; none: the run showed nothing (vacuous).
  uint64_t comparisons() const;
  uint64_t quiet_inspections() const { return inventory_.quiet_inspections(); }

 private:
  const Options options_;
  ApplyLedger ledger_;
  ReplicaAgreement agreement_;
  SnapshotsOnDisk snapshots_;
  Inventory inventory_;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_STATE_JUDGE_H_
