// Judges one partition of a history within a budget: which engine comes first, and what a violation is shown by.
//
// Cells whose values each have one writer are judged by their zones (unambiguous_register.h), all else by the frontier
// walk; where that is undecided, the order that the hints tell is tried. Pure; one thread.
#ifndef HOLDFAST_HARNESS_CHECK_PARTITION_JUDGE_H_
#define HOLDFAST_HARNESS_CHECK_PARTITION_JUDGE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "harness/check/explanation.h"
#include "harness/check/frontier.h"
#include "harness/check/linearizability.h"
#include "harness/check/problem.h"
#include "harness/check/unambiguous_register.h"
#include "harness/check/verdict.h"

namespace holdfast::check {

using Partition = std::vector<const ObjectOperations*>;

struct PartitionResult {
  Verdict verdict = Verdict::kUnknown;
  std::optional<Explanation> evidence;
  int64_t work = 0;
};

class PartitionJudge {
 public:
  // REQUIRES: both outlive the judge. `budget`: the work of one walk.
  PartitionJudge(const history::History& history, const LinearizabilityOptions& options, int64_t budget)
      : history_(history), options_(options), budget_(budget) {}

  // `first`: the first attempt at this partition.
  PartitionResult Judge(ProblemBuilder* builder, const Partition& partition, bool first);

 private:
  void ExplainCells(const Problem& problem, const CellVerdicts& verdicts);
  FrontierResult Walk(const Problem& problem);
  FrontierResult WalkOne(const Problem& problem, const Frontier::Options& options);
  FrontierResult ShortestWrongPrefix(const Problem& problem, int64_t from, const FrontierResult& wrong);

  const history::History& history_;
  const LinearizabilityOptions& options_;
  const int64_t budget_;
  PartitionResult result_;
};

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_PARTITION_JUDGE_H_
