#include "sut/tools/snapshot_transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "sut/backup/export_file.h"
#include "sut/server/client_id.h"
#include "sut/server/reply_status.h"
#include "sut/storage/directory.h"

namespace sut {
namespace {

constexpr int64_t kTimeoutUs = 60'000'000;
constexpr auto kPollInterval = std::chrono::milliseconds(20);

struct Catalogue {
  proto::Reply::TableList tables;  // those that were dropped as well
  proto::Reply::SnapshotList snapshots;
};

absl::StatusOr<Catalogue> ReadCatalogue(RemoteClient& client) {
  proto::Request request;
  request.mutable_list_tables()->set_dropped(true);
  const CallResult tables = client.Call(client.MasterTarget(), std::move(request), kTimeoutUs);
  if (tables.outcome != Outcome::kOk) return ToAbsl(tables);
  auto snapshots = client.ListSnapshots(kTimeoutUs);
  if (!snapshots.ok()) return snapshots.status();
  return Catalogue{tables.reply.tables(), *std::move(snapshots)};
}

// What the snapshot's directory of a tablet holds, by the word of its leader or, if it does not answer, of another one.
absl::StatusOr<proto::SnapshotSource> SourceOf(RemoteClient& client, const proto::TabletInfo& tablet,
                                               SnapshotId snapshot, std::optional<NodeId> leader) {
  std::vector<NodeId> nodes;
  for (const auto& replica : tablet.replicas()) nodes.push_back(NodeId{replica.node()});
  std::stable_partition(nodes.begin(), nodes.end(), [&](NodeId node) { return node == leader; });
  absl::Status status = absl::InternalError("a tablet without replicas");
  for (const NodeId node : nodes) {
    proto::Request request;
    request.mutable_inspect_snapshot()->set_snapshot(Bytes(snapshot));
    const CallResult result = client.Call({*IdFromBytes<TabletId>(tablet.id()), {node}}, request, kTimeoutUs);
    status = ToAbsl(result);
    if (!status.ok()) continue;
    const auto& inspection = result.reply.inspection();
    proto::SnapshotSource source;
    source.set_snapshot(inspection.metadata().snapshot());
    source.set_tablet(inspection.metadata().tablet());
    *source.mutable_op() = inspection.metadata().op();
    source.set_rows(inspection.rows());
    source.set_rows_crc32c(inspection.rows_crc32c());
    return source;
  }
  return absl::Status(status.code(), absl::StrCat("No replica of tablet ", Hex(*IdFromBytes<TabletId>(tablet.id())),
                                                  " has the snapshot at hand: ", status.message()));
}

absl::StatusOr<proto::SnapshotInfo> FindExportable(const Catalogue& catalogue, SnapshotId id) {
  for (const proto::SnapshotInfo& snapshot : catalogue.snapshots.snapshots()) {
    if (snapshot.id() != Bytes(id)) continue;
    if (snapshot.state() == proto::SnapshotInfo::DELETING) {
      return absl::FailedPreconditionError("The snapshot is being deleted");
    }
    if (snapshot.state() == proto::SnapshotInfo::DELETED) {
      return absl::FailedPreconditionError("The snapshot was deleted");
    }
    if (snapshot.state() != proto::SnapshotInfo::COMPLETE) {
      return absl::FailedPreconditionError(absl::StrCat("The snapshot state is not complete: ", Hex(id)));
    }
    const bool placed = std::any_of(snapshot.tablets().begin(), snapshot.tablets().end(),
                                    [](const auto& tablet) { return tablet.has_source(); });
    if (placed) {
      return absl::FailedPreconditionError(
          absl::StrCat("The snapshot was imported and never restored: ", Hex(id), "; export the one it came from"));
    }
    return snapshot;
  }
  return absl::NotFoundError(absl::StrCat("Could not find snapshot: ", Hex(id)));
}

absl::Status ExportTable(RemoteClient& client, const ClusterView& view, const proto::TableInfo& table, SnapshotId id,
                         proto::SnapshotExport::Table* out) {
  out->set_id(table.id());
  out->set_name(table.name());
  out->mutable_keyspace()->set_id(table.keyspace_id());
  out->mutable_keyspace()->set_name(table.keyspace());
  out->set_schema(table.schema());
  for (const proto::TabletInfo& tablet : table.tablets()) {
    auto source = SourceOf(client, tablet, id, view.Leader(tablet.id()));
    if (!source.ok()) return source.status();
    auto* part = out->add_tablets();
    part->set_id(tablet.id());
    part->set_hash_begin(tablet.hash_begin());
    part->set_hash_end(tablet.hash_end());
    *part->mutable_source() = *std::move(source);
  }
  return absl::OkStatus();
}

// One import under way: what it found, and what it has made.
class Import {
 public:
  Import(RemoteClient& client, const proto::SnapshotExport& exported, const std::vector<TableName>& names)
      : client_(client), exported_(exported), names_(names) {}

  absl::StatusOr<ImportedSnapshot> Run() {
    absl::Status status = AwaitTargets(/*all=*/false);
    if (status.ok()) status = MakeMissing();
    if (status.ok()) status = Commit();
    if (status.ok()) return std::move(result_);
    Undo();
    return status;
  }

 private:
  absl::Status ChooseTargets() {
    std::set<std::pair<std::string, std::string>> seen;
    for (int i = 0; i < exported_.tables_size(); ++i) {
      const TableName& name = names_[static_cast<size_t>(i)];
      if (!seen.emplace(name.keyspace, name.name).second) {
        return absl::FailedPreconditionError(
            absl::StrCat("Two tables can't be imported into ", name.keyspace, ".", name.name));
      }
      auto target = ChooseTarget(exported_.tables(i), name, known_.tables());
      if (!target.ok()) return target.status();
      targets_.push_back(*target);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> KeyspaceFor(const std::string& name) {
    for (const auto& keyspace : known_.keyspaces()) {
      if (keyspace.name() == name) return keyspace.id();
    }
    proto::KeyspaceInfo keyspace;
    keyspace.set_id(Bytes(RandomId<KeyspaceId>()));
    keyspace.set_name(name);
    proto::CatalogueCommand change;
    *change.mutable_create_keyspace()->mutable_keyspace() = keyspace;
    if (absl::Status status = client_.Change(std::move(change), kTimeoutUs); !status.ok()) return status;
    *known_.add_keyspaces() = keyspace;
    keyspaces_made_.push_back(keyspace.id());
    return keyspace.id();
  }

  absl::Status MakeMissing() {
    for (int i = 0; i < exported_.tables_size(); ++i) {
      if (targets_[static_cast<size_t>(i)] != nullptr) continue;
      NewTable wanted;
      wanted.name = names_[static_cast<size_t>(i)];
      auto keyspace = KeyspaceFor(wanted.name.keyspace);
      if (!keyspace.ok()) return keyspace.status();
      wanted.keyspace_id = *std::move(keyspace);
      for (const auto& [node, address] : client_.addresses()) wanted.nodes.push_back(node);
      wanted.replicas = client_.MasterTarget().replicas.size();  // the cluster's replication factor
      wanted.new_id = [] { return Bytes(RandomId<TableId>()); };
      proto::CatalogueCommand change;
      proto::TableInfo* table = change.mutable_create_table()->mutable_table();
      *table = TableLike(exported_.tables(i), wanted);
      const TableId id = *IdFromBytes<TableId>(table->id());
      result_.created.push_back(id);  // also if nobody says what became of it
      if (absl::Status status = client_.Change(change, kTimeoutUs); !status.ok()) return status;
    }
    return AwaitTargets(/*all=*/true);
  }

  // Looks for the tables until those that are there run: a client may write to one that is still being created. `all`:
  // until none is missing either.
  absl::Status AwaitTargets(bool all) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::microseconds(kTimeoutUs);
    for (;;) {
      auto tables = client_.ListTables(kTimeoutUs);
      if (!tables.ok()) return tables.status();
      known_ = *std::move(tables);
      targets_.clear();
      const absl::Status status = ChooseTargets();
      const bool missing = std::count(targets_.begin(), targets_.end(), nullptr) > 0;
      if (status.ok() && !(all && missing)) return status;
      if (!status.ok() && !absl::IsUnavailable(status)) return status;
      if (std::chrono::steady_clock::now() > give_up) {
        return status.ok() ? absl::NotFoundError("A table that was made is gone") : status;
      }
      std::this_thread::sleep_for(kPollInterval);
    }
  }

  absl::Status Commit() {
    result_.id = RandomId<SnapshotId>();
    proto::CatalogueCommand change;
    auto* import = change.mutable_import_snapshot();
    import->set_id(Bytes(result_.id));
    import->set_source(exported_.snapshot());
    for (int i = 0; i < exported_.tables_size(); ++i) {
      const proto::TableInfo& target = *targets_[static_cast<size_t>(i)];
      auto mapped = MapTablets(exported_.tables(i), target);
      if (!mapped.ok()) return mapped.status();
      *import->add_tables() = *mapped;
      result_.tables.push_back({target, *std::move(mapped)});
    }
    asked_ = true;
    return client_.Change(std::move(change), kTimeoutUs);
  }

  // As far as it can be done: the reason for it is what the caller is told. A request that nobody answered may have had
  // its effect: what was asked for is undone, whether it is known to be there or not.
  void Undo() {
    if (asked_) {
      proto::CatalogueCommand change;
      change.mutable_delete_snapshot()->set_id(Bytes(result_.id));
      client_.Change(std::move(change), kTimeoutUs).IgnoreError();
    }
    for (const TableId table : result_.created) {
      proto::CatalogueCommand change;
      change.mutable_drop_table()->set_table(Bytes(table));
      client_.Change(std::move(change), kTimeoutUs).IgnoreError();
    }
    for (const std::string& keyspace : keyspaces_made_) {
      proto::CatalogueCommand change;
      change.mutable_drop_keyspace()->set_id(keyspace);
      client_.Change(std::move(change), kTimeoutUs).IgnoreError();
    }
  }

  RemoteClient& client_;
  const proto::SnapshotExport& exported_;
  const std::vector<TableName>& names_;
  proto::Reply::TableList known_;
  std::vector<const proto::TableInfo*> targets_;  // into known_; null: still to be made
  std::vector<std::string> keyspaces_made_;
  bool asked_ = false;  // for the import
  ImportedSnapshot result_;
};

absl::Status Failed(const std::string& what, const std::string& file) {
  return absl::FailedPreconditionError(absl::StrCat("can't ", what, " ", file, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<proto::SnapshotExport> ExportSnapshot(RemoteClient& client, SnapshotId id) {
  const auto catalogue = ReadCatalogue(client);
  if (!catalogue.ok()) return catalogue.status();
  const auto snapshot = FindExportable(*catalogue, id);
  if (!snapshot.ok()) return snapshot.status();
  const auto view = client.View(kTimeoutUs);
  if (!view.ok()) return view.status();
  proto::SnapshotExport exported;
  exported.set_snapshot(Bytes(id));
  exported.set_state(snapshot->state());
  for (const std::string& table : snapshot->tables()) {
    const auto& tables = catalogue->tables.tables();
    const auto found = std::find_if(tables.begin(), tables.end(), [&](const auto& one) { return one.id() == table; });
    if (found == tables.end()) return absl::NotFoundError("A table of the snapshot is gone");
    if (absl::Status status = ExportTable(client, *view, *found, id, exported.add_tables()); !status.ok()) {
      return status;
    }
  }
  return exported;
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) return Failed("write", to);
  StorageSeam disk;
  disk.env = rocksdb::Env::Default();
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(to, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat("can't write ", to, ": ", error.message()));
  return SyncDirectory(disk, whole.parent_path().string());
}

absl::Status WriteExportFile(const std::string& file, const proto::SnapshotExport& exported) {
  const auto bytes = EncodeExport(exported);
  if (!bytes.ok()) return bytes.status();
  const std::string tmp = absl::StrCat(file, ".tmp");
  const int out = open(tmp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (out < 0) return Failed("write", tmp);
  const bool written =
      write(out, bytes->data(), bytes->size()) == static_cast<ssize_t>(bytes->size()) && fsync(out) == 0;
  absl::Status status = written ? absl::OkStatus() : Failed("write", tmp);
  close(out);
  if (status.ok()) status = RenameDurably(tmp, file);
  if (!status.ok()) std::remove(tmp.c_str());
  return status;
}

absl::StatusOr<proto::SnapshotExport> ReadExportFile(const std::string& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return Failed("read", file);
  const auto size = in.tellg();
  if (size < 0) return Failed("read", file);
  if (static_cast<size_t>(size) > kExportBytesMax)
    return absl::DataLossError(absl::StrCat(file, ": it is not a snapshot file"));
  std::string bytes(static_cast<size_t>(size), '\0');
  in.seekg(0);
  if (!in.read(bytes.data(), size)) return Failed("read", file);
  auto exported = DecodeExport(bytes);
  if (exported.ok()) return exported;
  return absl::Status(exported.status().code(), absl::StrCat(file, ": ", exported.status().message()));
}

absl::StatusOr<ImportedSnapshot> ImportSnapshot(RemoteClient& client, const proto::SnapshotExport& exported,
                                                const std::vector<TableName>& names) {
  return Import(client, exported, names).Run();
}

std::vector<TableName> NamesIn(const proto::SnapshotExport& exported) {
  std::vector<TableName> names;
  for (const auto& table : exported.tables()) names.push_back({table.keyspace().name(), table.name()});
  return names;
}

}  // namespace sut
