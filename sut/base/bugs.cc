#include "sut/base/bugs.h"

#include <array>

namespace sut {
namespace {

constexpr std::array<std::string_view, kBugCount> kNames = {
    "checkpoint-without-flush",
    "files-listed-before-flush",
    "applied-index-in-own-batch",
    "restore-keeps-snapshot-index",
    "restore-merges-rows",
    "only-leader-restores",
    "deletion-markers-dropped",
    "complete-on-first-tablet",
    "last-answer-decides",
    "create-answered-before-commit",
    "no-parent-fsync-after-rename",
    "metadata-not-synced",
    "manifest-not-synced",
    "snapshot-written-in-place",
    "left-over-tmp-kept",
    "duplicate-create-overwrites",
    "deleted-on-first-tablet",
    "delete-during-restore",
    "manifest-hard-linked",
    "missing-file-skipped",
    "import-pairs-by-position",
    "import-reuses-source-id",
    "import-takes-files-for-granted",
    "install-skips-slow-file",
    "install-ships-no-snapshots",
    "older-install-taken",
    "install-keeps-conflicting-tail",
    "install-label-one-below",
    "no-install-for-laggard",
    "log-truncated-to-applied",
    "vote-not-persisted",
    "commit-without-majority",
    "read-without-quorum",
    "older-term-committed-by-counting",
    "request-table-not-in-snapshot",
    "restore-stamped-by-replica",
    "snapshot-bytes-not-checked",
    "unreadable-catalogue-is-empty",
    "failed-flush-ignored",
    "full-disk-ignored-in-linking",
    "new-master-forgets-creating",
    "repeated-restore-runs-again",
    "two-restores-at-once",
    "dropped-table-keeps-snapshots",
    "closed-tablet-refuses-snapshots",
    "uncommitted-config-shipped",
    "removed-replica-votes",
    "list-from-deposed-master",
    "writes-lost-in-swap",
    "row-beside-marker-skipped",
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
