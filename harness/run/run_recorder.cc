#include "harness/run/run_recorder.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "harness/cluster/ledger_entry.h"
#include "harness/cluster/plan_shape.h"
#include "harness/plan/keys.h"
#include "sut/proto/catalogue.pb.h"

namespace holdfast::run {
namespace {

using check::CatalogueOperation;
using check::CatalogueState;
using check::RefusalReason;
using history::Kind;

Kind KindOf(plan::Mutation::Kind kind) {
  switch (kind) {
    case plan::Mutation::PUT:
      return Kind::kPut;
    case plan::Mutation::DELETE:
      return Kind::kDelete;
    default:
      return Kind::kIncrement;
  }
}

history::OpId Hint(const sut::proto::OpId& op) {
  if (op.index() == 0) return {};
  return {static_cast<int64_t>(op.index()), static_cast<uint32_t>(op.term()), 0};
}

history::OpId Hint(const check::LogPosition& op) {
  return {static_cast<int64_t>(op.index), static_cast<uint32_t>(op.term), 0};
}

RefusalReason ReasonOf(sut::proto::Code code) {
  switch (code) {
    case sut::proto::NOT_FOUND:
      return RefusalReason::kNotFound;
    case sut::proto::ALREADY_EXISTS:
      return RefusalReason::kAlreadyExists;
    case sut::proto::SNAPSHOT_NOT_COMPLETE:
      return RefusalReason::kNotComplete;
    case sut::proto::SNAPSHOT_BEING_DELETED:
      return RefusalReason::kBeingDeleted;
    case sut::proto::SNAPSHOT_DELETED:
      return RefusalReason::kDeleted;
    case sut::proto::RESTORATION_RUNNING:
      return RefusalReason::kRestorationRunning;
    default:
      return RefusalReason::kOther;
  }
}

CatalogueState StateOf(sut::proto::SnapshotInfo::State state) {
  switch (state) {
    case sut::proto::SnapshotInfo::COMPLETE:
      return CatalogueState::kComplete;
    case sut::proto::SnapshotInfo::FAILED:
      return CatalogueState::kFailed;
    case sut::proto::SnapshotInfo::DELETING:
      return CatalogueState::kDeleting;
    case sut::proto::SnapshotInfo::DELETED:
      return CatalogueState::kDeleted;
    default:
      return CatalogueState::kCreating;
  }
}

std::vector<std::pair<std::string, std::string>> Pairs(const std::vector<sut::proto::Row>& rows) {
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(rows.size());
  for (const sut::proto::Row& row : rows) pairs.emplace_back(row.key(), row.value());
  return pairs;
}

const std::vector<std::string>& EpilogueKeys() {
  static const auto* const kKeys = [] {
    auto* keys = new std::vector<std::string>;
    for (uint64_t i = 0; i < kEpilogueKeys; ++i) keys->push_back(EpilogueKey(i));
    return keys;
  }();
  return *kKeys;
}

// Every key that a run can ever put into a tablet. Good as long as the plan is.
std::set<std::string_view> KeysOfTablet(const plan::Plan& plan, uint32_t object) {
  const uint32_t tablets = plan.shape().tablets_per_table();
  std::set<std::string_view> keys;
  const auto add = [&](std::string_view key) {
    if (plan::TabletOfKey(key, plan.shape(), object / tablets) == object % tablets) keys.insert(key);
  };
  for (const plan::Step& step : plan.steps()) {
    for (const plan::Mutation& mutation : step.client().write().mutations()) add(mutation.key());
  }
  for (const std::string& key : EpilogueKeys()) add(key);
  return keys;
}

// Reads the listed ids as numbers of the plan; an id that the plan never made becomes kUnknownNumber.
void FillList(const sut::proto::Reply::SnapshotList& list, const PlanIds& ids, CatalogueOperation* operation) {
  const auto snapshot_number = [&ids](const std::string& bytes) {
    const auto id = sut::IdFromBytes<sut::SnapshotId>(bytes);
    return id.ok() ? ids.SnapshotNumber(*id).value_or(kUnknownNumber) : kUnknownNumber;
  };
  for (const sut::proto::SnapshotInfo& info : list.snapshots()) {
    CatalogueOperation::Listed listed;
    listed.number = snapshot_number(info.id());
    listed.state = StateOf(info.state());
    operation->snapshots.push_back(listed);
  }
  for (const sut::proto::RestorationInfo& info : list.restorations()) {
    const auto id = sut::IdFromBytes<sut::RestorationId>(info.id());
    CatalogueOperation::Listed listed;
    listed.number = id.ok() ? ids.RestorationNumber(*id).value_or(kUnknownNumber) : kUnknownNumber;
    const bool restored = info.state() == sut::proto::RestorationInfo::RESTORED;
    listed.state = restored ? CatalogueState::kRestored : CatalogueState::kRestoring;
    listed.snapshot = snapshot_number(info.snapshot());
    operation->restorations.push_back(listed);
  }
}

}  // namespace

RunRecorder::RunRecorder(const plan::Plan& plan, const PlanIds& ids)
    : plan_(plan), ids_(ids), dropped_by_plan_(TablesDroppedBy(plan)) {
  for (const plan::Step& step : plan.steps()) {
    if (step.table().has_import_snapshot()) {
      const auto& import = step.table().import_snapshot();
      tables_[import.snapshot()].assign(import.tables().begin(), import.tables().end());
    }
    if (!step.snapshot().has_create()) continue;
    const auto& create = step.snapshot().create();
    tables_[create.snapshot()].assign(create.tables().begin(), create.tables().end());
  }
}

std::string RunRecorder::SnapshotKey(uint32_t snapshot) const { return absl::StrCat("s", snapshot); }

RunRecorder::Position RunRecorder::InvokeClient(const Origin& origin, uint32_t object,
                                                const plan::ClientOperation& operation) {
  history::Call call;
  call.object = object;
  call.process = origin.session;
  call.step = origin.step;
  if (operation.has_get()) {
    call.kind = Kind::kGet;
    call.key = operation.get().key();
  } else if (operation.has_scan()) {
    call.kind = Kind::kScan;
  } else if (operation.write().mutations_size() == 1) {
    const plan::Mutation& mutation = operation.write().mutations(0);
    call.kind = KindOf(mutation.kind());
    call.key = mutation.key();
    call.value = mutation.value();
    call.delta = mutation.delta();
  } else {
    call.kind = Kind::kBatch;
    for (const plan::Mutation& mutation : operation.write().mutations()) {
      call.batch.push_back({KindOf(mutation.kind()), mutation.key(), mutation.value(), mutation.delta()});
    }
  }
  return recorder_.Invoke(call);
}

void RunRecorder::OnSent(Position position, uint64_t sequence) {
  const history::Operation& operation = recorder_.history().operations[position];
  sent_[{operation.object, operation.process, sequence}] = position;
}

void RunRecorder::CompleteClient(Position position, const CallResult& result) {
  const history::Operation operation = recorder_.history().operations[position];
  if (result.outcome == CallOutcome::kFail) {
    recorder_.Fail(position, result.reply.message());
    return NoteTableUse(position, result);
  }
  if (result.outcome == CallOutcome::kIndeterminate) {
    recorder_.Indeterminate(position);
    indeterminate_.push_back({operation.process, operation.object, position});
    return;
  }
  history::Reply reply;
  reply.hint = Hint(result.reply.op());
  std::string number;
  if (operation.kind == Kind::kGet) {
    reply.absent = !result.reply.get().found();
    if (!reply.absent) reply.value = result.reply.get().value();
  } else if (operation.kind == Kind::kScan) {
    reply.rows = Pairs(result.rows);
  } else if (operation.kind == Kind::kIncrement && result.reply.write().counters_size() == 1) {
    number = absl::StrCat(result.reply.write().counters(0));
    reply.value = number;
  } else if (operation.kind == Kind::kBatch) {
    for (const int64_t counter : result.reply.write().counters()) reply.numbers.push_back(absl::StrCat(counter));
  }
  recorder_.Ok(position, reply);
  NoteTableUse(position, result);
}

std::vector<RunRecorder::Part> RunRecorder::InvokeParts(const Origin& origin, Kind kind, uint32_t snapshot) {
  std::vector<Part> parts;
  const std::string key = SnapshotKey(snapshot);
  for (const uint32_t table : tables_.at(snapshot)) {
    for (uint32_t ordinal = 0; ordinal < ids_.tablets_per_table(); ++ordinal) {
      history::Call call;
      call.kind = kind;
      call.object = table * ids_.tablets_per_table() + ordinal;
      call.process = origin.session;
      call.step = origin.step;
      call.group = origin.step;
      call.key = key;
      if (kind == Kind::kRestore) TakeImported(call.object, snapshot, &call);
      parts.push_back({call.object, recorder_.Invoke(call), false});
    }
  }
  return parts;
}

// On the tablet's own history an import's snapshot does not stand: its restore is a batch that makes the rows what they
// were in the export.
void RunRecorder::TakeImported(uint32_t object, uint32_t snapshot, history::Call* call) const {
  const auto content = contents_.find({object, snapshot});
  if (!imports_.contains(snapshot) || content == contents_.end()) return;
  call->kind = Kind::kBatch;
  call->key = {};
  std::set<std::string_view> others = KeysOfTablet(plan_, object);
  for (const auto& [key, value] : content->second) {
    call->batch.push_back({Kind::kPut, key, value, 0});
    others.erase(key);
  }
  for (const std::string_view key : others) call->batch.push_back({Kind::kDelete, key, "", 0});
}

void RunRecorder::EndParts(std::vector<Part>* parts, bool took_effect) {
  for (Part& part : *parts) {
    if (part.ended) continue;
    part.ended = true;
    if (took_effect) {
      recorder_.Ok(part.position, {});
    } else {
      recorder_.Fail(part.position);
    }
  }
}

RunRecorder::Position RunRecorder::InvokeCatalogue(const Origin& origin, const plan::SnapshotOperation& operation) {
  CatalogueOperation record;
  record.process = origin.session;
  record.step = origin.step;
  record.invoke = recorder_.NextEvent();
  const Position position = catalogue_.size();
  if (operation.has_create()) {
    record.kind = CatalogueOperation::Kind::kCreate;
    record.snapshot = operation.create().snapshot();
    record.tables = tables_.at(record.snapshot);
    creates_[record.snapshot] = InvokeParts(origin, Kind::kSnapshot, record.snapshot);
  } else if (operation.has_restore()) {
    record.kind = CatalogueOperation::Kind::kRestore;
    record.snapshot = operation.restore().snapshot();
    record.restoration = operation.restore().restoration();
    snapshot_of_[record.restoration] = record.snapshot;
    restores_[record.restoration] = InvokeParts(origin, Kind::kRestore, record.snapshot);
  } else if (operation.has_delete_()) {
    record.kind = CatalogueOperation::Kind::kDelete;
    record.snapshot = operation.delete_().snapshot();
    // Several deletes of one snapshot may be asked for: which of them takes effect is not known until they are
    // answered.
    auto& calls = deletes_[record.snapshot];
    calls.push_back(imports_.contains(record.snapshot) ? std::vector<Part>()
                                                       : InvokeParts(origin, Kind::kDrop, record.snapshot));
    pending_deletes_[position] = &calls.back();
  }
  catalogue_.push_back(std::move(record));
  return position;
}

void RunRecorder::CompleteCatalogue(Position position, const CallResult& result) {
  CatalogueOperation& record = catalogue_[position];
  if (record.kind == CatalogueOperation::Kind::kDropTable && result.outcome == CallOutcome::kFail) {
    // Of two drops one is refused, and the other one counts.
    if (--drops_open_[record.table] == 0) dropped_.erase(record.table);
  }
  if (result.outcome == CallOutcome::kIndeterminate) {
    indeterminate_catalogue_.emplace_back(record.process, position);
    return;
  }
  record.complete = recorder_.NextEvent();
  record.log_index = result.reply.op().index();
  const bool refused = result.outcome == CallOutcome::kFail;
  record.outcome = refused ? history::Outcome::kFail : history::Outcome::kOk;
  if (refused) record.refusal = ReasonOf(result.reply.code());
  switch (record.kind) {
    case CatalogueOperation::Kind::kCreate:
      if (refused) EndParts(&creates_.at(record.snapshot), false);
      return;
    case CatalogueOperation::Kind::kRestore:
      if (refused) {
        EndParts(&restores_.at(record.restoration), false);
      } else {
        OnComplete(record.snapshot);  // no other is accepted
      }
      return;
    case CatalogueOperation::Kind::kDelete:
      if (refused) EndParts(pending_deletes_.at(position), false);
      return;
    case CatalogueOperation::Kind::kList:
      if (!refused) {
        FillList(result.reply.snapshots(), ids_, &record);
        OnList(record);
      }
      return;
    case CatalogueOperation::Kind::kListTables:
      if (!refused) OnListTables(result.reply.tables(), &record);
      return;
    case CatalogueOperation::Kind::kImport:
    case CatalogueOperation::Kind::kDropTable:
      return;
  }
}

void RunRecorder::CloseParts(std::vector<Part>* parts) {
  for (Part& part : *parts) {
    if (part.ended) continue;
    part.ended = true;
    recorder_.Indeterminate(part.position);
    recorder_.CloseWindow(part.position);
  }
}

void RunRecorder::OnComplete(uint32_t snapshot) {
  const auto create = creates_.find(snapshot);
  if (create == creates_.end()) return;
  complete_.insert(snapshot);
  EndParts(&create->second, true);
}

void RunRecorder::OnList(const CatalogueOperation& list) {
  listed_snapshots_ = list.snapshots;
  listed_restorations_ = list.restorations;
  for (const auto& listed : list.snapshots) {
    const auto create = creates_.find(listed.number);
    if (create == creates_.end()) continue;
    if (listed.state == CatalogueState::kComplete) OnComplete(listed.number);
    // On each tablet at most once, and not from here on.
    if (listed.state == CatalogueState::kFailed) CloseParts(&create->second);
    if (listed.state == CatalogueState::kDeleted) {
      const auto calls = deletes_.find(listed.number);
      if (calls == deletes_.end()) continue;
      // Of the deletes that were not refused one took effect; a single one is known to.
      size_t open = 0;
      for (const auto& parts : calls->second) open += !parts.empty() && !parts[0].ended;
      for (auto& parts : calls->second) {
        if (open != 1 || parts.empty() || parts[0].ended) continue;
        // Of a snapshot that was never COMPLETE there may have been nothing to drop.
        if (complete_.contains(listed.number)) {
          EndParts(&parts, true);
        } else {
          CloseParts(&parts);
        }
      }
    }
  }
  for (const auto& listed : list.restorations) {
    if (listed.state != CatalogueState::kRestored) continue;
    const auto restore = restores_.find(listed.number);
    if (restore == restores_.end()) continue;
    restored_.insert(listed.number);
    EndParts(&restore->second, true);
  }
}

std::set<std::pair<uint32_t, uint32_t>> RunRecorder::NeedFence() const {
  std::set<std::pair<uint32_t, uint32_t>> need;
  for (const Indeterminate& one : indeterminate_) need.emplace(one.session, one.object);
  for (const auto& [session, position] : indeterminate_catalogue_) need.emplace(session, check::kMasterObject);
  return need;
}

void RunRecorder::Fenced(uint32_t session, uint32_t object) {
  std::erase_if(indeterminate_, [&](const Indeterminate& one) {
    if (one.session != session || one.object != object) return false;
    recorder_.CloseWindow(one.position);
    return true;
  });
  if (object != check::kMasterObject) return;
  std::erase_if(indeterminate_catalogue_, [&](const std::pair<uint32_t, Position>& one) {
    if (one.first != session) return false;
    catalogue_[one.second].complete = recorder_.NextEvent();
    return true;
  });
}

void RunRecorder::OnEntry(uint32_t object, const check::LedgerEntry& entry) {
  // The first entry is the one that counts: later ones with the same id have no effect.
  switch (entry.kind) {
    case check::LedgerEntry::Kind::kWrite:
      // Sessions count from 1 in the ledger.
      if (const auto sent = sent_.find({object, entry.client - 1, entry.sequence}); sent != sent_.end()) {
        write_places_.try_emplace(sent->second, Hint(entry.op));
      }
      return;
    case check::LedgerEntry::Kind::kCreateSnapshot:
      create_places_.try_emplace({object, entry.snapshot}, Hint(entry.op));
      return;
    case check::LedgerEntry::Kind::kRestore:
      restore_places_.try_emplace({object, entry.restoration}, Hint(entry.op));
      return;
    case check::LedgerEntry::Kind::kDropSnapshot:
      drop_places_.try_emplace({object, entry.snapshot}, Hint(entry.op));
      return;
    default:
      return;
  }
}

void RunRecorder::OnDirectory(uint32_t object, const check::SnapshotOnDisk& directory) {
  // What lies there of an import may be anything.
  if (directory.snapshot && directory.error.empty() && !imports_.contains(*directory.snapshot))
    contents_.try_emplace({object, *directory.snapshot}, directory.rows);
}

history::History RunRecorder::Finish(const TookEffect& took_effect) {
  const auto fill = [this](const std::vector<Part>& parts, uint32_t snapshot, const auto& places, uint32_t number,
                           bool with_rows) {
    for (const Part& part : parts) {
      if (const auto place = places.find({part.object, number}); place != places.end()) {
        recorder_.SetHint(part.position, place->second);
      }
      const auto content = contents_.find({part.object, snapshot});
      if (with_rows && content != contents_.end() && !imports_.contains(snapshot)) {
        recorder_.SetRows(part.position, {content->second.begin(), content->second.end()});
      }
    }
  };
  for (const auto& [position, place] : write_places_) {
    const history::Operation& op = recorder_.history().operations[position];
    // Behind a later request of its session, a fence or the closing of its tablet it had no effect.
    if (op.indeterminate() && took_effect(op.object, static_cast<uint64_t>(place.index))) {
      recorder_.SetHint(position, place);
    }
  }
  for (const auto& [snapshot, parts] : creates_) fill(parts, snapshot, create_places_, snapshot, true);
  for (const auto& [restoration, parts] : restores_) {
    fill(parts, snapshot_of_.at(restoration), restore_places_, restoration, true);
  }
  for (const auto& [snapshot, calls] : deletes_) {
    for (const auto& parts : calls) fill(parts, snapshot, drop_places_, snapshot, false);
  }
  return recorder_.TakeHistory();
}

}  // namespace holdfast::run
