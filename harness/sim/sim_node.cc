// The seams of an incarnation, each of which is silent once the incarnation is dead.

#include "harness/sim/sim_node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/sim/sim_env.h"
#include "harness/sim/sim_worker.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/node/node.h"

namespace holdfast::sim {

namespace {

constexpr uint64_t kWorkerSalt = 1;
constexpr uint64_t kLogWorkerSalt = 2;
constexpr uint64_t kPowerLossSalt = 3;

}  // namespace

// One life of the process. `dead` is set before the node's code goes on: everything below asks it first.
struct SimNode::Life final : sut::Timers, sut::Transport, sut::ProbeSink, sut::ApplyObserver {
  Life(SimNode* simulated, uint32_t number)
      : machine(simulated),
        owner{simulated->id().value, number},
        env({.file_system = simulated->disk_,
             .now_us = [simulated] { return static_cast<uint64_t>(simulated->clock_.NowUs()); }}),
        worker({.seed = sut::Mix({simulated->options_.seed, kWorkerSalt}),
                .owner = owner,
                .latency_us_median = simulated->options_.job_us_median},
               simulated->queue_),
        log_worker({.seed = sut::Mix({simulated->options_.seed, kLogWorkerSalt}),
                    .owner = owner,
                    .latency_us_median = simulated->options_.sync_us_median},
                   simulated->queue_) {
    seams.clock = const_cast<SimClock*>(&machine->clock_);  // the seam is not const, though all its calls are
    seams.timers = this;
    seams.transport = this;
    seams.worker = &worker;
    seams.log_worker = &log_worker;
    seams.probes = this;
    seams.observer = this;
    seams.storage.env = &env;
    seams.storage.drain_background = [this] { env.Drain(); };
    seams.on_fatal = [this](const std::string& reason) { OnFatal(reason); };
  }

  void After(int64_t delay_us, std::function<void()> callback) override {
    if (dead) return;
    machine->queue_->Schedule(machine->queue_->now_us() + delay_us + machine->clock_.skew_us(), owner,
                              std::move(callback));
  }
  void Send(sut::NodeId to, sut::LogicalIdentity identity, std::string envelope) override {
    if (dead) return;
    machine->host_->OnNodeSent(*machine, envelope);
    machine->network_->Send({machine->id(), to}, identity, std::move(envelope));
  }
  void Hit(sut::Probe probe, sut::TabletId tablet) override {
    if (dead) return;
    ++machine->probe_count_;
    machine->host_->OnNodeProbe(*machine, probe, tablet);
  }
  void OnRecovered(sut::TabletId tablet, sut::ReplicaId, sut::OpId applied) override {
    if (!dead) machine->host_->OnNodeRecovered(*machine, tablet, applied);
  }
  void OnBegun(const Applied& applied) override {
    if (!dead) machine->host_->OnNodeBegun(*machine, applied);
  }
  void OnApplied(const Applied& applied) override {
    if (!dead) machine->host_->OnNodeApplied(*machine, applied);
  }
  void OnInstalled(sut::TabletId tablet, sut::ReplicaId, sut::OpId op) override {
    if (!dead) machine->host_->OnNodeInstalled(*machine, tablet, op);
  }
  void OnFatal(const std::string& reason) {
    if (dead) return;
    machine->Crash({.why = absl::StrCat("stopped itself: ", reason)});
    machine->host_->OnNodeFatal(*machine, reason);
  }

  SimNode* const machine;
  const EventQueue::Owner owner;
  bool dead = false;
  SimEnv env;
  SimWorker worker;
  SimWorker log_worker;
  sut::Seams seams;
  std::unique_ptr<sut::Node> node;  // null while it starts
};

SimNode::SimNode(Options options, EventQueue* queue, SimNetwork* network, SimNodeHost* host)
    : options_(std::move(options)),
      queue_(queue),
      network_(network),
      host_(host),
      clock_(queue, options_.clock_skew_us),
      disk_(std::make_shared<SimFileSystem>([queue] { return static_cast<uint64_t>(queue->now_us()); })) {
  disk_->SetObserver(this);
}

SimNode::~SimNode() {
  if (life_ == nullptr) return;
  life_->dead = true;
  disk_->KillHandles();
  Destroy();
}

absl::Status SimNode::Start() {
  if (is_up()) return absl::FailedPreconditionError("the node is up");
  Bury();
  if (life_ != nullptr) return absl::FailedPreconditionError("the node's last incarnation is still on the stack");
  if (incarnation_ > 0) disk_->Restart();
  life_ = std::make_unique<Life>(this, ++incarnation_);
  queue_->SetAlive(life_->owner);
  starting_ = true;
  absl::StatusOr<std::unique_ptr<sut::Node>> node = sut::Node::Start(
      &life_->seams,
      {.id = id(), .root = root(), .options = options_.node_options, .master_members = options_.master_members});
  if (node.ok()) life_->node = *std::move(node);
  starting_ = false;
  if (life_->dead) {
    Bury();
    return absl::AbortedError("a crash struck while the node started");
  }
  if (node.ok()) return absl::OkStatus();
  Crash({.why = absl::StrCat("can't start: ", node.status().ToString())});
  Bury();
  return node.status();
}

void SimNode::Crash(const CrashSpec& crash) {
  if (!is_up()) return;
  if (crash.kind == plan::Fault::Crash::POWER_LOSS) {
    disk_->PowerLoss(sut::Mix({options_.seed, kPowerLossSalt, id().value, crash.salt}));
  } else {
    disk_->KillHandles();
  }
  life_->dead = true;
  queue_->SetDead(id().value);
  host_->OnNodeDied(*this, crash.why);
  Bury();
}

void SimNode::Bury() {
  if (life_ != nullptr && life_->dead && !OnStack()) Destroy();
}

void SimNode::SetLatencies(int64_t sync_us_median, int64_t job_us_median) {
  options_.sync_us_median = sync_us_median;
  options_.job_us_median = job_us_median;
  if (life_ == nullptr) return;
  life_->log_worker.SetLatency(sync_us_median);
  life_->worker.SetLatency(job_us_median);
}

void SimNode::Receive(const std::string& envelope) {
  if (is_up() && life_->node != nullptr) life_->node->Receive(envelope);
}

bool SimNode::is_up() const { return life_ != nullptr && !life_->dead; }

const sut::Node* SimNode::node() const { return is_up() ? life_->node.get() : nullptr; }

MutationVerdict SimNode::OnMutation(const Mutation& mutation) {
  if (is_up()) {
    ++mutation_count_;
    mutation_digest_ =
        sut::Mix({mutation_digest_, static_cast<uint64_t>(mutation.kind), mutation.bytes, mutation.path.size()});
    host_->OnNodeMutation(*this);
  }
  return {};
}

bool SimNode::OnStack() const { return starting_ || queue_->running().node == id().value; }

void SimNode::Destroy() {
  // Waiting callbacks may hold the node's stores: everything that uses the old handles goes before the disk lives
  // again.
  life_->node.reset();
  queue_->Drop(life_->owner);
  life_.reset();
}

}  // namespace holdfast::sim
