// Truthful refusals: the reason that a refused request was given was true at some moment between its call and its
// reply.
//
// What concurrent and indeterminate operations leave open counts as true.

#ifndef HARNESS_CHECK_CATALOGUE_REFUSALS_H_
#define HARNESS_CHECK_CATALOGUE_REFUSALS_H_

#include <optional>
#include <string>

#include "harness/check/catalogue.h"
#include "harness/check/catalogue_tracks.h"

namespace holdfast::check {

// Why the reason can't have been true; none if it can. REQUIRES: op.outcome is kFail.
std::optional<std::string> UntrueRefusal(const CatalogueOperation& op, const CatalogueTracks& tracks,
                                         const CatalogueOptions& options);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_CATALOGUE_REFUSALS_H_
