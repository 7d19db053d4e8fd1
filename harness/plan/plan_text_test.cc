// Text form of plans: what is printed is read back, what is unknown is refused, and every refusal names its place.

#include "harness/plan/plan_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "harness/plan/arbitrary_plan.h"
#include "harness/plan/generator.h"
#include "harness/plan/validate.h"
#include "sut/base/prng.h"

namespace holdfast::plan {
namespace {

using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::StartsWith;

RC_GTEST_PROP(PlanText, WhatIsPrintedIsReadBack, ()) {
  const Plan plan = *ArbitraryPlan(DefaultProfile());
  const auto parsed = ParsePlan(PrintPlan(plan), "p");
  RC_ASSERT(parsed.ok());
  RC_ASSERT(parsed->plan.SerializeAsString() == plan.SerializeAsString());
}

TEST(PlanText, KeysOfAnyBytesSurvive) {
  Plan plan;
  for (int byte = 0; byte < 256; ++byte) {
    plan.add_steps()->mutable_client()->mutable_get()->set_key(std::string(1, static_cast<char>(byte)) + "\"'\\\n");
  }
  const auto parsed = ParsePlan(PrintPlan(plan), "p");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->plan.SerializeAsString(), plan.SerializeAsString());
}

TEST(PlanText, EveryStepStandsOnALineOfItsOwn) {
  const Plan plan = GeneratePlan(1, DefaultProfile());
  const std::string text = PrintPlan(plan);
  size_t lines = 0;
  for (size_t at = text.find("steps {"); at != std::string::npos; at = text.find("steps {", at + 1)) {
    EXPECT_TRUE(at == 0 || text[at - 1] == '\n');
    ++lines;
  }
  EXPECT_EQ(lines, static_cast<size_t>(plan.steps_size()));
}

TEST(PlanText, EmptyStepsAreKept) {
  Plan plan;
  plan.add_steps();
  plan.add_steps()->mutable_inspect();
  const auto parsed = ParsePlan(PrintPlan(plan), "p");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->plan.steps_size(), 2);
  EXPECT_TRUE(parsed->plan.steps(1).has_inspect());
}

TEST(PlanText, UnknownFieldsAreRefusedWithTheirPlace) {
  const auto parsed = ParsePlan("seed: 1\nsteps { gap_us: 5\n  speed: 3 }\n", "dir/p.textproto");
  ASSERT_FALSE(parsed.ok());
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(parsed.status().message()), StartsWith("dir/p.textproto:3:"));
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("speed"));
}

TEST(PlanText, UnknownEnumValuesAreRefused) {
  const auto parsed = ParsePlan("steps { fault { crash { kind: METEORITE } } }", "p");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(std::string(parsed.status().message()), StartsWith("p:1:"));
}

TEST(PlanText, TheLineIndexKnowsStepsAndHeaderFields) {
  const auto parsed =
      ParsePlan("seed: 1\nshape {\n  nodes: 3\n}\nsteps { inspect { } }\n\nsteps { inspect { } }\nbugs: \"x\"", "p");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->lines.Field("shape.nodes"), "p:3:3");
  EXPECT_EQ(parsed->lines.Field("shape.tables"), "p:2:1") << "an absent field is where its message is";
  EXPECT_EQ(parsed->lines.Field("clients"), "p");
  EXPECT_EQ(parsed->lines.Field("bugs[0]"), "p:8:1");
  EXPECT_EQ(parsed->lines.Step(0), "p:5:1");
  EXPECT_EQ(parsed->lines.Step(1), "p:7:1");
  EXPECT_EQ(parsed->lines.Step(2), "p");
}

// Damages a text at one place: drops, doubles or overwrites a few bytes.
std::string Mutate(std::string text, sut::Prng* random) {
  const uint64_t edits = 1 + random->NextBelow(4);
  for (uint64_t i = 0; i < edits && !text.empty(); ++i) {
    const size_t at = random->NextBelow(text.size());
    const size_t size = std::min<size_t>(1 + random->NextBelow(12), text.size() - at);
    switch (random->NextBelow(4)) {
      case 0:
        text.erase(at, size);
        break;
      case 1:
        text.insert(at, text.substr(at, size));
        break;
      case 2:
        text[at] = static_cast<char>(random->NextBelow(256));
        break;
      default:
        text.insert(at, "{}:\"\\[<-0x99999999999999999999");
        break;
    }
  }
  return text;
}

TEST(PlanText, DamagedTextIsReadOrRefusedInOneLine) {
  sut::Prng random(20);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    Plan plan = GeneratePlan(static_cast<uint64_t>(i) % 10, DefaultProfile());
    plan.mutable_steps()->DeleteSubrange(12, plan.steps_size() - 12);
    const auto parsed = ParsePlan(Mutate(PrintPlan(plan), &random), "p");
    const absl::Status status = parsed.ok() ? Validate(parsed->plan, &parsed->lines) : parsed.status();
    if (status.ok()) continue;
    ++refused;
    const std::string message(status.message());
    EXPECT_THAT(message, StartsWith("p"));
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_GT(refused, 1000);
}

TEST(LoadPlan, AMissingFileIsNotFound) {
  EXPECT_EQ(LoadPlan("/nonexistent/plan").status().code(), absl::StatusCode::kNotFound);
}

TEST(LoadPlan, AFileIsReadAndValidated) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "plan_text_test.textproto";
  Plan plan = GeneratePlan(3, DefaultProfile());
  std::ofstream(path) << PrintPlan(plan);
  const auto loaded = LoadPlan(path.string());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->SerializeAsString(), plan.SerializeAsString());
  plan.mutable_shape()->set_nodes(4);
  std::ofstream(path) << PrintPlan(plan);
  EXPECT_THAT(std::string(LoadPlan(path.string()).status().message()), StartsWith(path.string() + ":4:3: 4 nodes"));
  std::filesystem::remove(path);
}

TEST(ScenarioPlans, EveryPlanOfTheRepositoryIsValid) {
  int plans = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_SCENARIO_PLANS)) {
    if (entry.path().extension() != ".textproto") continue;
    const auto plan = LoadPlan(entry.path().string());
    EXPECT_TRUE(plan.ok()) << plan.status();
    ++plans;
  }
  EXPECT_GE(plans, 4);
}

}  // namespace
}  // namespace holdfast::plan
