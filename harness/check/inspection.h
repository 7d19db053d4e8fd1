// What replicas did and what is on their disks, as plain data: the input of the second judge and of the disk checkers.
//
// Ids are those of the plan: tablets are numbered through all tables (the `object` of history::Operation), nodes from
// 1, snapshots and restorations by the plan's numbers. Knows no cluster.

#ifndef HARNESS_CHECK_INSPECTION_H_
#define HARNESS_CHECK_INSPECTION_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace holdfast::check {

// The master's group, where a tablet number is wanted.
inline constexpr uint32_t kMasterObject = 0xFFFFFFFF;

struct LogPosition {
  uint64_t term = 0;
  uint64_t index = 0;
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

// One mutation of a command, as it stands in the log.
struct LedgerMutation {
  enum class Kind : uint8_t { kPut, kDelete, kIncrement };
  Kind kind = Kind::kPut;
  std::string key;
  std::string value;
  int64_t delta = 0;
};

// What an imported snapshot is to be on a tablet: the part of another tablet in the exported one.
struct AdoptedPart {
  uint32_t tablet = 0;
  uint32_t snapshot = 0;
  LogPosition op;  // of its create
  friend auto operator<=>(const AdoptedPart&, const AdoptedPart&) = default;
};

// A decoded log entry: what the ledger's fold needs to know of it.
struct LedgerEntry {
  // From kCreateSnapshot on: those with a snapshot.
  enum class Kind : uint8_t {
    kNothing,
    kWrite,
    kFence,
    kClose,
    kCreateSnapshot,
    kAdoptSnapshot,
    kRestore,
    kDropSnapshot,
    kAbortCreate
  };
  Kind kind = Kind::kNothing;  // kNothing: noop and configuration entries, and all entries of the master's group
  LogPosition op;
  uint64_t hash = 0;      // of type and data: the same on all replicas
  uint32_t client = 0;    // kWrite, kFence: number of the session; 0 none
  uint64_t sequence = 0;  // kWrite: 0 = no request id
  uint64_t first_incomplete = 0;
  std::vector<LedgerMutation> mutations;
  uint32_t snapshot = 0;
  uint32_t restoration = 0;
  AdoptedPart adopted;  // kAdoptSnapshot
};

// A replica as an observer of its applies names it. An incarnation is one life of its node's process.
struct ReplicaName {
  uint32_t tablet = 0;
  uint32_t node = 0;
  uint32_t incarnation = 0;
  friend auto operator<=>(const ReplicaName&, const ReplicaName&) = default;
};

using Rows = std::map<std::string, std::string>;

// A snapshot directory as read off a disk.
struct SnapshotOnDisk {
  std::optional<uint32_t> snapshot;  // none: the name is no id that the plan knows
  std::string name;                  // of the directory
  std::string error;                 // why it can't be read; empty if it can
  LogPosition op;                    // from its metadata
  Rows rows;
};

// One replica at one moment.
struct ReplicaInspection {
  ReplicaName replica;
  bool running = false;  // false: the node is down, and this is what its disk holds
  // A snapshot operation or install is under way: directories may be in between. Down: the journal on its disk names an
  // install that is not finished (a snapshot operation cut short by a crash needs no mark).
  bool in_barrier = false;
  bool damaged = false;  // a fault rotted or wiped this disk: it may refuse, but never show other content
  std::string error;     // why the store can't be read; empty if it can
  LogPosition applied;   // running: in memory; down: what the disk's store says
  Rows rows;
  // The replica's own metadata (remembered requests, sessions, markers), raw, without the applied op id.
  Rows metadata;
  Rows books;  // the same in words, see books.h; a tablet's
  std::vector<SnapshotOnDisk> snapshots;
  // Anything in the replica's directories that is neither its live generation nor a snapshot directory: relative paths.
  std::vector<std::string> strays;
};

// Directories on a node of a replica that it does not host: that it was told to remove, or that nobody knows.
struct LeftOver {
  ReplicaName replica;
  std::vector<std::string> paths;  // relative, never empty
  bool damaged = false;            // as of ReplicaInspection
};

struct Inspection {
  int64_t event = 0;   // event number in the history, see history::Operation
  std::string reason;  // "plan step 12", "before heal", "epilogue"
  // Every node up, nothing in flight, every replica applied to commit: leaks and agreement are judged in full.
  bool quiet = false;
  std::vector<ReplicaInspection> replicas;
  // A disk was lost with its replicas: what they alone had applied is only in the logs of the others.
  bool replicas_lost = false;
  std::vector<LeftOver> left_overs;
  // Snapshots that were imported. Until a tablet has adopted its part, what lies in its directory was placed by hand,
  // and is none of the replicas' doing.
  std::set<uint32_t> imports;
};

// What went wrong, in terms that a person can follow.
struct Violation {
  std::string checker;                // "ledger", "replica-agreement", "immutability", ...
  std::string invariant;              // "I1".."I8", or empty
  std::string summary;                // one line
  std::vector<std::string> evidence;  // key, expected and found, replica, plan step; at most a screen
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_INSPECTION_H_
