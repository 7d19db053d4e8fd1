// What replicas promise each other by messages: votes, terms and acknowledged entries. Leaders rely on them, and they
// must be remembered.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sut/raft/describe.h"
#include "sut/raft/invariants.h"

namespace sut::raft {
namespace {

// Who knows of no configuration is judged by none.
bool IsMajority(size_t count, const Config& config) {
  return config.voters.empty() || count > config.voters.size() / 2;
}

}  // namespace

RaftInvariants::Violation RaftInvariants::CheckElection(const Status& status) const {
  const std::vector<ReplicaId>& voters = status.config.voters;
  const auto candidacy = candidacies_.find({status.term, status.self});
  const auto voted = [&](ReplicaId voter) {
    return voter == status.self || (candidacy != candidacies_.end() && candidacy->second.votes.contains(voter));
  };
  const auto votes = static_cast<size_t>(std::count_if(voters.begin(), voters.end(), voted));
  if (IsMajority(votes, status.config)) return std::nullopt;
  return absl::StrCat("election rule: ", Describe(status.self), " leads term ", status.term.value,
                      " with the votes of ", votes, " of the ", Describe(status.config));
}

// The configuration may have changed in the same event, before or after.
RaftInvariants::Violation RaftInvariants::CheckQuorum(const View& view, const Status& status) const {
  const auto holds = [&](ReplicaId voter) {
    if (voter == status.self) return status.persisted >= status.commit;
    const auto found = views_.find(voter);
    if (found == views_.end()) return false;
    const auto acknowledged = found->second.acknowledged.find(status.term);
    return acknowledged != found->second.acknowledged.end() && acknowledged->second >= status.commit;
  };
  size_t holders = 0;
  for (const Config* config : {&view.config, &status.config}) {
    holders = static_cast<size_t>(std::count_if(config->voters.begin(), config->voters.end(), holds));
    if (IsMajority(holders, *config)) return std::nullopt;
  }
  return absl::StrCat("commit rule: ", Describe(status.self), ", leader of term ", status.term.value,
                      ", moved its commit to index ", status.commit.value, ", which ", holders, " hold of the ",
                      Describe(status.config));
}

RaftInvariants::Violation RaftInvariants::ObserveSent(const Message& message) {
  // Pre-votes speak of a term that the sender has not entered.
  const bool hypothetical =
      message.type == MessageType::kPreVote || (message.type == MessageType::kPreVoteReply && message.granted);
  if (hypothetical) return std::nullopt;
  View& view = views_[message.from];
  if (message.term > view.told_term) {
    view.told_term = message.term;
    view.told_vote = ReplicaId{};
  }
  ReplicaId vote;
  if (message.type == MessageType::kVote) vote = message.from;
  if (message.type == MessageType::kVoteReply && message.granted) vote = message.to;
  if (!vote.is_none() && message.term == view.told_term) {
    if (!view.told_vote.is_none() && view.told_vote != vote) {
      return absl::StrCat("election safety: ", Describe(message.from), " voted in term ", message.term.value, " for ",
                          view.told_vote.value, " and for ", vote.value);
    }
    view.told_vote = vote;
  }
  if (message.type == MessageType::kVote) candidacies_[{message.term, message.from}].last = message.previous;
  if (message.type == MessageType::kVoteReply && message.granted) {
    if (auto violation = CheckVote(view, message)) return violation;
  }
  if (message.type == MessageType::kAppendReply && message.granted) {
    view.told_match_max = std::max(view.told_match_max, message.match);
    Index& acknowledged = view.acknowledged[message.term];
    acknowledged = std::max(acknowledged, message.match);
  }
  // An acknowledgement that was held back until the replica had moved on to a later term binds it no more.
  if (message.type == MessageType::kAppendReply && message.granted && message.term == view.term) {
    if (message.match > view.last()) {
      return absl::StrCat("memory: ", Describe(message.from), " acknowledges index ", message.match.value,
                          ", but its log ends at ", view.last().value);
    }
    if (message.match > view.told_match) {
      view.told_match = message.match;
      view.told_match_term = message.term;
    }
  }
  return std::nullopt;
}

RaftInvariants::Violation RaftInvariants::CheckVote(const View& view, const Message& reply) {
  Candidacy& candidacy = candidacies_[{reply.term, reply.to}];
  candidacy.votes.insert(reply.from);
  // Until the reply goes out, the log may have grown: by an install, or by entries of the candidate itself.
  const bool is_known = view.term == reply.term && view.vote == reply.to;
  const OpId end = is_known ? view.voted_at : view.end();
  if (!candidacy.last.has_value() || end.term >= reply.term) return std::nullopt;
  const OpId last = *candidacy.last;
  if (last.term > end.term || (last.term == end.term && last.index >= end.index)) return std::nullopt;
  return absl::StrCat("vote rule: ", Describe(reply.from), ", whose log ends at ", ToString(end), ", votes in term ",
                      reply.term.value, " for ", Describe(reply.to), ", whose log ends at ", ToString(last));
}

RaftInvariants::Violation RaftInvariants::ObserveRecovered(ReplicaId replica, const RecoveredState& recovered) {
  const View& view = views_[replica];
  const OpId start = recovered.start.last;
  const OpId last = recovered.entries.empty() ? start : recovered.entries.back().op;
  const Term term = std::max(recovered.hard_state.term, last.term);
  const ReplicaId vote = term == recovered.hard_state.term ? recovered.hard_state.vote : ReplicaId{};
  if (term < view.told_term) {
    return absl::StrCat("memory: ", Describe(replica), " told others of term ", view.told_term.value,
                        " and came back in term ", term.value);
  }
  if (term == view.told_term && !view.told_vote.is_none() && vote != view.told_vote) {
    return absl::StrCat("memory: ", Describe(replica), " voted for ", view.told_vote.value, " in term ", term.value,
                        " and came back with a vote for ", vote.value);
  }
  // What it acknowledged, and what its host called durable (a sole voter acknowledges to nobody but its clients).
  const Index kept = std::max(view.told_match, view.persisted);
  // An install that the log disagreed with has replaced what followed.
  const bool replaced = start.index > view.start.index && view.TermAt(start.index) != start.term;
  if (kept <= start.index || replaced) return std::nullopt;
  // A crash may fall between the write by which a later leader's entries replace others and the next look from outside.
  // Those entries may be of an older term than what they replace.
  if (const Index end = std::min(kept, last.index); end > start.index) {
    const std::optional<Term> seen = view.TermAt(end);
    const Term now = recovered.entries[end.value - start.index.value - 1].op.term;
    const bool told_later = view.told_match >= end && view.told_match_term >= term;
    if (seen.has_value() && (now > *seen || (now != *seen && term > *seen && !told_later))) return std::nullopt;
  }
  if (last.index < kept) {
    return absl::StrCat("memory: ", Describe(replica), " acknowledged index ", kept.value,
                        " and came back with a log that ends at ", ToString(last));
  }
  const OpId found = recovered.entries[kept.value - start.index.value - 1].op;
  if (const std::optional<Term> expected = view.TermAt(kept); expected.has_value() && found.term != *expected) {
    return absl::StrCat("memory: ", Describe(replica), " acknowledged ", ToString(OpId{*expected, kept}),
                        " and came back with ", ToString(found));
  }
  return std::nullopt;
}

}  // namespace sut::raft
