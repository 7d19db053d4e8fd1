// Runs one plan against a cluster and judges it: chaos, a look before healing, heal, epilogue, verdict.
//
// Chaos: the plan's steps, overlapping, with many operations in flight. Heal: faults end, nodes come back, clients
// retry what is open with the same request ids, and sessions that gave up are closed by committed fences. Then
// everything must end within a bound (I5). Epilogue: every complete snapshot is restored, twice, in two orders, with
// all nodes losing power in between, and some are dropped; what is seen there is judged like the rest. A run stops at
// the first violation that makes going on pointless.
//
// Knows no world: the same code drives the simulator and real processes. What a world can't do, and what it can't look
// at, stands in the result. One thread.

#ifndef HARNESS_RUN_RUNNER_H_
#define HARNESS_RUN_RUNNER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/check/catalogue_history.h"
#include "harness/check/liveness.h"
#include "harness/check/state_judge.h"
#include "harness/cluster/cluster.h"
#include "harness/cluster/plan_ids.h"
#include "harness/plan/plan.pb.h"
#include "harness/run/backup_store.h"
#include "harness/run/coverage.h"
#include "harness/run/result.pb.h"
#include "harness/run/run_recorder.h"
#include "harness/run/timeline.h"

namespace holdfast::run {

struct RunnerOptions {
  bool keep_history = false;   // fill Result::history_jsonl
  bool keep_timeline = false;  // fill Result::timeline
  // How many times the bound on healing is extended: where time is real, a machine may be slow.
  int64_t patience = 1;
};

class Runner : public ClusterObserver {
 public:
  Runner(const plan::Plan& plan, RunnerOptions options);
  ~Runner() override;

  // Called once the cluster is up and before the first step, to arm crash points. May be empty.
  void set_after_start(std::function<void()> after_start) { after_start_ = std::move(after_start); }
  // Runs the whole plan. `cluster` was made with this runner as its observer.
  Result Run(Cluster* cluster);

  // --- ClusterObserver
  void OnRecovered(const check::ReplicaName& replica, check::LogPosition applied) override;
  void OnBegun(const check::ReplicaName& replica, const check::LedgerEntry& entry) override;
  void OnApplied(const check::ReplicaName& replica, const check::LedgerEntry& entry) override;
  void OnInstalled(const check::ReplicaName& replica, check::LogPosition applied) override;
  void OnProbe(uint32_t node, sut::Probe probe, std::optional<uint32_t> object) override;
  void OnNodeDown(uint32_t node, const std::string& why) override;
  void OnNodeUp(uint32_t node) override;
  void OnViolation(const check::Violation& violation) override;
  void OnDiskStop(uint32_t node, const std::string& reason) override;

 private:
  // An operation that has not ended yet.
  struct Open {
    std::string text;
    uint32_t step = 0;
    uint32_t session = 0;
    bool changes_group = false;
    uint64_t sequence = 0;  // of its request in the session; 0: none was sent yet
  };
  // What the master is asked for, see its ChangeReplicas.
  struct GroupChange {
    uint32_t object = 0;
    uint32_t add_node = 0;
    uint32_t remove_node = 0;
    std::string text = {};
    uint32_t step = 0;
    bool replaces_lost = false;  // asked again until it is accepted
  };

  // runner.cc: the phases.
  void Chaos();
  void Heal();
  bool WaitForOperations(int64_t deadline_us);
  bool FenceGivenUp(int64_t deadline_us);
  bool WaitForCatalogue(int64_t deadline_us);
  bool WaitForQuiet(int64_t deadline_us);
  void RestartAll(const std::string& why);
  void JudgeLiveness();
  Result Finish();

  // actions.cc and fault_actions.cc: the steps.
  void Execute(const plan::Step& step, uint32_t number);
  void CarryOut(const plan::Step& step, uint32_t number);
  void ExecuteClient(const plan::Step& step, uint32_t number);
  void JudgeEnding(const Open& call, uint32_t object, const plan::ClientOperation& operation, bool impatient,
                   const CallResult& result);
  void JudgeScan(uint32_t object, uint32_t step, const CallResult& result);
  void ExecuteSnapshot(const plan::SnapshotOperation& operation, const RunRecorder::Origin& origin, int64_t deadline_us,
                       uint64_t identity);
  // table_actions.cc
  void ExecuteTable(const plan::Step& step, uint32_t number);
  void DropTable(uint32_t table, const RunRecorder::Origin& origin, uint64_t identity);
  bool ListTables(int64_t deadline_us);
  // Every dropped table is closed, and gone unless a snapshot needs it.
  bool WaitForTables(int64_t deadline_us);
  // A dropped table need not go yet.
  bool IsKept(uint32_t table) const;
  void FillDroppedTables(check::LivenessInput* input) const;
  bool CoversDroppedTable(uint32_t snapshot) const;
  // import_actions.cc
  void ExportSnapshot(const plan::TableOperation::Export& wanted, const RunRecorder::Origin& origin, uint64_t identity);
  void CopyOut(const plan::TableOperation::Export& wanted);
  std::optional<SnapshotCopy> CopyTablet(uint32_t object, uint32_t snapshot);
  void ImportSnapshot(const plan::TableOperation::Import& wanted, const RunRecorder::Origin& origin, uint64_t identity);
  bool ImportFits(const plan::TableOperation::Import& wanted) const;
  absl::StatusOr<sut::proto::CatalogueCommand::ImportSnapshot> ImportCommand(
      const plan::TableOperation::Import& wanted) const;
  // Takes out what is left of placings that failed: the operator's, and not the cluster's.
  void ForgetPlacings(check::Inspection* inspection) const;
  // Wherever it is not yet, sound and in its place.
  void PlaceImport(uint32_t snapshot, const BackupStore::Export& from);
  // Whether every directory of it is known to be in its place and sound; and whether that can be.
  bool IsInPlace(uint32_t snapshot) const;
  bool MayBeInPlace(uint32_t snapshot) const;
  void OnRestoreAnswered(uint32_t snapshot, RunRecorder::Position position, const CallResult& result);
  bool AnyDiskDamaged() const;
  void FinishImports();
  // The epilogue's: what is asked of a dropped table must be refused.
  void AskOfDroppedTables();

  void ExecuteFault(const plan::Step& step, uint32_t number);
  void ExecuteCrash(const plan::Step& step, uint32_t number);
  void ExecuteCrashAll(const plan::Step& step);
  void ExecutePartition(const fault::Partition& partition, uint32_t number);
  void ExecuteWeather(const fault::Weather& weather, uint32_t number);
  void ExecutePause(const fault::Pause& pause, uint32_t number);
  void ExecuteSlowLink(const fault::SlowLink& slow, uint32_t number);
  void ExecuteMove(const plan::LeaderMove& move, uint32_t number);
  void ExecuteMaintenance(const plan::Maintenance& maintenance, uint32_t number);
  void Crash(uint32_t node, fault::Crash::Kind kind, uint64_t salt, uint64_t restart_after_us);
  void CountCrash(uint32_t node, fault::Crash::Kind kind);
  void CrashAgain(uint32_t node, const fault::Crash& crash, uint64_t salt, uint32_t done);
  using Links = std::vector<std::pair<uint32_t, uint32_t>>;
  Links LinksOf(const fault::Partition& partition) const;
  void BeginLasting(uint64_t id, const Links& links, FaultKind kind, uint64_t heal_after_us);
  void Resume(uint32_t node);
  // Takes note of what the world can't do. False if it is that.
  bool Take(const absl::Status& done);
  void RestartNode(uint32_t node);
  void RestartLater(uint32_t node, uint64_t after_us);
  Cluster::Weather BaseWeather() const;
  uint64_t Track(Open open);

  // triggers.cc: steps other than crashes that wait for a probe.
  struct Trigger {
    sut::Probe probe;
    std::optional<uint32_t> node;  // none: any
    uint32_t hits_left = 1;
    plan::Step step;  // what is carried out then
  };
  static constexpr int64_t kWhenDeadlineUs = 10'000'000;
  void ArmTrigger(const plan::Step& step, uint32_t number);
  void MissTrigger(uint32_t number);
  void MeetTriggers(uint32_t node, sut::Probe probe);

  // membership_actions.cc
  void ExecuteMembership(const plan::Step& step, uint32_t number);
  void ExecuteDiskLoss(const fault::DiskLoss& loss, uint32_t number);
  void AskForChange(const GroupChange& change);
  uint32_t FreeNode(const std::vector<uint32_t>& taken, uint32_t ordinal) const;
  bool GroupsRest() const;

  // node_faults.cc: faults of one node's disk or clock, and what they do to its life.
  void ExecuteDisk(const plan::Step& step, uint32_t number);
  void ExecuteRot(const plan::Step& step);
  void ExecuteClock(const fault::Clock& clock, uint32_t number);
  // Whether one more node may be damaged; counts it.
  bool MayDamage(uint32_t node);
  void EndNodeFaults();
  void NoteDamagedNodes();

  // epilogue.cc
  void Epilogue();
  void RestoreAll(const std::vector<uint32_t>& snapshots, int pass);
  bool RestoreOne(uint32_t snapshot, int64_t deadline_us);
  void ScanTables(const std::vector<uint32_t>& tables, int64_t deadline_us);
  void WriteSome(const std::vector<uint32_t>& tables, uint64_t salt, int64_t deadline_us);
  void DropSome();
  bool List(int64_t deadline_us);
  // Above all numbers of plans.
  uint32_t NewRestoration() { return 1'000'000 + last_epilogue_restoration_++; }
  std::vector<uint32_t> CompleteSnapshots() const;

  void Inspect(const std::string& reason);
  void Violate(check::Violation violation);
  bool stopped() const { return !violations_.empty(); }
  // Lets time pass until `time_us`, or until `done`.
  void PassUntil(int64_t time_us, const std::function<bool()>& done);
  uint32_t epilogue_session() const { return plan_.clients(); }
  RunRecorder::Origin EpilogueOrigin() const { return {epilogue_session(), 0}; }
  uint32_t ObjectOf(uint32_t table, const std::string& key) const;

  const plan::Plan& plan_;
  const RunnerOptions options_;
  const PlanIds ids_;
  const int64_t heal_bound_us_;  // of cluster time, for everything that must end once faults are over
  Cluster* cluster_ = nullptr;
  std::function<void()> after_start_;
  RunRecorder recorder_;
  check::StateJudge judge_;
  Timeline timeline_;
  Result result_;
  std::vector<check::Violation> violations_;
  // An import that was asked for.
  struct ImportedSnapshot {
    uint32_t number = 0;                            // of the export
    std::map<uint32_t, uint32_t> sources;           // by tablet: the one that its part comes from
    std::set<std::pair<uint32_t, uint32_t>> sound;  // (tablet, node) where the right directory was placed, whole
    // The same, but a death of the node cut the placing short: it may be there or not.
    std::set<std::pair<uint32_t, uint32_t>> perhaps;
    bool accepted = false;  // a restore of it was
  };
  BackupStore backups_;
  std::map<uint32_t, ImportedSnapshot> imports_;  // by the snapshot that each became
  // (tablet, node) where a placing failed that is up: what is left of it goes with the next one, or the node's next
  // start.
  std::set<std::pair<uint32_t, uint32_t>> placings_cut_short_;
  std::map<uint64_t, Open> open_;
  uint64_t last_open_ = 0;
  std::set<uint64_t> armed_probes_;
  std::map<uint32_t, Trigger> triggers_;                           // armed, by step
  std::set<uint64_t> cuts_;                                        // rules of the network in force, by step
  std::map<uint32_t, uint64_t> paused_;                            // nodes, and the step that paused each
  std::map<uint64_t, std::pair<uint32_t, uint64_t>> disk_faults_;  // armed, by step: node and id
  std::map<uint64_t, uint32_t> clock_faults_;                      // in force, by step: node
  std::set<uint32_t> damaged_;                                     // nodes whose disk the plan has damaged, or may yet
  std::set<uint32_t> replacing_;  // tablets of which a lost replica is not asked to be replaced yet
  CoverageTracker coverage_;
  bool healing_ = false;
  std::vector<std::string> not_quiet_;
  uint32_t last_epilogue_restoration_ = 0;
  uint64_t snapshots_complete_ = 0;
  int installs_looked_at_ = 0;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_RUNNER_H_
