// Looks at every replica of one simulated node: through the running replicas where it is up, at the bare disk where it
// is down. Nothing is changed by it, and no virtual time passes.

#ifndef HARNESS_SIM_SIM_INSPECTION_H_
#define HARNESS_SIM_SIM_INSPECTION_H_

#include <string>
#include <vector>

#include "harness/check/inspection.h"
#include "harness/cluster/plan_ids.h"
#include "harness/sim/disk_reader.h"
#include "harness/sim/sim_node.h"

namespace holdfast::sim {

// In the order of tablet ids. A node that is down and whose journal can't be read has one entry, of the master's group,
// that says so.
NodeInspection InspectNode(const SimNode& node, const PlanIds& ids, DiskReader* reader);

// What a running master keeps in memory and its store say differently; see catalogue_difference.h. Empty for others.
std::vector<std::string> CatalogueBesideItsStore(const SimNode& node);

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_INSPECTION_H_
