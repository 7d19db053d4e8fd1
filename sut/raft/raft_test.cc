// Properties of one replica, fed by hand. What takes several replicas is told in testdata/ and raft_random_test.cc.

#include "sut/raft/raft.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/raft/log.h"
#include "sut/raft/progress.h"

namespace sut::raft {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr ReplicaId kSelf{1};

Options TestOptions() {
  Options options;
  options.election_ticks = [](Term) { return 10; };
  options.election_ticks_min = 10;
  return options;
}

Entry Command(uint64_t term, uint64_t index, std::string data = "x") {
  return {{Term{term}, Index{index}}, EntryType::kCommand, HybridTime{1}, std::move(data)};
}

Config Voters(std::vector<uint64_t> ids) {
  Config config;
  for (const uint64_t id : ids) config.voters.push_back(ReplicaId{id});
  return config;
}

RecoveredState Fresh(std::vector<uint64_t> voters) {
  RecoveredState state;
  state.start.config = Voters(std::move(voters));
  return state;
}

std::unique_ptr<Raft> Start(RecoveredState state, Options options = TestOptions()) {
  auto raft = Raft::Recover(kSelf, std::move(options), std::move(state));
  EXPECT_TRUE(raft.ok()) << raft.status();
  return *std::move(raft);
}

// Takes every Ready and makes it durable at once; returns the last one.
Ready Process(Raft& raft) {
  Ready last;
  while (raft.HasReady()) {
    last = raft.TakeReady();
    raft.Persisted(last.number);
    if (!last.committed.empty()) raft.Applied(last.committed.back().op.index);
  }
  return last;
}

std::unique_ptr<Raft> SoleLeader(Options options = TestOptions()) {
  auto raft = Start(Fresh({1}), std::move(options));
  raft->Campaign();
  Process(*raft);
  EXPECT_TRUE(raft->is_leader());
  return raft;
}

Message From(ReplicaId from, MessageType type, uint64_t term) {
  Message message;
  message.type = type;
  message.from = from;
  message.to = kSelf;
  message.term = Term{term};
  return message;
}

// Replica 1 of three, elected in term 1 with the vote of replica 2.
std::unique_ptr<Raft> LeaderOfThree(Options options = TestOptions()) {
  auto raft = Start(Fresh({1, 2, 3}), std::move(options));
  raft->Campaign();
  Message consent = From(ReplicaId{2}, MessageType::kPreVoteReply, 1);
  consent.granted = true;
  raft->Step(consent);
  Process(*raft);
  Message vote = From(ReplicaId{2}, MessageType::kVoteReply, 1);
  vote.granted = true;
  raft->Step(vote);
  Process(*raft);
  EXPECT_TRUE(raft->is_leader());
  return raft;
}

Message AppendFrom(uint64_t leader, uint64_t term, OpId previous, std::vector<Entry> entries, uint64_t commit) {
  Message message = From(ReplicaId{leader}, MessageType::kAppend, term);
  message.previous = previous;
  message.entries = std::move(entries);
  message.commit = Index{commit};
  return message;
}

TEST(RaftRecoverTest, RefusesAGapInTheLog) {
  RecoveredState state = Fresh({1});
  state.entries = {Command(1, 1), Command(1, 3)};
  EXPECT_EQ(Raft::Recover(kSelf, TestOptions(), state).status().code(), absl::StatusCode::kInvalidArgument);
  state.entries = {Command(1, 2)};
  EXPECT_EQ(Raft::Recover(kSelf, TestOptions(), state).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RaftRecoverTest, RefusesTermsThatFall) {
  RecoveredState state = Fresh({1});
  state.entries = {Command(2, 1), Command(1, 2)};
  EXPECT_EQ(Raft::Recover(kSelf, TestOptions(), state).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RaftRecoverTest, RefusesAnAppliedOrCommitIndexBeyondTheLog) {
  RecoveredState state = Fresh({1});
  state.entries = {Command(1, 1)};
  state.applied = Index{2};
  EXPECT_EQ(Raft::Recover(kSelf, TestOptions(), state).status().code(), absl::StatusCode::kInvalidArgument);
  state.applied = Index{1};
  EXPECT_TRUE(Raft::Recover(kSelf, TestOptions(), state).ok());
  state.hard_state.commit = Index{2};
  EXPECT_EQ(Raft::Recover(kSelf, TestOptions(), state).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RaftRecoverTest, RefusesAConfigurationThatDoesNotDecode) {
  RecoveredState state = Fresh({1});
  state.entries = {{{Term{1}, Index{1}}, EntryType::kConfig, {}, "\xff\xff"}};
  EXPECT_EQ(Raft::Recover(kSelf, TestOptions(), state).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RaftRecoverTest, GivesOutCommittedEntriesAfterTheAppliedOne) {
  RecoveredState state = Fresh({1, 2, 3});
  state.hard_state = {Term{1}, {}, Index{3}};
  state.entries = {Command(1, 1), Command(1, 2), Command(1, 3), Command(1, 4)};
  state.applied = Index{1};
  auto raft = Start(state);
  EXPECT_THAT(raft->TakeReady().committed, SizeIs(2));
  EXPECT_FALSE(raft->HasReady());
}

TEST(RaftRecoverTest, TakesTheTermOfALogThatWasDurableBeforeIt) {
  RecoveredState state = Fresh({1, 2, 3});
  state.hard_state = {Term{1}, ReplicaId{2}, {}};
  state.entries = {Command(4, 1)};
  auto raft = Start(state);
  EXPECT_EQ(raft->status().term, Term{4});
  EXPECT_TRUE(raft->status().vote.is_none());
  const Ready ready = raft->TakeReady();
  ASSERT_TRUE(ready.hard_state.has_value());
  EXPECT_EQ(ready.hard_state->term, Term{4});
}

TEST(RaftTest, IsQuietBetweenTimeOuts) {
  auto raft = Start(Fresh({1, 2, 3}));
  for (int i = 0; i < 9; ++i) raft->Tick();
  EXPECT_FALSE(raft->HasReady());
  raft->Tick();
  EXPECT_TRUE(raft->HasReady());
}

TEST(RaftTest, LearnersAndStrangersNeverCampaign) {
  RecoveredState state = Fresh({2, 3});
  state.start.config.learners = {kSelf};
  auto learner = Start(state);
  auto stranger = Start(Fresh({2, 3}));
  for (Raft* raft : {learner.get(), stranger.get()}) {
    for (int i = 0; i < 50; ++i) raft->Tick();
    raft->Campaign();
    raft->Step(From(ReplicaId{2}, MessageType::kTimeoutNow, 0));
    EXPECT_FALSE(raft->HasReady());
    EXPECT_EQ(raft->status().role, Role::kFollower);
  }
}

TEST(RaftTest, AReplicaThatIsNotElectableVotesAndFollowsButNeverStands) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->SetElectable(false);
  for (int i = 0; i < 50; ++i) raft->Tick();
  raft->Campaign();
  raft->Step(From(ReplicaId{2}, MessageType::kTimeoutNow, 0));
  EXPECT_FALSE(raft->HasReady());
  EXPECT_EQ(raft->status().role, Role::kFollower);
  raft->Step(From(ReplicaId{2}, MessageType::kVote, 5));
  EXPECT_EQ(raft->status().vote, ReplicaId{2});
  raft->SetElectable(true);
  for (int i = 0; i < 50; ++i) raft->Tick();
  EXPECT_EQ(raft->status().role, Role::kPreCandidate);
}

TEST(RaftTest, AProposalThatIsRefusedAppendsNothing) {
  auto follower = Start(Fresh({1, 2, 3}));
  EXPECT_EQ(follower->Propose("x", {}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(follower->status().last, OpId{});

  Options options = TestOptions();
  options.proposals_pending_max = 3;
  auto leader = LeaderOfThree(options);
  EXPECT_TRUE(leader->Propose("x", {}).ok());
  EXPECT_TRUE(leader->Propose("y", {}).ok());
  EXPECT_EQ(leader->Propose("z", {}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(leader->log(), SizeIs(3));
}

TEST(RaftTest, ReadsThatWaitAreBounded) {
  Options options = TestOptions();
  options.proposals_pending_max = 2;
  auto leader = LeaderOfThree(options);
  EXPECT_TRUE(leader->ReadIndex(1).ok());
  EXPECT_TRUE(leader->ReadIndex(2).ok());
  EXPECT_EQ(leader->ReadIndex(3).code(), absl::StatusCode::kResourceExhausted);
  leader->StepDown();
  EXPECT_THAT(leader->TakeReady().lost_reads, ::testing::ElementsAre(1, 2));
}

TEST(RaftTest, TheCommitHintAloneIsNotWorthASync) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1)}, 0));
  Process(*raft);
  raft->Step(AppendFrom(2, 1, {Term{1}, Index{1}}, {}, 1));
  const Ready ready = raft->TakeReady();
  EXPECT_FALSE(ready.must_sync);
  EXPECT_FALSE(ready.hard_state.has_value());
  EXPECT_THAT(ready.committed, SizeIs(1));
}

TEST(RaftTest, OneReportCoversAllEarlierReadies) {
  auto raft = SoleLeader();
  ASSERT_TRUE(raft->Propose("x", {}).ok());
  const Ready first = raft->TakeReady();
  ASSERT_TRUE(raft->Propose("y", {}).ok());
  const Ready second = raft->TakeReady();
  EXPECT_THAT(second.committed, IsEmpty());
  raft->Persisted(second.number);
  EXPECT_THAT(raft->TakeReady().committed, SizeIs(2));
  EXPECT_EQ(first.number + 1, second.number);
}

TEST(RaftTest, MalformedAppendsLeaveNoTrace) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1), Command(1, 3)}, 3));
  raft->Step(AppendFrom(2, 1, {}, {Command(2, 1)}, 1));  // an entry of a term that its leader has not reached
  raft->Step(AppendFrom(2, 1, {}, {{{Term{1}, Index{1}}, EntryType::kConfig, {}, "\xff"}}, 1));
  EXPECT_THAT(raft->log(), IsEmpty());
  EXPECT_EQ(raft->status().commit, Index{0});
}

TEST(RaftTest, MessagesForOthersAreDropped) {
  auto raft = Start(Fresh({1, 2, 3}));
  Message message = AppendFrom(2, 5, {}, {}, 0);
  message.to = ReplicaId{3};
  raft->Step(message);
  message = AppendFrom(1, 5, {}, {}, 0);  // from itself
  raft->Step(message);
  EXPECT_EQ(raft->status().term, Term{0});
}

TEST(RaftTest, RepliesOfStrangersDoNotDisturb) {
  auto leader = LeaderOfThree();
  leader->Step(From(ReplicaId{9}, MessageType::kAppendReply, 50));
  EXPECT_TRUE(leader->is_leader());
}

TEST(RaftTest, AStrangerMayLead) {
  // Replica 4 was added and elected, which this replica has not heard of yet.
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(4, 2, {}, {Command(1, 1), Command(2, 2)}, 1));
  EXPECT_EQ(raft->status().leader, ReplicaId{4});
  EXPECT_EQ(raft->status().last, (OpId{Term{2}, Index{2}}));
}

TEST(RaftTest, AnOldAppendTakesNothingBack) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1), Command(1, 2), Command(1, 3)}, 0));
  Process(*raft);
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1)}, 0));
  EXPECT_THAT(raft->log(), SizeIs(3));
  EXPECT_EQ(raft->status().persisted, Index{3});
}

TEST(RaftTest, ACommitIndexBeyondWhatIsKnownToAgreeIsNotBelieved) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1), Command(1, 2)}, 0));
  // The new leader has entry 1 in common with this log; entry 2 may be another one there.
  raft->Step(AppendFrom(3, 2, {Term{1}, Index{1}}, {}, 2));
  EXPECT_EQ(raft->status().commit, Index{1});
}

TEST(RaftTest, AVoteIsGivenOnceATerm) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(From(ReplicaId{2}, MessageType::kVote, 1));
  raft->Step(From(ReplicaId{3}, MessageType::kVote, 1));
  raft->Step(From(ReplicaId{2}, MessageType::kVote, 1));
  const Ready ready = raft->TakeReady();
  ASSERT_THAT(ready.messages_after_sync, SizeIs(3));
  EXPECT_TRUE(ready.must_sync);
  EXPECT_TRUE(ready.messages_after_sync[0].granted);
  EXPECT_FALSE(ready.messages_after_sync[1].granted);
  EXPECT_TRUE(ready.messages_after_sync[2].granted);  // the reply may have been lost
}

TEST(RaftTest, ALeaderIsDisturbedByNoVoteRequestWithoutTransfer) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {}, 0));
  Process(*raft);
  Message request = From(ReplicaId{3}, MessageType::kVote, 2);
  raft->Step(request);
  EXPECT_EQ(raft->status().term, Term{1});
  request.transfer = true;
  raft->Step(request);
  EXPECT_EQ(raft->status().term, Term{2});
  EXPECT_EQ(raft->status().vote, ReplicaId{3});
}

TEST(RaftTest, StepDownLeavesFollowersAlone) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->StepDown();
  EXPECT_FALSE(raft->HasReady());
}

TEST(RaftTest, PlantedBug31LeavesTheVoteOutOfTheHardState) {
  for (const bool planted : {false, true}) {
    Options options = TestOptions();
    options.bug_vote_not_persisted = planted;
    auto raft = Start(Fresh({1, 2, 3}), options);
    raft->Step(From(ReplicaId{2}, MessageType::kVote, 1));
    const Ready ready = raft->TakeReady();
    EXPECT_EQ(ready.hard_state.has_value(), !planted);
    EXPECT_TRUE(ready.messages_after_sync.at(0).granted);
    EXPECT_FALSE(raft->HasReady());
  }
}

TEST(RaftInstallTest, OnlyWhatLiesBeyondTheCommitIndexIsInstalled) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1), Command(1, 2)}, 2));
  Process(*raft);
  EXPECT_FALSE(raft->CanInstall({Term{1}, Index{2}}));
  EXPECT_FALSE(raft->Installed({{Term{1}, Index{2}}, Voters({1, 2, 3})}));
  EXPECT_THAT(raft->log(), SizeIs(2));
  EXPECT_TRUE(raft->CanInstall({Term{1}, Index{3}}));
}

TEST(RaftInstallTest, ATailThatAgreesStays) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1), Command(1, 2), Command(1, 3)}, 0));
  Process(*raft);
  ASSERT_TRUE(raft->Installed({{Term{1}, Index{2}}, Voters({1, 2, 3})}));
  EXPECT_THAT(raft->log(), ::testing::ElementsAre(Command(1, 3)));
  EXPECT_EQ(raft->status().persisted, Index{3});
  EXPECT_FALSE(raft->HasReady());
}

TEST(RaftInstallTest, ATailThatDisagreesGoesAlsoFromTheDisk) {
  auto raft = Start(Fresh({1, 2, 3}));
  raft->Step(AppendFrom(2, 1, {}, {Command(1, 1), Command(1, 2), Command(1, 3)}, 0));
  const Ready unsynced = raft->TakeReady();
  ASSERT_TRUE(raft->Installed({{Term{2}, Index{2}}, Voters({1, 2})}));
  EXPECT_EQ(raft->status().config, Voters({1, 2}));
  EXPECT_EQ(raft->status().term, Term{2});
  EXPECT_EQ(raft->TakeReady().truncate_from, Index{3});
  raft->Persisted(unsynced.number);  // the old entries' sync comes late
  EXPECT_EQ(raft->status().persisted, Index{2});
}

TEST(RaftLogTest, FindsTheLastIndexOfATerm) {
  const LogStart start{{Term{2}, Index{10}}, {}};
  const Log log(start, {Command(2, 11), Command(4, 12), Command(4, 13), Command(7, 14)});
  EXPECT_EQ(log.LastIndexOfTermAtMost(Index{99}, Term{9}), Index{14});
  EXPECT_EQ(log.LastIndexOfTermAtMost(Index{99}, Term{6}), Index{13});
  EXPECT_EQ(log.LastIndexOfTermAtMost(Index{12}, Term{6}), Index{12});
  EXPECT_EQ(log.LastIndexOfTermAtMost(Index{99}, Term{3}), Index{11});
  EXPECT_EQ(log.LastIndexOfTermAtMost(Index{10}, Term{3}), Index{10});
  EXPECT_EQ(log.LastIndexOfTermAtMost(Index{99}, Term{1}), std::nullopt);
  EXPECT_EQ(log.LastIndexOfTermAtMost(Index{9}, Term{9}), std::nullopt);
}

TEST(RaftLogTest, ConfigurationsFollowAppendTruncationAndCompaction) {
  const auto config_entry = [](uint64_t index, const Config& config) {
    return Entry{{Term{1}, Index{index}}, EntryType::kConfig, {}, EncodeConfig(config)};
  };
  Log log({{}, Voters({1})}, {});
  log.Append(config_entry(1, Voters({1, 2})));
  log.Append(Command(1, 2));
  log.Append(config_entry(3, Voters({1, 2, 3})));
  EXPECT_EQ(log.config(), Voters({1, 2, 3}));
  log.TruncateFrom(Index{3});
  EXPECT_EQ(log.config(), Voters({1, 2}));
  EXPECT_EQ(log.config_index(), Index{1});
  log.CompactTo(Index{2});
  EXPECT_EQ(log.start().config, Voters({1, 2}));
  EXPECT_EQ(log.config(), Voters({1, 2}));
}

TEST(RaftLogTest, OnlyWhatWasHandedOutIsTruncatedOnDisk) {
  Log log({}, {});
  log.Append(Command(1, 1));
  log.Append(Command(1, 2));
  EXPECT_THAT(log.TakeUnwritten(), SizeIs(2));
  log.Append(Command(1, 3));
  log.TruncateFrom(Index{3});
  EXPECT_EQ(log.TakeTruncation(), std::nullopt);
  log.TruncateFrom(Index{2});
  log.Append(Command(2, 2));
  EXPECT_EQ(log.TakeTruncation(), Index{2});
  EXPECT_THAT(log.TakeUnwritten(), ::testing::ElementsAre(Command(2, 2)));
  EXPECT_FALSE(log.HasUnwritten());
}

TEST(RaftProgressTest, StaleRefusalsAreNoNews) {
  Progress progress;
  progress.next = Index{10};
  EXPECT_TRUE(progress.IsNews(Index{9}));
  EXPECT_FALSE(progress.IsNews(Index{5}));  // of an earlier probe
  progress.Accepted(Index{9});
  ASSERT_EQ(progress.phase, Progress::Phase::kReplicate);
  EXPECT_FALSE(progress.IsNews(Index{9}));  // is known to agree
  EXPECT_FALSE(progress.IsNews(Index{10}));
  progress.next = Index{20};
  EXPECT_TRUE(progress.IsNews(Index{15}));
}

TEST(RaftProgressTest, AnswersOpenTheWindowInAnyOrder) {
  Progress progress;
  progress.next = Index{1};
  progress.Accepted(Index{0});
  progress.next = Index{4};
  progress.in_flight = {Index{1}, Index{2}, Index{3}};
  EXPECT_FALSE(progress.CanSend(Index{9}, 3));
  EXPECT_TRUE(progress.Accepted(Index{2}));
  EXPECT_THAT(progress.in_flight, ::testing::ElementsAre(Index{3}));
  EXPECT_FALSE(progress.Accepted(Index{1}));  // overtaken
  EXPECT_EQ(progress.match, Index{2});
  EXPECT_TRUE(progress.CanSend(Index{9}, 3));
  EXPECT_FALSE(progress.CanSend(Index{3}, 3));  // nothing to send
}

}  // namespace
}  // namespace sut::raft
