// Ids of the cluster under test for the numbers of a plan, and back.
//
// Pure function of the plan's seed: an id carries its number in its low 32 bits, so no table is needed to reverse it,
// and a check of all other bits tells an id of this plan from any other.

#ifndef HARNESS_CLUSTER_PLAN_IDS_H_
#define HARNESS_CLUSTER_PLAN_IDS_H_

#include <cstdint>
#include <optional>

#include "harness/plan/plan.pb.h"
#include "sut/base/ids.h"

namespace holdfast {

class PlanIds {
 public:
  explicit PlanIds(const plan::Plan& plan);

  uint32_t object_count() const { return object_count_; }
  uint32_t tablets_per_table() const { return tablets_per_table_; }
  // The table of a tablet's object number. REQUIRES: not the master's.
  uint32_t TableOfObject(uint32_t object) const { return object / tablets_per_table_; }

  sut::TableId Table(uint32_t table) const;
  // Object check::kMasterObject is the master's group.
  sut::TabletId Tablet(uint32_t object) const;
  sut::SnapshotId Snapshot(uint32_t number) const;
  sut::RestorationId Restoration(uint32_t number) const;
  sut::ClientId Session(uint32_t session) const;

  // nullopt: no id that this plan makes.
  std::optional<uint32_t> TableNumber(sut::TableId id) const;
  std::optional<uint32_t> ObjectNumber(sut::TabletId id) const;
  std::optional<uint32_t> SnapshotNumber(sut::SnapshotId id) const;
  std::optional<uint32_t> RestorationNumber(sut::RestorationId id) const;
  std::optional<uint32_t> SessionNumber(sut::ClientId id) const;

 private:
  uint64_t seed_;
  uint32_t tablets_per_table_;
  uint32_t object_count_;
};

}  // namespace holdfast

#endif  // HARNESS_CLUSTER_PLAN_IDS_H_
