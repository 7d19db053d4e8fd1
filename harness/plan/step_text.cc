#include "harness/plan/step_text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/plan/plan_disk_faults.h"

namespace holdfast::plan {
namespace {

constexpr size_t kShownBytesMax = 24;

std::string Quoted(const std::string& bytes) {
  if (bytes.size() <= kShownBytesMax) return absl::StrCat("\"", absl::CHexEscape(bytes), "\"");
  return absl::StrCat("\"", absl::CHexEscape(bytes.substr(0, kShownBytesMax)), "\"... (", bytes.size(), " bytes)");
}

std::string TabletText(uint32_t table, uint32_t tablet) { return absl::StrCat(table, ".", tablet); }

std::string MutationText(const Mutation& mutation) {
  const std::string key = Quoted(mutation.key());
  switch (mutation.kind()) {
    case Mutation::DELETE:
      return absl::StrCat("delete ", key);
    case Mutation::INCREMENT:
      return absl::StrCat("increment ", key, " by ", mutation.delta());
    default:
      return absl::StrCat("put ", key, " = ", Quoted(mutation.value()));
  }
}

std::string ClientText(const ClientOperation& operation) {
  std::string text = absl::StrCat("client ", operation.client(), ", table ", operation.table(), ": ");
  if (operation.has_get()) return absl::StrCat(text, "get ", Quoted(operation.get().key()));
  if (operation.has_scan()) return absl::StrCat(text, "scan tablet ", operation.scan().tablet());
  const auto append = [](std::string* out, const Mutation& mutation) { out->append(MutationText(mutation)); };
  return absl::StrCat(text, absl::StrJoin(operation.write().mutations(), ", ", append));
}

std::string SnapshotText(const SnapshotOperation& operation) {
  const std::string client = absl::StrCat("client ", operation.client(), ": ");
  switch (operation.op_case()) {
    case SnapshotOperation::kCreate:
      return absl::StrCat(client, "create snapshot ", operation.create().snapshot(), " of table ",
                          absl::StrJoin(operation.create().tables(), ", "));
    case SnapshotOperation::kRestore:
      return absl::StrCat(client, "restore snapshot ", operation.restore().snapshot(), " (restoration ",
                          operation.restore().restoration(), ")");
    case SnapshotOperation::kDelete:
      return absl::StrCat(client, "delete snapshot ", operation.delete_().snapshot());
    default:
      return absl::StrCat(client, "list snapshots");
  }
}

std::string CrashKindText(fault::Crash::Kind kind) {
  return kind == fault::Crash::POWER_LOSS ? "power loss" : "process death";
}

std::string RestartText(uint64_t after_us) {
  return after_us == 0 ? "restart at heal" : absl::StrCat("restart after ", after_us, " us");
}

std::string LastingText(uint64_t us) { return us == 0 ? "until heal" : absl::StrCat("for ", us, " us"); }

std::string PartitionText(const fault::Partition& partition) {
  const std::string lasting = LastingText(partition.heal_after_us());
  const auto append = [](std::string* out, const fault::Target& target) { out->append(TargetText(target)); };
  const std::string side = partition.side().empty() ? "that node" : absl::StrJoin(partition.side(), " and ", append);
  if (partition.kind() == fault::Partition::RING) return absl::StrCat("cut all links but a ring, ", lasting);
  if (partition.kind() == fault::Partition::BRIDGE) {
    return absl::StrCat("cut the others of ", side, " into two halves, ", lasting);
  }
  const char* kind = partition.kind() == fault::Partition::TO_SIDE     ? "cut messages to "
                     : partition.kind() == fault::Partition::FROM_SIDE ? "cut messages from "
                                                                       : "cut off ";
  const std::string clients = partition.clients_inside().empty()
                                  ? ""
                                  : absl::StrCat(" with client ", absl::StrJoin(partition.clients_inside(), ", "));
  return absl::StrCat(kind, side, clients, partition.clients_too() ? ", for clients too, " : ", ", lasting);
}

std::string FaultText(const fault::Fault& fault) {
  switch (fault.kind_case()) {
    case fault::Fault::kCrash:
      return absl::StrCat(CrashKindText(fault.crash().kind()), " of ",
                          fault.crash().has_target() ? TargetText(fault.crash().target()) : "the node that hits it",
                          ", ", RestartText(fault.crash().restart_after_us()),
                          fault.crash().times() > 1 ? absl::StrCat(", ", fault.crash().times(), " times") : "");
    case fault::Fault::kCrashAll:
      return absl::StrCat(CrashKindText(fault.crash_all().kind()), " of all nodes, ",
                          fault.crash_all().stagger_us() == 0
                              ? ""
                              : absl::StrCat("one every ", fault.crash_all().stagger_us(), " us, "),
                          RestartText(fault.crash_all().restart_after_us()));
    case fault::Fault::kRestart:
      return absl::StrCat("restart ", TargetText(fault.restart().target()));
    case fault::Fault::kPartition:
      return PartitionText(fault.partition());
    case fault::Fault::kWeather:
      return absl::StrCat("weather: loss ", fault.weather().loss_permille(), " permille, duplicates ",
                          fault.weather().duplicate_permille(), " permille, delays times ",
                          fault.weather().delay_factor(), ", ", LastingText(fault.weather().heal_after_us()));
    case fault::Fault::kPause:
      return absl::StrCat("pause ", TargetText(fault.pause().target()), ", ",
                          LastingText(fault.pause().resume_after_us()));
    case fault::Fault::kSlowLink:
      return absl::StrCat("slow link between ", TargetText(fault.slow_link().from()), " and ",
                          TargetText(fault.slow_link().to()), ", delays times ", fault.slow_link().delay_factor(), ", ",
                          LastingText(fault.slow_link().heal_after_us()));
    case fault::Fault::kDisk:
      return absl::StrCat("disk of ", TargetText(fault.disk().target()), ": ",
                          faults::ToText(DiskFaultOf(fault.disk())), ", ", LastingText(fault.disk().heal_after_us()));
    case fault::Fault::kRot:
      return absl::StrCat("disk of ", TargetText(fault.rot().target()), ": ", faults::ToText(DiskRotOf(fault.rot())));
    case fault::Fault::kClock:
      return absl::StrCat("clock of ", TargetText(fault.clock().target()), ": jumps ", fault.clock().jump_us(),
                          " us, drifts ", fault.clock().drift_permille(), " permille, ",
                          LastingText(fault.clock().heal_after_us()));
    case fault::Fault::kDiskLoss:
      return absl::StrCat("loss of the disk of ", TargetText(fault.disk_loss().target()), ", ",
                          RestartText(fault.disk_loss().restart_after_us()), ", replaced ",
                          fault.disk_loss().elsewhere() ? "elsewhere" : "there");
    default:
      return "no fault";
  }
}

std::string WhenText(const When& when) {
  const std::string nth = when.nth() > 1 ? absl::StrCat(" for the ", when.nth(), ". time") : "";
  const std::string where = when.has_target() ? absl::StrCat(" on ", TargetText(when.target())) : "";
  return absl::StrCat("at ", when.probe(), where, nth, ": ");
}

std::string MoveText(const LeaderMove& move) {
  const std::string group = move.master() ? "the master" : TabletText(move.table(), move.tablet());
  return absl::StrCat("move the leader of ", group, " to follower ", move.ordinal());
}

std::string MembershipText(const Membership& membership) {
  const std::string target = TargetText(membership.target());
  switch (membership.kind()) {
    case Membership::ADD:
      return absl::StrCat("add a replica of ", TabletText(membership.target().table(), membership.target().tablet()),
                          " on free node ", membership.ordinal());
    case Membership::REMOVE:
      return absl::StrCat("remove the replica of ", target);
    default:
      return absl::StrCat("replace the replica of ", target, " by one on free node ", membership.ordinal());
  }
}

std::string ActionText(const Step& step) {
  switch (step.action_case()) {
    case Step::kClient:
      return ClientText(step.client());
    case Step::kSnapshot:
      return SnapshotText(step.snapshot());
    case Step::kFault:
      return FaultText(step.fault());
    case Step::kMove:
      return MoveText(step.move());
    case Step::kMaintenance:
      return absl::StrCat(step.maintenance().kind() == Maintenance::COMPACT ? "compact " : "flush ",
                          TargetText(step.maintenance().target()));
    case Step::kTable:
      return TableOperationText(step.table());
    case Step::kMembership:
      return MembershipText(step.membership());
    case Step::kInspect:
      return "inspect";
    default:
      return "nothing";
  }
}

}  // namespace

std::string TargetText(const fault::Target& target) {
  switch (target.role()) {
    case fault::Target::LEADER:
      return absl::StrCat("the leader of ", TabletText(target.table(), target.tablet()));
    case fault::Target::FOLLOWER:
      return absl::StrCat("follower ", target.ordinal(), " of ", TabletText(target.table(), target.tablet()));
    case fault::Target::MASTER_LEADER:
      return "the leader of the master";
    case fault::Target::MASTER_FOLLOWER:
      return absl::StrCat("follower ", target.ordinal(), " of the master");
    default:
      return target.node() == 0 ? "that node" : absl::StrCat("node ", target.node());
  }
}

std::string StepText(const Step& step) {
  return absl::StrCat(step.has_when() ? WhenText(step.when()) : "", ActionText(step));
}
}  // namespace holdfast::plan
