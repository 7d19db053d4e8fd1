// What random plans look like: sizes, weights and odds, as data.
//
// A profile decides how many operations, snapshots and faults a plan has, which themes it is woven from, and how often
// swarm testing (Groce et al., "Swarm testing", 2012) switches a whole kind off. It knows nothing of how plans are
// made.

#ifndef HARNESS_PLAN_PROFILE_H_
#define HARNESS_PLAN_PROFILE_H_

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sut/base/prng.h"

namespace holdfast::plan {

// Both ends included.
struct Range {
  uint64_t min = 0;
  uint64_t max = 0;
};

inline uint64_t Draw(Range range, sut::Prng* random) {
  return range.min + random->NextBelow(range.max - range.min + 1);
}

// Short stories that bring bugs to light. A plan is woven from a few of them over background work of its clients.
enum class Theme : uint8_t {
  kCycle,                 // snapshot, write on, restore, read
  kRestoreTwice,          // the same snapshot, with writes in between
  kRestoreWriteCrash,     // what is written right after a restore must outlive a crash
  kBackToBack,            // two snapshots at nearly the same moment
  kCreatePhaseCrash,      // a crash between two phases of a create
  kRestorePhaseCrash,     // a crash between two phases of a restore
  kLeaderMoves,           // leaders move between the phases of a snapshot
  kPowerLossAfterCreate,  // what is COMPLETE must be durable
  kRetryAcrossRestore,    // a request applied before a restore is retried after it
  kDrop,                  // a delete of a snapshot, and a crash in it
  kDuplicatedCreate,      // the create reaches a tablet more than once, with writes in between
  kSlowTablet,            // one tablet is late with its part of a snapshot
  kLaggingFollower,       // a follower misses more than the log keeps, and has a store installed
  kElectionStorm,         // leaders and voters crash around elections
  kMasterTrouble,         // the coordinator dies in the middle
  kRecoveryCrash,         // a crash strikes recovery from a crash
  kIsolatedLeader,        // a tablet's leader is severed with some clients, while the others write on; then again
  kIsolatedMaster,        // the same with the master, over creates, deletes and lists
  kRollingIsolation,      // one leader after the other is severed, each about as long as an election takes
  kDeposedLeaderLags,     // a severed leader goes on taking writes, and has a store installed over them
  kOddNetwork,            // rings, bridges, slow links under load
  kRestartLoop,           // a node that crashes again and again, or all of them in turn
  kRivals,                // a delete or another restore while a restore of the snapshot is running
  kReplaceReplica,        // a replica of a tablet is replaced while its snapshots come and go
  kReplaceDead,           // a node is away, and its replica is replaced; then it comes back
  kLostDisk,              // a node loses its disk, and its replicas come back under new ids
  kDroppedTable,          // a table is dropped while a snapshot or a restore of it is under way
  kImportedSnapshot,      // a snapshot goes out and comes back, into this or another table, damaged or whole
  kLongScans,             // scans of many pages, while messages come twice and what the pages are read from goes
  kGrowAndShrink,         // one change of a tablet's replicas after the other, and of what the last one brought
  kMasterToAndFro,        // one master leads, another, and the first again, while a snapshot waits for a tablet
};
inline constexpr int kThemeCount = static_cast<int>(Theme::kMasterToAndFro) + 1;
std::string_view ThemeName(Theme theme);

// What swarm testing switches off, each on its own.
enum class Kind : uint8_t {
  kDelete,
  kIncrement,
  kBatch,
  kGet,
  kScan,
  kList,
  kDropSnapshot,
  kProcessDeath,
  kPowerLoss,
  kCrashAll,
  kPartition,
  kOneWay,
  kWeather,
  kTrigger,  // faults that wait for a probe
  kLeaderMove,
  kMaintenance,
  kInspect,
  kLargeValue,
  kMixedKeys,   // increments of rows and puts of counters
  kRoughWorld,  // loss, duplicates and slow disks all the time
  kPause,
  kSlowLink,
  kShapedPartition,  // rings and bridges
  kRestartLoop,      // restart loops, and crashes of all nodes in turn
  kDiskError,        // operations of a disk fail, or it is full
  kDiskLatency,      // operations of a disk are slow
  kDiskDamage,       // lost and misdirected writes, rot
  kClock,            // clocks jump, and run fast or slow
};
inline constexpr int kKindCount = static_cast<int>(Kind::kClock) + 1;

// The kinds that one plan may use.
class Swarm {
 public:
  bool has(Kind kind) const { return on_[static_cast<int>(kind)]; }
  void Set(Kind kind, bool on) { on_[static_cast<int>(kind)] = on; }

 private:
  std::bitset<kKindCount> on_;
};

struct Profile {
  struct WeightedShape {
    uint32_t weight;
    uint32_t nodes;
    uint32_t replication_factor;
    uint32_t masters = 0;  // 0: all nodes
  };
  struct WeightedCount {
    uint32_t weight;
    uint32_t count;
  };

  std::string name;
  std::vector<WeightedShape> shapes;
  std::vector<WeightedCount> tables;
  std::vector<WeightedCount> tablets;

  // How much of what. A range is also a median: its middle.
  Range clients;
  Range client_operations;
  Range snapshots;
  Range restores;
  Range faults;
  Range leader_moves;
  Range maintenance;
  Range inspections;
  Range lists;
  Range drops;
  Range rows_per_table;
  Range duration_us;  // REQUIRES: at least 6 s, the length of a theme

  std::array<uint32_t, kThemeCount> theme_weights;  // 0: never
  uint32_t enough_weight;                           // of playing no further theme, among those that still fit
  std::array<uint32_t, kKindCount> off_permille;    // how often a plan does without the kind
  uint32_t disk_permille;                           // of the faults, those that befall a disk
  uint32_t clock_permille;                          // of the others, those that befall a clock
  uint32_t uneven_permille = 0;                     // plans with tables of uneven tablets
  uint32_t quiet_permille;                          // plans without any fault
  uint32_t extreme_permille;                        // each option, to an extreme of its own

  // What a campaign of at least `floor_plans` plans must reach, or else it has shown nothing: cells of the coverage
  // matrix ("creating/power-loss"), and every probe if that is asked for.
  std::vector<std::string> floors = {};
  bool every_probe = false;
  // Its plans change who is in a group. The probes of that are asked of no other profile.
  bool changes_groups = false;
  uint64_t floor_plans = 1'000;
};

std::optional<Profile> ProfileNamed(std::string_view name);
std::vector<std::string_view> ProfileNames();
// "default, snapshots, ...", for messages.
std::string ProfileNamesText();
Profile DefaultProfile();

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_PROFILE_H_
