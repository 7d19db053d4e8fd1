// A simulated cluster: a pure function of (plan, binary). Nodes, network, disks and clients live on one event queue, in
// one thread; virtual time moves only while RunUntil runs.
//
// After every event Raft's invariants are checked on the groups of the node that it touched, and what died is buried.
// Besides what any Cluster can do, it crashes a node at an exact file-system mutation or probe hit (to enumerate crash
// points), and gives digests by which two runs of one plan must agree.
//
// Loop rule: single-threaded; calls from inside callbacks are fine.

#ifndef HARNESS_SIM_SIM_CLUSTER_H_
#define HARNESS_SIM_SIM_CLUSTER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "harness/check/overdue.h"
#include "harness/cluster/cluster.h"
#include "harness/cluster/plan_ids.h"
#include "harness/sim/disk_reader.h"
#include "harness/sim/durable_promises.h"
#include "harness/sim/event_queue.h"
#include "harness/sim/sim_clients.h"
#include "harness/sim/sim_network.h"
#include "harness/sim/sim_node.h"
#include "sut/raft/invariants.h"
#include "sut/tablet/replica.h"

namespace sut {
struct CatalogueState;
class Replica;
}  // namespace sut

namespace holdfast::sim {

struct SimOptions {
  // Added to every reading of a node's clock and to its timers; null in all but the test of the self-check, see
  // SimClock.
  std::function<int64_t()> clock_skew_us;
};

class SimCluster final : public Cluster, private SimNodeHost, private NetworkSink {
 public:
  // InvalidArgument: a plan that no cluster can be made of. The observer outlives the cluster.
  static absl::StatusOr<std::unique_ptr<SimCluster>> Create(const plan::Plan& plan, ClusterObserver* observer,
                                                            SimOptions options = {});
  ~SimCluster() override;

  // --- Cluster
  absl::Status Start() override;
  int64_t NowUs() const override { return queue_.now_us(); }
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
  uint64_t DiskFaultsStruck(uint32_t node) const override { return Node(node).disk_faults().struck(); }
  bool IsDamaged(uint32_t node) const override { return Node(node).disk_damaged(); }
  absl::Status SetLatencies(const plan::World& world) override;
  absl::StatusOr<uint64_t> ArmProbeCrash(const ProbeCrash& crash, std::function<void(uint32_t node)> struck) override;
  void DisarmProbeCrash(uint64_t id) override;
  void Maintain(uint32_t node, uint32_t object, const sut::proto::Maintenance& maintenance) override;
  absl::StatusOr<SnapshotCopy> CopySnapshot(const SnapshotPlace& place) override;
  absl::Status PlaceSnapshot(const SnapshotPlace& place, const DirectoryFiles& files) override;
  check::Inspection Inspect() override;
  std::vector<std::string> NotWatched() const override { return {}; }
  bool IsQuiet() const override;
  std::vector<std::string> WhyNotQuiet() const override;

  // --- Crash points, counted for each node from the end of Start on, over all its incarnations.
  enum class PointKind : uint8_t {
    kMutation,       // the node crashes before it; it has no effect
    kProbe,          // the node crashes there
    kMutationFails,  // no crash: it fails once, with an IOError and no effect
    kReadFails,      // of opens and reads, the same
    kWriteTorn,      // the node crashes in the middle of it: a part is written
    kDelivery,       // the node crashes before a message, which is lost
  };
  struct PointCrash {
    uint32_t node = 1;
    PointKind point = PointKind::kMutation;
    uint64_t ordinal = 1;  // from 1, among the points of the same sort; fails count as mutations
    fault::Crash::Kind kind = fault::Crash::PROCESS_DEATH;
    uint64_t salt = 0;
  };
  // Strikes once; `struck` (may be empty) is called after the node has died.
  void ArmPointCrash(const PointCrash& crash, std::function<void()> struck);
  uint64_t mutation_count(uint32_t node) const { return Node(node).mutation_count(); }
  uint64_t probe_count(uint32_t node) const { return Node(node).probe_count(); }
  uint64_t read_count(uint32_t node) const { return Node(node).read_count(); }
  uint64_t write_count(uint32_t node) const { return Node(node).write_count(); }
  uint64_t delivery_count(uint32_t node) const { return Node(node).delivery_count(); }

  // --- Determinism: equal for two runs of one plan, unless something real gets in.
  // Order, time and owner of all events, and all deliveries, so far.
  uint64_t Digest() const;
  // A last draw from everything that the run did; to be compared at its end.
  uint64_t FinalDraw() const;

  // --- For summaries and tests.
  const PlanIds& ids() const { return ids_; }
  const NetworkCounters& network_counters() const { return network_.counters(); }
  const std::array<uint64_t, sut::kProbeCount>& probe_hits() const { return probe_hits_; }
  uint64_t events_run() const { return queue_.events_run(); }
  // Hybrid times of the entries in the log of a node's replica, in their order; none if it is down.
  std::vector<uint64_t> LogTimes(uint32_t node, uint32_t object) const;
  // Of a node's clock, since the start of the run.
  int64_t NodeClockUs(uint32_t node) const { return Node(node).clock().NowUs() - SimClock::kNodeEpochUs; }
  // For inspections, and for rot of data at rest.
  SimFileSystem& disk(uint32_t node) { return Node(node).disk(); }
  uint32_t incarnation(uint32_t node) const { return Node(node).incarnation(); }

 private:
  // What is known of one group over the whole run.
  struct Group {
    uint32_t object = 0;
    sut::raft::RaftInvariants invariants{{.new_voter_lag_max = sut::Replica::kNewVoterLagMax}};
    std::map<uint32_t, DurablePromises> promises;  // by node
    bool violated = false;                         // told once
  };
  struct ArmedProbe {
    ProbeCrash crash;
    std::function<void(uint32_t)> struck;
  };
  struct ArmedPoint {
    PointCrash crash;
    std::function<void()> struck;
  };

  SimCluster(const plan::Plan& plan, const sut::NodeOptions& node_options, ClusterObserver* observer,
             SimOptions options);

  // --- SimNodeHost
  void OnNodeProbe(SimNode& node, sut::Probe probe, sut::TabletId tablet) override;
  PointFate OnNodeMutation(SimNode& node, bool writes) override;
  PointFate OnNodeRead(SimNode& node) override;
  void OnNodeDelivery(SimNode& node) override;
  void OnNodeTorn(SimNode& node) override;
  void OnNodeSent(SimNode& node, const std::string& envelope) override;
  void OnNodeRecovered(SimNode& node, sut::TabletId tablet, sut::OpId applied) override;
  void OnNodeBegun(SimNode& node, const sut::ApplyObserver::Applied& applied) override;
  void OnNodeApplied(SimNode& node, const sut::ApplyObserver::Applied& applied) override;
  void OnNodeInstalled(SimNode& node, sut::TabletId tablet, sut::OpId op) override;
  void OnNodeDied(SimNode& node, const std::string& why) override;
  void OnNodeFatal(SimNode& node, const std::string& reason) override;
  // --- NetworkSink
  void Deliver(sut::NodeId to, std::string envelope) override;

  // Start, in parts.
  bool AllGroupsHaveLeaders() const;

  void AfterEvent(EventQueue::Owner owner);
  void CheckCatalogue(const SimNode& node);
  void WatchOverdue(const SimNode& node, sut::OpId op);
  void CheckInvariants(SimNode& node);
  using PromiseCheck = std::function<DurablePromises::Violation(const DurablePromises&, uint64_t durable)>;
  void CheckPromises(SimNode& node, sut::TabletId tablet, const PromiseCheck& more);
  void CheckRecovered(SimNode& node);
  void TellRaftViolation(Group& group, const SimNode& node, const std::string& what);
  // The point that is armed here, if any: taken off the list, and its `struck` is on its way.
  std::optional<PointCrash> TakePoint(const SimNode& node, PointKind point, uint64_t count);
  void StrikePoint(SimNode& node, PointKind point, uint64_t count);
  std::string NodeName(const SimNode& node) const;

  Group& GroupOf(sut::TabletId tablet);
  check::ReplicaName NameOf(const SimNode& node, sut::TabletId tablet);
  std::optional<uint32_t> ObjectOf(const fault::Target& target) const;
  std::optional<uint32_t> LeaderOf(uint32_t object) const;
  // Null if that node is down or does not host it.
  const sut::Replica* ReplicaAt(uint32_t node, uint32_t object) const;
  const std::vector<uint32_t>& NodesOf(uint32_t object) const {
    return object == check::kMasterObject ? nodes_of_object_.back() : nodes_of_object_[object];
  }
  // Of the group as its leader knows it, where it was ever changed; else, or without a leader, as it was made.
  std::vector<uint32_t> Members(uint32_t object) const;
  // Of the master's leader; null if there is none.
  const sut::CatalogueState* CatalogueNow() const;
  // The plan drops its table, and no node of it, all of which are up but for those with a damaged disk, hosts it any
  // more.
  bool IsGone(uint32_t object) const;
  std::string PathOf(const SnapshotPlace& place) const;
  // Adds why not to `reasons`, if given.
  bool GroupIsQuiet(uint32_t object, std::vector<std::string>* reasons) const;

  SimNode& Node(uint32_t node) { return *nodes_[node - 1]; }
  const SimNode& Node(uint32_t node) const { return *nodes_[node - 1]; }

  const plan::Plan plan_;
  const PlanIds ids_;
  const std::set<uint32_t> dropped_tables_;  // by the plan, sooner or later
  ClusterObserver* const observer_;
  EventQueue queue_;
  SimNetwork network_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<std::unique_ptr<DiskReader>> disk_readers_;  // by node
  std::vector<std::vector<uint32_t>> nodes_of_object_;     // the master's last
  SimClients clients_;
  absl::flat_hash_map<sut::TabletId, std::unique_ptr<Group>> groups_;
  bool started_ = false;
  std::optional<check::OverdueSnapshots> overdue_;  // none if the plan has faults that hide what takes too long

  uint64_t last_armed_id_ = 0;
  std::map<uint64_t, ArmedProbe> armed_probes_;
  std::vector<ArmedPoint> armed_points_;
  std::optional<PointCrash> tearing_;  // the torn write that is being written
  std::array<uint64_t, sut::kProbeCount> probe_hits_{};
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_CLUSTER_H_
