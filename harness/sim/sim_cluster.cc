// The cluster's calls: life of nodes, time, clients, weather. What it watches over is in sim_watch.cc.

#include "harness/sim/sim_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "harness/cluster/plan_shape.h"
#include "harness/cluster/session_calls.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/node/node.h"

namespace holdfast::sim {

namespace {

// Virtual time does not begin at 0, so that no sum of it looks like an unset value.
constexpr int64_t kBeginningUs = 1'000'000;
constexpr int64_t kBootUsMax = 120'000'000;
constexpr int64_t kBootLeadersUsMax = 10'000'000;
constexpr int64_t kMaintenanceDelayUs = 20;

constexpr int64_t kDefaultDelayUs = 500;
constexpr int64_t kDefaultSyncUs = 300;
constexpr int64_t kDefaultJobUs = 1000;

constexpr uint64_t kNetworkSalt = 11;
constexpr uint64_t kNodeSalt = 12;

int64_t OrDefault(uint64_t planned_us, int64_t default_us) {
  return static_cast<int64_t>(planned_us != 0 ? planned_us : default_us);
}

// A duplicate of a refused request may be executed later, so that a refusal proves something only without duplicates.
bool PlanDuplicates(const plan::Plan& plan) {
  return plan.world().duplicate_permille() > 0 ||
         std::any_of(plan.steps().begin(), plan.steps().end(),
                     [](const plan::Step& step) { return step.fault().weather().duplicate_permille() > 0; });
}

SimClients::Options ClientOptions(const plan::Plan& plan, const sut::NodeOptions& node_options) {
  return {.masters = MasterMembers(plan),
          .attempt_timeout_us = node_options.attempt_timeout_us,
          .retry_pause_us = node_options.retry_pause_us,
          .refusal_is_final = !PlanDuplicates(plan)};
}

absl::Status ValidateShape(const plan::Shape& shape) {
  if (shape.nodes() < 1 || shape.nodes() > 9) return absl::InvalidArgumentError("a plan has 1 to 9 nodes");
  if (shape.replication_factor() < 1 || shape.replication_factor() > shape.nodes()) {
    return absl::InvalidArgumentError("a tablet has 1 to as many replicas as there are nodes");
  }
  if (shape.tablets_per_table() < 1 || shape.tablets_per_table() > 16 || shape.tables() > 8) {
    return absl::InvalidArgumentError("a plan has at most 8 tables, of 1 to 16 tablets");
  }
  return absl::OkStatus();
}

// A leader notices with one of its passes, unless it is just handing over its lead. Clocks that jump tell no time, nor
// do leaders that were paused, or that wait for their own disks.
std::optional<check::OverdueSnapshots> OverdueWatchFor(const plan::Plan& plan, const sut::NodeOptions& options) {
  for (const plan::Step& step : plan.steps()) {
    const fault::Fault& fault = step.fault();
    const bool is_slow_disk = fault.has_disk() && fault.disk().effect() == fault::Disk::LATENCY;
    if (fault.has_clock() || fault.has_pause() || is_slow_disk || step.move().master()) return std::nullopt;
  }
  constexpr int64_t kSlackUs = 300'000;
  return check::OverdueSnapshots(options.snapshot_timeout_us + 2 * options.reconcile_interval_us + kSlackUs);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SimCluster>> SimCluster::Create(const plan::Plan& plan, ClusterObserver* observer,
                                                               SimOptions options) {
  if (absl::Status valid = ValidateShape(plan.shape()); !valid.ok()) return valid;
  const absl::StatusOr<sut::NodeOptions> node_options = NodeOptionsOf(plan);
  if (!node_options.ok()) return node_options.status();
  return std::unique_ptr<SimCluster>(new SimCluster(plan, *node_options, observer, std::move(options)));
}

SimCluster::SimCluster(const plan::Plan& plan, const sut::NodeOptions& node_options, ClusterObserver* observer,
                       SimOptions options)
    : plan_(plan),
      ids_(plan),
      dropped_tables_(TablesDroppedBy(plan)),
      observer_(observer),
      queue_(kBeginningUs),
      network_({.seed = sut::Mix({plan.seed(), kNetworkSalt}),
                .nodes = plan.shape().nodes(),
                .delay_us_median = kDefaultDelayUs,
                .straggler_us = static_cast<int64_t>(plan.world().straggler_us())},
               &queue_, this),
      clients_(ClientOptions(plan, node_options), ids_, &queue_, &network_),
      overdue_(OverdueWatchFor(plan, node_options)) {
  for (uint32_t number = 1; number <= plan.shape().nodes(); ++number) {
    const sut::NodeId id{number};
    SimNodeHost* const host = this;
    nodes_.push_back(std::make_unique<SimNode>(SimNode::Options{.id = id,
                                                                .seed = sut::Mix({plan.seed(), kNodeSalt}),
                                                                .node_options = node_options,
                                                                .master_members = MasterMembers(plan),
                                                                .sync_us_median = kDefaultSyncUs,
                                                                .job_us_median = kDefaultJobUs,
                                                                .clock_skew_us = options.clock_skew_us},
                                               &queue_, &network_, host));
    disk_readers_.push_back(std::make_unique<DiskReader>(&nodes_.back()->disk()));
  }
  for (uint32_t object = 0; object < ids_.object_count(); ++object) {
    nodes_of_object_.push_back(NodesOfObject(plan, object));
  }
  nodes_of_object_.push_back(NodesOfObject(plan, check::kMasterObject));
}

SimCluster::~SimCluster() = default;

absl::Status SimCluster::Start() {
  SUT_CHECK(!started_, "a cluster starts once");
  for (const auto& node : nodes_) {
    if (absl::Status status = Restart(node->id().value); !status.ok()) return status;
  }
  const TableMaker maker{&plan_, &ids_, &clients_.session(kAdminSession), [](int64_t time_us) { return time_us; }};
  if (absl::Status status = MakeTables(maker, kBootUsMax, this); !status.ok()) return status;
  RunUntil(NowUs() + kBootLeadersUsMax, [this] { return AllGroupsHaveLeaders(); });
  for (const auto& node : nodes_) node->ResetCounts();
  started_ = true;
  absl::Status weather = SetWeather({.loss_permille = plan_.world().loss_permille(),
                                     .duplicate_permille = plan_.world().duplicate_permille(),
                                     .reorder_permille = plan_.world().reorder_permille()});
  weather.Update(SetLatencies(plan_.world()));
  return weather;
}

bool SimCluster::AllGroupsHaveLeaders() const {
  for (uint32_t object = 0; object < ids_.object_count(); ++object) {
    if (!LeaderOf(object).has_value()) return false;
  }
  return LeaderOf(check::kMasterObject).has_value();
}

void SimCluster::RunUntil(int64_t time_us, const std::function<bool()>& stop) {
  while (const std::optional<EventQueue::Owner> owner = queue_.RunNext(time_us)) {
    if (owner->node != EventQueue::kNobody) AfterEvent(*owner);
    if (stop && stop()) return;
  }
}

void SimCluster::At(int64_t time_us, std::function<void()> callback) {
  queue_.Schedule(time_us, {}, std::move(callback));
}

uint64_t SimCluster::Invoke(Call call, std::function<void(const CallResult&)> done) {
  sut::CallTarget target = {ids_.Tablet(call.object), {}};
  for (const uint32_t node : Members(call.object)) target.replicas.push_back({node});
  return clients_.session(call.session)
      .Call(target, std::move(call.body), {.deadline_us = call.deadline_us, .identity = call.identity},
            [done = std::move(done)](const sut::CallResult& result) { done(ToCallResult(result)); });
}

void SimCluster::ExtendDeadlines(int64_t deadline_us) { clients_.ExtendDeadlines(deadline_us); }

void SimCluster::Abandon(uint32_t session) {
  if (sut::Session* found = clients_.FindSession(session)) found->Abandon();
}

bool SimCluster::IsUp(uint32_t node) const { return node >= 1 && node <= nodes_.size() && Node(node).is_up(); }

absl::Status SimCluster::Crash(uint32_t node, fault::Crash::Kind kind, uint64_t salt) {
  Node(node).Crash({.kind = kind, .salt = salt, .why = fault::Crash::Kind_Name(kind)});
  return absl::OkStatus();
}

absl::Status SimCluster::Restart(uint32_t node) {
  if (node < 1 || node > nodes_.size()) return absl::InvalidArgumentError("no such node");
  if (IsUp(node)) return absl::FailedPreconditionError("the node is up");
  const absl::Status status = Node(node).Start();
  if (status.ok()) {
    CheckRecovered(Node(node));
    observer_->OnNodeUp(node);
    return status;
  }
  if (absl::IsAborted(status)) return absl::OkStatus();  // the crash that struck it was asked for
  if (Node(node).disk_errors() > 0 || Node(node).disk_damaged()) {
    observer_->OnDiskStop(node, absl::StrCat("can't start: ", status.ToString()));
    return absl::UnavailableError(status.ToString());
  }
  observer_->OnViolation({.checker = "node",
                          .invariant = "I6",
                          .summary = absl::StrCat(NodeName(Node(node)), " can't start from its own disk"),
                          .evidence = {status.ToString()}});
  return status;
}

absl::Status SimCluster::LoseDisk(uint32_t node) {
  if (node < 1 || node > nodes_.size()) return absl::InvalidArgumentError("no such node");
  Node(node).LoseDisk();
  return absl::OkStatus();
}

absl::Status SimCluster::Pause(uint32_t node) {
  if (!IsUp(node)) return absl::FailedPreconditionError("the node is down");
  if (Node(node).is_paused()) return absl::FailedPreconditionError("the node is paused");
  Node(node).Pause();
  return absl::OkStatus();
}

void SimCluster::Resume(uint32_t node) {
  if (IsUp(node)) Node(node).Resume();
}

absl::Status SimCluster::Cut(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links) {
  network_.Cut(id, directed_links);
  return absl::OkStatus();
}

void SimCluster::Mend(uint64_t id) { network_.Mend(id); }

absl::Status SimCluster::Slow(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links,
                              uint32_t delay_factor) {
  network_.Slow(id, directed_links, delay_factor);
  return absl::OkStatus();
}

absl::Status SimCluster::SetWeather(const Weather& weather) {
  network_.SetWeather({.loss_permille = weather.loss_permille,
                       .duplicate_permille = weather.duplicate_permille,
                       .reorder_permille = weather.reorder_permille,
                       .delay_factor = weather.delay_factor});
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SimCluster::ArmDiskFault(uint32_t node, const faults::DiskFault& fault) {
  if (node < 1 || node > nodes_.size()) return absl::InvalidArgumentError("no such node");
  if (absl::Status valid = faults::Validate(fault); !valid.ok()) return valid;
  return Node(node).ArmDiskFault(fault);
}

void SimCluster::DisarmDiskFault(uint32_t node, uint64_t id) { Node(node).DisarmDiskFault(id); }

absl::StatusOr<uint64_t> SimCluster::RotDisk(uint32_t node, const faults::DiskRot& rot, uint64_t salt) {
  if (node < 1 || node > nodes_.size()) return absl::InvalidArgumentError("no such node");
  if (absl::Status valid = faults::Validate(rot); !valid.ok()) return valid;
  return Node(node).Rot(rot, salt);
}

absl::Status SimCluster::DisturbClock(uint32_t node, const ClockError& error) {
  if (node < 1 || node > nodes_.size()) return absl::InvalidArgumentError("no such node");
  if (error.drift_permille <= -1000) return absl::InvalidArgumentError("a clock that stands still or runs backwards");
  Node(node).DisturbClock({error.jump_us, error.drift_permille});
  return absl::OkStatus();
}

absl::Status SimCluster::SetLatencies(const plan::World& world) {
  network_.SetDelay(OrDefault(world.message_delay_us(), kDefaultDelayUs));
  for (const auto& node : nodes_) {
    node->SetLatencies(OrDefault(world.sync_us(), kDefaultSyncUs), OrDefault(world.job_us(), kDefaultJobUs));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SimCluster::ArmProbeCrash(const ProbeCrash& crash, std::function<void(uint32_t node)> struck) {
  ArmedProbe& armed = armed_probes_[++last_armed_id_];
  armed = {crash, std::move(struck)};
  armed.crash.nth = std::max<uint32_t>(1, crash.nth);
  return last_armed_id_;
}

void SimCluster::DisarmProbeCrash(uint64_t id) { armed_probes_.erase(id); }

void SimCluster::ArmPointCrash(const PointCrash& crash, std::function<void()> struck) {
  armed_points_.push_back({crash, std::move(struck)});
}

void SimCluster::Maintain(uint32_t node, uint32_t object, const sut::proto::Maintenance& maintenance) {
  sut::proto::Envelope envelope;
  envelope.set_from_node(kAdminAddress.value);
  envelope.mutable_request()->set_tablet(sut::Bytes(ids_.Tablet(object)));
  *envelope.mutable_request()->mutable_maintenance() = maintenance;
  queue_.Schedule(NowUs() + kMaintenanceDelayUs, {node, EventQueue::kAnyIncarnation},
                  [this, node, bytes = envelope.SerializeAsString()] { Node(node).Receive(bytes); });
}

uint64_t SimCluster::Digest() const { return sut::Mix({queue_.digest(), network_.digest()}); }

uint64_t SimCluster::FinalDraw() const {
  const NetworkCounters& network = network_.counters();
  uint64_t draw = sut::Mix({plan_.seed(), Digest(), queue_.events_run(), network.sent, network.delivered, network.lost,
                            network.duplicated, network.reordered, network.cut});
  for (const auto& node : nodes_) {
    draw = sut::Mix({draw, node->incarnation(), node->mutation_digest(), node->probe_count()});
  }
  return draw;
}

}  // namespace holdfast::sim
