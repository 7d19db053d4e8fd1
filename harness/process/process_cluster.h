// A cluster of real server processes on this machine: real clock, files and signals, gRPC over fault proxies.
//
// Cluster time is real time, times `speed`: with a speed of 4, a gap of 100 ms in a plan is 25 ms long, and the nodes'
// own time-outs are as much shorter. What a plan asks is done as far as TCP and a kernel can; the rest is refused.
//
// A node's disk is the chaos disk (faults/chaos_file_system.h): a kill keeps what was written, and a loss of power is
// played on its files afterwards. Operations fail on it as node_disk.h says; inspections do not go through it. A node's
// clock is as wrong as the control file says.
//
// Every node keeps an apply ledger in a file, which is followed while it grows. An inspection stops all nodes for a
// moment, links their files aside, lets them go on, and reads at leisure. So it sees the disk that the death of the
// process would leave. When nothing was going on before and after, and the stores had been flushed, it is quiet.
//
// Loop rule: one thread, the one that starts the nodes. Proxies and gRPC have threads of their own.

#ifndef HARNESS_PROCESS_PROCESS_CLUSTER_H_
#define HARNESS_PROCESS_PROCESS_CLUSTER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/cluster/cluster.h"
#include "harness/cluster/plan_ids.h"
#include "harness/process/cluster_status.h"
#include "harness/process/control_file.h"
#include "harness/process/disk_capture.h"
#include "harness/process/ledger_file.h"
#include "harness/process/node_disk.h"
#include "harness/process/node_process.h"
#include "harness/process/node_watch.h"
#include "harness/process/process_clients.h"
#include "harness/process/proxy_network.h"
#include "harness/process/work_directory.h"
#include "sut/runtime/node_options.h"
#include "sut/server/event_loop.h"

namespace holdfast::process {

struct ProcessOptions {
  std::string server_binary;  // holdfast-sut-server
  std::string work_dir;       // a directory of the cluster's own is made in it; empty: the system's for temporary files
  bool keep_directory = false;
  int64_t speed = 1;  // 1..20
};

class ProcessCluster final : public Cluster {
 public:
  // InvalidArgument: a plan that no cluster can be made of. The observer outlives the cluster.
  static absl::StatusOr<std::unique_ptr<ProcessCluster>> Create(const plan::Plan& plan, const ProcessOptions& options,
                                                                ClusterObserver* observer);
  ~ProcessCluster() override;

  // --- Cluster
  absl::Status Start() override;
  int64_t NowUs() const override;
  void RunUntil(int64_t time_us, const std::function<bool()>& stop) override;
  void At(int64_t time_us, std::function<void()> callback) override;
  uint64_t Invoke(Call call, std::function<void(const CallResult&)> done) override;
  void ExtendDeadlines(int64_t deadline_us) override;
  void Abandon(uint32_t session) override;
  std::optional<uint32_t> Resolve(const fault::Target& target) const override;
  bool IsUp(uint32_t node) const override;
  absl::StatusOr<std::vector<uint32_t>> MembersOf(uint32_t object) const override;
  bool ChangesGroups() const override;
  absl::Status LoseDisk(uint32_t node) override;
  absl::Status Crash(uint32_t node, fault::Crash::Kind kind, uint64_t salt) override;
  absl::Status Restart(uint32_t node) override;
  absl::Status Pause(uint32_t node) override;
  void Resume(uint32_t node) override;
  absl::Status Cut(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links) override;
  void Mend(uint64_t id) override;
  absl::Status Slow(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links,
                    uint32_t delay_factor) override;
  absl::Status SetWeather(const Weather& weather) override;
  absl::StatusOr<uint64_t> ArmDiskFault(uint32_t node, const faults::DiskFault& fault) override;
  void DisarmDiskFault(uint32_t node, uint64_t id) override;
  absl::StatusOr<uint64_t> RotDisk(uint32_t node, const faults::DiskRot& rot, uint64_t salt) override;
  absl::Status DisturbClock(uint32_t node, const ClockError& error) override;
  uint64_t DiskFaultsStruck(uint32_t node) const override { return NodeAt(node).disk->struck(); }
  bool IsDamaged(uint32_t node) const override { return NodeAt(node).disk->damaged(); }
  absl::Status SetLatencies(const plan::World& world) override;
  absl::StatusOr<uint64_t> ArmProbeCrash(const ProbeCrash& crash, std::function<void(uint32_t node)> struck) override;
  void DisarmProbeCrash(uint64_t id) override;
  void Maintain(uint32_t node, uint32_t object, const sut::proto::Maintenance& maintenance) override;
  absl::StatusOr<SnapshotCopy> CopySnapshot(const SnapshotPlace& place) override;
  absl::Status PlaceSnapshot(const SnapshotPlace& place, const DirectoryFiles& files) override;
  check::Inspection Inspect() override;
  std::vector<std::string> NotWatched() const override;
  bool IsQuiet() const override;
  std::vector<std::string> WhyNotQuiet() const override;

  // Ends every node that is up by SIGTERM. An error: one that did not end well.
  absl::Status StopAll();

  // --- For summaries and tests.
  // Options of the plan that a real machine does not keep up with, in a line each.
  const std::vector<std::string>& refused_options() const { return refused_options_; }
  const PlanIds& ids() const { return ids_; }
  LinkCounters link_counters() const { return network_->counters(); }
  const std::array<uint64_t, sut::kProbeCount>& probe_hits() const { return probe_hits_; }
  const std::string& directory() const { return directory_->path(); }
  pid_t pid(uint32_t node) const;  // 0: down
  // What the node's clock shows, asked now; nothing if it does not answer.
  std::optional<int64_t> AskClockUs(uint32_t node);

 private:
  // A node over all its lives.
  struct Node {
    uint32_t incarnation = 0;
    std::unique_ptr<NodeProcess> process;  // null: down
    std::unique_ptr<LedgerReader> ledger;  // of the present life
    std::unique_ptr<NodeDisk> disk;
    bool serving = false;
    bool paused = false;  // by a fault, not by an inspection
  };
  struct ArmedTrap {
    size_t trap = 0;
    ProbeCrash crash;
    std::function<void(uint32_t node)> struck;
  };

  ProcessCluster(const plan::Plan& plan, const ProcessOptions& options, const sut::NodeOptions& node_options,
                 ClusterObserver* observer);
  absl::Status Prepare();
  absl::Status WriteConfig(uint32_t node) const;
  bool AllGroupsHaveLeaders() const;

  void SetDelay();
  // Of one message with weather so bad, real time.
  int64_t DelayUs(uint32_t factor) const;

  // process_watch.cc: what the nodes tell, and their ends.
  // Takes in what has happened since the last call.
  void Observe();
  void ReadLedger(uint32_t node);
  void Take(uint32_t node, const LedgerRecord& record);
  void TakeEntry(uint32_t node, const LedgerRecord::Entry& entry, bool begun);
  // The node's process has ended. `why` is empty unless the harness ended it.
  void Bury(uint32_t node, const NodeProcess::End& end, const std::string& why);
  // Takes from the disk of a dead node what a loss of power would have taken.
  void LosePower(uint32_t node, uint64_t salt);
  // The trap that has struck this node, taken off the list.
  std::optional<ArmedTrap> TakeStruckTrap(uint32_t node);
  void TellUnasked(uint32_t node, const NodeProcess::End& end, bool was_serving);
  // Takes in what the node's disk has suffered.
  void LookAtDisk(uint32_t node);
  void AskForFlushes();
  // What all nodes say now; none if one is silent.
  std::optional<ClusterStatus> AskAll();
  // What those say now that can answer, on top of what is known.
  ClusterStatus AskWhoAnswers() const;
  absl::Status CaptureAll(const std::string& directory);
  check::ReplicaName NameOf(uint32_t node, const std::string& tablet) const;
  std::string LogTail(uint32_t node) const;
  std::string LastLogLine(uint32_t node) const;
  void TellHarnessFailed(const std::string& what, const absl::Status& why);

  // What the loop's clock shows at a moment of cluster time.
  int64_t LoopUs(int64_t time_us) const;
  std::optional<uint32_t> ObjectOf(const fault::Target& target) const;
  std::string PathOf(uint32_t node, const std::string& name) const;
  std::string PathOf(const SnapshotPlace& place) const;
  // Each node has a disk of its own.
  std::string DataDir(uint32_t node) const { return PathOf(node, "data"); }
  Node& NodeAt(uint32_t node) { return nodes_[node - 1]; }
  const Node& NodeAt(uint32_t node) const { return nodes_[node - 1]; }
  uint32_t node_count() const { return plan_.shape().nodes(); }

  const plan::Plan plan_;
  const ProcessOptions options_;
  const sut::NodeOptions node_options_;  // with the plan's times
  const PlanIds ids_;
  ClusterObserver* const observer_;
  std::unique_ptr<WorkDirectory> directory_;
  std::unique_ptr<ControlFile> control_;
  std::unique_ptr<ProxyNetwork> network_;
  sut::EventLoop loop_;
  const int64_t loop_us_at_start_;
  ClusterStatus status_;
  std::unique_ptr<NodeWatch> watch_;
  std::unique_ptr<ProcessClients> clients_;
  std::vector<Node> nodes_;
  CapturedDisk disk_;
  std::vector<std::string> refused_options_;  // see RealTimeOptions
  bool broken_ = false;                       // a node has ended that nobody asked to
  uint64_t captures_ = 0;

  uint64_t last_armed_id_ = 0;
  std::map<uint64_t, ArmedTrap> armed_;
  int64_t message_delay_us_ = 0;
  uint32_t delay_factor_ = 1;
  mutable int64_t quiet_asked_us_ = 0;  // when somebody last wanted to know, on the loop's clock
  int64_t flushes_asked_us_ = 0;
  std::array<uint64_t, sut::kProbeCount> probe_hits_{};
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_PROCESS_CLUSTER_H_
