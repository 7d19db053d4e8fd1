// The in-memory log: positions in entries_ are counted from the log's start, so that lookups by index cost nothing.

#include "sut/raft/log.h"

#include <algorithm>
#include <utility>

#include "sut/base/check.h"

namespace sut::raft {

Log::Log(LogStart start, std::vector<Entry> entries) : start_(std::move(start)), entries_(std::move(entries)) {
  configs_.push_back({start_.last.index, start_.config});
  for (const Entry& entry : entries_) NoteConfig(entry);
  next_unwritten_ = Next(last().index);
}

std::optional<Term> Log::TermAt(Index index) const {
  if (index == start_.last.index) return start_.last.term;
  if (index < start_.last.index || index > last().index) return std::nullopt;
  return entries_[PositionAfter(index) - 1].op.term;
}

bool Log::IsUpToDate(const OpId& candidate) const {
  const OpId own = last();
  return candidate.term != own.term ? candidate.term > own.term : candidate.index >= own.index;
}

std::optional<Index> Log::LastIndexOfTermAtMost(Index bound, Term term) const {
  bound = std::min(bound, last().index);
  if (bound < start_.last.index || start_.last.term > term) return std::nullopt;
  // Terms never fall along a log.
  const auto begin = entries_.begin();
  const auto end = begin + static_cast<ptrdiff_t>(PositionAfter(bound));
  const auto above =
      std::upper_bound(begin, end, term, [](Term limit, const Entry& entry) { return limit < entry.op.term; });
  return Index{start_.last.index.value + static_cast<uint64_t>(above - begin)};
}

std::vector<Entry> Log::EntriesAfter(Index previous, size_t count_max) const {
  SUT_CHECK(previous >= start_.last.index && previous <= last().index, "range outside the log");
  const size_t from = PositionAfter(previous);
  const size_t count = std::min(count_max, entries_.size() - from);
  const auto begin = entries_.begin() + static_cast<ptrdiff_t>(from);
  return std::vector<Entry>(begin, begin + static_cast<ptrdiff_t>(count));
}

void Log::Append(Entry entry) {
  SUT_CHECK(entry.op.index == Next(last().index) && entry.op.term >= last().term, "entry does not follow the log");
  NoteConfig(entry);
  entries_.push_back(std::move(entry));
  ++changes_;
}

void Log::TruncateFrom(Index index) {
  SUT_CHECK(index > start_.last.index && index <= last().index, "truncation outside the log");
  entries_.resize(PositionAfter(index) - 1);
  while (configs_.back().index >= index && configs_.size() > 1) configs_.pop_back();
  if (index < next_unwritten_) {
    truncate_from_ = std::min(index, truncate_from_.value_or(index));
    next_unwritten_ = index;
  }
  ++changes_;
}

void Log::CompactTo(Index index) {
  SUT_CHECK(index <= last().index, "compaction beyond the log");
  if (index <= start_.last.index) return;
  const size_t config_at_index = ConfigPosition(index);
  const OpId start{*TermAt(index), index};
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(PositionAfter(index)));
  configs_.erase(configs_.begin(), configs_.begin() + static_cast<ptrdiff_t>(config_at_index));
  start_ = {start, configs_.front().config};
  configs_.front().index = index;
  ++changes_;
}

bool Log::Install(const LogStart& start, bool keep_conflicting) {
  const bool agrees = Contains(start.last) || (keep_conflicting && last().index > start.last.index);
  if (agrees) {
    CompactTo(start.last.index);
    start_.last = start.last;
    if (truncate_from_.has_value()) truncate_from_ = std::max(*truncate_from_, Next(start.last.index));
  } else {
    // Readies still on their way to the disk may bring old entries there after the install; they must not survive it.
    if (last().index > start.last.index) truncate_from_ = Next(start.last.index);
    entries_.clear();
    configs_.clear();
    configs_.push_back({start.last.index, start.config});
    start_ = start;
    next_unwritten_ = Next(start.last.index);
    ++changes_;
  }
  next_unwritten_ = std::max(next_unwritten_, Next(start.last.index));
  return agrees;
}

std::optional<Index> Log::TakeTruncation() { return std::exchange(truncate_from_, std::nullopt); }

std::vector<Entry> Log::TakeUnwritten() {
  const Index previous = Previous(next_unwritten_);
  next_unwritten_ = Next(last().index);
  return EntriesAfter(previous, entries_.size());
}

std::vector<ReplicaId> Log::EveryVoter() const {
  std::vector<ReplicaId> voters;
  for (const KnownConfig& known : configs_) {
    voters.insert(voters.end(), known.config.voters.begin(), known.config.voters.end());
  }
  std::sort(voters.begin(), voters.end());
  voters.erase(std::unique(voters.begin(), voters.end()), voters.end());
  return voters;
}

size_t Log::ConfigPosition(Index index) const {
  size_t position = 0;
  while (position + 1 < configs_.size() && configs_[position + 1].index <= index) ++position;
  return position;
}

void Log::NoteConfig(const Entry& entry) {
  if (entry.type != EntryType::kConfig) return;
  absl::StatusOr<Config> config = DecodeConfig(entry.data);
  SUT_CHECK(config.ok(), "undecodable configuration in the log");
  configs_.push_back({entry.op.index, *std::move(config)});
}

}  // namespace sut::raft
