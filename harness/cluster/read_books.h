// What a replica remembers, read off its store's metadata and put in the words of the check (harness/check/books.h).
//
// Written from the key layout that the stores document, apart from the code that writes them. Thread-safe.

#ifndef HARNESS_CLUSTER_READ_BOOKS_H_
#define HARNESS_CLUSTER_READ_BOOKS_H_

#include "absl/status/statusor.h"
#include "harness/check/books.h"
#include "harness/check/inspection.h"
#include "harness/cluster/plan_ids.h"

namespace holdfast {

// DataLoss if something in there does not parse.
absl::StatusOr<check::Books> ReadBooks(const check::Rows& metadata, const PlanIds& ids);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_READ_BOOKS_H_
