// Random plans: valid, a function of their seed, as large as their profile says, and with everything in them somewhere.

#include "harness/plan/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "harness/plan/arbitrary_plan.h"
#include "harness/plan/keys.h"
#include "harness/plan/plan_disk_faults.h"
#include "harness/plan/plan_text.h"
#include "harness/plan/themes.h"
#include "harness/plan/validate.h"
#include "sut/base/probe.h"

namespace holdfast::plan {
namespace {

constexpr uint64_t kSeeds = 2000;

uint64_t CountIf(const Plan& plan, const std::function<bool(const Step&)>& predicate) {
  return static_cast<uint64_t>(std::count_if(plan.steps().begin(), plan.steps().end(), predicate));
}

bool IsClient(const Step& step) { return step.has_client(); }
bool IsCreate(const Step& step) { return step.snapshot().has_create(); }
bool IsRestore(const Step& step) { return step.snapshot().has_restore(); }
bool IsFault(const Step& step) { return step.has_fault(); }

// The plans of the default profile that the statistics are taken from, made once.
const std::vector<GeneratedPlan>& DefaultPlans() {
  static const auto* const kPlans = [] {
    auto* plans = new std::vector<GeneratedPlan>;
    const Profile profile = DefaultProfile();
    for (uint64_t seed = 0; seed < kSeeds; ++seed) plans->push_back(GenerateWithThemes(seed, profile));
    return plans;
  }();
  return *kPlans;
}

uint64_t Median(const std::function<uint64_t(const Plan&)>& measure) {
  std::vector<uint64_t> values;
  for (const GeneratedPlan& generated : DefaultPlans()) values.push_back(measure(generated.plan));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

TEST(Generator, EveryPlanOfEveryProfileIsValid) {
  for (const std::string_view name : ProfileNames()) {
    const auto profile = ProfileNamed(name);
    ASSERT_TRUE(profile.has_value());
    EXPECT_EQ(profile->name, name);
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const absl::Status status = Validate(GeneratePlan(seed, *profile), nullptr);
      ASSERT_TRUE(status.ok()) << name << ", seed " << seed << ": " << status;
    }
  }
  EXPECT_FALSE(ProfileNamed("no such profile").has_value());
}

TEST(Generator, TheSameSeedGivesTheSamePlanAndAnotherSeedAnother) {
  const Profile profile = DefaultProfile();
  std::set<std::string> plans;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const std::string text = PrintPlan(GeneratePlan(seed, profile));
    EXPECT_EQ(text, PrintPlan(GeneratePlan(seed, profile)));
    EXPECT_TRUE(plans.insert(text).second);
  }
}

TEST(Generator, TheDefaultProfileHasTheMediansThatSpeedIsMeasuredAt) {
  const auto count = [](bool (*predicate)(const Step&)) {
    return [predicate](const Plan& plan) { return CountIf(plan, predicate); };
  };
  EXPECT_EQ(Median([](const Plan& plan) { return plan.shape().nodes(); }), 3u);
  EXPECT_EQ(Median([](const Plan& plan) { return plan.shape().replication_factor(); }), 3u);
  EXPECT_EQ(Median([](const Plan& plan) { return plan.shape().tables(); }), 2u);
  EXPECT_EQ(Median([](const Plan& plan) { return plan.shape().tablets_per_table(); }), 2u);
  EXPECT_NEAR(static_cast<double>(Median(count(IsClient))), 150, 5);
  EXPECT_EQ(Median(count(IsCreate)), 3u);
  EXPECT_EQ(Median(count(IsRestore)), 2u);
  EXPECT_EQ(Median(count(IsFault)), 5u);
  const uint64_t duration_us = Median([](const Plan& plan) {
    uint64_t sum_us = 0;
    for (const Step& step : plan.steps()) sum_us += step.gap_us();
    return sum_us;
  });
  EXPECT_GE(duration_us, 20'000'000u);
  EXPECT_LE(duration_us, 30'000'000u);
}

TEST(Generator, EveryThemeIsPlayedOften) {
  std::map<Theme, int> played;
  for (const GeneratedPlan& generated : DefaultPlans()) {
    for (const Theme theme : generated.themes) ++played[theme];
  }
  const Profile profile = DefaultProfile();
  for (int i = 0; i < kThemeCount; ++i) {
    if (profile.theme_weights[i] == 0) continue;  // a profile of its own plays it
    EXPECT_GE(played[static_cast<Theme>(i)], 100) << ThemeName(static_cast<Theme>(i));
  }
}

TEST(Generator, NoThemePutsInMoreThanItNeedsAtMost) {
  const Profile profile = DefaultProfile();
  for (int i = 0; i < kThemeCount; ++i) {
    const auto theme = static_cast<Theme>(i);
    const ThemeNeeds needs = NeedsOf(theme);
    for (uint64_t seed = 0; seed < 200; ++seed) {
      Draft draft(seed, profile);
      Play(theme, 1'000'000, &draft);
      const Draft::Counts counts = draft.counts();
      const Plan plan = draft.Finish();
      EXPECT_LE(counts.snapshots, needs.snapshots) << ThemeName(theme);
      EXPECT_LE(counts.restores, needs.restores) << ThemeName(theme);
      EXPECT_LE(counts.faults, needs.faults) << ThemeName(theme);
      EXPECT_EQ(counts.faults, CountIf(plan, IsFault)) << ThemeName(theme);
      EXPECT_EQ(counts.client_operations, CountIf(plan, IsClient)) << ThemeName(theme);
      EXPECT_TRUE(Validate(plan, nullptr).ok()) << ThemeName(theme);
    }
  }
}

TEST(Generator, SwarmSwitchesWholeKindsOfStepsOff) {
  const std::vector<std::pair<std::string, std::function<bool(const Step&)>>> kinds = {
      {"faults", IsFault},
      {"triggers", [](const Step& step) { return step.has_when(); }},
      {"partitions", [](const Step& step) { return step.fault().has_partition(); }},
      {"weather", [](const Step& step) { return step.fault().has_weather(); }},
      {"crashes of all", [](const Step& step) { return step.fault().has_crash_all(); }},
      {"scans", [](const Step& step) { return step.client().has_scan(); }},
      {"gets", [](const Step& step) { return step.client().has_get(); }},
      {"leader moves", [](const Step& step) { return step.has_move(); }},
      {"maintenance", [](const Step& step) { return step.has_maintenance(); }},
      {"inspections", [](const Step& step) { return step.has_inspect(); }},
      {"lists", [](const Step& step) { return step.snapshot().has_list(); }},
      {"deletes of snapshots", [](const Step& step) { return step.snapshot().has_delete_(); }},
      {"batches", [](const Step& step) { return step.client().write().mutations_size() > 1; }},
  };
  for (const auto& [name, predicate] : kinds) {
    uint64_t with = 0;
    for (const GeneratedPlan& generated : DefaultPlans()) with += CountIf(generated.plan, predicate) > 0 ? 1 : 0;
    EXPECT_GE(with, kSeeds / 10) << name;
    EXPECT_LE(with, kSeeds - kSeeds / 50) << name;
  }
}

TEST(Generator, EveryProbeOfASnapshotsLifeIsATrigger) {
  std::set<std::string> probes;
  for (const GeneratedPlan& generated : DefaultPlans()) {
    for (const Step& step : generated.plan.steps()) {
      if (step.has_when()) probes.insert(step.when().probe());
    }
  }
  for (int i = 0; i < sut::kProbeCount; ++i) {
    const std::string name(sut::ProbeName(static_cast<sut::Probe>(i)));
    // A hit of this one is not worth a crash of its own: leader moves strike it already.
    if (name == "raft.transfer.started") continue;
    // Groups change in the profile membership only.
    if (name.starts_with("tablet.member.") || name.starts_with("tablet.bootstrap.") ||
        name == "tablet.replica.deleted") {
      continue;
    }
    EXPECT_TRUE(probes.contains(name)) << name;
  }
}

TEST(Generator, OptionsReachTheirExtremes) {
  std::set<uint64_t> retention, flush, page, chunk, attempt, call;
  for (const GeneratedPlan& generated : DefaultPlans()) {
    const Options& options = generated.plan.options();
    retention.insert(options.log_retention_entries());
    flush.insert(options.flush_after_entries());
    page.insert(options.scan_page_rows());
    chunk.insert(options.install_chunk_bytes());
    attempt.insert(options.attempt_timeout_us());
    call.insert(options.tablet_call_timeout_us());
  }
  EXPECT_TRUE(retention.contains(1) && retention.contains(0));
  EXPECT_TRUE(flush.contains(1) && flush.contains(0));
  EXPECT_TRUE(page.contains(1) && page.contains(0));
  EXPECT_TRUE(chunk.contains(128) && chunk.contains(0));
  EXPECT_TRUE(attempt.contains(15'000) && attempt.contains(0));
  EXPECT_TRUE(call.contains(10'000) && call.contains(0));
}

TEST(Generator, PutValuesAreUniqueUnlessEmpty) {
  for (const GeneratedPlan& generated : DefaultPlans()) {
    std::set<std::string> values;
    for (const Step& step : generated.plan.steps()) {
      for (const Mutation& mutation : step.client().write().mutations()) {
        if (mutation.value().empty()) continue;
        EXPECT_TRUE(values.insert(mutation.value()).second) << mutation.value();
      }
    }
  }
}

TEST(Generator, KeysCollideAndAwkwardOnesOccur) {
  std::map<std::string, int> uses;
  uint64_t mutations = 0;
  for (const GeneratedPlan& generated : DefaultPlans()) {
    for (const Step& step : generated.plan.steps()) {
      for (const Mutation& mutation : step.client().write().mutations()) {
        ++uses[mutation.key()];
        ++mutations;
      }
    }
  }
  EXPECT_LT(uses.size(), 200u);
  EXPECT_GT(mutations, 100'000u);
  for (const std::string& key : KeysOnBounds()) EXPECT_GT(uses[key], 0) << key;
  for (const std::string& key : {std::string(), std::string(1, '\0'), std::string("\xff"), std::string("a\0b", 3)}) {
    EXPECT_GT(uses[key], 0);
  }
}

TEST(Generator, ChangesOfGroupsComeInTheirProfilesOnlyAndSpareTheMasters) {
  const auto changes = [](const Plan& plan) {
    return CountIf(plan, [](const Step& step) { return step.has_membership(); });
  };
  const auto losses = [](const Plan& plan) {
    return CountIf(plan, [](const Step& step) { return step.fault().has_disk_loss(); });
  };
  for (const GeneratedPlan& generated : DefaultPlans()) {
    ASSERT_EQ(changes(generated.plan) + losses(generated.plan), 0u);
  }
  const Profile profile = *ProfileNamed("membership");
  uint64_t changed = 0, lost = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const Plan plan = GeneratePlan(seed, profile);
    const absl::Status valid = Validate(plan, nullptr);
    ASSERT_TRUE(valid.ok()) << valid;
    changed += changes(plan);
    lost += losses(plan);
  }
  EXPECT_GT(changed, 200u);
  EXPECT_GT(lost, 40u);
}

TEST(ArbitraryPlan, ShrinksAreSmallerValidPlansAndComeLazily) {
  const rc::Gen<Plan> gen = ArbitraryPlan(DefaultProfile());
  const rc::Shrinkable<Plan> shrinkable = gen(rc::Random(7), 50);
  EXPECT_EQ(gen(rc::Random(7), 100).value().SerializeAsString(), shrinkable.value().SerializeAsString());
  rc::Seq<rc::Shrinkable<Plan>> shrinks = shrinkable.shrinks();
  for (int i = 0; i < 20; ++i) {
    const auto shrink = shrinks.next();
    ASSERT_TRUE(shrink);
    EXPECT_TRUE(Validate(shrink->value(), nullptr).ok());
    EXPECT_LT(shrink->value().steps_size(), shrinkable.value().steps_size());
  }
}

TEST(Generator, DiskAndClockFaultsComeInTheirProfilesOnlyAndNoTwoNodesAreDamaged) {
  for (const std::string_view name : ProfileNames()) {
    int disk = 0;
    int damage = 0;
    int clock = 0;
    for (uint64_t seed = 0; seed < 60; ++seed) {
      std::set<uint32_t> damaged;
      const Plan plan = GeneratePlan(seed, *ProfileNamed(name));
      for (const Step& step : plan.steps()) {
        disk += step.fault().has_disk() ? 1 : 0;
        clock += step.fault().has_clock() ? 1 : 0;
        if (!IsDamage(step.fault())) continue;
        ++damage;
        const fault::Target& target =
            step.fault().has_rot() ? step.fault().rot().target() : step.fault().disk().target();
        EXPECT_EQ(target.role(), fault::Target::NODE);
        damaged.insert(target.node());
      }
      EXPECT_LE(damaged.size(), DamagedNodesMax(plan.shape()));
    }
    EXPECT_EQ(disk > 0, name == "disk" || name == "everything") << name;
    EXPECT_EQ(damage > 0, name == "disk" || name == "everything") << name;
    EXPECT_EQ(clock > 0, name == "clocks" || name == "everything") << name;
  }
}

}  // namespace
}  // namespace holdfast::plan
