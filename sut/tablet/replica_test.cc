// A group of replicas from the outside: what is answered, what is kept, what is refused.

#include "sut/tablet/replica.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/checkpoint.h"
#include "sut/tablet/test_group.h"

namespace sut {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Op = proto::TabletSnapshotOp;

proto::Code CodeOf(TestGroup& group, const proto::Request& request) { return group.Call(request).code(); }

// Every replica holds the same as the first.
void ExpectAgreement(TestGroup& group) {
  ASSERT_TRUE(group.Settle());
  const auto content = group.Content(1);
  for (int node = 2; node <= kTestNodes; ++node) EXPECT_EQ(group.Content(node), content) << "node " << node;
}

TEST(ReplicaTest, WhatWasAcknowledgedIsRead) {
  TestGroup group;
  group.WaitForLeader();
  EXPECT_EQ(Get(group, "a"), std::nullopt);
  EXPECT_EQ(CodeOf(group, PutRequest(1, 1, "a", "x")), proto::OK);
  EXPECT_EQ(Get(group, "a"), "x");
  ExpectAgreement(group);
}

TEST(ReplicaTest, ARetriedRequestTakesEffectOnceOverRestoreAndLeaderChange) {
  TestGroup group;
  group.WaitForLeader();
  const proto::Request increment = IncrementRequest(1, 1, "n", 5);
  const proto::Reply first = group.Call(increment);
  EXPECT_EQ(first.write().counters(0), 5);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::CREATE, 10)), proto::OK);
  const proto::Request later = IncrementRequest(1, 2, "n", 3);
  EXPECT_EQ(group.Call(later).write().counters(0), 8);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::RESTORE, 10, 20)), proto::OK);
  EXPECT_EQ(Get(group, "n"), "5");

  // The restore forgets the row's change, not that it was made.
  EXPECT_EQ(group.Call(later).write().counters(0), 8);
  const int old_leader = group.leader();
  group.Kill(old_leader);
  ASSERT_NE(group.WaitForLeader(), old_leader);
  EXPECT_EQ(group.Call(increment).op().index(), first.op().index());
  EXPECT_EQ(group.Call(later).write().counters(0), 8);
  EXPECT_EQ(Get(group, "n"), "5");
  ASSERT_TRUE(group.Start(old_leader).ok());
  ExpectAgreement(group);
}

TEST(ReplicaTest, RepeatedSnapshotOperationsChangeNothing) {
  TestGroup group;
  group.WaitForLeader();
  group.Call(PutRequest(1, 1, "a", "old"));
  const proto::Reply created = group.Call(SnapshotRequest(Op::CREATE, 10));
  group.Call(PutRequest(1, 2, "a", "new"));
  EXPECT_EQ(group.Call(SnapshotRequest(Op::CREATE, 10)).op().index(), created.op().index());
  const proto::Reply restored = group.Call(SnapshotRequest(Op::RESTORE, 10, 20));
  EXPECT_EQ(Get(group, "a"), "old");
  group.Call(PutRequest(1, 3, "a", "newer"));
  EXPECT_EQ(group.Call(SnapshotRequest(Op::RESTORE, 10, 20)).op().index(), restored.op().index());
  EXPECT_EQ(Get(group, "a"), "newer");
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::DROP, 10)), proto::OK);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::DROP, 10)), proto::OK);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::CREATE, 10)), proto::SNAPSHOT_DELETED);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::RESTORE, 10, 21)), proto::NOT_FOUND);
  EXPECT_EQ(group.Call(SnapshotRequest(Op::RESTORE, 10, 20)).op().index(), restored.op().index());
  ExpectAgreement(group);
  EXPECT_THAT(*ListDirectory(group.disk(1).seam(), group.replica(1).layout().snapshots()), IsEmpty());
}

TEST(ReplicaTest, AnAbortedCreateNeverComesToLife) {
  TestGroup group;
  group.WaitForLeader();
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::ABORT_CREATE, 10)), proto::OK);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::CREATE, 10)), proto::SNAPSHOT_DELETED);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::CREATE, 11)), proto::OK);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::ABORT_CREATE, 11)), proto::OK);
  ExpectAgreement(group);
  EXPECT_THAT(*ListDirectory(group.disk(1).seam(), group.replica(1).layout().snapshots()), IsEmpty());
}

TEST(ReplicaTest, ARestoreIsNotRefusedForACreateThatIsStillToBeAppliedHere) {
  TestGroup group;
  const int leader = group.WaitForLeader();
  group.Call(PutRequest(1, 1, "a", "x"));
  group.HoldWorker(leader, true);
  const auto created = group.Send(leader, SnapshotRequest(Op::CREATE, 10));
  group.RunFor(200'000);
  ASSERT_FALSE(created->has_value());
  const auto restored = group.Send(leader, SnapshotRequest(Op::RESTORE, 10, 20));
  EXPECT_FALSE(restored->has_value()) << (*restored)->ShortDebugString();
  group.HoldWorker(leader, false);
  ASSERT_TRUE(group.RunUntil([&] { return restored->has_value(); }));
  EXPECT_EQ((*created)->code(), proto::OK);
  EXPECT_EQ((*restored)->code(), proto::OK) << (*restored)->message();
}

TEST(ReplicaTest, AMalformedRequestIsRefusedAndAppendsNothing) {
  TestGroup group;
  const int leader = group.WaitForLeader();
  ASSERT_TRUE(group.Settle());
  const OpId last = group.replica(leader).raft().status().last;
  std::vector<proto::Request> requests(6);
  requests[0] = PutRequest(1, 0, "a", "x");
  requests[1] = PutRequest(1, 1, "a", "x");
  requests[1].mutable_id()->set_client("short");
  requests[2] = PutRequest(1, 1, "a", "x");
  requests[2].mutable_write()->clear_mutations();
  requests[3].mutable_fence()->set_client("short");
  requests[4] = SnapshotRequest(Op::RESTORE, 10);
  requests[5] = SnapshotRequest(Op::CREATE, 10);
  requests[5].mutable_snapshot()->set_snapshot("../../escape");
  for (const proto::Request& request : requests) EXPECT_EQ(CodeOf(group, request), proto::BAD_REQUEST);
  EXPECT_EQ(group.replica(leader).raft().status().last, last);
}

TEST(ReplicaTest, AFollowerTakesNoRequest) {
  TestGroup group;
  const int follower = group.AnyFollower();
  group.RunFor(1'000'000);
  for (const proto::Request& request : {PutRequest(1, 1, "a", "x"), GetRequest("a"), SnapshotRequest(Op::CREATE, 10)}) {
    const auto reply = group.Send(follower, request);
    ASSERT_TRUE(reply->has_value());
    EXPECT_EQ((*reply)->code(), proto::NOT_LEADER);
    EXPECT_EQ(static_cast<int>((*reply)->leader_node()), group.leader());
  }
}

TEST(ReplicaTest, ADeposedLeaderReadsNothingAndAnswersWhatWaitedOnce) {
  TestGroup group;
  const int old_leader = group.WaitForLeader();
  group.Call(PutRequest(1, 1, "a", "old"));
  group.Disconnect(old_leader);
  const auto write = group.Send(old_leader, PutRequest(1, 2, "a", "lost"));
  const auto read = group.Send(old_leader, GetRequest("a"));
  ASSERT_NE(group.WaitForLeader(), old_leader);
  EXPECT_EQ(CodeOf(group, PutRequest(2, 1, "a", "new")), proto::OK);
  EXPECT_FALSE(read->has_value() && (*read)->code() == proto::OK);
  group.Connect(old_leader);
  ASSERT_TRUE(group.RunUntil([&] { return write->has_value() && read->has_value(); }));
  EXPECT_EQ((*write)->code(), proto::INDETERMINATE);
  EXPECT_EQ((*read)->code(), proto::NOT_LEADER);
  EXPECT_EQ(Get(group, "a"), "new");
  ExpectAgreement(group);
}

TEST(ReplicaTest, EntriesThatWaitForABarrierAreBounded) {
  NodeOptions options;
  options.proposals_pending_max = 8;
  TestGroup group(options);
  const int leader = group.WaitForLeader();
  group.Settle();
  group.HoldWorker(leader, true);
  group.Send(leader, SnapshotRequest(Op::CREATE, 10));
  std::vector<std::shared_ptr<std::optional<proto::Reply>>> answers;
  for (uint64_t n = 1; n <= 20; ++n) {
    answers.push_back(group.Send(leader, PutRequest(n, 1, "a", "x")));
    group.RunFor(20'000);
  }
  size_t refused = 0;
  for (const auto& answer : answers) refused += answer->has_value() && (*answer)->code() == proto::UNAVAILABLE;
  EXPECT_EQ(refused, 13u);
  group.HoldWorker(leader, false);
  EXPECT_TRUE(group.RunUntil([&] {
    return std::all_of(answers.begin(), answers.end(), [](const auto& answer) { return answer->has_value(); });
  }));
}

TEST(ReplicaTest, AFencedSessionIsClosedForGoodAndTellsWhatWasApplied) {
  TestGroup group;
  group.WaitForLeader();
  const proto::Request put = PutRequest(1, 1, "a", "x");
  EXPECT_EQ(CodeOf(group, put), proto::OK);
  proto::Request fence;
  fence.mutable_fence()->set_client(TestId(1));
  const proto::Reply closed = group.Call(fence);
  EXPECT_THAT(closed.fence().applied_sequences(), testing::ElementsAre(1u));
  EXPECT_EQ(CodeOf(group, put), proto::SESSION_CLOSED);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::CREATE, 10)), proto::OK);
  EXPECT_EQ(CodeOf(group, SnapshotRequest(Op::RESTORE, 10, 20)), proto::OK);
  EXPECT_EQ(CodeOf(group, PutRequest(1, 2, "a", "y")), proto::SESSION_CLOSED);
  EXPECT_EQ(Get(group, "a"), "x");
}

// --- Scans -----------------------------------------------------------------------------------------------------------

proto::Request ScanRequest(uint64_t pin = 0, const std::string& after = "") {
  proto::Request request;
  request.mutable_scan()->set_pin(pin);
  request.mutable_scan()->set_after_hash_key(after);
  return request;
}

class ScanTest : public testing::Test {
 protected:
  static constexpr int kRows = 10;
  ScanTest() : group_(Options()) {
    group_.WaitForLeader();
    for (int i = 0; i < kRows; ++i) WriteRow(i, "old");
  }
  static NodeOptions Options() {
    NodeOptions options;
    options.scan_page_rows = 3;
    return options;
  }
  void WriteRow(int i, const std::string& value) {
    EXPECT_EQ(CodeOf(group_, PutRequest(1, ++sequence_, absl::StrCat("key", i), value)), proto::OK);
  }
  TestGroup group_;
  uint64_t sequence_ = 0;
};

TEST_F(ScanTest, PagesShowOneVersionWhileWritesGoOn) {
  std::map<std::string, std::string> seen;
  proto::Reply page = group_.Call(ScanRequest());
  for (int i = 0;; ++i) {
    ASSERT_EQ(page.code(), proto::OK) << page.message();
    for (const proto::Row& row : page.scan().rows()) EXPECT_TRUE(seen.emplace(row.key(), row.value()).second);
    if (page.scan().pin() == 0) break;
    WriteRow(i % kRows, "new");
    page = group_.Call(ScanRequest(page.scan().pin(), page.scan().last_hash_key()));
  }
  EXPECT_THAT(seen, SizeIs(kRows));
  for (const auto& [key, value] : seen) EXPECT_EQ(value, "old") << key;
}

TEST_F(ScanTest, AScanDoesNotGoOnOverARestore) {
  EXPECT_EQ(CodeOf(group_, SnapshotRequest(Op::CREATE, 10)), proto::OK);
  const proto::Reply page = group_.Call(ScanRequest());
  EXPECT_EQ(CodeOf(group_, SnapshotRequest(Op::RESTORE, 10, 20)), proto::OK);
  EXPECT_EQ(CodeOf(group_, ScanRequest(page.scan().pin(), page.scan().last_hash_key())), proto::SCAN_EXPIRED);
}

TEST_F(ScanTest, AScanIsNotTakenForOneOfAnotherLifeOrReplica) {
  const int first = group_.leader();
  const proto::Reply old_page = group_.Call(ScanRequest());
  ASSERT_TRUE(group_.Start(first).ok());
  group_.WaitForLeader();
  const proto::Reply new_page = group_.Call(ScanRequest());
  ASSERT_NE(new_page.scan().pin(), 0u);
  EXPECT_NE(new_page.scan().pin(), old_page.scan().pin());
  EXPECT_EQ(CodeOf(group_, ScanRequest(old_page.scan().pin(), old_page.scan().last_hash_key())), proto::SCAN_EXPIRED);
}

TEST_F(ScanTest, NothingButRowsCanBeScannedWhateverItResumesAfter) {
  for (const std::string& after : {std::string("a"), std::string(1, '\0'), std::string("q"), std::string("zzz")}) {
    proto::Reply page = group_.Call(ScanRequest());
    page = group_.Call(ScanRequest(page.scan().pin(), after));
    ASSERT_EQ(page.code(), proto::OK);
    for (const proto::Row& row : page.scan().rows()) EXPECT_EQ(row.key().substr(0, 3), "key");
  }
}

TEST_F(ScanTest, AnIdleScanExpiresAndTheirNumberIsBounded) {
  const proto::Reply page = group_.Call(ScanRequest());
  for (int i = 1; i < group_.options().scan_pins_max; ++i) ASSERT_EQ(CodeOf(group_, ScanRequest()), proto::OK);
  const auto refused = group_.Send(group_.leader(), ScanRequest());
  ASSERT_TRUE(group_.RunUntil([&] { return refused->has_value(); }));
  EXPECT_EQ((*refused)->code(), proto::UNAVAILABLE);
  group_.RunFor(group_.options().scan_pin_us + 1'000'000);
  EXPECT_EQ(CodeOf(group_, ScanRequest(page.scan().pin(), page.scan().last_hash_key())), proto::SCAN_EXPIRED);
  EXPECT_EQ(CodeOf(group_, ScanRequest()), proto::OK);
}

proto::Request CloseRequest() {
  proto::Request request;
  request.mutable_close_tablet();
  return request;
}

TEST(ReplicaTest, AClosedTabletServesNoRowsWhateverIsRestored) {
  TestGroup group;
  ASSERT_EQ(group.Call(PutRequest(1, 1, "a", "x")).code(), proto::OK);
  ASSERT_EQ(group.Call(SnapshotRequest(proto::TabletSnapshotOp::CREATE, 1)).code(), proto::OK);
  const proto::Reply closed = group.Call(CloseRequest());
  ASSERT_EQ(closed.code(), proto::OK);
  EXPECT_EQ(group.Call(CloseRequest()).op().index(), closed.op().index());  // once is enough
  const auto refuses = [&group] {
    EXPECT_EQ(group.Call(PutRequest(1, 2, "a", "y")).code(), proto::TABLET_GONE);
    EXPECT_EQ(group.Call(GetRequest("a")).code(), proto::TABLET_GONE);
  };
  refuses();
  // Snapshot operations still come to their end.
  ASSERT_EQ(group.Call(SnapshotRequest(proto::TabletSnapshotOp::RESTORE, 1, 1)).code(), proto::OK);
  refuses();
  ASSERT_TRUE(group.Settle());
  for (int node = 1; node <= kTestNodes; ++node) ASSERT_TRUE(group.Start(node).ok());
  group.WaitForLeader();
  refuses();
  EXPECT_TRUE(group.fatal().empty());
}

}  // namespace
}  // namespace sut
