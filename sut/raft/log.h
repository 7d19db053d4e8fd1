// A replica's log in memory, from the compaction point on, with what of it the host has still to write.
//
// It knows nothing of roles or quorums. A configuration takes effect as soon as its entry is in the log, and is rolled
// back when that entry is truncated (dissertation, section 4.1), so the log also keeps which configuration holds where.

#ifndef SUT_RAFT_LOG_H_
#define SUT_RAFT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sut/raft/raft.h"

namespace sut::raft {

class Log {
 public:
  // All entries count as written. REQUIRES: entries are consecutive after start.last, and their configurations decode.
  Log(LogStart start, std::vector<Entry> entries);

  const LogStart& start() const { return start_; }
  const std::vector<Entry>& entries() const { return entries_; }
  OpId last() const { return entries_.empty() ? start_.last : entries_.back().op; }
  // The configuration in effect, and the index of its entry (or of the log's start).
  const Config& config() const { return configs_.back().config; }
  Index config_index() const { return configs_.back().index; }
  // The one in effect up to and including `index`. REQUIRES: start().last.index <= index <= last().index.
  const Config& ConfigAt(Index index) const { return configs_[ConfigPosition(index)].config; }
  // Whoever is a voter in a configuration that the log still knows, ascending.
  std::vector<ReplicaId> EveryVoter() const;
  uint64_t changes() const { return changes_; }

  std::optional<Term> TermAt(Index index) const;
  bool Contains(const OpId& op) const { return TermAt(op.index) == op.term; }
  // Whether a log that ends at `candidate` holds at least what this one may have committed (section 5.4.1).
  bool IsUpToDate(const OpId& candidate) const;
  // The last index up to `bound` whose term is at most `term`; nullopt if that lies before the log's start.
  std::optional<Index> LastIndexOfTermAtMost(Index bound, Term term) const;
  // Up to `count_max` entries after `previous`. REQUIRES: start().last.index <= previous <= last().index.
  std::vector<Entry> EntriesAfter(Index previous, size_t count_max) const;

  // REQUIRES: the entry follows last(), and its configuration decodes if it is one.
  void Append(Entry entry);
  // Removes the entry at `index` and all after it. REQUIRES: start().last.index < index <= last().index.
  void TruncateFrom(Index index);
  // Forgets entries up to and including `index`. REQUIRES: index <= last().index.
  void CompactTo(Index index);
  // Begins anew at `start`, after an install. Entries after it stay if the log contains start.last; returns whether it
  // did. Planted bug 27 (`keep_conflicting`): they stay in any case.
  bool Install(const LogStart& start, bool keep_conflicting = false);

  // What Ready takes for the host to write.
  bool HasUnwritten() const { return truncate_from_.has_value() || next_unwritten_.value <= last().index.value; }
  std::optional<Index> TakeTruncation();
  std::vector<Entry> TakeUnwritten();

 private:
  struct KnownConfig {
    Index index;
    Config config;
  };

  size_t PositionAfter(Index index) const { return index.value - start_.last.index.value; }
  void NoteConfig(const Entry& entry);
  // Where in configs_ the one in effect at `index` stands.
  size_t ConfigPosition(Index index) const;

  LogStart start_;
  std::vector<Entry> entries_;
  // Ascending by index. Invariant: never empty; the first one is start_'s.
  std::vector<KnownConfig> configs_;
  Index next_unwritten_;
  // Set if entries that Ready handed out were removed since.
  std::optional<Index> truncate_from_;
  uint64_t changes_ = 0;
};

}  // namespace sut::raft

#endif  // SUT_RAFT_LOG_H_
