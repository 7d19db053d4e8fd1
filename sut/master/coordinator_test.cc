// The coordinator brings every begun operation to its end through lost, late and doubled replies and through changes of
// leader, publishes nothing before every tablet has said so, and rests when nothing is due.

#include "sut/master/coordinator.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sut/base/prng.h"
#include "sut/master/catalogue_commands.h"
#include "sut/master/fake_master_group.h"
#include "sut/master/manual_time.h"

namespace sut {
namespace {

using proto::SnapshotInfo;
using proto::TabletSnapshotOp;
using namespace commands;  // NOLINT: short names for what a test is made of

constexpr int64_t kInterval = 200'000;
constexpr int64_t kCallTimeout = 1'000'000;
constexpr int64_t kSnapshotTimeout = 20'000'000;

proto::Reply Ok(uint64_t op_index = 5) {
  proto::Reply reply;
  reply.mutable_op()->set_index(op_index);
  return reply;
}
proto::Reply Refused(proto::Code code, uint32_t leader_node = 0) {
  proto::Reply reply;
  reply.set_code(code);
  reply.set_leader_node(leader_node);
  return reply;
}

class CoordinatorTest : public ::testing::Test {
 protected:
  CoordinatorTest() {
    catalogue_.set_on_changed([this] { coordinator_.Wake(); });
    group_.Change(CreateTable(1, 2));
    group_.Change(TableRunning(1));
    time_.Advance(1);
  }
  SnapshotInfo::State StateOf(uint64_t n) { return catalogue_.state().snapshots.at(Snapshot(n)).state(); }
  void MakeComplete(uint64_t n) {
    group_.Change(CreateSnapshot(n, {1}));
    for (uint64_t i = 0; i < 2; ++i) group_.Change(SnapshotDone(n, Tablet(1, i), SnapshotInfo::CREATING));
    time_.Advance(1);
  }
  // The tablets called in `sent`, each with this kind of operation.
  static std::multiset<std::string> Tablets(const std::vector<FakeSender::Sent>& sent, TabletSnapshotOp::Kind kind) {
    std::multiset<std::string> tablets;
    for (const auto& call : sent) {
      EXPECT_EQ(call.request.snapshot().kind(), kind);
      EXPECT_FALSE(call.request.has_id());
      tablets.insert(call.request.tablet());
    }
    return tablets;
  }
  static std::multiset<std::string> BothTablets() { return {Bytes(Tablet(1, 0)), Bytes(Tablet(1, 1))}; }

  ManualTime time_;
  Catalogue catalogue_{BugSet{}};
  FakeMasterGroup group_{&catalogue_};
  FakeSender sender_;
  CountingProbes probes_;
  Coordinator coordinator_{Coordinator::Options{.reconcile_interval_us = kInterval,
                                                .tablet_call_timeout_us = kCallTimeout,
                                                .snapshot_timeout_us = kSnapshotTimeout,
                                                .calls_in_flight_max = 64,
                                                .bugs = {}},
                           Coordinator::World{.group = &group_,
                                              .catalogue = &catalogue_,
                                              .clock = &time_,
                                              .timers = &time_,
                                              .sender = &sender_,
                                              .probes = &probes_}};
};

TEST_F(CoordinatorTest, NextActionsAskOnlyForWhatIsNotDone) {
  CatalogueState state = catalogue_.state();
  EXPECT_TRUE(NextActions(state).empty());
  ApplyTransition(Decide(state, CreateSnapshot(1, {1}), BugSet{}), &state);
  EXPECT_EQ(NextActions(state).size(), 2u);
  ApplyTransition(Decide(state, SnapshotDone(1, Tablet(1, 0), SnapshotInfo::CREATING), BugSet{}), &state);
  const std::vector<Action> expected = {
      TabletCall{.kind = TabletSnapshotOp::CREATE, .snapshot = Snapshot(1), .restoration = {}, .tablet = Tablet(1, 1)}};
  EXPECT_EQ(NextActions(state), expected);
}

TEST_F(CoordinatorTest, ACreateCallsEveryTabletOnceAndCompletesWhenAllHaveAnswered) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  const auto calls = sender_.Take();
  EXPECT_EQ(Tablets(calls, TabletSnapshotOp::CREATE), BothTablets());
  time_.Advance(kInterval * 2);
  EXPECT_TRUE(sender_.sent.empty());  // at most one in flight for each

  calls[0].on_reply(Ok(41));
  group_.CommitAll();
  EXPECT_EQ(StateOf(1), SnapshotInfo::CREATING);
  calls[1].on_reply(Ok(42));
  group_.CommitAll();
  EXPECT_EQ(StateOf(1), SnapshotInfo::COMPLETE);
  EXPECT_EQ(catalogue_.state().snapshots.at(Snapshot(1)).tablets(0).op().index(), 41u);
  EXPECT_EQ(probes_.begun, 1);
  EXPECT_EQ(probes_.called, 2);
  EXPECT_EQ(probes_.replies, 2);
}

TEST_F(CoordinatorTest, RestsWhenNothingIsDue) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  for (const auto& call : sender_.Take()) call.on_reply(Ok());
  group_.CommitAll();
  time_.Advance(kCallTimeout * 2);
  EXPECT_EQ(coordinator_.pending_count(), 0u);
  EXPECT_EQ(time_.armed(), 0u);
  const size_t fired = time_.fired();
  time_.Advance(kSnapshotTimeout * 100);
  EXPECT_EQ(time_.fired(), fired);
  EXPECT_TRUE(sender_.sent.empty());
}

TEST_F(CoordinatorTest, ALostCallIsMadeAgainAtAnotherReplicaAndOnlyThat) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  const auto first = sender_.Take();
  first[0].on_reply(Ok());
  group_.CommitAll();
  time_.Advance(kCallTimeout - kInterval);
  EXPECT_TRUE(sender_.sent.empty());
  time_.Advance(kInterval * 2);
  const auto again = sender_.Take();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].request.tablet(), first[1].request.tablet());
  EXPECT_NE(again[0].to, first[1].to);
  EXPECT_NE(again[0].identity.hash, first[1].identity.hash);
}

TEST_F(CoordinatorTest, ALateOrDoubledReplyOfAnEarlierAttemptCountsOnce) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  const auto first = sender_.Take();
  time_.Advance(kCallTimeout + kInterval);
  const auto second = sender_.Take();
  ASSERT_EQ(second.size(), 2u);
  first[0].on_reply(Ok());
  first[0].on_reply(Ok());
  for (const auto& call : second) call.on_reply(Ok());
  EXPECT_EQ(group_.proposed(), 2u);  // one for each tablet
  group_.CommitAll();
  EXPECT_EQ(StateOf(1), SnapshotInfo::COMPLETE);
  time_.Advance(1);
  for (const auto& call : second) call.on_reply(Ok());
  EXPECT_EQ(group_.proposed(), 0u);
}

TEST_F(CoordinatorTest, ALateRefusalDoesNotDisturbTheAttemptInFlight) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  const auto first = sender_.Take();
  time_.Advance(kCallTimeout + kInterval);
  sender_.Take();
  first[0].on_reply(Refused(proto::NOT_LEADER, 3));
  first[0].on_reply(Refused(proto::UNAVAILABLE));
  time_.Advance(kInterval);
  EXPECT_TRUE(sender_.sent.empty());
}

TEST_F(CoordinatorTest, AHintIsFollowedAtOnceAndRemembered) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  const auto first = sender_.Take();
  first[0].on_reply(Refused(proto::NOT_LEADER, 3));
  auto redirected = sender_.Take();
  ASSERT_EQ(redirected.size(), 1u);
  EXPECT_EQ(redirected[0].to, NodeId{3});
  redirected[0].on_reply(Refused(proto::NOT_LEADER, 2));  // they disagree: no ping-pong, but with the next pass
  EXPECT_TRUE(sender_.sent.empty());
  time_.Advance(kInterval);
  redirected = sender_.Take();
  ASSERT_EQ(redirected.size(), 1u);
  EXPECT_EQ(redirected[0].to, NodeId{2});
  redirected[0].on_reply(Ok());
  first[1].on_reply(Ok());
  group_.CommitAll();

  group_.Change(CreateSnapshot(2, {1}));
  time_.Advance(1);
  for (const auto& call : sender_.Take()) {
    if (call.request.tablet() != first[0].request.tablet()) continue;
    EXPECT_EQ(call.to, NodeId{2});
  }
}

TEST_F(CoordinatorTest, WithoutAHintTheReplicasAreAskedInTurn) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  std::set<NodeId> asked;
  for (int i = 0; i < 3; ++i) {
    for (const auto& call : sender_.Take()) {
      if (call.request.tablet() == Bytes(Tablet(1, 0))) asked.insert(call.to);
      call.on_reply(Refused(proto::UNAVAILABLE));
    }
    time_.Advance(kInterval);
  }
  EXPECT_EQ(asked, (std::set<NodeId>{NodeId{1}, NodeId{2}, NodeId{3}}));
}

TEST_F(CoordinatorTest, AFollowerCallsNobodyAndTakesOverByItself) {
  group_.Follow(1);
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(kCallTimeout * 3);
  EXPECT_TRUE(sender_.sent.empty());
  EXPECT_EQ(probes_.begun, 0);
  group_.Lead(2);
  time_.Advance(kInterval);
  EXPECT_EQ(Tablets(sender_.Take(), TabletSnapshotOp::CREATE), BothTablets());
}

TEST_F(CoordinatorTest, ANewTermForgetsWhatWasInFlightAndIgnoresItsReplies) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  const auto old_calls = sender_.Take();
  old_calls[0].on_reply(Ok());
  EXPECT_EQ(group_.proposed(), 1u);
  group_.Follow(2);  // the proposal is lost with the leadership
  old_calls[1].on_reply(Ok());
  EXPECT_EQ(group_.proposed(), 0u);

  group_.Lead(3);
  coordinator_.Wake();
  time_.Advance(1);
  const auto calls = sender_.Take();
  EXPECT_EQ(Tablets(calls, TabletSnapshotOp::CREATE), BothTablets());  // also the one that was answered
  old_calls[1].on_reply(Ok());
  EXPECT_EQ(group_.proposed(), 0u);
  for (const auto& call : calls) call.on_reply(Ok());
  group_.CommitAll();
  EXPECT_EQ(StateOf(1), SnapshotInfo::COMPLETE);
}

TEST_F(CoordinatorTest, ALostProposalIsMadeGoodByAnotherCall) {
  for (const proto::Code code : {proto::UNAVAILABLE, proto::INDETERMINATE}) {
    group_.Change(CreateSnapshot(code, {1}));
    time_.Advance(1);
    for (const auto& call : sender_.Take()) call.on_reply(Ok());
    group_.LoseAll(code);
    time_.Advance(kInterval);
    for (const auto& call : sender_.Take()) call.on_reply(Ok());
    group_.CommitAll();
    EXPECT_EQ(StateOf(code), SnapshotInfo::COMPLETE);
  }
}

TEST_F(CoordinatorTest, AnOverdueSnapshotIsFailedOnlyWhenEveryTabletHasAborted) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(1);
  sender_.Take()[0].on_reply(Ok());  // the other tablet never answers
  group_.CommitAll();
  time_.Advance(kSnapshotTimeout - kInterval);
  EXPECT_EQ(group_.proposed(), 0u);
  time_.Advance(kInterval * 2);
  ASSERT_EQ(group_.proposed(), 1u);
  EXPECT_TRUE(group_.proposal(0).catalogue().has_fail_snapshot());
  sender_.Take();
  group_.CommitAll();
  EXPECT_EQ(StateOf(1), SnapshotInfo::FAILING);

  time_.Advance(1);
  const auto aborts = sender_.Take();
  EXPECT_EQ(Tablets(aborts, TabletSnapshotOp::ABORT_CREATE), BothTablets());
  aborts[0].on_reply(Ok());
  group_.CommitAll();
  time_.Advance(kSnapshotTimeout * 2);
  EXPECT_EQ(StateOf(1), SnapshotInfo::FAILING);
  aborts[1].on_reply(Ok());
  group_.CommitAll();
  EXPECT_EQ(StateOf(1), SnapshotInfo::FAILED);
}

TEST_F(CoordinatorTest, TheTimeToCompleteBeginsAnewUnderANewLeader) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(kSnapshotTimeout - kInterval);
  group_.Follow(2);
  group_.Lead(3);
  time_.Advance(kSnapshotTimeout - kInterval);
  EXPECT_EQ(group_.proposed(), 0u);
  time_.Advance(kInterval * 3);
  EXPECT_EQ(group_.proposed(), 1u);
}

TEST_F(CoordinatorTest, ALostFailProposalIsRepeatedAtABoundedPace) {
  group_.Change(CreateSnapshot(1, {1}));
  time_.Advance(kSnapshotTimeout + kInterval);
  EXPECT_EQ(group_.proposed(), 1u);
  time_.Advance(kCallTimeout / 2);
  EXPECT_EQ(group_.proposed(), 1u);
  group_.LoseAll(proto::UNAVAILABLE);
  time_.Advance(kCallTimeout);
  EXPECT_EQ(group_.proposed(), 1u);
}

TEST_F(CoordinatorTest, RestoreAndDropGoToEveryTablet) {
  MakeComplete(1);
  group_.Change(Restore(1, 1));
  time_.Advance(1);
  auto calls = sender_.Take();
  EXPECT_EQ(Tablets(calls, TabletSnapshotOp::RESTORE), BothTablets());
  for (const auto& call : calls) {
    EXPECT_EQ(call.request.snapshot().snapshot(), Bytes(Snapshot(1)));
    EXPECT_EQ(call.request.snapshot().restoration(), Bytes(Restoration(1)));
    call.on_reply(Ok(77));
  }
  group_.CommitAll();
  const auto& restoration = catalogue_.state().restorations.at(Restoration(1));
  EXPECT_EQ(restoration.state(), proto::RestorationInfo::RESTORED);
  EXPECT_EQ(restoration.tablets(0).op().index(), 77u);

  group_.Change(DeleteSnapshot(1));
  time_.Advance(1);
  calls = sender_.Take();
  EXPECT_EQ(Tablets(calls, TabletSnapshotOp::DROP), BothTablets());
  for (const auto& call : calls) call.on_reply(Ok());
  group_.CommitAll();
  EXPECT_EQ(StateOf(1), SnapshotInfo::DELETED);
}

TEST_F(CoordinatorTest, ATabletThatCannotIsAskedAgainAtABoundedPace) {
  MakeComplete(1);
  group_.Change(Restore(1, 1));
  time_.Advance(1);
  for (const auto& call : sender_.Take()) call.on_reply(Refused(proto::NOT_FOUND));
  time_.Advance(kCallTimeout - kInterval);
  EXPECT_TRUE(sender_.sent.empty());
  time_.Advance(kInterval * 2);
  EXPECT_EQ(Tablets(sender_.Take(), TabletSnapshotOp::RESTORE), BothTablets());
}

TEST_F(CoordinatorTest, ATableRunsWhenEveryReplicaIsHosted) {
  group_.Change(CreateTable(2, 2));
  time_.Advance(1);
  const auto calls = sender_.Take();
  ASSERT_EQ(calls.size(), 6u);
  for (const auto& call : calls) {
    EXPECT_EQ(call.request.create_replica().replica(), call.to.value);
    EXPECT_EQ(call.request.create_replica().tablet().id(), call.request.tablet());
    EXPECT_EQ(call.request.create_replica().tablet().replicas_size(), 3);
  }
  for (size_t i = 0; i < 5; ++i) calls[i].on_reply(Ok());
  EXPECT_EQ(group_.proposed(), 0u);
  time_.Advance(kCallTimeout + kInterval);
  const auto again = sender_.Take();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].to, calls[5].to);
  again[0].on_reply(Ok());
  group_.LoseAll(proto::INDETERMINATE);
  time_.Advance(kInterval);
  for (const auto& call : sender_.Take()) call.on_reply(Ok());
  group_.CommitAll();
  EXPECT_EQ(catalogue_.state().tables.at(Table(2)).state(), proto::TableInfo::RUNNING);
}

TEST_F(CoordinatorTest, ADroppedTableIsClosedThenRemovedFromEveryNode) {
  group_.Change(DropTable(1));
  time_.Advance(1);
  const auto closes = sender_.Take();
  ASSERT_EQ(closes.size(), 2u);
  for (const auto& call : closes) {
    EXPECT_TRUE(call.request.has_close_tablet());
    call.on_reply(Ok());
  }
  group_.CommitAll();
  time_.Advance(1);
  const auto removals = sender_.Take();
  ASSERT_EQ(removals.size(), 6u);
  for (const auto& call : removals) {
    EXPECT_EQ(call.request.delete_replica().replica(), call.to.value);
    EXPECT_EQ(call.request.delete_replica().table(), Bytes(Table(1)));
  }
  // A node that is down is asked for as long as it takes, also by the next leader, who asks all.
  for (size_t i = 0; i < 5; ++i) removals[i].on_reply(Ok());
  EXPECT_EQ(group_.proposed(), 0u);
  time_.Advance(kCallTimeout + kInterval);
  EXPECT_EQ(sender_.Take().size(), 1u);
  group_.Follow(2);
  group_.Lead(3);
  time_.Advance(kInterval);
  const auto again = sender_.Take();
  ASSERT_EQ(again.size(), 6u);
  for (const auto& call : again) call.on_reply(Ok());
  group_.CommitAll();
  EXPECT_TRUE(catalogue_.state().tables.empty());
  time_.Advance(kInterval);
  EXPECT_EQ(coordinator_.pending_count(), 0u);
}

TEST_F(CoordinatorTest, ATableDroppedBeforeItRanIsStillHostedUntilItIsClosed) {
  group_.Change(CreateTable(2, 1));
  group_.Change(DropTable(2));
  time_.Advance(1);
  int hosts = 0, closes = 0;
  for (const auto& call : sender_.Take()) {
    hosts += call.request.has_create_replica();
    closes += call.request.has_close_tablet();
  }
  EXPECT_EQ(hosts, 3);
  EXPECT_EQ(closes, 1);
}

TEST_F(CoordinatorTest, CallsInFlightAreBoundedAndNoneIsLeftOutForEver) {
  group_.Change(CreateTable(3, 100));
  group_.Change(TableRunning(3));
  group_.Change(CreateSnapshot(1, {3}));
  std::set<std::string> called;
  time_.Advance(1);
  EXPECT_EQ(sender_.sent.size(), 64u);
  for (int i = 0; i < 12; ++i) {  // nobody answers
    const auto calls = sender_.Take();
    EXPECT_LE(calls.size(), 64u);
    for (const auto& call : calls) called.insert(call.request.tablet());
    time_.Advance(kInterval);
  }
  EXPECT_EQ(called.size(), 100u);
}

// A world in which replies are lost, doubled and late, proposals are lost and leaders change: all that begins must end.
TEST_F(CoordinatorTest, EverythingBegunEndsThroughAnyTroubleThatEnds) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Prng prng(seed);
    uint64_t term = group_.term().value;
    const uint64_t base = seed * 10;
    std::vector<FakeSender::Sent> delayed;
    for (int step = 0; step < 400; ++step) {
      const bool calm = step > 200;
      if (step % 40 == 0 && !calm) group_.Change(CreateSnapshot(base + step / 40, {1}));
      if (step % 40 == 20 && !calm) group_.Change(Restore(base + step / 40, base + step / 40));
      if (!calm && prng.OneIn(25)) {
        group_.Follow(++term);
        group_.Lead(++term);
      }
      for (auto& call : sender_.Take()) {
        if (calm || !prng.OneIn(3)) delayed.push_back(std::move(call));
      }
      for (size_t i = 0; i < delayed.size();) {
        if (!calm && prng.OneIn(2)) {
          ++i;
          continue;
        }
        const auto call = delayed[i];
        if (calm || !prng.OneIn(4)) {
          delayed.erase(delayed.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
          ++i;  // it comes again
        }
        call.on_reply(calm || prng.OneIn(2) ? Ok() : Refused(proto::NOT_LEADER, 1 + prng.NextBelow(3)));
      }
      if (!calm && prng.OneIn(4)) group_.LoseAll(proto::INDETERMINATE);
      group_.CommitAll();
      time_.Advance(kInterval);
    }
    EXPECT_EQ(coordinator_.pending_count(), 0u) << "seed " << seed;
    for (const auto& [id, snapshot] : catalogue_.state().snapshots) {
      EXPECT_TRUE(snapshot.state() == SnapshotInfo::COMPLETE || snapshot.state() == SnapshotInfo::FAILED);
    }
    for (const auto& [id, restoration] : catalogue_.state().restorations) {
      EXPECT_EQ(restoration.state(), proto::RestorationInfo::RESTORED);
    }
    EXPECT_EQ(time_.armed(), 0u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sut
