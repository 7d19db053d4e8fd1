#include "harness/run/hunt.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/run/campaign.h"
#include "harness/run/isolated.h"
#include "harness/run/minimize_run.h"
#include "harness/run/result_text.h"
#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

// A plan of more steps than this is worth a search for another one.
constexpr int kStepsToRead = 12;
constexpr uint64_t kOtherFindings = 3;

// Without the bug, of a plan that fails with it in processes: one run that passes says little.
constexpr int kRunsWithoutBug = 3;

class FirstFinding : public CampaignObserver {
 public:
  explicit FirstFinding(const HuntOptions& options) : options_(options) {}
  void OnResult(uint64_t, const Result&, const CampaignSummary&) override {}
  void OnFinding(uint64_t, const Trial& trial, const Result& result) override { found_.emplace(trial, result); }
  bool GoOn(const CampaignSummary&) override { return !options_.should_stop || !options_.should_stop(); }

  const std::optional<std::pair<Trial, Result>>& found() const { return found_; }

 private:
  const HuntOptions& options_;
  std::optional<std::pair<Trial, Result>> found_;
};

std::string CheckerOf(const Result& result) {
  if (result.violations().empty()) return VerdictText(result.verdict());
  const Violation& violation = result.violations(0);
  return violation.invariant().empty() ? violation.checker()
                                       : absl::StrCat(violation.checker(), " ", violation.invariant());
}

// Whether the plan fails without its bugs too; it is not theirs then.
absl::StatusOr<bool> FailsWithoutBug(Trial trial, const HuntOptions& options) {
  trial.mutable_plan()->clear_bugs();
  TrialOptions places;
  places.processes = options.processes;
  const int runs = options.world == PROCESSES ? kRunsWithoutBug : 1;
  for (int i = 0; i < runs; ++i) {
    const absl::StatusOr<TrialReport> report =
        RunIsolated(trial, places, {.timeout_ms = options.pool.timeout_ms, .should_stop = options.should_stop});
    if (!report.ok()) return report.status();
    if (IsFailure(report->result())) return true;
  }
  return false;
}

absl::Status MakeSmall(const Result& result, const HuntOptions& options, HuntResult* hunt) {
  if (options.minimize_ms_max == 0 || options.world == PROCESSES) return absl::OkStatus();
  const absl::StatusOr<MinimizedTrial> minimized = MinimizeTrial(hunt->minimal, result,
                                                                 {.wall_ms_max = options.minimize_ms_max,
                                                                  .timeout_ms = options.pool.timeout_ms,
                                                                  .should_stop = options.should_stop});
  // A plan that does not fail a second time is kept as it is, and shows as not minimal.
  if (absl::IsFailedPrecondition(minimized.status()) || absl::IsCancelled(minimized.status())) return absl::OkStatus();
  if (!minimized.ok()) return minimized.status();
  hunt->minimal = minimized->trial;
  hunt->is_minimal = minimized->is_minimal;
  return absl::OkStatus();
}

absl::StatusOr<HuntResult> HuntOnce(const std::string& bug, const HuntOptions& options) {
  CampaignOptions campaign;
  campaign.seed = options.seed;
  campaign.profiles = options.profiles;
  campaign.guided = options.guided;
  campaign.bugs = {bug};
  campaign.duration = options.budget;
  campaign.self_check_every = 0;
  campaign.pool = options.pool;
  campaign.world = options.world;
  campaign.speed = options.speed;
  campaign.trial.processes = options.processes;
  // A cluster of processes deserves a child of its own.
  if (options.world == PROCESSES) campaign.pool.tasks_per_child = 1;
  FirstFinding first(options);
  const absl::StatusOr<CampaignSummary> summary = RunCampaign(campaign, &first);
  if (!summary.ok()) return summary.status();
  HuntResult hunt;
  hunt.plans = summary->plans();
  hunt.seconds = static_cast<double>(summary->wall_us) / 1e6;
  hunt.interrupted = summary->interrupted;
  if (!first.found()) return hunt;
  const auto& [trial, result] = *first.found();
  hunt.checker = CheckerOf(result);
  hunt.headline = HeadlineText(result);
  hunt.minimal = trial;
  hunt.steps_found = trial.plan().steps_size();
  if (absl::Status status = MakeSmall(result, options, &hunt); !status.ok()) return status;
  hunt.steps = hunt.minimal.plan().steps_size();
  const absl::StatusOr<bool> without = FailsWithoutBug(hunt.minimal, options);
  if (absl::IsCancelled(without.status())) {
    hunt.interrupted = true;
    return hunt;
  }
  if (!without.ok()) return without.status();
  hunt.without_too = *without;
  hunt.found = !hunt.without_too;
  return hunt;
}

}  // namespace

// Some findings hang on a coincidence that hardly any smaller plan shares; another finding of the bug may not. What the
// bug was found by, and when, stays as it is.
absl::Status LookForSmaller(const std::string& bug, const HuntOptions& options, HuntResult* hunt) {
  HuntOptions other_options = options;
  other_options.budget = std::chrono::milliseconds(options.minimize_ms_max);
  for (uint64_t attempt = 1; attempt <= kOtherFindings && hunt->steps > kStepsToRead; ++attempt) {
    other_options.seed = sut::Mix({options.seed, 0x736d616c, attempt});
    const absl::StatusOr<HuntResult> other = HuntOnce(bug, other_options);
    if (!other.ok()) return other.status();
    if (other->interrupted) break;
    if (!other->found || other->steps >= hunt->steps) continue;
    hunt->minimal = other->minimal;
    hunt->steps = other->steps;
    hunt->is_minimal = other->is_minimal;
  }
  return absl::OkStatus();
}

absl::StatusOr<HuntResult> HuntBug(const std::string& bug, const HuntOptions& options) {
  HuntOptions rest = options;
  HuntResult hunt;
  for (uint64_t attempt = 0;; ++attempt) {
    if (attempt > 0) rest.seed = sut::Mix({options.seed, attempt});
    absl::StatusOr<HuntResult> found = HuntOnce(bug, rest);
    if (!found.ok()) return found.status();
    const uint64_t plans = hunt.plans + found->plans;
    const double seconds = hunt.seconds + found->seconds;
    const bool was_another = hunt.without_too;
    hunt = *std::move(found);
    hunt.plans = plans;
    hunt.seconds = seconds;
    rest.budget = options.budget - std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
    // What fails without the bug too is no reason to give the bug up.
    if (hunt.without_too && !hunt.interrupted && rest.budget.count() > 0) continue;
    hunt.without_too = !hunt.found && (hunt.without_too || was_another);
    if (!hunt.found || options.minimize_ms_max == 0 || options.world == PROCESSES) return hunt;
    if (absl::Status status = LookForSmaller(bug, options, &hunt); !status.ok()) return status;
    return hunt;
  }
}

}  // namespace holdfast::run
