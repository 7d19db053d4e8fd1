// What a check says is what the replicas said: fine only if all have shown the right directory.

#include "sut/master/placement_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "sut/master/catalogue_commands.h"
#include "sut/master/fake_master_group.h"
#include "sut/master/manual_time.h"

namespace sut {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace commands;  // NOLINT: short names for what a test is made of

constexpr int64_t kAskAgain = 1000;

class PlacementCheckTest : public ::testing::Test {
 protected:
  PlacementCheckTest() {
    ApplyTransition(Decide(state_, CreateTable(1, 2), {}), &state_);
    snapshot_.set_id(Bytes(Snapshot(1)));
    for (uint64_t i = 0; i < 2; ++i) {
      auto* part = snapshot_.add_tablets();
      part->set_tablet(Bytes(Tablet(1, i)));
      part->mutable_source()->set_snapshot(Bytes(Snapshot(50)));
      part->mutable_source()->set_tablet(Bytes(Tablet(9, i)));
      part->mutable_source()->mutable_op()->set_index(30 + i);
      part->mutable_source()->set_rows(3);
    }
  }
  void Run() {
    check_.Run(state_, snapshot_, [this](const absl::Status& status) { ends_.push_back(status); });
  }
  // What a replica says that holds the right directory.
  proto::Reply Right(const proto::Request& request) {
    proto::Reply reply;
    auto* metadata = reply.mutable_inspection()->mutable_metadata();
    for (int i = 0; i < 2; ++i) {
      const auto& part = snapshot_.tablets(i);
      if (part.tablet() != request.tablet()) continue;
      metadata->set_snapshot(part.source().snapshot());
      metadata->set_tablet(part.source().tablet());
      *metadata->mutable_op() = part.source().op();
      const auto* tablet = FindTablet(state_, Tablet(1, static_cast<uint64_t>(i)));
      metadata->set_hash_begin(tablet->hash_begin());
      metadata->set_hash_end(tablet->hash_end());
    }
    reply.mutable_inspection()->set_rows(3);
    return reply;
  }

  CatalogueState state_;
  proto::SnapshotInfo snapshot_;
  ManualTime time_;
  FakeSender sender_;
  std::vector<absl::Status> ends_;
  PlacementCheck check_{
      {.ask_again_us = kAskAgain, .timeout_us = 5 * kAskAgain, .calls_in_flight_max = 4}, &time_, &sender_};
};

TEST_F(PlacementCheckTest, EveryReplicaOfEveryTabletIsAskedAFewAtATime) {
  Run();
  Run();  // joins the first
  size_t asked = 0;
  while (!sender_.sent.empty()) {
    const auto calls = sender_.Take();
    EXPECT_LE(calls.size(), 4u);
    asked += calls.size();
    for (const auto& call : calls) call.on_reply(Right(call.request));
  }
  EXPECT_EQ(asked, 6u);
  ASSERT_THAT(ends_, SizeIs(2));
  EXPECT_TRUE(ends_[0].ok() && ends_[1].ok()) << ends_[0];
  time_.Advance(10 * kAskAgain);
  EXPECT_THAT(sender_.sent, IsEmpty());
}

TEST_F(PlacementCheckTest, TheFirstWrongDirectoryEndsItWithNodeAndTablet) {
  Run();
  auto calls = sender_.Take();
  calls[0].on_reply(Right(calls[0].request));
  proto::Reply wrong = Right(calls[1].request);
  wrong.mutable_inspection()->set_rows(4);
  calls[1].on_reply(wrong);
  ASSERT_THAT(ends_, SizeIs(1));
  EXPECT_THAT(ends_[0].message(), HasSubstr("node 2: tablet-" + Hex(Tablet(1, 0)) + ".snapshots/" + Hex(Snapshot(1)) +
                                            " is not what was exported: its rows"));
  calls[2].on_reply(Right(calls[2].request));  // too late to matter
  EXPECT_THAT(ends_, SizeIs(1));

  sender_.Take();
  Run();
  calls = sender_.Take();
  proto::Reply missing;
  missing.set_code(proto::NOT_FOUND);
  calls[2].on_reply(missing);
  ASSERT_THAT(ends_, SizeIs(2));
  EXPECT_THAT(ends_[1].message(), HasSubstr("node 3: tablet-" + Hex(Tablet(1, 0))));
  EXPECT_THAT(ends_[1].message(), HasSubstr("is not there"));
}

TEST_F(PlacementCheckTest, ANodeThatDoesNotAnswerIsAskedAgainAndNamedInTheEnd) {
  Run();
  for (int round = 0; round < 5; ++round) {
    for (const auto& call : sender_.Take()) {
      if (call.to != NodeId{3}) call.on_reply(Right(call.request));
    }
    EXPECT_THAT(ends_, IsEmpty());
    time_.Advance(kAskAgain);
  }
  ASSERT_THAT(ends_, SizeIs(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(ends_[0]));
  EXPECT_THAT(ends_[0].message(), HasSubstr("node 3 did not show"));
}

}  // namespace
}  // namespace sut
