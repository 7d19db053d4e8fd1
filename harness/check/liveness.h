// Invariant I5: once faults are healed, every legal operation ends ok within the run's bound, every CREATING, RESTORING
// and DELETING ends, every dropped table is closed, and gone once nothing needs it any more, and the cluster comes to
// rest. What has not is a violation that names its reason.

#ifndef HARNESS_CHECK_LIVENESS_H_
#define HARNESS_CHECK_LIVENESS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "harness/check/catalogue_history.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

// An operation that was still legal after heal and did not end ok.
struct UnfinishedOperation {
  std::string operation;  // "client 3: put k1 on tablet 2"
  std::string reason;     // what the last attempt was told; empty: no answer
  uint32_t step = 0;
};

struct LivenessInput {
  int64_t bound_us = 0;  // how long the cluster was given after heal
  std::vector<UnfinishedOperation> unfinished;
  std::vector<std::string> not_quiet;  // why the cluster is not at rest, a line for each reason
  // The last list of the catalogue after the bound.
  std::vector<CatalogueOperation::Listed> snapshots;
  std::vector<CatalogueOperation::Listed> restorations;
  // Dropped tables in the last list of tables after the bound.
  struct DroppedTable {
    uint32_t number = 0;
    TableState state = TableState::kDropping;
    bool needed = false;  // a snapshot of it is left
  };
  std::vector<DroppedTable> tables;
};

std::vector<Violation> CheckLiveness(const LivenessInput& input);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_LIVENESS_H_
