// Planted bugs: switches, off by default, that break the cluster in one known way each, to prove that the harness
// bites.
//
// A switch is a bit of a BugSet that each node gets with its Options; code that it breaks asks `bugs.has(Bug::k...)` in
// one small branch. With the set empty the question is a test of one register. The catalogue with origin and expected
// symptom stands in faults/bug_catalogue.h; here are only the names.

#ifndef SUT_BASE_BUGS_H_
#define SUT_BASE_BUGS_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace sut {

enum class Bug : uint8_t {
  kCheckpointWithoutFlush,     // 1
  kAppliedIndexInOwnBatch,     // 3
  kRestoreKeepsSnapshotIndex,  // 4
  kRestoreMergesRows,          // 5
  kOnlyLeaderRestores,         // 6
  kCompleteOnFirstTablet,      // 8
  kNoParentFsyncAfterRename,   // 11
  kDuplicateCreateOverwrites,  // 16
  kVoteNotPersisted,           // 31
  kRequestTableNotInSnapshot,  // 35
};
inline constexpr int kBugCount = 10;

class BugSet {
 public:
  constexpr BugSet() = default;
  constexpr bool has(Bug bug) const { return (bits_ >> static_cast<int>(bug) & 1) != 0; }
  constexpr void Plant(Bug bug) { bits_ |= uint64_t{1} << static_cast<int>(bug); }
  constexpr bool empty() const { return bits_ == 0; }

 private:
  uint64_t bits_ = 0;
};

// The name on the command line, in kebab case: "checkpoint-without-flush".
std::string_view BugName(Bug bug);
std::optional<Bug> BugFromName(std::string_view name);

}  // namespace sut

#endif  // SUT_BASE_BUGS_H_
