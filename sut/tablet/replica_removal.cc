#include "sut/tablet/replica_removal.h"

#include <string>
#include <utility>

#include "sut/storage/directory.h"
#include "sut/storage/layout.h"

namespace sut {
namespace {

proto::ReplicaRecord RecordOf(const RemovedReplica& removed) {
  proto::ReplicaRecord record;
  record.set_table(Bytes(removed.table));
  record.set_tablet(Bytes(removed.tablet));
  record.set_replica(removed.replica.value);
  record.set_removed(true);
  record.set_lives_on(removed.tablet_lives_on);
  return record;
}

// Everything of the replica, then the table's directory if it was the last one.
absl::Status RemoveDirectories(const ReplicaContext& context, TableId table, TabletId tablet) {
  const StorageSeam& storage = context.seams->storage;
  const NodeLayout& node = *context.layout;
  const ReplicaLayout layout(node, table, tablet);
  for (const std::string& path : {layout.live(), layout.snapshots(), layout.incoming(), layout.outgoing()}) {
    if (path == layout.snapshots() && context.options->bugs.has(Bug::kDroppedTableKeepsSnapshots)) continue;
    if (absl::Status status = RemoveTree(storage, path); !status.ok()) return status;
  }
  auto others = ListDirectory(storage, node.table(table));
  if (!others.ok()) return others.status();
  return others->empty() ? RemoveTree(storage, node.table(table)) : absl::OkStatus();
}

}  // namespace

std::vector<Step> RemovalSteps(const ReplicaContext& context, const RemovedReplica& removed,
                               std::shared_ptr<TabletStore> store) {
  const auto held = std::make_shared<std::shared_ptr<TabletStore>>(std::move(store));
  return {
      [context, removed] {
        absl::Status status =
            context.log_store->PutReplica(RecordOf(removed), LogStore::LogReset{.start = {}, .forget_promises = true});
        if (status.ok()) context.seams->probes->Hit(Probe::kRemovalJournaled, removed.tablet);
        return status;
      },
      [held]() -> absl::Status {
        held->reset();  // closes it
        return absl::OkStatus();
      },
      [context, removed] {
        absl::Status status = RemoveDirectories(context, removed.table, removed.tablet);
        if (status.ok()) context.seams->probes->Hit(Probe::kRemovalFinished, removed.tablet);
        return status;
      },
  };
}

absl::Status FinishRemoval(const ReplicaContext& context, const proto::ReplicaRecord& record) {
  const auto table = IdFromBytes<TableId>(record.table());
  const auto tablet = IdFromBytes<TabletId>(record.tablet());
  if (!table.ok() || !tablet.ok()) return absl::DataLossError("a replica's journal record has no valid ids");
  return RemoveDirectories(context, *table, *tablet);
}

}  // namespace sut
