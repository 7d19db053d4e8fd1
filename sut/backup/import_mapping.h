// What an exported table becomes in a cluster: the same table, another one with the same partitions, or a new one.
//
// Tablets are mapped by their exact partition bounds, never by position: rows are looked up by hash, so a directory in
// another range would be wrong rows. Pure; ids come from the caller.

#ifndef SUT_BACKUP_IMPORT_MAPPING_H_
#define SUT_BACKUP_IMPORT_MAPPING_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/base/bugs.h"
#include "sut/base/ids.h"
#include "sut/proto/backup.pb.h"
#include "sut/proto/catalogue.pb.h"

namespace sut {

struct TableName {
  std::string keyspace;
  std::string name;
};

// The table of `tables` to import into; null if a new one is to be made. It is the exported table itself, if that is
// still there under this name, else the one that has the name. FailedPrecondition if that one has other tablets,
// Unavailable as long as it is being created.
absl::StatusOr<const proto::TableInfo*> ChooseTarget(
    const proto::SnapshotExport::Table& exported, const TableName& wanted,
    const google::protobuf::RepeatedPtrField<proto::TableInfo>& tables);

// The import's part of one table. FailedPrecondition if the two have not the same partition bounds.
absl::StatusOr<proto::CatalogueCommand::ImportSnapshot::Table> MapTablets(const proto::SnapshotExport::Table& exported,
                                                                          const proto::TableInfo& target,
                                                                          BugSet bugs = {});

struct NewTable {
  TableName name;
  std::string keyspace_id;              // of a keyspace that is there
  std::vector<NodeId> nodes;            // where replicas may be
  size_t replicas = 1;                  // of each tablet; at most one a node
  std::function<std::string()> new_id;  // 16 bytes, another one on each call
};
// A table like the exported one, with new ids.
proto::TableInfo TableLike(const proto::SnapshotExport::Table& exported, const NewTable& wanted);

}  // namespace sut

#endif  // SUT_BACKUP_IMPORT_MAPPING_H_
