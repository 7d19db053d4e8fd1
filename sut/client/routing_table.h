// Which tablet of which table a key lives in, and on which nodes that tablet's replicas are: a client's copy of the
// master's table list. Tablets never move between hash ranges, so an old copy finds the tablet as well as a new one;
// where its replicas have moved to meanwhile, a session finds out by itself.

#ifndef SUT_CLIENT_ROUTING_TABLE_H_
#define SUT_CLIENT_ROUTING_TABLE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/base/ids.h"
#include "sut/proto/service.pb.h"
#include "sut/tablet/partition.h"

namespace sut {

// A group, and the nodes that may lead it. For what concerns one node (maintenance), that node alone.
struct CallTarget {
  TabletId tablet;
  std::vector<NodeId> replicas;
};

class RoutingTable {
 public:
  struct Tablet {
    CallTarget target;
    HashRange range;
  };
  // Invariant: the tablets' ranges cover the hash space in order.
  struct Table {
    TableId id;
    std::string keyspace;
    std::string name;
    bool running = false;  // every replica has been created
    std::vector<Tablet> tablets;
  };

  RoutingTable() = default;
  // InvalidArgument for a list that breaks its own invariants.
  static absl::StatusOr<RoutingTable> FromTableList(const proto::Reply::TableList& list);

  const std::map<TableId, Table>& tables() const { return tables_; }
  const Table* Find(TableId table) const;
  const Table* FindByName(std::string_view keyspace, std::string_view name) const;
  // Where the key's requests go; null if the table is not known.
  const CallTarget* Route(TableId table, std::string_view key) const;

 private:
  std::map<TableId, Table> tables_;
};

}  // namespace sut

#endif  // SUT_CLIENT_ROUTING_TABLE_H_
