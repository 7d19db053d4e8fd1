// What runs on a Worker: sequences of steps, and the syncs of the Raft log.

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/test_disk.h"
#include "sut/tablet/log_writer.h"
#include "sut/tablet/sequence.h"

namespace sut {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Runs a job when the test says so.
class ManualWorker : public Worker {
 public:
  void Run(LogicalIdentity, std::function<void()> job, std::function<void()> done) override {
    jobs_.push_back({std::move(job), std::move(done)});
  }
  bool RunOne() {
    if (jobs_.empty()) return false;
    auto [job, done] = std::move(jobs_.front());
    jobs_.pop_front();
    job();
    done();
    return true;
  }
  size_t waiting() const { return jobs_.size(); }

 private:
  std::deque<std::pair<std::function<void()>, std::function<void()>>> jobs_;
};

class NoProbes : public ProbeSink {
 public:
  void Hit(Probe, TabletId) override {}
};

TEST(SequenceTest, StepsRunOneAnEventAndThenDoneOnce) {
  ManualWorker worker;
  std::vector<std::string> seen;
  const auto step = [&seen](std::string name) {
    return [&seen, name] {
      seen.push_back(name);
      return absl::OkStatus();
    };
  };
  RunSequence(&worker, {}, {step("a"), step("b")}, [&seen](absl::Status status) { seen.push_back(status.ToString()); });
  EXPECT_THAT(seen, IsEmpty());
  EXPECT_TRUE(worker.RunOne());
  EXPECT_THAT(seen, ElementsAre("a"));
  EXPECT_TRUE(worker.RunOne());
  EXPECT_FALSE(worker.RunOne());
  EXPECT_THAT(seen, ElementsAre("a", "b", "OK"));
}

TEST(SequenceTest, TheFirstErrorEndsIt) {
  ManualWorker worker;
  bool later = false;
  absl::Status ended;
  RunSequence(&worker, {},
              {[] { return absl::DataLossError("rot"); },
               [&later] {
                 later = true;
                 return absl::OkStatus();
               }},
              [&ended](absl::Status status) { ended = std::move(status); });
  while (worker.RunOne()) {
  }
  EXPECT_FALSE(later);
  EXPECT_TRUE(absl::IsDataLoss(ended));
}

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    seams_.log_worker = &worker_;
    seams_.probes = &probes_;
    seams_.on_fatal = [this](const std::string& reason) { fatal_.push_back(reason); };
    auto opened = LogStore::Open(disk_.seam(), disk_.root() + "/log");
    EXPECT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    writer_ = std::make_unique<LogWriter>(store_.get(), &seams_);
  }
  void Submit(uint64_t index) {
    LogStore::GroupWrite write;
    write.tablet = TabletId{1, 2};
    write.entries.push_back({.op = {Term{1}, Index{index}}, .type = raft::EntryType::kNoop, .time = {}, .data = ""});
    writer_->Submit(write, [this, index] { synced_.push_back(index); });
  }

  TestDisk disk_{TestDisk::Threads::kNone};
  ManualWorker worker_;
  NoProbes probes_;
  Seams seams_;
  std::unique_ptr<LogStore> store_;
  std::unique_ptr<LogWriter> writer_;
  std::vector<uint64_t> synced_;
  std::vector<std::string> fatal_;
};

TEST_F(LogWriterTest, OneSyncServesAllThatGatheredWhileAnotherRan) {
  Submit(1);
  Submit(2);
  Submit(3);
  EXPECT_EQ(worker_.waiting(), 1u);
  worker_.RunOne();
  EXPECT_THAT(synced_, ElementsAre(1));
  EXPECT_EQ(worker_.waiting(), 1u);
  worker_.RunOne();
  EXPECT_THAT(synced_, ElementsAre(1, 2, 3));
  EXPECT_FALSE(worker_.RunOne());
}

TEST_F(LogWriterTest, WhatNeedsNoSyncWaitsForThoseThatWereAskedForBefore) {
  bool first = false;
  writer_->AfterPending([&first] { first = true; });
  EXPECT_TRUE(first) << "nothing was pending";
  Submit(1);
  std::vector<uint64_t> after;
  writer_->AfterPending([&] { after = synced_; });
  Submit(2);
  EXPECT_THAT(after, IsEmpty());
  worker_.RunOne();
  EXPECT_THAT(after, ElementsAre(1));
}

TEST_F(LogWriterTest, AFailedSyncIsFatalOnceAndNothingIsReportedAfterIt) {
  Submit(1);
  Submit(2);
  disk_.FailSyncs(true);
  worker_.RunOne();
  disk_.FailSyncs(false);
  Submit(3);
  bool after = false;
  writer_->AfterPending([&after] { after = true; });
  while (worker_.RunOne()) {
  }
  EXPECT_THAT(fatal_, SizeIs(1));
  EXPECT_THAT(synced_, IsEmpty());
  EXPECT_FALSE(after);
}

TEST_F(LogWriterTest, ALogThatFallsBehindStopsTheNodeInsteadOfEatingItsMemory) {
  for (uint64_t index = 1; index <= LogWriter::kWaitingMax + 10 && fatal_.empty(); ++index) Submit(index);
  EXPECT_THAT(fatal_, SizeIs(1));
}

}  // namespace
}  // namespace sut
