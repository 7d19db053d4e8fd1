#include "sut/tools/sut_cqlsh_store.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/server/client_id.h"
#include "sut/server/reply_status.h"

namespace sut {
namespace {

using proto::ColumnSchema;

constexpr uint32_t kRowsVersion = 1;
constexpr auto kPollInterval = std::chrono::milliseconds(20);

struct TypePair {
  cql::Type type;
  ColumnSchema::Type wire;
};
constexpr TypePair kTypes[] = {
    {cql::Type::kInt, ColumnSchema::INT},       {cql::Type::kBigint, ColumnSchema::BIGINT},
    {cql::Type::kText, ColumnSchema::TEXT},     {cql::Type::kBoolean, ColumnSchema::BOOLEAN},
    {cql::Type::kDouble, ColumnSchema::DOUBLE}, {cql::Type::kFloat, ColumnSchema::FLOAT},
    {cql::Type::kBlob, ColumnSchema::BLOB},     {cql::Type::kTimestamp, ColumnSchema::TIMESTAMP},
    {cql::Type::kUuid, ColumnSchema::UUID},     {cql::Type::kCounter, ColumnSchema::COUNTER}};

ColumnSchema::Type WireType(cql::Type type) {
  for (const TypePair& pair : kTypes) {
    if (pair.type == type) return pair.wire;
  }
  SUT_CHECK(false, "a type that the catalogue does not have");
}

std::optional<cql::Type> TypeOf(ColumnSchema::Type wire) {
  for (const TypePair& pair : kTypes) {
    if (pair.wire == wire) return pair.type;
  }
  return std::nullopt;
}

// The bounds that YugabyteDB gives the tablets of a table, so that they are those of its documentation.
uint32_t HashBegin(int64_t ordinal, int64_t tablets) {
  return ordinal == tablets ? kHashSpace : static_cast<uint32_t>(ordinal * ((kHashSpace - 1) / tablets));
}

// OK, or why not. A change of which the outcome is open is Unknown, whatever the last reply said; without a leader
// until the end, the cluster is not available.
absl::Status StatusOfChange(const CallResult& result) {
  const absl::Status status = ToAbsl(result);
  if (result.outcome == Outcome::kIndeterminate) return absl::UnknownError(status.message());
  return result.reply.code() == proto::NOT_LEADER ? absl::UnavailableError(status.message()) : status;
}

}  // namespace

proto::TableSchema ToProto(const cql::Table& table) {
  proto::TableSchema out;
  out.set_version(kRowsVersion);
  for (size_t i = 0; i < table.columns.size(); ++i) {
    ColumnSchema* column = out.add_columns();
    column->set_name(table.columns[i].name);
    column->set_type(WireType(table.columns[i].type));
    column->set_kind(table.IsPartition(i) ? ColumnSchema::PARTITION
                     : table.IsKey(i)     ? ColumnSchema::CLUSTERING
                                          : ColumnSchema::REGULAR);
    column->set_descending(table.columns[i].descending);
  }
  return out;
}

absl::StatusOr<cql::Table> FromProto(const proto::TableInfo& info) {
  cql::Table out;
  out.name = {info.keyspace(), info.name()};
  out.tablets = info.tablets_size();
  const absl::Status damaged =
      absl::DataLossError(absl::StrCat("the schema of table ", info.name(), " is damaged, or of a later version"));
  proto::TableSchema schema;
  if (!schema.ParseFromString(info.schema()) || schema.version() != kRowsVersion) return damaged;
  auto last_kind = ColumnSchema::PARTITION;
  for (const ColumnSchema& column : schema.columns()) {
    const auto type = TypeOf(column.type());
    if (!type || column.kind() < last_kind || out.Find(column.name()) || column.name().empty()) return damaged;
    last_kind = column.kind();
    if (column.kind() == ColumnSchema::PARTITION) ++out.partition_columns;
    if (column.kind() == ColumnSchema::CLUSTERING) ++out.clustering_columns;
    out.columns.push_back({column.name(), *type, column.descending()});
  }
  if (out.partition_columns == 0) return damaged;
  return out;
}

absl::StatusOr<cql::Schema> CqlRemoteStore::ReadSchema() {
  const auto list = client_->ListTables(options_.timeout_us);
  if (!list.ok()) return absl::UnavailableError(list.status().message());
  auto routing = RoutingTable::FromTableList(*list);
  if (!routing.ok()) return absl::DataLossError(routing.status().message());
  cql::Schema schema;
  std::map<std::string, std::string> keyspace_ids;
  for (const proto::KeyspaceInfo& keyspace : list->keyspaces()) {
    schema.keyspaces.insert(keyspace.name());
    keyspace_ids[keyspace.name()] = keyspace.id();
  }
  for (const proto::TableInfo& info : list->tables()) {
    if (info.schema().empty()) continue;
    auto table = FromProto(info);
    if (!table.ok()) return table.status();
    schema.tables.push_back(*std::move(table));
  }
  routing_ = *std::move(routing);
  keyspace_ids_ = std::move(keyspace_ids);
  return schema;
}

absl::Status CqlRemoteStore::Change(proto::CatalogueCommand change) {
  proto::Request request;
  *request.mutable_catalogue() = std::move(change);
  return StatusOfChange(client_->Call(client_->MasterTarget(), std::move(request), options_.timeout_us));
}

absl::Status CqlRemoteStore::CreateKeyspace(const std::string& name) {
  proto::CatalogueCommand change;
  proto::KeyspaceInfo* keyspace = change.mutable_create_keyspace()->mutable_keyspace();
  keyspace->set_id(Bytes(RandomId<KeyspaceId>()));
  keyspace->set_name(name);
  return Change(std::move(change));
}

absl::Status CqlRemoteStore::DropKeyspace(const std::string& name) {
  const auto id = keyspace_ids_.find(name);
  if (id == keyspace_ids_.end()) return absl::NotFoundError(absl::StrCat("no keyspace ", name));
  proto::CatalogueCommand change;
  change.mutable_drop_keyspace()->set_id(id->second);
  return Change(std::move(change));
}

// As many replicas as there are master members, spread evenly over all nodes.
absl::StatusOr<proto::TableInfo> CqlRemoteStore::PlacedTable(const cql::Table& table) const {
  const auto keyspace = keyspace_ids_.find(table.name.keyspace);
  if (keyspace == keyspace_ids_.end()) return absl::NotFoundError(absl::StrCat("no keyspace ", table.name.keyspace));
  proto::TableInfo info;
  info.set_id(Bytes(RandomId<TableId>()));
  info.set_keyspace(table.name.keyspace);
  info.set_keyspace_id(keyspace->second);
  info.set_name(table.name.name);
  info.set_schema(ToProto(table).SerializeAsString());
  std::vector<NodeId> nodes;
  for (const auto& [node, address] : client_->addresses()) nodes.push_back(node);
  const size_t replicas = client_->MasterTarget().replicas.size();
  SUT_CHECK(replicas <= nodes.size(), "more master members than nodes");
  for (int64_t i = 0; i < table.tablets; ++i) {
    proto::TabletInfo* tablet = info.add_tablets();
    tablet->set_id(Bytes(RandomId<TabletId>()));
    tablet->set_hash_begin(HashBegin(i, table.tablets));
    tablet->set_hash_end(HashBegin(i + 1, table.tablets));
    for (size_t r = 0; r < replicas; ++r) {
      proto::ReplicaInfo* replica = tablet->add_replicas();
      replica->set_replica(r + 1);
      replica->set_node(nodes[(static_cast<size_t>(i) + r) % nodes.size()].value);
    }
  }
  return info;
}

absl::Status CqlRemoteStore::CreateTable(const cql::Table& table) {
  auto info = PlacedTable(table);
  if (!info.ok()) return info.status();
  proto::CatalogueCommand change;
  *change.mutable_create_table()->mutable_table() = *info;
  if (absl::Status status = Change(std::move(change)); !status.ok()) return status;
  return WaitUntilRunning(info->id());
}

absl::Status CqlRemoteStore::WaitUntilRunning(const std::string& table_id) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::microseconds(options_.timeout_us);
  do {
    const auto list = client_->ListTables(options_.timeout_us);
    if (!list.ok()) return absl::UnknownError(list.status().message());
    for (const proto::TableInfo& info : list->tables()) {
      if (info.id() == table_id && info.state() == proto::TableInfo::RUNNING) return absl::OkStatus();
    }
    std::this_thread::sleep_for(kPollInterval);
  } while (std::chrono::steady_clock::now() < give_up);
  return absl::DeadlineExceededError("the table is created, but not all of its replicas are there yet");
}

absl::Status CqlRemoteStore::DropTable(const cql::TableName& name) {
  const RoutingTable::Table* found = routing_.FindByName(name.keyspace, name.name);
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("no table ", name.keyspace, ".", name.name));
  proto::CatalogueCommand change;
  change.mutable_drop_table()->set_table(Bytes(found->id));
  return Change(std::move(change));
}

absl::StatusOr<const RoutingTable::Table*> CqlRemoteStore::Route(const cql::Table& table) const {
  const RoutingTable::Table* found = routing_.FindByName(table.name.keyspace, table.name.name);
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("unconfigured table ", table.name.name));
  return found;
}

absl::Status CqlRemoteStore::Write(const cql::Table& table, const proto::Write& write) {
  const auto found = Route(table);
  if (!found.ok()) return found.status();
  SUT_CHECK(!write.mutations().empty(), "a write without a mutation");
  const CallTarget* target = routing_.Route((*found)->id, write.mutations(0).key());
  proto::Request request;
  *request.mutable_write() = write;
  return StatusOfChange(client_->Call(*target, std::move(request), options_.timeout_us));
}

absl::StatusOr<std::vector<proto::Row>> CqlRemoteStore::Scan(const cql::Table& table, const std::string& key_prefix) {
  const auto found = Route(table);
  if (!found.ok()) return found.status();
  std::vector<CallTarget> targets;
  if (key_prefix.empty()) {
    for (const RoutingTable::Tablet& tablet : (*found)->tablets) targets.push_back(tablet.target);
  } else {
    targets.push_back(*routing_.Route((*found)->id, key_prefix));
  }
  std::vector<proto::Row> rows;
  for (const CallTarget& target : targets) {
    proto::Request request;
    request.mutable_scan()->set_key_prefix(key_prefix);
    CallResult result = client_->Call(target, std::move(request), options_.timeout_us);
    if (result.outcome == Outcome::kIndeterminate) return absl::UnavailableError(ToAbsl(result).message());
    if (absl::Status status = ToAbsl(result); !status.ok()) return status;
    std::move(result.rows.begin(), result.rows.end(), std::back_inserter(rows));
  }
  return rows;
}

}  // namespace sut
