// A CQL store on a cluster of servers: typed tables in the catalogue, cells in the tablets.
//
// Routes by the table list of the last ReadSchema. Thread rule: single-threaded; calls block.

#ifndef SUT_TOOLS_SUT_CQLSH_STORE_H_
#define SUT_TOOLS_SUT_CQLSH_STORE_H_

#include <map>
#include <string>
#include <vector>

#include "sut/client/routing_table.h"
#include "sut/cql/store.h"
#include "sut/proto/schema.pb.h"
#include "sut/server/remote_client.h"

namespace sut {

// The table's columns as the catalogue keeps them, and back. DataLoss if it is no schema of this version.
proto::TableSchema ToProto(const cql::Table& table);
absl::StatusOr<cql::Table> FromProto(const proto::TableInfo& info);

class CqlRemoteStore : public cql::Store {
 public:
  struct Options {
    int64_t timeout_us = 10'000'000;  // of one operation; cqlsh's own
  };
  // The client must outlive it.
  CqlRemoteStore(RemoteClient* client, const Options& options) : client_(client), options_(options) {}

  absl::StatusOr<cql::Schema> ReadSchema() override;
  absl::Status CreateKeyspace(const std::string& name) override;
  absl::Status DropKeyspace(const std::string& name) override;
  absl::Status CreateTable(const cql::Table& table) override;
  absl::Status DropTable(const cql::TableName& name) override;
  absl::Status Write(const cql::Table& table, const proto::Write& write) override;
  absl::StatusOr<std::vector<proto::Row>> Scan(const cql::Table& table, const std::string& key_prefix) override;

 private:
  absl::Status Change(proto::CatalogueCommand change);
  absl::StatusOr<proto::TableInfo> PlacedTable(const cql::Table& table) const;
  absl::Status WaitUntilRunning(const std::string& table_id);
  absl::StatusOr<const RoutingTable::Table*> Route(const cql::Table& table) const;

  RemoteClient* client_;
  const Options options_;
  // Of the last ReadSchema.
  RoutingTable routing_;
  std::map<std::string, std::string> keyspace_ids_;
};

}  // namespace sut

#endif  // SUT_TOOLS_SUT_CQLSH_STORE_H_
