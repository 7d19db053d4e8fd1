// What a run asks and hears of whole tables.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/check/catalogue_tracks.h"
#include "harness/run/run_recorder.h"

namespace holdfast::run {
namespace {

using check::CatalogueOperation;
using check::TableState;

TableState StateOf(const sut::proto::TableInfo& table) {
  switch (table.state()) {
    case sut::proto::TableInfo::DROPPING:
      return TableState::kDropping;
    case sut::proto::TableInfo::HIDDEN:
      return TableState::kHidden;
    default:
      return TableState::kRunning;
  }
}

}  // namespace

RunRecorder::Position RunRecorder::InvokeDropTable(const Origin& origin, uint32_t table) {
  CatalogueOperation record;
  record.kind = CatalogueOperation::Kind::kDropTable;
  record.process = origin.session;
  record.step = origin.step;
  record.table = table;
  record.invoke = recorder_.NextEvent();
  ++drops_open_[table];
  dropped_.insert(table);
  catalogue_.push_back(std::move(record));
  return catalogue_.size() - 1;
}

RunRecorder::Position RunRecorder::InvokeListTables(const Origin& origin) {
  CatalogueOperation record;
  record.kind = CatalogueOperation::Kind::kListTables;
  record.process = origin.session;
  record.step = origin.step;
  record.invoke = recorder_.NextEvent();
  catalogue_.push_back(std::move(record));
  return catalogue_.size() - 1;
}

RunRecorder::Position RunRecorder::InvokeImport(const Origin& origin, uint32_t snapshot, std::vector<uint32_t> tables,
                                                bool fits) {
  CatalogueOperation record;
  record.kind = CatalogueOperation::Kind::kImport;
  record.process = origin.session;
  record.step = origin.step;
  record.snapshot = snapshot;
  record.tables = std::move(tables);
  record.fits = fits;
  record.invoke = recorder_.NextEvent();
  imports_.insert(snapshot);
  catalogue_.push_back(std::move(record));
  return catalogue_.size() - 1;
}

bool RunRecorder::IsDeleteAsked(uint32_t snapshot) const {
  return std::any_of(catalogue_.begin(), catalogue_.end(), [snapshot](const CatalogueOperation& op) {
    return op.kind == CatalogueOperation::Kind::kDelete && op.snapshot == snapshot &&
           op.outcome != history::Outcome::kFail;
  });
}

std::string RunRecorder::RefusalOf(uint32_t restoration) const {
  for (const CatalogueOperation& op : catalogue_) {
    if (op.kind == CatalogueOperation::Kind::kRestore && op.restoration == restoration &&
        op.outcome == history::Outcome::kFail) {
      return check::OperationText(op);
    }
  }
  return "";
}

void RunRecorder::OnListTables(const sut::proto::Reply::TableList& list, CatalogueOperation* record) {
  for (const sut::proto::TableInfo& table : list.tables()) {
    const auto id = sut::IdFromBytes<sut::TableId>(table.id());
    const auto number = id.ok() ? ids_.TableNumber(*id) : std::nullopt;
    if (number) record->listed_tables.push_back({*number, StateOf(table)});
  }
  listed_tables_ = record->listed_tables;
}

bool RunRecorder::IsDropped(uint32_t table) const {
  if (!dropped_.contains(table)) return false;
  const auto listed = std::find_if(listed_tables_.begin(), listed_tables_.end(),
                                   [table](const auto& one) { return one.number == table; });
  return listed == listed_tables_.end() || listed->state != TableState::kRunning;
}

void RunRecorder::NoteTableUse(Position position, const CallResult& result) {
  const bool gone = result.reply.code() == sut::proto::TABLET_GONE;
  const history::Operation& operation = recorder_.history().operations[position];
  const uint32_t table = ids_.TableOfObject(operation.object);
  const bool ok = result.outcome == CallOutcome::kOk;
  if (!(ok && dropped_by_plan_.contains(table)) && !gone) return;
  table_uses_.push_back({.table = table,
                         .invoke = operation.invoke,
                         .complete = operation.complete,
                         .ok = ok,
                         .text = absl::StrCat("client ", operation.process, ", plan step ", operation.step,
                                              ", on tablet ", operation.object)});
}

}  // namespace holdfast::run
