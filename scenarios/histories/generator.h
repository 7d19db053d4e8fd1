// Histories of snapshots and restores with known verdicts, made from a model of a right cluster and of wrong ones.
//
// Clients call tablets of a table; each call takes effect on the model between its call and its reply, and answers what
// the model then holds. With a Defect the model errs once, in one way that a snapshot or a restore can be wrong, and
// readers follow at once that see it, so that the history is wrong by construction and not only by intent. A function
// of the options alone: the same seed gives the same history.
#ifndef HOLDFAST_SCENARIOS_HISTORIES_GENERATOR_H_
#define HOLDFAST_SCENARIOS_HISTORIES_GENERATOR_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/history/history.h"

namespace holdfast::scenarios {

enum class Defect : uint8_t {
  kNone,
  kRowLost,                // a restore misses a row of its snapshot
  kRowResurrected,         // a restore leaves a row that its snapshot does not hold
  kPostCutWrite,           // a snapshot holds a write that was called after it had answered
  kPreCutWriteMissing,     // a snapshot misses a write that was acknowledged before it was called
  kTornBatch,              // a snapshot holds half of a batch
  kTornScan,               // a scan shows two moments: it misses a write and holds a later one
  kTornBetweenTablets,     // a table-wide snapshot cuts two tablets at different moments (wrong as a table, right by
                           // tablet)
  kOlderSnapshotRestored,  // a restore brings back another, older snapshot
  kIncrementTwice,         // a retried increment counts twice
  kTabletsSwapped,         // a restore gives two tablets each other's rows
  kReplicaDiffers,         // after a leader move one replica, with a row of its own, answers for a while
  kAcknowledgedLost,       // an acknowledged write is gone
  kSnapshotChanged,        // a snapshot's content changes between two restores of it
  kRestoreIgnored,         // a restore is acknowledged and one tablet keeps its rows
  kRestoreMerged,          // a restore keeps all rows that its snapshot does not name
  kWriteBehindRestore,     // a write acknowledged after a restore is forgotten with it
  kDroppedRestored,        // a dropped snapshot is restored
  kDeletedBack,            // a deleted row comes back with no restore at all
};
inline constexpr int kDefectCount = 19;
std::string_view DefectName(Defect defect);

struct GeneratorOptions {
  uint64_t seed = 1;
  uint32_t operations = 1000;
  uint32_t clients = 8;
  uint32_t tablets = 8;
  uint32_t keys = 128;  // a tablet
  uint32_t snapshots = 20;
  uint32_t restores = 10;
  double indeterminate = 0;  // share of calls that never get an answer; half of them take effect, some time
  double zipf_exponent = 0;  // 0: all keys alike
  bool hints = true;
  bool snapshot_rows = true;  // snapshots tell their rows
  bool one_cut = false;       // a snapshot is one moment for all tablets
  Defect defect = Defect::kNone;
  double defect_at = 0.99;  // share of the operations that come before it
};

history::History Generate(const GeneratorOptions& options);

}  // namespace holdfast::scenarios

#endif  // HOLDFAST_SCENARIOS_HISTORIES_GENERATOR_H_
