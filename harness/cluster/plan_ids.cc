// hi = hash(seed, kind, number); lo = half of another such hash, then the number.

#include "harness/cluster/plan_ids.h"

#include "harness/check/inspection.h"
#include "sut/base/prng.h"

namespace holdfast {

namespace {

enum class IdKind : uint64_t { kTable = 1, kTablet, kSnapshot, kRestoration, kSession };

template <typename Id>
Id Make(uint64_t seed, IdKind kind, uint32_t number) {
  const auto salt = static_cast<uint64_t>(kind);
  const uint64_t low = sut::Mix({seed, salt, number, 1}) << 32;
  return Id{sut::Mix({seed, salt, number}), low | number};
}

template <typename Id>
std::optional<uint32_t> NumberOf(uint64_t seed, IdKind kind, Id id) {
  const auto number = static_cast<uint32_t>(id.lo);
  if (Make<Id>(seed, kind, number) != id) return std::nullopt;
  return number;
}

}  // namespace

PlanIds::PlanIds(const plan::Plan& plan)
    : seed_(plan.seed()),
      tablets_per_table_(plan.shape().tablets_per_table()),
      object_count_(plan.shape().tables() * plan.shape().tablets_per_table()) {}

sut::TableId PlanIds::Table(uint32_t table) const { return Make<sut::TableId>(seed_, IdKind::kTable, table); }

sut::TabletId PlanIds::Tablet(uint32_t object) const {
  if (object == check::kMasterObject) return sut::kMasterTablet;
  return Make<sut::TabletId>(seed_, IdKind::kTablet, object);
}

sut::SnapshotId PlanIds::Snapshot(uint32_t number) const {
  return Make<sut::SnapshotId>(seed_, IdKind::kSnapshot, number);
}

sut::RestorationId PlanIds::Restoration(uint32_t number) const {
  return Make<sut::RestorationId>(seed_, IdKind::kRestoration, number);
}

sut::ClientId PlanIds::Session(uint32_t session) const { return Make<sut::ClientId>(seed_, IdKind::kSession, session); }

std::optional<uint32_t> PlanIds::TableNumber(sut::TableId id) const { return NumberOf(seed_, IdKind::kTable, id); }

std::optional<uint32_t> PlanIds::ObjectNumber(sut::TabletId id) const {
  if (id == sut::kMasterTablet) return check::kMasterObject;
  const std::optional<uint32_t> object = NumberOf(seed_, IdKind::kTablet, id);
  return object.has_value() && *object < object_count_ ? object : std::nullopt;
}

std::optional<uint32_t> PlanIds::SnapshotNumber(sut::SnapshotId id) const {
  return NumberOf(seed_, IdKind::kSnapshot, id);
}

std::optional<uint32_t> PlanIds::RestorationNumber(sut::RestorationId id) const {
  return NumberOf(seed_, IdKind::kRestoration, id);
}

std::optional<uint32_t> PlanIds::SessionNumber(sut::ClientId id) const { return NumberOf(seed_, IdKind::kSession, id); }

}  // namespace holdfast
