// A tablet's leader changes its group once for each version, refuses what comes too late, makes nobody a voter that
// holds nothing, and is not disturbed by who has left.

#include <gtest/gtest.h>

#include <string>

#include "sut/tablet/test_group.h"

namespace sut {
namespace {

struct Change {
  proto::ChangeGroup::Kind kind = proto::ChangeGroup::ADD_LEARNER;
  uint64_t replica = 0;
  uint64_t version = 0;
};

// Where the new replica is, nothing answers.
constexpr uint32_t kElsewhere = 9;

proto::Request ChangeGroup(const Change& change) {
  proto::Request request;
  request.mutable_change_group()->set_kind(change.kind);
  request.mutable_change_group()->set_replica(change.replica);
  request.mutable_change_group()->set_node(change.replica <= kTestNodes ? static_cast<uint32_t>(change.replica)
                                                                        : kElsewhere);
  request.mutable_change_group()->set_version(change.version);
  return request;
}

class ReplicaMembershipTest : public testing::Test {
 protected:
  ReplicaMembershipTest() { group_.WaitForLeader(); }
  const raft::Config& config() { return group_.replica(group_.WaitForLeader()).raft().status().config; }
  Index last() { return group_.replica(group_.WaitForLeader()).raft().status().last.index; }

  TestGroup group_;
};

TEST_F(ReplicaMembershipTest, AChangeIsMadeOnceAndACopyOfAnEarlierOneComesTooLate) {
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::ADD_LEARNER, 7, 1})).code(), proto::OK);
  EXPECT_EQ(config().learners, std::vector<ReplicaId>{ReplicaId{7}});
  EXPECT_EQ(config().addresses.back(), (raft::Address{ReplicaId{7}, NodeId{kElsewhere}}));
  const Index end = last();
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::ADD_LEARNER, 7, 1})).code(), proto::OK);
  EXPECT_EQ(last(), end) << "it was made already";
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::REMOVE, 7, 2})).code(), proto::OK);
  EXPECT_TRUE(config().learners.empty());
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::ADD_LEARNER, 7, 1})).code(), proto::BAD_REQUEST);
  EXPECT_TRUE(config().learners.empty());
}

TEST_F(ReplicaMembershipTest, WhatIsGivenUpBeforeItCameLeavesOnlyItsVersion) {
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::REMOVE, 7, 4})).code(), proto::OK);
  EXPECT_EQ(config().version, 4u);
  EXPECT_EQ(config().voters.size(), 3u);
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::ADD_LEARNER, 7, 3})).code(), proto::BAD_REQUEST);
}

TEST_F(ReplicaMembershipTest, ALearnerThatHoldsNothingIsNotMadeAVoter) {
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::ADD_LEARNER, 7, 1})).code(), proto::OK);
  group_.RunFor(3'000'000);
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::PROMOTE, 7, 2})).code(), proto::NOT_CAUGHT_UP);
  EXPECT_EQ(config().version, 1u);
}

TEST_F(ReplicaMembershipTest, AFollowerThatHasLeftNeitherVotesNorDisturbs) {
  const int gone = group_.AnyFollower();
  const int leader = group_.WaitForLeader();
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::REMOVE, static_cast<uint64_t>(gone), 1})).code(), proto::OK);
  const Term term = group_.replica(leader).term();
  group_.RunFor(30'000'000);
  EXPECT_EQ(group_.replica(leader).term(), term);
  // It counts for nothing: of the two that are left, both are needed.
  const int other = 6 - leader - gone;
  group_.Kill(other);
  group_.RunFor(5'000'000);
  EXPECT_EQ(group_.leader(), 0);
  ASSERT_TRUE(group_.Start(other).ok());
  EXPECT_NE(group_.WaitForLeader(), gone);
}

TEST_F(ReplicaMembershipTest, ALeaderThatLeavesHandsOverAndTheChangeOutlivesRestarts) {
  const int gone = group_.WaitForLeader();
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::REMOVE, static_cast<uint64_t>(gone), 1})).code(), proto::OK);
  ASSERT_TRUE(group_.RunUntil([&] { return group_.leader() != 0 && group_.leader() != gone; }));
  group_.Call(PutRequest(1, 1, "k", "v"));
  for (int node = 1; node <= kTestNodes; ++node) ASSERT_TRUE(group_.Start(node).ok());
  const int leader = group_.WaitForLeader();
  EXPECT_NE(leader, gone);
  EXPECT_EQ(config().version, 1u);
  EXPECT_EQ(config().voters.size(), 2u);
  EXPECT_EQ(config().addresses.size(), 2u);
  EXPECT_EQ(Get(group_, "k"), "v");
}

TEST_F(ReplicaMembershipTest, NonsenseIsRefused) {
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::REMOVE, 0, 1})).code(), proto::BAD_REQUEST);
  EXPECT_EQ(group_.Call(ChangeGroup({proto::ChangeGroup::REMOVE, 1, 0})).code(), proto::BAD_REQUEST);
}

}  // namespace
}  // namespace sut
