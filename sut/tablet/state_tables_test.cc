// The parts of a replica's state machine, each alone on a store: rows, remembered requests, markers, partitions.

#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/test_disk.h"
#include "sut/tablet/markers.h"
#include "sut/tablet/partition.h"
#include "sut/tablet/row_machine.h"
#include "sut/tablet/session_table.h"

namespace sut {
namespace {

using testing::ElementsAre;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    store_.reset();
    TabletStore::OpenOptions open;
    open.create = true;
    auto opened = TabletStore::Open(disk_.seam(), disk_.root() + "/store", open);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  void Commit(const StoreBatch& batch) {
    ASSERT_TRUE(store_->Commit(batch, {Term{1}, Index{store_->applied().index.value + 1}}).ok());
    ASSERT_TRUE(store_->Flush().ok());
  }
  TestDisk disk_{TestDisk::Threads::kNone};
  std::shared_ptr<TabletStore> store_;
};

// --- Rows ------------------------------------------------------------------------------------------------------------

class RowMachineTest : public StoreTest {
 protected:
  static proto::Mutation Change(proto::Mutation::Kind kind, const std::string& value = "", int64_t delta = 0) {
    proto::Mutation mutation;
    mutation.set_kind(kind);
    mutation.set_key("k");
    mutation.set_value(value);
    mutation.set_delta(delta);
    return mutation;
  }
  proto::Reply Apply(std::initializer_list<proto::Mutation> mutations) {
    proto::Command command;
    for (const proto::Mutation& mutation : mutations) *command.mutable_write()->add_mutations() = mutation;
    StoreBatch batch;
    auto reply = machine_.Apply(command, {}, {}, *store_, &batch);
    EXPECT_TRUE(reply.ok()) << reply.status();
    Commit(batch);
    return *std::move(reply);
  }
  std::optional<std::string> Row() { return *store_->Get(RowStoreKey("k")); }
  RowMachine machine_{HashRange{}};
};

TEST_F(RowMachineTest, ALaterMutationOfABatchSeesTheEarlierOnes) {
  const proto::Reply reply = Apply({Change(proto::Mutation::PUT, "7"), Change(proto::Mutation::INCREMENT, "", 3),
                                    Change(proto::Mutation::DELETE), Change(proto::Mutation::INCREMENT, "", -2)});
  EXPECT_EQ(reply.code(), proto::OK);
  EXPECT_THAT(reply.write().counters(), ElementsAre(10, -2));
  EXPECT_EQ(Row(), "-2");
}

TEST_F(RowMachineTest, ARefusedMutationRefusesItsWholeBatch) {
  Apply({Change(proto::Mutation::PUT, "text")});
  EXPECT_EQ(Apply({Change(proto::Mutation::DELETE), Change(proto::Mutation::PUT, "x"),
                   Change(proto::Mutation::INCREMENT, "", 1)})
                .code(),
            proto::WRONG_TYPE);
  EXPECT_EQ(Row(), "text");
  Apply({Change(proto::Mutation::PUT, absl::StrCat(std::numeric_limits<int64_t>::max()))});
  EXPECT_EQ(Apply({Change(proto::Mutation::INCREMENT, "", 1)}).code(), proto::WRONG_TYPE);
}

TEST_F(RowMachineTest, AKeyOfAnotherTabletIsRefusedBeforeItIsAppended) {
  const uint32_t hash = PartitionHash("k");
  proto::Write write;
  EXPECT_FALSE(machine_.Validate(write).ok());
  write.add_mutations()->set_key("k");
  EXPECT_TRUE(machine_.Validate(write).ok());
  EXPECT_TRUE(RowMachine(HashRange{hash, hash + 1}).Validate(write).ok());
  EXPECT_FALSE(RowMachine(HashRange{hash + 1, kHashSpace}).Validate(write).ok());
  EXPECT_FALSE(RowMachine(HashRange{0, hash}).Validate(write).ok());
}

TEST(ParseCounterTest, OnlyWhatTheMachineWritesIsANumber) {
  EXPECT_EQ(ParseCounter("-12"), -12);
  EXPECT_EQ(ParseCounter("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* text : {"", "007", "-0", "+1", " 1", "1 ", "1x", "9223372036854775808"}) {
    EXPECT_EQ(ParseCounter(text), std::nullopt) << text;
  }
}

// --- Partitions ------------------------------------------------------------------------------------------------------

TEST(PartitionTest, TheTabletsOfATableShareTheHashSpaceWithoutGapOrOverlap) {
  for (const uint32_t tablets : {1u, 2u, 3u, 7u, 1000u, kHashSpace}) {
    uint32_t covered = 0;
    for (uint32_t ordinal = 0; ordinal < tablets; ++ordinal) {
      const HashRange range = TabletRange(ordinal, tablets);
      EXPECT_EQ(range.begin, covered);
      EXPECT_GT(range.end, range.begin);
      covered = range.end;
    }
    EXPECT_EQ(covered, kHashSpace);
  }
}

TEST(PartitionTest, AStoreKeyGivesBackItsUserKeyAndLiesAmongTheRows) {
  const auto [begin, end] = KeySpaceRange(KeySpace::kRow);
  for (const std::string& key : {std::string(), std::string("a"), std::string("\0\xff", 2), std::string(1000, 'z')}) {
    const std::string stored = RowStoreKey(key);
    EXPECT_EQ(RowUserKey(stored), key);
    EXPECT_GE(stored, begin);
    EXPECT_LT(stored, end);
  }
}

// --- Remembered requests ---------------------------------------------------------------------------------------------

class SessionTableTest : public StoreTest {
 protected:
  static proto::RequestId Request(uint64_t sequence, uint64_t first_incomplete = 0) {
    proto::RequestId request;
    request.set_client(UuidBytes(1, 2));
    request.set_sequence(sequence);
    request.set_first_incomplete(first_incomplete);
    return request;
  }
  void Remember(const proto::RequestId& request, proto::Code code = proto::OK) {
    proto::Reply reply;
    reply.set_code(code);
    reply.mutable_op()->set_index(request.sequence());
    StoreBatch batch;
    table_.Remember(request, reply, &batch);
    Commit(batch);
  }
  // The table, and what a restart reads of it, say the same.
  std::optional<proto::Reply> Lookup(const proto::RequestId& request) {
    SessionTable loaded;
    EXPECT_TRUE(loaded.Load(*store_).ok());
    const auto expected = table_.Lookup(request);
    const auto found = loaded.Lookup(request);
    EXPECT_EQ(found ? found->SerializeAsString() : "", expected ? expected->SerializeAsString() : "");
    return found;
  }
  SessionTable table_;
};

TEST_F(SessionTableTest, ARememberedRequestIsAnsweredWithTheSameReply) {
  EXPECT_EQ(Lookup(Request(1)), std::nullopt);
  Remember(Request(1));
  Remember(Request(3), proto::WRONG_TYPE);
  EXPECT_EQ(Lookup(Request(1))->op().index(), 1u);
  EXPECT_EQ(Lookup(Request(2)), std::nullopt);
  EXPECT_EQ(Lookup(Request(3))->code(), proto::WRONG_TYPE);
}

TEST_F(SessionTableTest, WhatIsAcknowledgedIsForgottenAndNeverAppliedAgain) {
  Remember(Request(1));
  Remember(Request(2));
  Remember(Request(3, 3));
  EXPECT_EQ(Lookup(Request(1))->code(), proto::STALE_REQUEST);
  EXPECT_EQ(Lookup(Request(2))->code(), proto::STALE_REQUEST);
  EXPECT_EQ(Lookup(Request(3))->code(), proto::OK);
  Remember(Request(4, 2));  // an old message does not lower the bound
  EXPECT_EQ(Lookup(Request(2))->code(), proto::STALE_REQUEST);
  const auto [begin, end] = KeySpaceRange(KeySpace::kRequest);
  int kept = 0;
  ASSERT_TRUE(store_->Latest().Scan(begin, end, [&](auto, auto) { return ++kept > 0; }).ok());
  EXPECT_EQ(kept, 2);
}

TEST_F(SessionTableTest, AClosedSessionTakesNothingMoreAndTellsWhatWasApplied) {
  Remember(Request(1));
  Remember(Request(2), proto::WRONG_TYPE);
  StoreBatch batch;
  const proto::Reply reply = table_.Close(ClientId{1, 2}, &batch);
  Commit(batch);
  EXPECT_THAT(reply.fence().applied_sequences(), ElementsAre(1u));
  EXPECT_EQ(Lookup(Request(1))->code(), proto::SESSION_CLOSED);
  EXPECT_EQ(Lookup(Request(9))->code(), proto::SESSION_CLOSED);
}

TEST_F(SessionTableTest, ADamagedRecordIsRefused) {
  StoreBatch batch;
  batch.Put(StoreKey(KeySpace::kSession, "short"), "");
  Commit(batch);
  EXPECT_TRUE(absl::IsDataLoss(SessionTable().Load(*store_)));
}

TEST(ValidRequestTest, AClientAndASequenceThatIsNotAcknowledgedYetAreNeeded) {
  proto::RequestId request;
  EXPECT_FALSE(ValidRequest(request));
  request.set_client(UuidBytes(1, 2));
  EXPECT_FALSE(ValidRequest(request));
  request.set_sequence(4);
  EXPECT_TRUE(ValidRequest(request));
  request.set_first_incomplete(5);
  EXPECT_FALSE(ValidRequest(request));
}

// --- Markers ---------------------------------------------------------------------------------------------------------

class MarkersTest : public StoreTest {};

TEST_F(MarkersTest, MarksSurviveARestartAndNameTheLiveSnapshots) {
  Markers markers;
  StoreBatch batch;
  proto::SnapshotMarker marker;
  for (const auto state :
       {proto::SnapshotMarker::DROPPED, proto::SnapshotMarker::CREATED, proto::SnapshotMarker::ABORTED}) {
    marker.set_state(state);
    markers.Put(SnapshotId{1, static_cast<uint64_t>(state)}, marker, &batch);
  }
  proto::RestorationMarker restoration;
  restoration.mutable_op()->set_index(9);
  markers.Put(RestorationId{3, 4}, restoration, &batch);
  Commit(batch);
  Reopen();
  Markers loaded;
  ASSERT_TRUE(loaded.Load(*store_).ok());
  for (const Markers& each : {markers, loaded}) {
    EXPECT_THAT(each.live_snapshots(), ElementsAre(SnapshotId{1, proto::SnapshotMarker::CREATED}));
    EXPECT_EQ(each.snapshot(SnapshotId{1, proto::SnapshotMarker::DROPPED})->state(), proto::SnapshotMarker::DROPPED);
    EXPECT_FALSE(each.snapshot(SnapshotId{3, 4}).has_value());
    EXPECT_EQ(each.restoration(RestorationId{3, 4})->op().index(), 9u);
  }
}

TEST_F(MarkersTest, ADamagedMarkIsRefused) {
  StoreBatch batch;
  batch.Put(StoreKey(KeySpace::kMarker, absl::StrCat("x", UuidBytes(1, 2))), "");
  Commit(batch);
  EXPECT_TRUE(absl::IsDataLoss(Markers().Load(*store_)));
}

}  // namespace
}  // namespace sut
