// Properties: every kind of fault that a plan can name strikes when its step is due, ends when it says, and is
// survived.
//
// Each plan asks for one fault of a small cluster with a little work around it; what struck is read off the counters,
// the coverage and the timeline.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "harness/plan/plan_text.h"
#include "harness/run/isolated.h"
#include "harness/run/result_text.h"

namespace holdfast::run {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// `fault` is a step's; writes go on before, during and after it.
Result RunWith(const std::string& fault, int nodes = 3) {
  std::string text =
      absl::StrCat("format_version: 1\nseed: 7\nshape { nodes: ", nodes,
                   " replication_factor: 3 tables: 1 tablets_per_table: 1 }\nclients: 2\nskip_epilogue: true\n");
  const auto write = [&text](int number) {
    absl::StrAppend(&text, "steps { gap_us: 300000 client { client: ", number % 2,
                    " write { mutations { key: 'k' value: 'v", number, "' } } } }\n");
  };
  write(1);
  absl::StrAppend(&text, "steps { gap_us: 300000 ", fault, " }\n");
  for (int i = 2; i < 20; ++i) write(i);
  absl::StrAppend(&text, "steps { gap_us: 300000 client { get { key: 'k' } } }\n");
  absl::StatusOr<plan::ParsedPlan> parsed = plan::ParsePlan(text, "plan");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  Trial trial;
  *trial.mutable_plan() = parsed->plan;
  const absl::StatusOr<TrialReport> report =
      RunIsolated(trial, {.keep_timeline = true}, {.timeout_ms = 120'000, .should_stop = nullptr});
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->result().verdict(), Result::PASS) << ViolationsText(report->result());
  return report->result();
}

uint64_t Cell(const Result& result, const std::string& name) {
  const auto found = result.cells().find(name);
  return found == result.cells().end() ? 0 : found->second;
}

TEST(FaultsTest, APausedLeaderIsReplacedAndGoesOnWithItsOldMemory) {
  const Result result = RunWith("fault { pause { target { role: LEADER } resume_after_us: 3000000 } }");
  EXPECT_EQ(result.counters().pauses(), 1u);
  EXPECT_EQ(result.counters().restarts(), 0u);
  EXPECT_EQ(Cell(result, "idle/pause"), 1u);
  EXPECT_THAT(result.timeline(), HasSubstr("pause the leader"));
  EXPECT_THAT(result.timeline(), HasSubstr("raft.leader.stepped_down")) << "it hears of its successor when it goes on";
}

TEST(FaultsTest, ANodeThatIsPausedUntilHealGoesOnThen) {
  const Result result = RunWith("fault { pause { target { node: 2 } } }");
  EXPECT_EQ(result.counters().pauses(), 1u);
}

TEST(FaultsTest, ALeaderIsCutOffTogetherWithAClient) {
  const Result result =
      RunWith("fault { partition { side { role: LEADER } clients_inside: 1 heal_after_us: 3000000 } }");
  EXPECT_EQ(result.counters().partitions(), 1u);
  EXPECT_THAT(result.timeline(), HasSubstr("with client 1"));
  EXPECT_THAT(result.timeline(), HasSubstr("raft.leader.stepped_down"));
}

TEST(FaultsTest, ANodeIsCutOffAsSoonAsItHitsAProbe) {
  const Result result = RunWith(
      "when { probe: 'raft.log.appended' target { role: FOLLOWER } nth: 3 } "
      "fault { partition { heal_after_us: 2000000 } }");
  EXPECT_EQ(result.counters().partitions(), 1u);
  EXPECT_EQ(result.counters().triggers_met(), 1u);
  EXPECT_EQ(Cell(result, "idle/partition"), 3u) << "it has lost both other nodes, and they have lost it";
  EXPECT_THAT(result.timeline(),
              HasSubstr("waits: at raft.log.appended on follower 0 of 0.0 for the 3. time: cut off"));
}

TEST(FaultsTest, ANodeIsPausedAsSoonAsItHitsAProbe) {
  const Result result = RunWith("when { probe: 'raft.log.synced' } fault { pause { resume_after_us: 1000000 } }");
  EXPECT_EQ(result.counters().pauses(), 1u);
}

TEST(FaultsTest, AnOperationWaitsForItsProbe) {
  const Result result = RunWith("when { probe: 'raft.log.appended' } snapshot { create { snapshot: 1 tables: 0 } }");
  EXPECT_EQ(result.counters().snapshots_asked(), 1u);
  EXPECT_EQ(result.counters().triggers_met(), 1u);
}

TEST(FaultsTest, AProbeThatIsNotHitInTimeIsGivenUp) {
  const Result result = RunWith(
      "when { probe: 'tablet.restore.begun' deadline_us: 1000000 } fault { pause { resume_after_us: 1000000 } }");
  EXPECT_EQ(result.counters().pauses(), 0u);
  EXPECT_EQ(result.counters().triggers_met(), 0u);
  EXPECT_EQ(result.counters().triggers_missed(), 1u);
}

TEST(FaultsTest, ARingLeavesEveryNodeTwoNeighbours) {
  const Result result = RunWith("fault { partition { kind: RING heal_after_us: 3000000 } }", 5);
  EXPECT_EQ(result.counters().partitions(), 1u);
  EXPECT_EQ(Cell(result, "idle/partition"), 5u) << "each node has lost two of its four links";
}

TEST(FaultsTest, ABridgeJoinsTwoHalves) {
  const Result result = RunWith("fault { partition { kind: BRIDGE side { node: 1 } heal_after_us: 3000000 } }", 5);
  EXPECT_EQ(result.counters().partitions(), 1u);
  EXPECT_EQ(Cell(result, "idle/partition"), 4u) << "all but the bridge";
}

TEST(FaultsTest, ASlowLinkSlowsTheWritesThatNeedIt) {
  const std::string slow =
      "fault { slow_link { from { role: LEADER } to { role: FOLLOWER ordinal: 1 } delay_factor: 400 "
      "heal_after_us: 3000000 } }";
  const Result result = RunWith(slow);
  EXPECT_EQ(result.counters().slow_links(), 1u);
  EXPECT_EQ(Cell(result, "idle/slow-link"), 2u) << "both ends";
}

TEST(FaultsTest, ARestartLoopCrashesAsOftenAsItSays) {
  const Result result =
      RunWith("fault { crash { kind: POWER_LOSS target { node: 2 } restart_after_us: 200000 times: 4 } }");
  EXPECT_EQ(Cell(result, "idle/power-loss"), 4u);
}

TEST(FaultsTest, ARollingCrashTakesOneNodeAfterTheOther) {
  const Result result = RunWith("fault { crash_all { restart_after_us: 300000 stagger_us: 500000 } }");
  EXPECT_EQ(Cell(result, "idle/process-death"), 3u);
  const std::string& timeline = result.timeline();
  const size_t first_down = timeline.find("node 1 is down");
  const size_t second_down = timeline.find("node 2 is down");
  ASSERT_NE(first_down, std::string::npos);
  ASSERT_NE(second_down, std::string::npos);
  const size_t first_up = timeline.find("node 1 is up", first_down);
  EXPECT_LT(first_up, second_down) << "each is back before the next one goes";
}

}  // namespace
}  // namespace holdfast::run
