// The disk of one node, as the harness breaks it: faults that its chaos disk (faults/chaos_file_system.h) finds in the
// control file, rot of its files, and what of all that has struck.
//
// Fault model: faults/disk_fault.h and faults/disk_rot.h. A fault outlives the node's process. Its count of operations
// begins anew with each life, but what it has struck is not struck again: a fault that has done all that it was to do
// is gone. Bits rot in the files themselves, whether the node runs or not.
//
// Thread rule: one thread. The node's process reads and writes beside it.

#ifndef HARNESS_PROCESS_NODE_DISK_H_
#define HARNESS_PROCESS_NODE_DISK_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "faults/disk_fault.h"
#include "faults/disk_rot.h"

namespace holdfast::process {

class NodeDisk {
 public:
  struct Options {
    std::string data_dir;
    std::string control_file;  // of the chaos disk
  };
  explicit NodeDisk(Options options) : options_(std::move(options)) {}

  // InvalidArgument: it can't strike. Unavailable: the control file can't be written.
  absl::StatusOr<uint64_t> Arm(const faults::DiskFault& fault);
  // One that is gone already is none of its business.
  absl::Status Disarm(uint64_t id);
  // Every sync of the log takes so much longer; 0: none.
  absl::Status SetSyncLatency(int64_t latency_us);
  // Flips bits; gives back how many.
  absl::StatusOr<uint64_t> Rot(const faults::DiskRot& rot, uint64_t salt);

  // A life of the node begins. REQUIRES: it is down.
  absl::Status BeginLife();
  // Takes in what has been struck since the last look.
  void Look();

  // As of the last look. Latencies of the log's syncs are no faults.
  uint64_t struck() const { return struck_; }
  uint64_t errors_in_life() const { return errors_in_life_; }
  // Bytes were lost, misplaced or flipped without the node being told.
  bool damaged() const { return damaged_; }

 private:
  struct Armed {
    faults::DiskFault fault;
    uint64_t struck = 0;
  };
  absl::Status Write() const;
  void Take(std::string_view line);

  const Options options_;
  std::map<uint64_t, Armed> armed_;
  uint64_t last_id_ = 0;
  int64_t sync_us_ = 0;
  uint64_t looked_at_bytes_ = 0;  // of what the chaos disk tells
  uint64_t struck_ = 0;
  uint64_t errors_in_life_ = 0;
  bool damaged_ = false;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_NODE_DISK_H_
