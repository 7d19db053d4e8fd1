// A campaign: random plans from one seed, each run and judged, until enough of them ran or enough findings were made.
//
// Plan i is a function of (seed, i, profiles, bugs), and so is its result: neither depends on the number of children
// that share the work. Every so-many-th plan runs twice in its child, and both runs must agree: the determinism
// self-check. A guided campaign goes in rounds, and mutates in each what was worth it in those before. In real
// processes a result is one of many that a plan may have, and no plan runs twice.

#ifndef HARNESS_RUN_CAMPAIGN_H_
#define HARNESS_RUN_CAMPAIGN_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/plan/profile_set.h"
#include "harness/run/trial.h"
#include "harness/run/worker_pool.h"

namespace holdfast::run {

struct CampaignOptions {
  uint64_t seed = 0;
  plan::ProfileSet profiles;
  std::vector<std::string> bugs;  // planted ones, by name
  // It ends at whichever comes first; none: never.
  std::optional<uint64_t> plans;
  std::optional<std::chrono::milliseconds> duration;
  uint64_t self_check_every = 50;  // 0: no plan is run twice
  World world = SIMULATION;
  uint32_t speed = 1;  // of runs in processes, see Trial
  uint64_t findings_max = 1;
  bool guided = false;  // half of the plans are mutations of such as reached something new
  WorkerPoolOptions pool;
  TrialOptions trial;
};

// What is known so far.
struct CampaignSummary {
  World world = SIMULATION;
  Counters counters;                       // of all plans
  std::map<std::string, uint64_t> probes;  // hits, by name
  std::map<std::string, uint64_t> cells;   // how often a fault met a phase, by CellName of coverage.h
  std::array<uint64_t, Result::Verdict_ARRAYSIZE> verdicts{};
  std::vector<std::string> inconclusive;    // the first few reasons of unknown verdicts
  std::map<std::string, uint64_t> refused;  // what plans asked and their world could not do, with how often
  std::set<std::string> not_watched;        // what that world can't look at
  uint64_t self_checked = 0;
  uint64_t plans_kept = 0;  // by a guided campaign, since they reached something new
  uint64_t numbers = 0;     // plans with numbers below this one repeat what happened
  uint64_t cpu_us = 0;      // processor time of the runs themselves, in all children
  uint64_t wall_us = 0;     // of the campaign, without the time that findings took
  // Where the runs' processor time went, if that was asked for.
  uint64_t samples = 0;
  uint64_t rocksdb_samples = 0;
  bool interrupted = false;

  uint64_t plans() const { return counters.plans(); }
  uint64_t findings() const {
    return verdicts[Result::FAIL] + verdicts[Result::NONDETERMINISTIC] + verdicts[Result::CRASHED];
  }
};

class CampaignObserver {
 public:
  virtual ~CampaignObserver() = default;
  virtual void OnResult(uint64_t number, const Result& result, const CampaignSummary& so_far) = 0;
  // Of the first few plans whose verdict was unknown.
  virtual void OnUnknown(uint64_t, const Trial&, const Result&) {}
  // May take its time.
  virtual void OnFinding(uint64_t number, const Trial& trial, const Result& result) = 0;
  // Asked several times a second. No: the campaign ends at once.
  virtual bool GoOn(const CampaignSummary& so_far) = 0;
};

// The plan with this number, of a campaign that is not guided.
Trial TrialOf(const CampaignOptions& options, uint64_t number);

// Fails only if no child can be made.
absl::StatusOr<CampaignSummary> RunCampaign(const CampaignOptions& options, CampaignObserver* observer);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_CAMPAIGN_H_
