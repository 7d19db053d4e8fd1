// What a run has covered: how often each kind of fault met each phase of a snapshot's life on the node that it struck.
//
// A fault meets a phase if it strikes a node in that phase, or if a node under a lasting fault enters the phase. A node
// that is in no phase when a fault strikes is idle. Phases begin and end at probes; one that ended without its probe
// (an install that was given up) counts until the next phase of its replica. Counts only: no verdict rests on them
// except a profile's floors.

#ifndef HARNESS_RUN_COVERAGE_H_
#define HARNESS_RUN_COVERAGE_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "sut/base/probe.h"

namespace holdfast::run {

enum class Phase : uint8_t {
  kIdle,
  kCreating,
  kRestoring,
  kDeleting,
  kAdopting,  // an imported snapshot's directory
  kRemoving,  // a dropped table's replica
  kInstalling,
  kJoining  // a new replica, until it votes
};
inline constexpr std::array kPhases = {Phase::kIdle,     Phase::kCreating, Phase::kRestoring,  Phase::kDeleting,
                                       Phase::kAdopting, Phase::kRemoving, Phase::kInstalling, Phase::kJoining};
std::string_view PhaseName(Phase phase);

enum class FaultKind : uint8_t {
  kProcessDeath,
  kPowerLoss,
  kPause,
  kPartition,
  kSlowLink,
  kWeather,
  kDisk,  // operations that fail, fall short, are slow or lost
  kRot,
  kClock,
  kDiskLoss
};
inline constexpr std::array kFaultKinds = {
    FaultKind::kProcessDeath, FaultKind::kPowerLoss, FaultKind::kPause, FaultKind::kPartition, FaultKind::kSlowLink,
    FaultKind::kWeather,      FaultKind::kDisk,      FaultKind::kRot,   FaultKind::kClock,     FaultKind::kDiskLoss};
std::string_view FaultKindName(FaultKind kind);

// "creating/power-loss"
std::string CellName(Phase phase, FaultKind kind);

class CoverageTracker {
 public:
  void OnProbe(uint32_t node, sut::Probe probe, std::optional<uint32_t> object);
  void OnNodeDown(uint32_t node);
  void OnNodeUp(uint32_t node);

  // A fault of a moment. After a crash: in the phases in which the node died.
  void Strike(uint32_t node, FaultKind kind);
  // A fault that lasts, under a number of its own; it may hold several nodes.
  void Begin(uint64_t id, uint32_t node, FaultKind kind);
  void End(uint64_t id);
  void EndAll() { lasting_.clear(); }

  // By cell name; cells that were never hit are not there.
  const std::map<std::string, uint64_t>& cells() const { return cells_; }

 private:
  struct Lasting {
    uint32_t node;
    FaultKind kind;
  };
  Phase PhaseOf(uint32_t node, uint32_t object) const;
  void Count(Phase phase, FaultKind kind) { ++cells_[CellName(phase, kind)]; }

  // By node: the phase of each of its replicas that is in one. Of a dead node: as it died.
  std::map<uint32_t, std::map<uint32_t, Phase>> phases_;
  std::multimap<uint64_t, Lasting> lasting_;
  std::set<uint32_t> down_;
  std::map<std::string, uint64_t> cells_;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_COVERAGE_H_
