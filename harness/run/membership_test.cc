// Properties: replicas come and go under load and under crashes at every phase of it, and whatever was acknowledged,
// every complete snapshot included, is on those that are left; nothing is left of the others.
//
// Each plan writes, makes a snapshot, changes a group, and writes on; the epilogue restores the snapshot everywhere and
// strikes all nodes. What happened is read off the counters, the coverage and the timeline.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/plan/plan_text.h"
#include "harness/run/isolated.h"
#include "harness/run/result_text.h"

namespace holdfast::run {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Shape {
  int nodes = 3;
  int replication_factor = 3;
  int masters = 0;
};

// `steps` come after a snapshot; writes go on before, during and after them.
Result RunWith(const std::vector<std::string>& steps, Shape shape) {
  std::string text = absl::StrCat(
      "format_version: 1\nseed: 7\nshape { nodes: ", shape.nodes, " replication_factor: ", shape.replication_factor,
      " tables: 1 tablets_per_table: 1 masters: ", shape.masters, " }\nclients: 2\n",
      "options { log_retention_entries: 2 flush_after_entries: 2 install_chunk_bytes: 4096 }\n");
  const auto write = [&text](int number) {
    absl::StrAppend(&text, "steps { gap_us: 200000 client { client: ", number % 2, " write { mutations { key: 'k",
                    number % 5, "' value: 'v", number, "' } } } }\n");
  };
  for (int i = 0; i < 6; ++i) write(i);
  absl::StrAppend(&text, "steps { gap_us: 200000 snapshot { create { snapshot: 1 tables: 0 } } }\n");
  for (int i = 6; i < 10; ++i) write(i);
  for (const std::string& step : steps) {
    absl::StrAppend(&text, "steps { ", step.starts_with("gap_us") ? "" : "gap_us: 100000 ", step, " }\n");
  }
  for (int i = 10; i < 40; ++i) write(i);
  absl::StatusOr<plan::ParsedPlan> parsed = plan::ParsePlan(text, "plan");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  Trial trial;
  *trial.mutable_plan() = parsed->plan;
  const absl::StatusOr<TrialReport> report =
      RunIsolated(trial, {.keep_timeline = true}, {.timeout_ms = 120'000, .should_stop = nullptr});
  EXPECT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->result().verdict(), Result::PASS) << ViolationsText(report->result()) << "\n"
                                                      << report->result().timeline();
  return report->result();
}

void ExpectAllPhases(const Result& result) {
  for (const char* probe : {"tablet.bootstrap.begun", "tablet.member.added", "tablet.install.finished",
                            "tablet.member.promoted", "tablet.member.removed", "tablet.replica.deleted"}) {
    EXPECT_THAT(result.timeline(), HasSubstr(probe));
  }
}

constexpr const char* kReplaceFollower = "membership { kind: REPLACE target { role: FOLLOWER } }";
constexpr const char* kReplaceLeader = "membership { kind: REPLACE target { role: LEADER } }";

TEST(MembershipTest, AFollowerIsReplacedOnAnotherNode) {
  const Result result = RunWith({kReplaceFollower}, {.nodes = 5});
  EXPECT_EQ(result.counters().membership_changes(), 1u);
  ExpectAllPhases(result);
}

TEST(MembershipTest, ALeaderIsReplacedOnAnotherNode) { ExpectAllPhases(RunWith({kReplaceLeader}, {.nodes = 5})); }

TEST(MembershipTest, WithoutAFreeNodeAReplicaIsReplacedOnItsOwn) {
  ExpectAllPhases(RunWith({kReplaceFollower}, {.nodes = 3}));
  ExpectAllPhases(RunWith({kReplaceLeader}, {.nodes = 3}));
}

TEST(MembershipTest, AnOnlyReplicaMovesAndItsClientsFindIt) {
  ExpectAllPhases(RunWith({kReplaceLeader}, {.nodes = 3, .replication_factor = 1}));
}

TEST(MembershipTest, AReplicaIsAddedAndLaterOneRemoved) {
  const Result result = RunWith({"membership { kind: ADD target { role: LEADER } }",
                                 "gap_us: 2000000 membership { kind: REMOVE target { role: LEADER } }"},
                                {.nodes = 5});
  EXPECT_EQ(result.counters().membership_changes(), 2u);
  ExpectAllPhases(result);
}

TEST(MembershipTest, ARemovalBelowTheReplicationFactorIsLeftUndone) {
  const Result result = RunWith({"membership { kind: REMOVE target { role: LEADER } }"}, {.nodes = 5});
  EXPECT_EQ(result.counters().membership_changes(), 0u);
}

TEST(MembershipTest, ADeadNodesReplicaIsReplacedAndTheNodeComesBack) {
  for (const char* target : {"target { role: LEADER }", "target { role: FOLLOWER }"}) {
    const Result result = RunWith({absl::StrCat("membership { kind: REPLACE ", target, " }"),
                                   absl::StrCat("fault { crash { ", target, " restart_after_us: 3000000 } }")},
                                  {.nodes = 5});
    ExpectAllPhases(result);
  }
}

TEST(MembershipTest, ALostDiskComesBackWithNewReplicas) {
  for (const char* elsewhere : {"false", "true"}) {
    const Result result = RunWith({absl::StrCat("fault { disk_loss { target { node: 3 } restart_after_us: 500000 ",
                                                "elsewhere: ", elsewhere, " } }")},
                                  {.nodes = 5, .masters = 1});
    EXPECT_EQ(result.counters().disks_lost(), 1u);
    uint64_t strikes = 0;
    for (const auto& [cell, count] : result.cells()) strikes += cell.ends_with("/disk-loss") ? count : 0;
    EXPECT_GE(strikes, 1u);
    EXPECT_THAT(result.timeline(), HasSubstr("its disk is lost"));
    EXPECT_THAT(result.timeline(), HasSubstr("tablet.member.promoted"));
  }
}

class MembershipDeathTest : public testing::TestWithParam<const char*> {};

// Wherever it strikes, whoever it strikes.
TEST_P(MembershipDeathTest, AnyoneMayDieAtAnyPhase) {
  for (const int nodes : {3, 5}) {
    const std::string crash = absl::StrCat("when { probe: '", GetParam(),
                                           "' } fault { crash { kind: ", nodes == 3 ? "PROCESS_DEATH" : "POWER_LOSS",
                                           " restart_after_us: 700000 } }");
    for (const char* change : {kReplaceFollower, kReplaceLeader}) RunWith({crash, change}, {.nodes = nodes});
  }
}

INSTANTIATE_TEST_SUITE_P(Probes, MembershipDeathTest,
                         testing::Values("tablet.bootstrap.begun", "tablet.member.added", "tablet.install.begun",
                                         "tablet.install.accepted", "tablet.install.chunk_received",
                                         "tablet.install.staged", "tablet.install.committed", "tablet.install.finished",
                                         "tablet.member.promoted", "tablet.member.removed", "tablet.replica.deleted",
                                         "master.reconcile.called", "master.reconcile.reply"));

}  // namespace
}  // namespace holdfast::run
