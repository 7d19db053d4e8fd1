#include "harness/check/unambiguous_register.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "harness/check/brute_force.h"
#include "harness/check/frontier.h"
#include "harness/check/linearizability.h"
#include "harness/check/random_history.h"
#include "harness/history/jsonl.h"

namespace holdfast::check {
namespace {

constexpr int64_t kWorkMax = 5'000'000;

// The verdict of the zones on every object, kUnknown if a cell is out of the class.
Verdict JudgeByZones(const history::History& history, Model model) {
  Verdict verdict = Verdict::kPass;
  ProblemBuilder builder(history, {model, history::kAbsent});
  const Limits limits;
  for (const ObjectOperations& object : OperationsByObject(history)) {
    const ObjectOperations* const partition[] = {&object};
    Meter meter(limits, kWorkMax);
    verdict = Compose(verdict, JudgeUnambiguousCells(builder.Build(partition), &meter).verdict);
  }
  return verdict;
}

Verdict JudgeByFrontier(const history::History& history, Model model) {
  Verdict verdict = Verdict::kPass;
  ProblemBuilder builder(history, {model, history::kAbsent});
  const Limits limits;
  for (const ObjectOperations& object : OperationsByObject(history)) {
    const ObjectOperations* const partition[] = {&object};
    const Problem problem = builder.Build(partition);
    Meter meter(limits, kWorkMax);
    verdict = Compose(verdict, Frontier(problem, {}, &meter).Run().verdict);
  }
  return verdict;
}

struct Tally {
  int right = 0, wrong = 0, out_of_class = 0;
};

void ExpectAgreement(Model model, uint32_t operations_max, uint64_t count, bool enumerate, Tally* tally) {
  for (uint64_t seed = 0; seed < count; ++seed) {
    RandomHistoryOptions options = RandomOptions(model, seed, operations_max);
    options.plain = true;
    options.values = 0;
    options.processes += operations_max / 12;
    if (!enumerate) options.indeterminate /= 4;
    const history::History history = RandomHistory(options, seed).Make();
    const Verdict zones = JudgeByZones(history, model);
    if (zones == Verdict::kUnknown) {
      ++tally->out_of_class;
      continue;
    }
    ++(zones == Verdict::kPass ? tally->right : tally->wrong);
    const Verdict walked = JudgeByFrontier(history, model);
    const Verdict truth = !enumerate                                                    ? walked
                          : BruteForce(history, model, history::kAbsent).Linearizable() ? Verdict::kPass
                                                                                        : Verdict::kFail;
    ASSERT_EQ(walked, truth) << "seed " << seed << "\n" << history::ToJsonl(history, {});
    ASSERT_EQ(zones, truth) << "seed " << seed << "\n" << history::ToJsonl(history, {});
  }
}

TEST(UnambiguousRegisterTest, AgreesWithTheWalkAndWithTheEnumerationOfAllOrders) {
  Tally tally;
  ExpectAgreement(Model::kCasRegister, 7, 65'000, true, &tally);
  ExpectAgreement(Model::kKv, 9, 65'000, true, &tally);
  EXPECT_GT(tally.right, 40'000);
  EXPECT_GT(tally.wrong, 15'000);
  EXPECT_GE(tally.right + tally.wrong, 100'000);
  EXPECT_GT(tally.out_of_class, 1'000);
}

TEST(UnambiguousRegisterTest, AgreesWithTheWalkOnLongerHistories) {
  Tally tally;
  ExpectAgreement(Model::kCasRegister, 60, 4'000, false, &tally);
  ExpectAgreement(Model::kKv, 80, 4'000, false, &tally);
  EXPECT_GT(tally.right, 1'000);
  EXPECT_GT(tally.wrong, 1'000);
}

// A register, "0" at first; operations as (write or read, value, invoke, complete).
class Register {
 public:
  Register& Write(const char* value, int64_t invoke, int64_t complete) {
    return Add(history::Kind::kWrite, value, invoke, complete);
  }
  Register& Read(const char* value, int64_t invoke, int64_t complete) {
    return Add(history::Kind::kRead, value, invoke, complete);
  }
  Verdict Judge() {
    ProblemBuilder builder(history_, {Model::kCasRegister, initial_});
    const std::vector<ObjectOperations> objects = OperationsByObject(history_);
    const ObjectOperations* const partition[] = {&objects[0]};
    const Limits limits;
    Meter meter(limits, kWorkMax);
    return JudgeUnambiguousCells(builder.Build(partition), &meter).verdict;
  }
  LinearizabilityResult Check() {
    LinearizabilityOptions options;
    options.model = Model::kCasRegister;
    options.initial = initial_;
    return CheckLinearizability(history_, options);
  }

 private:
  Register& Add(history::Kind kind, const char* value, int64_t invoke, int64_t complete) {
    history::Operation op;
    op.kind = kind;
    op.value = history_.symbols.Intern(value);
    op.invoke = invoke;
    op.complete = complete;
    op.outcome = complete == history::kPending ? history::Outcome::kIndeterminate : history::Outcome::kOk;
    history_.operations.push_back(op);
    return *this;
  }

  history::History history_;
  Symbol initial_ = history_.symbols.Intern("0");
};

TEST(UnambiguousRegisterTest, ForwardZonesMayNotOverlap) {
  EXPECT_EQ(Register().Write("a", 1, 2).Write("b", 3, 4).Read("a", 5, 6).Read("b", 7, 8).Judge(), Verdict::kFail);
  EXPECT_EQ(Register().Write("a", 1, 2).Read("a", 3, 4).Write("b", 5, 6).Read("b", 7, 8).Judge(), Verdict::kPass);
}

TEST(UnambiguousRegisterTest, NoValueFitsWithinAnother) {
  EXPECT_EQ(Register().Write("a", 1, 2).Write("b", 3, 4).Read("a", 5, 6).Judge(), Verdict::kFail);
  EXPECT_EQ(Register().Write("a", 1, 2).Write("b", 3, 6).Read("a", 4, 5).Judge(), Verdict::kPass);
}

TEST(UnambiguousRegisterTest, TheInitialValueIsWrittenBeforeEverything) {
  EXPECT_EQ(Register().Read("0", 1, 2).Write("a", 3, 4).Judge(), Verdict::kPass);
  EXPECT_EQ(Register().Write("a", 1, 2).Read("0", 3, 4).Judge(), Verdict::kFail);
  EXPECT_EQ(Register().Read("never", 1, 2).Judge(), Verdict::kFail);
}

TEST(UnambiguousRegisterTest, APendingWriteCountsIfItWasSeen) {
  EXPECT_EQ(Register().Write("a", 1, history::kPending).Write("b", 2, 3).Read("b", 4, 5).Judge(), Verdict::kPass);
  EXPECT_EQ(Register().Write("a", 1, history::kPending).Write("b", 2, 3).Read("b", 4, 5).Read("a", 6, 7).Judge(),
            Verdict::kPass);
  EXPECT_EQ(Register()
                .Write("a", 1, history::kPending)
                .Write("b", 2, 3)
                .Read("b", 4, 5)
                .Read("a", 6, 7)
                .Read("b", 8, 9)
                .Judge(),
            Verdict::kFail);
}

TEST(UnambiguousRegisterTest, AValueWrittenTwiceIsForTheSearch) {
  EXPECT_EQ(Register().Write("a", 1, 2).Write("a", 3, 4).Judge(), Verdict::kUnknown);
  EXPECT_EQ(Register().Write("0", 1, 2).Judge(), Verdict::kUnknown);
}

TEST(UnambiguousRegisterTest, AViolationAmongMoreCallsThanTheWalkHoldsIsShownByItsShortestPrefix) {
  Register wide;
  for (int i = 0; i < 100; ++i) wide.Write(std::to_string(i + 1).c_str(), i, 1000 + i);
  const LinearizabilityResult result =
      wide.Read("1", 200, 201).Read("2", 202, 203).Read("1", 204, 205).Read("2", 206, 207).Check();
  EXPECT_EQ(result.verdict, Verdict::kFail);
  ASSERT_TRUE(result.evidence.has_value());
  EXPECT_EQ(result.evidence->prefix_end, 205);
  ASSERT_FALSE(result.evidence->unplaceable.empty());
  EXPECT_EQ(result.evidence->unplaceable.front(), 102u);
}

}  // namespace
}  // namespace holdfast::check
