// What CQL needs of a cluster: the catalogue's keyspaces and tables, and reads and writes of cells.
//
// Calls block until the operation is settled or its time is over. Errors: NotFound and AlreadyExists of the catalogue's
// objects, Unavailable, DeadlineExceeded where nothing was changed, Unknown if a change may or may not take effect.

#ifndef SUT_CQL_STORE_H_
#define SUT_CQL_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/cql/schema.h"
#include "sut/proto/command.pb.h"
#include "sut/proto/service.pb.h"

namespace sut::cql {

class Store {
 public:
  virtual ~Store() = default;

  // Linearizable. Tables without typed columns are left out.
  virtual absl::StatusOr<Schema> ReadSchema() = 0;

  virtual absl::Status CreateKeyspace(const std::string& name) = 0;
  // FailedPrecondition if it has tables.
  virtual absl::Status DropKeyspace(const std::string& name) = 0;
  // Returns once the table takes reads and writes.
  virtual absl::Status CreateTable(const Table& table) = 0;
  virtual absl::Status DropTable(const TableName& name) = 0;

  // All or nothing. REQUIRES: the table is of the last ReadSchema; a mutation, and all of one partition.
  virtual absl::Status Write(const Table& table, const proto::Write& write) = 0;
  // The cells whose keys begin with `key_prefix`, in the order of their keys; all of the table, tablet by tablet, if it
  // is empty. Each tablet is read at one point in time. REQUIRES: the table is of the last ReadSchema; `key_prefix` is
  // empty or has a whole partition part (sut/tablet/typed_key.h).
  virtual absl::StatusOr<std::vector<proto::Row>> Scan(const Table& table, const std::string& key_prefix) = 0;
};

}  // namespace sut::cql

#endif  // SUT_CQL_STORE_H_
