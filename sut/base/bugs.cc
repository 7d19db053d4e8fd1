#include "sut/base/bugs.h"

#include <array>

namespace sut {
namespace {

constexpr std::array<std::string_view, kBugCount> kNames = {
    "checkpoint-without-flush",      "applied-index-in-own-batch",  "restore-keeps-snapshot-index",
    "restore-merges-rows",           "only-leader-restores",        "complete-on-first-tablet",
    "no-parent-fsync-after-rename",  "duplicate-create-overwrites", "vote-not-persisted",
    "request-table-not-in-snapshot",
};

}  // namespace

std::string_view BugName(Bug bug) { return kNames[static_cast<int>(bug)]; }

std::optional<Bug> BugFromName(std::string_view name) {
  for (int i = 0; i < kBugCount; ++i) {
    if (kNames[i] == name) return static_cast<Bug>(i);
  }
  return std::nullopt;
}

}  // namespace sut
