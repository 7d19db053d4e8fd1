// Exports and imports: what an operator does with the platform's tools and his own hands. He copies directories out,
// imports by the export's file, and places the directories at every replica, once, when the import is accepted; what he
// can't reach then, and what was damaged, he puts right when all is over. He verifies nothing: the cluster has to.
//
// An import is accepted exactly if it fits; a restore of it, before the tablets have adopted their parts, only if every
// directory is in its place and sound. What it then brings is judged like any restore.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/cluster/plan_shape.h"
#include "harness/cluster/snapshot_copy.h"
#include "harness/plan/keys.h"
#include "harness/run/runner.h"
#include "sut/backup/export_file.h"
#include "sut/backup/import_mapping.h"

namespace holdfast::run {
namespace {

constexpr int64_t kPatientUs = 3'600'000'000;

using Parts = sut::proto::CatalogueCommand::ImportSnapshot;

}  // namespace

// --- Export

void Runner::ExportSnapshot(const plan::TableOperation::Export& wanted, const RunRecorder::Origin& origin,
                            uint64_t identity) {
  plan::SnapshotOperation list;
  list.mutable_list();
  const auto position = recorder_.InvokeCatalogue(origin, list);
  const uint64_t open = Track({"list for an export", origin.step, origin.session});
  sut::proto::Request request;
  request.mutable_list_snapshots();
  Cluster::Call call{origin.session, check::kMasterObject, std::move(request), cluster_->NowUs() + kPatientUs,
                     identity};
  cluster_->Invoke(std::move(call), [this, position, open, wanted](const CallResult& result) {
    recorder_.CompleteCatalogue(position, result);
    open_.erase(open);
    if (result.outcome != CallOutcome::kOk) return;
    const std::vector<uint32_t> complete = CompleteSnapshots();
    if (std::binary_search(complete.begin(), complete.end(), wanted.snapshot())) CopyOut(wanted);
  });
}

void Runner::CopyOut(const plan::TableOperation::Export& wanted) {
  BackupStore::Export exported;
  exported.tables = recorder_.TablesOf(wanted.snapshot());
  sut::proto::SnapshotExport payload;
  payload.set_snapshot(Bytes(ids_.Snapshot(wanted.snapshot())));
  payload.set_state(sut::proto::SnapshotInfo::COMPLETE);
  for (const uint32_t table : exported.tables) {
    const sut::proto::TableInfo info = TableOf(plan_, ids_, table);
    auto* out = payload.add_tables();
    out->set_id(info.id());
    out->set_name(info.name());
    out->mutable_keyspace()->set_name(info.keyspace());
    out->mutable_keyspace()->set_id(sut::UuidBytes(plan_.seed() | 1, 1));  // of which nothing depends here
    for (uint32_t ordinal = 0; ordinal < ids_.tablets_per_table(); ++ordinal) {
      const uint32_t object = table * ids_.tablets_per_table() + ordinal;
      std::optional<SnapshotCopy> copy = CopyTablet(object, wanted.snapshot());
      if (!copy) return timeline_.Add(cluster_->NowUs(), absl::StrCat("  no replica has tablet ", object, " at hand"));
      auto* part = out->add_tablets();
      part->set_id(info.tablets(static_cast<int>(ordinal)).id());
      part->set_hash_begin(info.tablets(static_cast<int>(ordinal)).hash_begin());
      part->set_hash_end(info.tablets(static_cast<int>(ordinal)).hash_end());
      part->mutable_source()->set_snapshot(payload.snapshot());
      part->mutable_source()->set_tablet(part->id());
      *part->mutable_source()->mutable_op() = copy->contents.metadata.op();
      part->mutable_source()->set_rows(copy->contents.rows);
      part->mutable_source()->set_rows_crc32c(copy->contents.rows_crc32c);
      exported.parts.push_back({object, std::move(copy->files), std::move(copy->rows)});
    }
  }
  auto file = sut::EncodeExport(payload);
  if (!file.ok()) return timeline_.Add(cluster_->NowUs(), absl::StrCat("  export: ", file.status().ToString()));
  exported.file = *std::move(file);
  backups_.Put(wanted.number(), exported);
  result_.mutable_counters()->set_exports(result_.counters().exports() + 1);
}

// Off the leader's disk, or another one's that has it: one may be behind, or damaged.
std::optional<SnapshotCopy> Runner::CopyTablet(uint32_t object, uint32_t snapshot) {
  std::vector<uint32_t> nodes = NodesOfObject(plan_, object);
  fault::Target target;
  target.set_role(fault::Target::LEADER);
  target.set_table(ids_.TableOfObject(object));
  target.set_tablet(object % ids_.tablets_per_table());
  const auto leader = cluster_->Resolve(target);
  std::stable_partition(nodes.begin(), nodes.end(), [&](uint32_t node) { return node == leader; });
  for (const uint32_t node : nodes) {
    auto copy = cluster_->CopySnapshot({.node = node, .object = object, .snapshot = snapshot});
    if (copy.ok() && copy->contents.metadata.snapshot() == Bytes(ids_.Snapshot(snapshot)) &&
        copy->contents.metadata.tablet() == Bytes(ids_.Tablet(object))) {
      return *std::move(copy);
    }
    if (!copy.ok() && absl::IsUnimplemented(copy.status())) Take(copy.status());
  }
  return std::nullopt;
}

// --- Import

// As the plan's shape has it, not as the mapping sees it.
bool Runner::ImportFits(const plan::TableOperation::Import& wanted) const {
  const BackupStore::Export& exported = backups_.Sound(wanted.number());
  if (!backups_.FileIsSound(wanted.number())) return false;
  for (size_t i = 0; i < exported.tables.size(); ++i) {
    for (uint32_t ordinal = 0; ordinal < ids_.tablets_per_table(); ++ordinal) {
      const sut::HashRange from = plan::RangeOf(plan_.shape(), exported.tables[i], ordinal);
      const sut::HashRange to = plan::RangeOf(plan_.shape(), wanted.tables(static_cast<int>(i)), ordinal);
      if (from.begin != to.begin || from.end != to.end) return false;
    }
  }
  return true;
}

absl::StatusOr<Parts> Runner::ImportCommand(const plan::TableOperation::Import& wanted) const {
  const auto payload = sut::DecodeExport(backups_.Find(wanted.number())->file);
  if (!payload.ok()) return payload.status();
  if (payload->tables_size() != wanted.tables_size()) return absl::InvalidArgumentError("not as many tables");
  const sut::BugSet bugs = NodeOptionsOf(plan_).value_or(sut::NodeOptions()).bugs;
  Parts command;
  command.set_id(Bytes(ids_.Snapshot(wanted.snapshot())));
  command.set_source(payload->snapshot());
  for (int i = 0; i < payload->tables_size(); ++i) {
    auto mapped = sut::MapTablets(payload->tables(i), TableOf(plan_, ids_, wanted.tables(i)), bugs);
    if (!mapped.ok()) return mapped.status();
    *command.add_tables() = *std::move(mapped);
  }
  return command;
}

void Runner::ImportSnapshot(const plan::TableOperation::Import& wanted, const RunRecorder::Origin& origin,
                            uint64_t identity) {
  if (backups_.Find(wanted.number()) == nullptr) return;
  const std::vector<uint32_t> tables(wanted.tables().begin(), wanted.tables().end());
  const auto position = recorder_.InvokeImport(origin, wanted.snapshot(), tables, ImportFits(wanted));
  auto command = ImportCommand(wanted);
  const std::string text = absl::StrCat("import as snapshot ", wanted.snapshot());
  if (!command.ok()) {
    // The tool refuses it, and asks nobody.
    CallResult refused;
    refused.outcome = CallOutcome::kFail;
    refused.reply.set_code(sut::proto::BAD_REQUEST);
    recorder_.CompleteCatalogue(position, refused);
    return timeline_.Add(cluster_->NowUs(), absl::StrCat("  ", text, " ended: refused: ", command.status().ToString()));
  }
  ImportedSnapshot& imported = imports_[wanted.snapshot()];
  imported.number = wanted.number();
  for (const Parts::Table& table : command->tables()) {
    for (const Parts::Tablet& part : table.tablets()) {
      imported.sources[*ids_.ObjectNumber(*sut::IdFromBytes<sut::TabletId>(part.tablet()))] =
          *ids_.ObjectNumber(*sut::IdFromBytes<sut::TabletId>(part.source().tablet()));
    }
  }
  for (const auto& [object, source] : imported.sources) {
    for (const BackupStore::Part& part : backups_.Sound(wanted.number()).parts) {
      if (part.object == source) recorder_.OnImportContent(object, wanted.snapshot(), part.rows);
    }
  }
  const uint64_t open = Track({text, origin.step, origin.session});
  sut::proto::Request request;
  *request.mutable_catalogue()->mutable_import_snapshot() = *std::move(command);
  Cluster::Call call{origin.session, check::kMasterObject, std::move(request), cluster_->NowUs() + kPatientUs,
                     identity};
  cluster_->Invoke(std::move(call),
                   [this, position, open, text, snapshot = wanted.snapshot()](const CallResult& result) {
                     recorder_.CompleteCatalogue(position, result);
                     timeline_.Add(cluster_->NowUs(), absl::StrCat("  ", text, " ended: ", result.reply.message()));
                     open_.erase(open);
                     if (result.outcome != CallOutcome::kOk) return;
                     result_.mutable_counters()->set_imports(result_.counters().imports() + 1);
                     // What is placed after the delete would be the operator's own left-over.
                     if (!recorder_.IsDeleteAsked(snapshot))
                       PlaceImport(snapshot, *backups_.Find(imports_.at(snapshot).number));
                   });
}

void Runner::PlaceImport(uint32_t snapshot, const BackupStore::Export& from) {
  ImportedSnapshot& imported = imports_.at(snapshot);
  for (const auto& [object, source] : imported.sources) {
    for (size_t i = 0; i < from.parts.size(); ++i) {
      if (from.parts[i].object != source) continue;
      const BackupStore::Part& sound = backups_.Sound(imported.number).parts[i];
      for (const uint32_t node : NodesOfObject(plan_, object)) {
        const bool is_sound = from.parts[i].files == sound.files;
        if (imported.sound.contains({object, node}) || (from.parts[i].files.empty() && !is_sound)) continue;
        const absl::Status placed =
            cluster_->PlaceSnapshot({.node = node, .object = object, .snapshot = snapshot}, from.parts[i].files);
        if (absl::IsUnimplemented(placed)) Take(placed);
        if (is_sound && placed.ok()) imported.sound.insert({object, node});
        if (is_sound && !placed.ok() && !absl::IsFailedPrecondition(placed)) imported.perhaps.insert({object, node});
        if (!placed.ok()) placings_cut_short_.insert({object, node});
        if (!placed.ok()) timeline_.Add(cluster_->NowUs(), absl::StrCat("  not placed: ", placed.ToString()));
      }
    }
  }
}

void Runner::ForgetPlacings(check::Inspection* inspection) const {
  for (check::ReplicaInspection& replica : inspection->replicas) {
    if (!placings_cut_short_.contains({replica.replica.tablet, replica.replica.node})) continue;
    std::erase_if(replica.strays, [](const std::string& name) { return name.ends_with(kPlacingSuffix); });
  }
}

// --- Restores of imports

bool Runner::IsInPlace(uint32_t snapshot) const {
  const auto imported = imports_.find(snapshot);
  if (imported == imports_.end() || imported->second.accepted) return true;  // tablets adopt what they have shown
  return std::all_of(imported->second.sources.begin(), imported->second.sources.end(), [&](const auto& part) {
    const std::vector<uint32_t> nodes = NodesOfObject(plan_, part.first);
    return std::all_of(nodes.begin(), nodes.end(), [&](uint32_t node) {
      return imported->second.sound.contains({part.first, node});
    });
  });
}

bool Runner::MayBeInPlace(uint32_t snapshot) const {
  const auto found = imports_.find(snapshot);
  if (found == imports_.end() || found->second.accepted) return true;
  const ImportedSnapshot& imported = found->second;
  return std::all_of(imported.sources.begin(), imported.sources.end(), [&](const auto& part) {
    const std::vector<uint32_t> nodes = NodesOfObject(plan_, part.first);
    return std::all_of(nodes.begin(), nodes.end(), [&](uint32_t node) {
      const std::pair<uint32_t, uint32_t> place(part.first, node);
      return imported.sound.contains(place) || imported.perhaps.contains(place);
    });
  });
}

void Runner::OnRestoreAnswered(uint32_t snapshot, RunRecorder::Position position, const CallResult& result) {
  const auto imported = imports_.find(snapshot);
  if (imported == imports_.end()) return;
  recorder_.SetFits(position, MayBeInPlace(snapshot));
  if (result.outcome == CallOutcome::kOk) imported->second.accepted = true;
}

bool Runner::AnyDiskDamaged() const {
  for (uint32_t node = 1; node <= plan_.shape().nodes(); ++node) {
    if (cluster_->IsDamaged(node)) return true;
  }
  return false;
}

void Runner::FinishImports() {
  const std::vector<uint32_t> complete = CompleteSnapshots();
  for (auto& [snapshot, imported] : imports_) {
    const bool usable = std::binary_search(complete.begin(), complete.end(), snapshot) && !CoversDroppedTable(snapshot);
    if (stopped() || !usable || imported.accepted) continue;
    const int64_t deadline_us = cluster_->NowUs() + heal_bound_us_;
    if (!IsInPlace(snapshot)) {
      // As it is, it must be refused.
      plan::SnapshotOperation restore;
      restore.mutable_restore()->set_snapshot(snapshot);
      restore.mutable_restore()->set_restoration(NewRestoration());
      ExecuteSnapshot(restore, EpilogueOrigin(), deadline_us, 0);
      if (!WaitForOperations(deadline_us) && !stopped()) JudgeLiveness();
    }
    if (!imported.accepted && backups_.FileIsSound(imported.number)) {
      PlaceImport(snapshot, backups_.Sound(imported.number));
    }
  }
}

}  // namespace holdfast::run
