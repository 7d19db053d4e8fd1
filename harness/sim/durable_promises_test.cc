// A promise that a loss of power could still break is told; one that it can't break is not, however close it comes.

#include "harness/sim/durable_promises.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "harness/sim/test_disk.h"
#include "harness/sim/written_log.h"

namespace holdfast::sim {
namespace {

using sut::raft::Message;
using sut::raft::MessageType;
using ::testing::HasSubstr;
using ::testing::Optional;

// A replica's state, and the log files of its node.
class DurablePromisesTest : public testing::Test, private MutationObserver {
 protected:
  void SetUp() override {
    std::string path;
    for (const char* name : {"/sim", "/node-1", "/disk-1", "/yb-data", "/tserver", "/raft-log"}) {
      path += name;
      ASSERT_TRUE(disk_.MakeDirectory(path).ok());
    }
    ASSERT_TRUE(disk_.Create(kLog).ok());
    ASSERT_TRUE(disk_.Create(kNextLog).ok());
    disk_.fs.SetObserver(this);
    status_.self = sut::ReplicaId{1};
    See();
  }

  // The end of an event.
  DurablePromises::Violation See() {
    status_.last = log_.empty() ? status_.start.last : log_.back().op;
    const auto violation =
        promises_.Observe(incarnation_, status_, log_, written_.marked(), [this] { return written_.Durable(); });
    written_.Mark();
    return violation;
  }
  // A replica's log grows by an entry, which is written in the same event.
  void AddEntry(uint64_t term, const std::string& path = kLog) {
    log_.push_back({.op = {sut::Term{term}, sut::Index{status_.start.last.index.value + log_.size() + 1}}});
    ++status_.log_changes;
    Write(path);
    EXPECT_EQ(See(), std::nullopt);
  }
  void EnterTerm(uint64_t term, uint64_t vote = 0) {
    status_.term = sut::Term{term};
    status_.vote = sut::ReplicaId{vote};
    Write(kLog);
    EXPECT_EQ(See(), std::nullopt);
  }
  void Write(const std::string& path) { ASSERT_TRUE(disk_.Append(path, "record").ok()); }
  void Sync(const std::string& path = kLog) { ASSERT_TRUE(disk_.SyncFile(path).ok()); }
  DurablePromises::Violation Send(MessageType type, uint64_t match = 0, bool granted = true) {
    Message message;
    message.type = type;
    message.from = status_.self;
    message.to = sut::ReplicaId{2};
    message.term = status_.term;
    message.granted = granted;
    message.match = sut::Index{match};
    return promises_.ObserveSent(message, written_.Durable());
  }
  DurablePromises::Violation Acknowledge(uint64_t match) { return Send(MessageType::kAppendReply, match); }

  static constexpr char kLog[] = "/sim/node-1/disk-1/yb-data/tserver/raft-log/000004.log";
  static constexpr char kNextLog[] = "/sim/node-1/disk-1/yb-data/tserver/raft-log/000007.log";

  Disk disk_;
  WrittenLog written_{&disk_.fs};
  DurablePromises promises_;
  uint64_t incarnation_ = 1;
  sut::raft::Status status_;
  std::vector<sut::raft::Entry> log_;

 private:
  MutationVerdict OnMutation(const Mutation& mutation) override {
    written_.OnMutation(mutation);
    return {};
  }
};

TEST_F(DurablePromisesTest, AnEntryIsAcknowledgedOnceItIsSynced) {
  AddEntry(0);
  EXPECT_THAT(Acknowledge(1), Optional(HasSubstr("replica 1 acknowledges index 1, and a loss of power can")));
  Sync();
  EXPECT_EQ(Acknowledge(1), std::nullopt);
}

TEST_F(DurablePromisesTest, ASyncCoversWhatCameBeforeIt) {
  AddEntry(0);
  Sync();
  AddEntry(0);
  EXPECT_EQ(Acknowledge(1), std::nullopt);
  EXPECT_THAT(Acknowledge(2), Optional(HasSubstr("acknowledges index 2")));
}

TEST_F(DurablePromisesTest, NobodyAcknowledgesWhatItsLogLacks) {
  EXPECT_THAT(Acknowledge(1), Optional(HasSubstr("acknowledges index 1")));
}

TEST_F(DurablePromisesTest, ARefusalPromisesNothing) {
  AddEntry(0);
  EXPECT_EQ(Send(MessageType::kAppendReply, 1, false), std::nullopt);
  EXPECT_EQ(Send(MessageType::kVoteReply, 0, false), std::nullopt);
}

TEST_F(DurablePromisesTest, AVoteIsSyncedBeforeItIsGiven) {
  EnterTerm(4, 2);
  EXPECT_THAT(Send(MessageType::kVoteReply), Optional(HasSubstr("replica 1 votes in term 4 for 2")));
  Sync();
  EXPECT_EQ(Send(MessageType::kVoteReply), std::nullopt);
}

TEST_F(DurablePromisesTest, ACandidateVotesForItselfBeforeItAsksOthers) {
  EnterTerm(4, 1);
  EXPECT_THAT(Send(MessageType::kVote, 0, false), Optional(HasSubstr("votes in term 4 for 1")));
  Sync();
  EXPECT_EQ(Send(MessageType::kVote, 0, false), std::nullopt);
}

TEST_F(DurablePromisesTest, ATermIsSyncedBeforeEntriesAreAcknowledgedInIt) {
  AddEntry(0);
  Sync();
  EnterTerm(3);
  EXPECT_THAT(Acknowledge(1), Optional(HasSubstr("in term 3, which is new to it")));
  Sync();
  EXPECT_EQ(Acknowledge(1), std::nullopt);
}

TEST_F(DurablePromisesTest, ALeaderCountsOnItsOwnEntriesOnceTheyAreSynced) {
  AddEntry(0);
  status_.persisted = sut::Index{1};
  EXPECT_THAT(See(), Optional(HasSubstr("counts on its entries up to index 1")));
  AddEntry(0);
  Sync();
  status_.persisted = sut::Index{2};
  EXPECT_EQ(See(), std::nullopt);
}

TEST_F(DurablePromisesTest, AnEntryIsAppliedOnceItIsSynced) {
  AddEntry(0);
  EXPECT_THAT(promises_.ObserveApplied(sut::Index{1}, written_.Durable()), Optional(HasSubstr("applies index 1")));
  Sync();
  EXPECT_EQ(promises_.ObserveApplied(sut::Index{1}, written_.Durable()), std::nullopt);
}

TEST_F(DurablePromisesTest, EntriesThatReplaceOthersAreSyncedAgain) {
  AddEntry(0);
  AddEntry(0);
  Sync();
  log_.pop_back();
  AddEntry(1);
  EXPECT_EQ(Acknowledge(1), std::nullopt);
  EXPECT_THAT(Acknowledge(2), Optional(HasSubstr("acknowledges index 2")));
}

TEST_F(DurablePromisesTest, TheSyncOfAnotherFileDoesNotHelp) {
  AddEntry(0);
  AddEntry(0, kNextLog);
  Sync(kNextLog);
  EXPECT_THAT(Acknowledge(1), Optional(HasSubstr("acknowledges index 1")));
  EXPECT_THAT(Acknowledge(2), Optional(HasSubstr("acknowledges index 2"))) << "records behind a hole are not read";
  Sync();
  EXPECT_EQ(Acknowledge(2), std::nullopt);
}

TEST_F(DurablePromisesTest, WhatTableFilesHaveTakenOverIsDurable) {
  AddEntry(0);
  ASSERT_TRUE(disk_.Unlink(kLog).ok());
  EXPECT_EQ(Acknowledge(1), std::nullopt);
}

TEST_F(DurablePromisesTest, WhatASnapshotCoversOrAProcessFoundIsNotJudged) {
  AddEntry(0);
  status_.start.last = {sut::Term{0}, sut::Index{1}};
  log_.clear();
  ++status_.log_changes;
  EXPECT_EQ(See(), std::nullopt);
  EXPECT_EQ(Acknowledge(1), std::nullopt);
  AddEntry(0);
  ++incarnation_;
  written_.Restart();
  EXPECT_EQ(See(), std::nullopt);
  EXPECT_EQ(Acknowledge(2), std::nullopt);
}

}  // namespace
}  // namespace holdfast::sim
