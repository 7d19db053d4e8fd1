// Steps on whole tables, and what a run owes of a table that was dropped: it is closed, it goes once no snapshot needs
// it any more, and what is asked of it afterwards is refused. Nothing else is owed of it.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/plan/step_text.h"
#include "harness/run/runner.h"

namespace holdfast::run {
namespace {

constexpr int64_t kPollUs = 50'000;
constexpr int64_t kPatientUs = 3'600'000'000;

}  // namespace

void Runner::ExecuteTable(const plan::Step& step, uint32_t number) {
  const plan::TableOperation& operation = step.table();
  const RunRecorder::Origin origin{operation.client(), number};
  switch (operation.op_case()) {
    case plan::TableOperation::kDrop:
      return DropTable(operation.drop().table(), origin, step.salt());
    case plan::TableOperation::kExportSnapshot:
      return ExportSnapshot(operation.export_snapshot(), origin, step.salt());
    case plan::TableOperation::kImportSnapshot:
      return ImportSnapshot(operation.import_snapshot(), origin, step.salt());
    case plan::TableOperation::kDamage:
      return backups_.Damage(operation.damage(), step.salt());
    default:
      return;
  }
}

void Runner::DropTable(uint32_t table, const RunRecorder::Origin& origin, uint64_t identity) {
  const auto position = recorder_.InvokeDropTable(origin, table);
  const std::string text = absl::StrCat("drop table ", table);
  const uint64_t open = Track({text, origin.step, origin.session});
  sut::proto::Request request;
  request.mutable_catalogue()->mutable_drop_table()->set_table(Bytes(ids_.Table(table)));
  Cluster::Call call{origin.session, check::kMasterObject, std::move(request), cluster_->NowUs() + kPatientUs,
                     identity};
  cluster_->Invoke(std::move(call), [this, position, open, text](const CallResult& result) {
    recorder_.CompleteCatalogue(position, result);
    if (timeline_.enabled()) {
      const char* how = result.outcome == CallOutcome::kOk     ? "ok"
                        : result.outcome == CallOutcome::kFail ? "refused: "
                                                               : "indeterminate";
      timeline_.Add(cluster_->NowUs(), absl::StrCat("  ", text, " ended: ", how, result.reply.message()));
    }
    open_.erase(open);
  });
}

bool Runner::ListTables(int64_t deadline_us) {
  const auto position = recorder_.InvokeListTables(EpilogueOrigin());
  const uint64_t open = Track({"list tables", 0, epilogue_session()});
  sut::proto::Request request;
  request.mutable_list_tables()->set_dropped(true);
  Cluster::Call call{epilogue_session(), check::kMasterObject, std::move(request), deadline_us, 0};
  cluster_->Invoke(std::move(call), [this, position, open](const CallResult& result) {
    recorder_.CompleteCatalogue(position, result);
    open_.erase(open);
  });
  return WaitForOperations(deadline_us);
}

bool Runner::WaitForTables(int64_t deadline_us) {
  if (!recorder_.asked_to_drop()) return true;
  while (!stopped()) {
    if (!ListTables(deadline_us)) return false;
    const auto ended = [this](const auto& listed) {
      return listed.state == check::TableState::kRunning ||
             (listed.state == check::TableState::kHidden && IsKept(listed.number));
    };
    if (std::all_of(recorder_.tables().begin(), recorder_.tables().end(), ended)) return true;
    if (cluster_->NowUs() >= deadline_us) return false;
    PassUntil(cluster_->NowUs() + kPollUs, nullptr);
  }
  return false;
}

bool Runner::IsKept(uint32_t table) const {
  // A node with a damaged disk may never say that it has removed its replica.
  if (AnyDiskDamaged()) return true;
  return std::any_of(recorder_.snapshots().begin(), recorder_.snapshots().end(), [&](const auto& listed) {
    if (listed.state == check::CatalogueState::kDeleted || listed.state == check::CatalogueState::kFailed) return false;
    const std::vector<uint32_t>& tables = recorder_.TablesOf(listed.number);
    return std::find(tables.begin(), tables.end(), table) != tables.end();
  });
}

void Runner::FillDroppedTables(check::LivenessInput* input) const {
  for (const auto& listed : recorder_.tables()) {
    if (listed.state != check::TableState::kRunning) {
      input->tables.push_back({listed.number, listed.state, IsKept(listed.number)});
    }
  }
}

bool Runner::CoversDroppedTable(uint32_t snapshot) const {
  const std::vector<uint32_t>& tables = recorder_.TablesOf(snapshot);
  return std::any_of(tables.begin(), tables.end(), [this](uint32_t table) { return recorder_.IsDropped(table); });
}

void Runner::AskOfDroppedTables() {
  const int64_t deadline_us = cluster_->NowUs() + heal_bound_us_;
  std::vector<uint32_t> dropped;
  for (uint32_t table = 0; table < plan_.shape().tables(); ++table) {
    if (recorder_.IsDropped(table)) dropped.push_back(table);
  }
  if (dropped.empty()) return;
  ScanTables(dropped, deadline_us);
  for (const uint32_t snapshot : CompleteSnapshots()) {
    if (stopped() || !CoversDroppedTable(snapshot)) continue;
    plan::SnapshotOperation restore;
    restore.mutable_restore()->set_snapshot(snapshot);
    restore.mutable_restore()->set_restoration(NewRestoration());
    ExecuteSnapshot(restore, EpilogueOrigin(), deadline_us, 0);
    if (!WaitForOperations(deadline_us) && !stopped()) JudgeLiveness();
  }
}

}  // namespace holdfast::run
