// Rows and metadata from a store, then the replica's directories: snapshots, and what should not be there.

#include "harness/sim/sim_inspection.h"

#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "harness/cluster/catalogue_difference.h"
#include "harness/cluster/disk_inspection.h"
#include "harness/cluster/ledger_entry.h"
#include "sut/master/catalogue.h"
#include "sut/node/node.h"
#include "sut/tablet/replica.h"

namespace holdfast::sim {

namespace {

using check::ReplicaInspection;

ReplicaInspection InspectRunning(const NodeLife& life, const sut::Replica& replica, const PlanIds& ids,
                                 DiskReader* reader) {
  ReplicaInspection out = NewInspection(life, replica.tablet(), ids);
  out.running = true;
  out.in_barrier = replica.in_barrier();
  out.applied = ToLogPosition(replica.applied());
  StoreContent content;
  const absl::Status read = replica.store()->Latest().Scan("", "", [&](std::string_view key, std::string_view value) {
    AddStoreRow(key, value, RowKeysOf(replica.tablet()), &content);
    return true;
  });
  if (!read.ok()) content.error = read.ToString();
  TakeStore(content, ids, &out);
  InspectDirectories({replica.layout(), replica.tablet(), replica.record().generation()}, ids, reader, &out);
  return out;
}

}  // namespace

std::vector<std::string> CatalogueBesideItsStore(const SimNode& node) {
  if (node.node() == nullptr || node.node()->catalogue() == nullptr) return {};
  const auto replica = node.node()->replicas().find(sut::kMasterTablet);
  if (replica == node.node()->replicas().end() || replica->second->in_barrier()) return {};
  sut::Catalogue stored{sut::BugSet()};
  // A store that can't be read just now is a disk's matter.
  if (!stored.Load(*replica->second->store()).ok()) return {};
  return CatalogueDifference(*node.node()->catalogue(), stored.state());
}

NodeInspection InspectNode(const SimNode& node, const PlanIds& ids, DiskReader* reader) {
  const NodeLife life = {node.id().value, node.incarnation()};
  if (node.node() == nullptr) return InspectStoppedNode({SimNode::root(), node.id()}, life, ids, reader);
  NodeInspection inspection;
  std::set<sut::TabletId> hosted;
  for (const auto& [tablet, replica] : node.node()->replicas()) {
    inspection.replicas.push_back(InspectRunning(life, *replica, ids, reader));
    hosted.insert(tablet);
  }
  inspection.left_overs = FindLeftOvers({SimNode::root(), node.id()}, life, hosted, ids, reader);
  return inspection;
}

}  // namespace holdfast::sim
