// A tablet's books: what it remembers beside its rows, so that retries and repeated deliveries are no-ops. One fact a
// row, in words, with a fingerprint that follows each change: the fold keeps its own, an inspection reads a replica's
// off its store, and both are compared like rows.
//
// Plain values; no thread rule.

#ifndef HARNESS_CHECK_BOOKS_H_
#define HARNESS_CHECK_BOOKS_H_

#include <cstdint>
#include <string>

#include "harness/check/fingerprint.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

class Books {
 public:
  // Of a client: requests below are forgotten, and stale. 0 says nothing.
  void SetLowerBound(uint32_t client, uint64_t first_incomplete);
  void Remember(uint32_t client, uint64_t sequence);
  void Forget(uint32_t client, uint64_t sequence);
  void Fence(uint32_t client);
  // A snapshot that was made, or one that is not there any more and will not be again, whatever ended it.
  void MarkSnapshot(uint32_t snapshot, bool is_there);
  void MarkRestoration(uint32_t restoration);
  void Close();

  const Rows& facts() const { return facts_; }
  const Fingerprint& fingerprint() const { return fingerprint_; }

 private:
  void Set(const std::string& key, const std::string& value);

  Rows facts_;
  Fingerprint fingerprint_;  // Invariant: FingerprintOf(facts_)
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_BOOKS_H_
