// Three judges that share little must agree on random histories, good and bad, of every specification: the frontier walk,
// the search, and the enumeration of all orders on plain maps.
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "harness/check/brute_force.h"
#include "harness/check/linearizability.h"
#include "harness/check/problem_specification.h"
#include "harness/check/random_history.h"
#include "harness/check/search.h"
#include "harness/history/jsonl.h"

#ifndef HOLDFAST_RANDOM_HISTORIES
#define HOLDFAST_RANDOM_HISTORIES 60000
#endif

namespace holdfast::check {
namespace {

constexpr int64_t kSearchWorkMax = 2'000'000;

Verdict JudgeBySearch(const history::History& history, Model model) {
  Verdict verdict = Verdict::kPass;
  const std::vector<ObjectOperations> objects = OperationsByObject(history);
  std::vector<std::vector<const ObjectOperations*>> partitions;
  for (const ObjectOperations& object : objects) {
    if (partitions.empty() || model != Model::kSnapshotTable) partitions.emplace_back();
    partitions.back().push_back(&object);
  }
  ProblemBuilder builder(history, {model, history::kAbsent});
  for (const std::vector<const ObjectOperations*>& partition : partitions) {
    const Problem problem = builder.Build(partition);
    ProblemSpecification specification(problem);
    const Limits limits;
    Meter meter(limits, kSearchWorkMax);
    const SearchResult result = Search<ProblemSpecification>(&specification, CallsOf(problem), &meter).Run();
    verdict = Compose(verdict, result.verdict);
  }
  return verdict;
}

Verdict JudgeByFrontier(const history::History& history, Model model) {
  LinearizabilityOptions options;
  options.model = model;
  options.limits.work_max = 5'000'000;
  const Verdict verdict = CheckLinearizability(history, options).verdict;
  return verdict == Verdict::kVacuous ? Verdict::kPass : verdict;
}

class JudgesAgree : public ::testing::TestWithParam<int> {
 protected:
  Model model() const { return static_cast<Model>(GetParam()); }
};

TEST_P(JudgesAgree, WithTheEnumerationOfAllOrdersOnSmallHistories) {
  constexpr uint64_t kHistories = HOLDFAST_RANDOM_HISTORIES / kModelCount;
  uint64_t wrong = 0, unknown = 0;
  for (uint64_t seed = 0; seed < kHistories; ++seed) {
    const history::History history = RandomHistory(RandomOptions(model(), seed, 7), seed).Make();
    const Verdict truth =
        BruteForce(history, model(), history::kAbsent).Linearizable() ? Verdict::kPass : Verdict::kFail;
    const Verdict walked = JudgeByFrontier(history, model());
    EXPECT_EQ(JudgeBySearch(history, model()), truth) << "seed " << seed << "\n" << history::ToJsonl(history, {});
    unknown += walked == Verdict::kUnknown ? 1 : 0;
    if (walked == truth || walked == Verdict::kUnknown) continue;
    ADD_FAILURE() << "seed " << seed << "\n" << history::ToJsonl(history, {});
    if (++wrong == 3) break;
  }
  const double share = 100.0 * static_cast<double>(unknown) / static_cast<double>(kHistories);
  std::printf("%s: %llu histories, unknown %.4f %%\n", std::string(ModelName(model())).c_str(),
              static_cast<unsigned long long>(kHistories), share);
  EXPECT_EQ(unknown, 0u);
}

TEST_P(JudgesAgree, WithTheSearchOnLongerHistories) {
  constexpr uint64_t kHistories = HOLDFAST_RANDOM_HISTORIES / kModelCount / 20;
  for (uint64_t seed = 0; seed < kHistories; ++seed) {
    RandomHistoryOptions options = RandomOptions(model(), seed, 60);
    options.indeterminate /= 4;
    const history::History history = RandomHistory(options, seed).Make();
    const Verdict searched = JudgeBySearch(history, model());
    const Verdict walked = JudgeByFrontier(history, model());
    if (searched == Verdict::kUnknown || walked == Verdict::kUnknown) continue;
    ASSERT_EQ(walked, searched) << "seed " << seed << "\n" << history::ToJsonl(history, {});
  }
}

TEST_P(JudgesAgree, OnTheShortestWrongPrefix) {
  // Cutting the history right before the event named makes it right; cutting behind it does not.
  uint64_t violations = 0;
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    const history::History history = RandomHistory(RandomOptions(model(), seed, 7), seed).Make();
    LinearizabilityOptions options;
    options.model = model();
    const LinearizabilityResult result = CheckLinearizability(history, options);
    if (result.verdict != Verdict::kFail) continue;
    ++violations;
    const auto cut = [&](int64_t event) {
      history::History prefix = history;
      prefix.operations.clear();
      for (history::Operation op : history.operations) {
        if (op.invoke >= event) continue;
        if (op.complete >= event) {
          op.complete = history::kPending;
          // What had not answered is not known, but for what a snapshot turned out to hold.
          if (op.ok()) op.outcome = history::Outcome::kIndeterminate;
          if (op.kind == history::Kind::kRefusedCompare) continue;
        }
        prefix.operations.push_back(op);
      }
      return JudgeByFrontier(prefix, model());
    };
    EXPECT_EQ(cut(result.evidence->prefix_end + 1), Verdict::kFail) << "seed " << seed;
    EXPECT_EQ(cut(result.evidence->prefix_end), Verdict::kPass)
        << "seed " << seed << " event " << result.evidence->prefix_end << "\n" << history::ToJsonl(history, {});
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(violations, 100u);
}

INSTANTIATE_TEST_SUITE_P(Models, JudgesAgree, ::testing::Range(0, kModelCount), [](const auto& info) {
  std::string name(ModelName(static_cast<Model>(info.param)));
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
});

}  // namespace
}  // namespace holdfast::check
