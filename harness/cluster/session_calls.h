// What every world's cluster does with the cluster's client library: tells how a call ended, and makes the plan's
// tables.

#ifndef HARNESS_CLUSTER_SESSION_CALLS_H_
#define HARNESS_CLUSTER_SESSION_CALLS_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "harness/cluster/cluster.h"
#include "harness/cluster/plan_ids.h"
#include "harness/plan/plan.pb.h"
#include "sut/client/session.h"

namespace holdfast {

CallResult ToCallResult(const sut::CallResult& result);

// Who makes the plan's tables: a session of the cluster, whose clock may be another than the cluster's.
struct TableMaker {
  const plan::Plan* plan = nullptr;
  const PlanIds* ids = nullptr;
  sut::Session* admin = nullptr;
  // What the session's clock will show at a moment of the cluster's.
  std::function<int64_t(int64_t time_us)> session_us;
  // Whether there is no sense in waiting any longer. May be empty.
  std::function<bool()> give_up = nullptr;
};
// Returns when all of them run. DeadlineExceeded if they do not, or if it takes longer than `timeout_us` of cluster
// time.
absl::Status MakeTables(const TableMaker& maker, int64_t timeout_us, Cluster* cluster);

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_SESSION_CALLS_H_
