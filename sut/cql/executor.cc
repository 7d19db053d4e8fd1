#include "sut/cql/executor.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/cql/changes.h"
#include "sut/cql/errors.h"
#include "sut/cql/parser.h"
#include "sut/cql/query.h"
#include "sut/cql/table_text.h"

namespace sut::cql {
namespace {

absl::Status NoKeyspace(const std::string& name) {
  return InvalidRequest(absl::StrCat("Keyspace '", name, "' does not exist"));
}

std::string PlainName(const TableName& name) { return absl::StrCat(name.keyspace, ".", name.name); }

std::vector<std::string> TableNames(const Schema& schema, const std::string& keyspace) {
  std::vector<std::string> names;
  for (const Table& table : schema.tables) {
    if (table.name.keyspace == keyspace) names.push_back(QuotedName(table.name.name));
  }
  return names;
}

std::vector<std::string> KeyspaceNames(const Schema& schema) {
  std::vector<std::string> names;
  for (const std::string& name : schema.keyspaces) names.push_back(QuotedName(name));
  return names;
}

// What is printed for a change that the store was asked for.
absl::StatusOr<std::string> Done(const absl::Status& status) {
  if (!status.ok()) return FromStore(status);
  return std::string();
}

}  // namespace

absl::StatusOr<std::string> Executor::Execute(const Statement& statement) {
  return std::visit([this](const auto& one) { return Run(one); }, statement);
}

absl::StatusOr<std::string> Executor::Execute(std::string_view text) {
  const auto statement = Parse(text);
  if (!statement.ok()) return statement.status();
  return Execute(*statement);
}

absl::StatusOr<TableName> Executor::FullName(const TableName& name) const {
  if (!name.keyspace.empty()) return name;
  if (keyspace_.empty()) {
    return InvalidRequest("No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
  }
  return TableName{keyspace_, name.name};
}

absl::StatusOr<Table> Executor::FindTable(const TableName& name) {
  const auto full = FullName(name);
  if (!full.ok()) return full.status();
  const auto schema = store_->ReadSchema();
  if (!schema.ok()) return FromStore(schema.status());
  if (!schema->keyspaces.contains(full->keyspace)) return NoKeyspace(full->keyspace);
  const Table* table = schema->Find(*full);
  if (table == nullptr) return InvalidRequest(absl::StrCat("unconfigured table ", full->name));
  return *table;
}

// Whatever the statement allows to be so already is looked up before, and believed again when another client was
// faster.

Executor::Result Executor::Run(const CreateKeyspace& statement) {
  if (absl::Status status = CheckName(statement.name, "keyspace"); !status.ok()) return status;
  const auto schema = store_->ReadSchema();
  if (!schema.ok()) return FromStore(schema.status());
  const bool exists = schema->keyspaces.contains(statement.name);
  const absl::Status status = exists ? absl::AlreadyExistsError("") : store_->CreateKeyspace(statement.name);
  if (!absl::IsAlreadyExists(status)) return Done(status);
  if (statement.if_not_exists) return std::string();
  return AlreadyExists(absl::StrCat("Keyspace '", statement.name, "'"));
}

Executor::Result Executor::Run(const DropKeyspace& statement) {
  const auto schema = store_->ReadSchema();
  if (!schema.ok()) return FromStore(schema.status());
  const bool exists = schema->keyspaces.contains(statement.name);
  const absl::Status status = exists ? store_->DropKeyspace(statement.name) : absl::NotFoundError("");
  if (status.ok() && keyspace_ == statement.name) keyspace_.clear();
  if (!absl::IsNotFound(status)) return Done(status);
  if (statement.if_exists) return std::string();
  return ConfigurationException(absl::StrCat("Cannot drop non existing keyspace '", statement.name, "'."));
}

Executor::Result Executor::Run(const CreateTable& statement) {
  const auto name = FullName(statement.table);
  if (!name.ok()) return name.status();
  CreateTable full = statement;
  full.table = *name;
  const auto table = MakeTable(full);
  if (!table.ok()) return table.status();
  const auto schema = store_->ReadSchema();
  if (!schema.ok()) return FromStore(schema.status());
  if (!schema->keyspaces.contains(name->keyspace)) return NoKeyspace(name->keyspace);
  const bool exists = schema->Find(*name) != nullptr;
  const absl::Status status = exists ? absl::AlreadyExistsError("") : store_->CreateTable(*table);
  if (!absl::IsAlreadyExists(status)) return Done(status);
  if (statement.if_not_exists) return std::string();
  return AlreadyExists(absl::StrCat("Table '", PlainName(*name), "'"));
}

Executor::Result Executor::Run(const DropTable& statement) {
  const auto name = FullName(statement.table);
  if (!name.ok()) return name.status();
  const auto schema = store_->ReadSchema();
  if (!schema.ok()) return FromStore(schema.status());
  const bool exists = schema->Find(*name) != nullptr;
  const absl::Status status = exists ? store_->DropTable(*name) : absl::NotFoundError("");
  if (!absl::IsNotFound(status)) return Done(status);
  if (statement.if_exists) return std::string();
  return InvalidRequest(absl::StrCat("unconfigured table ", name->name));
}

Executor::Result Executor::Run(const Use& statement) {
  const auto schema = store_->ReadSchema();
  if (!schema.ok()) return FromStore(schema.status());
  if (!schema->keyspaces.contains(statement.keyspace)) return NoKeyspace(statement.keyspace);
  keyspace_ = statement.keyspace;
  return std::string();
}

template <typename Change, typename Plan>
Executor::Result Executor::Write(const Change& change, Plan plan) {
  const auto table = FindTable(change.table);
  if (!table.ok()) return table.status();
  const absl::StatusOr<proto::Write> write = plan(*table, change);
  if (!write.ok()) return write.status();
  return Done(store_->Write(*table, *write));
}

Executor::Result Executor::Run(const Insert& statement) { return Write(statement, PlanInsert); }
Executor::Result Executor::Run(const Update& statement) { return Write(statement, PlanUpdate); }
Executor::Result Executor::Run(const Delete& statement) { return Write(statement, PlanDelete); }

Executor::Result Executor::Run(const Select& statement) {
  const auto table = FindTable(statement.table);
  if (!table.ok()) return table.status();
  const auto plan = PlanSelect(*table, statement);
  if (!plan.ok()) return plan.status();
  const auto cells = store_->Scan(*table, plan->key_prefix);
  if (!cells.ok()) return FromStore(cells.status());
  const auto result = Evaluate(*table, *plan, *cells);
  if (!result.ok()) return FromStore(result.status());
  return TableText(*result);
}

Executor::Result Executor::Run(const Describe& statement) {
  if (statement.what == Describe::What::kTable) {
    const auto table = FindTable(statement.table);
    if (!table.ok()) return table.status();
    return absl::StrCat("\n", CreateText(*table), "\n\n");
  }
  const auto schema = store_->ReadSchema();
  if (!schema.ok()) return FromStore(schema.status());
  if (statement.what == Describe::What::kKeyspaces)
    return absl::StrCat("\n", ColumnsText(KeyspaceNames(*schema)), "\n");
  if (statement.what == Describe::What::kTables) return DescribeTables(*schema, keyspace_);
  const std::string& named = statement.table.keyspace;
  return DescribeKeyspace(*schema, named.empty() ? keyspace_ : named);
}

Executor::Result Executor::DescribeTables(const Schema& schema, const std::string& keyspace) const {
  if (!keyspace.empty()) return absl::StrCat("\n", ColumnsText(TableNames(schema, keyspace)), "\n");
  std::string out = "\n";
  for (const std::string& one : schema.keyspaces) {
    const std::string title = absl::StrCat("Keyspace ", QuotedName(one));
    absl::StrAppend(&out, title, "\n", std::string(title.size(), '-'), "\n", ColumnsText(TableNames(schema, one)),
                    "\n");
  }
  return out;
}

Executor::Result Executor::DescribeKeyspace(const Schema& schema, const std::string& keyspace) const {
  if (keyspace.empty()) return InvalidRequest("Not in any keyspace.");
  if (!schema.keyspaces.contains(keyspace)) return NoKeyspace(keyspace);
  std::string out = absl::StrCat("\n", CreateText(keyspace), "\n");
  for (const Table& table : schema.tables) {
    if (table.name.keyspace == keyspace) absl::StrAppend(&out, "\n", CreateText(table), "\n");
  }
  absl::StrAppend(&out, "\n");
  return out;
}

}  // namespace sut::cql
