// Properties: every number is run once, and neither the number of children nor the death of one changes what comes out.

#include "harness/run/worker_pool.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <set>

namespace holdfast::run {
namespace {

class Numbers : public TaskSource {
 public:
  explicit Numbers(uint64_t count) : count_(count) {}
  std::optional<uint64_t> Next() override {
    if (next_ >= count_) return std::nullopt;
    return next_++;
  }
  void Done(uint64_t number, TrialReport report) override {
    EXPECT_TRUE(reports.emplace(number, std::move(report)).second) << number << " came twice";
    if (done_ms > 0) poll(nullptr, 0, done_ms);
  }
  bool GoOn() override { return reports.size() < stop_after; }

  std::map<uint64_t, TrialReport> reports;
  size_t stop_after = SIZE_MAX;
  int done_ms = 0;

 private:
  const uint64_t count_;
  uint64_t next_ = 0;
};

TrialReport Square(uint64_t number) {
  TrialReport report;
  report.mutable_result()->set_history_digest(number * number);
  report.set_cpu_us(static_cast<uint64_t>(getpid()));
  return report;
}

TEST(WorkerPoolTest, EveryNumberIsRunOnceWhateverTheNumberOfChildren) {
  for (const int jobs : {1, 2, 5}) {
    Numbers numbers(23);
    ASSERT_TRUE(RunTasks({.jobs = jobs}, Square, &numbers).ok());
    ASSERT_EQ(numbers.reports.size(), 23u);
    for (const auto& [number, report] : numbers.reports) EXPECT_EQ(report.result().history_digest(), number * number);
  }
}

TEST(WorkerPoolTest, AChildIsReplacedAfterItsShare) {
  Numbers numbers(9);
  ASSERT_TRUE(RunTasks({.jobs = 1, .tasks_per_child = 4}, Square, &numbers).ok());
  std::set<uint64_t> pids;
  for (const auto& [number, report] : numbers.reports) pids.insert(report.cpu_us());
  EXPECT_EQ(pids.size(), 3u);
}

TEST(WorkerPoolTest, TheDeathOfAChildIsTheResultOfItsRunAlone) {
  Numbers numbers(20);
  const auto work = [](uint64_t number) {
    if (number % 7 == 3) abort();
    return Square(number);
  };
  ASSERT_TRUE(RunTasks({.jobs = 2}, work, &numbers).ok());
  ASSERT_EQ(numbers.reports.size(), 20u);
  for (const auto& [number, report] : numbers.reports) {
    EXPECT_EQ(report.result().verdict(), number % 7 == 3 ? Result::CRASHED : Result::PASS) << number;
  }
}

TEST(WorkerPoolTest, ASlowReaderDoesNotMakeRunsLookHung) {
  Numbers numbers(6);
  numbers.done_ms = 400;
  ASSERT_TRUE(RunTasks({.jobs = 3, .timeout_ms = 300}, Square, &numbers).ok());
  ASSERT_EQ(numbers.reports.size(), 6u);
  for (const auto& [number, report] : numbers.reports) EXPECT_EQ(report.result().verdict(), Result::PASS) << number;
}

TEST(WorkerPoolTest, AStopLeavesTheRestUndone) {
  Numbers numbers(1'000'000);
  numbers.stop_after = 10;
  ASSERT_TRUE(RunTasks({.jobs = 2}, Square, &numbers).ok());
  EXPECT_GE(numbers.reports.size(), 10u);
  EXPECT_LE(numbers.reports.size(), 12u);
}

}  // namespace
}  // namespace holdfast::run
