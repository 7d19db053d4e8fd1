// Replicas of a tablet come and go one change at a time, under ids that are never used twice, and the actions that are
// due follow from the catalogue alone.

#include "sut/master/replica_rules.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "sut/base/prng.h"
#include "sut/master/catalogue_commands.h"
#include "sut/master/next_actions.h"

namespace sut {
namespace {

using proto::ReplicaInfo;
using namespace commands;  // NOLINT: short names for what a test is made of

struct Nodes {
  uint32_t add = 0;
  uint32_t remove = 0;
};

proto::CatalogueCommand ChangeReplicas(Nodes nodes) {
  proto::CatalogueCommand command;
  command.mutable_change_replicas()->set_table(Bytes(Table(1)));
  command.mutable_change_replicas()->set_tablet(Bytes(Tablet(1, 0)));
  command.mutable_change_replicas()->set_add_node(nodes.add);
  command.mutable_change_replicas()->set_remove_node(nodes.remove);
  return command;
}

class ReplicaRulesTest : public testing::Test {
 protected:
  ReplicaRulesTest() {
    Apply(CreateTable(1, 1));
    Apply(TableRunning(1));
  }

  proto::Code Apply(const proto::CatalogueCommand& command) {
    const Transition transition = Decide(state_, command, BugSet{});
    ApplyTransition(transition, &state_);
    return transition.reply.code();
  }
  const proto::TabletInfo& tablet() const { return state_.tables.at(Table(1)).tablets(0); }
  // "1 2 3:learner", by node.
  std::string Shape() const {
    std::string out;
    for (const ReplicaInfo& replica : tablet().replicas()) {
      if (!out.empty()) out += " ";
      out += std::to_string(replica.node());
      if (replica.role() != ReplicaInfo::VOTER) out += ":" + ReplicaInfo::Role_Name(replica.role());
    }
    return out;
  }
  // The one action that is due is done. Its calls say "host 4", "add 4", "promote 4", "remove 1", "delete 1", by node.
  std::string Step() {
    const std::vector<Action> actions = NextActions(state_);
    if (actions.size() != 1) return std::to_string(actions.size()) + " actions";
    return Do(actions[0]);
  }
  std::string Do(const Action& action) {
    if (const auto* call = std::get_if<GroupCall>(&action)) {
      versions_.insert(call->version);
      Apply(DoneCommand(action, proto::OpId()));
      constexpr const char* kNames[] = {"add ", "promote ", "remove "};
      return kNames[call->kind] + std::to_string(call->node.value);
    }
    const auto& call = std::get<ReplicaCall>(action);
    Apply(HostingDoneCommand(call));
    return (call.kind == ReplicaCall::Kind::kHostJoining ? "host " : "delete ") + std::to_string(call.node.value);
  }

  CatalogueState state_;
  std::set<uint64_t> versions_;
};

TEST_F(ReplicaRulesTest, AReplacementAddsBeforeItRemoves) {
  EXPECT_EQ(Apply(ChangeReplicas({.add = 4, .remove = 1})), proto::OK);
  EXPECT_EQ(Shape(), "1:LEAVING 2 3 4:ADDING");
  EXPECT_EQ(Step(), "host 4");
  EXPECT_EQ(Step(), "add 4");
  EXPECT_EQ(Step(), "promote 4");
  EXPECT_EQ(Shape(), "1:LEAVING 2 3 4");
  EXPECT_EQ(Step(), "remove 1");
  EXPECT_EQ(Shape(), "1:REMOVED 2 3 4");
  EXPECT_EQ(Step(), "delete 1");
  EXPECT_EQ(Shape(), "2 3 4");
  EXPECT_TRUE(NextActions(state_).empty());
  EXPECT_EQ(versions_, (std::set<uint64_t>{1, 2, 3}));
}

TEST_F(ReplicaRulesTest, OnOneNodeTheOldReplicaGoesFirst) {
  EXPECT_EQ(Apply(ChangeReplicas({.add = 3, .remove = 3})), proto::OK);
  EXPECT_EQ(Step(), "remove 3");
  EXPECT_EQ(Step(), "delete 3");
  EXPECT_EQ(Step(), "host 3");
  EXPECT_EQ(Step(), "add 3");
  EXPECT_EQ(Step(), "promote 3");
  EXPECT_EQ(Shape(), "1 2 3");
  EXPECT_EQ(tablet().replicas(2).replica(), 4u);
}

TEST_F(ReplicaRulesTest, AnIdIsNeverUsedTwice) {
  std::set<uint64_t> ids = {1, 2, 3};
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(Apply(ChangeReplicas({.add = 4})), proto::OK);
    for (int i = 0; i < 3; ++i) Step();
    EXPECT_TRUE(ids.insert(tablet().replicas(3).replica()).second);
    ASSERT_EQ(Apply(ChangeReplicas({.remove = 4})), proto::OK);
    for (int i = 0; i < 2; ++i) Step();
    ASSERT_EQ(Shape(), "1 2 3");
  }
}

TEST_F(ReplicaRulesTest, OneChangeAtATimeButWhatIsNoVoterYetCanBeGivenUp) {
  ASSERT_EQ(Apply(ChangeReplicas({.add = 4, .remove = 1})), proto::OK);
  EXPECT_EQ(Apply(ChangeReplicas({.add = 5})), proto::CHANGE_RUNNING);
  EXPECT_EQ(Apply(ChangeReplicas({.remove = 2})), proto::CHANGE_RUNNING);
  EXPECT_EQ(Apply(ChangeReplicas({.remove = 1})), proto::NOT_FOUND);
  Step();
  const Action given_up = NextActions(state_)[0];
  ASSERT_EQ(Apply(ChangeReplicas({.add = 4, .remove = 4})), proto::OK);
  EXPECT_EQ(Shape(), "1:LEAVING 2 3 4:LEAVING 4:ADDING");
  Apply(DoneCommand(given_up, proto::OpId()));  // late
  EXPECT_EQ(Shape(), "1:LEAVING 2 3 4:LEAVING 4:ADDING");
  EXPECT_EQ(Step(), "remove 4");
  EXPECT_EQ(Step(), "delete 4");
  for (const char* step : {"host 4", "add 4", "promote 4", "remove 1", "delete 1"}) EXPECT_EQ(Step(), step);
  EXPECT_EQ(Shape(), "2 3 4");
}

// Two of a node in what a new replica is told of its group, and its node would refuse it for ever.
TEST_F(ReplicaRulesTest, WhatStillWaitsForItsNodeIsGivenUpWithoutATrace) {
  ASSERT_EQ(Apply(ChangeReplicas({.add = 3, .remove = 3})), proto::OK);
  ASSERT_EQ(Shape(), "1 2 3:LEAVING 3:ADDING");
  ASSERT_EQ(Apply(ChangeReplicas({.add = 4, .remove = 3})), proto::OK);
  EXPECT_EQ(Shape(), "1 2 3:LEAVING 4:ADDING");
  for (const char* step : {"host 4", "add 4", "promote 4", "remove 3", "delete 3"}) EXPECT_EQ(Step(), step);
  EXPECT_EQ(Shape(), "1 2 4");
  EXPECT_EQ(tablet().replicas(2).replica(), 5u);
}

TEST_F(ReplicaRulesTest, ANodeThatIsAwayHoldsUpOnlyItself) {
  ASSERT_EQ(Apply(ChangeReplicas({.add = 4, .remove = 1})), proto::OK);
  for (int i = 0; i < 4; ++i) Step();
  ASSERT_EQ(Shape(), "1:REMOVED 2 3 4");
  EXPECT_EQ(Apply(ChangeReplicas({.add = 5, .remove = 2})), proto::OK);
  EXPECT_EQ(NextActions(state_).size(), 2u);
  // One that is to come to the node waits for it.
  for (int i = 0; i < 4; ++i) {
    for (const Action& action : NextActions(state_)) {
      const auto* call = std::get_if<ReplicaCall>(&action);
      if (call == nullptr || call->node != NodeId{1}) Do(action);
    }
  }
  ASSERT_EQ(Apply(ChangeReplicas({.add = 1})), proto::OK);
  for (const Action& action : NextActions(state_)) {
    EXPECT_NE(std::get<ReplicaCall>(action).kind, ReplicaCall::Kind::kHostJoining);
  }
}

TEST_F(ReplicaRulesTest, BoundsAreKept) {
  EXPECT_EQ(Apply(ChangeReplicas({.add = 2})), proto::ALREADY_EXISTS);
  EXPECT_EQ(Apply(ChangeReplicas({.remove = 4})), proto::NOT_FOUND);
  for (const uint32_t node : {1u, 2u}) {
    ASSERT_EQ(Apply(ChangeReplicas({.remove = node})), proto::OK);
    while (!NextActions(state_).empty()) Step();
  }
  EXPECT_EQ(Apply(ChangeReplicas({.remove = 3})), proto::BAD_REQUEST);
  EXPECT_EQ(Apply(ChangeReplicas({.add = 3, .remove = 3})), proto::BAD_REQUEST);
  for (const uint32_t node : {1u, 2u, 4u, 5u}) {
    ASSERT_EQ(Apply(ChangeReplicas({.add = node})), proto::OK);
    while (!NextActions(state_).empty()) Step();
  }
  EXPECT_EQ(Apply(ChangeReplicas({.add = 6})), proto::BAD_REQUEST);
  EXPECT_EQ(Shape(), "3 1 2 4 5");
}

TEST_F(ReplicaRulesTest, ADroppedTableIsRemovedFromEveryNodeItEverMeantToBeOn) {
  ASSERT_EQ(Apply(ChangeReplicas({.add = 4, .remove = 1})), proto::OK);
  ASSERT_EQ(Apply(DropTable(1)), proto::OK);
  Apply(TabletClosed(1, 0));
  std::set<uint32_t> nodes;
  for (const Action& action : NextActions(state_)) {
    const auto& call = std::get<ReplicaCall>(action);
    EXPECT_EQ(call.kind, ReplicaCall::Kind::kRemove);
    nodes.insert(call.node.value);
  }
  EXPECT_EQ(nodes, (std::set<uint32_t>{1, 2, 3, 4}));
}

// A node that is lost meanwhile is replaced, so that the snapshot can still be exported and deleted.
TEST_F(ReplicaRulesTest, TheReplicasOfADroppedTableCanBeReplacedForAsLongAsASnapshotNeedsIt) {
  ASSERT_EQ(Apply(CreateSnapshot(1, {1})), proto::OK);
  Apply(SnapshotDone(1, Tablet(1, 0), proto::SnapshotInfo::CREATING));
  ASSERT_EQ(Apply(DropTable(1)), proto::OK);
  Apply(TabletClosed(1, 0));
  EXPECT_EQ(Apply(ChangeReplicas({.add = 4, .remove = 1})), proto::OK);
  while (!NextActions(state_).empty()) Step();
  EXPECT_EQ(Shape(), "2 3 4");
  ASSERT_EQ(Apply(DeleteSnapshot(1)), proto::OK);
  Apply(SnapshotDone(1, Tablet(1, 0), proto::SnapshotInfo::DELETING));
  EXPECT_EQ(Apply(ChangeReplicas({.add = 1, .remove = 4})), proto::NOT_FOUND);
}

// Whatever is asked in whatever order, and whatever is done late or twice: the group never falls below what a quorum of
// its founders needs, at most one change of it is due, and it all comes to an end.
TEST_F(ReplicaRulesTest, RandomChangesComeToRest) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    state_ = {};
    Apply(CreateTable(1, 1));
    Apply(TableRunning(1));
    std::vector<Action> late;
    uint64_t draws = 0;
    const auto below = [&](uint64_t bound) { return Below(Mix({seed, ++draws}), bound); };
    for (int step = 0; step < 60; ++step) {
      if (below(3) == 0) {
        Apply(ChangeReplicas({static_cast<uint32_t>(below(6)), static_cast<uint32_t>(below(6))}));
      } else if (const auto actions = NextActions(state_); !actions.empty()) {
        late.push_back(actions[below(actions.size())]);
        Do(late.back());
      }
      if (!late.empty() && below(2) == 0) Do(late[below(late.size())]);
      int voters = 0;
      std::set<uint64_t> ids;
      for (const ReplicaInfo& replica : tablet().replicas()) {
        voters += replica.role() == ReplicaInfo::VOTER || replica.role() == ReplicaInfo::LEAVING ? 1 : 0;
        ASSERT_TRUE(ids.insert(replica.replica()).second);
      }
      ASSERT_GE(voters, 1) << "seed " << seed;
      for (const Action& action : NextActions(state_)) {
        std::set<uint32_t> nodes;
        const proto::Request request = RequestFor(state_, action);
        for (const ReplicaInfo& told : request.create_replica().tablet().replicas()) {
          ASSERT_TRUE(nodes.insert(told.node()).second) << "seed " << seed << ": " << Shape();
        }
      }
      int due = 0;
      for (const Action& action : NextActions(state_)) due += std::holds_alternative<GroupCall>(action) ? 1 : 0;
      ASSERT_LE(due, 1) << "seed " << seed;
    }
    int rounds = 0;
    for (auto actions = NextActions(state_); !actions.empty() && rounds < 100;
         actions = NextActions(state_), ++rounds) {
      Do(actions[0]);
    }
    ASSERT_LT(rounds, 100) << "seed " << seed << ": " << Shape();
    for (const ReplicaInfo& replica : tablet().replicas()) ASSERT_EQ(replica.role(), ReplicaInfo::VOTER);
  }
}

}  // namespace
}  // namespace sut
