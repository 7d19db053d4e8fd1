// Installs under loss, duplication, deaths at each step and a change of leader in the midst. Property: the follower
// ends with exactly what the others have, its set of snapshots included, and requests stay applied once.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/prng.h"
#include "sut/storage/checkpoint.h"
#include "sut/tablet/incoming_files.h"
#include "sut/tablet/test_group.h"

namespace sut {
namespace {

using testing::IsEmpty;
using Op = proto::TabletSnapshotOp;

// A group in which one follower has missed so much that the log does not serve it any more: a snapshot that it has was
// dropped, one that it lacks was made, and rows were changed.
class InstallTest : public testing::Test {
 protected:
  static NodeOptions Options() {
    NodeOptions options;
    options.log_retention_entries = 1;
    options.flush_after_entries = 4;
    options.install_chunk_bytes = 700;
    return options;
  }
  InstallTest() : group_(Options()) {
    lagging_ = group_.AnyFollower();
    group_.Call(PutRequest(1, 1, "a", "old"));
    group_.Call(SnapshotRequest(Op::CREATE, 10));
    group_.Call(SnapshotRequest(Op::CREATE, 11));
    EXPECT_TRUE(group_.Settle());
    group_.Disconnect(lagging_);
    group_.Call(SnapshotRequest(Op::DROP, 10));
    group_.Call(increment_);
    group_.Call(SnapshotRequest(Op::CREATE, 12));
    for (uint64_t n = 2; n <= 30; ++n) group_.Call(PutRequest(1, n, absl::StrCat("b", n), std::string(50, 'x')));
  }
  void ExpectCaughtUp() {
    group_.Connect(lagging_);
    ASSERT_TRUE(group_.Settle());
    const auto content = group_.Content(lagging_ % kTestNodes + 1);
    for (int node = 1; node <= kTestNodes; ++node) EXPECT_EQ(group_.Content(node), content) << "node " << node;
    const ReplicaLayout& layout = group_.replica(lagging_).layout();
    EXPECT_FALSE(*DirectoryExists(group_.disk(lagging_).seam(), layout.incoming()));
    EXPECT_GT(group_.replica(lagging_).record().generation(), 1u) << "no install took place";
    // The one that caught up leads now, and knows what was applied before.
    for (int node = 1; node <= kTestNodes; ++node) {
      if (node != lagging_ && group_.replica(node).is_leader()) Transfer(node);
    }
    EXPECT_EQ(group_.Call(increment_).write().counters(0), 5);
    EXPECT_EQ(Get(group_, "n"), "5");
  }
  void Transfer(int from) {
    proto::Request request;
    request.mutable_maintenance()->set_kind(proto::Maintenance::TRANSFER_LEADER);
    request.mutable_maintenance()->set_target_node(static_cast<uint32_t>(lagging_));
    group_.Send(from, request);
    EXPECT_TRUE(group_.RunUntil([this] { return group_.leader() == lagging_; }));
  }

  TestGroup group_;
  int lagging_ = 0;
  const proto::Request increment_ = IncrementRequest(2, 1, "n", 5);
};

TEST_F(InstallTest, AFollowerBehindTheLogGetsRowsMetadataAndTheSetOfSnapshots) { ExpectCaughtUp(); }

TEST_F(InstallTest, LossDuplicationAndReorderingCostOnlyTime) {
  group_.set_duplicates(true);
  uint64_t messages = 0;
  group_.set_loss([&messages](const proto::Envelope& envelope) {
    return envelope.has_install() && Below(Mix({17, ++messages}), 10) < 3;
  });
  ExpectCaughtUp();
}

TEST_F(InstallTest, ANewLeaderShipsAnewWhatTheOldOneBegan) {
  group_.Connect(lagging_);
  int chunks = 0;
  group_.set_loss([&](const proto::Envelope& envelope) { return envelope.install().has_chunk() && ++chunks > 3; });
  ASSERT_TRUE(group_.RunUntil([&] { return chunks > 3; }));
  const int old_leader = group_.leader();
  group_.Kill(old_leader);
  group_.set_loss(nullptr);
  ASSERT_TRUE(group_.RunUntil([&] { return group_.leader() != 0 && group_.leader() != old_leader; }));
  group_.RunFor(1'000'000);
  ASSERT_TRUE(group_.Start(old_leader).ok());
  ExpectCaughtUp();
}

TEST_F(InstallTest, AStaleOrMalformedOfferDoesNotEndASessionThatIsUnderWay) {
  group_.Connect(lagging_);
  int chunks = 0;
  proto::InstallEnvelope offer;
  group_.set_loss([&](const proto::Envelope& envelope) {
    if (envelope.install().has_offer()) offer = envelope.install();
    return envelope.install().has_chunk() && ++chunks > 3;
  });
  ASSERT_TRUE(group_.RunUntil([&] { return chunks > 3; }));
  offer.set_session(offer.session() + 2);
  offer.mutable_offer()->mutable_directories(1)->mutable_files(0)->set_name("../escape");
  group_.replica(lagging_).OnInstall(NodeId{1}, offer);
  EXPECT_FALSE(group_.replica(lagging_).idle()) << "the session was given up";
  group_.set_loss(nullptr);
  ExpectCaughtUp();
}

// Every single job takes longer than the time-out.
TEST_F(InstallTest, DisksSlowerThanTheTimeOutCostOnlyTime) {
  group_.set_job_us(group_.options().install_timeout_us * 6 / 10);
  group_.Connect(lagging_);
  const auto behind = [this] {
    const Index commit = group_.replica(group_.WaitForLeader()).raft().status().commit;
    return group_.replica(lagging_).applied() != group_.replica(group_.leader()).applied() ||
           group_.replica(lagging_).applied().index != commit;
  };
  int minutes = 0;
  while (behind() && ++minutes < 60) group_.RunFor(60'000'000);
  EXPECT_FALSE(behind());
  group_.set_job_us(200);
  ExpectCaughtUp();
}

TEST_F(InstallTest, ASourceGivesUpAPeerThatIsSilent) {
  group_.Connect(lagging_);
  group_.set_loss([](const proto::Envelope& envelope) { return envelope.install().has_reply(); });
  const int leader = group_.leader();
  const auto outgoing = [&] {
    return !ListDirectory(group_.disk(leader).seam(), group_.replica(leader).layout().outgoing())->empty();
  };
  ASSERT_TRUE(group_.RunUntil(outgoing));
  group_.Disconnect(lagging_);
  EXPECT_TRUE(group_.RunUntil([&] { return !outgoing() && group_.replica(leader).idle(); }));
  group_.set_loss(nullptr);
  ExpectCaughtUp();
}

class InstallDeathTest : public InstallTest, public testing::WithParamInterface<Probe> {};

TEST_P(InstallDeathTest, AReceiverThatDiesGoesOnOrBeginsAnew) {
  for (int death = 0; death < 2; ++death) {
    group_.KillAt(lagging_, GetParam(), 1);
    group_.Connect(lagging_);
    const bool died = group_.RunUntil([this] { return !group_.up(lagging_) || group_.Settle(); });
    ASSERT_TRUE(died);
    ASSERT_TRUE(death > 0 || !group_.up(lagging_)) << "the probe was not hit";
    ASSERT_TRUE(group_.Start(lagging_).ok());
  }
  ExpectCaughtUp();
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, InstallDeathTest,
                         testing::Values(Probe::kInstallChunkReceived, Probe::kInstallStaged, Probe::kStoreOpened,
                                         Probe::kInstallCommitted, Probe::kInstallFinished));

TEST_F(InstallTest, FilesThatCameBeforeADeathNeedNotComeAgain) {
  using File = std::pair<uint32_t, uint32_t>;
  std::vector<std::pair<uint64_t, std::set<File>>> sessions;  // which files were sent in each
  group_.set_loss([&](const proto::Envelope& envelope) {
    const proto::InstallEnvelope& install = envelope.install();
    if (!install.has_chunk()) return false;
    if (sessions.empty() || sessions.back().first != install.session()) sessions.push_back({install.session(), {}});
    sessions.back().second.insert({install.chunk().directory(), install.chunk().file()});
    return false;
  });
  group_.KillAt(lagging_, Probe::kInstallStaged, 1);  // everything has come
  group_.Connect(lagging_);
  ASSERT_TRUE(group_.RunUntil([this] { return !group_.up(lagging_); }));
  ASSERT_TRUE(group_.Start(lagging_).ok());
  ExpectCaughtUp();
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_LT(sessions[1].second.size(), sessions[0].second.size() / 2);
}

// Whoever was to go on does not come back.
TEST_F(InstallTest, WhatNobodyGoesOnWithIsRemoved) {
  group_.KillAt(lagging_, Probe::kInstallStaged, 1);
  group_.Connect(lagging_);
  ASSERT_TRUE(group_.RunUntil([this] { return !group_.up(lagging_); }));
  group_.Disconnect(lagging_);
  ASSERT_TRUE(group_.Start(lagging_).ok());
  const auto incoming = [this] {
    return *DirectoryExists(group_.disk(lagging_).seam(), group_.replica(lagging_).layout().incoming());
  };
  EXPECT_TRUE(incoming());
  group_.RunFor(4 * group_.options().install_timeout_us);
  EXPECT_FALSE(incoming());
  ExpectCaughtUp();
}

class SourceDeathTest : public InstallTest, public testing::WithParamInterface<Probe> {};

TEST_P(SourceDeathTest, ASourceThatDiesLeavesNothingBehind) {
  const int leader = group_.leader();
  group_.KillAt(leader, GetParam(), 1);
  // What it has pinned for the follower while that did not answer is given up, and pinned anew when it does.
  group_.RunFor(2 * group_.options().install_timeout_us);
  group_.Connect(lagging_);
  ASSERT_TRUE(group_.RunUntil([&] { return !group_.up(leader); }));
  ASSERT_TRUE(group_.Start(leader).ok());
  ExpectCaughtUp();
  EXPECT_THAT(*ListDirectory(group_.disk(leader).seam(), group_.replica(leader).layout().outgoing()), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, SourceDeathTest, testing::Values(Probe::kInstallBegun, Probe::kInstallChunkSent));

TEST(OfferTest, OnlyAnOfferThatStaysInItsDirectoriesIsValid) {
  proto::InstallOffer valid;
  valid.mutable_config()->add_voters(1);
  valid.add_directories()->add_files()->set_name("CURRENT");
  valid.mutable_directories(0)->mutable_files(0)->set_size(1);
  valid.add_directories()->set_snapshot(TestId(1));
  EXPECT_TRUE(ValidOffer(valid));
  const auto spoilt = [&valid](auto&& spoil) {
    proto::InstallOffer offer = valid;
    spoil(offer);
    return ValidOffer(offer);
  };
  EXPECT_FALSE(spoilt([](auto& offer) { offer.clear_directories(); }));
  EXPECT_FALSE(spoilt([](auto& offer) { offer.clear_config(); }));
  EXPECT_FALSE(spoilt([](auto& offer) { offer.mutable_config()->add_voters(1); }));
  EXPECT_FALSE(spoilt([](auto& offer) { offer.mutable_directories(0)->mutable_files(0)->set_size(0); }));
  EXPECT_FALSE(spoilt([](auto& offer) { offer.mutable_directories(0)->set_snapshot(TestId(2)); }));
  EXPECT_FALSE(spoilt([](auto& offer) { offer.mutable_directories(1)->set_snapshot("short"); }));
  EXPECT_FALSE(spoilt([](auto& offer) { *offer.add_directories() = offer.directories(1); }));
  for (const char* name : {"", ".", "..", "a/b", "/etc/passwd"}) {
    EXPECT_FALSE(spoilt([name](auto& offer) { offer.mutable_directories(1)->add_files()->set_name(name); })) << name;
  }
}

}  // namespace
}  // namespace sut
