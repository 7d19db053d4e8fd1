#include "harness/sim/written_log.h"

#include <algorithm>

#include "faults/path_class.h"

namespace holdfast::sim {

void WrittenLog::OnMutation(const Mutation& mutation) {
  if (mutation.kind != MutationKind::kAppend || mutation.bytes == 0 || !mutation.path.ends_with(".log")) return;
  if (faults::PathClassOf(mutation.path) != faults::PathClass::kRaftLog) return;
  const uint64_t size = disk_->DurableSize(mutation.path).value_or(SimFileSystem::DurableBytes{}).size;
  pending_[std::string(mutation.path)].push_back({++appends_, size + mutation.bytes});
}

void WrittenLog::Restart() {
  appends_ = 0;
  marked_ = 0;
  pending_.clear();
}

uint64_t WrittenLog::Durable() {
  uint64_t durable = appends_;
  for (auto file = pending_.begin(); file != pending_.end();) {
    std::deque<Append>& waiting = file->second;
    const auto bytes = disk_->DurableSize(file->first);
    while (!waiting.empty() && (!bytes || waiting.front().end <= bytes->durable)) waiting.pop_front();
    if (waiting.empty()) {
      file = pending_.erase(file);
    } else {
      durable = std::min(durable, waiting.front().ordinal - 1);
      ++file;
    }
  }
  return durable;
}

}  // namespace holdfast::sim
