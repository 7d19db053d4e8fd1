#include "harness/check/partition_judge.h"

#include <algorithm>
#include <utility>

#include "harness/check/hint_order.h"
#include "harness/check/problem_part.h"
#include "harness/check/unambiguous_register.h"

namespace holdfast::check {
namespace {

// A larger budget may keep more worlds at once.
constexpr int64_t kWorkPerWorld = 64;

// The ends of operations between two events, both included, in order.
std::vector<int64_t> EndsBetween(const Problem& problem, int64_t from, int64_t to) {
  std::vector<int64_t> ends;
  for (const Item& item : problem.items) {
    if (from <= item.complete && item.complete <= to) ends.push_back(item.complete);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return ends;
}

// A violation found in a part of the problem, told of the problem.
FrontierResult ToldOf(const Problem& problem, const Problem& part, FrontierResult failure) {
  const uint32_t source = part.items[failure.failed_item].source;
  for (uint32_t i = 0; i < problem.items.size(); ++i) {
    if (problem.items[i].source == source) failure.failed_item = i;
  }
  return failure;
}

// The shortest wrong prefix by the judge of unambiguous cells alone. REQUIRES: the problem is wrong by it.
FrontierResult ShortestByZones(const Problem& problem, const Limits& limits, int64_t budget) {
  const std::vector<int64_t> ends = EndsBetween(problem, 0, history::kPending - 1);
  const auto wrong_at = std::partition_point(ends.begin(), ends.end(), [&](int64_t end) {
    Meter meter(limits, budget);
    return JudgeUnambiguousCells(UpTo(problem, end), &meter).wrong.empty();
  });
  FrontierResult failure;
  failure.verdict = Verdict::kFail;
  failure.failed_at = wrong_at == ends.end() ? ends.back() : *wrong_at;
  for (uint32_t i = 0; i < problem.items.size(); ++i) {
    const Item& item = problem.items[i];
    if (item.complete == failure.failed_at && !item.settled) failure.failed_item = i;
  }
  return failure;
}

}  // namespace

PartitionResult PartitionJudge::Judge(ProblemBuilder* builder, const Partition& partition, bool first) {
  result_ = PartitionResult();
  Problem problem = builder->Build(partition);
  Meter meter(options_.limits, budget_);
  meter.HoldBytes(problem.ByteCount());
  const CellVerdicts cells = JudgeUnambiguousCells(problem, &meter);
  result_.work += meter.work();
  result_.verdict = cells.verdict;
  if (cells.verdict == Verdict::kPass) return std::move(result_);
  if (cells.verdict == Verdict::kFail) {
    ExplainCells(problem, cells);
    return std::move(result_);
  }
  if (!cells.undecided.empty() && cells.undecided.size() < problem.cells.size()) {
    problem = OnCells(problem, cells.undecided);
  }
  const FrontierResult walked = Walk(problem);
  result_.verdict = walked.verdict;
  if (walked.verdict == Verdict::kUnknown && first && options_.model == Model::kSnapshotMap &&
      options_.initial == history::kAbsent && HintOrderIsLinearization(history_, partition[0]->positions)) {
    result_.verdict = Verdict::kPass;
  }
  if (walked.verdict == Verdict::kFail && options_.explain) result_.evidence = Explain(problem, walked);
  return std::move(result_);
}

// The verdict stands; the walk tells what it takes to explain it, on the undecided cells too: one of them may be wrong
// before the others are.
void PartitionJudge::ExplainCells(const Problem& problem, const CellVerdicts& verdicts) {
  if (!options_.explain) return;
  std::vector<uint32_t> cells = verdicts.wrong;
  cells.insert(cells.end(), verdicts.undecided.begin(), verdicts.undecided.end());
  const Problem part = OnCells(problem, cells);
  FrontierResult failure = WalkOne(part, {});
  if (failure.verdict != Verdict::kFail) failure = ShortestByZones(part, options_.limits, budget_);
  result_.evidence = Explain(part, failure);
}

FrontierResult PartitionJudge::Walk(const Problem& problem) {
  Problem looser;
  if (!LoosenOptionalBatches(problem, &looser)) return WalkOne(problem, {});
  const FrontierResult quick = WalkOne(problem, {.on_demand = true});
  if (quick.verdict == Verdict::kPass) return quick;
  const FrontierResult loose = WalkOne(looser, {});
  if (loose.verdict != Verdict::kFail) return WalkOne(problem, {});
  const FrontierResult wrong = ToldOf(problem, looser, loose);
  // Up to the event at which the quick walk ended there is an order.
  if (!options_.explain || quick.limit_reached || quick.failed_at >= wrong.failed_at) return wrong;
  return ShortestWrongPrefix(problem, quick.failed_at, wrong);
}

// The problem may be wrong before the looser one is. Bisects the ends between the two; what cannot be decided on the
// way counts as right, so that the prefix named is wrong in any case.
FrontierResult PartitionJudge::ShortestWrongPrefix(const Problem& problem, int64_t from, const FrontierResult& wrong) {
  const std::vector<int64_t> ends = EndsBetween(problem, from, wrong.failed_at);
  FrontierResult shortest = wrong;
  size_t low = 0, high = ends.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const Problem prefix = UpTo(problem, ends[middle]);
    FrontierResult walked = WalkOne(prefix, {.on_demand = true});
    if (walked.verdict != Verdict::kPass) walked = WalkOne(prefix, {});
    if (walked.verdict == Verdict::kFail) {
      // The full walk names the first event whose prefix is wrong.
      return ToldOf(problem, prefix, walked);
    }
    low = middle + 1;
  }
  return shortest;
}

FrontierResult PartitionJudge::WalkOne(const Problem& problem, const Frontier::Options& options) {
  Meter meter(options_.limits, budget_);
  meter.HoldBytes(problem.ByteCount());
  if (meter.exhausted()) return FrontierResult();
  Frontier::Options wider = options;
  wider.world_count_max = std::max<size_t>(options.world_count_max, static_cast<size_t>(budget_ / kWorkPerWorld));
  const FrontierResult walked = Frontier(problem, wider, &meter).Run();
  result_.work += meter.work();
  return walked;
}

}  // namespace holdfast::check
