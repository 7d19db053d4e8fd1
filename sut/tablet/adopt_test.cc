// Adopting directories that were placed by hand: deaths at each step, replicas at which nothing was placed, and placed
// directories that nobody has adopted yet.

#include <filesystem>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/probe.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/placed.h"
#include "sut/tablet/test_group.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;
using Op = proto::TabletSnapshotOp;

constexpr uint64_t kExported = 10, kImported = 11;

std::string PathOf(TestGroup& group, int node, uint64_t snapshot) {
  return group.replica(node).layout().snapshot(*IdFromBytes<SnapshotId>(TestId(snapshot)));
}

// A group with a snapshot of a = "old", exported and gone; then a = "new".
class AdoptTest : public testing::Test {
 protected:
  explicit AdoptTest(NodeOptions options = {}) : group_(options) {
    group_.WaitForLeader();
    group_.Call(PutRequest(1, 1, "a", "old"));
    group_.Call(SnapshotRequest(Op::CREATE, kExported));
    EXPECT_TRUE(group_.Settle());
    const int leader = group_.leader();
    const std::string from = PathOf(group_, leader, kExported);
    const auto contents = InspectSnapshotDirectory(group_.disk(leader).seam(), from);
    EXPECT_TRUE(contents.ok()) << contents.status();
    adopt_ = SnapshotRequest(Op::ADOPT, kImported);
    auto* source = adopt_.mutable_snapshot()->mutable_source();
    source->set_snapshot(contents->metadata.snapshot());
    source->set_tablet(contents->metadata.tablet());
    *source->mutable_op() = contents->metadata.op();
    source->set_rows(contents->rows);
    source->set_rows_crc32c(contents->rows_crc32c);
    backup_ = group_.disk(1).root() + "/backup";
    fs::copy(from, backup_);
    group_.Call(SnapshotRequest(Op::DROP, kExported));
    group_.Call(PutRequest(1, 2, "a", "new"));
  }
  void Place(int node) { fs::copy(backup_, PathOf(group_, node, kImported)); }
  void PlaceEverywhere() {
    for (int node = 1; node <= kTestNodes; ++node) Place(node);
  }
  proto::Code Restore() { return group_.Call(SnapshotRequest(Op::RESTORE, kImported, 20)).code(); }
  void ExpectAgreement() {
    ASSERT_TRUE(group_.Settle());
    const auto content = group_.Content(1);
    for (int node = 2; node <= kTestNodes; ++node) EXPECT_EQ(group_.Content(node), content) << "node " << node;
  }
  std::vector<std::string> Snapshots(int node) {
    return *ListDirectory(group_.disk(node).seam(), group_.replica(node).layout().snapshots());
  }

  TestGroup group_;
  proto::Request adopt_;
  std::string backup_;
};

// Probe, and whether the leader is struck.
class AdoptDeathTest : public AdoptTest, public testing::WithParamInterface<std::tuple<Probe, bool>> {};

TEST_P(AdoptDeathTest, WhatWasPlacedIsAdoptedOnceOnEveryReplicaAndRestored) {
  const auto [probe, strikes_leader] = GetParam();
  PlaceEverywhere();
  const int victim = strikes_leader ? group_.WaitForLeader() : group_.AnyFollower();
  // Strikes the adoption, and once more the repetition of it in the next life.
  group_.KillAt(victim, probe, 1);
  int deaths = 0;
  const auto call = [&](const proto::Request& request) {
    const proto::Reply reply = group_.Call(request);
    EXPECT_EQ(reply.code(), proto::OK) << reply.message();
    for (int i = 0; i < 50 && group_.up(victim) && deaths < 2; ++i) group_.RunFor(10'000);
    while (!group_.up(victim)) {
      ++deaths;
      EXPECT_TRUE(group_.Start(victim).ok());
      if (deaths < 2) group_.KillAt(victim, probe, 1);
      group_.RunFor(3'000'000);
    }
    return reply.op().index();
  };
  const uint64_t adopted = call(adopt_);
  EXPECT_GE(deaths, 1) << "the probe was not hit";
  EXPECT_EQ(call(adopt_), adopted);  // once is enough
  call(SnapshotRequest(Op::RESTORE, kImported, 20));
  EXPECT_EQ(Get(group_, "a"), "old");
  ExpectAgreement();
  call(SnapshotRequest(Op::DROP, kImported));
  ASSERT_TRUE(group_.Settle());
  for (int node = 1; node <= kTestNodes; ++node) EXPECT_THAT(Snapshots(node), IsEmpty()) << node;
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, AdoptDeathTest,
                         testing::Combine(testing::Values(Probe::kAdoptBegun, Probe::kAdoptVerified,
                                                          Probe::kSnapshotMetadataWritten, Probe::kSnapshotRenamed,
                                                          Probe::kSnapshotMarked, Probe::kEntriesSynced),
                                          testing::Bool()),
                         [](const auto& info) {
                           std::string name = absl::StrCat(std::string(ProbeName(std::get<0>(info.param))),
                                                           std::get<1>(info.param) ? "_leader" : "_follower");
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(AdoptTest, AReplicaAtWhichNothingIsPlacedStopsThereAndGoesOnOnceItIs) {
  const int without = group_.AnyFollower();
  for (int node = 1; node <= kTestNodes; ++node) {
    if (node != without) Place(node);
  }
  EXPECT_EQ(group_.Call(adopt_).code(), proto::OK);
  EXPECT_EQ(Restore(), proto::OK);
  EXPECT_EQ(Get(group_, "a"), "old");
  group_.RunFor(5'000'000);
  EXPECT_TRUE(group_.replica(without).out_of_service());
  Place(without);
  ExpectAgreement();
  EXPECT_FALSE(group_.replica(without).out_of_service());
  EXPECT_THAT(group_.fatal(), IsEmpty());
}

TEST_F(AdoptTest, AForeignDirectoryIsNotAdopted) {
  const int without = group_.AnyFollower();
  for (int node = 1; node <= kTestNodes; ++node) Place(node);
  // Another snapshot's directory: sound in itself.
  proto::Request other = SnapshotRequest(Op::CREATE, 12);
  EXPECT_EQ(group_.Call(other).code(), proto::OK);
  ASSERT_TRUE(group_.Settle());
  fs::remove_all(PathOf(group_, without, kImported));
  fs::copy(PathOf(group_, without, 12), PathOf(group_, without, kImported));
  EXPECT_EQ(group_.Call(adopt_).code(), proto::OK);
  group_.RunFor(5'000'000);
  EXPECT_TRUE(group_.replica(without).out_of_service());
  fs::remove_all(PathOf(group_, without, kImported));
  Place(without);
  ExpectAgreement();
}

class AdoptAfterInstallTest : public AdoptTest {
 protected:
  AdoptAfterInstallTest() : AdoptTest(Options()) {}
  static NodeOptions Options() {
    NodeOptions options;
    options.log_retention_entries = 1;
    options.flush_after_entries = 4;
    return options;
  }
  // The follower misses so much that it gets a whole store.
  void Lag(int node, const std::vector<proto::Request>& meanwhile) {
    group_.Disconnect(node);
    for (const proto::Request& request : meanwhile) EXPECT_EQ(group_.Call(request).code(), proto::OK);
    for (uint64_t n = 0; n < 40; ++n) group_.Call(PutRequest(2, ++sequence_, "b", "x"));
    group_.Connect(node);
    ASSERT_TRUE(group_.Settle());
  }
  uint64_t sequence_ = 0;
};

TEST_F(AdoptAfterInstallTest, RestartsAndInstallsLeaveAPlacedDirectoryAlone) {
  PlaceEverywhere();
  const int follower = group_.AnyFollower();
  Lag(follower, {});
  ASSERT_TRUE(group_.Start(follower).ok());
  EXPECT_THAT(Snapshots(follower), SizeIs(1));
  group_.WaitForLeader();
  EXPECT_EQ(group_.Call(adopt_).code(), proto::OK);
  EXPECT_EQ(Restore(), proto::OK);
  EXPECT_EQ(Get(group_, "a"), "old");
  ExpectAgreement();
}

TEST_F(AdoptAfterInstallTest, AnInstallBringsWhatTheOthersHaveAdopted) {
  const int without = group_.AnyFollower();
  for (int node = 1; node <= kTestNodes; ++node) {
    if (node != without) Place(node);
  }
  Lag(without, {adopt_, SnapshotRequest(Op::RESTORE, kImported, 20)});
  EXPECT_TRUE(VerifySnapshot(group_.disk(without).seam(), PathOf(group_, without, kImported)).ok());
  ExpectAgreement();
}

TEST_F(AdoptAfterInstallTest, AnInstallPastTheDeletionOfAnImportRemovesWhatWasPlacedForIt) {
  PlaceEverywhere();
  const int follower = group_.AnyFollower();
  Lag(follower, {SnapshotRequest(Op::DROP, kImported)});
  for (int node = 1; node <= kTestNodes; ++node) EXPECT_THAT(Snapshots(node), IsEmpty()) << node;
  // Placed too late: the next start removes it.
  Place(follower);
  ASSERT_TRUE(group_.Start(follower).ok());
  EXPECT_THAT(Snapshots(follower), IsEmpty());
}

}  // namespace
}  // namespace sut
