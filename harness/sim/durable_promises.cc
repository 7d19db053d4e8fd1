#include "harness/sim/durable_promises.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sut/raft/describe.h"

namespace holdfast::sim {
namespace {

using sut::raft::Describe;
using sut::raft::MessageType;

// Recovered with the process: no append is needed for it.
constexpr uint64_t kRecovered = UINT64_MAX;

bool IsSafe(uint64_t since, uint64_t durable) { return since == kRecovered || durable > since; }

}  // namespace

void DurablePromises::Note(uint64_t incarnation, const sut::raft::Status& status,
                           const std::vector<sut::raft::Entry>& log, uint64_t appends) {
  if (incarnation_ != incarnation || self_ != status.self) {
    *this = DurablePromises();
    incarnation_ = incarnation;
    self_ = status.self;
    start_ = status.start.last.index;
    for (const sut::raft::Entry& entry : log) entries_.push_back({entry.op.term, kRecovered});
    log_changes_ = status.log_changes;
  } else {
    if (term_ != status.term) term_since_ = appends;
    if (term_ != status.term || vote_ != status.vote) vote_since_ = appends;
    if (log_changes_ != status.log_changes) NoteLog(status, log, appends);
  }
  term_ = status.term;
  vote_ = status.vote;
}

void DurablePromises::NoteLog(const sut::raft::Status& status, const std::vector<sut::raft::Entry>& log,
                              uint64_t appends) {
  const sut::Index start = status.start.last.index;
  const size_t forgotten = start > start_ ? std::min<size_t>(start.value - start_.value, entries_.size()) : 0;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(forgotten));
  start_ = start;
  size_t kept = std::min(entries_.size(), log.size());
  // By log matching, what agrees at its end agrees before it.
  while (kept > 0 && entries_[kept - 1].term != log[kept - 1].op.term) --kept;
  entries_.resize(kept);
  for (size_t i = kept; i < log.size(); ++i) entries_.push_back({log[i].op.term, appends});
  log_changes_ = status.log_changes;
}

bool DurablePromises::IsDurable(sut::Index index, uint64_t durable) const {
  if (index <= start_) return true;
  const uint64_t position = index.value - start_.value - 1;
  return position < entries_.size() && IsSafe(entries_[position].appends, durable);
}

DurablePromises::Violation DurablePromises::CheckPersisted(const sut::raft::Status& status, uint64_t durable) {
  const bool grew = status.persisted > persisted_;
  persisted_ = status.persisted;
  if (!grew || IsDurable(status.persisted, durable)) return std::nullopt;
  return absl::StrCat("stable storage: ", Describe(status.self), " counts on its entries up to index ",
                      status.persisted.value, ", which a loss of power can still take");
}

DurablePromises::Violation DurablePromises::ObserveSent(const sut::raft::Message& message, uint64_t durable) const {
  if (!incarnation_.has_value() || message.from != self_ || message.term != term_) return std::nullopt;
  const auto too_early = [&](auto&&... promise) {
    return absl::StrCat("stable storage: ", Describe(message.from), promise..., ", and a loss of power can still take ",
                        "that from its disk");
  };
  const bool votes = message.type == MessageType::kVote || (message.type == MessageType::kVoteReply && message.granted);
  if (votes && !IsSafe(vote_since_.value_or(kRecovered), durable)) {
    return too_early(" votes in term ", message.term.value, " for ", vote_.value);
  }
  if (message.type != MessageType::kAppendReply || !message.granted) return std::nullopt;
  if (!IsSafe(term_since_.value_or(kRecovered), durable)) {
    return too_early(" acknowledges entries in term ", message.term.value, ", which is new to it");
  }
  if (IsDurable(message.match, durable)) return std::nullopt;
  return too_early(" acknowledges index ", message.match.value);
}

DurablePromises::Violation DurablePromises::ObserveApplied(sut::Index index, uint64_t durable) const {
  if (!incarnation_.has_value() || IsDurable(index, durable)) return std::nullopt;
  return absl::StrCat("stable storage: ", Describe(self_), " applies index ", index.value,
                      ", which a loss of power can still take from its log");
}

}  // namespace holdfast::sim
