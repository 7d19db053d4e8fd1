// sut-backup restore.

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sut/server/client_id.h"
#include "sut/storage/layout.h"
#include "sut/tools/backup_commands.h"
#include "sut/tools/backup_files.h"
#include "sut/tools/export_commands.h"
#include "sut/tools/snapshot_transfer.h"

namespace sut {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTimeoutUs = 60'000'000;

absl::StatusOr<std::vector<TableName>> TargetNames(const proto::SnapshotExport& exported,
                                                   const std::optional<TableName>& as) {
  if (!as) return NamesIn(exported);
  if (exported.tables_size() != 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("The backup has ", exported.tables_size(), " tables; only one can be given another name"));
  }
  return std::vector<TableName>{*as};
}

// One restoration of a backup under way.
class Restoration {
 public:
  Restoration(const BackupWorld& world, const std::string& directory, const ImportedSnapshot& imported)
      : world_(world), directory_(directory), imported_(imported) {}

  absl::Status Run() {
    absl::Status status = PlaceAll();
    if (status.ok()) status = Restore();
    if (status.ok()) return DeleteSnapshotAndWait(*world_.client, imported_.id);
    Undo();
    return status;
  }

 private:
  absl::Status PlaceAll() {
    for (const ImportedTable& table : imported_.tables) {
      for (int i = 0; i < table.mapping.tablets_size(); ++i) {
        for (const auto& replica : table.table.tablets(i).replicas()) {
          const absl::Status status = Place(table.table, table.mapping.tablets(i), NodeId{replica.node()});
          if (!status.ok()) return status;
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status Place(const proto::TableInfo& table, const proto::CatalogueCommand::ImportSnapshot::Tablet& tablet,
                     NodeId node) {
    const ReplicaLayout layout(NodeLayout(world_.data_dir, node), *IdFromBytes<TableId>(table.id()),
                               *IdFromBytes<TabletId>(tablet.tablet()));
    if (!fs::exists(layout.live())) {
      return absl::NotFoundError(absl::StrCat("node ", node.value, " has no directory ", layout.live()));
    }
    const auto copied = CopyVerified({BackupTabletDirectory(directory_, tablet.source().tablet()),
                                      layout.snapshot(imported_.id),
                                      {tablet.source(), tablet.hash_begin(), tablet.hash_end()}});
    if (!copied.ok()) return copied.status();
    *world_.out << absl::StrFormat("Placed tablet %s at node %d: %d files, %d bytes, %d rows, checksum %08x\n",
                                   absl::BytesToHexString(tablet.tablet()), node.value, copied->files, copied->bytes,
                                   tablet.source().rows(), tablet.source().rows_crc32c());
    return absl::OkStatus();
  }

  absl::Status Restore() {
    const auto restoration = RandomId<RestorationId>();
    proto::CatalogueCommand change;
    change.mutable_restore_snapshot()->set_snapshot(Bytes(imported_.id));
    change.mutable_restore_snapshot()->set_restoration(Bytes(restoration));
    if (absl::Status status = world_.client->Change(change, kTimeoutUs); !status.ok()) return status;
    *world_.out << "Restoring\n";
    return AwaitRestored(*world_.client, restoration);
  }

  // With the snapshot go the directories that were placed for it. As far as it can be done.
  void Undo() {
    DeleteSnapshotAndWait(*world_.client, imported_.id).IgnoreError();
    for (const TableId table : imported_.created) {
      proto::CatalogueCommand change;
      change.mutable_drop_table()->set_table(Bytes(table));
      world_.client->Change(change, kTimeoutUs).IgnoreError();
    }
  }

  const BackupWorld& world_;
  const std::string& directory_;
  const ImportedSnapshot& imported_;
};

}  // namespace

absl::Status RestoreBackup(const BackupWorld& world, const RestoreRequest& request) {
  const auto exported = ReadBackup(request.directory);
  if (!exported.ok()) return exported.status();
  const auto names = TargetNames(*exported, request.as);
  if (!names.ok()) return names.status();
  *world.out << "Verified " << request.directory << "\n";
  const auto imported = ImportSnapshot(*world.client, *exported, *names);
  if (!imported.ok()) return imported.status();
  PrintMapping(*exported, *imported, *world.out);
  if (absl::Status status = Restoration(world, request.directory, *imported).Run(); !status.ok()) return status;
  for (const TableName& name : *names) *world.out << "Restored " << name.keyspace << "." << name.name << "\n";
  return absl::OkStatus();
}

}  // namespace sut
