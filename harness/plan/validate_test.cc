// Every rule of validation refuses a plan that breaks it, naming line and reason, and accepts one right next to it.

#include "harness/plan/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "harness/plan/keys.h"
#include "harness/plan/plan_text.h"

namespace holdfast::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Ten lines; three nodes, two tables of two tablets, two clients.
constexpr char kHeader[] = R"(format_version: 1
seed: 1
shape {
  nodes: 3
  replication_factor: 3
  tables: 2
  tablets_per_table: 2
}
options { flush_after_entries: 8 }
clients: 2
)";
constexpr int kHeaderLines = 10;

absl::Status ValidateText(const std::string& text) {
  const auto parsed = ParsePlan(text, "p");
  return parsed.ok() ? Validate(parsed->plan, &parsed->lines) : parsed.status();
}

struct HeaderCase {
  std::string from;  // part of kHeader
  std::string rejected;
  std::string accepted;
  std::string where;
  std::string reason;
};

class Header : public ::testing::TestWithParam<HeaderCase> {};

TEST_P(Header, IsRefusedWithItsLineAndANearOneIsNot) {
  const HeaderCase& c = GetParam();
  ASSERT_THAT(kHeader, HasSubstr(c.from));
  const absl::Status rejected = ValidateText(absl::StrReplaceAll(kHeader, {{c.from, c.rejected}}));
  EXPECT_EQ(rejected.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(rejected.message()), StartsWith(c.where + ": "));
  EXPECT_THAT(std::string(rejected.message()), HasSubstr(c.reason));
  const absl::Status accepted = ValidateText(absl::StrReplaceAll(kHeader, {{c.from, c.accepted}}));
  EXPECT_TRUE(accepted.ok()) << accepted;
}

HeaderCase Option(const std::string& name, uint64_t rejected, uint64_t accepted) {
  const std::string from = "flush_after_entries: 8";
  const std::string extra = name == "heartbeat_ticks" ? " election_ticks: 100" : "";
  return {from, absl::StrCat(name, ": ", rejected, extra), absl::StrCat(name, ": ", accepted, extra), "p:9:11",
          absl::StrCat(name, " is ", rejected)};
}

HeaderCase WorldField(const std::string& name, uint64_t rejected, uint64_t accepted) {
  return {"clients: 2", absl::StrCat("clients: 2 world { ", name, ": ", rejected, " }"),
          absl::StrCat("clients: 2 world { ", name, ": ", accepted, " }"), "p:10:20",
          absl::StrCat(name, " is ", rejected)};
}

INSTANTIATE_TEST_SUITE_P(
    Rules, Header,
    ::testing::Values(
        HeaderCase{"format_version: 1", "format_version: 2", "format_version: 1", "p:1:1", "format version 2"},
        HeaderCase{"format_version: 1\n", "", "format_version: 1\n", "p", "format version 0"},
        HeaderCase{"nodes: 3", "nodes: 4", "nodes: 5", "p:4:3", "4 nodes"},
        HeaderCase{"nodes: 3", "nodes: 11", "nodes: 9", "p:4:3", "11 nodes"},
        HeaderCase{"nodes: 3\n", "\n", "nodes: 3\n", "p:3:1", "0 nodes"},
        HeaderCase{"replication_factor: 3", "replication_factor: 2", "replication_factor: 1", "p:5:3",
                   "replication factor 2"},
        HeaderCase{"replication_factor: 3", "replication_factor: 5", "replication_factor: 3", "p:5:3",
                   "replication factor 5 with 3 nodes"},
        HeaderCase{"nodes: 3", "nodes: 3 masters: 2", "nodes: 3 masters: 1", "p:4:12", "2 masters with 3 nodes"},
        HeaderCase{"tables: 2", "tables: 9", "tables: 8", "p:6:3", "9 tables"},
        HeaderCase{"tables: 2\n", "tables: 0\n", "tables: 1\n", "p:6:3", "0 tables"},
        HeaderCase{"tablets_per_table: 2", "tablets_per_table: 17", "tablets_per_table: 16", "p:7:3", "17 tablets"},
        HeaderCase{"clients: 2", "clients: 17", "clients: 16", "p:10:1", "17 clients"},
        HeaderCase{"clients: 2", "", "clients: 1", "p", "0 clients"},
        HeaderCase{"clients: 2", "clients: 2 bugs: 'no-such-bug'", "clients: 2 bugs: 'restore-merges-rows'", "p:10:12",
                   "unknown bug \"no-such-bug\"; known are checkpoint-without-flush, "},
        HeaderCase{"clients: 2", "clients: 2 bugs: 'restore-merges-rows' bugs: 'restore-merges-rows'",
                   "clients: 2 bugs: 'restore-merges-rows' bugs: 'only-leader-restores'", "p:10:40", "named twice"},
        HeaderCase{"flush_after_entries: 8", "heartbeat_ticks: 4", "heartbeat_ticks: 3", "p:9:1",
                   "election_ticks is 10, less than three times heartbeat_ticks, 4"}));

INSTANTIATE_TEST_SUITE_P(
    Options, Header,
    ::testing::Values(Option("tick_us", 999, 1000), Option("tick_us", 1'000'001, 1'000'000),
                      Option("heartbeat_ticks", 11, 10), Option("election_ticks", 101, 100),
                      Option("entries_per_append_max", 1025, 1024), Option("appends_in_flight_max", 65, 64),
                      Option("log_retention_entries", 1'000'001, 1), Option("flush_after_entries", 1'000'001, 1),
                      Option("compact_after_files", 1, 2), Option("scan_page_rows", 100'001, 1),
                      Option("install_chunk_bytes", 15, 16), Option("reconcile_interval_us", 9'999, 10'000),
                      Option("tablet_call_timeout_us", 60'000'001, 60'000'000),
                      Option("snapshot_timeout_us", 99'999, 100'000), Option("attempt_timeout_us", 9'999, 10'000)));

INSTANTIATE_TEST_SUITE_P(
    World, Header,
    ::testing::Values(WorldField("message_delay_us", 1'000'001, 1'000'000), WorldField("loss_permille", 1001, 1000),
                      WorldField("duplicate_permille", 1001, 1000), WorldField("reorder_permille", 1001, 1000),
                      WorldField("sync_us", 1'000'001, 1), WorldField("job_us", 10'000'001, 10'000'000),
                      WorldField("straggler_us", 10'000'001, 10'000'000)));

TEST(Header, EveryFieldOfOptionsAndWorldHasARange) {
  for (const auto* descriptor : {Options::descriptor(), World::descriptor()}) {
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const std::string message = descriptor == Options::descriptor() ? "options" : "world";
      const std::string huge = absl::StrCat(message, " { ", descriptor->field(i)->name(), ": 4294967295 }\n");
      const std::string text = absl::StrReplaceAll(kHeader, {{"options { flush_after_entries: 8 }\n", huge}});
      EXPECT_THAT(std::string(ValidateText(text).message()), HasSubstr("is 4294967295")) << huge;
    }
  }
}

struct StepsCase {
  std::vector<std::string> before;  // steps that are fine
  std::string rejected;
  std::string accepted;
  std::string reason;
};

class Steps : public ::testing::TestWithParam<StepsCase> {};

std::string WithSteps(const std::vector<std::string>& steps) {
  std::string text = kHeader;
  for (const std::string& step : steps) absl::StrAppend(&text, "steps { ", step, " }\n");
  return text;
}

TEST_P(Steps, AreRefusedWithTheirLineAndNearOnesAreNot) {
  const StepsCase& c = GetParam();
  std::vector<std::string> steps = c.before;
  steps.push_back(c.rejected);
  const absl::Status rejected = ValidateText(WithSteps(steps));
  EXPECT_EQ(rejected.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(rejected.message()),
              StartsWith(absl::StrCat("p:", kHeaderLines + steps.size(), ":1: step ", c.before.size(), ": ")));
  EXPECT_THAT(std::string(rejected.message()), HasSubstr(c.reason));
  steps.back() = c.accepted;
  const absl::Status accepted = ValidateText(WithSteps(steps));
  EXPECT_TRUE(accepted.ok()) << accepted;
}

std::string Crash(const std::string& target) { return absl::StrCat("fault { crash { target { ", target, " } } }"); }
std::string Part(const std::string& sides) { return absl::StrCat("fault { partition { ", sides, " } }"); }
std::string When(const std::string& when) { return absl::StrCat("when { ", when, " } fault { crash { } }"); }
const std::string kCreate1 = "snapshot { create { snapshot: 1 tables: 0 } }";
const std::string kRestore1 = "snapshot { restore { snapshot: 1 restoration: 1 } }";

INSTANTIATE_TEST_SUITE_P(
    Any, Steps,
    ::testing::Values(
        StepsCase{{}, "gap_us: 5", "gap_us: 5 inspect { }", "without an action"},
        StepsCase{{}, "gap_us: 60000001 inspect { }", "gap_us: 60000000 inspect { }", "gap_us is 60000001"},
        StepsCase{std::vector<std::string>(60, "gap_us: 60000000 inspect { }"), "gap_us: 1 inspect { }", "inspect { }",
                  "longer than an hour"},
        StepsCase{{}, "fault { pause { } }", "fault { pause { target { node: 1 } } }", "a pause of no node"},
        StepsCase{{},
                  "when { probe: 'tablet.no.such.thing' } inspect { }",
                  "when { probe: 'tablet.snapshot.flushed' } inspect { }",
                  "unknown probe"},
        StepsCase{{},
                  "when { probe: 'raft.vote.granted' } fault { crash { target { node: 1 } } }",
                  "when { probe: 'raft.vote.granted' target { node: 1 } } fault { crash { } }",
                  "no target of its own"},
        StepsCase{{}, "move { tablet: 2 }", "move { tablet: 1 }", "tablet 2 of 2"},
        StepsCase{{}, "move { master: true table: 1 }", "move { master: true }", "names a tablet"}));

INSTANTIATE_TEST_SUITE_P(
    Clients, Steps,
    ::testing::Values(
        StepsCase{
            {}, "client { client: 2 get { key: 'a' } }", "client { client: 1 get { key: 'a' } }", "client 2 of 2"},
        StepsCase{{}, "client { table: 2 get { key: 'a' } }", "client { table: 1 get { key: 'a' } }", "table 2 of 2"},
        StepsCase{{}, "client { scan { tablet: 2 } }", "client { scan { tablet: 1 } }", "tablet 2 of 2"},
        StepsCase{{}, "client { client: 1 }", "client { get { } }", "does nothing"},
        StepsCase{{}, "client { write { } }", "client { write { mutations { } } }", "a write of nothing"},
        StepsCase{{},
                  "client { write { mutations { kind: DELETE value: 'v' } } }",
                  "client { write { mutations { kind: DELETE } } }",
                  "only a put has a value"},
        StepsCase{{},
                  "client { write { mutations { kind: INCREMENT value: '1' } } }",
                  "client { write { mutations { kind: INCREMENT delta: 1 } } }",
                  "only a put has a value"},
        StepsCase{{},
                  "client { write { mutations { value: '1' delta: 1 } } }",
                  "client { write { mutations { value: '1' } } }",
                  "only an increment has a delta"},
        StepsCase{{},
                  absl::StrCat("client { get { key: '", std::string(4097, 'k'), "' } }"),
                  absl::StrCat("client { get { key: '", std::string(4096, 'k'), "' } }"),
                  "key of 4097 bytes"},
        StepsCase{{},
                  absl::StrCat("client { write { mutations { key: '", std::string(4097, 'k'), "' } } }"),
                  absl::StrCat("client { write { mutations { key: '", std::string(4096, 'k'), "' } } }"),
                  "key of 4097 bytes"},
        // Hashes 32767 and 32768: the last key of one tablet and the first of the next.
        StepsCase{{},
                  "client { write { mutations { key: 'e60077' } mutations { key: 'e121917' } } }",
                  "client { write { mutations { key: 'e60077' } mutations { key: 'e3203' } } }",
                  "a batch over tablets 0 and 1"}));

INSTANTIATE_TEST_SUITE_P(
    Snapshots, Steps,
    ::testing::Values(
        StepsCase{{}, "snapshot { client: 2 list { } }", "snapshot { client: 1 list { } }", "client 2 of 2"},
        StepsCase{{}, "snapshot { client: 1 }", "snapshot { list { } }", "does nothing"},
        StepsCase{{}, "snapshot { create { snapshot: 1 } }", kCreate1, "a snapshot of no table"},
        StepsCase{{},
                  "snapshot { create { snapshot: 1 tables: 2 } }",
                  "snapshot { create { snapshot: 1 tables: 1 } }",
                  "table 2 of 2"},
        StepsCase{{},
                  "snapshot { create { snapshot: 1 tables: 1 tables: 1 } }",
                  "snapshot { create { snapshot: 1 tables: 1 tables: 0 } }",
                  "table 1 is named twice"},
        StepsCase{{kCreate1}, kCreate1, "snapshot { create { snapshot: 2 tables: 0 } }", "snapshot 1 is created twice"},
        StepsCase{{kCreate1},
                  "snapshot { restore { snapshot: 2 restoration: 1 } }",
                  kRestore1,
                  "restore of snapshot 2, which no earlier step creates"},
        StepsCase{{kCreate1, kRestore1},
                  kRestore1,
                  "snapshot { restore { snapshot: 1 restoration: 2 } }",
                  "restoration 1 is used twice"},
        StepsCase{{kCreate1},
                  "snapshot { delete { snapshot: 2 } }",
                  "snapshot { delete { snapshot: 1 } }",
                  "delete of snapshot 2, which no earlier step creates"}));

INSTANTIATE_TEST_SUITE_P(
    Targets, Steps,
    ::testing::Values(
        StepsCase{{}, Crash("node: 7"), Crash("node: 3"), "node 7 of 3"},
        StepsCase{{}, Crash(""), Crash("node: 1"), "node 0 of 3"},
        StepsCase{{}, Crash("role: LEADER node: 1"), Crash("role: LEADER"), "names a node"},
        StepsCase{{}, Crash("node: 1 table: 1"), Crash("role: LEADER table: 1"), "names a tablet"},
        StepsCase{{}, Crash("role: MASTER_LEADER tablet: 1"), Crash("role: MASTER_LEADER"), "names a tablet"},
        StepsCase{{}, Crash("role: LEADER table: 2"), Crash("role: LEADER table: 1"), "table 2 of 2"},
        StepsCase{{}, Crash("role: FOLLOWER tablet: 2"), Crash("role: FOLLOWER tablet: 1"), "tablet 2 of 2"},
        StepsCase{{}, Crash("role: LEADER ordinal: 1"), Crash("role: FOLLOWER ordinal: 1"), "has an ordinal"},
        StepsCase{
            {}, Crash("role: FOLLOWER ordinal: 2"), Crash("role: FOLLOWER ordinal: 1"), "follower 2 in a group of 3"},
        StepsCase{
            {}, Crash("role: MASTER_FOLLOWER ordinal: 2"), Crash("role: MASTER_FOLLOWER ordinal: 1"), "follower 2"},
        StepsCase{{},
                  "maintenance { target { node: 1 } }",
                  "maintenance { target { role: LEADER } }",
                  "a LEADER or a FOLLOWER"}));

INSTANTIATE_TEST_SUITE_P(
    Faults, Steps,
    ::testing::Values(
        StepsCase{{}, "fault { }", "fault { crash_all { } }", "does nothing"},
        StepsCase{{}, "fault { crash { } }", When("probe: 'tablet.snapshot.flushed'"), "a crash of no node"},
        StepsCase{{},
                  "fault { crash { target { node: 1 } restart_after_us: 60000001 } }",
                  "fault { crash { target { node: 1 } restart_after_us: 60000000 } }",
                  "restart_after_us is 60000001"},
        StepsCase{{},
                  "fault { crash_all { restart_after_us: 60000001 } }",
                  "fault { crash_all { restart_after_us: 60000000 } }",
                  "restart_after_us is 60000001"},
        StepsCase{{}, "fault { restart { } }", "fault { restart { target { node: 1 } } }", "a restart of no node"},
        StepsCase{{},
                  "fault { restart { target { role: LEADER } } }",
                  "fault { restart { target { node: 3 } } }",
                  "needs a node by number"},
        StepsCase{{}, Part(""), Part("side { node: 1 }"), "a partition of no node"},
        StepsCase{{}, Part("kind: RING"), Part("kind: BRIDGE side { node: 2 }"), "a ring of 3 nodes"},
        StepsCase{{}, Part("kind: RING side { node: 1 }"), Part("side { node: 1 }"), "it has no side"},
        StepsCase{{},
                  Part("kind: BRIDGE side { node: 1 } side { node: 2 }"),
                  Part("kind: BRIDGE side { role: LEADER }"),
                  "a bridge is one node"},
        StepsCase{{},
                  Part("kind: BRIDGE side { node: 1 } clients_inside: 0"),
                  Part("side { node: 1 } clients_inside: 0"),
                  "no side for clients"},
        StepsCase{{},
                  Part("side { node: 1 } clients_inside: 2"),
                  Part("side { node: 1 } clients_inside: 1 clients_too: true"),
                  "client 2 of 2"},
        StepsCase{{}, "fault { pause { } }", "fault { pause { target { node: 3 } } }", "a pause of no node"},
        StepsCase{{},
                  "fault { pause { target { node: 4 } } }",
                  "fault { pause { target { role: LEADER table: 1 } } }",
                  "node 4 of 3"},
        StepsCase{{},
                  "fault { slow_link { from { node: 1 } to { node: 1 } delay_factor: 2 } }",
                  "fault { slow_link { from { node: 1 } to { node: 2 } delay_factor: 2 } }",
                  "from a node to itself"},
        StepsCase{{},
                  "fault { slow_link { from { node: 1 } to { node: 2 } delay_factor: 1 } }",
                  "fault { slow_link { from { node: 1 } to { node: 2 } delay_factor: 1000 } }",
                  "2 to 1000 are wanted"},
        StepsCase{{},
                  "fault { slow_link { from { node: 1 } delay_factor: 2 } }",
                  "fault { slow_link { from { node: 1 } to { role: LEADER } delay_factor: 2 } }",
                  "needs two ends"},
        StepsCase{{},
                  "fault { crash { target { node: 1 } times: 2 } }",
                  "fault { crash { target { node: 1 } times: 2 restart_after_us: 1 } }",
                  "needs a restart_after_us"},
        StepsCase{{},
                  "fault { crash { target { node: 1 } times: 51 restart_after_us: 1 } }",
                  "fault { crash { target { node: 1 } times: 50 restart_after_us: 1 } }",
                  "more than 50"},
        StepsCase{{},
                  "fault { crash_all { stagger_us: 60000001 } }",
                  "fault { crash_all { stagger_us: 60000000 } }",
                  "stagger_us is 60000001"},
        StepsCase{{},
                  Part("side { node: 1 } side { node: 2 } side { node: 3 }"),
                  Part("side { node: 1 } side { node: 2 }"),
                  "all 3 nodes on one side"},
        StepsCase{{}, Part("side { node: 4 }"), Part("side { role: MASTER_LEADER }"), "node 4 of 3"},
        StepsCase{{},
                  Part("side { node: 1 } heal_after_us: 60000001"),
                  Part("side { node: 1 } heal_after_us: 60000000"),
                  "heal_after_us is 60000001"},
        StepsCase{
            {}, "fault { weather { delay_factor: 1 } }", "fault { weather { delay_factor: 2 } }", "changes nothing"},
        StepsCase{
            {}, "fault { weather { delay_factor: 101 } }", "fault { weather { delay_factor: 100 } }", "more than 100"},
        StepsCase{{},
                  "fault { weather { loss_permille: 1001 } }",
                  "fault { weather { loss_permille: 1000 } }",
                  "loss_permille"},
        StepsCase{{},
                  "fault { weather { duplicate_permille: 1001 } }",
                  "fault { weather { duplicate_permille: 1000 } }",
                  "duplicate_permille"},
        StepsCase{{},
                  "fault { weather { delay_factor: 2 heal_after_us: 60000001 } }",
                  "fault { weather { delay_factor: 2 heal_after_us: 60000000 } }",
                  "heal_after_us is 60000001"},
        StepsCase{{},
                  When("probe: 'tablet.snapshot.flush'"),
                  When("probe: 'tablet.snapshot.flushed'"),
                  "unknown probe \"tablet.snapshot.flush\""},
        StepsCase{{},
                  When("probe: 'raft.vote.granted' nth: 1001"),
                  When("probe: 'raft.vote.granted' nth: 1000"),
                  "nth is 1001"},
        StepsCase{{},
                  When("probe: 'raft.vote.granted' deadline_us: 60000001"),
                  When("probe: 'raft.vote.granted' deadline_us: 60000000"),
                  "deadline_us is 60000001"},
        StepsCase{{},
                  When("probe: 'raft.vote.granted' target { node: 4 }"),
                  When("probe: 'raft.vote.granted' target { node: 3 }"),
                  "node 4 of 3"}));

TEST(Validate, LeaderMovesAndFollowersNeedAGroupOfSeveral) {
  const std::vector<std::pair<std::string, std::string>> one_factor = {
      {"replication_factor: 3", "replication_factor: 1"}};
  const std::vector<std::pair<std::string, std::string>> one_node = {{"replication_factor: 3", "replication_factor: 1"},
                                                                     {"nodes: 3", "nodes: 1"}};
  const std::string of_tablet = WithSteps({"move { }"});
  EXPECT_TRUE(ValidateText(of_tablet).ok());
  EXPECT_THAT(std::string(ValidateText(absl::StrReplaceAll(of_tablet, one_factor)).message()),
              HasSubstr("a group of one"));
  // Every node has a replica of the master.
  const std::string of_master = WithSteps({"move { master: true }", Crash("role: MASTER_FOLLOWER ordinal: 1")});
  EXPECT_TRUE(ValidateText(absl::StrReplaceAll(of_master, one_factor)).ok());
  EXPECT_THAT(std::string(ValidateText(absl::StrReplaceAll(of_master, one_node)).message()),
              HasSubstr("a group of one"));
}

TEST(Validate, APlanWithoutStepsIsOnlyItsEpilogue) { EXPECT_TRUE(ValidateText(kHeader).ok()); }

TEST(Validate, IncrementsOfRowsAreForTheClusterToRefuse) {
  EXPECT_TRUE(ValidateText(WithSteps({"client { write { mutations { key: 'a' value: 'text' } } }",
                                      "client { write { mutations { kind: INCREMENT key: 'a' delta: 1 } } }"}))
                  .ok());
}

TEST(Validate, TheNumbersOfStepsAndMutationsAndBytesAreBounded) {
  Plan plan = ParsePlan(kHeader, "p")->plan;
  Mutation* mutation = plan.add_steps()->mutable_client()->mutable_write()->add_mutations();
  mutation->set_value(std::string(kValueBytesMax, 'v'));
  EXPECT_TRUE(Validate(plan, nullptr).ok());
  mutation->mutable_value()->push_back('v');
  EXPECT_EQ(Validate(plan, nullptr).message(), "step 0: value of 1048577 bytes");

  mutation->clear_value();
  auto* batch = plan.mutable_steps(0)->mutable_client()->mutable_write();
  while (batch->mutations_size() < kBatchMutationsMax) batch->add_mutations();
  EXPECT_TRUE(Validate(plan, nullptr).ok());
  batch->add_mutations();
  EXPECT_EQ(Validate(plan, nullptr).message(), "step 0: a batch of 1001 mutations");

  plan.clear_steps();
  while (plan.steps_size() < kStepsMax) plan.add_steps()->mutable_inspect();
  EXPECT_TRUE(Validate(plan, nullptr).ok());
  plan.add_steps()->mutable_inspect();
  EXPECT_EQ(Validate(plan, nullptr).message(), "100001 steps; 100000 are the most");
}

TEST(Validate, EnumsOutOfRangeAreRefused) {
  Plan plan = ParsePlan(kHeader, "p")->plan;
  fault::CrashAll* crash = plan.add_steps()->mutable_fault()->mutable_crash_all();
  EXPECT_TRUE(Validate(plan, nullptr).ok());
  crash->set_kind(static_cast<fault::Crash::Kind>(9));
  EXPECT_EQ(Validate(plan, nullptr).message(), "step 0: unknown kind of crash");
  fault::Target* target = plan.mutable_steps(0)->mutable_fault()->mutable_crash()->mutable_target();
  target->set_role(static_cast<fault::Target::Role>(9));
  EXPECT_EQ(Validate(plan, nullptr).message(), "step 0: unknown role");
}

TEST(Keys, BoundKeysLieOnBothSidesOfABound) {
  for (const uint32_t tablets : {2u, 3u, 4u}) {
    std::vector<int> keys(tablets);
    for (const std::string& key : KeysOnBounds()) ++keys[TabletOfKey(key, tablets)];
    EXPECT_THAT(keys, ::testing::Each(::testing::Ge(2)));
  }
  EXPECT_EQ(TabletOfKey("e60077", 2), 0u);
  EXPECT_EQ(TabletOfKey("e121917", 2), 1u);
}

TEST(Keys, TheTabletOfAKeyIsTheOneWhoseRangeHoldsItsHash) {
  for (uint32_t tablets = 1; tablets <= 16; ++tablets) {
    for (const std::string& key : KeysOnBounds()) EXPECT_LT(TabletOfKey(key, tablets), tablets);
    EXPECT_EQ(TabletOfKey("e3203", tablets), 0u) << "hash 0";
    EXPECT_EQ(TabletOfKey("e58284", tablets), tablets - 1) << "hash 65535";
  }
}

std::string OnDisk(const std::string& rest) { return absl::StrCat("fault { disk { target { node: 1 } ", rest, " } }"); }

INSTANTIATE_TEST_SUITE_P(
    NodeFaults, Steps,
    ::testing::Values(
        StepsCase{{}, "fault { disk { operation: SYNC } }", OnDisk("operation: SYNC"), "of no node"},
        StepsCase{{}, "fault { disk { target { node: 4 } } }", "fault { disk { target { node: 3 } } }", "node 4 of 3"},
        StepsCase{{}, OnDisk("effect: 6"), OnDisk("effect: 4"), "unknown effect"},
        StepsCase{{}, OnDisk("operation: 14"), OnDisk("operation: 13"), "unknown operation"},
        StepsCase{{}, OnDisk("path_class: 8"), OnDisk("path_class: 7"), "unknown class"},
        StepsCase{{},
                  OnDisk("effect: SHORT operation: SYNC"),
                  OnDisk("effect: SHORT operation: APPEND"),
                  "short can't befall sync"},
        StepsCase{{}, OnDisk("effect: LATENCY"), OnDisk("effect: LATENCY latency_us: 5"), "a latency of nothing"},
        StepsCase{{}, OnDisk("latency_us: 5"), OnDisk("nth: 5"), "has no latency"},
        StepsCase{{}, OnDisk("lasting: true times: 2"), OnDisk("lasting: true"), "has no times"},
        StepsCase{{}, OnDisk("effect: LOST lasting: true"), OnDisk("effect: LOST times: 2"), "damage strikes a number"},
        StepsCase{{}, OnDisk("heal_after_us: 60000001"), OnDisk("heal_after_us: 60000000"), "heal_after_us"},
        StepsCase{{}, "fault { rot { path_class: SST } }", "fault { rot { target { node: 1 } } }", "rot of no node"},
        StepsCase{{},
                  "fault { rot { target { node: 1 } bits: 1001 } }",
                  "fault { rot { target { node: 1 } bits: 9 } }",
                  "bits is 1001"},
        StepsCase{
            {}, "fault { clock { jump_us: 5 } }", "fault { clock { target { node: 1 } jump_us: 5 } }", "of no node"},
        StepsCase{{},
                  "fault { clock { target { node: 1 } } }",
                  "fault { clock { target { node: 1 } jump_us: -5 } }",
                  "changes nothing"},
        StepsCase{{},
                  "fault { clock { target { node: 1 } drift_permille: -501 } }",
                  "fault { clock { target { node: 1 } drift_permille: -500 } }",
                  "drift_permille is -501"}));

const std::string kReplace = "membership { target { role: FOLLOWER } }";

INSTANTIATE_TEST_SUITE_P(
    Membership, Steps,
    ::testing::Values(
        StepsCase{{kCreate1, "table { export_snapshot { snapshot: 1 number: 1 } }", kReplace},
                  "table { import_snapshot { number: 1 snapshot: 2 tables: 0 } }",
                  "table { drop { table: 0 } }",
                  "an import together with changes of groups"},
        StepsCase{{}, "membership { }", kReplace, "needs a LEADER or a FOLLOWER"},
        StepsCase{{}, "membership { kind: 3 target { role: LEADER } }", kReplace, "unknown kind"},
        StepsCase{{},
                  "membership { target { role: LEADER } ordinal: 4 }",
                  "membership { target { role: LEADER } ordinal: 3 }",
                  "ordinal is 4 with 3 nodes"},
        StepsCase{{},
                  "membership { kind: REMOVE target { role: LEADER } ordinal: 1 }",
                  "membership { kind: REMOVE target { role: LEADER } }",
                  "a removal has no ordinal"},
        StepsCase{{}, "fault { disk_loss { } }", kReplace, "of no node"},
        StepsCase{{}, "fault { disk_loss { target { role: LEADER } } }", kReplace, "needs a node by number"},
        StepsCase{{}, "fault { disk_loss { target { node: 3 } } }", kReplace, "holds a replica of the master's group"},
        StepsCase{{"fault { rot { target { node: 1 } } }"}, kReplace, "inspect { }", "damage to a disk together"},
        StepsCase{{kReplace}, "fault { rot { target { node: 1 } } }", kReplace, "damage to a disk together"}));

TEST(DiskLoss, StrikesANodeWithoutAMasterWhoseGroupsCanDoWithoutIt) {
  const auto text = [](const std::string& shape, const std::string& end) {
    return absl::StrCat(absl::StrReplaceAll(kHeader, {{"replication_factor: 3", shape}}),
                        "steps { fault { disk_loss { target { node: 3 } } } }\n", end);
  };
  EXPECT_TRUE(ValidateText(text("replication_factor: 3 masters: 1", "")).ok());
  const absl::Status rejected = ValidateText(text("replication_factor: 1 masters: 1", ""));
  EXPECT_THAT(std::string(rejected.message()), HasSubstr("more than the cluster survives"));
  EXPECT_TRUE(ValidateText(text("replication_factor: 1 masters: 1", "safety_only: true\n")).ok());
}

TEST(Damage, NeedsAMajorityOfSoundReplicasOrSafetyOnly) {
  const auto text = [](const std::string& factor, const std::string& end) {
    return absl::StrCat(absl::StrReplaceAll(kHeader, {{"replication_factor: 3", factor}}),
                        "steps { fault { rot { target { node: 1 } } } }\n", end);
  };
  const absl::Status rejected = ValidateText(text("replication_factor: 1", ""));
  EXPECT_THAT(std::string(rejected.message()), StartsWith("p:11:1: step 0: "));
  EXPECT_THAT(std::string(rejected.message()), HasSubstr("more than the cluster survives"));
  EXPECT_TRUE(ValidateText(text("replication_factor: 1", "safety_only: true\n")).ok());
  EXPECT_TRUE(ValidateText(text("replication_factor: 3", "")).ok());
}

}  // namespace
}  // namespace holdfast::plan
