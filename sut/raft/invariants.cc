// The checks behind RaftInvariants, each a function that names the property it judges.
//
// Logs are compared by the terms of their entries, from the end backwards to where nothing changed; the contents of an
// op id are compared once with the first sight of it anywhere.

#include "sut/raft/invariants.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"
#include "sut/raft/describe.h"

namespace sut::raft {

namespace {

uint64_t Fingerprint(const Entry& entry) {
  return Mix({static_cast<uint64_t>(entry.type), entry.time.value, MixString(entry.data)});
}

std::vector<ReplicaId> NewVoters(const Config& before, const Config& after) {
  std::vector<ReplicaId> added;
  std::set_difference(after.voters.begin(), after.voters.end(), before.voters.begin(), before.voters.end(),
                      std::back_inserter(added));
  return added;
}

}  // namespace

std::optional<Term> RaftInvariants::View::TermAt(Index index) const {
  if (index == start.index) return start.term;
  if (index < start.index || index > last()) return std::nullopt;
  return terms[index.value - start.index.value - 1];
}

RaftInvariants::Violation RaftInvariants::ObserveChange(View& view, uint64_t incarnation, const Status& status,
                                                        const std::vector<Entry>& log) {
  if (view.incarnation != incarnation) {
    View fresh;
    fresh.told_term = view.told_term;
    fresh.told_vote = view.told_vote;
    fresh.told_match = view.told_match;
    fresh.told_match_term = view.told_match_term;
    fresh.told_match_max = view.told_match_max;
    fresh.acknowledged = std::move(view.acknowledged);
    fresh.start = status.start.last;
    fresh.log_changes = status.log_changes + 1;  // so that the whole log counts as new
    view = std::move(fresh);
  }
  if (committed_configs_.empty() && status.start.last.index.value == 0 && !status.start.config.voters.empty()) {
    committed_configs_[Index{0}] = status.start.config;
  }
  if (auto violation = CheckMonotony(view, status)) return violation;
  if (auto violation = CheckLogStart(view, status)) return violation;
  Index checked = view.incarnation == incarnation ? view.commit : status.start.last.index;
  if (view.log_changes != status.log_changes) {
    if (auto violation = CheckLog(view, status, log, checked)) return violation;
  }
  if (auto violation = CheckLeader(view, status)) return violation;
  if (auto violation = CheckCommit(view, status, checked)) return violation;
  if (view.term != status.term || view.vote != status.vote) view.voted_at = status.last;
  view.incarnation = incarnation;
  view.log_changes = status.log_changes;
  view.term = status.term;
  view.vote = status.vote;
  view.role = status.role;
  view.commit = status.commit;
  view.persisted = status.persisted;
  if (view.config != status.config) view.config = status.config;
  return std::nullopt;
}

RaftInvariants::Violation RaftInvariants::CheckMonotony(const View& view, const Status& status) const {
  if (status.commit > status.last.index || status.persisted > status.last.index) {
    return absl::StrCat("monotony: commit ", status.commit.value, " or persisted ", status.persisted.value, " of ",
                        Describe(status.self), " lies beyond its log's end ", ToString(status.last));
  }
  if (status.term < view.term) {
    return absl::StrCat("monotony: term of ", Describe(status.self), " went from ", view.term.value, " to ",
                        status.term.value);
  }
  if (status.commit < view.commit) {
    return absl::StrCat("monotony: commit of ", Describe(status.self), " went from ", view.commit.value, " to ",
                        status.commit.value);
  }
  if (status.term == view.term && !view.vote.is_none() && status.vote != view.vote) {
    return absl::StrCat("monotony: vote of ", Describe(status.self), " in term ", view.term.value, " went from ",
                        view.vote.value, " to ", status.vote.value);
  }
  return std::nullopt;
}

// Compaction and install leave only committed entries behind the start.
RaftInvariants::Violation RaftInvariants::CheckLogStart(const View& view, const Status& status) const {
  const OpId start = status.start.last;
  if (view.incarnation.has_value() && start == view.start) return std::nullopt;
  if (start.index < view.start.index) {
    return absl::StrCat("monotony: log of ", Describe(status.self), " now starts at ", ToString(start), ", before ",
                        ToString(view.start));
  }
  if (start.index.value >= committed_.size() || committed_[start.index.value].op != start) {
    return absl::StrCat("state-machine safety: log of ", Describe(status.self), " starts at ", ToString(start),
                        ", which is not what was committed there");
  }
  return CheckStartConfig(status);
}

RaftInvariants::Violation RaftInvariants::CheckStartConfig(const Status& status) const {
  const OpId start = status.start.last;
  // Who joined with an empty log knows of no configuration before the first one that stands in its log.
  if (start.index.value == 0 || status.start.config.voters.empty()) return std::nullopt;
  const auto after = committed_configs_.upper_bound(start.index);
  if (after == committed_configs_.begin() || std::prev(after)->second == status.start.config) return std::nullopt;
  return absl::StrCat("configuration safety: log of ", Describe(status.self), " starts at ", ToString(start), " with ",
                      Describe(status.start.config), ", but what was committed up to there is ",
                      Describe(std::prev(after)->second));
}

void RaftInvariants::NoteCommitted(const OpId& op, Term committed_in) {
  committed_.push_back({op, committed_in});
  const auto config = config_entries_.find(op);
  if (config != config_entries_.end()) committed_configs_[op.index] = config->second;
}

// Lowers `checked` to where the log stands as it did.
RaftInvariants::Violation RaftInvariants::CheckLog(View& view, const Status& status, const std::vector<Entry>& log,
                                                   Index& checked) {
  const OpId start = status.start.last;
  const auto term_at = [&](Index index) {
    return index == start.index ? start.term : log[index.value - start.index.value - 1].op.term;
  };
  Index kept = std::min(view.last(), status.last.index);
  const Index floor = std::max(start.index, view.start.index);
  while (kept > floor && view.TermAt(kept) != term_at(kept)) kept = Previous(kept);
  kept = std::max(kept, floor);
  checked = std::min(checked, kept);
  if (kept < view.last()) {
    if (auto violation = CheckTruncation(view, status, kept)) return violation;
  }

  const size_t forgotten = std::min<size_t>(start.index.value - view.start.index.value, view.terms.size());
  view.terms.erase(view.terms.begin(), view.terms.begin() + static_cast<ptrdiff_t>(forgotten));
  view.start = start;
  view.terms.resize(kept.value - start.index.value);
  // The entry behind the start is looked at again whenever the log has changed: the start may have moved under it.
  if (!log.empty() && !view.terms.empty()) {
    if (auto violation = CheckEntry(status, start, log.front())) return violation;
  }
  for (size_t position = view.terms.size(); position < log.size(); ++position) {
    const Entry& entry = log[position];
    const OpId previous = position == 0 ? start : log[position - 1].op;
    if (auto violation = CheckEntry(status, previous, entry)) return violation;
    view.terms.push_back(entry.op.term);
    if (entry.type != EntryType::kConfig || status.role != Role::kLeader || entry.op.term != status.term) continue;
    if (auto violation = CheckNewConfig(view, status, log, position)) return violation;
  }
  return std::nullopt;
}

// What is only seen later than it was appended is judged by a higher commit, and let pass rather than accused.
RaftInvariants::Violation RaftInvariants::CheckNewConfig(const View& view, const Status& status,
                                                         const std::vector<Entry>& log, size_t position) const {
  const auto config = DecodeConfig(log[position].data);
  if (!config.ok()) return std::nullopt;
  Config before = status.start.config;
  Index before_at = status.start.last.index;
  for (size_t i = 0; i < position; ++i) {
    if (log[i].type != EntryType::kConfig) continue;
    const auto decoded = DecodeConfig(log[i].data);
    if (!decoded.ok()) return std::nullopt;
    before = *decoded;
    before_at = log[i].op.index;
  }
  const std::string who = absl::StrCat("configuration rule: ", Describe(status.self), ", leader of term ",
                                       status.term.value, ", appended ", Describe(*config));
  if (before_at > status.commit) {
    return absl::StrCat(who, ", and the one before it, at index ", before_at.value, ", is not committed yet");
  }
  const OpId start = status.start.last;
  const size_t committed = status.commit.value - start.index.value;
  if ((committed == 0 ? start.term : log[committed - 1].op.term) != status.term) {
    return absl::StrCat(who, " before an entry of its own term was committed");
  }
  if (before.voters.empty()) return std::nullopt;
  if (NewVoters(before, *config).size() + NewVoters(*config, before).size() > 1) {
    return absl::StrCat(who, " after ", Describe(before), ", which differs in more than one voter");
  }
  return CheckNewVoters(view, status, before, *config);
}

RaftInvariants::Violation RaftInvariants::CheckNewVoters(const View& view, const Status& status, const Config& before,
                                                         const Config& after) const {
  if (!rules_.new_voter_lag_max) return std::nullopt;
  for (const ReplicaId added : NewVoters(before, after)) {
    const auto found = views_.find(added);
    const Index match = found == views_.end() ? Index{} : found->second.told_match_max;
    // As of before this event: the leader may have committed more in the meantime.
    if (match.value > 0 && match.value + *rules_.new_voter_lag_max >= view.commit.value) continue;
    return absl::StrCat("configuration rule: ", Describe(status.self), ", leader of term ", status.term.value,
                        ", makes ", Describe(added), " a voter, which has acknowledged ", match.value, " of ",
                        view.commit.value);
  }
  return std::nullopt;
}

RaftInvariants::Violation RaftInvariants::CheckEntry(const Status& status, OpId previous, const Entry& entry) {
  if (entry.op.index != Next(previous.index) || entry.op.term < previous.term) {
    return absl::StrCat("log matching: in the log of ", Describe(status.self), ", ", ToString(entry.op), " follows ",
                        ToString(previous));
  }
  const auto [known, is_new] =
      entries_.try_emplace({entry.op.term.value, entry.op.index.value}, KnownEntry{Fingerprint(entry), previous.term});
  if (!is_new && (known->second.fingerprint != Fingerprint(entry) || known->second.previous != previous.term)) {
    return absl::StrCat("log matching: entry ", ToString(entry.op), " of ", Describe(status.self),
                        " or the one before it differs from another log's");
  }
  if (is_new && entry.type == EntryType::kConfig) {
    if (const auto config = DecodeConfig(entry.data); config.ok()) config_entries_[entry.op] = *config;
  }
  return std::nullopt;
}

RaftInvariants::Violation RaftInvariants::CheckTruncation(View& view, const Status& status, Index kept) const {
  if (view.role == Role::kLeader && status.role == Role::kLeader && view.term == status.term) {
    return absl::StrCat("leader append-only: ", Describe(status.self), ", leader of term ", status.term.value,
                        ", lost its entries after index ", kept.value);
  }
  if (kept < view.told_match) {
    if (status.term == view.told_match_term) {
      return absl::StrCat("memory: ", Describe(status.self), " acknowledged index ", view.told_match.value, " in term ",
                          status.term.value, " and truncated to ", kept.value, " in the same term");
    }
    view.told_match = kept;
  }
  return std::nullopt;
}

RaftInvariants::Violation RaftInvariants::CheckLeader(const View& view, const Status& status) {
  const bool newly_seen = view.incarnation == std::nullopt || view.role != Role::kLeader || view.term != status.term;
  if (status.role != Role::kLeader || !newly_seen) return std::nullopt;
  const auto [leader, is_new] = leaders_.try_emplace(status.term, LeaderRecord{status.self, status.last});
  if (!is_new) {
    return absl::StrCat("election safety: ", Describe(status.self), " leads term ", status.term.value, ", which ",
                        Describe(leader->second.replica), " was elected in before");
  }
  if (auto violation = CheckElection(status)) return violation;
  // By log matching, the newest entry that this leader must have stands for all before it.
  auto newest = committed_.rbegin();
  while (newest != committed_.rend() && newest->committed_in >= status.term) ++newest;
  if (newest == committed_.rend() || newest->op.index <= view.start.index) return std::nullopt;
  if (view.TermAt(newest->op.index) != newest->op.term) {
    return absl::StrCat("leader completeness: ", Describe(status.self), ", leader of term ", status.term.value,
                        ", lacks entry ", ToString(newest->op), ", which was committed by term ",
                        newest->committed_in.value);
  }
  return std::nullopt;
}

// Entries up to `checked` are known to be right.
RaftInvariants::Violation RaftInvariants::CheckCommit(const View& view, const Status& status, Index checked) {
  const bool leads_on = view.incarnation.has_value() && view.role == Role::kLeader && status.role == Role::kLeader &&
                        view.term == status.term;
  if (leads_on && status.commit > view.commit && view.TermAt(status.commit) != status.term) {
    return absl::StrCat("commit rule: ", Describe(status.self), ", leader of term ", status.term.value,
                        ", moved its commit to index ", status.commit.value, ", an entry of an older term");
  }
  if (leads_on && status.commit > view.commit) {
    if (auto violation = CheckQuorum(view, status)) return violation;
  }
  for (Index index = Next(std::max(checked, view.start.index)); index <= status.commit; index = Next(index)) {
    const OpId op{*view.TermAt(index), index};
    if (index.value < committed_.size()) {
      if (committed_[index.value].op == op) continue;
      return absl::StrCat("state-machine safety: ", Describe(status.self), " holds ", ToString(op),
                          " as committed, not ", ToString(committed_[index.value].op));
    }
    NoteCommitted(op, status.term);
    if (auto violation = CheckLaterLeaders(committed_.back())) return violation;
  }
  return std::nullopt;
}

// A leader of an old term may commit when a later leader has long been elected: that one must have the entry already.
RaftInvariants::Violation RaftInvariants::CheckLaterLeaders(const Committed& committed) const {
  for (auto later = leaders_.upper_bound(committed.committed_in); later != leaders_.end(); ++later) {
    if (Precedes(committed.op, later->second.last)) continue;
    return absl::StrCat("leader completeness: entry ", ToString(committed.op), " was committed in term ",
                        committed.committed_in.value, ", but ", Describe(later->second.replica), ", leader of term ",
                        later->first.value, ", lacks it");
  }
  return std::nullopt;
}

// Whether `op` is in the log that ends at `log_end`.
bool RaftInvariants::Precedes(const OpId& op, OpId log_end) const {
  while (log_end.index > op.index) {
    const auto entry = entries_.find({log_end.term.value, log_end.index.value});
    if (entry == entries_.end()) return false;
    log_end = {entry->second.previous, Previous(log_end.index)};
  }
  return log_end == op;
}

}  // namespace sut::raft
