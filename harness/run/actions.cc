// How each step of a plan is carried out; faults are in fault_actions.cc. What a step can't do at its moment (no
// leader, node already down) it leaves undone: a plan stays meaningful when steps before it are removed.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/check/ending.h"
#include "harness/check/scan_shape.h"
#include "harness/cluster/plan_shape.h"
#include "harness/history/history.h"
#include "harness/plan/keys.h"
#include "harness/plan/step_text.h"
#include "harness/run/runner.h"
#include "sut/base/prng.h"
#include "sut/tablet/partition.h"

namespace holdfast::run {
namespace {

// One client operation in so many gives up early: it stays indeterminate until its session is fenced.
constexpr uint64_t kGivesUpOneIn = 24;
constexpr int64_t kImpatientUs = 700'000;
constexpr int64_t kPatientUs = 3'600'000'000;

sut::proto::Request RequestOf(const plan::ClientOperation& operation) {
  sut::proto::Request request;
  if (operation.has_get()) {
    request.mutable_get()->set_key(operation.get().key());
  } else if (operation.has_scan()) {
    request.mutable_scan();
  } else {
    for (const plan::Mutation& mutation : operation.write().mutations()) {
      sut::proto::Mutation* out = request.mutable_write()->add_mutations();
      out->set_kind(static_cast<sut::proto::Mutation::Kind>(mutation.kind()));
      out->set_key(mutation.key());
      out->set_value(mutation.value());
      out->set_delta(mutation.delta());
    }
  }
  return request;
}

sut::proto::Request RequestOf(const plan::SnapshotOperation& operation, const PlanIds& ids) {
  sut::proto::Request request;
  if (operation.has_create()) {
    auto* create = request.mutable_catalogue()->mutable_create_snapshot();
    create->set_id(Bytes(ids.Snapshot(operation.create().snapshot())));
    for (const uint32_t table : operation.create().tables()) create->add_tables(Bytes(ids.Table(table)));
  } else if (operation.has_restore()) {
    auto* restore = request.mutable_catalogue()->mutable_restore_snapshot();
    restore->set_snapshot(Bytes(ids.Snapshot(operation.restore().snapshot())));
    restore->set_restoration(Bytes(ids.Restoration(operation.restore().restoration())));
  } else if (operation.has_delete_()) {
    request.mutable_catalogue()->mutable_delete_snapshot()->set_id(Bytes(ids.Snapshot(operation.delete_().snapshot())));
  } else {
    request.mutable_list_snapshots();
  }
  return request;
}

check::Ending::Reason ReasonOf(sut::proto::Code code) {
  using Reason = check::Ending::Reason;
  switch (code) {
    case sut::proto::OK:
      return Reason::kNone;
    case sut::proto::WRONG_TYPE:
      return Reason::kWrongType;
    case sut::proto::TABLET_GONE:
      return Reason::kTabletGone;
    case sut::proto::SESSION_CLOSED:
      return Reason::kSessionClosed;
    case sut::proto::STALE_REQUEST:
      return Reason::kStale;
    case sut::proto::NOT_LEADER:
    case sut::proto::UNAVAILABLE:
    case sut::proto::NOT_HOSTED:
    case sut::proto::INDETERMINATE:
    case sut::proto::SCAN_EXPIRED:
      return Reason::kTryAgain;
    default:
      return Reason::kNotOfRows;
  }
}

check::Ending EndingOf(const plan::ClientOperation& operation, const CallResult& result) {
  using Outcome = check::Ending::Outcome;
  check::Ending ending;
  ending.outcome = result.outcome == CallOutcome::kOk     ? Outcome::kOk
                   : result.outcome == CallOutcome::kFail ? Outcome::kFail
                                                          : Outcome::kInDoubt;
  ending.reason = ReasonOf(result.reply.code());
  ending.is_write = operation.has_write();
  for (const plan::Mutation& mutation : operation.write().mutations()) {
    if (mutation.kind() == plan::Mutation::INCREMENT) ++ending.increments;
  }
  ending.answers = static_cast<size_t>(result.reply.write().counters_size());
  return ending;
}

// Pages are put together in the order in which a tablet keeps its rows.
check::ScanOrder ScanOrderOf(const plan::Shape& shape, uint32_t object) {
  const uint32_t tablets = shape.tablets_per_table();
  return {
      .before = [](const std::string& a, const std::string& b) { return sut::RowStoreKey(a) < sut::RowStoreKey(b); },
      .owns =
          [shape, tablets, object](const std::string& key) {
            return plan::TabletOfKey(key, shape, object / tablets) == object % tablets;
          }};
}

std::string OutcomeText(const CallResult& result) {
  if (result.outcome == CallOutcome::kOk) return "ok";
  if (result.outcome == CallOutcome::kIndeterminate) return "indeterminate";
  return absl::StrCat("refused: ", result.reply.message());
}

}  // namespace

uint64_t Runner::Track(Open open) {
  open_.emplace(++last_open_, std::move(open));
  return last_open_;
}

uint32_t Runner::ObjectOf(uint32_t table, const std::string& key) const {
  return table * ids_.tablets_per_table() + plan::TabletOfKey(key, plan_.shape(), table);
}

void Runner::Execute(const plan::Step& step, uint32_t number) {
  result_.mutable_counters()->set_steps(result_.counters().steps() + 1);
  // A crash strikes in the middle of what hits the probe, which only the cluster can do.
  const bool waits = step.has_when() && !step.fault().has_crash();
  if (timeline_.enabled()) {
    timeline_.Add(cluster_->NowUs(), absl::StrCat("step ", number, waits ? " waits: " : ": ", plan::StepText(step)));
  }
  waits ? ArmTrigger(step, number) : CarryOut(step, number);
}

void Runner::CarryOut(const plan::Step& step, uint32_t number) {
  switch (step.action_case()) {
    case plan::Step::kClient:
      return ExecuteClient(step, number);
    case plan::Step::kSnapshot:
      return ExecuteSnapshot(step.snapshot(), {step.snapshot().client(), number}, cluster_->NowUs() + kPatientUs,
                             step.salt());
    case plan::Step::kFault:
      return ExecuteFault(step, number);
    case plan::Step::kMove:
      return ExecuteMove(step.move(), number);
    case plan::Step::kMaintenance:
      return ExecuteMaintenance(step.maintenance(), number);
    case plan::Step::kMembership:
      return ExecuteMembership(step, number);
    case plan::Step::kTable:
      return ExecuteTable(step, number);
    case plan::Step::kInspect:
      return Inspect(absl::StrCat("plan step ", number));
    default:
      return;
  }
}

void Runner::ExecuteClient(const plan::Step& step, uint32_t number) {
  const plan::ClientOperation& operation = step.client();
  uint32_t object = 0;
  if (operation.has_scan()) {
    object = operation.table() * ids_.tablets_per_table() + operation.scan().tablet();
  } else if (operation.has_get()) {
    object = ObjectOf(operation.table(), operation.get().key());
  } else {
    object = ObjectOf(operation.table(), operation.write().mutations(0).key());
  }
  const bool impatient = sut::Mix({step.salt(), 1}) % kGivesUpOneIn == 0;
  const RunRecorder::Origin origin{operation.client(), number};
  const auto position = recorder_.InvokeClient(origin, object, operation);
  const uint64_t open = Track({plan::StepText(step), number, origin.session});
  const int64_t deadline_us = cluster_->NowUs() + (impatient ? kImpatientUs : kPatientUs);
  Cluster::Call call{origin.session, object, RequestOf(operation), deadline_us, step.salt()};
  const uint64_t sequence = cluster_->Invoke(std::move(call), [this, operation, position, open, object,
                                                               impatient](const CallResult& result) {
    recorder_.CompleteClient(position, result);
    JudgeEnding(open_.at(open), object, operation, impatient, result);
    if (timeline_.enabled()) {
      timeline_.Add(cluster_->NowUs(), absl::StrCat("  step ", open_.at(open).step, " ended: ", OutcomeText(result)));
    }
    open_.erase(open);
  });
  recorder_.OnSent(position, sequence);
  if (const auto sent = open_.find(open); sent != open_.end()) sent->second.sequence = sequence;
}

void Runner::JudgeEnding(const Open& call, uint32_t object, const plan::ClientOperation& operation, bool impatient,
                         const CallResult& result) {
  JudgeScan(object, call.step, result);
  Counters* counters = result_.mutable_counters();
  const uint32_t session = call.session + 1;  // as the ledger counts them
  switch (result.outcome) {
    case CallOutcome::kOk:
      counters->set_operations_ok(counters->operations_ok() + 1);
      if (!result.reply.has_write()) break;
      judge_.ledger().Acknowledged(object, {result.reply.op().term(), result.reply.op().index()}, session,
                                   result.reply.id().sequence());
      break;
    case CallOutcome::kFail:
      counters->set_operations_failed(counters->operations_failed() + 1);
      if (operation.has_write() && call.sequence != 0) judge_.ledger().Refused(object, session, call.sequence);
      break;
    case CallOutcome::kIndeterminate:
      counters->set_operations_indeterminate(counters->operations_indeterminate() + 1);
      break;
  }
  check::Ending ending = EndingOf(operation, result);
  ending.time_is_over = impatient || stopped();
  ending.table_dropped =
      ending.reason == check::Ending::Reason::kTabletGone && TablesDroppedBy(plan_).contains(operation.table());
  const std::string reply = absl::StrCat(sut::proto::Code_Name(result.reply.code()), " ", result.reply.message());
  if (auto violation = check::CheckEnding(call.text, ending, reply)) Violate(*violation);
}

void Runner::JudgeScan(uint32_t object, uint32_t step, const CallResult& result) {
  if (result.outcome != CallOutcome::kOk || result.rows.empty()) return;
  std::vector<std::pair<std::string, std::string>> rows;
  for (const sut::proto::Row& row : result.rows) rows.emplace_back(row.key(), row.value());
  const std::string what = absl::StrCat("a scan of tablet ", object, ", plan step ", step, ",");
  if (auto violation = check::CheckScanShape(what, rows, ScanOrderOf(plan_.shape(), object))) Violate(*violation);
}

void Runner::ExecuteSnapshot(const plan::SnapshotOperation& operation, const RunRecorder::Origin& origin,
                             int64_t deadline_us, uint64_t identity) {
  const auto position = recorder_.InvokeCatalogue(origin, operation);
  Counters* counters = result_.mutable_counters();
  if (operation.has_create()) counters->set_snapshots_asked(counters->snapshots_asked() + 1);
  plan::Step step;
  *step.mutable_snapshot() = operation;
  const std::string text = plan::StepText(step);
  const uint64_t open = Track({text, origin.step, origin.session});
  Cluster::Call call{origin.session, check::kMasterObject, RequestOf(operation, ids_), deadline_us, identity};
  std::optional<uint32_t> restored;
  if (operation.has_restore()) restored = operation.restore().snapshot();
  cluster_->Invoke(std::move(call), [this, position, open, text, restored](const CallResult& result) {
    recorder_.CompleteCatalogue(position, result);
    if (restored) OnRestoreAnswered(*restored, position, result);
    if (timeline_.enabled())
      timeline_.Add(cluster_->NowUs(), absl::StrCat("  ", text, " ended: ", OutcomeText(result)));
    open_.erase(open);
  });
}

// --- Moves and maintenance -------------------------------------------------------------------------------------------

void Runner::ExecuteMove(const plan::LeaderMove& move, uint32_t) {
  fault::Target leader;
  leader.set_role(move.master() ? fault::Target::MASTER_LEADER : fault::Target::LEADER);
  leader.set_table(move.table());
  leader.set_tablet(move.tablet());
  fault::Target follower = leader;
  follower.set_role(move.master() ? fault::Target::MASTER_FOLLOWER : fault::Target::FOLLOWER);
  follower.set_ordinal(move.ordinal());
  const auto from = cluster_->Resolve(leader);
  const auto to = cluster_->Resolve(follower);
  if (!from || !to || *from == *to) return;
  result_.mutable_counters()->set_leader_moves(result_.counters().leader_moves() + 1);
  sut::proto::Maintenance maintenance;
  maintenance.set_kind(sut::proto::Maintenance::TRANSFER_LEADER);
  maintenance.set_target_node(*to);
  const uint32_t object =
      move.master() ? check::kMasterObject : move.table() * ids_.tablets_per_table() + move.tablet();
  cluster_->Maintain(*from, object, maintenance);
}

void Runner::ExecuteMaintenance(const plan::Maintenance& maintenance, uint32_t) {
  const auto node = cluster_->Resolve(maintenance.target());
  if (!node) return;
  sut::proto::Maintenance request;
  request.set_kind(maintenance.kind() == plan::Maintenance::FLUSH ? sut::proto::Maintenance::FLUSH
                                                                  : sut::proto::Maintenance::COMPACT);
  const uint32_t object = maintenance.target().table() * ids_.tablets_per_table() + maintenance.target().tablet();
  cluster_->Maintain(*node, object, request);
}

}  // namespace holdfast::run
