#include "harness/check/linearizability.h"

#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "harness/history/recorder.h"

namespace holdfast::check {
namespace {

using history::Call;
using history::Kind;
using history::Recorder;
using history::Reply;
using Rows = std::vector<std::pair<std::string, std::string>>;

class Linearizability : public ::testing::Test {
 protected:
  size_t Invoke(Kind kind, const std::string& key = "", const std::string& value = "", uint32_t object = 0) {
    Call call;
    call.kind = kind;
    call.object = object;
    call.process = next_process_++;
    call.key = key;
    call.value = value;
    return recorder_.Invoke(call);
  }
  void Ok(size_t position) { recorder_.Ok(position, {}); }
  void Put(const std::string& key, const std::string& value) { Ok(Invoke(Kind::kPut, key, value)); }
  void Found(size_t get, const std::string& value) {
    Reply reply;
    reply.value = value;
    recorder_.Ok(get, reply);
  }
  void Absent(size_t get) {
    Reply reply;
    reply.absent = true;
    recorder_.Ok(get, reply);
  }
  void OkRows(size_t position, const Rows& rows) {
    Reply reply;
    reply.rows = rows;
    recorder_.Ok(position, reply);
  }
  size_t InvokeBatch(const std::vector<history::BatchPart>& parts) {
    Call call;
    call.kind = Kind::kBatch;
    call.process = next_process_++;
    call.batch = parts;
    return recorder_.Invoke(call);
  }
  LinearizabilityResult Check(Model model = Model::kSnapshotMap) {
    LinearizabilityOptions options;
    options.model = model;
    options.limits = limits_;
    return CheckLinearizability(recorder_.history(), options);
  }

  Recorder recorder_;
  Limits limits_;
  uint32_t next_process_ = 0;
};

TEST_F(Linearizability, EmptyHistoryIsVacuous) { EXPECT_EQ(Check().verdict, Verdict::kVacuous); }

TEST_F(Linearizability, StaleReadIsAViolationWithItsEvidence) {
  Put("a", "1");
  Put("a", "2");
  Found(Invoke(Kind::kGet, "a"), "1");
  Found(Invoke(Kind::kGet, "a"), "2");
  const LinearizabilityResult result = Check();
  ASSERT_EQ(result.verdict, Verdict::kFail);
  ASSERT_TRUE(result.evidence.has_value());
  EXPECT_EQ(result.evidence->prefix_end, 5);
  EXPECT_EQ(result.evidence->prefix_operation_count, 3u);
  EXPECT_EQ(result.evidence->unplaceable, std::vector<size_t>{2});
  ASSERT_EQ(result.evidence->obstacles.size(), 1u);
  EXPECT_EQ(result.evidence->obstacles[0].key, "a");
  EXPECT_EQ(result.evidence->obstacles[0].needed, "\"1\"");
  EXPECT_EQ(result.evidence->obstacles[0].found, std::vector<std::string>{"\"2\""});
  EXPECT_EQ(result.evidence->longest_order, (std::vector<size_t>{0, 1}));
  EXPECT_NE(result.evidence->Text(recorder_.history()).find("cannot be placed"), std::string::npos);
}

TEST_F(Linearizability, TheShortestWrongPrefixIsWrongAndOneEventLessIsNot) {
  Put("a", "1");
  const size_t slow = Invoke(Kind::kGet, "a");
  Put("a", "2");
  Found(Invoke(Kind::kGet, "a"), "2");
  Found(slow, "3");
  Put("a", "3");
  const LinearizabilityResult result = Check();
  ASSERT_EQ(result.verdict, Verdict::kFail);
  // The slow get ends at event 7 with a value that nobody had written.
  EXPECT_EQ(result.evidence->prefix_end, 7);
}

TEST_F(Linearizability, RestoreBringsBackExactlyTheSnapshot) {
  Put("a", "1");
  OkRows(Invoke(Kind::kSnapshot, "s"), {{"a", "1"}});
  Put("a", "2");
  Put("b", "3");
  Ok(Invoke(Kind::kRestore, "s"));
  Found(Invoke(Kind::kGet, "a"), "1");
  Absent(Invoke(Kind::kGet, "b"));
  EXPECT_EQ(Check().verdict, Verdict::kPass);
}

TEST_F(Linearizability, RestoreThatKeepsARowIsAViolation) {
  Put("a", "1");
  Ok(Invoke(Kind::kSnapshot, "s"));
  Put("b", "3");
  Ok(Invoke(Kind::kRestore, "s"));
  Found(Invoke(Kind::kGet, "b"), "3");
  EXPECT_EQ(Check().verdict, Verdict::kFail);
}

TEST_F(Linearizability, IndeterminateRestoreMayBeSeenLater) {
  Put("a", "1");
  Ok(Invoke(Kind::kSnapshot, "s"));
  Put("a", "2");
  Invoke(Kind::kRestore, "s");
  Found(Invoke(Kind::kGet, "a"), "2");
  Put("b", "3");
  Found(Invoke(Kind::kGet, "a"), "1");
  EXPECT_EQ(Check().verdict, Verdict::kPass);
}

TEST_F(Linearizability, IndeterminateRestoreIsSeenWhole) {
  Put("a", "1");
  Put("b", "1");
  Ok(Invoke(Kind::kSnapshot, "s"));
  Put("a", "2");
  Put("b", "2");
  Invoke(Kind::kRestore, "s");
  Found(Invoke(Kind::kGet, "a"), "1");
  Found(Invoke(Kind::kGet, "b"), "2");
  EXPECT_EQ(Check().verdict, Verdict::kFail);
}

TEST_F(Linearizability, RestoreOfADroppedSnapshotIsAViolation) {
  Ok(Invoke(Kind::kSnapshot, "s"));
  Ok(Invoke(Kind::kDrop, "s"));
  Ok(Invoke(Kind::kRestore, "s"));
  EXPECT_EQ(Check().verdict, Verdict::kFail);
}

TEST_F(Linearizability, ClosedWindowForbidsALaterEffect) {
  Put("a", "1");
  const size_t put = Invoke(Kind::kPut, "a", "2");
  recorder_.Indeterminate(put);
  recorder_.CloseWindow(put);
  Found(Invoke(Kind::kGet, "a"), "1");
  EXPECT_EQ(Check().verdict, Verdict::kPass);
  Found(Invoke(Kind::kGet, "a"), "2");
  EXPECT_EQ(Check().verdict, Verdict::kFail);
}

TEST_F(Linearizability, IndeterminateBatchIsAllOrNothing) {
  Put("a", "1");
  Put("b", "1");
  InvokeBatch({{Kind::kPut, "a", "2", 0}, {Kind::kDelete, "b", "", 0}});
  Found(Invoke(Kind::kGet, "a"), "2");
  Absent(Invoke(Kind::kGet, "b"));
  EXPECT_EQ(Check().verdict, Verdict::kPass);
  Found(Invoke(Kind::kGet, "b"), "1");
  EXPECT_EQ(Check().verdict, Verdict::kFail);
}

TEST_F(Linearizability, OptionalBatchNeededBehindALaterWriteIsFound) {
  // The batch deletes b, and its put of a is overwritten before anybody looks.
  Put("b", "1");
  InvokeBatch({{Kind::kPut, "a", "2", 0}, {Kind::kDelete, "b", "", 0}});
  Put("a", "3");
  Absent(Invoke(Kind::kGet, "b"));
  Found(Invoke(Kind::kGet, "a"), "3");
  EXPECT_EQ(Check().verdict, Verdict::kPass);
}

TEST_F(Linearizability, ATornBatchIsShownByItsOwnPrefixAndNotByALaterFault) {
  // Either batch may never have happened, so neither is settled; taken apart, they would allow what the gets saw.
  InvokeBatch({{Kind::kPut, "a", "1", 0}, {Kind::kPut, "b", "1", 0}});
  InvokeBatch({{Kind::kPut, "a", "1", 0}, {Kind::kPut, "b", "1", 0}});
  Found(Invoke(Kind::kGet, "a"), "1");
  const size_t torn = Invoke(Kind::kGet, "b");
  Absent(torn);
  Put("c", "1");
  Absent(Invoke(Kind::kGet, "c"));
  const LinearizabilityResult result = Check();
  EXPECT_EQ(result.verdict, Verdict::kFail);
  ASSERT_TRUE(result.evidence.has_value());
  EXPECT_EQ(result.evidence->unplaceable.front(), torn);
  EXPECT_EQ(result.evidence->prefix_end, recorder_.history().operations[torn].complete);
}

TEST_F(Linearizability, OnlyTheOneSpellingOfANumberCanBeIncremented) {
  // As in the cluster, which refuses the others.
  for (const char* text : {"007", "-0", "+5", "5 ", "", "0x5"}) {
    recorder_ = Recorder();
    Put("n", text);
    Found(Invoke(Kind::kIncrement, "n"), "5");
    EXPECT_EQ(Check().verdict, Verdict::kFail) << text;
  }
  recorder_ = Recorder();
  Put("n", "-5");
  Found(Invoke(Kind::kIncrement, "n"), "-5");
  EXPECT_EQ(Check().verdict, Verdict::kPass);
}

TEST_F(Linearizability, TornScanIsAViolation) {
  Put("a", "1");
  Put("b", "1");
  const size_t scan = Invoke(Kind::kScan);
  Put("a", "2");
  Put("b", "2");
  OkRows(scan, {{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(Check().verdict, Verdict::kFail);
}

TEST_F(Linearizability, TabletsNeedNotAgreeOnAMomentButTablesMust) {
  const auto snapshot = [&](uint32_t object) {
    Call call;
    call.kind = Kind::kSnapshot;
    call.key = "s";
    call.object = object;
    call.process = 100 + object;
    call.group = 1;
    return recorder_.Invoke(call);
  };
  const size_t first = snapshot(0), second = snapshot(1);
  Ok(Invoke(Kind::kPut, "a", "1", 0));
  Ok(Invoke(Kind::kPut, "b", "1", 1));
  OkRows(first, {});
  OkRows(second, {{"b", "1"}});
  EXPECT_EQ(Check(Model::kSnapshotMap).verdict, Verdict::kPass);
  EXPECT_EQ(Check(Model::kSnapshotTable).verdict, Verdict::kFail);
}

// Many increments whose results nobody saw, and a sum that none of their subsets gives.
void BuildExplosion(Recorder* recorder, int count) {
  for (int i = 0; i < count; ++i) {
    Call call;
    call.kind = Kind::kIncrement;
    call.process = static_cast<uint32_t>(i);
    call.key = "n";
    call.delta = (int64_t{1} << i) * 2;
    recorder->Invoke(call);
  }
  Call decrement;
  decrement.kind = Kind::kIncrement;
  decrement.key = "n";
  decrement.delta = -1;
  decrement.process = 1000;
  recorder->Invoke(decrement);
  Call get;
  get.kind = Kind::kGet;
  get.key = "n";
  get.process = 2000;
  Reply reply;
  reply.value = "-3";
  recorder->Ok(recorder->Invoke(get), reply);
}

TEST_F(Linearizability, WorkLimitEndsAsUnknown) {
  BuildExplosion(&recorder_, 40);
  limits_.work_max = 100'000;
  const LinearizabilityResult result = Check();
  EXPECT_EQ(result.verdict, Verdict::kUnknown);
  EXPECT_EQ(result.unknown_count, 1u);
  EXPECT_FALSE(result.reason.empty());
}

TEST_F(Linearizability, MemoryLimitEndsAsUnknown) {
  BuildExplosion(&recorder_, 40);
  limits_.bytes_max = 1 << 20;
  EXPECT_EQ(Check().verdict, Verdict::kUnknown);
}

TEST_F(Linearizability, TimeLimitIsKeptWithinATenth) {
  BuildExplosion(&recorder_, 40);
  // The processor time of this thread, so that a busy machine does not matter.
  const auto now_ms = [] { return static_cast<double>(std::clock()) * 1000 / CLOCKS_PER_SEC; };
  const double deadline_ms = now_ms() + 1000;
  limits_.stop = [&] { return now_ms() > deadline_ms; };
  EXPECT_EQ(Check().verdict, Verdict::kUnknown);
  EXPECT_LT(now_ms(), deadline_ms + 100);
}

TEST_F(Linearizability, OnePartitionsExplosionDoesNotHideAnothersViolation) {
  BuildExplosion(&recorder_, 40);
  Ok(Invoke(Kind::kPut, "a", "1", 7));
  Absent([&] {
    Call call;
    call.kind = Kind::kGet;
    call.key = "a";
    call.object = 7;
    call.process = 5000;
    return recorder_.Invoke(call);
  }());
  limits_.work_max = 400'000;
  const LinearizabilityResult result = Check();
  EXPECT_EQ(result.verdict, Verdict::kFail);
  EXPECT_EQ(result.evidence->object, 7u);
}

TEST_F(Linearizability, PartitionsOverThreadsGiveTheSameVerdict) {
  for (uint32_t object = 0; object < 16; ++object) {
    Ok(Invoke(Kind::kPut, "a", "1", object));
    Call call;
    call.kind = Kind::kGet;
    call.key = "a";
    call.object = object;
    call.process = 100 + object;
    Found(recorder_.Invoke(call), object == 11 ? "2" : "1");
  }
  LinearizabilityOptions options;
  options.executor = [](size_t count, const std::function<void(size_t)>& task) {
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 2; ++t) {
      threads.emplace_back([&task, t, count] {
        for (size_t i = t; i < count; i += 2) task(i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  };
  const LinearizabilityResult result = CheckLinearizability(recorder_.history(), options);
  EXPECT_EQ(result.verdict, Verdict::kFail);
  EXPECT_EQ(result.evidence->object, 11u);
}

}  // namespace
}  // namespace holdfast::check
