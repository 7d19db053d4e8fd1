// Steps in words: each kind says what it does, to whom and for how long, in one line.

#include "harness/plan/step_text.h"

#include <gtest/gtest.h>

#include <string>

#include "harness/plan/generator.h"
#include "harness/plan/plan_text.h"

namespace holdfast::plan {
namespace {

std::string Text(const std::string& step) {
  const auto parsed = ParsePlan("steps { " + step + " }", "p");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return StepText(parsed->plan.steps(0));
}

TEST(StepText, SaysWhatAStepDoes) {
  EXPECT_EQ(
      Text("client { client: 1 write { mutations { key: 'k\\n' value: 'v' } mutations { kind: DELETE key: '' } } }"),
      R"(client 1, table 0: put "k\n" = "v", delete "")");
  EXPECT_EQ(Text("client { table: 2 write { mutations { kind: INCREMENT key: 'n' delta: -4 } } }"),
            R"(client 0, table 2: increment "n" by -4)");
  EXPECT_EQ(Text("client { get { key: 'k' } }"), R"(client 0, table 0: get "k")");
  EXPECT_EQ(Text("client { scan { tablet: 1 } }"), "client 0, table 0: scan tablet 1");
  EXPECT_EQ(Text("snapshot { create { snapshot: 3 tables: 0 tables: 1 } }"),
            "client 0: create snapshot 3 of table 0, 1");
  EXPECT_EQ(Text("snapshot { restore { snapshot: 3 restoration: 5 } }"),
            "client 0: restore snapshot 3 (restoration 5)");
  EXPECT_EQ(Text("snapshot { delete { snapshot: 3 } }"), "client 0: delete snapshot 3");
  EXPECT_EQ(Text("snapshot { list { } }"), "client 0: list snapshots");
  EXPECT_EQ(Text("move { tablet: 1 ordinal: 1 }"), "move the leader of 0.1 to follower 1");
  EXPECT_EQ(Text("maintenance { kind: COMPACT target { role: FOLLOWER table: 1 } }"), "compact follower 0 of 1.0");
  EXPECT_EQ(Text("inspect { }"), "inspect");
}

TEST(StepText, SaysWhomAFaultStrikesAndForHowLong) {
  EXPECT_EQ(Text("fault { crash { kind: POWER_LOSS target { node: 2 } restart_after_us: 5 } }"),
            "power loss of node 2, restart after 5 us");
  EXPECT_EQ(Text("when { probe: 'raft.vote.granted' nth: 2 target { role: MASTER_LEADER } } fault { crash { } }"),
            "at raft.vote.granted on the leader of the master for the 2. time: process death of the node that hits it, "
            "restart at heal");
  EXPECT_EQ(Text("fault { partition { kind: TO_SIDE side { node: 1 } side { role: LEADER } clients_too: true } }"),
            "cut messages to node 1 and the leader of 0.0, for clients too, until heal");
  EXPECT_EQ(Text("fault { partition { side { role: LEADER } clients_inside: 0 clients_inside: 2 heal_after_us: 9 } }"),
            "cut off the leader of 0.0 with client 0, 2, for 9 us");
  EXPECT_EQ(Text("fault { partition { kind: RING } }"), "cut all links but a ring, until heal");
  EXPECT_EQ(Text("fault { partition { kind: BRIDGE side { node: 2 } } }"),
            "cut the others of node 2 into two halves, until heal");
  EXPECT_EQ(Text("fault { pause { target { node: 2 } resume_after_us: 5 } }"), "pause node 2, for 5 us");
  EXPECT_EQ(Text("fault { slow_link { from { node: 1 } to { role: MASTER_LEADER } delay_factor: 30 } }"),
            "slow link between node 1 and the leader of the master, delays times 30, until heal");
  EXPECT_EQ(Text("fault { crash { target { node: 2 } restart_after_us: 5 times: 3 } }"),
            "process death of node 2, restart after 5 us, 3 times");
  EXPECT_EQ(Text("fault { crash_all { kind: POWER_LOSS restart_after_us: 5 stagger_us: 7 } }"),
            "power loss of all nodes, one every 7 us, restart after 5 us");
}

TEST(StepText, IsOneShortLineForEveryStepOfRandomPlans) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Plan plan = GeneratePlan(seed, DefaultProfile());
    for (const Step& step : plan.steps()) {
      const std::string text = StepText(step);
      EXPECT_EQ(text.find('\n'), std::string::npos) << text;
      EXPECT_LT(text.size(), 1000u) << text;
      EXPECT_NE(text, "nothing");
    }
  }
}

}  // namespace
}  // namespace holdfast::plan
