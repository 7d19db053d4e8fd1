// Properties of what the harness makes of what it sees: who leads, what is quiet and what is the same; which times a
// real machine gets; and that a look at a disk takes nothing from it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "harness/check/inspection.h"
#include "harness/cluster/plan_shape.h"
#include "harness/process/cluster_status.h"
#include "harness/process/disk_capture.h"
#include "harness/process/real_time.h"
#include "harness/process/small_plan.h"
#include "harness/process/work_directory.h"

namespace holdfast::process {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ClusterStatusTest : public ::testing::Test {
 protected:
  using Replica = sut::proto::NodeStatus::Replica;
  ClusterStatusTest() : plan_(SmallPlan()), ids_(plan_), status_(plan_, ids_) {}

  // Every group led by node 1 in term 2, with five entries that everybody has applied and flushed.
  sut::proto::NodeStatus QuietNode(uint32_t node) const {
    sut::proto::NodeStatus status;
    for (const uint32_t object : {0u, check::kMasterObject}) {
      Replica* replica = status.add_replicas();
      replica->set_tablet(sut::Bytes(ids_.Tablet(object)));
      replica->set_leads(node == 1);
      replica->set_term(2);
      for (sut::proto::OpId* op : {replica->mutable_applied(), replica->mutable_last(), replica->mutable_flushed()}) {
        op->set_term(2);
        op->set_index(5);
      }
      replica->set_commit(5);
      replica->set_idle(true);
    }
    return status;
  }
  void SetAllQuiet() {
    for (uint32_t node = 1; node <= 3; ++node) status_.Set(node, QuietNode(node));
  }

  const plan::Plan plan_;
  const PlanIds ids_;
  ClusterStatus status_;
};

TEST_F(ClusterStatusTest, OfTwoThatLeadTheOneOfTheHigherTermIsMeant) {
  EXPECT_EQ(status_.LeaderOf(0), std::nullopt);
  SetAllQuiet();
  EXPECT_EQ(status_.LeaderOf(0), 1u);
  sut::proto::NodeStatus newer = QuietNode(3);
  newer.mutable_replicas(0)->set_leads(true);
  newer.mutable_replicas(0)->set_term(3);
  status_.Set(3, newer);
  EXPECT_EQ(status_.LeaderOf(0), 3u);
  EXPECT_EQ(status_.LeaderOf(check::kMasterObject), 1u);
  status_.Forget(3);
  EXPECT_EQ(status_.LeaderOf(0), 1u);
}

TEST_F(ClusterStatusTest, GroupsAreThoseOfTheNewestCatalogue) {
  using sut::proto::ReplicaInfo;
  EXPECT_THAT(status_.NodesOf(0), ElementsAre(1, 2, 3)) << "the plan's";
  sut::proto::NodeStatus node = QuietNode(1);
  sut::proto::NodeStatus::Group* group = node.add_groups();
  group->set_tablet(sut::Bytes(ids_.Tablet(0)));
  const auto add = [&](uint64_t replica, uint32_t host, ReplicaInfo::Role role) {
    ReplicaInfo* one = group->add_replicas();
    one->set_replica(replica);
    one->set_node(host);
    one->set_role(role);
  };
  add(9, 1, ReplicaInfo::LEARNER);
  add(2, 2, ReplicaInfo::VOTER);
  add(3, 3, ReplicaInfo::REMOVED);
  SetAllQuiet();
  status_.Set(1, node);
  EXPECT_THAT(status_.NodesOf(0), ElementsAre(2, 1));
  EXPECT_THAT(status_.changing(), ElementsAre(0));
  EXPECT_FALSE(status_.IsQuiet(nullptr));
  // A master that is behind knows of an older group.
  sut::proto::NodeStatus behind = QuietNode(2);
  behind.mutable_replicas(1)->mutable_applied()->set_index(4);
  *behind.add_groups() = *group;
  behind.mutable_groups(0)->mutable_replicas()->DeleteSubrange(1, 2);
  status_.Set(2, behind);
  EXPECT_THAT(status_.NodesOf(0), ElementsAre(2, 1));
}

TEST_F(ClusterStatusTest, IsQuietOnlyIfEveryReplicaHasAppliedWhatIsCommittedAndIsIdle) {
  SetAllQuiet();
  EXPECT_TRUE(status_.IsQuiet(nullptr));
  const auto expect_disturbed = [&](const std::function<void(Replica*)>& change, const std::string& why) {
    sut::proto::NodeStatus node = QuietNode(1);
    change(node.mutable_replicas(0));
    status_.Set(1, node);
    std::vector<std::string> reasons;
    EXPECT_FALSE(status_.IsQuiet(&reasons)) << why;
    EXPECT_THAT(reasons, Contains(HasSubstr(why)));
    status_.Set(1, QuietNode(1));
    EXPECT_TRUE(status_.IsQuiet(nullptr));
  };
  expect_disturbed([](Replica* replica) { replica->set_leads(false); }, "no leader");
  expect_disturbed([](Replica* replica) { replica->mutable_last()->set_index(6); }, "uncommitted entries");
  expect_disturbed([](Replica* replica) { replica->mutable_applied()->set_index(4); }, "has applied 4 of 5");
  expect_disturbed([](Replica* replica) { replica->set_idle(false); }, "is busy");
  status_.Forget(2);
  EXPECT_FALSE(status_.IsQuiet(nullptr)) << "a node that does not answer may be at anything";
}

TEST_F(ClusterStatusTest, ADamagedNodeKeepsNobodyFromComingToRest) {
  SetAllQuiet();
  ClusterStatus before = status_;
  sut::proto::NodeStatus behind = QuietNode(3);
  behind.mutable_replicas(0)->mutable_applied()->set_index(1);
  behind.mutable_replicas(0)->mutable_flushed()->set_index(0);
  status_.Set(3, behind);
  EXPECT_FALSE(status_.IsQuiet(nullptr));
  EXPECT_THAT(status_.NotFlushed(), Not(IsEmpty()));
  status_.LeaveOut(3);
  EXPECT_TRUE(status_.IsQuiet(nullptr));
  EXPECT_THAT(status_.NotFlushed(), IsEmpty());
  EXPECT_TRUE(status_.SamePositions(before));
  status_.Forget(2);
  EXPECT_FALSE(status_.IsQuiet(nullptr)) << "and nobody else is left out";
}

TEST_F(ClusterStatusTest, ADroppedTabletIsGoneWhenAllHaveRemovedItButThoseThatAreDamaged) {
  plan::Plan drops = plan_;
  drops.add_steps()->mutable_table()->mutable_drop()->set_table(0);
  ClusterStatus status(drops, ids_);
  const auto removed = [&](uint32_t node) {
    sut::proto::NodeStatus without = QuietNode(node);
    without.mutable_replicas()->DeleteSubrange(0, 1);
    return without;
  };
  status.Set(1, removed(1));
  status.Set(2, removed(2));
  EXPECT_FALSE(status.IsQuiet(nullptr)) << "who does not answer may host it";
  status.LeaveOut(3);
  EXPECT_TRUE(status.IsQuiet(nullptr));
  status.Set(2, QuietNode(2));
  EXPECT_FALSE(status.IsQuiet(nullptr));
}

TEST_F(ClusterStatusTest, WhatIsInMemoryAloneIsNamedAndWhatHasMovedIsNotTheSame) {
  SetAllQuiet();
  EXPECT_THAT(status_.NotFlushed(), IsEmpty());
  ClusterStatus later = status_;
  EXPECT_TRUE(status_.SamePositions(later));
  sut::proto::NodeStatus node = QuietNode(2);
  node.mutable_replicas(1)->mutable_flushed()->set_index(3);
  later.Set(2, node);
  ASSERT_EQ(later.NotFlushed().size(), 1u);
  EXPECT_EQ(later.NotFlushed()[0].node, 2u);
  EXPECT_EQ(later.NotFlushed()[0].object, check::kMasterObject);
  EXPECT_FALSE(status_.SamePositions(later));
  later.Forget(2);
  EXPECT_FALSE(status_.SamePositions(later));
}

TEST(RealTimeTest, TimesShrinkWithTheSpeedButNotBelowWhatAMachineKeepsUpWith) {
  plan::Plan plan = SmallPlan();
  plan.mutable_options()->set_snapshot_timeout_us(2'000'000);
  const auto slow = RealTimeOptionsOf(plan, 1);
  ASSERT_TRUE(slow.ok());
  EXPECT_EQ(slow->options.tick_us(), 50'000u) << "the default, and the clock's own";
  EXPECT_EQ(slow->options.snapshot_timeout_us(), 2'000'000u);
  const auto fast = RealTimeOptionsOf(plan, 4);
  ASSERT_TRUE(fast.ok());
  EXPECT_EQ(fast->options.snapshot_timeout_us(), 500'000u);
  EXPECT_EQ(static_cast<int64_t>(fast->options.tick_us()) * sut::NodeOptions().election_ticks, kElectionUsMin);
  EXPECT_THAT(fast->refused, IsEmpty()) << "the speed was not the plan's wish";
  plan.mutable_options()->set_tick_us(1'000);
  const auto extreme = RealTimeOptionsOf(plan, 1);
  ASSERT_TRUE(extreme.ok());
  EXPECT_THAT(extreme->refused, Contains(HasSubstr("a tick of less than")));
  plan.add_bugs("unheard-of");
  EXPECT_EQ(RealTimeOptionsOf(plan, 1).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(DiskCaptureTest, TableFilesAndSnapshotsAreLinkedAndTheRestIsCopied) {
  const auto work = *WorkDirectory::Create("");
  const fs::path from = fs::path(work->path()) / "from";
  const fs::path to = fs::path(work->path()) / "to";
  fs::create_directories(from / "tablet-1" / "3");
  fs::create_directories(from / "tablet-1.snapshots" / "abc");
  const auto write = [](const fs::path& path, const std::string& text) { std::ofstream(path) << text; };
  write(from / "tablet-1" / "3" / "000012.sst", "rows");
  write(from / "tablet-1" / "3" / "MANIFEST-000004", "edits");
  write(from / "tablet-1" / "3" / "LOCK", "");
  write(from / "tablet-1.snapshots" / "abc" / "metadata", "described");
  ASSERT_TRUE(CaptureTree({from.string(), to.string()}).ok());
  EXPECT_TRUE(fs::equivalent(from / "tablet-1/3/000012.sst", to / "tablet-1/3/000012.sst"));
  EXPECT_TRUE(fs::equivalent(from / "tablet-1.snapshots/abc/metadata", to / "tablet-1.snapshots/abc/metadata"));
  EXPECT_FALSE(fs::exists(to / "tablet-1/3/LOCK"));
  // The node goes on writing, and what was taken stays.
  write(from / "tablet-1" / "3" / "MANIFEST-000004", "more edits");
  std::ifstream taken(to / "tablet-1/3/MANIFEST-000004");
  std::string text;
  std::getline(taken, text);
  EXPECT_EQ(text, "edits");
  EXPECT_TRUE(CaptureTree({(from / "missing").string(), (to / "missing").string()}).ok()) << "it never started";
}

}  // namespace
}  // namespace holdfast::process
