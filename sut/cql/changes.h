// INSERT, UPDATE and DELETE as writes of cells.
//
// All cells of a change belong to one row and thus to one tablet, which applies the write as one: there is no reading
// before it and nothing half done after it.

#ifndef SUT_CQL_CHANGES_H_
#define SUT_CQL_CHANGES_H_

#include "absl/status/statusor.h"
#include "sut/cql/schema.h"
#include "sut/cql/statement.h"
#include "sut/proto/command.pb.h"

namespace sut::cql {

// InvalidRequest if the statement does not fit the table.
absl::StatusOr<proto::Write> PlanInsert(const Table& table, const Insert& insert);
absl::StatusOr<proto::Write> PlanUpdate(const Table& table, const Update& update);
absl::StatusOr<proto::Write> PlanDelete(const Table& table, const Delete& change);

}  // namespace sut::cql

#endif  // SUT_CQL_CHANGES_H_
