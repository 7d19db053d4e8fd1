// A 128-bit fingerprint of a set of rows that does not depend on their order and follows a change in O(1): how states
// are compared when all is well. Same bytes, same fingerprint, in every process and on every machine of one byte order.
//
// Not cryptographic: a collision by accident is what it guards against, not one by design.
// Plain values; no thread rule.

#ifndef HARNESS_CHECK_FINGERPRINT_H_
#define HARNESS_CHECK_FINGERPRINT_H_

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/check/inspection.h"

namespace holdfast::check {

struct Fingerprint {
  uint64_t low = 0;
  uint64_t high = 0;

  void Add(std::string_view key, std::string_view value);
  // REQUIRES: the row was added.
  void Remove(std::string_view key, std::string_view value);
  friend auto operator<=>(const Fingerprint&, const Fingerprint&) = default;
};

Fingerprint FingerprintOf(const Rows& rows);

// The fingerprints of one inspected replica, made once and read by every checker of an inspection.
struct ReplicaDigest {
  Fingerprint rows;
  Fingerprint metadata;
  Fingerprint books;
  std::vector<Fingerprint> snapshots;  // as in ReplicaInspection::snapshots
};

// As in Inspection::replicas.
using InspectionDigest = std::vector<ReplicaDigest>;
ReplicaDigest DigestOf(const ReplicaInspection& replica);
InspectionDigest DigestOf(const Inspection& inspection);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_FINGERPRINT_H_
