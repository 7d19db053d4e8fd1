#include "harness/run/campaign.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/plan/generator.h"
#include "harness/run/guidance.h"
#include "harness/run/result_text.h"
#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kInconclusiveMax = 5;
// Of a guided campaign. All children wait for the last run of a round.
constexpr uint64_t kRoundPlans = 64;

uint64_t Microseconds(Clock::duration duration) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

bool IsSelfChecked(const CampaignOptions& options, uint64_t number) {
  return options.world == SIMULATION && options.self_check_every > 0 && number % options.self_check_every == 0;
}

class Campaign : public TaskSource {
 public:
  Campaign(const CampaignOptions& options, CampaignObserver* observer)
      : options_(options), observer_(observer), start_(Clock::now()) {
    summary_.world = options.world;
  }

  std::optional<uint64_t> Next() override {
    if (options_.plans && next_ >= *options_.plans) return std::nullopt;
    if (options_.duration && elapsed() >= *options_.duration) return std::nullopt;
    if (options_.guided && next_ >= round_end_) return std::nullopt;
    return next_++;
  }

  void Done(uint64_t number, TrialReport report) override {
    // What another child was at when the last finding was made does not count.
    if (found_enough()) return;
    Take(number, report);
    if (options_.guided) reached_.emplace(number, FeaturesOf(report.result()));
    observer_->OnResult(number, report.result(), summary_);
    if (!IsFailure(report.result())) return;
    const Clock::time_point start = Clock::now();
    observer_->OnFinding(number, TrialWith(number), report.result());
    start_ += Clock::now() - start;
  }

  bool GoOn() override {
    summary_.wall_us = Microseconds(elapsed());
    if (found_enough()) return false;
    if (observer_->GoOn(summary_)) return true;
    summary_.interrupted = true;
    return false;
  }

  // A function of the number and of what the rounds before this one have taught.
  Trial TrialWith(uint64_t number) const {
    Trial trial = TrialOf(options_, number);
    if (!options_.guided) return trial;
    std::optional<plan::Plan> mutated = guidance_.Mutated(trial.plan(), sut::Mix({options_.seed, number, 1}));
    if (!mutated) return trial;
    *mutated->mutable_bugs() = trial.plan().bugs();
    *trial.mutable_plan() = *std::move(mutated);
    return trial;
  }

  // Learns from the round that has ended. No: the campaign has ended with it.
  bool BeginRound() {
    const bool cut_short = next_ < round_end_ || summary_.interrupted || found_enough();
    if (!options_.guided || cut_short || (options_.plans && next_ >= *options_.plans)) return false;
    std::vector<std::pair<uint64_t, plan::Plan>> plans;
    for (const auto& [number, features] : reached_) plans.emplace_back(number, TrialWith(number).plan());
    for (const auto& [number, plan] : plans) summary_.plans_kept += guidance_.Learn(plan, reached_.at(number)) ? 1 : 0;
    reached_.clear();
    round_end_ += kRoundPlans;
    return true;
  }

  CampaignSummary Finish() {
    summary_.wall_us = Microseconds(elapsed());
    return std::move(summary_);
  }

 private:
  Clock::duration elapsed() const { return Clock::now() - start_; }
  bool found_enough() const { return summary_.findings() >= options_.findings_max; }

  void Take(uint64_t number, const TrialReport& report) {
    const Result& result = report.result();
    AddCounters(result.counters(), &summary_.counters);
    for (const auto& [name, hits] : result.probes()) summary_.probes[name] += hits;
    for (const auto& [what, times] : result.refused()) summary_.refused[what] += times;
    summary_.not_watched.insert(result.not_watched().begin(), result.not_watched().end());
    for (const auto& [name, count] : result.cells()) summary_.cells[name] += count;
    ++summary_.verdicts[result.verdict()];
    summary_.numbers = std::max(summary_.numbers, number + 1);
    summary_.cpu_us += report.cpu_us();
    summary_.samples += report.samples();
    summary_.rocksdb_samples += report.rocksdb_samples();
    if (IsSelfChecked(options_, number)) ++summary_.self_checked;
    if (result.verdict() != Result::UNKNOWN || summary_.inconclusive.size() >= kInconclusiveMax) return;
    summary_.inconclusive.push_back(
        absl::StrCat("plan ", number, ": ", result.notes().empty() ? "no reason given" : result.notes(0)));
    observer_->OnUnknown(number, TrialWith(number), result);
  }

  const CampaignOptions& options_;
  CampaignObserver* const observer_;
  Clock::time_point start_;
  uint64_t next_ = 0;
  uint64_t round_end_ = kRoundPlans;
  std::map<uint64_t, std::vector<std::string>> reached_;  // in this round, by number
  Guidance guidance_;
  CampaignSummary summary_;
};

}  // namespace

Trial TrialOf(const CampaignOptions& options, uint64_t number) {
  Trial trial;
  *trial.mutable_plan() = plan::GeneratePlan(sut::Mix({options.seed, number}), options.profiles.Of(number));
  for (const std::string& bug : options.bugs) trial.mutable_plan()->add_bugs(bug);
  trial.set_twice(IsSelfChecked(options, number));
  trial.set_world(options.world);
  trial.set_speed(options.speed);
  return trial;
}

absl::StatusOr<CampaignSummary> RunCampaign(const CampaignOptions& options, CampaignObserver* observer) {
  Campaign campaign(options, observer);
  const auto work = [&](uint64_t number) { return RunTrial(campaign.TrialWith(number), options.trial); };
  do {
    if (absl::Status status = RunTasks(options.pool, work, &campaign); !status.ok()) return status;
  } while (campaign.BeginRound());
  return campaign.Finish();
}

}  // namespace holdfast::run
