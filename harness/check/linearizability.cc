#include "harness/check/linearizability.h"

#include <memory>
#include <utility>

#include "harness/check/frontier.h"
#include "harness/check/hint_order.h"

namespace holdfast::check {
namespace {

struct PartitionResult {
  Verdict verdict = Verdict::kPass;
  std::optional<Explanation> evidence;
  int64_t work = 0;
};

FrontierResult Walk(const Problem& problem, Meter* meter) {
  Problem looser;
  if (LoosenOptionalBatches(problem, &looser)) {
    const FrontierResult quick = Frontier(problem, {.on_demand = true}, meter).Run();
    if (quick.verdict == Verdict::kPass || meter->exhausted()) return quick;
    const FrontierResult loose = Frontier(looser, {}, meter).Run();
    if (loose.verdict == Verdict::kFail) {
      // Named by the item of the problem itself.
      FrontierResult named = loose;
      const Item& failed = looser.items[loose.failed_item];
      for (uint32_t i = 0; i < problem.items.size(); ++i) {
        if (problem.items[i].source == failed.source) named.failed_item = i;
      }
      return named;
    }
  }
  return Frontier(problem, {}, meter).Run();
}

PartitionResult JudgePartition(const history::History& history, ProblemBuilder* builder, std::span<const ObjectOperations* const> objects,
                               const LinearizabilityOptions& options) {
  PartitionResult result;
  if (options.model == Model::kSnapshotMap && options.initial == history::kAbsent && objects.size() == 1 &&
      HintOrderIsLinearization(history, objects[0]->positions)) {
    result.verdict = Verdict::kPass;
    return result;
  }
  Meter meter(options.limits);
  const Problem problem = builder->Build(objects);
  meter.HoldBytes(problem.ByteCount());
  const FrontierResult walked = Walk(problem, &meter);
  result.verdict = walked.verdict;
  result.work = meter.work();
  if (walked.verdict == Verdict::kFail && options.explain) result.evidence = Explain(problem, walked);
  return result;
}

}  // namespace

LinearizabilityResult CheckLinearizability(const history::History& history, const LinearizabilityOptions& options) {
  LinearizabilityResult result;
  const std::vector<ObjectOperations> objects = OperationsByObject(history);
  std::vector<std::vector<const ObjectOperations*>> partitions;
  for (const ObjectOperations& object : objects) {
    if (partitions.empty() || options.model != Model::kSnapshotTable) partitions.emplace_back();
    partitions.back().push_back(&object);
  }
  result.partition_count = partitions.size();
  if (history.operations.empty()) {
    result.verdict = Verdict::kVacuous;
    result.reason = "the history is empty";
    return result;
  }
  ProblemBuilder builder(history, {options.model, options.initial});
  result.verdict = Verdict::kPass;
  for (const std::vector<const ObjectOperations*>& partition : partitions) {
    PartitionResult part = JudgePartition(history, &builder, partition, options);
    result.verdict = Compose(result.verdict, part.verdict);
    result.work += part.work;
    if (part.verdict == Verdict::kUnknown) ++result.unknown_count;
    if (part.evidence.has_value() &&
        (!result.evidence.has_value() || part.evidence->prefix_end < result.evidence->prefix_end)) {
      result.evidence = std::move(part.evidence);
    }
  }
  if (result.verdict == Verdict::kUnknown) result.reason = "a limit was reached before every order was tried";
  return result;
}

}  // namespace holdfast::check
