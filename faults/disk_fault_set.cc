#include "faults/disk_fault_set.h"

#include <numeric>

#include "sut/base/check.h"

namespace holdfast::faults {

uint64_t DiskFaultSet::Arm(const DiskFault& fault) {
  SUT_CHECK(Validate(fault).ok(), "a fault that can't strike");
  armed_[++last_id_] = {.fault = fault};
  return last_id_;
}

std::optional<DiskFaultSet::Strike> DiskFaultSet::OnOperation(const Operation& operation) {
  std::optional<Strike> strike;
  for (auto it = armed_.begin(); it != armed_.end();) {
    Armed& armed = it->second;
    const DiskFault& fault = armed.fault;
    if (!Matches(fault, operation)) {
      ++it;
      continue;
    }
    ++armed.matches;
    const bool due = armed.matches >= fault.nth;
    if (due && !strike) {
      strike = Strike{it->first, fault.effect, fault.path_class, fault.latency_us};
      ++struck_[static_cast<size_t>(fault.effect)];
    }
    const bool spent = fault.times != DiskFault::kAlways && armed.matches + 1 >= fault.nth + fault.times;
    it = spent ? armed_.erase(it) : std::next(it);
  }
  return strike;
}

uint64_t DiskFaultSet::struck() const { return std::accumulate(struck_.begin(), struck_.end(), uint64_t{0}); }

bool DiskFaultSet::Matches(const DiskFault& fault, const Operation& operation) {
  if (fault.operation != DiskOperation::kAny && fault.operation != operation.kind) return false;
  if (!CanStrike(fault.effect, operation.kind)) return false;
  return Includes(fault.path_class, operation.path) ||
         (!operation.target.empty() && Includes(fault.path_class, operation.target));
}

}  // namespace holdfast::faults
