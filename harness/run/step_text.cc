#include "harness/run/step_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/history/history.h"

namespace holdfast::run {
namespace {

using history::Quote;

std::string TargetText(const plan::Target& target) {
  const std::string tablet = absl::StrCat("tablet ", target.tablet(), " of table ", target.table());
  switch (target.role()) {
    case plan::Target::LEADER:
      return absl::StrCat("the leader of ", tablet);
    case plan::Target::FOLLOWER:
      return absl::StrCat("follower ", target.ordinal(), " of ", tablet);
    case plan::Target::MASTER_LEADER:
      return "the master's leader";
    case plan::Target::MASTER_FOLLOWER:
      return absl::StrCat("the master's follower ", target.ordinal());
    default:
      return absl::StrCat("node ", target.node());
  }
}

std::string Seconds(uint64_t us) { return absl::StrCat(static_cast<double>(us) / 1e6, " s"); }

std::string MutationText(const plan::Mutation& mutation) {
  switch (mutation.kind()) {
    case plan::Mutation::PUT:
      return absl::StrCat("put ", Quote(mutation.key()), " = ", Quote(mutation.value()));
    case plan::Mutation::DELETE:
      return absl::StrCat("delete ", Quote(mutation.key()));
    default:
      return absl::StrCat("increment ", Quote(mutation.key()), " by ", mutation.delta());
  }
}

std::string ClientText(const plan::ClientOperation& operation) {
  const std::string where = absl::StrCat(" in table ", operation.table(), " (client ", operation.client(), ")");
  if (operation.has_get()) return absl::StrCat("get ", Quote(operation.get().key()), where);
  if (operation.has_scan()) return absl::StrCat("scan tablet ", operation.scan().tablet(), where);
  std::vector<std::string> parts;
  for (const plan::Mutation& mutation : operation.write().mutations()) parts.push_back(MutationText(mutation));
  const std::string all = absl::StrJoin(parts, ", ");
  return absl::StrCat(parts.size() > 1 ? absl::StrCat("batch {", all, "}") : all, where);
}

std::string SnapshotText(const plan::SnapshotOperation& operation) {
  if (operation.has_create()) {
    return absl::StrCat("create snapshot ", operation.create().snapshot(), " of table ",
                        absl::StrJoin(operation.create().tables(), ", "));
  }
  if (operation.has_restore()) {
    return absl::StrCat("restore snapshot ", operation.restore().snapshot(), " (restoration ",
                        operation.restore().restoration(), ")");
  }
  if (operation.has_delete_()) return absl::StrCat("delete snapshot ", operation.delete_().snapshot());
  return "list snapshots";
}

std::string CrashText(plan::Fault::Crash::Kind kind) {
  return kind == plan::Fault::Crash::POWER_LOSS ? "power loss of " : "crash of ";
}

std::string FaultText(const plan::Fault& fault) {
  const auto until = [](uint64_t us) { return us == 0 ? std::string(" until heal") : " for " + Seconds(us); };
  switch (fault.kind_case()) {
    case plan::Fault::kCrash:
      return absl::StrCat(CrashText(fault.crash().kind()), TargetText(fault.crash().target()),
                          fault.crash().restart_after_us() == 0
                              ? ""
                              : absl::StrCat(", restart after ", Seconds(fault.crash().restart_after_us())));
    case plan::Fault::kCrashAll:
      return absl::StrCat(CrashText(fault.crash_all().kind()), "all nodes",
                          fault.crash_all().restart_after_us() == 0
                              ? ""
                              : absl::StrCat(", restart after ", Seconds(fault.crash_all().restart_after_us())));
    case plan::Fault::kRestart:
      return absl::StrCat("restart of ", TargetText(fault.restart().target()));
    case plan::Fault::kPartition: {
      std::vector<std::string> side;
      for (const plan::Target& target : fault.partition().side()) side.push_back(TargetText(target));
      const char* kind = fault.partition().kind() == plan::Fault::Partition::SPLIT     ? "cut off "
                         : fault.partition().kind() == plan::Fault::Partition::TO_SIDE ? "cut messages to "
                                                                                       : "cut messages from ";
      return absl::StrCat(kind, absl::StrJoin(side, " and "), fault.partition().clients_too() ? ", clients too" : "",
                          until(fault.partition().heal_after_us()));
    }
    case plan::Fault::kWeather:
      return absl::StrCat("weather: loss ", fault.weather().loss_permille(), " permille, duplicates ",
                          fault.weather().duplicate_permille(), " permille, delay times ",
                          fault.weather().delay_factor(), until(fault.weather().heal_after_us()));
    default:
      return "no fault";
  }
}

}  // namespace

std::string StepText(const plan::Step& step) {
  switch (step.action_case()) {
    case plan::Step::kClient:
      return ClientText(step.client());
    case plan::Step::kSnapshot:
      return absl::StrCat(SnapshotText(step.snapshot()), " (client ", step.snapshot().client(), ")");
    case plan::Step::kFault: {
      std::string text = FaultText(step.fault());
      if (step.has_when()) {
        absl::StrAppend(&text, ", at probe ", step.when().probe());
        if (step.when().has_target()) absl::StrAppend(&text, " on ", TargetText(step.when().target()));
        if (step.when().nth() > 1) absl::StrAppend(&text, ", hit ", step.when().nth());
      }
      return text;
    }
    case plan::Step::kMove:
      return step.move().master()
                 ? absl::StrCat("move the master's leader to its follower ", step.move().ordinal())
                 : absl::StrCat("move the leader of tablet ", step.move().tablet(), " of table ", step.move().table(),
                                " to follower ", step.move().ordinal());
    case plan::Step::kMaintenance:
      return absl::StrCat(step.maintenance().kind() == plan::Maintenance::FLUSH ? "flush " : "compact ",
                          TargetText(step.maintenance().target()));
    case plan::Step::kInspect:
      return "inspect replicas and directories";
    default:
      return "nothing";
  }
}

}  // namespace holdfast::run
