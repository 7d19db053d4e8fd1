#include "harness/check/overdue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::check {

std::optional<Violation> OverdueSnapshots::OnCommand(const Command& command, const States& before) {
  if (command.at.index <= last_.at.index) {
    if (command.by_leader) NoteLeader(command);
    return std::nullopt;
  }
  std::optional<Violation> found;
  std::map<uint32_t, Wait> creating;
  for (const auto& [snapshot, state] : before) {
    const auto known = creating_.find(snapshot);
    if (state == CatalogueState::kCreating) {
      creating.emplace(snapshot, known == creating_.end() ? Wait{last_.at.index, last_.applied_us} : known->second);
      continue;
    }
    if (state != CatalogueState::kComplete || known == creating_.end()) continue;
    const int64_t took_us = last_.proposed_us - known->second.since_us;
    if (took_us <= limit_us_) continue;
    found = Violation{"overdue",
                      "",
                      absl::StrCat("snapshot ", snapshot, " became COMPLETE when its time had long been over"),
                      {absl::StrCat("the master that led term ", last_.at.term, " completed it after ", took_us,
                                    " us; after ", limit_us_, " us it must have failed")}};
  }
  if (command.at.term != last_.at.term) {
    for (auto& [snapshot, wait] : creating) wait = {command.at.index, command.applied_us};
  }
  creating_ = std::move(creating);
  last_ = command;
  return found;
}

// The leader of the command's term applied it, later than a follower that told of it first.
void OverdueSnapshots::NoteLeader(const Command& command) {
  if (command.at.term != last_.at.term) return;
  if (command.at.index == last_.at.index) last_.applied_us = std::max(last_.applied_us, command.applied_us);
  for (auto& [snapshot, wait] : creating_) {
    if (wait.begun_by == command.at.index) wait.since_us = std::max(wait.since_us, command.applied_us);
  }
}

}  // namespace holdfast::check
