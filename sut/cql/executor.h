// Carries statements out against a store, and says what cqlsh prints for each.
//
// The schema is read anew for each statement: whatever other clients create or drop is seen at once, and no row is ever
// written by the columns of a table that is gone. Thread rule: single-threaded; calls block.

#ifndef SUT_CQL_EXECUTOR_H_
#define SUT_CQL_EXECUTOR_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sut/cql/schema.h"
#include "sut/cql/statement.h"
#include "sut/cql/store.h"

namespace sut::cql {

class Executor {
 public:
  // The store must outlive it.
  explicit Executor(Store* store) : store_(store) {}

  // What to print, which is empty for a change; or an error whose message is the line to print (errors.h).
  absl::StatusOr<std::string> Execute(const Statement& statement);
  absl::StatusOr<std::string> Execute(std::string_view text);

  // Of the last USE; empty if there was none.
  const std::string& keyspace() const { return keyspace_; }

 private:
  using Result = absl::StatusOr<std::string>;
  Result Run(const CreateKeyspace& statement);
  Result Run(const DropKeyspace& statement);
  Result Run(const CreateTable& statement);
  Result Run(const DropTable& statement);
  Result Run(const Use& statement);
  Result Run(const Insert& statement);
  Result Run(const Update& statement);
  Result Run(const Delete& statement);
  Result Run(const Select& statement);
  Result Run(const Describe& statement);

  absl::StatusOr<TableName> FullName(const TableName& name) const;
  absl::StatusOr<Table> FindTable(const TableName& name);
  template <typename Change, typename Plan>
  Result Write(const Change& change, Plan plan);
  Result DescribeTables(const Schema& schema, const std::string& keyspace) const;
  Result DescribeKeyspace(const Schema& schema, const std::string& keyspace) const;

  Store* store_;
  std::string keyspace_;
};

}  // namespace sut::cql

#endif  // SUT_CQL_EXECUTOR_H_
