// The seams of an incarnation, each of which is silent once the incarnation is dead.

#include "harness/sim/sim_node.h"

#include <algorithm>
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
constexpr uint64_t kDiskFaultSalt = 4;
constexpr uint64_t kRotSalt = 5;

faults::DiskOperation OperationOf(MutationKind kind) {
  using faults::DiskOperation;
  switch (kind) {
    case MutationKind::kCreate:
      return DiskOperation::kCreate;
    case MutationKind::kAppend:
      return DiskOperation::kAppend;
    case MutationKind::kWriteAt:
      return DiskOperation::kWrite;
    case MutationKind::kTruncate:
      return DiskOperation::kTruncate;
    case MutationKind::kSync:
      return DiskOperation::kSync;
    case MutationKind::kMakeDirectory:
      return DiskOperation::kMakeDirectory;
    case MutationKind::kRemoveDirectory:
      return DiskOperation::kRemoveDirectory;
    case MutationKind::kSyncDirectory:
      return DiskOperation::kSyncDirectory;
    case MutationKind::kRename:
      return DiskOperation::kRename;
    case MutationKind::kLink:
      return DiskOperation::kLink;
    case MutationKind::kUnlink:
      break;
  }
  return DiskOperation::kUnlink;
}

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
                .latency_us_median = simulated->options_.job_us_median,
                .take_extra_latency_us = [simulated] { return std::exchange(simulated->extra_latency_us_, 0); }},
               simulated->queue_),
        log_worker({.seed = sut::Mix({simulated->options_.seed, kLogWorkerSalt}),
                    .owner = owner,
                    .latency_us_median = simulated->options_.sync_us_median,
                    .take_extra_latency_us = [simulated] { return std::exchange(simulated->extra_latency_us_, 0); }},
                   simulated->queue_) {
    seams.clock = &machine->clock_;
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
    machine->queue_->Schedule(machine->queue_->now_us() + machine->clock_.TrueDelayUs(delay_us), owner,
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
      clock_(queue, SimClock::kNodeEpochUs, options_.clock_skew_us),
      disk_(std::make_shared<SimFileSystem>([queue] { return static_cast<uint64_t>(queue->now_us()); })),
      written_log_(disk_.get()) {
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
  disk_errors_ = 0;
  extra_latency_us_ = 0;
  clock_.BeginLife();
  written_log_.Restart();
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
  const bool power_loss = crash.kind == fault::Crash::POWER_LOSS;
  // Of a process that is dead already, too: what it wrote and did not sync is still on its way to the disk.
  if (power_loss) disk_->PowerLoss(sut::Mix({options_.seed, kPowerLossSalt, id().value, crash.salt}));
  if (!is_up()) return;
  if (!power_loss) disk_->KillHandles();
  life_->dead = true;
  queue_->SetDead(id().value);
  host_->OnNodeDied(*this, crash.why);
  Bury();
}

void SimNode::LoseDisk() {
  Crash({.why = "its disk is lost"});
  Bury();
  SUT_CHECK(life_ == nullptr, "a disk is lost under nobody's hands");
  disk_->Wipe();
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
  if (!is_up() || life_->node == nullptr) return;
  ++delivery_count_;
  host_->OnNodeDelivery(*this);
  if (is_up()) life_->node->Receive(envelope);
}

bool SimNode::is_up() const { return life_ != nullptr && !life_->dead; }

const sut::Node* SimNode::node() const { return is_up() ? life_->node.get() : nullptr; }

MutationVerdict SimNode::OnMutation(const Mutation& mutation) {
  using Action = MutationVerdict::Action;
  if (!is_up()) return {};
  written_log_.OnMutation(mutation);
  ++mutation_count_;
  mutation_digest_ =
      sut::Mix({mutation_digest_, static_cast<uint64_t>(mutation.kind), mutation.bytes, mutation.path.size()});
  const bool writes =
      (mutation.kind == MutationKind::kAppend || mutation.kind == MutationKind::kWriteAt) && mutation.bytes > 1;
  write_count_ += writes ? 1 : 0;
  switch (host_->OnNodeMutation(*this, writes)) {
    case SimNodeHost::PointFate::kFail:
      ++disk_errors_;
      return {.action = Action::kIOError};
    case SimNodeHost::PointFate::kTear:
      return {.action = Action::kTorn, .bytes_written = 1 + sut::Below(DiskDraw(mutation.path), mutation.bytes - 1)};
    case SimNodeHost::PointFate::kProceed:
      break;
  }
  if (!is_up() || disk_faults_.empty()) return {};
  const auto strike = Meet({OperationOf(mutation.kind), mutation.path, mutation.target});
  if (!strike) return {};
  switch (strike->effect) {
    case faults::DiskEffect::kIoError:
      return {.action = Action::kIOError};
    case faults::DiskEffect::kNoSpace:
      return {.action = Action::kNoSpace};
    case faults::DiskEffect::kShort:
      return {.action = Action::kShortWrite,
              .bytes_written = sut::Below(DiskDraw(mutation.path), std::max<uint64_t>(1, mutation.bytes))};
    case faults::DiskEffect::kLost:
      return {.action = Action::kLost};
    case faults::DiskEffect::kMisdirected:
      return Misdirect(mutation, strike->path_class);
    case faults::DiskEffect::kLatency:
      break;
  }
  return {};
}

bool SimNode::OnRead(const DiskRead& read) {
  // What reads while none of the node's code runs is an inspection, which looks at a running store.
  if (!is_up() || !OnStack()) return true;
  ++read_count_;
  if (host_->OnNodeRead(*this) == SimNodeHost::PointFate::kFail) {
    ++disk_errors_;
    return false;
  }
  if (disk_faults_.empty()) return true;
  const bool opens = read.kind == DiskRead::Kind::kOpen;
  const auto strike =
      Meet({opens ? faults::DiskOperation::kOpen : faults::DiskOperation::kRead, read.path, /*target=*/{}});
  return !strike || strike->effect == faults::DiskEffect::kLatency;
}

std::optional<faults::DiskFaultSet::Strike> SimNode::Meet(const faults::DiskFaultSet::Operation& operation) {
  const auto strike = disk_faults_.OnOperation(operation);
  if (!strike) return strike;
  if (strike->effect == faults::DiskEffect::kLatency) {
    extra_latency_us_ += static_cast<int64_t>(strike->latency_us);
  } else if (faults::IsDamage(strike->effect)) {
    disk_damaged_ = true;
  } else {
    ++disk_errors_;
  }
  return strike;
}

// The bytes land in a file of the class, the one that they were meant for among them.
MutationVerdict SimNode::Misdirect(const Mutation& mutation, faults::PathClass path_class) const {
  std::vector<SimFileSystem::FileSize> files = disk_->ListFiles();
  std::erase_if(files, [&](const auto& file) { return file.bytes == 0 || !faults::Includes(path_class, file.path); });
  MutationVerdict verdict{.action = MutationVerdict::Action::kLost};
  if (files.empty()) return verdict;
  const uint64_t draw = DiskDraw(mutation.path);
  const SimFileSystem::FileSize& other = files[sut::Below(draw, files.size())];
  verdict.action = MutationVerdict::Action::kMisdirected;
  verdict.other_path = other.path;
  verdict.other_offset = sut::Below(sut::MixBits(draw), other.bytes);
  return verdict;
}

uint64_t SimNode::DiskDraw(std::string_view path) const {
  return sut::Mix({options_.seed, kDiskFaultSalt, id().value, sut::MixString(path), disk_faults_.struck()});
}

size_t SimNode::Rot(const faults::DiskRot& rot, uint64_t salt) {
  std::vector<faults::FileOnDisk> files;
  for (const SimFileSystem::FileSize& file : disk_->ListFiles()) files.push_back({file.path, file.bytes});
  const std::vector<faults::BitFlip> flips =
      faults::ChooseFlips(rot, std::move(files), sut::Mix({options_.seed, kRotSalt, id().value, salt}));
  for (const faults::BitFlip& flip : flips) {
    const absl::Status flipped = disk_->FlipBits(flip.path, flip.offset, flip.mask);
    SUT_CHECK(flipped.ok(), "a byte that was listed is there");
  }
  disk_damaged_ = disk_damaged_ || !flips.empty();
  return flips.size();
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
