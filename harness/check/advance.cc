#include "harness/check/advance.h"

namespace holdfast::check {

Advance::Advance(int rank_max)
    : earliest_(rank_max + 2, Bound{-1, nullptr}), latest_(rank_max + 2, Bound{history::kPending, nullptr}) {
  latest_[0] = {-1, nullptr};
}

void Advance::NotBefore(int rank, Bound bound) {
  for (size_t at = rank; at < earliest_.size(); ++at) {
    if (bound.event > earliest_[at].event) earliest_[at] = bound;
  }
}

void Advance::By(int rank, Bound bound) {
  for (int at = rank; at > 0; --at) {
    if (bound.event < latest_[at].event) latest_[at] = bound;
  }
}

bool Advance::Possible(int rank, const CatalogueOperation& op) const {
  return earliest_[rank].event < op.complete && latest_[rank + 1].event > op.invoke;
}

std::optional<Advance::Contradiction> Advance::FindContradiction() const {
  for (size_t rank = 1; rank < earliest_.size(); ++rank) {
    if (latest_[rank].event != history::kPending && earliest_[rank].event >= latest_[rank].event) {
      return Contradiction{static_cast<int>(rank), earliest_[rank], latest_[rank]};
    }
  }
  return std::nullopt;
}

}  // namespace holdfast::check
