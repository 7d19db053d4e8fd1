// Minimising a plan: the smallest one found that still fails.
//
// Contract: every plan handed out validates and differs from the one it was made from; a walk ends. What "fails" means
// is the caller's: a run with the same kind of verdict, for a finding; any broken property, for RapidCheck.

#ifndef HARNESS_PLAN_SHRINK_H_
#define HARNESS_PLAN_SHRINK_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/plan/plan.pb.h"
#include "harness/plan/reductions.h"

namespace holdfast::plan {

// Walks the smaller plans of one plan, lazily, the most promising first.
class Shrinker {
 public:
  explicit Shrinker(const Plan& plan);
  // The next candidate; none at the end.
  std::optional<Plan> Next();

 private:
  Plan plan_;
  std::vector<Reduction> reductions_;
  size_t reduction_ = 0;
  size_t position_ = 0;  // positions below it are still to be tried
};

struct MinimizeOptions {
  size_t max_runs = 500;
  // Asked before each run; may be empty.
  std::function<bool()> should_stop;
};

struct MinimizeResult {
  Plan plan;
  size_t runs = 0;
  size_t reductions = 0;    // candidates that still failed
  bool is_minimal = false;  // no candidate of `plan` fails; otherwise it was stopped, or ran out of runs
};

// InvalidArgument if `plan` does not validate, FailedPrecondition if it does not fail (one run finds out).
absl::StatusOr<MinimizeResult> Minimize(const Plan& plan, const std::function<bool(const Plan&)>& still_fails,
                                        const MinimizeOptions& options);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_SHRINK_H_
