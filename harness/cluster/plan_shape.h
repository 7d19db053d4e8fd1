// What a plan's shape and options mean for the cluster under test: constants of its nodes, members of the master's
// group, tables with their tablets and where the replicas are. The same in every world that plans run in.

#ifndef HARNESS_CLUSTER_PLAN_SHAPE_H_
#define HARNESS_CLUSTER_PLAN_SHAPE_H_

#include <cstdint>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/cluster/plan_ids.h"
#include "harness/plan/plan.pb.h"
#include "sut/proto/catalogue.pb.h"
#include "sut/runtime/node_options.h"

namespace holdfast {

// InvalidArgument: a planted bug that nobody knows.
absl::StatusOr<sut::NodeOptions> NodeOptionsOf(const plan::Plan& plan);

// The nodes of the master's group, in order.
std::vector<sut::NodeId> MasterMembers(const plan::Plan& plan);

// Nodes that host a replica of the object, in the order of placement: round robin, one step on for each tablet. Of
// a tablet's group: until it is changed.
std::vector<uint32_t> NodesOfObject(const plan::Plan& plan, uint32_t object);

// The tables that a step of the plan drops.
std::set<uint32_t> TablesDroppedBy(const plan::Plan& plan);

// A table as it is asked of the master: complete with ids, bounds and placement.
sut::proto::TableInfo TableOf(const plan::Plan& plan, const PlanIds& ids, uint32_t table);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_PLAN_SHAPE_H_
