// One simulated machine: its disk, and the incarnations of the node's process that live on it, one after the other.
//
// A crash, in this order: the disk's handles go dead and a loss of power strikes what was not synced; from then on
// nothing the incarnation does has an effect (messages, timers, jobs, replies, observer calls are dropped; those before
// stand); the objects are destroyed once they are off the stack. So a crash may be called from anywhere: from an event
// of another node, from a probe or a disk mutation deep inside the node's own code, or inside its start-up.
//
// Loop rule: single-threaded, on one EventQueue; the node's code runs in events that it owns, and inside Start.

#ifndef HARNESS_SIM_SIM_NODE_H_
#define HARNESS_SIM_SIM_NODE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "faults/disk_fault_set.h"
#include "faults/disk_rot.h"
#include "harness/plan/plan.pb.h"
#include "harness/sim/event_queue.h"
#include "harness/sim/sim_clock.h"
#include "harness/sim/sim_file_system.h"
#include "harness/sim/sim_network.h"
#include "harness/sim/written_log.h"
#include "sut/base/ids.h"
#include "sut/base/prng.h"
#include "sut/base/probe.h"
#include "sut/runtime/node_options.h"
#include "sut/runtime/seams.h"

namespace sut {
class Node;
}

namespace holdfast::sim {

class SimNode;

// What a node tells its cluster. All calls come from inside the node's code; each may crash the node.
class SimNodeHost {
 public:
  virtual ~SimNodeHost() = default;
  virtual void OnNodeProbe(SimNode& node, sut::Probe probe, sut::TabletId tablet) = 0;
  // What an operation of the node's disk meets at a point that is enumerated.
  enum class PointFate : uint8_t { kProceed, kFail, kTear };
  // Before the mutation takes effect. Only writes can be torn; then OnNodeTorn is called, and crashes the node.
  virtual PointFate OnNodeMutation(SimNode& node, bool writes) = 0;
  virtual PointFate OnNodeRead(SimNode& node) = 0;
  // A message is about to be handed to the node; not if it has died when this returns.
  virtual void OnNodeDelivery(SimNode& node) = 0;
  virtual void OnNodeTorn(SimNode& node) = 0;
  virtual void OnNodeSent(SimNode& node, const std::string& envelope) = 0;
  virtual void OnNodeRecovered(SimNode& node, sut::TabletId tablet, sut::OpId applied) = 0;
  virtual void OnNodeBegun(SimNode& node, const sut::ApplyObserver::Applied& applied) = 0;
  virtual void OnNodeApplied(SimNode& node, const sut::ApplyObserver::Applied& applied) = 0;
  virtual void OnNodeInstalled(SimNode& node, sut::TabletId tablet, sut::OpId op) = 0;
  // The process has just died, however that came.
  virtual void OnNodeDied(SimNode& node, const std::string& why) = 0;
  // The node asks to be stopped (Seams::on_fatal). It is dead when this is called.
  virtual void OnNodeFatal(SimNode& node, const std::string& reason) = 0;
};

struct CrashSpec {
  fault::Crash::Kind kind = fault::Crash::PROCESS_DEATH;
  uint64_t salt = 0;  // decides what a loss of power takes
  std::string why;
};

class SimNode final : private MutationObserver {
 public:
  struct Options {
    sut::NodeId id;
    uint64_t seed = 0;  // of the plan
    sut::NodeOptions node_options;
    std::vector<sut::NodeId> master_members;
    int64_t sync_us_median = 0;
    int64_t job_us_median = 0;
    std::function<int64_t()> clock_skew_us;  // see SimClock
  };
  // All outlive the node.
  SimNode(Options options, EventQueue* queue, SimNetwork* network, SimNodeHost* host);
  ~SimNode() override;

  // Begins a new incarnation. FailedPrecondition if one is alive, or if the dead one is still on the stack. Aborted if
  // a crash struck while it started; any other error is the node's own.
  absl::Status Start();
  // Ends the incarnation, if one is alive.
  void Crash(const CrashSpec& crash);
  // Ends the incarnation, if one is alive, and empties the disk. REQUIRES: the node's code is not on the stack.
  void LoseDisk();
  // The process stops, and goes on; see EventQueue. REQUIRES: is_up().
  void Pause() { queue_->Pause(id().value, sut::Mix({options_.seed, id().value, incarnation_, ++pauses_})); }
  void Resume() { queue_->Resume(id().value); }
  bool is_paused() const { return queue_->IsPaused(id().value); }
  // Destroys a dead incarnation unless its code is on the stack. To be called after each event.
  void Bury();
  // How long syncs of the log and jobs of the worker take from now on, also in later incarnations.
  void SetLatencies(int64_t sync_us_median, int64_t job_us_median);
  // Faults of the disk; they outlive incarnations. Errors and latency end with the fault; damage stays.
  uint64_t ArmDiskFault(const faults::DiskFault& fault) { return disk_faults_.Arm(fault); }
  void DisarmDiskFault(uint64_t id) { disk_faults_.Disarm(id); }
  // Flips bits of files at rest; gives back how many.
  size_t Rot(const faults::DiskRot& rot, uint64_t salt);
  const faults::DiskFaultSet& disk_faults() const { return disk_faults_; }
  // Operations of this incarnation that a fault made fail.
  uint64_t disk_errors() const { return disk_errors_; }
  // Bytes were lost, misplaced or flipped without the node being told.
  bool disk_damaged() const { return disk_damaged_; }
  // From now on, also in later incarnations.
  void DisturbClock(const SimClock::Error& error) { clock_.Disturb(error); }
  const SimClock& clock() const { return clock_; }
  // Messages for a node that is down are lost.
  void Receive(const std::string& envelope);

  sut::NodeId id() const { return options_.id; }
  bool is_up() const;
  // Of the one that lives, or lived last; counts from 1.
  uint32_t incarnation() const { return incarnation_; }
  // The running node; null if it is down or still starting.
  const sut::Node* node() const;
  const SimFileSystem& disk() const { return *disk_; }
  SimFileSystem& disk() { return *disk_; }
  // What the incarnation has given to its Raft log.
  WrittenLog& written_log() { return written_log_; }
  // Of the data directory, on the disk.
  static std::string root() { return "/sim"; }

  // Since the last ResetCounts, over all incarnations: points at which a crash can be enumerated.
  uint64_t mutation_count() const { return mutation_count_; }
  uint64_t probe_count() const { return probe_count_; }
  // Of every mutation of the disk: its kind, its number of bytes and the length of its name. The bytes themselves
  // differ from run to run (session ids), their number must not, since crash points and the fate of unsynced tails
  // follow from it.
  uint64_t mutation_digest() const { return mutation_digest_; }
  uint64_t read_count() const { return read_count_; }
  uint64_t write_count() const { return write_count_; }  // the mutations that can be torn
  uint64_t delivery_count() const { return delivery_count_; }
  void ResetCounts() { mutation_count_ = probe_count_ = read_count_ = write_count_ = delivery_count_ = 0; }

 private:
  struct Life;
  friend struct Life;

  MutationVerdict OnMutation(const Mutation& mutation) override;
  bool OnRead(const DiskRead& read) override;
  void OnTorn() override { host_->OnNodeTorn(*this); }
  std::optional<faults::DiskFaultSet::Strike> Meet(const faults::DiskFaultSet::Operation& operation);
  MutationVerdict Misdirect(const Mutation& mutation, faults::PathClass path_class) const;
  uint64_t DiskDraw(std::string_view path) const;
  bool OnStack() const;
  void Destroy();

  Options options_;
  EventQueue* const queue_;
  SimNetwork* const network_;
  SimNodeHost* const host_;
  SimClock clock_;
  const std::shared_ptr<SimFileSystem> disk_;
  WrittenLog written_log_;
  uint32_t incarnation_ = 0;
  uint64_t pauses_ = 0;
  bool starting_ = false;
  uint64_t mutation_count_ = 0;
  uint64_t mutation_digest_ = 0;
  uint64_t probe_count_ = 0;
  uint64_t read_count_ = 0;
  uint64_t write_count_ = 0;
  uint64_t delivery_count_ = 0;
  faults::DiskFaultSet disk_faults_;
  uint64_t disk_errors_ = 0;
  bool disk_damaged_ = false;
  int64_t extra_latency_us_ = 0;  // that slow operations have added, and no job has taken yet
  // The incarnation that lives, or is dead and not yet destroyed.
  std::unique_ptr<Life> life_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_NODE_H_
