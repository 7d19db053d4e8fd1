// Minimising with known predicates: the minimum is reached, every candidate is a valid plan, and the walk ends.

#include "harness/plan/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "harness/plan/generator.h"
#include "harness/plan/keys.h"
#include "harness/plan/plan_text.h"
#include "harness/plan/repair.h"
#include "harness/plan/validate.h"
#include "sut/base/prng.h"

namespace holdfast::plan {
namespace {

using Predicate = std::function<bool(const Plan&)>;

constexpr char kHeader[] =
    "format_version: 1 shape { nodes: 3 replication_factor: 3 tables: 2 tablets_per_table: 2 } clients: 2\n";

Plan Parse(const std::string& steps) {
  const auto parsed = ParsePlan(kHeader + steps, "p");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  const absl::Status valid = Validate(parsed->plan, &parsed->lines);
  EXPECT_TRUE(valid.ok()) << valid;
  return parsed->plan;
}

uint64_t DurationUs(const Plan& plan) {
  uint64_t sum_us = 0;
  for (const Step& step : plan.steps()) sum_us += step.gap_us();
  return sum_us;
}

// A snapshot is restored after a later delete of a row.
bool HasRestoreAfterDelete(const Plan& plan) {
  bool created = false;
  bool deleted = false;
  for (const Step& step : plan.steps()) {
    created |= step.snapshot().has_create();
    for (const Mutation& mutation : step.client().write().mutations())
      deleted |= created && mutation.kind() == Mutation::DELETE;
    if (deleted && step.snapshot().has_restore()) return true;
  }
  return false;
}

// A power loss, then a restore, then an increment; only on three nodes and with a log that keeps one entry.
bool HasRareMix(const Plan& plan) {
  if (plan.shape().nodes() < 3 || plan.options().log_retention_entries() != 1) return false;
  int phase = 0;
  for (const Step& step : plan.steps()) {
    const bool power_loss = step.fault().crash().kind() == fault::Crash::POWER_LOSS;
    if (phase == 0 && step.fault().has_crash() && power_loss) ++phase;
    if (phase == 1 && step.snapshot().has_restore()) ++phase;
    for (const Mutation& mutation : step.client().write().mutations()) {
      if (phase == 2 && mutation.kind() == Mutation::INCREMENT) ++phase;
    }
  }
  return phase == 3;
}

Plan FirstPlanWith(const Predicate& predicate, uint64_t from = 0) {
  const Profile profile = DefaultProfile();
  for (uint64_t seed = from; seed < from + 5000; ++seed) {
    Plan plan = GeneratePlan(seed, profile);
    if (predicate(plan)) return plan;
  }
  ADD_FAILURE() << "no plan with it";
  return Plan();
}

MinimizeResult MinimizeOk(const Plan& plan, const Predicate& predicate, size_t max_runs = 500) {
  auto result = Minimize(plan, predicate, {.max_runs = max_runs, .should_stop = nullptr});
  EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(predicate(result->plan));
  return *std::move(result);
}

TEST(Minimize, ReachesTheThreeStepsThatMatter) {
  for (uint64_t from = 0; from < 100; from += 10) {
    const MinimizeResult result = MinimizeOk(FirstPlanWith(HasRestoreAfterDelete, from), HasRestoreAfterDelete);
    EXPECT_TRUE(result.is_minimal);
    EXPECT_LE(result.runs, 200u);
    const Plan& plan = result.plan;
    EXPECT_EQ(plan.steps_size(), 3) << PrintPlan(plan);
    EXPECT_EQ(plan.shape().nodes(), 1u);
    EXPECT_EQ(plan.shape().replication_factor(), 1u);
    EXPECT_EQ(plan.shape().tables(), 1u);
    EXPECT_EQ(plan.shape().tablets_per_table(), 1u);
    EXPECT_EQ(plan.clients(), 1u);
    EXPECT_FALSE(plan.has_options());
    EXPECT_FALSE(plan.has_world());
    EXPECT_EQ(DurationUs(plan), 0u);
    EXPECT_EQ(plan.steps(1).client().write().mutations_size(), 1);
  }
}

TEST(Minimize, KeepsWhatTheFailureNeeds) {
  for (uint64_t from = 0; from < 200; from += 50) {
    const MinimizeResult result = MinimizeOk(FirstPlanWith(HasRareMix, from), HasRareMix);
    EXPECT_TRUE(result.is_minimal);
    EXPECT_LE(result.runs, 300u);
    // A create, which the restore needs, besides the three.
    EXPECT_EQ(result.plan.steps_size(), 4) << PrintPlan(result.plan);
    EXPECT_EQ(result.plan.shape().nodes(), 3u);
    EXPECT_EQ(result.plan.options().log_retention_entries(), 1u);
    EXPECT_EQ(result.plan.options().ByteSizeLong(), 2u) << "no other option is left";
  }
}

TEST(Minimize, ScatteredStepsAreFoundInFewRuns) {
  // Ten steps that are all needed, spread over the plan.
  const Plan plan = GeneratePlan(11, DefaultProfile());
  std::set<uint64_t> needed;
  for (int i = 3; i < plan.steps_size() && needed.size() < 10; i += 16) {
    if (plan.steps(i).has_client()) needed.insert(plan.steps(i).salt());
  }
  const Predicate predicate = [&needed](const Plan& candidate) {
    size_t found = 0;
    for (const Step& step : candidate.steps()) found += needed.count(step.salt());
    return found == needed.size();
  };
  const MinimizeResult result = MinimizeOk(plan, predicate);
  EXPECT_TRUE(result.is_minimal);
  EXPECT_EQ(result.plan.steps_size(), static_cast<int>(needed.size()));
}

TEST(Minimize, AFailureThatHangsOnACoincidenceIsMadeSmallByOthers) {
  // One plan in twenty has it, whatever its size.
  const auto has_luck = [](const Plan& plan) {
    return sut::Mix({plan.seed(), sut::MixString(plan.SerializeAsString())}) % 20 == 0;
  };
  Plan plan = GeneratePlan(11, DefaultProfile());
  while (!has_luck(plan)) plan.set_seed(plan.seed() + 1);
  const MinimizeResult result = MinimizeOk(plan, has_luck, 3'000);
  EXPECT_TRUE(result.is_minimal);
  EXPECT_LE(result.plan.steps_size(), 6);
}

TEST(Minimize, EveryCandidateIsValid) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Plan plan = GeneratePlan(seed, DefaultProfile());
    size_t run = 0;
    const Predicate predicate = [&](const Plan& candidate) {
      const absl::Status status = Validate(candidate, nullptr);
      EXPECT_TRUE(status.ok()) << status;
      return run++ == 0 || sut::MixBits(run * 31 + seed) % 4 == 0;
    };
    const auto result = Minimize(plan, predicate, {.max_runs = 400, .should_stop = nullptr});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_LE(result->runs, 400u);
  }
}

TEST(Minimize, APlanThatAlwaysFailsBecomesEmpty) {
  const MinimizeResult result = MinimizeOk(GeneratePlan(5, DefaultProfile()), [](const Plan&) { return true; });
  EXPECT_TRUE(result.is_minimal);
  EXPECT_EQ(result.plan.steps_size(), 0);
  EXPECT_LE(result.runs, 40u);
}

TEST(Minimize, StopsAtItsBoundsWithTheBestSoFar) {
  const Plan plan = FirstPlanWith(HasRareMix);
  const MinimizeResult few = MinimizeOk(plan, HasRareMix, 12);
  EXPECT_FALSE(few.is_minimal);
  EXPECT_EQ(few.runs, 12u);
  EXPECT_LT(few.plan.steps_size(), plan.steps_size());

  int asked = 0;
  const auto stopped = Minimize(plan, HasRareMix, {.max_runs = 500, .should_stop = [&asked] { return ++asked > 20; }});
  ASSERT_TRUE(stopped.ok());
  EXPECT_FALSE(stopped->is_minimal);
  EXPECT_EQ(stopped->runs, 20u);
}

TEST(Minimize, RefusesWhatDoesNotFailAndWhatIsNoPlan) {
  const Plan plan = GeneratePlan(1, DefaultProfile());
  EXPECT_EQ(Minimize(plan, [](const Plan&) { return false; }, {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Minimize(Plan(), [](const Plan&) { return true; }, {}).status().code(), absl::StatusCode::kInvalidArgument);
  const auto stopped = Minimize(plan, [](const Plan&) { return true; }, {.max_runs = 0, .should_stop = nullptr});
  EXPECT_EQ(stopped.status().code(), absl::StatusCode::kCancelled);
}

TEST(Minimize, ADroppedStepLeavesItsGapToTheNext) {
  const Plan plan = Parse(R"(
    steps { gap_us: 300 client { get { key: "a" } } }
    steps { gap_us: 40 client { get { key: "b" } } }
    steps { gap_us: 5 inspect { } })");
  // The inspection must come 345 us after the start, as if a message were under way then.
  const MinimizeResult result = MinimizeOk(plan, [](const Plan& candidate) {
    uint64_t at_us = 0;
    for (const Step& step : candidate.steps()) {
      at_us += step.gap_us();
      if (step.has_inspect()) return at_us == 345;
    }
    return false;
  });
  EXPECT_EQ(result.plan.steps_size(), 1);
}

TEST(Shrinker, TheWalkOfAPlanEndsAndNeverRepeatsThePlanItself) {
  const Plan plan = GeneratePlan(9, DefaultProfile());
  Shrinker shrinker(plan);
  size_t candidates = 0;
  while (const auto candidate = shrinker.Next()) {
    ++candidates;
    ASSERT_TRUE(Validate(*candidate, nullptr).ok());
    ASSERT_NE(candidate->SerializeAsString(), plan.SerializeAsString());
    ASSERT_LT(candidates, 5000u);
  }
  EXPECT_GT(candidates, 300u);
  EXPECT_FALSE(shrinker.Next().has_value());
}

TEST(Repair, ACreateTakesItsRestoresAndDeletesWithIt) {
  Plan plan = Parse(R"(
    steps { gap_us: 1 snapshot { create { snapshot: 1 tables: 0 } } }
    steps { gap_us: 2 snapshot { create { snapshot: 2 tables: 0 } } }
    steps { gap_us: 4 snapshot { restore { snapshot: 1 restoration: 1 } } }
    steps { gap_us: 8 snapshot { restore { snapshot: 2 restoration: 2 } } }
    steps { gap_us: 16 snapshot { delete { snapshot: 1 } } }
    steps { gap_us: 32 snapshot { list { } } })");
  plan.mutable_steps()->DeleteSubrange(0, 1);
  Repair(&plan);
  ASSERT_EQ(plan.steps_size(), 3) << PrintPlan(plan);
  EXPECT_EQ(plan.steps(1).snapshot().restore().snapshot(), 2u);
  EXPECT_EQ(plan.steps(1).gap_us(), 12u);
  EXPECT_EQ(plan.steps(2).gap_us(), 48u);
}

TEST(Repair, FewerNodesKeepFaultsThatStillHaveATarget) {
  Plan plan = Parse(R"(
    steps { fault { crash { target { node: 3 } } } }
    steps { fault { crash { target { role: FOLLOWER ordinal: 1 } } } }
    steps { fault { partition { side { node: 2 } } } }
    steps { move { } })");
  SetNodes(&plan, 1);
  ASSERT_EQ(plan.steps_size(), 2) << PrintPlan(plan);
  EXPECT_EQ(plan.steps(0).fault().crash().target().node(), 1u);
  EXPECT_EQ(plan.steps(1).fault().crash().target().role(), fault::Target::LEADER);
  EXPECT_TRUE(Validate(plan, nullptr).ok());
}

TEST(Repair, ATableThatGoesTakesItsOperationsAndRenumbersTheRest) {
  Plan plan = Parse(R"(
    steps { client { get { key: "a" } } }
    steps { client { table: 1 get { key: "b" } } }
    steps { snapshot { create { snapshot: 1 tables: 0 } } }
    steps { snapshot { create { snapshot: 2 tables: 0 tables: 1 } } }
    steps { fault { crash { target { role: LEADER table: 1 } } } })");
  RemoveTable(&plan, 0);
  ASSERT_EQ(plan.steps_size(), 3) << PrintPlan(plan);
  EXPECT_EQ(plan.steps(0).client().get().key(), "b");
  EXPECT_EQ(plan.steps(0).client().table(), 0u);
  EXPECT_THAT(plan.steps(1).snapshot().create().tables(), ::testing::ElementsAre(0));
  EXPECT_EQ(plan.steps(2).fault().crash().target().table(), 0u);
}

TEST(Repair, FewerTabletsKeepScansOnTheRangeThatHoldsTheirRows) {
  Plan plan = Parse("steps { client { scan { tablet: 1 } } } steps { move { tablet: 1 } }");
  SetTablets(&plan, 1);
  ASSERT_EQ(plan.steps_size(), 2);
  EXPECT_EQ(plan.steps(0).client().scan().tablet(), 0u);
  EXPECT_EQ(plan.steps(1).move().tablet(), 0u);
}

TEST(Reductions, ShortKeysStayInTheirTabletAndApart) {
  Plan plan = Parse(R"(
    steps { client { write { mutations { key: "e60077" value: "first" } mutations { key: "e3203" value: "second" } } } }
    steps { client { get { key: "e60077" } } }
    steps { client { get { key: "e121917" } } })");
  const MinimizeResult result = MinimizeOk(plan, [](const Plan& candidate) {
    return candidate.steps_size() == 3 && candidate.shape().tablets_per_table() == 2 &&
           candidate.steps(0).client().write().mutations_size() == 2;
  });
  const auto& mutations = result.plan.steps(0).client().write().mutations();
  EXPECT_EQ(mutations[0].key().size(), 1u);
  EXPECT_EQ(mutations[0].key(), result.plan.steps(1).client().get().key());
  EXPECT_NE(mutations[0].key(), mutations[1].key());
  EXPECT_NE(mutations[0].value(), mutations[1].value());
  EXPECT_EQ(TabletOfKey(mutations[0].key(), 2), 0u);
  EXPECT_EQ(TabletOfKey(result.plan.steps(2).client().get().key(), 2), 1u);
}

TEST(Reductions, WhatTakesManyEntriesIsShownWithFew) {
  // Fails once the log has been cut behind a snapshot: by default, that takes more writes than people want to read.
  std::string text = "steps { snapshot { create { snapshot: 1 tables: 0 } } }";
  for (int i = 0; i < 100; ++i)
    absl::StrAppend(&text, "steps { client { write { mutations { key: 'a' value: 'v", i, "' } } } }");
  const MinimizeResult result = MinimizeOk(Parse(text), [](const Plan& candidate) {
    const uint64_t retention = candidate.options().log_retention_entries();
    const auto is_write = [](const Step& step) { return step.client().has_write(); };
    const auto writes = std::count_if(candidate.steps().begin(), candidate.steps().end(), is_write);
    return candidate.steps_size() > writes && static_cast<uint64_t>(writes) > (retention == 0 ? 64 : retention);
  });
  EXPECT_TRUE(result.is_minimal);
  EXPECT_EQ(result.plan.steps_size(), 3) << PrintPlan(result.plan);
}

TEST(Reductions, ATriggerWithATargetBecomesAPlainFault) {
  const Plan plan = Parse(
      "steps { when { probe: 'raft.vote.granted' nth: 3 target { node: 2 } } fault { crash { kind: POWER_LOSS } } }");
  const MinimizeResult result = MinimizeOk(
      plan, [](const Plan& candidate) { return candidate.steps_size() == 1 && candidate.shape().nodes() == 3; });
  EXPECT_FALSE(result.plan.steps(0).has_when());
  EXPECT_EQ(result.plan.steps(0).fault().crash().target().node(), 2u);
  EXPECT_EQ(result.plan.steps(0).fault().crash().kind(), fault::Crash::PROCESS_DEATH);
}

}  // namespace
}  // namespace holdfast::plan
