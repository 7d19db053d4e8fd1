// Looks at the replicas of a node through its files alone: what the disk of a stopped or dead node holds.
//
// Works on any disk that can be listed and read. Nothing is changed by it.

#ifndef HARNESS_CLUSTER_DISK_INSPECTION_H_
#define HARNESS_CLUSTER_DISK_INSPECTION_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/check/inspection.h"
#include "harness/cluster/plan_ids.h"
#include "harness/cluster/store_content.h"
#include "sut/storage/layout.h"

namespace holdfast {

// A disk that does not change while it is looked at. Contents may be remembered from one look to the next.
class DiskView {
 public:
  virtual ~DiskView() = default;
  // Sorted; empty if there is no such directory.
  virtual std::vector<std::string> NamesIn(const std::string& directory) = 0;
  // As in store_content.h.
  virtual std::shared_ptr<const StoreContent> ReadStore(const std::string& directory, RowKeys row_keys) = 0;
  virtual std::shared_ptr<const StoreContent> ReadSnapshot(const std::string& directory, RowKeys row_keys) = 0;
  virtual absl::StatusOr<std::vector<JournaledReplica>> ReadJournal(const std::string& log_store_directory) = 0;
};

// One life of a node.
struct NodeLife {
  uint32_t node = 0;
  uint32_t incarnation = 0;
};

check::ReplicaInspection NewInspection(const NodeLife& life, sut::TabletId tablet, const PlanIds& ids);
void TakeStore(const StoreContent& content, const PlanIds& ids, check::ReplicaInspection* out);

// A replica's place on the disk.
struct ReplicaDirectories {
  sut::ReplicaLayout layout;
  sut::TabletId tablet;
  uint64_t generation;  // the live one
};
// Its snapshots, and what should not be there.
void InspectDirectories(const ReplicaDirectories& at, const PlanIds& ids, DiskView* disk,
                        check::ReplicaInspection* out);

// What lies in the node's directories of tables and is of none of the replicas that it hosts.
std::vector<check::LeftOver> FindLeftOvers(const sut::NodeLayout& layout, const NodeLife& life,
                                           const std::set<sut::TabletId>& hosted, const PlanIds& ids, DiskView* disk);

// In the order of tablet ids. If the journal can't be read there is one entry, of the master's group, that says so.
struct NodeInspection {
  std::vector<check::ReplicaInspection> replicas;
  std::vector<check::LeftOver> left_overs;
};
NodeInspection InspectStoppedNode(const sut::NodeLayout& layout, const NodeLife& life, const PlanIds& ids,
                                  DiskView* disk);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_DISK_INSPECTION_H_
