// A state that only advances: rank 0, 1, 2, ... , each entered at one unknown moment, and what replies say of these
// moments.
//
// A reply that shows rank r says: rank r was entered by my end, and rank r + 1 was not entered before my begin. Bounds
// add up; the history is impossible exactly where a moment would have to lie before it can (Contradiction).

#ifndef HARNESS_CHECK_ADVANCE_H_
#define HARNESS_CHECK_ADVANCE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/check/catalogue_history.h"
#include "harness/history/operation.h"

namespace holdfast::check {

class Advance {
 public:
  // Where a bound comes from. No operation: from the absence of one.
  struct Bound {
    int64_t event = 0;
    const CatalogueOperation* witness = nullptr;
  };
  struct Contradiction {
    int rank = 0;  // entered not before `earliest`, yet by `latest`
    Bound earliest;
    Bound latest;
  };

  explicit Advance(int rank_max);

  // Rank `rank` and all above were not entered before `event`. kPending: never.
  void NotBefore(int rank, Bound bound);
  // Rank `rank` and all below were entered by `event`.
  void By(int rank, Bound bound);
  // A moment between invoke and complete of the operation saw rank at least / at most / exactly `rank`.
  void AtLeast(int rank, const CatalogueOperation& op) { By(rank, {op.complete, &op}); }
  void AtMost(int rank, const CatalogueOperation& op) { NotBefore(rank + 1, {op.invoke, &op}); }
  void Exactly(int rank, const CatalogueOperation& op) {
    AtLeast(rank, op);
    AtMost(rank, op);
  }

  const Bound& earliest(int rank) const { return earliest_[rank]; }
  const Bound& latest(int rank) const { return latest_[rank]; }
  // It certainly entered this rank at some time.
  bool certain(int rank) const { return latest_[rank].event != history::kPending; }
  // Whether rank `rank` may have been the state at some moment between invoke and complete.
  bool Possible(int rank, const CatalogueOperation& op) const;
  std::optional<Contradiction> FindContradiction() const;

 private:
  // By rank, from 1; [0] is the beginning, [rank_max + 1] the state after the last.
  std::vector<Bound> earliest_;
  std::vector<Bound> latest_;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_ADVANCE_H_
