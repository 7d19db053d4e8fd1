// For tests: a store in memory that keeps cells in the order that the tablets do, and can be told to fail.

#ifndef SUT_CQL_MEMORY_STORE_H_
#define SUT_CQL_MEMORY_STORE_H_

#include <map>
#include <string>

#include "sut/cql/store.h"

namespace sut::cql {

class MemoryStore : public Store {
 public:
  absl::StatusOr<Schema> ReadSchema() override;
  absl::Status CreateKeyspace(const std::string& name) override;
  absl::Status DropKeyspace(const std::string& name) override;
  absl::Status CreateTable(const Table& table) override;
  absl::Status DropTable(const TableName& name) override;
  absl::Status Write(const Table& table, const proto::Write& write) override;
  absl::StatusOr<std::vector<proto::Row>> Scan(const Table& table, const std::string& key_prefix) override;

  // Every call gives this until it is set to OK again.
  void FailWith(absl::Status status) { failure_ = std::move(status); }
  int writes() const { return writes_; }
  const std::string& last_prefix() const { return last_prefix_; }
  // By store key.
  std::map<std::string, std::string>& cells(const TableName& table) { return cells_[table]; }

 private:
  Schema schema_;
  std::map<TableName, std::map<std::string, std::string>> cells_;
  absl::Status failure_;
  int writes_ = 0;
  std::string last_prefix_;  // of Scan
};

}  // namespace sut::cql

#endif  // SUT_CQL_MEMORY_STORE_H_
