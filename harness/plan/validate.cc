#include "harness/plan/validate.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "harness/plan/keys.h"
#include "harness/plan/plan_disk_faults.h"
#include "sut/base/bugs.h"
#include "sut/base/probe.h"
#include "sut/runtime/node_options.h"

namespace holdfast::plan {
namespace {

using google::protobuf::FieldDescriptor;

// Within the ranges of sut/runtime/node_options.h; where those are open, an hour of simulated time is the end.
constexpr std::array kOptionRanges = {
    FieldRange{"tick_us", 1'000, 1'000'000},
    FieldRange{"heartbeat_ticks", 1, 10},
    FieldRange{"election_ticks", 4, 100},
    FieldRange{"entries_per_append_max", 1, 1024},
    FieldRange{"appends_in_flight_max", 1, 64},
    FieldRange{"log_retention_entries", 1, 1'000'000},
    FieldRange{"flush_after_entries", 1, 1'000'000},
    FieldRange{"compact_after_files", 2, 1000},
    FieldRange{"scan_page_rows", 1, 100'000},
    FieldRange{"install_chunk_bytes", 16, 16 << 20},
    FieldRange{"reconcile_interval_us", 10'000, 10'000'000},
    FieldRange{"tablet_call_timeout_us", 10'000, 60'000'000},
    FieldRange{"snapshot_timeout_us", 100'000, kDurationUsMax},
    FieldRange{"attempt_timeout_us", 10'000, kDurationUsMax},
};

constexpr std::array kWorldRanges = {
    FieldRange{"message_delay_us", 1, 1'000'000}, FieldRange{"loss_permille", 0, 1000},
    FieldRange{"duplicate_permille", 0, 1000},    FieldRange{"reorder_permille", 0, 1000},
    FieldRange{"sync_us", 1, 1'000'000},          FieldRange{"job_us", 1, 10'000'000},
    FieldRange{"straggler_us", 1, 10'000'000},
};

constexpr int32_t kDriftPermilleMin = -500;
constexpr int32_t kDriftPermilleMax = 1000;

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

struct HeaderProblem {
  std::string field;
  std::string reason;
};

uint64_t UnsignedField(const google::protobuf::Message& message, const FieldDescriptor* field) {
  const auto* reflection = message.GetReflection();
  return field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64 ? reflection->GetUInt64(message, field)
                                                              : reflection->GetUInt32(message, field);
}

template <size_t N>
std::optional<HeaderProblem> CheckRanges(const google::protobuf::Message& message, const std::string& name,
                                         const std::array<FieldRange, N>& ranges) {
  for (const FieldRange& range : ranges) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(range.field));
    const uint64_t value = UnsignedField(message, field);
    if (value == 0 || (value >= range.min && value <= range.max)) continue;
    return HeaderProblem{absl::StrCat(name, ".", field->name()),
                         absl::StrCat(field->name(), " is ", value, ", outside ", range.min, "..", range.max)};
  }
  return std::nullopt;
}

std::optional<HeaderProblem> CheckShape(const Shape& shape) {
  const auto between = [](uint32_t value, uint32_t max) { return value >= 1 && value <= max; };
  if (!between(shape.nodes(), 9) || shape.nodes() % 2 == 0) {
    return HeaderProblem{"shape.nodes", absl::StrCat(shape.nodes(), " nodes; an odd number from 1 to 9 is wanted")};
  }
  const uint32_t factor = shape.replication_factor();
  if (factor != 1 && factor != 3 && factor != 5) {
    return HeaderProblem{"shape.replication_factor",
                         absl::StrCat("replication factor ", factor, "; 1, 3 or 5 is wanted")};
  }
  if (factor > shape.nodes()) {
    return HeaderProblem{"shape.replication_factor",
                         absl::StrCat("replication factor ", factor, " with ", shape.nodes(), " nodes")};
  }
  if (shape.masters() != 0 && (shape.masters() > shape.nodes() || shape.masters() % 2 == 0)) {
    return HeaderProblem{"shape.masters", absl::StrCat(shape.masters(), " masters with ", shape.nodes(),
                                                       " nodes; an odd number up to that is wanted, or 0 for all")};
  }
  if (!between(shape.tables(), 8)) {
    return HeaderProblem{"shape.tables", absl::StrCat(shape.tables(), " tables; 1 to 8 are wanted")};
  }
  if (!between(shape.tablets_per_table(), 16)) {
    return HeaderProblem{"shape.tablets_per_table",
                         absl::StrCat(shape.tablets_per_table(), " tablets a table; 1 to 16 are wanted")};
  }
  return std::nullopt;
}

std::optional<HeaderProblem> CheckOptions(const Options& options) {
  if (auto problem = CheckRanges(options, "options", kOptionRanges)) return problem;
  // A follower that misses one heartbeat must not stand for election.
  const sut::NodeOptions defaults;
  const uint32_t heartbeat = options.heartbeat_ticks() != 0 ? options.heartbeat_ticks() : defaults.heartbeat_ticks;
  const uint32_t election = options.election_ticks() != 0 ? options.election_ticks() : defaults.election_ticks;
  if (election < 3 * heartbeat) {
    return HeaderProblem{
        "options.election_ticks",
        absl::StrCat("election_ticks is ", election, ", less than three times heartbeat_ticks, ", heartbeat)};
  }
  return std::nullopt;
}

std::optional<HeaderProblem> CheckBugs(const Plan& plan) {
  std::set<std::string_view> seen;
  for (int i = 0; i < plan.bugs_size(); ++i) {
    const std::string path = absl::StrCat("bugs[", i, "]");
    if (!seen.insert(plan.bugs(i)).second)
      return HeaderProblem{path, absl::StrCat("bug ", plan.bugs(i), " is named twice")};
    if (sut::BugFromName(plan.bugs(i)).has_value()) continue;
    std::string known;
    for (int bug = 0; bug < sut::kBugCount; ++bug) {
      absl::StrAppend(&known, bug == 0 ? "" : ", ", std::string(sut::BugName(static_cast<sut::Bug>(bug))));
    }
    return HeaderProblem{path, absl::StrCat("unknown bug \"", absl::CHexEscape(plan.bugs(i)), "\"; known are ", known)};
  }
  return std::nullopt;
}

std::optional<HeaderProblem> CheckHeader(const Plan& plan) {
  if (plan.format_version() != 1) {
    return HeaderProblem{"format_version",
                         absl::StrCat("format version ", plan.format_version(), "; this program reads 1")};
  }
  if (auto problem = CheckShape(plan.shape())) return problem;
  if (auto problem = CheckOptions(plan.options())) return problem;
  if (auto problem = CheckRanges(plan.world(), "world", kWorldRanges)) return problem;
  if (plan.clients() < 1 || plan.clients() > 16) {
    return HeaderProblem{"clients", absl::StrCat(plan.clients(), " clients; 1 to 16 are wanted")};
  }
  if (plan.steps_size() > kStepsMax) {
    return HeaderProblem{"steps", absl::StrCat(plan.steps_size(), " steps; ", kStepsMax, " are the most")};
  }
  return CheckBugs(plan);
}

absl::Status CheckMutation(const Mutation& mutation) {
  if (mutation.key().size() > kKeyBytesMax) return Refuse("key of ", mutation.key().size(), " bytes");
  if (mutation.value().size() > kValueBytesMax) return Refuse("value of ", mutation.value().size(), " bytes");
  if (!Mutation::Kind_IsValid(mutation.kind())) return Refuse("unknown kind of mutation");
  if (mutation.kind() != Mutation::PUT && !mutation.value().empty()) return Refuse("only a put has a value");
  if (mutation.kind() != Mutation::INCREMENT && mutation.delta() != 0) return Refuse("only an increment has a delta");
  return absl::OkStatus();
}

absl::Status CheckDelay(const char* name, uint64_t us) {
  if (us > kGapUsMax) return Refuse(name, " is ", us, ", more than ", kGapUsMax);
  return absl::OkStatus();
}

absl::Status CheckWeather(const fault::Weather& weather) {
  if (weather.loss_permille() > 1000) return Refuse("loss_permille is ", weather.loss_permille(), ", more than 1000");
  if (weather.duplicate_permille() > 1000) {
    return Refuse("duplicate_permille is ", weather.duplicate_permille(), ", more than 1000");
  }
  if (weather.delay_factor() > 100) return Refuse("delay_factor is ", weather.delay_factor(), ", more than 100");
  if (weather.loss_permille() == 0 && weather.duplicate_permille() == 0 && weather.delay_factor() <= 1) {
    return Refuse("weather that changes nothing");
  }
  return CheckDelay("heal_after_us", weather.heal_after_us());
}

}  // namespace

absl::Status Validate(const Plan& plan, const LineIndex* lines) {
  if (const auto problem = CheckHeader(plan)) {
    if (lines == nullptr) return Refuse(problem->reason);
    return Refuse(lines->Field(problem->field), ": ", problem->reason);
  }
  StepChecker checker(plan);
  for (int i = 0; i < plan.steps_size(); ++i) {
    const absl::Status status = checker.Check(plan.steps(i));
    if (status.ok()) continue;
    const std::string where = lines == nullptr ? "" : absl::StrCat(lines->Step(i), ": ");
    return Refuse(where, "step ", i, ": ", status.message());
  }
  return absl::OkStatus();
}

absl::Status StepChecker::Check(const Step& step) {
  if (absl::Status status = CheckDelay("gap_us", step.gap_us()); !status.ok()) return status;
  duration_us_ += step.gap_us();
  if (duration_us_ > kDurationUsMax) return Refuse("the plan is longer than an hour");
  if (step.has_when()) {
    if (absl::Status status = CheckWhen(step.when()); !status.ok()) return status;
  }
  return CheckAction(step);
}

absl::Status StepChecker::CheckAction(const Step& step) {
  switch (step.action_case()) {
    case Step::kClient:
      return CheckClient(step.client());
    case Step::kSnapshot:
      return CheckSnapshot(step.snapshot());
    case Step::kFault:
      return CheckFault(step.fault(), step.has_when());
    case Step::kMove:
      return CheckMove(step.move());
    case Step::kMaintenance:
      return CheckMaintenance(step.maintenance());
    case Step::kMembership:
      return CheckMembership(step.membership());
    case Step::kInspect:
      return absl::OkStatus();
    case Step::kTable:
      return CheckTable(step.table());
    case Step::ACTION_NOT_SET:
      return Refuse("a step without an action");
  }
  return Refuse("a step without an action");
}

absl::Status StepChecker::CheckClient(const ClientOperation& operation) const {
  if (operation.client() >= plan_.clients()) {
    return Refuse("client ", operation.client(), " of ", plan_.clients(), "; clients count from 0");
  }
  if (absl::Status status = CheckTablet(operation.table(), 0); !status.ok()) return status;
  switch (operation.op_case()) {
    case ClientOperation::kWrite:
      return CheckBatch(operation.write(), operation.table());
    case ClientOperation::kGet:
      if (operation.get().key().size() > kKeyBytesMax) return Refuse("key of ", operation.get().key().size(), " bytes");
      return absl::OkStatus();
    case ClientOperation::kScan:
      return CheckTablet(operation.table(), operation.scan().tablet());
    case ClientOperation::OP_NOT_SET:
      break;
  }
  return Refuse("a client operation that does nothing");
}

absl::Status StepChecker::CheckBatch(const ClientOperation::Batch& batch, uint32_t table) const {
  if (batch.mutations_size() == 0) return Refuse("a write of nothing");
  if (batch.mutations_size() > kBatchMutationsMax) return Refuse("a batch of ", batch.mutations_size(), " mutations");
  const uint32_t first = TabletOfKey(batch.mutations(0).key(), plan_.shape(), table);
  for (const Mutation& mutation : batch.mutations()) {
    if (absl::Status status = CheckMutation(mutation); !status.ok()) return status;
    if (const uint32_t tablet = TabletOfKey(mutation.key(), plan_.shape(), table); tablet != first) {
      return Refuse("a batch over tablets ", first, " and ", tablet, "; all keys of a batch lie in one tablet");
    }
  }
  return absl::OkStatus();
}

absl::Status StepChecker::CheckSnapshot(const SnapshotOperation& operation) {
  if (operation.client() >= plan_.clients()) {
    return Refuse("client ", operation.client(), " of ", plan_.clients(), "; clients count from 0");
  }
  const auto made = [this](uint32_t snapshot) { return snapshots_.contains(snapshot); };
  switch (operation.op_case()) {
    case SnapshotOperation::kCreate:
      return CheckCreate(operation.create());
    case SnapshotOperation::kRestore: {
      const auto& restore = operation.restore();
      if (!made(restore.snapshot()))
        return Refuse("restore of snapshot ", restore.snapshot(), ", which no earlier step creates");
      if (!restorations_.insert(restore.restoration()).second)
        return Refuse("restoration ", restore.restoration(), " is used twice");
      return absl::OkStatus();
    }
    case SnapshotOperation::kDelete: {
      const uint32_t snapshot = operation.delete_().snapshot();
      if (!made(snapshot)) return Refuse("delete of snapshot ", snapshot, ", which no earlier step creates");
      return absl::OkStatus();
    }
    case SnapshotOperation::kList:
      return absl::OkStatus();
    case SnapshotOperation::OP_NOT_SET:
      break;
  }
  return Refuse("a snapshot operation that does nothing");
}

absl::Status StepChecker::CheckCreate(const SnapshotOperation::Create& create) {
  if (create.tables_size() == 0) return Refuse("a snapshot of no table");
  std::set<uint32_t> tables;
  for (const uint32_t table : create.tables()) {
    if (absl::Status status = CheckTablet(table, 0); !status.ok()) return status;
    if (!tables.insert(table).second) return Refuse("table ", table, " is named twice");
  }
  if (!snapshots_.emplace(create.snapshot(), create.tables_size()).second)
    return Refuse("snapshot ", create.snapshot(), " is created twice");
  return absl::OkStatus();
}

absl::Status StepChecker::CheckWhen(const When& when) const {
  if (!sut::ProbeFromName(when.probe()).has_value()) {
    return Refuse("unknown probe \"", absl::CHexEscape(when.probe()), "\"");
  }
  if (when.nth() > 1000) return Refuse("nth is ", when.nth(), ", more than 1000");
  if (absl::Status status = CheckDelay("deadline_us", when.deadline_us()); !status.ok()) return status;
  return when.has_target() ? CheckTarget(when.target()) : absl::OkStatus();
}

absl::Status StepChecker::CheckFault(const fault::Fault& fault, bool has_when) {
  switch (fault.kind_case()) {
    case fault::Fault::kCrash:
      if (!fault::Crash::Kind_IsValid(fault.crash().kind())) return Refuse("unknown kind of crash");
      if (has_when && fault.crash().has_target()) {
        return Refuse("a crash with `when` strikes the node that hits the probe; it has no target of its own");
      }
      if (!has_when && !fault.crash().has_target()) return Refuse("a crash of no node");
      if (fault.crash().times() > kCrashTimesMax) {
        return Refuse("times is ", fault.crash().times(), ", more than ", kCrashTimesMax);
      }
      if (fault.crash().times() > 1 && fault.crash().restart_after_us() == 0) {
        return Refuse("a restart loop needs a restart_after_us");
      }
      if (!has_when) {
        if (absl::Status status = CheckTarget(fault.crash().target()); !status.ok()) return status;
      }
      return CheckDelay("restart_after_us", fault.crash().restart_after_us());
    case fault::Fault::kCrashAll:
      if (!fault::Crash::Kind_IsValid(fault.crash_all().kind())) return Refuse("unknown kind of crash");
      if (absl::Status status = CheckDelay("stagger_us", fault.crash_all().stagger_us()); !status.ok()) return status;
      return CheckDelay("restart_after_us", fault.crash_all().restart_after_us());
    case fault::Fault::kRestart:
      if (!fault.restart().has_target()) return Refuse("a restart of no node");
      if (fault.restart().target().role() != fault::Target::NODE) {
        return Refuse("a restart needs a node by number; one that is down has no role");
      }
      return CheckTarget(fault.restart().target());
    case fault::Fault::kPartition:
      return CheckPartition(fault.partition(), has_when);
    case fault::Fault::kWeather:
      return CheckWeather(fault.weather());
    case fault::Fault::kPause:
      if (!fault.pause().has_target() && !has_when) return Refuse("a pause of no node");
      if (fault.pause().has_target()) {
        if (absl::Status status = CheckTarget(fault.pause().target()); !status.ok()) return status;
      }
      return CheckDelay("resume_after_us", fault.pause().resume_after_us());
    case fault::Fault::kSlowLink:
      return CheckSlowLink(fault.slow_link());
    case fault::Fault::kDisk:
      return CheckDisk(fault.disk(), has_when);
    case fault::Fault::kRot:
      return CheckRot(fault.rot());
    case fault::Fault::kClock:
      return CheckClock(fault.clock());
    case fault::Fault::kDiskLoss:
      return CheckDiskLoss(fault.disk_loss());
    case fault::Fault::KIND_NOT_SET:
      break;
  }
  return Refuse("a fault that does nothing");
}

absl::Status StepChecker::CheckDisk(const fault::Disk& disk, bool has_when) {
  if (!fault::Disk::Effect_IsValid(disk.effect())) return Refuse("unknown effect of a disk fault");
  if (!fault::Disk::Operation_IsValid(disk.operation())) return Refuse("unknown operation of a disk");
  if (!fault::PathClass_IsValid(disk.path_class())) return Refuse("unknown class of paths");
  if (!disk.has_target() && !has_when) return Refuse("a disk fault of no node");
  if (disk.lasting() && disk.times() != 0) return Refuse("a lasting fault has no times");
  const faults::DiskFault fault = DiskFaultOf(disk);
  if (absl::Status status = faults::Validate(fault); !status.ok()) return status;
  if (faults::IsDamage(fault.effect)) {
    if (disk.lasting()) return Refuse("damage strikes a number of times");
    if (absl::Status status = CheckDamage(); !status.ok()) return status;
  }
  if (disk.has_target()) {
    if (absl::Status status = CheckTarget(disk.target()); !status.ok()) return status;
  }
  return CheckDelay("heal_after_us", disk.heal_after_us());
}

absl::Status StepChecker::CheckRot(const fault::Rot& rot) {
  if (!fault::PathClass_IsValid(rot.path_class())) return Refuse("unknown class of paths");
  if (!rot.has_target()) return Refuse("rot of no node");
  if (absl::Status status = faults::Validate(DiskRotOf(rot)); !status.ok()) return status;
  if (absl::Status status = CheckDamage(); !status.ok()) return status;
  return CheckTarget(rot.target());
}

absl::Status StepChecker::CheckClock(const fault::Clock& clock) const {
  if (!clock.has_target()) return Refuse("a clock fault of no node");
  const int64_t hour_us = static_cast<int64_t>(kDurationUsMax);
  if (clock.jump_us() < -hour_us || clock.jump_us() > hour_us) {
    return Refuse("jump_us is ", clock.jump_us(), ", more than an hour");
  }
  if (clock.drift_permille() < kDriftPermilleMin || clock.drift_permille() > kDriftPermilleMax) {
    return Refuse("drift_permille is ", clock.drift_permille(), ", outside ", kDriftPermilleMin, "..",
                  kDriftPermilleMax);
  }
  if (clock.jump_us() == 0 && clock.drift_permille() == 0) return Refuse("a clock fault that changes nothing");
  if (absl::Status status = CheckTarget(clock.target()); !status.ok()) return status;
  return CheckDelay("heal_after_us", clock.heal_after_us());
}

absl::Status StepChecker::CheckMembership(const Membership& membership) {
  if (!Membership::Kind_IsValid(membership.kind())) return Refuse("unknown kind of membership change");
  const fault::Target::Role role = membership.target().role();
  if (role != fault::Target::LEADER && role != fault::Target::FOLLOWER) {
    return Refuse("a membership change needs a LEADER or a FOLLOWER of a tablet");
  }
  if (membership.ordinal() > plan_.shape().nodes()) {
    return Refuse("ordinal is ", membership.ordinal(), " with ", plan_.shape().nodes(), " nodes");
  }
  if (membership.kind() == Membership::REMOVE && membership.ordinal() != 0) return Refuse("a removal has no ordinal");
  if (absl::Status status = CheckNotBoth(/*damages=*/false); !status.ok()) return status;
  fault::Target target = membership.target();
  // A group that has grown has one follower more.
  const bool newest =
      role == fault::Target::FOLLOWER && target.ordinal() > 0 && target.ordinal() + 1 == GroupSize(false);
  if (newest) target.set_ordinal(0);
  return CheckTarget(target);
}

absl::Status StepChecker::CheckDiskLoss(const fault::DiskLoss& loss) {
  if (!loss.has_target()) return Refuse("a loss of the disk of no node");
  if (loss.target().role() != fault::Target::NODE) return Refuse("a loss of a disk needs a node by number");
  if (absl::Status status = CheckTarget(loss.target()); !status.ok()) return status;
  const uint32_t masters = MasterCount(plan_.shape());
  if (loss.target().node() <= masters) {
    return Refuse("node ", loss.target().node(), " holds a replica of the master's group (nodes 1 to ", masters,
                  "), which can't be replaced; only other nodes can lose their disk");
  }
  if (!plan_.safety_only() && plan_.shape().replication_factor() < 3) {
    return Refuse("the loss of a disk with replication factor ", plan_.shape().replication_factor(),
                  " is more than the cluster survives; only a plan with safety_only may do that");
  }
  if (absl::Status status = CheckNotBoth(/*damages=*/false); !status.ok()) return status;
  return CheckDelay("restart_after_us", loss.restart_after_us());
}

absl::Status StepChecker::CheckNoImportMeetsAChange() const {
  if (plan_.safety_only() || !imports_ || !changes_groups_) return absl::OkStatus();
  return Refuse(
      "an import together with changes of groups: what is placed by hand is placed at the replicas that there ",
      "are; only a plan with safety_only may do both");
}

absl::Status StepChecker::CheckNotBoth(bool damages) {
  bool* const flag = damages ? &damages_ : &changes_groups_;
  const bool before = std::exchange(*flag, true);
  if (absl::Status status = CheckNoImportMeetsAChange(); !status.ok()) {
    *flag = before;
    return status;
  }
  if (plan_.safety_only() || !damages_ || !changes_groups_) return absl::OkStatus();
  *flag = before;
  return Refuse("damage to a disk together with changes of groups may be more than a group survives; only a plan with ",
                "safety_only may do both");
}

absl::Status StepChecker::CheckDamage() {
  if (absl::Status status = CheckNotBoth(/*damages=*/true); !status.ok()) return status;
  if (plan_.safety_only() || DamagedNodesMax(plan_.shape()) > 0) return absl::OkStatus();
  return Refuse("damage to a disk with replication factor ", plan_.shape().replication_factor(),
                " is more than the cluster survives; only a plan with safety_only may do that");
}

absl::Status StepChecker::CheckPartition(const fault::Partition& partition, bool has_when) const {
  if (!fault::Partition::Kind_IsValid(partition.kind())) return Refuse("unknown kind of partition");
  const bool shaped = partition.kind() == fault::Partition::RING || partition.kind() == fault::Partition::BRIDGE;
  if (shaped && (partition.clients_too() || !partition.clients_inside().empty())) {
    return Refuse("a ring or a bridge has no side for clients to be on");
  }
  for (const uint32_t client : partition.clients_inside()) {
    if (client >= plan_.clients()) return Refuse("client ", client, " of ", plan_.clients(), "; clients count from 0");
  }
  if (absl::Status status = CheckDelay("heal_after_us", partition.heal_after_us()); !status.ok()) return status;
  const uint32_t nodes = plan_.shape().nodes();
  if (partition.kind() == fault::Partition::RING) {
    if (!partition.side().empty()) return Refuse("a ring is of all nodes; it has no side");
    return nodes < 4 ? Refuse("a ring of ", nodes, " nodes cuts nothing; it takes four") : absl::OkStatus();
  }
  if (partition.side().empty() && !has_when) return Refuse("a partition of no node");
  if (partition.kind() == fault::Partition::BRIDGE && (partition.side_size() > 1 || nodes < 3)) {
    return Refuse("a bridge is one node, of at least three");
  }
  std::set<std::string> distinct;
  for (const fault::Target& target : partition.side()) {
    if (absl::Status status = CheckTarget(target); !status.ok()) return status;
    distinct.insert(target.SerializeAsString());
  }
  if (distinct.size() >= nodes) return Refuse("a partition with all ", nodes, " nodes on one side");
  return absl::OkStatus();
}

absl::Status StepChecker::CheckSlowLink(const fault::SlowLink& slow) const {
  if (!slow.has_from() || !slow.has_to()) return Refuse("a slow link needs two ends");
  if (absl::Status status = CheckTarget(slow.from()); !status.ok()) return status;
  if (absl::Status status = CheckTarget(slow.to()); !status.ok()) return status;
  if (slow.from().SerializeAsString() == slow.to().SerializeAsString())
    return Refuse("a slow link from a node to itself");
  if (slow.delay_factor() < 2 || slow.delay_factor() > 1000) {
    return Refuse("delay_factor is ", slow.delay_factor(), "; 2 to 1000 are wanted");
  }
  return CheckDelay("heal_after_us", slow.heal_after_us());
}

absl::Status StepChecker::CheckMove(const LeaderMove& move) const {
  if (GroupSize(move.master()) == 1) return Refuse("a leader move in a group of one replica");
  if (move.master() && (move.table() != 0 || move.tablet() != 0)) return Refuse("a move of the master names a tablet");
  return CheckTablet(move.table(), move.tablet());
}

absl::Status StepChecker::CheckMaintenance(const Maintenance& maintenance) const {
  if (!Maintenance::Kind_IsValid(maintenance.kind())) return Refuse("unknown kind of maintenance");
  const fault::Target::Role role = maintenance.target().role();
  if (role != fault::Target::LEADER && role != fault::Target::FOLLOWER)
    return Refuse("maintenance needs a LEADER or a FOLLOWER of a tablet");
  return CheckTarget(maintenance.target());
}

absl::Status StepChecker::CheckTarget(const fault::Target& target) const {
  const bool by_number = target.role() == fault::Target::NODE;
  const bool of_tablet = target.role() == fault::Target::LEADER || target.role() == fault::Target::FOLLOWER;
  const bool follower = target.role() == fault::Target::FOLLOWER || target.role() == fault::Target::MASTER_FOLLOWER;
  if (!fault::Target::Role_IsValid(target.role())) return Refuse("unknown role");
  if (by_number && (target.node() < 1 || target.node() > plan_.shape().nodes())) {
    return Refuse("node ", target.node(), " of ", plan_.shape().nodes(), "; nodes count from 1");
  }
  if (!by_number && target.node() != 0)
    return Refuse("a target by role ", fault::Target::Role_Name(target.role()), " names a node");
  if (!of_tablet && (target.table() != 0 || target.tablet() != 0)) {
    return Refuse("a target by role ", fault::Target::Role_Name(target.role()), " names a tablet");
  }
  if (!follower && target.ordinal() != 0) {
    return Refuse("a target by role ", fault::Target::Role_Name(target.role()), " has an ordinal");
  }
  const uint32_t group = GroupSize(target.role() == fault::Target::MASTER_FOLLOWER);
  if (follower && target.ordinal() + 1 >= group) {
    return Refuse("follower ", target.ordinal(), " in a group of ", group, "; followers count from 0");
  }
  return of_tablet ? CheckTablet(target.table(), target.tablet()) : absl::OkStatus();
}

uint32_t StepChecker::GroupSize(bool master) const {
  return master ? MasterCount(plan_.shape()) : plan_.shape().replication_factor();
}

absl::Status StepChecker::CheckTablet(uint32_t table, uint32_t tablet) const {
  if (table >= plan_.shape().tables()) {
    return Refuse("table ", table, " of ", plan_.shape().tables(), "; tables count from 0");
  }
  if (tablet >= plan_.shape().tablets_per_table()) {
    return Refuse("tablet ", tablet, " of ", plan_.shape().tablets_per_table(), "; tablets count from 0");
  }
  return absl::OkStatus();
}

}  // namespace holdfast::plan
