// Faults of a disk as data: the n-th operation of a kind on a class of paths goes wrong. Printed as text and parsed
// back, so that one fault means the same in a plan, in a simulated node and in a real process.
//
// Fault model, by effect:
//   io-error    the operation fails and has no effect. A sync that fails has moreover lost hold of the dirty bytes,
//               which may be missing after a loss of power although a later sync succeeds.
//   no-space    the operation fails for want of room and has no effect. Writes, creates, links and mkdirs only; what
//               frees or only reads goes on.
//   short       a write takes only its first part, then fails.
//   lost        a write is acknowledged and never reaches the disk: its bytes read as zeros.
//   misdirected a write is acknowledged and lands elsewhere: its own bytes read as zeros, and as many bytes of another
//               file of the same class (or of the same file, further up) are overwritten.
//   latency     the operation succeeds, later.
// The first three are errors that the node sees; a correct node stops, retries or refuses, and has lost nothing once
// they end. `lost` and `misdirected` are damage, as rot is (disk_rot.h): the node may refuse for ever, but must never
// take other bytes for its own. So at most a minority of each group's replicas may suffer damage.
//
// Text: `EFFECT OPERATION CLASS [nth=N] [times=N|always] [us=N]`, e.g. `io-error sync raft-log nth=3`.

#ifndef FAULTS_DISK_FAULT_H_
#define FAULTS_DISK_FAULT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "faults/path_class.h"

namespace holdfast::faults {

enum class DiskOperation : uint8_t {
  kAny,
  kCreate,  // of a file
  kAppend,
  kWrite,  // at an offset inside the file
  kTruncate,
  kSync,
  kSyncDirectory,
  kMakeDirectory,
  kRemoveDirectory,
  kRename,
  kLink,
  kUnlink,
  kOpen,  // of a file that is there, for reading
  kRead,
};
inline constexpr int kDiskOperationCount = static_cast<int>(DiskOperation::kRead) + 1;
std::string_view DiskOperationName(DiskOperation operation);

enum class DiskEffect : uint8_t { kIoError, kNoSpace, kShort, kLost, kMisdirected, kLatency };
inline constexpr int kDiskEffectCount = static_cast<int>(DiskEffect::kLatency) + 1;
std::string_view DiskEffectName(DiskEffect effect);
// Whether it takes away bytes that the node relies on, without telling.
inline bool IsDamage(DiskEffect effect) { return effect == DiskEffect::kLost || effect == DiskEffect::kMisdirected; }

struct DiskFault {
  static constexpr uint64_t kAlways = 0;

  DiskEffect effect = DiskEffect::kIoError;
  DiskOperation operation = DiskOperation::kAny;
  PathClass path_class = PathClass::kAny;
  uint64_t nth = 1;         // the first operation struck, of those that match; counts from 1
  uint64_t times = 1;       // how many in a row from there on; kAlways: until the fault is taken away
  uint64_t latency_us = 0;  // kLatency only

  friend bool operator==(const DiskFault&, const DiskFault&) = default;
};

// Whether the effect can befall the operation: only writes are short, lost or misdirected, and reads need no space.
bool CanStrike(DiskEffect effect, DiskOperation operation);
absl::Status Validate(const DiskFault& fault);

std::string ToText(const DiskFault& fault);
absl::StatusOr<DiskFault> ParseDiskFault(std::string_view text);
// One fault a line; empty lines and what follows a `#` are skipped. The error names the line.
absl::StatusOr<std::vector<DiskFault>> ParseDiskFaults(std::string_view text);

}  // namespace holdfast::faults

#endif  // FAULTS_DISK_FAULT_H_
