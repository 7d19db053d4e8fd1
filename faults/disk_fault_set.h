// The faults that are armed on one disk, and what each of its operations meets: the same counting for a simulated disk
// and for a real one.
//
// Every armed fault counts the operations that match it, whichever fault strikes in the end. Of those whose turn it is,
// the one armed first strikes. A fault that has struck as often as it may is gone. Thread rule: the owner locks.

#ifndef FAULTS_DISK_FAULT_SET_H_
#define FAULTS_DISK_FAULT_SET_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "faults/disk_fault.h"

namespace holdfast::faults {

class DiskFaultSet {
 public:
  struct Operation {
    DiskOperation kind;
    std::string_view path;
    std::string_view target;  // the new name, of renames and links: either name may be of the fault's class
  };
  struct Strike {
    uint64_t fault;  // as Arm named it
    DiskEffect effect;
    PathClass path_class;  // of the fault
    uint64_t latency_us;
  };

  // REQUIRES: `fault` validates. The id names it to Disarm.
  uint64_t Arm(const DiskFault& fault);
  // A fault that is gone already is none of its business.
  void Disarm(uint64_t id) { armed_.erase(id); }
  void Clear() { armed_.clear(); }
  bool empty() const { return armed_.empty(); }

  // Counts an operation that is about to happen, and tells what is to happen instead.
  std::optional<Strike> OnOperation(const Operation& operation);

  uint64_t struck(DiskEffect effect) const { return struck_[static_cast<size_t>(effect)]; }
  uint64_t struck() const;

 private:
  struct Armed {
    DiskFault fault;
    uint64_t matches = 0;
  };
  static bool Matches(const DiskFault& fault, const Operation& operation);

  std::map<uint64_t, Armed> armed_;
  uint64_t last_id_ = 0;
  std::array<uint64_t, kDiskEffectCount> struck_{};
};

}  // namespace holdfast::faults

#endif  // FAULTS_DISK_FAULT_SET_H_
