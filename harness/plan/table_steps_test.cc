// Steps on tables and exports: what validation refuses and what is right next to it, their words, and how plans with
// them shrink.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "harness/plan/generator.h"
#include "harness/plan/keys.h"
#include "harness/plan/plan_text.h"
#include "harness/plan/repair.h"
#include "harness/plan/step_text.h"
#include "harness/plan/validate.h"

namespace holdfast::plan {
namespace {

using ::testing::HasSubstr;

constexpr char kHeader[] = R"(format_version: 1 seed: 1 clients: 2
shape { nodes: 3 replication_factor: 3 tables: 3 tablets_per_table: 2 }
steps { snapshot { create { snapshot: 1 tables: 1 } } }
steps { snapshot { create { snapshot: 2 tables: 0 tables: 2 } } }
steps { table { export_snapshot { snapshot: 1 number: 7 } } }
)";

Plan PlanOf(const std::string& steps) {
  const auto parsed = ParsePlan(kHeader + steps, "p");
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed->plan;
}
std::string Problem(const std::string& step) {
  return std::string(Validate(PlanOf("steps { " + step + " }"), nullptr).message());
}

TEST(TableSteps, AreRefusedWithAReasonAndNearOnesAreNot) {
  EXPECT_EQ(Problem("table { drop { table: 2 } }"), "");
  EXPECT_THAT(Problem("table { drop { table: 3 } }"), HasSubstr("table 3 of 3; tables count from 0"));
  EXPECT_THAT(Problem("table { client: 2 drop { } }"), HasSubstr("client 2 of 2"));
  EXPECT_THAT(Problem("table { }"), HasSubstr("a table operation that does nothing"));
  EXPECT_EQ(Problem("table { export_snapshot { snapshot: 2 number: 8 } }"), "");
  EXPECT_THAT(Problem("table { export_snapshot { snapshot: 2 number: 7 } }"), HasSubstr("export 7 is made twice"));
  EXPECT_THAT(Problem("table { export_snapshot { snapshot: 3 number: 8 } }"),
              HasSubstr("which no earlier step creates"));
  EXPECT_EQ(Problem("table { import_snapshot { number: 7 snapshot: 5 tables: 0 } }"), "");
  EXPECT_THAT(Problem("table { import_snapshot { number: 8 snapshot: 5 tables: 0 } }"),
              HasSubstr("import of export 8, which no earlier step makes"));
  EXPECT_THAT(Problem("table { import_snapshot { number: 7 snapshot: 2 tables: 0 } }"),
              HasSubstr("snapshot 2 is created twice"));
  EXPECT_THAT(Problem("table { import_snapshot { number: 7 snapshot: 5 tables: 0 tables: 1 } }"),
              HasSubstr("import into 2 tables of an export of 1"));
  EXPECT_THAT(Problem("table { import_snapshot { number: 7 snapshot: 5 tables: 9 } }"), HasSubstr("table 9 of 3"));
  EXPECT_EQ(Problem("table { damage { number: 7 kind: DIRECTORY_STALE } }"), "");
  EXPECT_THAT(Problem("table { damage { number: 9 } }"), HasSubstr("damage to export 9, which no earlier step makes"));
}

TEST(TableSteps, AnImportedSnapshotIsRestoredDeletedAndExportedLikeAny) {
  const std::string import = "steps { table { import_snapshot { number: 7 snapshot: 5 tables: 0 } } }\n";
  EXPECT_TRUE(Validate(PlanOf(import + "steps { snapshot { restore { snapshot: 5 restoration: 1 } } }"
                                       "steps { table { export_snapshot { snapshot: 5 number: 8 } } }"
                                       "steps { snapshot { delete { snapshot: 5 } } }"),
                       nullptr)
                  .ok());
}

TEST(TableSteps, SayWhatTheyDo) {
  const auto text = [](const std::string& step) {
    const Plan plan = PlanOf("steps { table { " + step + " } }");
    return StepText(plan.steps(plan.steps_size() - 1));
  };
  EXPECT_EQ(text("client: 1 drop { table: 2 }"), "client 1: drop table 2");
  EXPECT_EQ(text("export_snapshot { snapshot: 2 number: 8 }"), "client 0: export snapshot 2 as export 8");
  EXPECT_EQ(text("import_snapshot { number: 7 snapshot: 5 tables: 0 }"),
            "client 0: import export 7 as snapshot 5 of table 0");
  std::set<std::string> damages;
  for (int kind = 0; kind <= fault::BackupDamage::Kind_MAX; ++kind) {
    damages.insert(text("damage { number: 7 kind: " +
                        fault::BackupDamage::Kind_Name(static_cast<fault::BackupDamage::Kind>(kind)) + " }"));
  }
  EXPECT_EQ(damages.size(), fault::BackupDamage::Kind_MAX + 1u);
}

TEST(TableSteps, GoOrAreRenumberedWithTheirTable) {
  Plan plan = PlanOf(
      "steps { table { drop { table: 0 } } }"
      "steps { table { drop { table: 2 } } }"
      "steps { table { import_snapshot { number: 7 snapshot: 5 tables: 2 } } }"
      "steps { table { import_snapshot { number: 7 snapshot: 6 tables: 0 } } }");
  RemoveTable(&plan, 0);
  ASSERT_EQ(plan.steps_size(), 5);
  EXPECT_EQ(plan.steps(3).table().drop().table(), 1u);
  EXPECT_EQ(plan.steps(4).table().import_snapshot().tables(0), 1u);
  EXPECT_TRUE(Validate(plan, nullptr).ok());
  FoldTables(&plan);
  SetClients(&plan, 1);
  EXPECT_EQ(plan.steps(4).table().import_snapshot().tables(0), 0u);
  EXPECT_TRUE(Validate(plan, nullptr).ok());
}

TEST(UnevenTables, HaveOtherBoundsInOddTablesAndCoverAllHashes) {
  for (uint32_t tablets = 1; tablets <= 16; ++tablets) {
    Shape shape;
    shape.set_tablets_per_table(tablets);
    shape.set_uneven_tables(true);
    for (uint32_t table = 0; table < 2; ++table) {
      uint32_t covered = 0;
      for (uint32_t tablet = 0; tablet < tablets; ++tablet) {
        const sut::HashRange range = RangeOf(shape, table, tablet);
        EXPECT_EQ(range.begin, covered);
        EXPECT_GT(range.end, range.begin);
        covered = range.end;
      }
      EXPECT_EQ(covered, sut::kHashSpace);
    }
    EXPECT_EQ(RangeOf(shape, 0, 0).end != RangeOf(shape, 1, 0).end, tablets > 1);
  }
}

TEST(TablesProfile, PlaysEveryKindOfTableStep) {
  std::set<int> kinds, damages;
  uint64_t uneven = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const Plan plan = GeneratePlan(seed, *ProfileNamed("tables"));
    uneven += plan.shape().uneven_tables() ? 1 : 0;
    for (const Step& step : plan.steps()) {
      if (!step.has_table()) continue;
      kinds.insert(step.table().op_case());
      if (step.table().has_damage()) damages.insert(step.table().damage().kind());
    }
  }
  EXPECT_EQ(kinds.size(), 4u);
  EXPECT_EQ(damages.size(), fault::BackupDamage::Kind_MAX + 1u);
  EXPECT_GT(uneven, 100u);
}

}  // namespace
}  // namespace holdfast::plan
