#include "harness/run/runner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/check/linearizability.h"
#include "harness/check/liveness.h"
#include "harness/check/reply_order.h"
#include "harness/check/table_tracks.h"
#include "harness/check/verdict.h"
#include "harness/cluster/plan_shape.h"
#include "harness/history/jsonl.h"
#include "harness/plan/keys.h"
#include "harness/run/digest.h"
#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

// How long a plan's last operations get before the first look.
constexpr int64_t kAfterChaosUs = 300'000;
constexpr int64_t kPollUs = 50'000;
// An install is looked at as soon as it is there; a plan that lags all the time has hundreds.
constexpr int kInstallsLookedAtMax = 6;
// Configurations that the search may visit before it says unknown.
constexpr int64_t kSearchWorkMax = 20'000'000;

check::StateJudge::Options JudgeOptions(const plan::Plan& plan) {
  check::StateJudge::Options options;
  options.tables = plan.shape().tables();
  options.tablets_per_table = plan.shape().tablets_per_table();
  options.owns_key = [shape = plan.shape()](uint32_t tablet, const std::string& key) {
    const uint32_t tablets = shape.tablets_per_table();
    return plan::TabletOfKey(key, shape, tablet / tablets) == tablet % tablets;
  };
  // COMPLETE is published when every tablet's leader has applied a committed create: the others have it in their logs.
  options.complete_waits_for_majority = false;
  return options;
}

std::string ObjectText(uint32_t object) {
  return object == check::kMasterObject ? "the master" : absl::StrCat("tablet ", object);
}

// A cluster whose constants are slow may take longer to come to rest. Several rounds of each time-out, and the time
// that it takes to ship every store in chunks, on top of what a cluster with the default constants gets.
int64_t HealBoundUs(const plan::Plan& plan) {
  constexpr int64_t kBaseUs = 120'000'000;
  constexpr int64_t kRounds = 20;
  constexpr int64_t kChunkUs = 5'000;
  constexpr int64_t kStoreBytes = 16'384;  // of an almost empty store, its metadata included
  const sut::NodeOptions options = NodeOptionsOf(plan).value_or(sut::NodeOptions());
  const int64_t rounds_us = 2 * options.election_ticks * options.tick_us + options.reconcile_interval_us +
                            options.tablet_call_timeout_us + options.attempt_timeout_us;
  int64_t snapshots = 0;
  for (const plan::Step& step : plan.steps())
    snapshots += step.snapshot().has_create() || step.table().has_import_snapshot() ? 1 : 0;
  const int64_t bytes = (static_cast<int64_t>(plan.ByteSizeLong()) + kStoreBytes) * (snapshots + 1);
  const int64_t chunks = bytes / static_cast<int64_t>(options.install_chunk_bytes);
  return kBaseUs + kRounds * rounds_us + options.snapshot_timeout_us + chunks * kChunkUs;
}

bool Terminal(check::CatalogueState state) {
  return state != check::CatalogueState::kCreating && state != check::CatalogueState::kDeleting &&
         state != check::CatalogueState::kRestoring;
}

}  // namespace

Runner::Runner(const plan::Plan& plan, RunnerOptions options)
    : plan_(plan),
      options_(options),
      ids_(plan),
      heal_bound_us_(options.patience * HealBoundUs(plan)),
      recorder_(plan, ids_),
      judge_(JudgeOptions(plan)),
      timeline_(options.keep_timeline) {}

Runner::~Runner() = default;

Result Runner::Run(Cluster* cluster) {
  cluster_ = cluster;
  result_.mutable_counters()->set_plans(1);
  if (absl::Status status = cluster_->Start(); !status.ok()) {
    Violate({"start", "I5", "the cluster does not come up", {std::string(status.message())}});
    return Finish();
  }
  Take(cluster_->SetWeather(BaseWeather()));
  Take(cluster_->SetLatencies(plan_.world()));
  if (after_start_) after_start_();
  Chaos();
  if (!stopped()) Heal();
  if (!stopped() && !plan_.skip_epilogue()) Epilogue();
  return Finish();
}

void Runner::PassUntil(int64_t time_us, const std::function<bool()>& done) {
  cluster_->RunUntil(time_us, [this, &done] { return stopped() || (done && done()); });
}

// --- Chaos and heal --------------------------------------------------------------------------------------------------

void Runner::Chaos() {
  int64_t due_us = cluster_->NowUs();
  uint32_t number = 0;
  for (const plan::Step& step : plan_.steps()) {
    due_us += static_cast<int64_t>(step.gap_us());
    PassUntil(due_us, nullptr);
    if (stopped()) return;
    Execute(step, ++number);
  }
  PassUntil(cluster_->NowUs() + kAfterChaosUs, nullptr);
}

void Runner::RestartAll(const std::string& why) {
  for (uint32_t node = 1; node <= plan_.shape().nodes() && !stopped(); ++node) {
    if (!cluster_->IsUp(node)) timeline_.Add(cluster_->NowUs(), absl::StrCat("restart of node ", node, ": ", why));
    RestartNode(node);
  }
}

void Runner::Heal() {
  // Healing repairs evidence, so look first.
  Inspect("before heal");
  if (stopped()) return;
  timeline_.Add(cluster_->NowUs(), "heal: all faults end");
  healing_ = true;
  for (const uint64_t id : std::exchange(armed_probes_, {})) cluster_->DisarmProbeCrash(id);
  while (!triggers_.empty()) MissTrigger(triggers_.begin()->first);
  for (const uint64_t id : std::exchange(cuts_, {})) cluster_->Mend(id);
  while (!paused_.empty()) Resume(paused_.begin()->first);
  coverage_.EndAll();
  EndNodeFaults();
  Take(cluster_->SetWeather({}));
  Take(cluster_->SetLatencies({}));
  RestartAll("heal");
  const int64_t deadline_us = cluster_->NowUs() + heal_bound_us_;
  cluster_->ExtendDeadlines(deadline_us);
  const bool ended = WaitForOperations(deadline_us) && FenceGivenUp(deadline_us) && WaitForCatalogue(deadline_us) &&
                     WaitForTables(deadline_us) && WaitForQuiet(deadline_us);
  if (stopped()) return;
  if (!ended) JudgeLiveness();
  if (!stopped()) Inspect("after heal");
}

bool Runner::WaitForOperations(int64_t deadline_us) {
  PassUntil(deadline_us, [this] { return open_.empty(); });
  return !stopped() && open_.empty();
}

bool Runner::FenceGivenUp(int64_t deadline_us) {
  for (const auto& [session, object] : recorder_.NeedFence()) {
    const uint64_t open = Track({absl::StrCat("fence of client ", session), 0, epilogue_session()});
    Cluster::Call call{epilogue_session(), object, {}, deadline_us, 0};
    call.body.mutable_fence()->set_client(Bytes(ids_.Session(session)));
    cluster_->Invoke(std::move(call), [this, open, session = session, object = object](const CallResult& result) {
      // A tablet that is gone has no more use for a fence. All else stays open, and is named.
      if (result.outcome != CallOutcome::kOk && result.reply.code() != sut::proto::TABLET_GONE) return;
      recorder_.Fenced(session, object);
      open_.erase(open);
    });
  }
  return WaitForOperations(deadline_us);
}

bool Runner::WaitForCatalogue(int64_t deadline_us) {
  while (!stopped()) {
    if (!List(deadline_us)) return false;
    const auto ended = [](const auto& listed) { return Terminal(listed.state); };
    if (std::all_of(recorder_.snapshots().begin(), recorder_.snapshots().end(), ended) &&
        std::all_of(recorder_.restorations().begin(), recorder_.restorations().end(), ended)) {
      return true;
    }
    if (cluster_->NowUs() >= deadline_us) return false;
    PassUntil(cluster_->NowUs() + 2 * kPollUs, nullptr);
  }
  return false;
}

bool Runner::WaitForQuiet(int64_t deadline_us) {
  while (!stopped() && !cluster_->IsQuiet()) {
    if (cluster_->NowUs() >= deadline_us) return false;
    PassUntil(cluster_->NowUs() + kPollUs, nullptr);
  }
  return !stopped();
}

void Runner::JudgeLiveness() {
  if (plan_.safety_only()) return;
  check::LivenessInput input;
  input.bound_us = heal_bound_us_;
  for (const auto& [id, open] : open_) input.unfinished.push_back({open.text, "", open.step});
  input.not_quiet = cluster_->WhyNotQuiet();
  input.snapshots = recorder_.snapshots();
  input.restorations = recorder_.restorations();
  FillDroppedTables(&input);
  for (check::Violation& violation : check::CheckLiveness(input)) Violate(std::move(violation));
}

void Runner::Inspect(const std::string& reason) {
  check::Inspection inspection = cluster_->Inspect();
  inspection.event = recorder_.NextEvent();
  inspection.reason = reason;
  inspection.imports = recorder_.imports();
  inspection.replicas_lost = result_.counters().disks_lost() > 0;
  ForgetPlacings(&inspection);
  result_.mutable_counters()->set_inspections(result_.counters().inspections() + 1);
  for (const check::ReplicaInspection& replica : inspection.replicas) {
    for (const check::SnapshotOnDisk& directory : replica.snapshots) {
      recorder_.OnDirectory(replica.replica.tablet, directory);
    }
  }
  judge_.Inspect(inspection, recorder_.catalogue());
  timeline_.Add(cluster_->NowUs(), absl::StrCat("inspection: ", reason, inspection.quiet ? " (quiet)" : ""));
  for (const check::Violation& violation : judge_.violations_so_far()) {
    Violate(violation);
    return;
  }
}

void Runner::Violate(check::Violation violation) {
  if (timeline_.enabled() && cluster_ != nullptr) {
    timeline_.Add(cluster_->NowUs(), absl::StrCat("VIOLATION ", violation.checker, ": ", violation.summary));
  }
  violations_.push_back(std::move(violation));
}

// --- Verdict ---------------------------------------------------------------------------------------------------------

Result Runner::Finish() {
  using check::Verdict;
  NoteDamagedNodes();
  const bool judged_early = !violations_.empty();
  std::vector<check::Violation> found = judge_.Finish(recorder_.catalogue());
  const check::CatalogueHistory catalogue = recorder_.catalogue();
  const history::History history = recorder_.Finish([this](uint32_t object, uint64_t index) {
    return judge_.ledger().EffectAt(object, index).value_or(check::FoldEffect::kApplied) == check::FoldEffect::kApplied;
  });
  Verdict verdict = Verdict::kPass;
  check::LinearizabilityOptions search;
  search.limits.work_max = kSearchWorkMax;
  // A run that was cut short has operations in the air; what it broke is known already.
  if (!judged_early) {
    const check::LinearizabilityResult searched = check::CheckLinearizability(history, search);
    verdict = check::Compose(verdict, searched.verdict);
    if (searched.verdict != Verdict::kPass && !searched.reason.empty()) {
      result_.add_notes(absl::StrCat("linearizability: ", searched.reason));
    }
    if (searched.evidence) {
      check::Violation violation{
          "linearizability",
          "",
          absl::StrCat("the history of tablet ", searched.evidence->object, " is not linearizable"),
          {}};
      violation.evidence.push_back(searched.evidence->Text(history));
      violations_.push_back(std::move(violation));
    }
    for (const std::string& reason : judge_.unjudged()) {
      result_.add_notes(absl::StrCat("not judged: ", reason));
      verdict = check::Compose(verdict, Verdict::kUnknown);
    }
    if (judge_.comparisons() == 0) verdict = check::Compose(verdict, Verdict::kVacuous);
  }
  const check::CatalogueWindows windows = check::WindowsOf(catalogue);
  for (check::Violation& violation : check::CheckTableUses(windows.tables, recorder_.table_uses())) {
    found.push_back(std::move(violation));
  }
  for (check::Violation& violation : check::CheckReplyOrder(history)) found.push_back(std::move(violation));
  for (check::Violation& violation : found) {
    const bool known = std::any_of(violations_.begin(), violations_.end(), [&](const check::Violation& other) {
      return other.checker == violation.checker && other.summary == violation.summary;
    });
    if (!known) violations_.push_back(std::move(violation));
  }
  if (!violations_.empty()) verdict = Verdict::kFail;
  for (const check::Violation& violation : violations_) {
    Violation* out = result_.add_violations();
    out->set_checker(violation.checker);
    out->set_invariant(violation.invariant);
    out->set_summary(violation.summary);
    for (const std::string& line : violation.evidence) out->add_evidence(line);
  }
  result_.set_verdict(verdict == Verdict::kPass      ? Result::PASS
                      : verdict == Verdict::kVacuous ? Result::VACUOUS
                      : verdict == Verdict::kUnknown ? Result::UNKNOWN
                                                     : Result::FAIL);
  result_.set_history_digest(HistoryDigest(history, catalogue));
  Counters* counters = result_.mutable_counters();
  counters->set_comparisons(judge_.comparisons());
  counters->set_simulated_us(static_cast<uint64_t>(cluster_->NowUs()));
  for (const auto& [table, window] : windows.tables) {
    if (window.drop_ok != history::kPending) counters->set_tables_dropped(counters->tables_dropped() + 1);
    if (window.gone_seen != history::kPending) counters->set_tables_gone(counters->tables_gone() + 1);
  }
  for (const auto& [snapshot, window] : windows.snapshots) {
    if (window.complete_seen != history::kPending) counters->set_snapshots_complete(counters->snapshots_complete() + 1);
    if (window.failed_seen != history::kPending) counters->set_snapshots_failed(counters->snapshots_failed() + 1);
    if (window.deleted_seen != history::kPending) counters->set_snapshots_deleted(counters->snapshots_deleted() + 1);
  }
  for (const std::string& what : cluster_->NotWatched()) result_.add_not_watched(what);
  counters->set_restores_chaos(recorder_.restored_count() - counters->restores_epilogue());
  for (const auto& [cell, count] : coverage_.cells()) (*result_.mutable_cells())[cell] = count;
  if (options_.keep_history)
    result_.set_history_jsonl(history::ToJsonl(history, {.model = "snapshot-map", .initial = {}}));
  if (options_.keep_timeline) result_.set_timeline(timeline_.text());
  return std::move(result_);
}

// --- What the cluster tells ------------------------------------------------------------------------------------------

void Runner::OnRecovered(const check::ReplicaName& replica, check::LogPosition applied) {
  judge_.ledger().OnRecovered(replica, applied);
}

void Runner::OnBegun(const check::ReplicaName& replica, const check::LedgerEntry& entry) {
  judge_.ledger().OnBegun(replica, entry);
  if (replica.tablet != check::kMasterObject) recorder_.OnEntry(replica.tablet, entry);
}

void Runner::OnApplied(const check::ReplicaName& replica, const check::LedgerEntry& entry) {
  judge_.ledger().OnApplied(replica, entry);
  if (replica.tablet != check::kMasterObject) recorder_.OnEntry(replica.tablet, entry);
}

void Runner::OnInstalled(const check::ReplicaName& replica, check::LogPosition applied) {
  judge_.ledger().OnInstalled(replica, applied);
  result_.mutable_counters()->set_installs(result_.counters().installs() + 1);
  if (timeline_.enabled()) {
    timeline_.Add(cluster_->NowUs(), absl::StrCat("  node ", replica.node, ": install of ", ObjectText(replica.tablet),
                                                  " up to ", applied.index));
  }
  if (installs_looked_at_ == kInstallsLookedAtMax) return;
  ++installs_looked_at_;
  // Before the next entry hides what is wrong with the rows.
  cluster_->At(cluster_->NowUs(), [this] {
    if (!stopped()) Inspect("after an install");
  });
}

void Runner::OnProbe(uint32_t node, sut::Probe probe, std::optional<uint32_t> object) {
  if (probe == sut::Probe::kBecameLeader) {
    result_.mutable_counters()->set_leaders_elected(result_.counters().leaders_elected() + 1);
  }
  if (probe == sut::Probe::kStoreOpened) {
    result_.mutable_counters()->set_store_openings(result_.counters().store_openings() + 1);
  }
  coverage_.OnProbe(node, probe, object);
  MeetTriggers(node, probe);
  if (!timeline_.enabled()) return;
  // The log's own traffic would drown the rest.
  if (probe == sut::Probe::kEntriesAppended || probe == sut::Probe::kEntriesSynced) return;
  timeline_.Add(cluster_ == nullptr ? 0 : cluster_->NowUs(),
                absl::StrCat("  node ", node, ": ", std::string(sut::ProbeName(probe)),
                             object ? absl::StrCat(" (", ObjectText(*object), ")") : ""));
}

void Runner::OnNodeDown(uint32_t node, const std::string& why) {
  coverage_.OnNodeDown(node);
  if (const auto paused = paused_.find(node); paused != paused_.end()) {
    coverage_.End(paused->second);
    paused_.erase(paused);
  }
  if (cluster_ != nullptr) timeline_.Add(cluster_->NowUs(), absl::StrCat("  node ", node, " is down: ", why));
}

void Runner::OnNodeUp(uint32_t node) {
  coverage_.OnNodeUp(node);
  std::erase_if(placings_cut_short_, [node](const auto& placing) { return placing.second == node; });
  if (cluster_ != nullptr) timeline_.Add(cluster_->NowUs(), absl::StrCat("  node ", node, " is up"));
}

void Runner::OnViolation(const check::Violation& violation) { Violate(violation); }

}  // namespace holdfast::run
