// Deaths of a process in the middle of a snapshot operation, at each of its steps, on the leader and on a follower; and
// disks that refuse. Property: once everybody is back, the operation has happened exactly once, everywhere the same.

#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/probe.h"
#include "sut/storage/checkpoint.h"
#include "sut/tablet/test_group.h"

namespace sut {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Op = proto::TabletSnapshotOp;

void ExpectAgreement(TestGroup& group) {
  ASSERT_TRUE(group.Settle());
  const auto content = group.Content(1);
  for (int node = 2; node <= kTestNodes; ++node) EXPECT_EQ(group.Content(node), content) << "node " << node;
}

// Probe, and whether the leader is struck.
class DeathTest : public testing::TestWithParam<std::tuple<Probe, bool>> {};

TEST_P(DeathTest, CreateRestoreAndDropHappenOnceOnEveryReplica) {
  const auto [probe, strikes_leader] = GetParam();
  TestGroup group;
  group.WaitForLeader();
  const proto::Request increment = IncrementRequest(1, 1, "n", 5);
  group.Call(increment);
  group.Call(PutRequest(1, 2, "a", "old"));
  const int victim = strikes_leader ? group.WaitForLeader() : group.AnyFollower();
  // Strikes the operation, and once more the repetition of it in the next life.
  group.KillAt(victim, probe, 1);
  int deaths = 0;
  const auto call = [&](const proto::Request& request) {
    const proto::Reply reply = group.Call(request);
    EXPECT_EQ(reply.code(), proto::OK) << reply.message();
    for (int i = 0; i < 50 && group.up(victim) && deaths < 2; ++i) group.RunFor(10'000);
    while (!group.up(victim)) {
      ++deaths;
      ASSERT_TRUE(group.Start(victim).ok());
      if (deaths < 2) group.KillAt(victim, probe, 1);
      group.RunFor(3'000'000);
    }
  };
  call(SnapshotRequest(Op::CREATE, 10));
  call(PutRequest(1, 3, "a", "new"));
  call(SnapshotRequest(Op::RESTORE, 10, 20));
  EXPECT_EQ(Get(group, "a"), "old");
  EXPECT_EQ(group.Call(increment).write().counters(0), 5);
  EXPECT_EQ(Get(group, "n"), "5");
  ExpectAgreement(group);
  call(SnapshotRequest(Op::CREATE, 11));
  call(SnapshotRequest(Op::DROP, 10));
  EXPECT_GE(deaths, 1) << "the probe was not hit";
  ExpectAgreement(group);
  const StorageSeam seam = group.disk(victim).seam();
  EXPECT_THAT(*ListDirectory(seam, group.replica(victim).layout().snapshots()), SizeIs(1));
  EXPECT_THAT(*ListDirectory(seam, group.replica(victim).layout().live()), SizeIs(1)) << "an old generation is left";
}

INSTANTIATE_TEST_SUITE_P(
    AtEachStep, DeathTest,
    testing::Combine(testing::Values(Probe::kSnapshotBegun, Probe::kSnapshotFlushed, Probe::kSnapshotLinked,
                                     Probe::kSnapshotMetadataWritten, Probe::kSnapshotRenamed, Probe::kSnapshotMarked,
                                     Probe::kRestoreBegun, Probe::kRestoreStaged, Probe::kRestoreCarriedOver,
                                     Probe::kRestoreCommitted, Probe::kRestoreSwapped, Probe::kDropBegun,
                                     Probe::kDropRenamed, Probe::kDropUnlinked, Probe::kEntriesSynced),
                     testing::Bool()),
    [](const auto& info) {
      std::string name = absl::StrCat(std::string(ProbeName(std::get<0>(info.param))),
                                      std::get<1>(info.param) ? "_leader" : "_follower");
      std::replace_if(
          name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
      return name;
    });

TEST(DiskTest, APowerlessGroupComesBackWithEverythingAcknowledged) {
  TestGroup group;
  group.WaitForLeader();
  for (uint64_t n = 1; n <= 100; ++n) group.Call(PutRequest(1, n, absl::StrCat("k", n % 7), absl::StrCat(n)));
  group.Call(SnapshotRequest(Op::CREATE, 10));
  for (int round = 0; round < 3; ++round) {
    for (int node = 1; node <= kTestNodes; ++node) group.Kill(node);
    for (int node = 1; node <= kTestNodes; ++node) ASSERT_TRUE(group.Start(node).ok());
    group.WaitForLeader();
    EXPECT_EQ(Get(group, "k2"), "100");
  }
  ExpectAgreement(group);
}

// With the directory gone and the snapshot still among those that live, a replica can ship its store to nobody; and
// where others wait for that, nobody confirms to it that the drop was committed.
TEST(DropTest, WhoWasInterruptedFinishesItWithoutTheOthers) {
  for (const bool strikes_leader : {true, false}) {
    TestGroup group;
    group.WaitForLeader();
    group.Call(PutRequest(1, 1, "a", "1"));
    group.Call(SnapshotRequest(Op::CREATE, 10));
    ASSERT_TRUE(group.Settle());
    const int leader = group.WaitForLeader();
    const int victim = strikes_leader ? leader : group.AnyFollower();
    const Index before = group.replica(victim).applied().index;
    group.KillAt(victim, Probe::kDropRenamed, 1);
    group.Send(leader, SnapshotRequest(Op::DROP, 10));
    ASSERT_TRUE(group.RunUntil([&] { return !group.up(victim); }));
    for (int node = 1; node <= kTestNodes; ++node) group.Kill(node);
    ASSERT_TRUE(group.Start(victim).ok());
    group.RunFor(1'000'000);
    EXPECT_EQ(group.replica(victim).applied().index, Next(before));
  }
}

// Changes a byte of one of the snapshot's table files.
std::string Rot(TestGroup& group, int node, uint64_t snapshot) {
  const std::string directory = group.replica(node).layout().snapshot(*IdFromBytes<SnapshotId>(TestId(snapshot)));
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != ".sst") continue;
    // A file of its own: the links to it stay sound.
    const std::string copy = entry.path().string() + ".copy";
    std::filesystem::copy_file(entry.path(), copy);
    std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
    file.put('\xff');
    file.close();
    std::filesystem::rename(entry.path(), directory + "/sound");
    std::filesystem::rename(copy, entry.path());
    return entry.path().string();
  }
  ADD_FAILURE() << "no table file in " << directory;
  return "";
}

TEST(DiskTest, AReplicaThatCannotRestoreLeavesServiceAndGoesOnOnceItCan) {
  TestGroup group;
  const int leader = group.WaitForLeader();
  group.Call(PutRequest(1, 1, "a", "old"));
  group.Call(SnapshotRequest(Op::CREATE, 10));
  group.Call(PutRequest(1, 2, "a", "new"));
  ASSERT_TRUE(group.Settle());
  const std::string rotten = Rot(group, leader, 10);
  EXPECT_EQ(group.Call(SnapshotRequest(Op::RESTORE, 10, 20)).code(), proto::OK);
  EXPECT_EQ(Get(group, "a"), "old");
  group.RunFor(5'000'000);
  EXPECT_NE(group.leader(), leader);
  EXPECT_TRUE(group.replica(leader).out_of_service());
  EXPECT_TRUE(group.replica(leader).in_barrier());
  EXPECT_THAT(group.fatal(), IsEmpty());
  std::filesystem::rename(std::filesystem::path(rotten).parent_path() / "sound", rotten);
  ASSERT_TRUE(group.Settle());
  EXPECT_FALSE(group.replica(leader).out_of_service());
  ExpectAgreement(group);
}

TEST(DiskTest, AnInstallCuresAReplicaWhoseSnapshotIsRotten) {
  NodeOptions options;
  options.log_retention_entries = 1;
  options.flush_after_entries = 4;
  TestGroup group(options);
  const int sick = group.AnyFollower();
  group.Call(PutRequest(1, 1, "a", "old"));
  group.Call(SnapshotRequest(Op::CREATE, 10));
  ASSERT_TRUE(group.Settle());
  Rot(group, sick, 10);
  group.Call(SnapshotRequest(Op::RESTORE, 10, 20));
  ASSERT_TRUE(group.RunUntil([&] { return group.replica(sick).out_of_service(); }));
  group.Disconnect(sick);
  for (uint64_t n = 2; n <= 40; ++n) group.Call(PutRequest(1, n, "b", absl::StrCat(n)));
  group.Connect(sick);
  ASSERT_TRUE(group.Settle());
  EXPECT_FALSE(group.replica(sick).out_of_service());
  ExpectAgreement(group);
}

TEST(DiskTest, AFailedFlushStopsTheNodeOnceAndItsRestartReplays) {
  TestGroup group;
  const int follower = group.AnyFollower();
  group.Call(PutRequest(1, 1, "a", "old"));
  ASSERT_TRUE(group.Settle());
  group.disk(follower).FailSyncs(true);
  group.Call(SnapshotRequest(Op::CREATE, 10));
  group.RunFor(3'000'000);
  EXPECT_FALSE(group.up(follower));
  EXPECT_THAT(group.fatal(), SizeIs(1));
  group.disk(follower).FailSyncs(false);
  ASSERT_TRUE(group.Start(follower).ok());
  ExpectAgreement(group);
}

TEST(DiskTest, ADamagedSnapshotIsNotShippedAndNobodyIsInfected) {
  NodeOptions options;
  options.log_retention_entries = 1;
  options.flush_after_entries = 4;
  TestGroup group(options);
  const int lagging = group.AnyFollower();
  group.Call(PutRequest(1, 1, "a", "old"));
  group.Call(SnapshotRequest(Op::CREATE, 10));
  ASSERT_TRUE(group.Settle());
  group.Disconnect(lagging);
  for (uint64_t n = 2; n <= 40; ++n) group.Call(PutRequest(1, n, "b", absl::StrCat(n)));
  Rot(group, group.leader(), 10);
  group.Connect(lagging);
  ASSERT_TRUE(group.Settle());
  const auto id = *IdFromBytes<SnapshotId>(TestId(10));
  EXPECT_TRUE(VerifySnapshot(group.disk(lagging).seam(), group.replica(lagging).layout().snapshot(id)).ok());
}

}  // namespace
}  // namespace sut
