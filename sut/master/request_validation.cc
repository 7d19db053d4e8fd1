#include "sut/master/request_validation.h"

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "sut/base/ids.h"
#include "sut/tablet/partition.h"

namespace sut {
namespace {

constexpr size_t kNameBytesMax = 256;
constexpr size_t kSchemaBytesMax = 64 << 10;
// Each replica of a tablet holds files open, and a node that can't open them all does not start again.
constexpr int kTabletsMax = 64;

absl::Status ValidateId(const char* what, const std::string& bytes) {
  const auto id = ParseUuidBytes(bytes);
  if (!id.ok()) return absl::InvalidArgumentError(absl::StrCat("Malformed ", what, " id: ", id.status().message()));
  if (id->first == 0 && id->second == 0) return absl::InvalidArgumentError(absl::StrCat("The ", what, " id is nil"));
  return absl::OkStatus();
}

absl::Status ValidateName(const std::string& name) {
  if (name.empty()) return absl::InvalidArgumentError("A name is empty");
  if (name.size() > kNameBytesMax) return absl::InvalidArgumentError("A name is too long");
  return absl::OkStatus();
}

absl::Status ValidateReplicas(const proto::TabletInfo& tablet) {
  std::set<uint64_t> replicas;
  std::set<uint32_t> nodes;
  for (const auto& replica : tablet.replicas()) {
    if (replica.replica() == 0 || replica.node() == 0) return absl::InvalidArgumentError("A replica or node id is 0");
    if (!replicas.insert(replica.replica()).second || !nodes.insert(replica.node()).second) {
      return absl::InvalidArgumentError("A tablet names a replica or a node twice");
    }
    if (replica.role() != proto::ReplicaInfo::VOTER) return absl::InvalidArgumentError("A replica is no voter");
  }
  if (replicas.empty()) return absl::InvalidArgumentError("A tablet has no replica");
  return absl::OkStatus();
}

absl::Status ValidateTablets(const proto::TableInfo& table) {
  if (table.tablets_size() > kTabletsMax) {
    return absl::InvalidArgumentError(absl::StrCat("A table has at most ", kTabletsMax, " tablets"));
  }
  uint32_t covered = 0;
  std::set<std::string> ids;
  for (const auto& tablet : table.tablets()) {
    if (const absl::Status status = ValidateId("tablet", tablet.id()); !status.ok()) return status;
    if (tablet.id() == Bytes(kMasterTablet)) return absl::InvalidArgumentError("The tablet id is the master's");
    if (!ids.insert(tablet.id()).second) return absl::InvalidArgumentError("A tablet is named twice");
    if (tablet.hash_begin() != covered || tablet.hash_end() <= covered || tablet.hash_end() > kHashSpace) {
      return absl::InvalidArgumentError("The tablets do not cover the hash space in order");
    }
    covered = tablet.hash_end();
    if (tablet.closed()) return absl::InvalidArgumentError("A tablet of a new table is closed");
    if (tablet.membership_version() != 0 || tablet.last_replica() != 0) {
      return absl::InvalidArgumentError("The replicas of a new table have a past");
    }
    if (const absl::Status status = ValidateReplicas(tablet); !status.ok()) return status;
  }
  if (covered != kHashSpace) return absl::InvalidArgumentError("The tablets do not cover the hash space");
  return absl::OkStatus();
}

absl::Status ValidateKeyspace(const proto::KeyspaceInfo& keyspace) {
  if (const absl::Status status = ValidateId("keyspace", keyspace.id()); !status.ok()) return status;
  return ValidateName(keyspace.name());
}

absl::Status ValidateTable(const proto::TableInfo& table) {
  if (const absl::Status status = ValidateId("table", table.id()); !status.ok()) return status;
  if (const absl::Status status = ValidateName(table.keyspace()); !status.ok()) return status;
  if (const absl::Status status = ValidateName(table.name()); !status.ok()) return status;
  if (!table.keyspace_id().empty()) {
    if (const absl::Status status = ValidateId("keyspace", table.keyspace_id()); !status.ok()) return status;
  }
  if (table.schema().size() > kSchemaBytesMax) return absl::InvalidArgumentError("The schema is too large");
  if (table.state() != proto::TableInfo::CREATING) return absl::InvalidArgumentError("A new table is not CREATING");
  return ValidateTablets(table);
}

absl::Status ValidateCreateSnapshot(const proto::CatalogueCommand::CreateSnapshot& change) {
  if (const absl::Status status = ValidateId("snapshot", change.id()); !status.ok()) return status;
  if (change.tables().empty()) return absl::InvalidArgumentError("A snapshot of no table");
  std::set<std::string> tables;
  for (const std::string& id : change.tables()) {
    if (const absl::Status status = ValidateId("table", id); !status.ok()) return status;
    if (!tables.insert(id).second) return absl::InvalidArgumentError("A table is named twice");
  }
  return absl::OkStatus();
}

absl::Status ValidateImportedTable(const proto::CatalogueCommand::ImportSnapshot::Table& table,
                                   const std::string& source) {
  if (const absl::Status status = ValidateId("table", table.table()); !status.ok()) return status;
  uint32_t covered = 0;
  for (const auto& tablet : table.tablets()) {
    if (const absl::Status status = ValidateId("tablet", tablet.tablet()); !status.ok()) return status;
    if (const absl::Status status = ValidateId("tablet", tablet.source().tablet()); !status.ok()) return status;
    if (tablet.source().snapshot() != source || tablet.source().op().index() == 0) {
      return absl::InvalidArgumentError("A tablet's source is not described");
    }
    if (tablet.hash_begin() != covered || tablet.hash_end() <= covered || tablet.hash_end() > kHashSpace) {
      return absl::InvalidArgumentError("The tablets do not cover the hash space in order");
    }
    covered = tablet.hash_end();
  }
  if (covered != kHashSpace) return absl::InvalidArgumentError("The tablets do not cover the hash space");
  return absl::OkStatus();
}

absl::Status ValidateChangeReplicas(const proto::CatalogueCommand::ChangeReplicas& change) {
  if (const absl::Status status = ValidateId("table", change.table()); !status.ok()) return status;
  if (const absl::Status status = ValidateId("tablet", change.tablet()); !status.ok()) return status;
  if (change.add_node() == 0 && change.remove_node() == 0) {
    return absl::InvalidArgumentError("No node to add a replica on or to remove one from");
  }
  return absl::OkStatus();
}

absl::Status ValidateImportSnapshot(const proto::CatalogueCommand::ImportSnapshot& change) {
  if (const absl::Status status = ValidateId("snapshot", change.id()); !status.ok()) return status;
  if (const absl::Status status = ValidateId("snapshot", change.source()); !status.ok()) return status;
  // Two snapshots of one id would be taken for one another.
  if (change.id() == change.source()) return absl::InvalidArgumentError("The snapshot has no id of its own");
  if (change.tables().empty()) return absl::InvalidArgumentError("A snapshot of no table");
  std::set<std::string> tables;
  for (const auto& table : change.tables()) {
    if (const absl::Status status = ValidateImportedTable(table, change.source()); !status.ok()) return status;
    if (!tables.insert(table.table()).second) return absl::InvalidArgumentError("A table is named twice");
  }
  return absl::OkStatus();
}

absl::Status ValidateRestoreSnapshot(const proto::CatalogueCommand::RestoreSnapshot& change) {
  if (const absl::Status status = ValidateId("restoration", change.restoration()); !status.ok()) return status;
  return ValidateId("snapshot", change.snapshot());
}

}  // namespace

absl::Status ValidateChange(const proto::CatalogueCommand& change) {
  switch (change.op_case()) {
    case proto::CatalogueCommand::kCreateKeyspace:
      return ValidateKeyspace(change.create_keyspace().keyspace());
    case proto::CatalogueCommand::kDropKeyspace:
      return ValidateId("keyspace", change.drop_keyspace().id());
    case proto::CatalogueCommand::kCreateTable:
      return ValidateTable(change.create_table().table());
    case proto::CatalogueCommand::kImportSnapshot:
      return ValidateImportSnapshot(change.import_snapshot());
    case proto::CatalogueCommand::kChangeReplicas:
      return ValidateChangeReplicas(change.change_replicas());
    case proto::CatalogueCommand::kDropTable:
      return ValidateId("table", change.drop_table().table());
    case proto::CatalogueCommand::kCreateSnapshot:
      return ValidateCreateSnapshot(change.create_snapshot());
    case proto::CatalogueCommand::kDeleteSnapshot:
      return ValidateId("snapshot", change.delete_snapshot().id());
    case proto::CatalogueCommand::kRestoreSnapshot:
      return ValidateRestoreSnapshot(change.restore_snapshot());
    default:
      return absl::InvalidArgumentError("Not a change that a client may ask for");
  }
}

absl::Status ValidateRequestId(const proto::RequestId& id) {
  if (const absl::Status status = ValidateId("client", id.client()); !status.ok()) return status;
  if (id.sequence() == 0) return absl::InvalidArgumentError("The request has no sequence number");
  if (id.first_incomplete() > id.sequence()) return absl::InvalidArgumentError("The request says that it is answered");
  return absl::OkStatus();
}

}  // namespace sut
