#include "harness/check/state_judge.h"

#include "harness/check/fingerprint.h"

namespace holdfast::check {

StateJudge::StateJudge(const Options& options)
    : options_(options),
      ledger_(options.owns_key),
      snapshots_({.tablets_per_table = options.tablets_per_table,
                  .complete_waits_for_majority = options.complete_waits_for_majority}),
      inventory_(options.tablets_per_table) {}

void StateJudge::Inspect(const Inspection& inspection, const CatalogueHistory& so_far) {
  const InspectionDigest digest = DigestOf(inspection);
  const CatalogueWindows windows = WindowsOf(so_far);
  ledger_.Check(inspection, digest);
  agreement_.Check(inspection, digest);
  snapshots_.Check(inspection, digest, windows);
  inventory_.Check(inspection, windows);
}

std::vector<Violation> StateJudge::violations_so_far() const {
  std::vector<Violation> all;
  const auto append = [&](const std::vector<Violation>& found) { all.insert(all.end(), found.begin(), found.end()); };
  append(ledger_.violations());
  append(agreement_.violations());
  append(snapshots_.violations());
  append(inventory_.violations());
  return all;
}

std::vector<Violation> StateJudge::Finish(const CatalogueHistory& catalogue) {
  ledger_.Finish();
  std::vector<Violation> all = violations_so_far();
  const std::vector<Violation> found = CheckCatalogue(catalogue, {.table_count = options_.tables});
  all.insert(all.end(), found.begin(), found.end());
  return all;
}

uint64_t StateJudge::comparisons() const {
  return ledger_.comparisons() + agreement_.comparisons() + snapshots_.comparisons();
}

}  // namespace holdfast::check
