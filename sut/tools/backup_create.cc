// sut-backup create.

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "sut/server/client_id.h"
#include "sut/storage/layout.h"
#include "sut/tools/backup_commands.h"
#include "sut/tools/backup_files.h"
#include "sut/tools/snapshot_transfer.h"

namespace sut {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTimeoutUs = 60'000'000;
constexpr char kUnfinished[] = ".unfinished";

// What stands behind the name is made beside it, not in it.
std::string WithoutSlashes(std::string directory) {
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  return directory;
}

absl::StatusOr<std::vector<proto::TableInfo>> FindTables(RemoteClient& client, const BackupRequest& request) {
  const auto list = client.ListTables(kTimeoutUs);
  if (!list.ok()) return list.status();
  std::vector<proto::TableInfo> tables;
  for (const std::string& name : request.tables) {
    const auto found = std::find_if(list->tables().begin(), list->tables().end(), [&](const auto& table) {
      return table.keyspace() == request.keyspace && table.name() == name;
    });
    if (found == list->tables().end()) {
      return absl::NotFoundError(
          absl::StrCat("Table with name '", name, "' not found in namespace '", request.keyspace, "'"));
    }
    tables.push_back(*found);
  }
  return tables;
}

// One backup under way.
class Backup {
 public:
  // Made at `directory`; called `name` once it is whole.
  Backup(const BackupWorld& world, std::vector<proto::TableInfo> tables, std::string directory, std::string name)
      : world_(world), tables_(std::move(tables)), directory_(std::move(directory)), name_(std::move(name)) {}

  absl::Status Run() {
    proto::CatalogueCommand change;
    change.mutable_create_snapshot()->set_id(Bytes(snapshot_));
    for (const proto::TableInfo& table : tables_) change.mutable_create_snapshot()->add_tables(table.id());
    if (absl::Status status = world_.client->Change(change, kTimeoutUs); !status.ok()) return status;
    absl::Status status = AwaitSnapshot(*world_.client, snapshot_, proto::SnapshotInfo::COMPLETE);
    if (status.ok()) status = CopyAll();
    if (status.ok()) status = RenameDurably(directory_, name_);
    // It has served its purpose, well or in vain.
    const absl::Status deleted = DeleteSnapshotAndWait(*world_.client, snapshot_);
    if (!status.ok()) return status;
    if (!deleted.ok()) *world_.out << "The snapshot could not be deleted: " << deleted.message() << "\n";
    return absl::OkStatus();
  }

 private:
  absl::Status CopyAll() {
    *world_.out << "Created snapshot " << Hex(snapshot_) << "\n";
    const auto exported = ExportSnapshot(*world_.client, snapshot_);
    if (!exported.ok()) return exported.status();
    for (int i = 0; i < exported->tables_size(); ++i) {
      for (int k = 0; k < exported->tables(i).tablets_size(); ++k) {
        const proto::TableInfo& table = tables_[static_cast<size_t>(i)];
        if (absl::Status status = CopyTablet(table, table.tablets(k), exported->tables(i).tablets(k)); !status.ok()) {
          return status;
        }
      }
    }
    return WriteExportFile(BackupMetaFile(directory_), *exported);
  }

  // From the leader's disk; from another replica's if that fails, which may be behind or damaged.
  absl::Status CopyTablet(const proto::TableInfo& table, const proto::TabletInfo& tablet,
                          const proto::SnapshotExport::Tablet& exported) {
    const auto view = world_.client->View(kTimeoutUs);
    if (!view.ok()) return view.status();
    const auto leader = view->Leader(tablet.id());
    std::vector<NodeId> nodes;
    for (const auto& replica : tablet.replicas()) nodes.push_back(NodeId{replica.node()});
    std::stable_partition(nodes.begin(), nodes.end(), [&](NodeId node) { return node == leader; });
    absl::Status status = absl::InternalError("a tablet without replicas");
    for (const NodeId node : nodes) {
      const ReplicaLayout layout(NodeLayout(world_.data_dir, node), *IdFromBytes<TableId>(table.id()),
                                 *IdFromBytes<TabletId>(tablet.id()));
      const auto copied = CopyVerified({layout.snapshot(snapshot_),
                                        BackupTabletDirectory(directory_, tablet.id()),
                                        {exported.source(), tablet.hash_begin(), tablet.hash_end()}});
      status = copied.status();
      if (!status.ok()) continue;
      *world_.out << absl::StrFormat("Copied tablet %s from node %d%s: %d files, %d bytes, %d rows, checksum %08x\n",
                                     Hex(*IdFromBytes<TabletId>(tablet.id())), node.value,
                                     node == leader ? " (leader)" : "", copied->files, copied->bytes,
                                     exported.source().rows(), exported.source().rows_crc32c());
      return absl::OkStatus();
    }
    return status;
  }

  const BackupWorld& world_;
  const std::vector<proto::TableInfo> tables_;
  const std::string directory_;
  const std::string name_;
  const SnapshotId snapshot_ = RandomId<SnapshotId>();
};

}  // namespace

absl::Status CreateBackup(const BackupWorld& world, const BackupRequest& request) {
  const std::string directory = WithoutSlashes(request.directory);
  if (fs::exists(directory)) return absl::AlreadyExistsError(absl::StrCat(directory, " is there already"));
  auto tables = FindTables(*world.client, request);
  if (!tables.ok()) return tables.status();
  const std::string unfinished = absl::StrCat(directory, kUnfinished);
  std::error_code error;
  fs::remove_all(unfinished, error);
  fs::create_directories(unfinished, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat("can't make ", unfinished, ": ", error.message()));
  const absl::Status status = Backup(world, *std::move(tables), unfinished, directory).Run();
  if (!status.ok()) {
    fs::remove_all(unfinished, error);
    return status;
  }
  *world.out << "Backup is complete: " << directory << "\n";
  return absl::OkStatus();
}

}  // namespace sut
