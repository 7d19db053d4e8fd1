#include "harness/plan/shrink.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "harness/plan/validate.h"
#include "sut/base/prng.h"

namespace holdfast::plan {
namespace {

// A plan of so few steps can be read; to make it smaller still is not worth hundreds of runs.
constexpr int kFewSteps = 6;

// One minimisation: the smallest failing plan so far, and what has been tried.
class Minimizer {
 public:
  Minimizer(const Plan& plan, const std::function<bool(const Plan&)>& still_fails, const MinimizeOptions& options)
      : still_fails_(still_fails), options_(options) {
    result_.plan = plan;
  }

  // Whether the run was made; false when it may not be any more.
  bool CheckPlanFails(bool* fails) {
    if (out_of_runs()) return false;
    ++result_.runs;
    *fails = still_fails_(result_.plan);
    return true;
  }

  MinimizeResult Run() {
    do {
      WalkAll();
    } while (!stopped_ && result_.plan.steps_size() > kFewSteps && WalkWithLuck());
    result_.is_minimal = !stopped_;
    return std::move(result_);
  }

 private:
  bool out_of_runs() const {
    return result_.runs >= options_.max_runs || (options_.should_stop && options_.should_stop());
  }

  void WalkAll() {
    bool progress = true;
    while (progress && !stopped_) {
      progress = false;
      for (const Reduction& reduction : ReductionsFor(result_.plan)) progress |= Walk(reduction);
    }
  }

  // Ends at the first that takes anything away: the others are worth more then.
  bool WalkWithLuck() {
    for (const Reduction& reduction : LuckyReductionsFor(result_.plan)) {
      if (Walk(reduction)) return true;
    }
    return false;
  }

  // Tries one reduction at all its positions, from the last to the first. Whether any was accepted.
  bool Walk(const Reduction& reduction) {
    bool progress = false;
    for (size_t position = reduction.count(result_.plan); position > 0 && !stopped_;) {
      --position;
      if (Plan candidate; Reduce(reduction, position, result_.plan, &candidate) && Try(std::move(candidate))) {
        progress = true;
        position = std::min(position, reduction.count(result_.plan));
      }
    }
    return progress;
  }

  bool Try(Plan candidate) {
    // A run is dear, and sweeps repeat each other: what did not fail once is not run again.
    const uint64_t fingerprint = sut::MixString(candidate.SerializeAsString());
    if (passed_.contains(fingerprint)) return false;
    if (out_of_runs()) {
      stopped_ = true;
      return false;
    }
    ++result_.runs;
    if (!still_fails_(candidate)) {
      passed_.insert(fingerprint);
      return false;
    }
    ++result_.reductions;
    result_.plan = std::move(candidate);
    return true;
  }

  const std::function<bool(const Plan&)>& still_fails_;
  const MinimizeOptions& options_;
  MinimizeResult result_;
  absl::flat_hash_set<uint64_t> passed_;
  bool stopped_ = false;
};

}  // namespace

Shrinker::Shrinker(const Plan& plan) : plan_(plan), reductions_(ReductionsFor(plan)) {
  position_ = reductions_.front().count(plan_);
}

std::optional<Plan> Shrinker::Next() {
  while (reduction_ < reductions_.size()) {
    while (position_ > 0) {
      --position_;
      if (Plan candidate; Reduce(reductions_[reduction_], position_, plan_, &candidate)) return candidate;
    }
    if (++reduction_ < reductions_.size()) position_ = reductions_[reduction_].count(plan_);
  }
  return std::nullopt;
}

absl::StatusOr<MinimizeResult> Minimize(const Plan& plan, const std::function<bool(const Plan&)>& still_fails,
                                        const MinimizeOptions& options) {
  if (absl::Status valid = Validate(plan, nullptr); !valid.ok()) return valid;
  Minimizer minimizer(plan, still_fails, options);
  bool fails = false;
  if (!minimizer.CheckPlanFails(&fails)) return absl::CancelledError("stopped before the first run");
  if (!fails) return absl::FailedPreconditionError("the plan does not fail, so there is nothing to minimise");
  return minimizer.Run();
}

}  // namespace holdfast::plan
