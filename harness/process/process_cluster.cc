// The cluster's calls: life of nodes, time, clients, links. What the nodes tell is taken in by process_watch.cc.

#include "harness/process/process_cluster.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "harness/check/inspection.h"
#include "harness/cluster/plan_shape.h"
#include "harness/cluster/session_calls.h"
#include "harness/process/real_time.h"
#include "harness/process/server_config.pb.h"
#include "sut/base/prng.h"

namespace holdfast::process {
namespace {

// Cluster time does not begin at 0, so that no sum of it looks like an unset value.
constexpr int64_t kBeginningUs = 1'000'000;
// Bounds on what only a machine that is stuck does not manage; real time.
constexpr int64_t kBootUsMax = 180'000'000;
constexpr int64_t kStopMsMax = 60'000;
constexpr int64_t kPollUs = 20'000;
// How often the nodes' files and ends are looked at.
constexpr auto kObserveEvery = std::chrono::milliseconds(4);
constexpr int kEventsBetweenLooks = 64;
// A link without weather has no delay but the machine's own; with weather, it is so many times the simulator's default.
constexpr int64_t kDefaultDelayUs = 500;
// The session of the harness, which makes the tables. Its number is none that a plan can use.
constexpr uint32_t kAdminSession = 0xFFFFFFFE;
constexpr uint64_t kRotSalt = 5;

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessCluster>> ProcessCluster::Create(const plan::Plan& plan,
                                                                       const ProcessOptions& options,
                                                                       ClusterObserver* observer) {
  plan::Plan real = plan;
  const absl::StatusOr<RealTimeOptions> real_time = RealTimeOptionsOf(plan, options.speed);
  if (!real_time.ok()) return real_time.status();
  *real.mutable_options() = real_time->options;
  const absl::StatusOr<sut::NodeOptions> node_options = NodeOptionsOf(real);
  if (!node_options.ok()) return node_options.status();
  std::unique_ptr<ProcessCluster> cluster(new ProcessCluster(real, options, *node_options, observer));
  cluster->refused_options_ = real_time->refused;
  if (absl::Status status = cluster->Prepare(); !status.ok()) return status;
  return cluster;
}

ProcessCluster::ProcessCluster(const plan::Plan& plan, const ProcessOptions& options,
                               const sut::NodeOptions& node_options, ClusterObserver* observer)
    : plan_(plan),
      options_(options),
      node_options_(node_options),
      ids_(plan),
      observer_(observer),
      loop_us_at_start_(loop_.NowUs()),
      status_(plan_, ids_),
      nodes_(plan.shape().nodes()) {}

absl::Status ProcessCluster::Prepare() {
  auto directory = WorkDirectory::Create(options_.work_dir);
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  if (options_.keep_directory) directory_->Keep();
  auto control = ControlFile::Create(directory_->path() + "/control");
  if (!control.ok()) return control.status();
  control_ = *std::move(control);
  for (uint32_t node = 1; node <= node_count(); ++node) {
    NodeAt(node).disk = std::make_unique<NodeDisk>(
        NodeDisk::Options{.data_dir = DataDir(node), .control_file = PathOf(node, "disk-faults")});
  }
  auto network = ProxyNetwork::Create(node_count());
  if (!network.ok()) return network.status();
  network_ = *std::move(network);
  watch_ = std::make_unique<NodeWatch>(network_->AddressesFor(ProxyNetwork::kHarness), &loop_, &status_);
  clients_ = std::make_unique<ProcessClients>(
      ProcessClients::Options{
          .masters = MasterMembers(plan_),
          .addresses = network_->AddressesFor(ProxyNetwork::kClients),
          .attempt_timeout_us = node_options_.attempt_timeout_us,
          .retry_pause_us = std::max<int64_t>(1'000, node_options_.retry_pause_us / options_.speed)},
      ids_, &loop_);
  return absl::OkStatus();
}

ProcessCluster::~ProcessCluster() {
  // First the nodes: nothing is to be told of them any more.
  for (Node& node : nodes_) node.process.reset();
}

absl::Status ProcessCluster::Start() {
  for (uint32_t node = 1; node <= node_count(); ++node) {
    if (absl::Status status = Restart(node); !status.ok()) return status;
  }
  const int64_t boot_us = kBootUsMax * options_.speed;
  const TableMaker maker{&plan_, &ids_, &clients_->session(kAdminSession),
                         [this](int64_t time_us) { return LoopUs(time_us); }, [this] { return broken_; }};
  if (absl::Status status = MakeTables(maker, boot_us, this); !status.ok()) return status;
  RunUntil(NowUs() + boot_us, [this] { return AllGroupsHaveLeaders(); });
  return absl::OkStatus();
}

bool ProcessCluster::AllGroupsHaveLeaders() const {
  for (uint32_t object = 0; object < ids_.object_count(); ++object) {
    if (!status_.LeaderOf(object)) return false;
  }
  return status_.LeaderOf(check::kMasterObject).has_value();
}

// --- Time ------------------------------------------------------------------------------------------------------------

int64_t ProcessCluster::NowUs() const { return kBeginningUs + (loop_.NowUs() - loop_us_at_start_) * options_.speed; }

int64_t ProcessCluster::LoopUs(int64_t time_us) const {
  return loop_us_at_start_ + (time_us - kBeginningUs) / options_.speed;
}

void ProcessCluster::RunUntil(int64_t time_us, const std::function<bool()>& stop) {
  asio::io_context& events = loop_.context();
  while (true) {
    Observe();
    if (stop && stop()) return;
    // What is ready comes first, also when the time is up already.
    for (int i = 0; i < kEventsBetweenLooks && events.poll_one() > 0; ++i) {
      if (stop && stop()) return;
    }
    const int64_t left_us = LoopUs(time_us) - loop_.NowUs();
    if (left_us <= 0) return;
    events.run_one_for(std::min<std::chrono::microseconds>(kObserveEvery, std::chrono::microseconds(left_us)));
  }
}

void ProcessCluster::At(int64_t time_us, std::function<void()> callback) {
  loop_.After(std::max<int64_t>(0, LoopUs(time_us) - loop_.NowUs()), std::move(callback));
}

// --- Clients ---------------------------------------------------------------------------------------------------------

uint64_t ProcessCluster::Invoke(Call call, std::function<void(const CallResult&)> done) {
  sut::CallTarget target = {ids_.Tablet(call.object), {}};
  for (const uint32_t node : status_.NodesOf(call.object)) target.replicas.push_back({node});
  return clients_->session(call.session)
      .Call(target, std::move(call.body), {.deadline_us = LoopUs(call.deadline_us), .identity = call.identity},
            [done = std::move(done)](const sut::CallResult& result) { done(ToCallResult(result)); });
}

void ProcessCluster::ExtendDeadlines(int64_t deadline_us) { clients_->ExtendDeadlines(LoopUs(deadline_us)); }

void ProcessCluster::Abandon(uint32_t session) {
  if (sut::Session* found = clients_->FindSession(session)) found->Abandon();
}

std::optional<uint32_t> ProcessCluster::ObjectOf(const fault::Target& target) const {
  if (target.role() == fault::Target::MASTER_LEADER || target.role() == fault::Target::MASTER_FOLLOWER) {
    return check::kMasterObject;
  }
  if (target.table() >= plan_.shape().tables() || target.tablet() >= ids_.tablets_per_table()) return std::nullopt;
  return target.table() * ids_.tablets_per_table() + target.tablet();
}

std::optional<uint32_t> ProcessCluster::Resolve(const fault::Target& target) const {
  if (target.role() == fault::Target::NODE) {
    return target.node() >= 1 && target.node() <= node_count() ? std::optional(target.node()) : std::nullopt;
  }
  const std::optional<uint32_t> object = ObjectOf(target);
  if (!object) return std::nullopt;
  const std::optional<uint32_t> leader = status_.LeaderOf(*object);
  const bool wants_leader = target.role() == fault::Target::LEADER || target.role() == fault::Target::MASTER_LEADER;
  if (!leader || wants_leader) return leader;
  std::vector<uint32_t> followers = status_.NodesOf(*object);
  std::erase(followers, *leader);
  if (followers.empty()) return std::nullopt;
  return followers[target.ordinal() % followers.size()];
}

// Asked anew: who is about to take a node's disk away must not go by what was so a moment ago.
absl::StatusOr<std::vector<uint32_t>> ProcessCluster::MembersOf(uint32_t object) const {
  return AskWhoAnswers().NodesOf(object);
}

bool ProcessCluster::ChangesGroups() const {
  const ClusterStatus now = AskWhoAnswers();
  return !now.LeaderOf(check::kMasterObject).has_value() || !now.changing().empty();
}

// --- Nodes -----------------------------------------------------------------------------------------------------------

std::string ProcessCluster::PathOf(uint32_t node, const std::string& name) const {
  return absl::StrCat(directory_->path(), "/node-", node, ".", name);
}

pid_t ProcessCluster::pid(uint32_t node) const { return IsUp(node) ? NodeAt(node).process->pid() : 0; }

bool ProcessCluster::IsUp(uint32_t node) const {
  return node >= 1 && node <= node_count() && NodeAt(node).process != nullptr;
}

absl::Status ProcessCluster::WriteConfig(uint32_t node) const {
  ServerConfig config;
  config.set_node(node);
  config.set_data_dir(DataDir(node));
  sut::Addresses peers = network_->AddressesFor(node);
  peers[sut::NodeId{node}] = network_->AddressesFor(ProxyNetwork::kHarness).at(sut::NodeId{node});
  for (const auto& [peer, address] : peers) {
    ServerConfig::Peer* one = config.add_peers();
    one->set_node(peer.value);
    one->set_address(address);
  }
  *config.mutable_options() = plan_.options();
  *config.mutable_bugs() = plan_.bugs();
  config.set_ledger_file(PathOf(node, absl::StrCat("ledger-", NodeAt(node).incarnation)));
  config.set_control_file(directory_->path() + "/control");
  config.set_disk_faults_file(PathOf(node, "disk-faults"));
  std::string text;
  google::protobuf::TextFormat::PrintToString(config, &text);
  std::ofstream out(PathOf(node, "config"), std::ios::trunc);
  out << text;
  out.close();
  return out ? absl::OkStatus() : absl::UnavailableError(absl::StrCat(PathOf(node, "config"), ": can't be written"));
}

absl::Status ProcessCluster::Restart(uint32_t node) {
  if (node < 1 || node > node_count()) return absl::InvalidArgumentError("no such node");
  if (IsUp(node)) return absl::FailedPreconditionError("the node is up");
  Node& one = NodeAt(node);
  ++one.incarnation;
  if (absl::Status status = WriteConfig(node); !status.ok()) return status;
  if (absl::Status status = one.disk->BeginLife(); !status.ok()) return status;
  one.ledger = std::make_unique<LedgerReader>(PathOf(node, absl::StrCat("ledger-", one.incarnation)));
  one.serving = false;
  auto process = NodeProcess::Start({options_.server_binary, {PathOf(node, "config")}, PathOf(node, "log")});
  if (!process.ok()) return process.status();
  one.process = *std::move(process);
  watch_->Begin(node);
  observer_->OnNodeUp(node);
  return absl::OkStatus();
}

absl::Status ProcessCluster::Crash(uint32_t node, fault::Crash::Kind kind, uint64_t salt) {
  if (!IsUp(node)) return absl::OkStatus();
  Bury(node, NodeAt(node).process->Kill(), fault::Crash::Kind_Name(kind));
  if (kind == fault::Crash::POWER_LOSS) LosePower(node, salt);
  return absl::OkStatus();
}

absl::Status ProcessCluster::LoseDisk(uint32_t node) {
  if (IsUp(node)) Bury(node, NodeAt(node).process->Kill(), "its disk is lost");
  std::error_code error;
  std::filesystem::remove_all(DataDir(node), error);
  if (!error) std::filesystem::create_directory(DataDir(node), error);
  return error ? absl::UnavailableError(absl::StrCat(DataDir(node), ": ", error.message())) : absl::OkStatus();
}

absl::Status ProcessCluster::Pause(uint32_t node) {
  if (!IsUp(node) || NodeAt(node).paused) return absl::FailedPreconditionError("the node is down or paused");
  NodeAt(node).process->Stop();
  NodeAt(node).paused = true;
  return absl::OkStatus();
}

void ProcessCluster::Resume(uint32_t node) {
  if (!std::exchange(NodeAt(node).paused, false) || !IsUp(node)) return;
  NodeAt(node).process->Continue();
}

absl::Status ProcessCluster::StopAll() {
  for (Node& node : nodes_) {
    if (node.process != nullptr) node.process->AskToStop();
  }
  absl::Status status;
  for (uint32_t node = 1; node <= node_count(); ++node) {
    if (!IsUp(node)) continue;
    const NodeProcess::End end = NodeAt(node).process->Terminate(kStopMsMax);
    if (end.signal != 0 || end.exit_code != 0) {
      status.Update(absl::InternalError(absl::StrCat("node ", node, " ", end.Text(), "\n", LogTail(node))));
    }
    Bury(node, end, "stopped");
  }
  return status;
}

absl::StatusOr<uint64_t> ProcessCluster::ArmProbeCrash(const ProbeCrash& crash,
                                                       std::function<void(uint32_t node)> struck) {
  const auto trap = control_->Arm({.probe = crash.probe, .node = crash.node, .nth = std::max(1u, crash.nth)});
  if (!trap.ok()) return trap.status();
  armed_[++last_armed_id_] = {*trap, crash, std::move(struck)};
  return last_armed_id_;
}

void ProcessCluster::DisarmProbeCrash(uint64_t id) {
  const auto armed = armed_.find(id);
  if (armed == armed_.end()) return;
  const ArmedTrap trap = std::move(armed->second);
  armed_.erase(armed);
  const std::optional<uint32_t> node = control_->Disarm(trap.trap);
  if (!node) return;
  // It has struck, and its node is dying: it is dead when this returns, and whoever asks sees it down.
  if (IsUp(*node)) {
    Bury(*node, NodeAt(*node).process->Kill(), "at a probe");
    if (trap.crash.kind == fault::Crash::POWER_LOSS) LosePower(*node, trap.crash.salt);
  }
  if (trap.struck) loop_.Post([callback = trap.struck, node = *node] { callback(node); });
}

// --- Links -----------------------------------------------------------------------------------------------------------

absl::Status ProcessCluster::Cut(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links) {
  std::vector<std::pair<uint32_t, uint32_t>> links = directed_links;
  const size_t single_clients = std::erase_if(
      links, [this](const auto& link) { return link.first > node_count() || link.second > node_count(); });
  network_->Cut(id, links);
  if (single_clients == 0) return absl::OkStatus();
  return absl::UnimplementedError("cutting off single clients: they all share their links");
}

void ProcessCluster::Mend(uint64_t id) { network_->Mend(id); }

absl::Status ProcessCluster::Slow(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links,
                                  uint32_t delay_factor) {
  network_->Slow(id, directed_links, DelayUs(delay_factor * delay_factor_));
  return absl::OkStatus();
}

absl::Status ProcessCluster::SetWeather(const Weather& weather) {
  delay_factor_ = std::max(1u, weather.delay_factor);
  SetDelay();
  if (weather.loss_permille + weather.duplicate_permille + weather.reorder_permille == 0) return absl::OkStatus();
  return absl::UnimplementedError("loss, duplication and reordering of messages: TCP has none");
}

absl::Status ProcessCluster::SetLatencies(const plan::World& world) {
  message_delay_us_ = static_cast<int64_t>(world.message_delay_us());
  SetDelay();
  const int64_t sync_us = static_cast<int64_t>(world.sync_us()) / options_.speed;
  for (Node& node : nodes_) {
    if (absl::Status status = node.disk->SetSyncLatency(sync_us); !status.ok()) return status;
  }
  if (world.job_us() == 0) return absl::OkStatus();
  return absl::UnimplementedError("latency of jobs: flushes and checkpoints take the time that they take");
}

absl::StatusOr<uint64_t> ProcessCluster::ArmDiskFault(uint32_t node, const faults::DiskFault& fault) {
  if (node < 1 || node > node_count()) return absl::InvalidArgumentError("no such node");
  faults::DiskFault real = fault;
  real.latency_us =
      (fault.latency_us + static_cast<uint64_t>(options_.speed) - 1) / static_cast<uint64_t>(options_.speed);
  return NodeAt(node).disk->Arm(real);
}

void ProcessCluster::DisarmDiskFault(uint32_t node, uint64_t id) {
  if (absl::Status status = NodeAt(node).disk->Disarm(id); !status.ok()) {
    TellHarnessFailed(absl::StrCat("a fault of node ", node, "'s disk can't be ended"), status);
  }
}

absl::StatusOr<uint64_t> ProcessCluster::RotDisk(uint32_t node, const faults::DiskRot& rot, uint64_t salt) {
  if (node < 1 || node > node_count()) return absl::InvalidArgumentError("no such node");
  auto flipped = NodeAt(node).disk->Rot(rot, sut::Mix({plan_.seed(), kRotSalt, node, salt}));
  LookAtDisk(node);
  return flipped;
}

absl::Status ProcessCluster::DisturbClock(uint32_t node, const ClockError& error) {
  return control_->DisturbClock(node, {error.jump_us / options_.speed, error.drift_permille});
}

int64_t ProcessCluster::DelayUs(uint32_t factor) const {
  const bool as_it_is = message_delay_us_ == 0 && factor <= 1;
  return as_it_is ? 0 : (message_delay_us_ == 0 ? kDefaultDelayUs : message_delay_us_) * factor / options_.speed;
}

void ProcessCluster::SetDelay() { network_->SetDelay(DelayUs(delay_factor_)); }

void ProcessCluster::Maintain(uint32_t node, uint32_t object, const sut::proto::Maintenance& maintenance) {
  watch_->Maintain(node, sut::Bytes(ids_.Tablet(object)), maintenance);
}

}  // namespace holdfast::process
