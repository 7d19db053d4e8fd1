// For tests: the smallest plan that a cluster can be made of.

#ifndef HARNESS_PROCESS_SMALL_PLAN_H_
#define HARNESS_PROCESS_SMALL_PLAN_H_

#include <cstdint>

#include "harness/plan/plan.pb.h"

namespace holdfast::process {

// One table of one tablet, on all nodes.
inline plan::Plan SmallPlan(uint32_t nodes = 3) {
  plan::Plan plan;
  plan.set_format_version(1);
  plan.set_seed(5);
  plan.mutable_shape()->set_nodes(nodes);
  plan.mutable_shape()->set_replication_factor(nodes);
  plan.mutable_shape()->set_tables(1);
  plan.mutable_shape()->set_tablets_per_table(1);
  plan.set_clients(2);
  return plan;
}

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_SMALL_PLAN_H_
