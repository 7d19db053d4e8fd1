// What a plan can ask of any system under test, simulated or real.
//
// Contract: one thread. Time moves only inside RunUntil, and every callback runs there. Nodes count from 1, tables from
// 0, a tablet is (table, ordinal); `object` numbers all tablets through: table * tablets_per_table + ordinal.
// Operations, faults and inspections may be asked at any time after Start; none of them blocks for longer than it takes
// to hand it over. What a world can't do is refused with Unimplemented, never skipped.

#ifndef HARNESS_CLUSTER_CLUSTER_H_
#define HARNESS_CLUSTER_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "faults/disk_fault.h"
#include "faults/disk_rot.h"
#include "harness/check/inspection.h"
#include "harness/cluster/snapshot_copy.h"
#include "harness/plan/plan.pb.h"
#include "sut/base/ids.h"
#include "sut/base/probe.h"
#include "sut/proto/service.pb.h"

namespace holdfast {

// How a client's call ended; the rule is in the contract (outcomes).
enum class CallOutcome : uint8_t { kOk, kFail, kIndeterminate };

struct CallResult {
  CallOutcome outcome = CallOutcome::kIndeterminate;
  sut::proto::Reply reply;            // the settling one; empty if indeterminate
  std::vector<sut::proto::Row> rows;  // of a scan, all pages
  int attempts = 0;
};

// What the runner is told as it happens. Loop rule: called inside RunUntil, and by faults asked for.
class ClusterObserver {
 public:
  virtual ~ClusterObserver() = default;
  virtual void OnRecovered(const check::ReplicaName& replica, check::LogPosition applied) = 0;
  // The entry's effect lies outside the row store and is about to be made durable: OnApplied may be swallowed by a
  // crash.
  virtual void OnBegun(const check::ReplicaName& replica, const check::LedgerEntry& entry) = 0;
  virtual void OnApplied(const check::ReplicaName& replica, const check::LedgerEntry& entry) = 0;
  virtual void OnInstalled(const check::ReplicaName& replica, check::LogPosition applied) = 0;
  virtual void OnProbe(uint32_t node, sut::Probe probe, std::optional<uint32_t> object) = 0;
  virtual void OnNodeDown(uint32_t node, const std::string& why) = 0;
  virtual void OnNodeUp(uint32_t node) = 0;
  // The system under test broke a rule of its own: Raft's invariants, a node that stopped itself without a fault of its
  // disk.
  virtual void OnViolation(const check::Violation& violation) = 0;
  // The node has just stopped itself, or refused to start, over a fault of its disk: no violation.
  virtual void OnDiskStop(uint32_t, const std::string&) {}
};

class Cluster {
 public:
  virtual ~Cluster() = default;

  // Boots all nodes and makes the plan's tables; RunUntil has been called as often as that takes.
  virtual absl::Status Start() = 0;
  virtual int64_t NowUs() const = 0;
  // Runs everything that happens up to `time_us`, or until `stop` (asked between events) says so.
  virtual void RunUntil(int64_t time_us, const std::function<bool()>& stop) = 0;
  // Calls back once at `time_us`, inside RunUntil.
  virtual void At(int64_t time_us, std::function<void()> callback) = 0;

  // Starts an operation of a client on a tablet or on the master (object kMasterObject). The callback comes exactly
  // once, at the latest shortly after the deadline. `session`: the request id's client, from 0.
  struct Call {
    uint32_t session = 0;
    uint32_t object = 0;
    sut::proto::Request body;  // only its `body` is set
    int64_t deadline_us = 0;
    // Names the operation in its messages' identities, so that their fate stays when other operations are left out; a
    // step's salt serves well. 0: its place among the session's calls.
    uint64_t identity = 0;
  };
  // Returns the request's sequence within its session, as the ledger names it.
  virtual uint64_t Invoke(Call call, std::function<void(const CallResult&)> done) = 0;
  // Open operations of all sessions go on until `deadline_us`, if that is later than their own.
  virtual void ExtendDeadlines(int64_t deadline_us) = 0;
  // Ends all open operations of a session at once, as indeterminate or with what is known of them.
  virtual void Abandon(uint32_t session) = 0;

  // Which node a target means now; nullopt if there is none (no leader known).
  virtual std::optional<uint32_t> Resolve(const fault::Target& target) const = 0;
  virtual bool IsUp(uint32_t node) const = 0;
  // The nodes that hold a replica of a tablet's group, as far as known now. Unimplemented: this cluster can't tell.
  virtual absl::StatusOr<std::vector<uint32_t>> MembersOf(uint32_t) const {
    return absl::UnimplementedError("this cluster can't tell who is in a group");
  }
  // Whether the catalogue asks for a change of any group that is not made yet.
  virtual bool ChangesGroups() const { return false; }

  // If it is down, a power loss may still take from its disk; nothing else happens. Unimplemented: this world knows no
  // such death.
  virtual absl::Status Crash(uint32_t node, fault::Crash::Kind kind, uint64_t salt) = 0;
  // FailedPrecondition if it is up; Unavailable if a fault of its disk keeps it from starting.
  virtual absl::Status Restart(uint32_t node) = 0;
  // The node dies, if it is up, and its disk is empty from then on.
  virtual absl::Status LoseDisk(uint32_t) { return absl::UnimplementedError("this cluster loses no disks"); }
  // The node's process stops, and goes on with its old memory when it is resumed; a crash ends it as if it ran.
  // FailedPrecondition if it is down or paused.
  virtual absl::Status Pause(uint32_t) { return absl::UnimplementedError("this cluster pauses no nodes"); }
  virtual void Resume(uint32_t) {}
  // Ends of links: nodes by number, all clients, or the client of one session.
  static constexpr uint32_t kAllClients = 0;
  static constexpr uint32_t ClientEnd(uint32_t session) { return 1'000 + session; }
  // Messages from a to b are lost while a rule says so. Rules add up; `id` names this one.
  virtual absl::Status Cut(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links) = 0;
  virtual void Mend(uint64_t id) = 0;
  // Messages from a to b take `delay_factor` times as long until the rule is mended; of several rules the slowest
  // holds. REQUIRES: nodes only.
  virtual absl::Status Slow(uint64_t, const std::vector<std::pair<uint32_t, uint32_t>>&, uint32_t) {
    return absl::UnimplementedError("this cluster slows no links down");
  }
  struct Weather {
    uint32_t loss_permille = 0;
    uint32_t duplicate_permille = 0;
    uint32_t reorder_permille = 0;
    uint32_t delay_factor = 1;
  };
  // Unimplemented names the parts that this world can't do; the others are in force.
  virtual absl::Status SetWeather(const Weather& weather) = 0;
  // Faults of one node's disk: operations that go wrong, until disarmed; and rot of what is at rest, which gives back
  // how many bits flipped.
  virtual absl::StatusOr<uint64_t> ArmDiskFault(uint32_t, const faults::DiskFault&) {
    return absl::UnimplementedError("this world has no disk faults");
  }
  virtual void DisarmDiskFault(uint32_t, uint64_t) {}
  virtual absl::StatusOr<uint64_t> RotDisk(uint32_t, const faults::DiskRot&, uint64_t /*salt*/) {
    return absl::UnimplementedError("this world has no rot");
  }
  // The node's clock jumps by so much against the true time, and runs fast or slow from now on. Zeros correct it.
  struct ClockError {
    int64_t jump_us = 0;
    int32_t drift_permille = 0;
  };
  virtual absl::Status DisturbClock(uint32_t, const ClockError&) {
    return absl::UnimplementedError("this world has one clock");
  }
  // Operations of the node's disk that faults have struck so far.
  virtual uint64_t DiskFaultsStruck(uint32_t) const { return 0; }
  // Bytes on the node's disk were lost, misplaced or flipped without the node being told. From then on it may refuse,
  // stop itself and stay down, but never show other content; IsQuiet leaves it out.
  virtual bool IsDamaged(uint32_t) const { return false; }
  // How slow links and disks are from now on; zeros are the defaults, with which every cluster starts. Unimplemented as
  // above.
  virtual absl::Status SetLatencies(const plan::World& world) = 0;
  // The first hit of `probe` (on `node` if given, else anywhere) from now on crashes that node on the spot, and calls
  // back. Unimplemented: as of Crash.
  struct ProbeCrash {
    sut::Probe probe;
    std::optional<uint32_t> node;
    uint32_t nth = 1;
    fault::Crash::Kind kind = fault::Crash::PROCESS_DEATH;
    uint64_t salt = 0;
  };
  virtual absl::StatusOr<uint64_t> ArmProbeCrash(const ProbeCrash& crash,
                                                 std::function<void(uint32_t node)> struck) = 0;
  virtual void DisarmProbeCrash(uint64_t id) = 0;
  // Maintenance and leader moves go straight to a node; best effort.
  virtual void Maintain(uint32_t node, uint32_t object, const sut::proto::Maintenance& maintenance) = 0;

  // What an operator does by hand with exported and imported snapshots: copies a replica's directory of a snapshot off
  // the node's disk, whether it runs or not, and places files as such a directory. FailedPrecondition: the node is
  // down; its disk is not at hand.
  struct SnapshotPlace {
    uint32_t node = 1;
    uint32_t object = 0;
    uint32_t snapshot = 0;
  };
  virtual absl::StatusOr<SnapshotCopy> CopySnapshot(const SnapshotPlace&) {
    return absl::UnimplementedError("this cluster's disks are not at hand");
  }
  virtual absl::Status PlaceSnapshot(const SnapshotPlace&, const DirectoryFiles&) {
    return absl::UnimplementedError("this cluster's disks are not at hand");
  }

  // Every replica of every tablet and of the master, on every node, up or down.
  virtual check::Inspection Inspect() = 0;
  // What this world can't look at, or watch over, in a line each: a verdict says nothing of it.
  virtual std::vector<std::string> NotWatched() const = 0;
  // Every node up, no install or barrier under way, every replica has applied what its group has committed; nodes
  // with a damaged disk are left out.
  // What Inspect says of itself is exact; this may be late by a moment where nodes have to be asked.
  virtual bool IsQuiet() const = 0;
  // Why not, in a line for each reason.
  virtual std::vector<std::string> WhyNotQuiet() const = 0;
};

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_CLUSTER_H_
