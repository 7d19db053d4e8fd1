// Every verdict of the labelled set: each defect, in small and large histories, with and without rows, hints and doubt.
#include <cstdio>
#include <string>
#include <tuple>

#include "gtest/gtest.h"
#include "harness/check/linearizability.h"
#include "harness/history/import.h"
#include "harness/history/jsonl.h"
#include "scenarios/histories/labelled.h"

namespace holdfast::scenarios {
namespace {

check::LinearizabilityResult Judge(const history::History& history, check::Model model) {
  check::LinearizabilityOptions options;
  options.model = model;
  options.limits.work_max = 50'000'000;
  return check::CheckLinearizability(history, options);
}

TEST(LabelledHistoriesTest, EveryVerdictIsRight) {
  size_t count = 0;
  for (const LabelledHistory& labelled : LabelledSet()) {
    const history::History history = Generate(labelled.options);
    const check::LinearizabilityResult by_tablet = Judge(history, check::Model::kSnapshotMap);
    EXPECT_EQ(by_tablet.verdict, labelled.right_by_tablet ? check::Verdict::kPass : check::Verdict::kFail) << labelled.name;
    if (!labelled.right_by_tablet) {
      ASSERT_TRUE(by_tablet.evidence.has_value()) << labelled.name;
      EXPECT_FALSE(by_tablet.evidence->obstacles.empty()) << labelled.name;
    }
    ++count;
    if (!labelled.judged_as_table) continue;
    const check::LinearizabilityResult by_table = Judge(history, check::Model::kSnapshotTable);
    EXPECT_EQ(by_table.verdict, labelled.right_as_table ? check::Verdict::kPass : check::Verdict::kFail)
        << labelled.name << " as a table";
    ++count;
  }
  std::printf("%zu verdicts\n", count);
  EXPECT_GT(count, 300u);
}

TEST(LabelledHistoriesTest, TheWrittenFormKeepsTheVerdict) {
  for (const LabelledHistory& labelled : LabelledSet()) {
    if (labelled.options.operations > 400 || labelled.options.seed != 1) continue;
    const std::string text = history::ToJsonl(Generate(labelled.options), {"snapshot-map", std::nullopt});
    history::TextSource source(history::TextSource::FromMemory(text));
    history::Imported imported;
    history::ParseError error;
    ASSERT_TRUE(history::Import(&source, std::nullopt, &imported, &error)) << error.message;
    EXPECT_EQ(Judge(imported.history, check::Model::kSnapshotMap).verdict,
              labelled.right_by_tablet ? check::Verdict::kPass : check::Verdict::kFail)
        << labelled.name;
  }
}

}  // namespace
}  // namespace holdfast::scenarios
