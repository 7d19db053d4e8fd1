#include "harness/check/linearizability.h"

#include <memory>
#include <mutex>
#include <utility>

#include "harness/check/partition_judge.h"

namespace holdfast::check {
namespace {

// Partitions take turns: what is not decided within its budget is tried again with a larger one, after all others had
// their turn, so that one explosion does not hide another partition's quick violation.
constexpr int64_t kBudgetBase = 50'000;
constexpr int64_t kBudgetPerOperation = 64;
constexpr int64_t kBudgetGrowth = 16;
constexpr int kRoundsMax = 6;

std::vector<Partition> PartitionsOf(const std::vector<ObjectOperations>& objects, Model model) {
  std::vector<Partition> partitions;
  for (const ObjectOperations& object : objects) {
    if (partitions.empty() || model != Model::kSnapshotTable) partitions.emplace_back();
    partitions.back().push_back(&object);
  }
  return partitions;
}

// Lends each running task a builder of its own; they are large, and there are no more of them than tasks at once.
class BuilderPool {
 public:
  BuilderPool(const history::History& history, const LinearizabilityOptions& options)
      : history_(history), options_({options.model, options.initial}) {}

  std::unique_ptr<ProblemBuilder> Borrow() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.empty()) return std::make_unique<ProblemBuilder>(history_, options_);
    std::unique_ptr<ProblemBuilder> builder = std::move(idle_.back());
    idle_.pop_back();
    return builder;
  }
  void Return(std::unique_ptr<ProblemBuilder> builder) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(builder));
  }

 private:
  const history::History& history_;
  const ProblemOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<ProblemBuilder>> idle_;
};

void Execute(const Executor& executor, size_t count, const std::function<void(size_t)>& task) {
  if (executor) return executor(count, task);
  for (size_t i = 0; i < count; ++i) task(i);
}

}  // namespace

LinearizabilityResult CheckLinearizability(const history::History& history, const LinearizabilityOptions& options) {
  LinearizabilityResult result;
  if (history.operations.empty()) {
    result.verdict = Verdict::kVacuous;
    result.reason = "the history is empty";
    return result;
  }
  const std::vector<ObjectOperations> objects = OperationsByObject(history);
  const std::vector<Partition> partitions = PartitionsOf(objects, options.model);
  result.partition_count = partitions.size();
  std::vector<PartitionResult> parts(partitions.size());
  std::vector<size_t> undecided(partitions.size());
  for (size_t i = 0; i < undecided.size(); ++i) undecided[i] = i;
  BuilderPool builders(history, options);
  int64_t growth = 1;
  bool failed = false;
  const auto stopped = [&] { return options.limits.stop && options.limits.stop(); };
  for (int round = 0; round < kRoundsMax && !undecided.empty() && !failed; ++round, growth *= kBudgetGrowth) {
    if ((round > 0 && result.work > options.limits.work_max) || stopped()) break;
    Execute(options.executor, undecided.size(), [&](size_t i) {
      const Partition& partition = partitions[undecided[i]];
      size_t operation_count = 0;
      for (const ObjectOperations* object : partition) operation_count += object->positions.size();
      const int64_t budget = (kBudgetBase + kBudgetPerOperation * static_cast<int64_t>(operation_count)) * growth;
      std::unique_ptr<ProblemBuilder> builder = builders.Borrow();
      PartitionResult part = PartitionJudge(history, options, budget).Judge(builder.get(), partition, round == 0);
      builders.Return(std::move(builder));
      part.work += parts[undecided[i]].work;
      parts[undecided[i]] = std::move(part);
    });
    std::vector<size_t> still;
    result.work = 0;
    for (const PartitionResult& part : parts) result.work += part.work;
    for (const size_t i : undecided) {
      if (parts[i].verdict == Verdict::kUnknown) still.push_back(i);
      failed |= parts[i].verdict == Verdict::kFail;
    }
    undecided = std::move(still);
  }
  result.verdict = Verdict::kPass;
  for (PartitionResult& part : parts) {
    result.verdict = Compose(result.verdict, part.verdict);
    if (part.evidence.has_value() &&
        (!result.evidence.has_value() || part.evidence->prefix_end < result.evidence->prefix_end)) {
      result.evidence = std::move(part.evidence);
    }
  }
  result.unknown_count = undecided.size();
  if (result.verdict == Verdict::kUnknown) result.reason = "a limit was reached before every order was tried";
  return result;
}

}  // namespace holdfast::check
