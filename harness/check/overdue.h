// A snapshot's time: a create that takes longer than the cluster's constant says must fail, so that nobody waits for a
// tablet that does not answer. Judged by the master's log: from when the create was applied, or the first command of
// the leader's term where that is later, until the entry that completes it was proposed, it takes no more than the time
// and some slack. A new leader counts from its beginning, since it can't know when the one before it began; and a
// leader whose own store keeps it waiting counts from when it applied the create itself, not from when a follower did.
//
// One thread.

#ifndef HARNESS_CHECK_OVERDUE_H_
#define HARNESS_CHECK_OVERDUE_H_

#include <cstdint>
#include <map>
#include <optional>

#include "harness/check/catalogue_history.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

class OverdueSnapshots {
 public:
  // `limit_us`: the time that a create has, and what its leader may need to notice.
  explicit OverdueSnapshots(int64_t limit_us) : limit_us_(limit_us) {}

  using States = std::map<uint32_t, CatalogueState>;  // by number of the snapshot
  struct Command {
    LogPosition at;
    int64_t proposed_us = 0;
    int64_t applied_us = 0;
    bool by_leader = false;  // who applied it leads the command's own term
  };
  // A command of the master's log, and the snapshots as they were before it. In the order of the log; of what was seen
  // before only the time of the leader's apply is taken, so that every replica may tell of it. The violation is about
  // the entry before this one.
  std::optional<Violation> OnCommand(const Command& command, const States& before);

 private:
  // A create that is waited for: which command began the wait of the leader of last_'s term, and when it was applied.
  struct Wait {
    uint64_t begun_by = 0;
    int64_t since_us = 0;
  };
  void NoteLeader(const Command& command);

  const int64_t limit_us_;
  Command last_;
  std::map<uint32_t, Wait> creating_;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_OVERDUE_H_
