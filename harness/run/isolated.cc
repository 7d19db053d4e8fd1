#include "harness/run/isolated.h"

#include <optional>
#include <utility>

#include "harness/run/worker_pool.h"

namespace holdfast::run {
namespace {

class OneTask : public TaskSource {
 public:
  explicit OneTask(const IsolatedOptions& options) : options_(options) {}
  std::optional<uint64_t> Next() override {
    if (std::exchange(started_, true)) return std::nullopt;
    return 0;
  }
  void Done(uint64_t, TrialReport report) override { report_ = std::move(report); }
  bool GoOn() override { return !options_.should_stop || !options_.should_stop(); }

  std::optional<TrialReport>& report() { return report_; }

 private:
  const IsolatedOptions& options_;
  bool started_ = false;
  std::optional<TrialReport> report_;
};

}  // namespace

absl::StatusOr<TrialReport> RunIsolated(const std::function<TrialReport()>& work, const IsolatedOptions& isolated) {
  OneTask task(isolated);
  const absl::Status status = RunTasks(
      {.jobs = 1, .tasks_per_child = 1, .timeout_ms = isolated.timeout_ms}, [&](uint64_t) { return work(); }, &task);
  if (!status.ok()) return status;
  if (!task.report()) return absl::CancelledError("stopped before the run ended");
  return *std::move(task.report());
}

absl::StatusOr<TrialReport> RunIsolated(const Trial& trial, const TrialOptions& options,
                                        const IsolatedOptions& isolated) {
  return RunIsolated([&] { return RunTrial(trial, options); }, isolated);
}

}  // namespace holdfast::run
