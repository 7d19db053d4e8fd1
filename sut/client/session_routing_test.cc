// Whom a session asks: it follows hints, asks in turn without them, gives a slow network more time, and gives a scan
// only the rows of one pin.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "sut/client/session_fixture.h"

namespace sut {
namespace {

TEST_F(SessionTest, AHintIsFollowedAtOnceAndThenRemembered) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::NOT_LEADER, 3);
  const auto second = transport_.TakeOne();
  EXPECT_EQ(second.to, NodeId{3});
  Answer(second, proto::OK);
  Start(Get());
  EXPECT_EQ(transport_.TakeOne().to, NodeId{3});
}

TEST_F(SessionTest, TwoNodesThatNameEachOtherAreNotAskedWithoutAPause) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::NOT_LEADER, 2);
  Answer(transport_.TakeOne(), proto::NOT_LEADER, 1);
  EXPECT_TRUE(transport_.sent.empty());
  time_.Advance(kPause);
  EXPECT_EQ(transport_.TakeOne().to, NodeId{1});
}

TEST_F(SessionTest, WithoutAHintTheReplicasAreAskedInTurn) {
  Start(Put());
  std::vector<NodeId> asked;
  for (int i = 0; i < 4; ++i) {
    const auto sent = transport_.TakeOne();
    asked.push_back(sent.to);
    Answer(sent, proto::NOT_LEADER);
    time_.Advance(kPause);
  }
  EXPECT_EQ(asked, (std::vector<NodeId>{NodeId{1}, NodeId{2}, NodeId{3}, NodeId{1}}));
}

// Of the replicas that the caller knew none is left to say that the table was dropped.
TEST_F(SessionTest, ATabletThatHasMovedAndThatTheMasterDoesNotListIsGone) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::NOT_HOSTED);
  const auto asked = transport_.TakeOne();
  ASSERT_TRUE(asked.request.has_list_tables());
  proto::Reply listed;
  proto::TableInfo* table = listed.mutable_tables()->add_tables();
  table->add_tablets()->set_id(Bytes(TabletId{5, 6}));
  Answer(asked, listed);
  // The attempt was refused for good only where messages come at most once.
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
  EXPECT_EQ(results_[0].reply.code(), proto::TABLET_GONE);
}

TEST_F(SessionTest, ATabletThatTheMasterListsElsewhereIsAskedThere) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::NOT_HOSTED);
  proto::Reply listed;
  proto::TabletInfo* tablet = listed.mutable_tables()->add_tables()->add_tablets();
  tablet->set_id(Bytes(kTablet));
  tablet->add_replicas()->set_node(9);
  Answer(transport_.TakeOne(), listed);
  EXPECT_TRUE(results_.empty());
  time_.Advance(kPause);
  EXPECT_EQ(transport_.TakeOne().to, NodeId{9});
}

TEST_F(SessionTest, ALeaderThatDoesNotAnswerIsForgotten) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::OK);
  Start(Put());
  EXPECT_EQ(transport_.TakeOne().to, NodeId{1});
  time_.Advance(kAttempt);
  EXPECT_EQ(transport_.TakeOne().to, NodeId{2});
}

TEST_F(SessionTest, MaintenanceGoesToItsNodeAndTellsNothingAboutTheLeader) {
  proto::Request flush;
  flush.mutable_maintenance();
  session_->Call(CallTarget{kTablet, {NodeId{3}}}, flush, time_.NowUs() + kAttempt, nullptr);
  const auto sent = transport_.TakeOne();
  EXPECT_EQ(sent.to, NodeId{3});
  Answer(sent, proto::OK);
  Start(Put());
  EXPECT_EQ(transport_.TakeOne().to, NodeId{1});
}

TEST_F(SessionTest, AScanGathersItsPagesFromTheReplicaThatHoldsThePin) {
  Start(Scan());
  const auto first = transport_.TakeOne();
  EXPECT_EQ(first.request.scan().pin(), 0u);
  AnswerPage(first, "a", 5, 30);
  const auto second = transport_.TakeOne();
  EXPECT_EQ(second.to, first.to);
  EXPECT_EQ(second.request.scan().pin(), 5u);
  EXPECT_EQ(second.request.scan().after_hash_key(), "after-a");
  AnswerPage(first, "a", 5, 30);  // a duplicate
  EXPECT_TRUE(transport_.sent.empty());
  AnswerPage(second, "b", 0, 99);
  EXPECT_EQ(OnlyOutcome(), Outcome::kOk);
  ASSERT_EQ(results_[0].rows.size(), 2u);
  EXPECT_EQ(results_[0].rows[0].key(), "a");
  EXPECT_EQ(results_[0].rows[1].key(), "b");
  EXPECT_EQ(results_[0].reply.op().index(), 30u);  // where it reads, not where it ended
}

TEST_F(SessionTest, AScanWhosePinIsGoneStartsAgainWithNothingKept) {
  for (const proto::Code code : {proto::SCAN_EXPIRED, proto::NOT_LEADER, proto::UNAVAILABLE}) {
    results_.clear();
    Start(Scan());
    AnswerPage(transport_.TakeOne(), "old", 5, 30);
    Answer(transport_.TakeOne(), code);
    time_.Advance(kPause);
    const auto restarted = transport_.TakeOne();
    EXPECT_EQ(restarted.request.scan().pin(), 0u);
    EXPECT_EQ(restarted.request.scan().after_hash_key(), "");
    AnswerPage(restarted, "new", 0, 40);
    EXPECT_EQ(OnlyOutcome(), Outcome::kOk);
    ASSERT_EQ(results_[0].rows.size(), 1u);
    EXPECT_EQ(results_[0].rows[0].key(), "new");
    EXPECT_EQ(results_[0].reply.op().index(), 40u);
  }
}

TEST_F(SessionTest, ALostPageIsAskedForAgainAndALateOneOfBeforeIsNotTaken) {
  Start(Scan(), 100 * kAttempt);
  AnswerPage(transport_.TakeOne(), "a", 5, 30);
  const auto lost = transport_.TakeOne();
  time_.Advance(kAttempt);
  const auto again = transport_.TakeOne();
  EXPECT_EQ(again.to, lost.to);
  EXPECT_EQ(again.request.scan().pin(), 5u);
  AnswerPage(lost, "b", 0, 30);
  EXPECT_TRUE(results_.empty());
  for (int i = 1; i <= 3; ++i) time_.Advance(kAttempt << i);  // each time-out doubles the next
  const auto attempts = transport_.Take();
  EXPECT_EQ(attempts.back().request.scan().pin(), 0u);  // the replica is given up, and with it its pin
  EXPECT_NE(attempts.back().to, lost.to);
}

TEST_F(SessionTest, EachTimeOutDoublesTheNextSoThatASlowNetworkIsNotAskedInVainForEver) {
  Start(Put(), 100 * kAttempt);
  transport_.TakeOne();
  time_.Advance(kAttempt);
  transport_.TakeOne();
  time_.Advance(kAttempt);
  EXPECT_TRUE(transport_.Take().empty());
  time_.Advance(kAttempt);
  EXPECT_EQ(transport_.Take().size(), 1u);
}

}  // namespace
}  // namespace sut
