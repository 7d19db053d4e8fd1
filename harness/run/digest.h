// The digest of a run's histories: what two runs of one plan must have in common.

#ifndef HARNESS_RUN_DIGEST_H_
#define HARNESS_RUN_DIGEST_H_

#include <cstdint>

#include "harness/check/catalogue_history.h"
#include "harness/history/history.h"

namespace holdfast::run {

uint64_t HistoryDigest(const history::History& history, const check::CatalogueHistory& catalogue);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_DIGEST_H_
