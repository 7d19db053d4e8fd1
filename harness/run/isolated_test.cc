// Properties: whatever happens in a child comes back as a report, whole; and no child survives.

#include "harness/run/isolated.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sut/base/check.h"

namespace holdfast::run {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kShortTimeoutMs = 200;

Result ResultOf(const std::function<TrialReport()>& work, const IsolatedOptions& options = {}) {
  const absl::StatusOr<TrialReport> report = RunIsolated(work, options);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? report->result() : Result();
}

std::string Evidence(const Result& result) {
  std::string text;
  for (const Violation& violation : result.violations()) {
    text += violation.summary() + "\n";
    for (const std::string& line : violation.evidence()) text += line + "\n";
  }
  return text;
}

TEST(IsolatedTest, AResultFarLargerThanASocketBufferComesBackWhole) {
  const std::string history(20 << 20, 'h');
  const Result result = ResultOf([&] {
    TrialReport report;
    report.mutable_result()->set_history_jsonl(history);
    return report;
  });
  EXPECT_EQ(result.verdict(), Result::PASS);
  EXPECT_TRUE(result.history_jsonl() == history);
}

TEST(IsolatedTest, AFailedCheckIsACrashThatQuotesTheCheck) {
  const Result result = ResultOf([] {
    SUT_CHECK(getpid() == 0, "the log goes back");
    return TrialReport();
  });
  EXPECT_EQ(result.verdict(), Result::CRASHED);
  ASSERT_EQ(result.violations_size(), 1);
  EXPECT_EQ(result.violations(0).checker(), "crash");
  EXPECT_THAT(result.violations(0).summary(), HasSubstr("the log goes back"));
  EXPECT_THAT(result.violations(0).summary(), HasSubstr("signal 6"));
}

TEST(IsolatedTest, ASignalIsACrashThatNamesIt) {
  const Result result = ResultOf([] {
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
    return TrialReport();
  });
  EXPECT_EQ(result.verdict(), Result::CRASHED);
  EXPECT_THAT(Evidence(result), HasSubstr("signal 11"));
}

TEST(IsolatedTest, AnExitIsACrashThatNamesItsStatus) {
  const Result result = ResultOf([]() -> TrialReport { _exit(7); });
  EXPECT_EQ(result.verdict(), Result::CRASHED);
  EXPECT_THAT(Evidence(result), HasSubstr("exit status 7"));
}

TEST(IsolatedTest, AHangIsACrashAndItsProcessIsGone) {
  int pids[2];
  ASSERT_EQ(pipe(pids), 0);
  const Result result = ResultOf(
      [&]() -> TrialReport {
        const pid_t pid = getpid();
        if (write(pids[1], &pid, sizeof pid) != sizeof pid) _exit(1);
        while (true) pause();
      },
      {.timeout_ms = kShortTimeoutMs, .should_stop = nullptr});
  EXPECT_EQ(result.verdict(), Result::CRASHED);
  ASSERT_EQ(result.violations_size(), 1);
  EXPECT_EQ(result.violations(0).checker(), "hang");
  pid_t pid = 0;
  ASSERT_EQ(read(pids[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  close(pids[0]);
  close(pids[1]);
}

TEST(IsolatedTest, OfMuchOutputTheFirstAndTheLastLinesAreKeptAsPrintableText) {
  const Result result = ResultOf([]() -> TrialReport {
    std::fprintf(stderr, "the first line\n");
    for (int i = 0; i < 100'000; ++i) std::fprintf(stderr, "line \x01\xff %d\n", i);
    std::fprintf(stderr, "the last line\n");
    abort();
  });
  const std::string evidence = Evidence(result);
  EXPECT_THAT(evidence, HasSubstr("the first line\n"));
  EXPECT_THAT(evidence, HasSubstr("the last line\n"));
  EXPECT_THAT(evidence, HasSubstr("line ?? 1\n"));
  EXPECT_LE(result.violations(0).evidence_size(), 60);
}

TEST(IsolatedTest, AStopEndsARunThatWouldGoOn) {
  const absl::StatusOr<TrialReport> report = RunIsolated(
      []() -> TrialReport {
        while (true) pause();
      },
      {.timeout_ms = 60'000, .should_stop = [] { return true; }});
  EXPECT_TRUE(absl::IsCancelled(report.status())) << report.status();
}

}  // namespace
}  // namespace holdfast::run
