// Every fault of a simulated node's disk and clock really strikes, is told apart from a defect, and ends where it
// should: errors leave nothing behind, damage is noticed and never served.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "harness/sim/sim_cluster.h"
#include "sut/base/hybrid_clock.h"
#include "sut/base/prng.h"

namespace holdfast::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int64_t kSecondUs = 1'000'000;

class Witness final : public ClusterObserver {
 public:
  void OnRecovered(const check::ReplicaName&, check::LogPosition) override {}
  void OnBegun(const check::ReplicaName&, const check::LedgerEntry&) override {}
  void OnApplied(const check::ReplicaName&, const check::LedgerEntry&) override {}
  void OnInstalled(const check::ReplicaName&, check::LogPosition) override {}
  void OnProbe(uint32_t, sut::Probe, std::optional<uint32_t>) override {}
  void OnNodeDown(uint32_t, const std::string&) override {}
  void OnNodeUp(uint32_t) override {}
  void OnViolation(const check::Violation& violation) override { violations.push_back(violation.summary); }
  void OnDiskStop(uint32_t node, const std::string& reason) override {
    disk_stops.push_back(absl::StrCat(node, ": ", reason));
  }

  std::vector<std::string> violations;
  std::vector<std::string> disk_stops;
};

class SimFaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    plan::Plan plan;
    plan.set_format_version(1);
    plan.set_seed(3);
    plan.mutable_shape()->set_nodes(3);
    plan.mutable_shape()->set_replication_factor(3);
    plan.mutable_shape()->set_tables(1);
    plan.mutable_shape()->set_tablets_per_table(1);
    plan.mutable_options()->set_flush_after_entries(4);
    plan.set_clients(1);
    auto made = SimCluster::Create(plan, &witness_);
    ASSERT_TRUE(made.ok()) << made.status();
    cluster_ = *std::move(made);
    const absl::Status started = cluster_->Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  void TearDown() override { EXPECT_THAT(witness_.violations, IsEmpty()); }

  CallResult Call(sut::proto::Request body) {
    std::optional<CallResult> result;
    const int64_t deadline_us = cluster_->NowUs() + 20 * kSecondUs;
    cluster_->Invoke({.object = 0, .body = std::move(body), .deadline_us = deadline_us},
                     [&](const CallResult& answered) { result = answered; });
    cluster_->RunUntil(deadline_us + kSecondUs, [&] { return result.has_value(); });
    return result.value_or(CallResult{});
  }
  bool Put(const std::string& key, const std::string& value) {
    sut::proto::Request body;
    sut::proto::Mutation* mutation = body.mutable_write()->add_mutations();
    mutation->set_key(key);
    mutation->set_value(value);
    return Call(body).outcome == CallOutcome::kOk;
  }
  void PutMany(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(Put(absl::StrCat(prefix, i), absl::StrCat("v", i)));
  }
  std::string Get(const std::string& key) {
    sut::proto::Request body;
    body.mutable_get()->set_key(key);
    const CallResult result = Call(body);
    if (result.outcome != CallOutcome::kOk) return "error";
    return result.reply.get().found() ? result.reply.get().value() : "absent";
  }
  void Run(int64_t for_us) { cluster_->RunUntil(cluster_->NowUs() + for_us, nullptr); }
  void RunUntilQuiet() {
    cluster_->RunUntil(cluster_->NowUs() + 60 * kSecondUs, [this] { return cluster_->IsQuiet(); });
    EXPECT_THAT(cluster_->WhyNotQuiet(), IsEmpty());
  }
  uint32_t Leader() {
    fault::Target target;
    target.set_role(fault::Target::LEADER);
    return cluster_->Resolve(target).value_or(1);
  }
  uint32_t Follower() { return Leader() % 3 + 1; }
  uint64_t Arm(uint32_t node, const std::string& fault) {
    const auto id = cluster_->ArmDiskFault(node, *faults::ParseDiskFault(fault));
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or(0);
  }
  // Keys of entries that a sound node must still have.
  void ExpectAllThere(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) EXPECT_EQ(Get(absl::StrCat(prefix, i)), absl::StrCat("v", i));
  }

  Witness witness_;
  std::unique_ptr<SimCluster> cluster_;
};

TEST_F(SimFaultsTest, APowerLossTakesFromTheDiskOfADeadProcessToo) {
  int taken = 0;
  for (int round = 0; round < 6; ++round) {
    const std::string prefix = absl::StrCat("r", round, "-");
    PutMany(prefix, 6);
    const uint32_t node = Follower();
    ASSERT_TRUE(cluster_->Crash(node, fault::Crash::PROCESS_DEATH, 1).ok());
    const uint64_t before = cluster_->disk(node).StateHash();
    ASSERT_TRUE(cluster_->Crash(node, fault::Crash::POWER_LOSS, static_cast<uint64_t>(round)).ok());
    if (cluster_->disk(node).StateHash() != before) ++taken;
    ASSERT_TRUE(cluster_->Restart(node).ok());
    RunUntilQuiet();
    ExpectAllThere(prefix, 6);
  }
  EXPECT_GT(taken, 0) << "something is always written and not synced yet";
}

TEST_F(SimFaultsTest, AFailedLogSyncStopsTheNodeWhichComesBackWhole) {
  const uint32_t node = Leader();
  Arm(node, "io-error sync raft-log");
  PutMany("a", 3);
  EXPECT_FALSE(cluster_->IsUp(node));
  EXPECT_EQ(cluster_->DiskFaultsStruck(node), 1u);
  ASSERT_THAT(witness_.disk_stops, Not(IsEmpty()));
  EXPECT_THAT(witness_.disk_stops[0], HasSubstr("the Raft log can't be written"));
  EXPECT_FALSE(cluster_->IsDamaged(node));
  ASSERT_TRUE(cluster_->Restart(node).ok());
  RunUntilQuiet();
  ExpectAllThere("a", 3);
}

TEST_F(SimFaultsTest, AFullDiskKeepsTheNodeDownUntilThereIsRoom) {
  const uint32_t node = Leader();
  const uint64_t full = Arm(node, "no-space any any times=always");
  PutMany("a", 3);
  EXPECT_FALSE(cluster_->IsUp(node));
  EXPECT_EQ(cluster_->Restart(node).code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(cluster_->IsUp(node));
  cluster_->DisarmDiskFault(node, full);
  ASSERT_TRUE(cluster_->Restart(node).ok());
  RunUntilQuiet();
  ExpectAllThere("a", 3);
}

TEST_F(SimFaultsTest, AShortLogWriteIsNoMoreThanATornTail) {
  const uint32_t node = Follower();
  Arm(node, "short append raft-log nth=2");
  PutMany("a", 4);
  EXPECT_FALSE(cluster_->IsUp(node));
  EXPECT_EQ(cluster_->DiskFaultsStruck(node), 1u);
  ASSERT_TRUE(cluster_->Restart(node).ok());
  RunUntilQuiet();
}

TEST_F(SimFaultsTest, AFailedFlushStopsTheNodeWhichReplays) {
  const uint32_t node = Follower();
  Arm(node, "io-error sync sst");
  PutMany("a", 12);
  Run(kSecondUs);
  EXPECT_FALSE(cluster_->IsUp(node));
  ASSERT_TRUE(cluster_->Restart(node).ok());
  RunUntilQuiet();
  ExpectAllThere("a", 12);
}

TEST_F(SimFaultsTest, AnUnreadableLogKeepsTheNodeFromStartingWhileTheErrorLasts) {
  const uint32_t node = Follower();
  PutMany("a", 2);
  ASSERT_TRUE(cluster_->Crash(node, fault::Crash::PROCESS_DEATH, 1).ok());
  Arm(node, "io-error read raft-log times=1");
  EXPECT_EQ(cluster_->Restart(node).code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(cluster_->Restart(node).ok());
  RunUntilQuiet();
}

TEST_F(SimFaultsTest, ALostLogWriteIsNoticedAtTheNextStart) {
  const uint32_t node = Follower();
  Arm(node, "lost append raft-log");
  PutMany("a", 3);
  EXPECT_TRUE(cluster_->IsUp(node));
  EXPECT_TRUE(cluster_->IsDamaged(node));
  ASSERT_TRUE(cluster_->Crash(node, fault::Crash::PROCESS_DEATH, 1).ok());
  EXPECT_EQ(cluster_->Restart(node).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(witness_.disk_stops.back(), HasSubstr("synced up to"));
  RunUntilQuiet();
  ExpectAllThere("a", 3);
}

TEST_F(SimFaultsTest, AMisdirectedLogWriteIsNoticedAtTheNextStart) {
  const uint32_t node = Follower();
  PutMany("a", 2);
  Arm(node, "misdirected append raft-log");
  PutMany("b", 2);
  EXPECT_TRUE(cluster_->IsDamaged(node));
  ASSERT_TRUE(cluster_->Crash(node, fault::Crash::PROCESS_DEATH, 1).ok());
  EXPECT_EQ(cluster_->Restart(node).code(), absl::StatusCode::kUnavailable);
}

TEST_F(SimFaultsTest, RotInTheLogIsNoticedAtTheNextStart) {
  PutMany("a", 3);
  const uint32_t node = Follower();
  ASSERT_TRUE(cluster_->Crash(node, fault::Crash::POWER_LOSS, 1).ok());
  const auto flipped = cluster_->RotDisk(node, {.path_class = faults::PathClass::kRaftLog, .files = 100, .bits = 3}, 7);
  ASSERT_TRUE(flipped.ok());
  EXPECT_GT(*flipped, 0u);
  EXPECT_TRUE(cluster_->IsDamaged(node));
  EXPECT_EQ(cluster_->Restart(node).code(), absl::StatusCode::kUnavailable);
}

TEST_F(SimFaultsTest, RottenRowsAreNeverServed) {
  PutMany("a", 12);
  RunUntilQuiet();
  const uint32_t node = Leader();
  const auto flipped = cluster_->RotDisk(node, {.path_class = faults::PathClass::kSst, .files = 100, .bits = 50}, 7);
  ASSERT_TRUE(flipped.ok());
  EXPECT_GT(*flipped, 0u);
  // The rotten leader gives way to another one, and does not come back.
  ExpectAllThere("a", 12);
  for (int i = 0; i < 5; ++i) {
    Run(3 * kSecondUs);
    ExpectAllThere("a", 12);
    EXPECT_NE(Leader(), node);
  }
  for (const check::ReplicaInspection& replica : cluster_->Inspect().replicas) {
    EXPECT_EQ(replica.damaged, replica.replica.node == node);
  }
}

TEST_F(SimFaultsTest, NothingRotsWhereThereIsNoFileOfTheClass) {
  const auto flipped = cluster_->RotDisk(1, {.path_class = faults::PathClass::kSnapshot}, 7);
  ASSERT_TRUE(flipped.ok());
  EXPECT_EQ(*flipped, 0u);
  EXPECT_FALSE(cluster_->IsDamaged(1));
}

TEST_F(SimFaultsTest, ASlowDiskSlowsWritesAndNothingElse) {
  const auto time_of_put = [this](const std::string& key) {
    const int64_t begin_us = cluster_->NowUs();
    EXPECT_TRUE(Put(key, "v"));
    return cluster_->NowUs() - begin_us;
  };
  const int64_t usual_us = time_of_put("a");
  std::vector<uint64_t> slow;
  for (uint32_t node = 1; node <= 3; ++node) slow.push_back(Arm(node, "latency sync raft-log times=always us=90000"));
  EXPECT_GT(time_of_put("b"), 90'000);
  EXPECT_LT(usual_us, 90'000);
  for (uint32_t node = 1; node <= 3; ++node) cluster_->DisarmDiskFault(node, slow[node - 1]);
  RunUntilQuiet();
  EXPECT_LT(time_of_put("c"), 90'000);
  EXPECT_THAT(witness_.disk_stops, IsEmpty());
}

TEST_F(SimFaultsTest, ADisturbedClockJumpsAndDriftsButNeverGoesBackInOneLife) {
  const int64_t true_us = cluster_->NowUs();
  ASSERT_EQ(cluster_->NodeClockUs(1), true_us);
  ASSERT_TRUE(cluster_->DisturbClock(1, {.jump_us = 5 * kSecondUs}).ok());
  EXPECT_EQ(cluster_->NodeClockUs(1), true_us + 5 * kSecondUs);
  EXPECT_EQ(cluster_->NodeClockUs(2), true_us);
  ASSERT_TRUE(cluster_->DisturbClock(1, {.jump_us = -2 * kSecondUs}).ok());
  EXPECT_EQ(cluster_->NodeClockUs(1), true_us + 5 * kSecondUs) << "it stands still instead of going back";
  Run(3 * kSecondUs);
  EXPECT_EQ(cluster_->NodeClockUs(1), true_us + 5 * kSecondUs);
  ASSERT_TRUE(cluster_->Crash(1, fault::Crash::PROCESS_DEATH, 1).ok());
  ASSERT_TRUE(cluster_->Restart(1).ok());
  EXPECT_EQ(cluster_->NodeClockUs(1), cluster_->NowUs() - 2 * kSecondUs) << "a new life knows no earlier reading";
  ASSERT_TRUE(cluster_->DisturbClock(1, {.drift_permille = 500}).ok());
  const int64_t before_us = cluster_->NowUs();
  Run(2 * kSecondUs);
  EXPECT_EQ(cluster_->NodeClockUs(1), cluster_->NowUs() + (cluster_->NowUs() - before_us) / 2);
  ASSERT_TRUE(cluster_->DisturbClock(1, {}).ok());
  Run(2 * kSecondUs);
  EXPECT_EQ(cluster_->NodeClockUs(1), cluster_->NowUs());
  RunUntilQuiet();
}

TEST_F(SimFaultsTest, AClockThatIsAnHourBehindFromTheStartDoesNoHarm) {
  ASSERT_TRUE(cluster_->DisturbClock(1, {.jump_us = -3'600 * kSecondUs}).ok());
  ASSERT_TRUE(cluster_->Crash(1, fault::Crash::PROCESS_DEATH, 1).ok());
  ASSERT_TRUE(cluster_->Restart(1).ok());
  EXPECT_LT(cluster_->NodeClockUs(1), 0);
  RunUntilQuiet();
}

TEST_F(SimFaultsTest, HybridTimesOfALogNeverGoBackUnderDisturbedClocks) {
  for (int round = 0; round < 6; ++round) {
    for (uint32_t node = 1; node <= 3; ++node) {
      const auto jump_us = static_cast<int64_t>(sut::MixBits(static_cast<uint64_t>(round * 3 + node)) % 8'000'000);
      ASSERT_TRUE(cluster_->DisturbClock(node, {.jump_us = jump_us - 4'000'000, .drift_permille = 100 * round}).ok());
    }
    PutMany(absl::StrCat("r", round), 3);
    ASSERT_TRUE(cluster_->Crash(Leader(), fault::Crash::POWER_LOSS, static_cast<uint64_t>(round)).ok());
    PutMany(absl::StrCat("s", round), 2);
    for (uint32_t node = 1; node <= 3; ++node) {
      if (!cluster_->IsUp(node)) {
        ASSERT_TRUE(cluster_->Restart(node).ok());
      }
    }
  }
  for (uint32_t node = 1; node <= 3; ++node) ASSERT_TRUE(cluster_->DisturbClock(node, {}).ok());
  RunUntilQuiet();
  for (uint32_t node = 1; node <= 3; ++node) {
    const std::vector<uint64_t> times = cluster_->LogTimes(node, 0);
    EXPECT_GT(times.size(), 4u);
    EXPECT_TRUE(std::is_sorted(times.begin(), times.end())) << "node " << node;
  }
}

// --- The disk alone --------------------------------------------------------------------------------------------------

class OneVerdict final : public MutationObserver {
 public:
  MutationVerdict OnMutation(const Mutation& mutation) override {
    return mutation.kind == MutationKind::kAppend ? std::exchange(verdict, {}) : MutationVerdict{};
  }
  bool OnRead(const DiskRead& read) override { return read.kind != failing_read; }

  MutationVerdict verdict;
  std::optional<DiskRead::Kind> failing_read;
};

class SimDiskFaultsTest : public testing::Test {
 protected:
  void SetUp() override { disk_.SetObserver(&observer_); }
  rocksdb::IOStatus Append(const std::string& path, const std::string& data) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus status = disk_.ReopenWritableFile(path, {}, &file, nullptr);
    if (status.ok()) status = file->Append(data, {}, nullptr);
    if (status.ok()) status = file->Sync({}, nullptr);
    return status;
  }

  SimFileSystem disk_{[] { return uint64_t{1}; }};
  OneVerdict observer_;
};

TEST_F(SimDiskFaultsTest, ALostWriteIsAcknowledgedAndReadsAsZeros) {
  ASSERT_TRUE(Append("/a", "one").ok());
  observer_.verdict.action = MutationVerdict::Action::kLost;
  ASSERT_TRUE(Append("/a", "two").ok());
  ASSERT_TRUE(Append("/a", "three").ok());
  EXPECT_EQ(*disk_.ReadFile("/a"), std::string("one\0\0\0three", 11));
}

TEST_F(SimDiskFaultsTest, AMisdirectedWriteLandsInTheOtherFile) {
  ASSERT_TRUE(Append("/other", "0123456789").ok());
  observer_.verdict = {.action = MutationVerdict::Action::kMisdirected, .other_path = "/other", .other_offset = 8};
  ASSERT_TRUE(Append("/a", "data").ok());
  EXPECT_EQ(*disk_.ReadFile("/a"), std::string(4, '\0'));
  EXPECT_EQ(*disk_.ReadFile("/other"), "01234567da") << "as far as the file goes";
  std::unique_ptr<rocksdb::FSDirectory> root;
  ASSERT_TRUE(disk_.NewDirectory("/", {}, &root, nullptr).ok());
  ASSERT_TRUE(root->Fsync({}, nullptr).ok());
  disk_.PowerLoss(1);
  disk_.Restart();
  EXPECT_EQ(*disk_.ReadFile("/other"), "01234567da") << "it is on the disk";
}

TEST_F(SimDiskFaultsTest, ReadsAndOpensFailWhereTheyAreToldTo) {
  ASSERT_TRUE(Append("/a", "data").ok());
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  ASSERT_TRUE(disk_.NewRandomAccessFile("/a", {}, &file, nullptr).ok());
  char scratch[4];
  rocksdb::Slice result;
  observer_.failing_read = DiskRead::Kind::kRead;
  EXPECT_TRUE(file->Read(0, 4, {}, &result, scratch, nullptr).IsIOError());
  observer_.failing_read = DiskRead::Kind::kOpen;
  EXPECT_TRUE(file->Read(0, 4, {}, &result, scratch, nullptr).ok());
  std::unique_ptr<rocksdb::FSSequentialFile> other;
  EXPECT_TRUE(disk_.NewSequentialFile("/a", {}, &other, nullptr).IsIOError());
  EXPECT_TRUE(disk_.ReadFile("/a").ok()) << "inspections are no reads";
  std::unique_ptr<rocksdb::FSSequentialFile> seen;
  EXPECT_TRUE(disk_.NewReadOnlyView()->NewSequentialFile("/a", {}, &seen, nullptr).ok());
}

}  // namespace
}  // namespace holdfast::sim
