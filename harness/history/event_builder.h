// Puts operations together from events in the order of time: a call, and perhaps an end, by process. One thread.
#ifndef HOLDFAST_HARNESS_HISTORY_EVENT_BUILDER_H_
#define HOLDFAST_HARNESS_HISTORY_EVENT_BUILDER_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "harness/history/history.h"

namespace holdfast::history {

class EventBuilder {
 public:
  explicit EventBuilder(History* history) : history_(history) {}

  // A process that calls again without an end leaves its earlier call open for ever.
  void Invoke(int64_t process, Operation op) {
    op.invoke = event_++;
    op.process = ProcessNumber(process);
    open_[process] = history_->operations.size();
    history_->operations.push_back(op);
  }

  // The open operation of the process, or nullptr.
  Operation* Find(int64_t process) {
    const auto found = open_.find(process);
    return found == open_.end() ? nullptr : &history_->operations[found->second];
  }

  // REQUIRES: Find(process) is not nullptr. An indeterminate operation stays pending.
  void End(int64_t process, Outcome outcome) {
    Operation& op = *Find(process);
    const int64_t now = event_++;
    op.outcome = outcome;
    if (outcome != Outcome::kIndeterminate) op.complete = now;
    open_.erase(process);
  }

 private:
  static constexpr int64_t kProcessMax = 0xFFFFFFFE;

  // Other tools number as they like: what does not fit counts down from the top.
  uint32_t ProcessNumber(int64_t process) {
    if (0 <= process && process <= kProcessMax) return static_cast<uint32_t>(process);
    const auto [found, added] =
        renumbered_.try_emplace(process, kProcessMax - static_cast<int64_t>(renumbered_.size()));
    return static_cast<uint32_t>(found->second);
  }

  History* history_;
  absl::flat_hash_map<int64_t, size_t> open_;
  absl::flat_hash_map<int64_t, int64_t> renumbered_;
  int64_t event_ = 0;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_EVENT_BUILDER_H_
