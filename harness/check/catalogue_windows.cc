#include <algorithm>

#include "harness/check/catalogue.h"

namespace holdfast::check {
namespace {

using history::Outcome;

void SetMin(int64_t* event, int64_t candidate) { *event = std::min(*event, candidate); }

// Creates and restores that may have taken effect open the windows; everything else only narrows them.
void OpenWindows(const CatalogueHistory& history, CatalogueWindows* windows) {
  for (const CatalogueOperation& op : history) {
    if (op.outcome == Outcome::kFail) continue;
    if (op.kind == CatalogueOperation::Kind::kCreate || op.kind == CatalogueOperation::Kind::kImport) {
      const auto [at, inserted] = windows->snapshots.try_emplace(op.snapshot);
      if (inserted) at->second.tables = op.tables;
      if (inserted) at->second.step = op.step;
      SetMin(&at->second.create_invoke, op.invoke);
      if (op.outcome == Outcome::kOk) SetMin(&at->second.create_ok, op.complete);
      if (op.kind == CatalogueOperation::Kind::kCreate) continue;
      at->second.imported = true;
      if (op.outcome == Outcome::kOk) SetMin(&at->second.complete_seen, op.complete);
    } else if (op.kind == CatalogueOperation::Kind::kRestore) {
      const auto [at, inserted] = windows->restorations.try_emplace(op.restoration);
      if (inserted) at->second.snapshot = op.snapshot;
      if (inserted) at->second.step = op.step;
      SetMin(&at->second.invoke, op.invoke);
      if (op.outcome == Outcome::kOk) SetMin(&at->second.accepted, op.complete);
    } else if (op.kind == CatalogueOperation::Kind::kDropTable) {
      TableWindow& window = windows->tables[op.table];
      SetMin(&window.drop_invoke, op.invoke);
      if (op.outcome == Outcome::kOk) SetMin(&window.drop_ok, op.complete);
    }
  }
}

void ReadList(const CatalogueOperation& op, CatalogueWindows* windows) {
  for (const CatalogueOperation::Listed& listed : op.snapshots) {
    const auto at = windows->snapshots.find(listed.number);
    if (at == windows->snapshots.end()) continue;
    SnapshotWindow& window = at->second;
    if (listed.state == CatalogueState::kComplete) SetMin(&window.complete_seen, op.complete);
    if (listed.state == CatalogueState::kFailed) SetMin(&window.failed_seen, op.complete);
    if (listed.state == CatalogueState::kDeleting) SetMin(&window.deleting_seen, op.complete);
    if (listed.state == CatalogueState::kDeleted) {
      SetMin(&window.deleting_seen, op.complete);
      SetMin(&window.deleted_seen, op.complete);
    }
  }
  for (const CatalogueOperation::Listed& listed : op.restorations) {
    const auto at = windows->restorations.find(listed.number);
    if (at == windows->restorations.end()) continue;
    if (listed.state == CatalogueState::kRestored) SetMin(&at->second.restored_seen, op.complete);
    if (listed.state == CatalogueState::kFailed) SetMin(&at->second.failed_seen, op.complete);
  }
}

void ReadTables(const CatalogueOperation& op, CatalogueWindows* windows) {
  for (auto& [table, window] : windows->tables) {
    const auto listed = std::find_if(op.listed_tables.begin(), op.listed_tables.end(),
                                     [table = table](const auto& one) { return one.number == table; });
    if (listed == op.listed_tables.end()) SetMin(&window.gone_seen, op.complete);
    if (listed == op.listed_tables.end() || listed->state == TableState::kHidden) {
      SetMin(&window.hidden_seen, op.complete);
    }
  }
}

}  // namespace

CatalogueWindows WindowsOf(const CatalogueHistory& history) {
  CatalogueWindows windows;
  OpenWindows(history, &windows);
  for (const CatalogueOperation& op : history) {
    if (op.outcome == Outcome::kFail) continue;
    const auto snapshot = windows.snapshots.find(op.snapshot);
    const bool known = snapshot != windows.snapshots.end();
    const bool ok = op.outcome == Outcome::kOk;
    if (op.kind == CatalogueOperation::Kind::kRestore && ok && known) {
      SetMin(&snapshot->second.complete_seen, op.complete);
    } else if (op.kind == CatalogueOperation::Kind::kDelete && known) {
      SetMin(&snapshot->second.delete_invoke, op.invoke);
      if (ok) SetMin(&snapshot->second.deleting_seen, op.complete);
    } else if (op.kind == CatalogueOperation::Kind::kList && ok) {
      ReadList(op, &windows);
    } else if (op.kind == CatalogueOperation::Kind::kListTables && ok) {
      ReadTables(op, &windows);
    }
  }
  for (auto& [number, restoration] : windows.restorations) {
    const auto snapshot = windows.snapshots.find(restoration.snapshot);
    if (snapshot != windows.snapshots.end()) restoration.tables = snapshot->second.tables;
  }
  return windows;
}

}  // namespace holdfast::check
