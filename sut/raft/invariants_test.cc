// Each invariant is shown to fire on a bad history, and to keep quiet on a good one close to it.

#include "sut/raft/invariants.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sut::raft {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

// A replica as a test sets it; only what the invariants look at.
struct Replica {
  uint64_t id = 1;
  uint64_t incarnation = 1;
  Status status;
  std::vector<Entry> log;

  Replica& Term(uint64_t term, Role role = Role::kFollower, uint64_t vote = 0) {
    status.term = sut::Term{term};
    status.role = role;
    status.vote = ReplicaId{vote};
    return *this;
  }
  // The log's entries, each given by its term; all of them durable.
  Replica& Log(std::vector<uint64_t> terms, const std::string& data = "x") {
    log.clear();
    uint64_t index = status.start.last.index.value;
    for (const uint64_t term : terms) {
      log.push_back({{sut::Term{term}, Index{++index}}, EntryType::kCommand, {}, data});
    }
    ++status.log_changes;
    status.last = log.empty() ? status.start.last : log.back().op;
    status.persisted = status.last.index;
    return *this;
  }
  Replica& Start(uint64_t term, uint64_t index) {
    status.start.last = {sut::Term{term}, Index{index}};
    return *this;
  }
  Replica& Commit(uint64_t index) {
    status.commit = Index{index};
    return *this;
  }
  RecoveredState OnDisk() const {
    RecoveredState state;
    state.hard_state = {status.term, status.vote, {}};
    state.start = status.start;
    state.entries = log;
    state.applied = status.start.last.index;
    return state;
  }
};

class RaftInvariantsTest : public ::testing::Test {
 protected:
  RaftInvariants::Violation See(Replica& replica) {
    replica.status.self = ReplicaId{replica.id};
    return invariants_.Observe(replica.status.self, replica.incarnation, replica.status, replica.log);
  }
  void Good(Replica& replica) { EXPECT_EQ(See(replica), std::nullopt); }
  void Bad(Replica& replica, const std::string& what) { EXPECT_THAT(See(replica), Optional(HasSubstr(what))); }

  RaftInvariants::Violation Sent(MessageType type, uint64_t from, uint64_t to, uint64_t term, bool granted = false,
                                 uint64_t match = 0) {
    Message message;
    message.type = type;
    message.from = ReplicaId{from};
    message.to = ReplicaId{to};
    message.term = Term{term};
    message.granted = granted;
    message.match = Index{match};
    return invariants_.ObserveSent(message);
  }
  RaftInvariants::Violation Stands(uint64_t candidate, uint64_t term, OpId last) {
    Message message;
    message.type = MessageType::kVote;
    message.from = ReplicaId{candidate};
    message.to = ReplicaId{1};
    message.term = Term{term};
    message.previous = last;
    return invariants_.ObserveSent(message);
  }
  RaftInvariants::Violation Recovered(const Replica& replica) {
    return invariants_.ObserveRecovered(ReplicaId{replica.id}, replica.OnDisk());
  }

  RaftInvariants invariants_;
  Replica one_{1, 1, {}, {}};
  Replica two_{2, 1, {}, {}};
  Replica three_{3, 1, {}, {}};
};

TEST_F(RaftInvariantsTest, ATermHasOneLeaderOverTheWholeRun) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1}));
  Good(one_.Term(2));
  Good(two_.Term(2, Role::kLeader, 2).Log({1, 2}));
  Bad(three_.Term(1, Role::kLeader, 3).Log({1}), "election safety");
}

TEST_F(RaftInvariantsTest, ALeaderThatComesBackMayNotLeadTheSameTermAgain) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1}));
  one_.incarnation = 2;
  Bad(one_, "election safety");
}

TEST_F(RaftInvariantsTest, ALeaderOnlyAppends) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1, 1}));
  Good(one_.Log({1, 1, 1}));
  Bad(one_.Log({1, 1}), "leader append-only");
}

TEST_F(RaftInvariantsTest, AFollowerMayTruncate) {
  Good(one_.Term(1).Log({1, 1}));
  Good(one_.Term(2).Log({1, 2}));
}

TEST_F(RaftInvariantsTest, AnOpIdNamesOneEntry) {
  Good(one_.Term(1).Log({1, 1}));
  Good(two_.Term(1).Log({1, 1}));
  Bad(three_.Term(1).Log({1, 1}, "other"), "log matching");
}

TEST_F(RaftInvariantsTest, LogsThatShareAnEntryShareWhatIsBeforeIt) {
  Good(one_.Term(3).Log({1, 1, 3}));
  Good(two_.Term(3).Log({1, 2}));
  Bad(three_.Term(3).Log({1, 2, 3}), "log matching");
}

TEST_F(RaftInvariantsTest, ALogHasNoGapAndNoFallingTerm) {
  one_.Term(2).Log({1, 2});
  one_.log[1].op.index = Index{3};
  Bad(one_, "log matching");
  Bad(two_.Term(2).Log({2, 1}), "log matching");
}

TEST_F(RaftInvariantsTest, ALaterLeaderHasWhatWasCommitted) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1, 1}).Commit(2));
  Good(two_.Term(2).Log({1}));
  Bad(two_.Term(2, Role::kLeader, 2).Log({1, 2}), "leader completeness");
}

TEST_F(RaftInvariantsTest, ALaterLeaderNeedNotHaveWhatWasNotCommitted) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1, 1}).Commit(1));
  Good(two_.Term(2, Role::kLeader, 2).Log({1, 2}).Commit(2));
  // A leader of the old term that shows itself late is not a later one.
  Good(three_.Term(1));
}

TEST_F(RaftInvariantsTest, AnOldLeaderMayNotCommitWhatALaterOneLacks) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1, 1}));
  Good(two_.Term(2, Role::kLeader, 2).Log({1, 2}));
  Good(one_.Commit(1));
  Bad(one_.Commit(2), "leader completeness");
}

// Figure 8: the entry of term 2 was held by a majority, and counted, before the leader of term 3 overwrote it.
TEST_F(RaftInvariantsTest, CountingAnOldTermsEntryIsFoundWhenItIsOverwritten) {
  Good(one_.Term(2).Log({1, 2}));
  Good(three_.Term(3, Role::kLeader, 3).Log({1, 3}));
  Good(three_.Term(4));
  Good(one_.Term(4, Role::kLeader, 1).Log({1, 2, 4}).Commit(2));
  Bad(three_.Term(5, Role::kLeader, 3).Log({1, 3, 5}), "leader completeness");
}

TEST_F(RaftInvariantsTest, ALeaderCommitsNoOldTermsEntryByItself) {
  Good(one_.Term(2).Log({1, 2}).Commit(1));
  Good(one_.Term(4, Role::kLeader, 1).Log({1, 2, 4}));
  Bad(one_.Commit(2), "commit rule");
}

TEST_F(RaftInvariantsTest, ALeaderCommitsOldTermsEntriesTogetherWithItsOwn) {
  Good(one_.Term(2).Log({1, 2}).Commit(1));
  Good(one_.Term(4, Role::kLeader, 1).Log({1, 2, 4}));
  Good(one_.Commit(3));
}

TEST_F(RaftInvariantsTest, AnInstallKeepsNoTailOfAnOlderTerm) {
  Good(one_.Term(1).Log({1, 1, 1}));
  Good(two_.Term(2).Log({1, 2}).Commit(2));
  one_.log.erase(one_.log.begin(), one_.log.begin() + 2);
  ++one_.status.log_changes;
  Bad(one_.Term(2).Start(2, 2).Commit(2), "log matching");
}

TEST_F(RaftInvariantsTest, TheCommittedEntryAtAnIndexIsTheSameEverywhere) {
  Good(one_.Term(2).Log({1, 1}).Commit(2));
  Good(two_.Term(2).Log({1, 2}).Commit(1));
  Bad(two_.Commit(2), "state-machine safety");
}

TEST_F(RaftInvariantsTest, CommittedEntriesAreNotReplaced) {
  Good(one_.Term(1).Log({1, 1}).Commit(2));
  Bad(one_.Term(2).Log({1, 2}), "state-machine safety");
}

TEST_F(RaftInvariantsTest, ALogStartsAtACommittedEntry) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1, 1, 1}).Commit(2));
  Good(two_.Term(1).Start(1, 2).Log({}).Commit(2));
  Bad(three_.Term(1).Start(1, 3).Log({}).Commit(3), "state-machine safety");
}

TEST_F(RaftInvariantsTest, CompactionKeepsTheRest) {
  Good(one_.Term(1).Log({1, 1, 1}).Commit(3));
  Good(one_.Start(1, 2).Log({1}));
  Bad(one_.Start(1, 1).Log({1, 1}), "monotony");
}

TEST_F(RaftInvariantsTest, CommitAndPersistedStayWithinTheLog) {
  Bad(one_.Term(1).Log({1}).Commit(2), "monotony");
  two_.Term(1).Log({1});
  two_.status.persisted = Index{2};
  Bad(two_, "monotony");
}

TEST_F(RaftInvariantsTest, TermAndCommitNeverGoBackWithinAnIncarnation) {
  Good(one_.Term(2).Log({1, 1}).Commit(2));
  Bad(one_.Commit(1), "monotony");
  Good(two_.Term(2));
  Bad(two_.Term(1), "monotony");
}

TEST_F(RaftInvariantsTest, CommitMayGoBackOverARestart) {
  Good(one_.Term(2).Log({1, 1}).Commit(2));
  ++one_.incarnation;
  Good(one_.Commit(0));
}

TEST_F(RaftInvariantsTest, ATermsVoteNeverChanges) {
  Good(one_.Term(2));
  Good(one_.Term(2, Role::kFollower, 3));
  Good(one_.Term(3, Role::kFollower, 2));
  Bad(one_.Term(3, Role::kFollower, 3), "monotony");
}

TEST_F(RaftInvariantsTest, NobodyIsPromisedASecondVote) {
  EXPECT_EQ(Sent(MessageType::kVoteReply, 1, 2, 5, true), std::nullopt);
  EXPECT_EQ(Sent(MessageType::kVoteReply, 1, 3, 5, false), std::nullopt);
  EXPECT_EQ(Sent(MessageType::kVoteReply, 1, 2, 5, true), std::nullopt);
  EXPECT_THAT(Sent(MessageType::kVoteReply, 1, 3, 5, true), Optional(HasSubstr("election safety")));
  EXPECT_EQ(Sent(MessageType::kVote, 2, 1, 6), std::nullopt);
  EXPECT_THAT(Sent(MessageType::kVoteReply, 2, 3, 6, true), Optional(HasSubstr("election safety")));
}

TEST_F(RaftInvariantsTest, AVoteIsForALogThatIsNotBehind) {
  Good(one_.Term(2).Log({1, 2}));
  Stands(2, 3, {Term{2}, Index{2}});
  EXPECT_EQ(Sent(MessageType::kVoteReply, 1, 2, 3, true), std::nullopt);
  Stands(3, 4, {Term{2}, Index{1}});
  EXPECT_EQ(Sent(MessageType::kVoteReply, 1, 3, 4, false), std::nullopt);
  EXPECT_THAT(Sent(MessageType::kVoteReply, 1, 3, 4, true), Optional(HasSubstr("vote rule")));
  Stands(2, 5, {Term{1}, Index{7}});
  EXPECT_THAT(Sent(MessageType::kVoteReply, 1, 2, 5, true), Optional(HasSubstr("vote rule")));
}

TEST_F(RaftInvariantsTest, ALogMayGrowBetweenTheVoteAndItsReply) {
  Good(one_.Term(2).Log({1, 2}));
  Stands(2, 3, {Term{2}, Index{2}});
  Good(one_.Term(3, Role::kFollower, 2));
  Good(one_.Log({1, 2, 2}));
  EXPECT_EQ(Sent(MessageType::kVoteReply, 1, 2, 3, true), std::nullopt);
}

TEST_F(RaftInvariantsTest, ATermThatOthersWereToldIsRemembered) {
  Good(one_.Term(5));
  EXPECT_EQ(Sent(MessageType::kAppendReply, 1, 2, 5), std::nullopt);
  EXPECT_EQ(Recovered(one_.Term(5)), std::nullopt);
  EXPECT_THAT(Recovered(one_.Term(4)), Optional(HasSubstr("memory")));
}

TEST_F(RaftInvariantsTest, AVoteIsRemembered) {
  EXPECT_EQ(Sent(MessageType::kVoteReply, 1, 2, 5, true), std::nullopt);
  EXPECT_EQ(Recovered(one_.Term(5, Role::kFollower, 2)), std::nullopt);
  EXPECT_EQ(Recovered(one_.Term(6)), std::nullopt);
  EXPECT_THAT(Recovered(one_.Term(5)), Optional(HasSubstr("memory")));
  EXPECT_THAT(Recovered(one_.Term(5, Role::kFollower, 3)), Optional(HasSubstr("memory")));
}

TEST_F(RaftInvariantsTest, ACandidacyIsRemembered) {
  EXPECT_EQ(Sent(MessageType::kVote, 1, 2, 5), std::nullopt);
  EXPECT_EQ(Recovered(one_.Term(5, Role::kFollower, 1)), std::nullopt);
  EXPECT_THAT(Recovered(one_.Term(4)), Optional(HasSubstr("memory")));
}

TEST_F(RaftInvariantsTest, PreVotesPromiseNothing) {
  EXPECT_EQ(Sent(MessageType::kPreVote, 1, 2, 5), std::nullopt);
  EXPECT_EQ(Sent(MessageType::kPreVoteReply, 1, 2, 5, true), std::nullopt);
  EXPECT_EQ(Sent(MessageType::kPreVoteReply, 1, 3, 5, true), std::nullopt);
  EXPECT_EQ(Recovered(one_.Term(1)), std::nullopt);
  // A refusal names the sender's own term.
  EXPECT_EQ(Sent(MessageType::kPreVoteReply, 1, 3, 5, false), std::nullopt);
  EXPECT_THAT(Recovered(one_.Term(1)), Optional(HasSubstr("memory")));
}

class AcknowledgedTest : public RaftInvariantsTest {
 protected:
  // Replica 1 has acknowledged three entries of term 1, of which the host called only one durable.
  void SetUp() override {
    one_.Term(1).Log({1, 1, 1});
    one_.status.persisted = Index{1};
    Good(one_);
    EXPECT_EQ(Sent(MessageType::kAppendReply, 1, 2, 1, true, 3), std::nullopt);
  }
};

TEST_F(AcknowledgedTest, EntriesAreRemembered) {
  EXPECT_EQ(Recovered(one_), std::nullopt);
  EXPECT_THAT(Recovered(one_.Log({1, 1})), Optional(HasSubstr("memory")));
}

TEST_F(AcknowledgedTest, OtherEntriesDoNotDo) {
  Good(two_.Term(2).Log({1, 1, 2}));
  EXPECT_EQ(Sent(MessageType::kAppendReply, 2, 3, 2, true, 3), std::nullopt);
  EXPECT_THAT(Recovered(two_.Log({1, 1, 1})), Optional(HasSubstr("memory")));
}

TEST_F(AcknowledgedTest, ALaterLeaderMayHaveReplacedThemJustBeforeTheCrash) {
  EXPECT_EQ(Recovered(one_.Term(2).Log({1, 1, 2})), std::nullopt);
  EXPECT_EQ(Recovered(one_.Log({1, 2})), std::nullopt);
  EXPECT_THAT(Recovered(one_.Log({1})), Optional(HasSubstr("memory")));
}

TEST_F(RaftInvariantsTest, ALaterLeadersEntriesMayBeOfAnOlderTermThanThoseTheyReplace) {
  one_.Term(2).Log({1, 2, 2});
  Good(one_);
  EXPECT_EQ(Sent(MessageType::kAppendReply, 1, 2, 2, true, 3), std::nullopt);
  EXPECT_THAT(Recovered(one_.Log({1, 1})), Optional(HasSubstr("memory"))) << "in the term of who was told";
  EXPECT_EQ(Recovered(one_.Term(3)), std::nullopt);
  EXPECT_THAT(Recovered(one_.Log({1, 2})), Optional(HasSubstr("memory"))) << "nothing was replaced";
}

TEST_F(AcknowledgedTest, ALaterLeaderMayTruncateThem) {
  one_.Term(2).Log({1, 2});
  one_.status.persisted = Index{1};
  Good(one_);
  EXPECT_EQ(Recovered(one_), std::nullopt);
  EXPECT_EQ(Recovered(one_.Log({1})), std::nullopt) << "entry 2 was not acknowledged to the leader of term 2";
  EXPECT_THAT(Recovered(one_.Log({})), Optional(HasSubstr("memory")));
}

TEST_F(AcknowledgedTest, TheSameLeaderMayNotTruncateThem) { Bad(one_.Log({1, 1}), "memory"); }

TEST_F(AcknowledgedTest, TheLogsStartCoversThem) {
  Good(two_.Term(1, Role::kLeader, 2).Log({1, 1, 1, 1}).Commit(4));
  EXPECT_EQ(Recovered(one_.Start(1, 3).Log({})), std::nullopt);
  EXPECT_THAT(Recovered(one_.Start(1, 2).Log({})), Optional(HasSubstr("memory")));
}

TEST_F(AcknowledgedTest, AnInstallMayReplaceATailThatDisagrees) {
  // Index 2 was committed with another term; what follows it here was never going to last.
  EXPECT_EQ(Recovered(one_.Term(2).Start(2, 2).Log({})), std::nullopt);
}

TEST_F(AcknowledgedTest, NobodyAcknowledgesWhatItLacks) {
  EXPECT_THAT(Sent(MessageType::kAppendReply, 1, 2, 1, true, 4), Optional(HasSubstr("memory")));
}

TEST_F(RaftInvariantsTest, WhatTheHostCalledDurableIsThereAfterARestart) {
  Good(one_.Term(1, Role::kLeader, 1).Log({1, 1}));
  EXPECT_EQ(Recovered(one_), std::nullopt);
  EXPECT_THAT(Recovered(one_.Log({1})), Optional(HasSubstr("memory")));
}

// A leader of term 2 with two committed entries, the second its own; its founders are 1, 2 and 3. The rule for new
// voters: at most two entries behind.
class NewConfigTest : public RaftInvariantsTest {
 protected:
  NewConfigTest() {
    invariants_ = RaftInvariants({.new_voter_lag_max = 2});
    one_.status.start.config = Group({1, 2, 3}, {});
    Good(one_.Term(1).Log({1}));
    Good(one_.Term(2, Role::kLeader, 1).Log({1, 2}).Commit(2));
  }
  static Config Group(std::vector<uint64_t> voters, std::vector<uint64_t> learners) {
    Config config;
    for (const uint64_t id : voters) config.voters.push_back(ReplicaId{id});
    for (const uint64_t id : learners) config.learners.push_back(ReplicaId{id});
    return config;
  }
  Replica& Append(const Config& config, uint64_t term = 2) {
    const Index index = Next(one_.status.last.index);
    one_.log.push_back({{sut::Term{term}, index}, EntryType::kConfig, {}, EncodeConfig(config)});
    ++one_.status.log_changes;
    one_.status.last = one_.log.back().op;
    return one_;
  }
};

// Replicas 1, 2 and 3 vote, 4 learns; 1 stands in term 2, with entries up to index 3.
class QuorumTest : public NewConfigTest {
 protected:
  QuorumTest() {
    invariants_ = RaftInvariants();
    one_ = {1, 1, {}, {}};
    one_.status.config = Group({1, 2, 3}, {4});
    Good(one_.Term(2, Role::kCandidate, 1).Log({1, 1}));
  }
  Replica& Lead() {
    Sent(MessageType::kVoteReply, 2, 1, 2, true);
    Good(one_.Term(2, Role::kLeader, 1));
    return one_.Log({1, 1, 2});
  }
};

TEST_F(QuorumTest, ALeaderHasTheVotesOfAMajority) {
  Sent(MessageType::kVoteReply, 3, 1, 2, true);
  Good(one_.Term(2, Role::kLeader, 1));
}

TEST_F(QuorumTest, ALeaderWithItsOwnVoteAloneIsNone) { Bad(one_.Term(2, Role::kLeader, 1), "election rule"); }

TEST_F(QuorumTest, OnlyVotersOfThisTermForThisCandidateCount) {
  Sent(MessageType::kVoteReply, 4, 1, 2, true);
  Sent(MessageType::kVoteReply, 5, 1, 2, true);
  Sent(MessageType::kVoteReply, 2, 1, 1, true);
  Sent(MessageType::kVoteReply, 2, 3, 2, true);
  Sent(MessageType::kVoteReply, 3, 1, 2, false);
  Bad(one_.Term(2, Role::kLeader, 1), "election rule");
}

TEST_F(QuorumTest, WhatAMajorityHasMayBeCommitted) {
  Good(Lead());
  Sent(MessageType::kAppendReply, 3, 1, 2, true, 3);
  Good(one_.Commit(3));
}

TEST_F(QuorumTest, NobodyElseCounts) {
  Good(Lead());
  Sent(MessageType::kAppendReply, 4, 1, 2, true, 3);
  Sent(MessageType::kAppendReply, 2, 1, 2, true, 2);
  Sent(MessageType::kAppendReply, 3, 1, 1, true, 3);
  Bad(one_.Commit(3), "commit rule");
}

TEST_F(QuorumTest, WhatTheLeaderHasNotSyncedItDoesNotHave) {
  Lead().status.persisted = Index{2};
  Good(one_);
  Sent(MessageType::kAppendReply, 3, 1, 2, true, 3);
  Bad(one_.Commit(3), "commit rule");
}

TEST_F(QuorumTest, AChangeOfTheGroupInTheSameEventMayComeBeforeOrAfter) {
  Good(Lead());
  Sent(MessageType::kAppendReply, 3, 1, 2, true, 3);
  one_.status.config = Group({1, 2, 3, 4}, {});
  Good(one_.Commit(3));
}

TEST_F(NewConfigTest, OneChangeAfterTheOtherIsFine) {
  Good(Append(Group({1, 2, 3}, {4})));
  Good(one_.Commit(3));
  EXPECT_EQ(Sent(MessageType::kAppendReply, 4, 1, 2, true, 1), std::nullopt);
  Good(Append(Group({1, 2, 3, 4}, {})));
  Good(one_.Commit(4));
  Good(Append(Group({2, 3, 4}, {})));
}

TEST_F(NewConfigTest, TwoAtOnceAreNot) {
  Good(Append(Group({1, 2, 3}, {4})));
  Bad(Append(Group({1, 2}, {4})), "not committed yet");
}

TEST_F(NewConfigTest, AnEntryOfTheOwnTermIsCommittedFirst) {
  Replica& one = one_.Commit(2).Term(3, Role::kLeader, 1);
  Good(one.Log({1, 2}));
  Bad(Append(Group({1, 2}, {}), 3), "before an entry of its own term");
}

TEST_F(NewConfigTest, AFollowerMayLearnOfTwoAtOnce) {
  Good(one_.Term(3));
  Append(Group({1, 2, 3}, {4}), 3);
  Good(Append(Group({1, 2}, {4}), 3));
}

TEST_F(NewConfigTest, OneVoterMayChangePlacesWithNoOther) { Bad(Append(Group({1, 2, 4}, {})), "more than one voter"); }

TEST_F(NewConfigTest, ANewVoterIsNotFarBehind) {
  Good(Append(Group({1, 2, 3}, {4})));
  for (int i = 0; i < 2; ++i) {
    one_.log.push_back({{Term{2}, Next(one_.status.last.index)}, EntryType::kCommand, {}, "x"});
    one_.status.last = one_.log.back().op;
  }
  ++one_.status.log_changes;
  Good(one_.Commit(5));
  EXPECT_EQ(Sent(MessageType::kAppendReply, 4, 1, 2, true, 2), std::nullopt);
  Bad(Append(Group({1, 2, 3, 4}, {})), "has acknowledged 2 of 5");
}

TEST_F(NewConfigTest, WhoNeverAnsweredBecomesNoVoter) { Bad(Append(Group({1, 2, 3, 4}, {})), "has acknowledged 0"); }

}  // namespace
}  // namespace sut::raft
