#include "sut/backup/import_mapping.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sut {

absl::StatusOr<const proto::TableInfo*> ChooseTarget(
    const proto::SnapshotExport::Table& exported, const TableName& wanted,
    const google::protobuf::RepeatedPtrField<proto::TableInfo>& tables) {
  for (const proto::TableInfo& table : tables) {
    if (table.keyspace() != wanted.keyspace || table.name() != wanted.name) continue;
    if (table.state() != proto::TableInfo::RUNNING) {
      return absl::UnavailableError(
          absl::StrCat("Table ", wanted.keyspace, ".", wanted.name, " is still being created"));
    }
    if (auto mapped = MapTablets(exported, table); !mapped.ok()) return mapped.status();
    return &table;
  }
  return nullptr;
}

absl::StatusOr<proto::CatalogueCommand::ImportSnapshot::Table> MapTablets(const proto::SnapshotExport::Table& exported,
                                                                          const proto::TableInfo& target, BugSet bugs) {
  if (target.tablets_size() != exported.tablets_size()) {
    return absl::FailedPreconditionError(absl::StrCat("Wrong number of tablets in created table ", target.keyspace(),
                                                      ".", target.name(), ": ", target.tablets_size(), " (expected ",
                                                      exported.tablets_size(), ")"));
  }
  proto::CatalogueCommand::ImportSnapshot::Table mapped;
  mapped.set_table(target.id());
  for (const proto::TabletInfo& tablet : target.tablets()) {
    const bool by_position = bugs.has(Bug::kImportPairsByPosition);
    const auto source = by_position
                            ? exported.tablets().begin() + mapped.tablets_size()
                            : std::find_if(exported.tablets().begin(), exported.tablets().end(), [&](const auto& one) {
                                return one.hash_begin() == tablet.hash_begin() && one.hash_end() == tablet.hash_end();
                              });
    if (source == exported.tablets().end()) {
      return absl::FailedPreconditionError(absl::StrCat("The partitions of table ", target.keyspace(), ".",
                                                        target.name(), " are not those of the snapshot"));
    }
    auto* part = mapped.add_tablets();
    part->set_tablet(tablet.id());
    part->set_hash_begin(tablet.hash_begin());
    part->set_hash_end(tablet.hash_end());
    *part->mutable_source() = source->source();
  }
  return mapped;
}

proto::TableInfo TableLike(const proto::SnapshotExport::Table& exported, const NewTable& wanted) {
  proto::TableInfo table;
  table.set_id(wanted.new_id());
  table.set_keyspace(wanted.name.keyspace);
  table.set_keyspace_id(wanted.keyspace_id);
  table.set_name(wanted.name.name);
  table.set_schema(exported.schema());
  const size_t replicas = std::min(wanted.replicas, wanted.nodes.size());
  for (int i = 0; i < exported.tablets_size(); ++i) {
    proto::TabletInfo* tablet = table.add_tablets();
    tablet->set_id(wanted.new_id());
    tablet->set_hash_begin(exported.tablets(i).hash_begin());
    tablet->set_hash_end(exported.tablets(i).hash_end());
    for (size_t k = 0; k < replicas; ++k) {
      const NodeId node = wanted.nodes[(static_cast<size_t>(i) + k) % wanted.nodes.size()];
      proto::ReplicaInfo* replica = tablet->add_replicas();
      replica->set_replica(node.value);
      replica->set_node(node.value);
    }
  }
  return table;
}

}  // namespace sut
