#include "sut/cql/memory_store.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sut/tablet/partition.h"
#include "sut/tablet/row_machine.h"

namespace sut::cql {

absl::StatusOr<Schema> MemoryStore::ReadSchema() {
  if (!failure_.ok()) return failure_;
  return schema_;
}

absl::Status MemoryStore::CreateKeyspace(const std::string& name) {
  if (!failure_.ok()) return failure_;
  return schema_.keyspaces.insert(name).second ? absl::OkStatus() : absl::AlreadyExistsError(name);
}

absl::Status MemoryStore::DropKeyspace(const std::string& name) {
  for (const Table& table : schema_.tables) {
    if (table.name.keyspace == name) return absl::FailedPreconditionError("the keyspace has tables");
  }
  return schema_.keyspaces.erase(name) == 1 ? absl::OkStatus() : absl::NotFoundError(name);
}

absl::Status MemoryStore::CreateTable(const Table& table) {
  if (schema_.Find(table.name) != nullptr) return absl::AlreadyExistsError(table.name.name);
  schema_.tables.push_back(table);
  return absl::OkStatus();
}

absl::Status MemoryStore::DropTable(const TableName& name) {
  cells_.erase(name);
  const size_t dropped = std::erase_if(schema_.tables, [&name](const Table& table) { return table.name == name; });
  return dropped == 1 ? absl::OkStatus() : absl::NotFoundError(name.name);
}

absl::Status MemoryStore::Write(const Table& table, const proto::Write& write) {
  if (!failure_.ok()) return failure_;
  ++writes_;
  EXPECT_FALSE(write.mutations().empty());
  auto& cells = cells_[table.name];
  for (const proto::Mutation& mutation : write.mutations()) {
    EXPECT_EQ(PartitionHash(mutation.key()), PartitionHash(write.mutations(0).key())) << "not all in one tablet";
    const std::string key = RowStoreKey(mutation.key());
    if (mutation.kind() == proto::Mutation::PUT) cells[key] = mutation.value();
    if (mutation.kind() == proto::Mutation::DELETE) cells.erase(key);
    if (mutation.kind() == proto::Mutation::INCREMENT) {
      const auto before = cells.contains(key) ? ParseCounter(cells[key]) : 0;
      cells[key] = absl::StrCat(before.value() + mutation.delta());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<proto::Row>> MemoryStore::Scan(const Table& table, const std::string& key_prefix) {
  last_prefix_ = key_prefix;
  std::vector<proto::Row> out;
  for (const auto& [key, value] : cells_[table.name]) {
    if (!RowUserKey(key).starts_with(key_prefix)) continue;
    proto::Row& row = out.emplace_back();
    row.set_key(std::string(RowUserKey(key)));
    row.set_value(value);
  }
  return out;
}

}  // namespace sut::cql
