#include "harness/run/coverage.h"

#include "absl/strings/str_cat.h"

namespace holdfast::run {
namespace {

using sut::Probe;

std::optional<Phase> BegunBy(Probe probe) {
  switch (probe) {
    case Probe::kSnapshotBegun:
      return Phase::kCreating;
    case Probe::kRestoreBegun:
      return Phase::kRestoring;
    case Probe::kDropBegun:
      return Phase::kDeleting;
    case Probe::kInstallAccepted:
      return Phase::kInstalling;
    case Probe::kBootstrapBegun:
      return Phase::kJoining;
    case Probe::kAdoptBegun:
      return Phase::kAdopting;
    case Probe::kRemovalJournaled:
      return Phase::kRemoving;
    default:
      return std::nullopt;
  }
}

bool Ends(Probe probe) {
  return probe == Probe::kSnapshotMarked || probe == Probe::kRestoreSwapped || probe == Probe::kDropUnlinked ||
         probe == Probe::kInstallFinished || probe == Probe::kMemberPromoted || probe == Probe::kReplicaDeleted ||
         probe == Probe::kRemovalFinished;
}

}  // namespace

std::string_view PhaseName(Phase phase) {
  constexpr std::array<std::string_view, kPhases.size()> kNames = {"idle",     "creating", "restoring",  "deleting",
                                                                   "adopting", "removing", "installing", "joining"};
  static_assert(!kNames.back().empty());
  return kNames[static_cast<size_t>(phase)];
}

std::string_view FaultKindName(FaultKind kind) {
  constexpr std::array<std::string_view, kFaultKinds.size()> kNames = {
      "process-death", "power-loss", "pause", "partition", "slow-link", "weather", "disk", "rot", "clock", "disk-loss"};
  static_assert(!kNames.back().empty());
  return kNames[static_cast<size_t>(kind)];
}

std::string CellName(Phase phase, FaultKind kind) {
  return absl::StrCat(std::string(PhaseName(phase)), "/", std::string(FaultKindName(kind)));
}

void CoverageTracker::OnProbe(uint32_t node, Probe probe, std::optional<uint32_t> object) {
  if (!object || down_.contains(node)) return;
  if (Ends(probe)) {
    if (probe == Probe::kInstallFinished && PhaseOf(node, *object) == Phase::kJoining) return;
    if (const auto replicas = phases_.find(node); replicas != phases_.end()) replicas->second.erase(*object);
    return;
  }
  const std::optional<Phase> begun = BegunBy(probe);
  if (!begun) return;
  // The install of a replica that joins is a part of that.
  const bool joins = *begun == Phase::kInstalling && PhaseOf(node, *object) == Phase::kJoining;
  if (joins) return;
  phases_[node][*object] = *begun;
  for (const auto& [id, fault] : lasting_) {
    if (fault.node == node) Count(*begun, fault.kind);
  }
}

Phase CoverageTracker::PhaseOf(uint32_t node, uint32_t object) const {
  const auto replicas = phases_.find(node);
  if (replicas == phases_.end()) return Phase::kIdle;
  const auto phase = replicas->second.find(object);
  return phase == replicas->second.end() ? Phase::kIdle : phase->second;
}

void CoverageTracker::OnNodeDown(uint32_t node) { down_.insert(node); }

void CoverageTracker::OnNodeUp(uint32_t node) {
  if (down_.erase(node) > 0) phases_.erase(node);
}

void CoverageTracker::Strike(uint32_t node, FaultKind kind) {
  std::set<Phase> met;
  if (const auto replicas = phases_.find(node); replicas != phases_.end()) {
    for (const auto& [object, phase] : replicas->second) met.insert(phase);
  }
  if (met.empty()) met.insert(Phase::kIdle);
  for (const Phase phase : met) Count(phase, kind);
}

void CoverageTracker::Begin(uint64_t id, uint32_t node, FaultKind kind) {
  Strike(node, kind);
  lasting_.emplace(id, Lasting{node, kind});
}

void CoverageTracker::End(uint64_t id) { lasting_.erase(id); }

}  // namespace holdfast::run
