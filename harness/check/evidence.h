// How the state checkers collect what they find: bounded, each fault told once, with evidence that a person can follow,
// and with one way to name replicas, entries and differing rows.
//
// One thread.

#ifndef HARNESS_CHECK_EVIDENCE_H_
#define HARNESS_CHECK_EVIDENCE_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/inspection.h"

namespace holdfast::check {

// Violations of one checker. A fault that is seen again (in the next inspection, on the next entry) has the same key
// and is dropped, so that one fault does not fill the report.
class ViolationLog {
 public:
  explicit ViolationLog(std::string checker) : checker_(std::move(checker)) {}

  // True if a violation of this key would be kept: costly evidence is gathered only then.
  bool Wants(const std::string& key) const { return violations_.size() < kViolationsMax && !keys_.contains(key); }
  void Add(const std::string& key, std::string invariant, std::string summary, std::vector<std::string> evidence);
  const std::vector<Violation>& violations() const { return violations_; }

 private:
  static constexpr size_t kViolationsMax = 16;

  std::string checker_;
  std::set<std::string> keys_;
  std::vector<Violation> violations_;
};

// "tablet 2", "the master's group".
std::string TabletText(uint32_t tablet);
// "tablet 2 on node 3, incarnation 1".
std::string ReplicaText(const ReplicaName& replica);
// The same with what it was doing and how far it had applied.
std::string StateText(const ReplicaInspection& replica);
// A key for ViolationLog: a fault of this kind on this replica, in any of its incarnations.
std::string ReplicaKey(const char* fault, const ReplicaName& replica, uint64_t number = 0);
// "3.17": term and index.
std::string PositionText(const LogPosition& position);
// One line for a log entry: what it is, whose, and at which op id.
std::string EntryText(const LedgerEntry& entry);

// The keys that differ, in order: `key "a": expected "1", found nothing`. At most `lines_max` of them, and how many
// more.
std::vector<std::string> RowDifference(const Rows& expected, const Rows& found, size_t lines_max = 8);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_EVIDENCE_H_
