#include "sut/base/probe.h"

#include <array>

namespace sut {
namespace {

constexpr std::array<std::string_view, kProbeCount> kNames = {
    "raft.election.prevote",
    "raft.election.started",
    "raft.vote.granted",
    "raft.leader.elected",
    "raft.leader.stepped_down",
    "raft.transfer.started",
    "raft.log.appended",
    "raft.log.synced",
    "raft.log.truncated",
    "raft.log.compacted",
    "tablet.store.opened",
    "tablet.store.flushed",
    "tablet.snapshot.begun",
    "tablet.snapshot.flushed",
    "tablet.snapshot.linked",
    "tablet.snapshot.metadata_written",
    "tablet.snapshot.renamed",
    "tablet.snapshot.marked",
    "tablet.restore.begun",
    "tablet.restore.staged",
    "tablet.restore.carried_over",
    "tablet.restore.committed",
    "tablet.restore.swapped",
    "tablet.drop.begun",
    "tablet.drop.renamed",
    "tablet.drop.unlinked",
    "tablet.adopt.begun",
    "tablet.adopt.verified",
    "tablet.closed",
    "tablet.removal.journaled",
    "tablet.removal.finished",
    "tablet.install.begun",
    "tablet.install.accepted",
    "tablet.install.resumed",
    "tablet.install.chunk_sent",
    "tablet.install.chunk_received",
    "tablet.install.staged",
    "tablet.install.committed",
    "tablet.install.finished",
    "node.recovery.begun",
    "node.recovery.finished",
    "master.reconcile.begun",
    "master.reconcile.called",
    "master.reconcile.reply",
    "tablet.bootstrap.begun",
    "tablet.member.added",
    "tablet.member.promoted",
    "tablet.member.removed",
    "tablet.replica.deleted",
    "master.placement.asked",
    "master.placement.shown",
};

}  // namespace

std::string_view ProbeName(Probe probe) { return kNames[static_cast<int>(probe)]; }

std::optional<Probe> ProbeFromName(std::string_view name) {
  for (int i = 0; i < kProbeCount; ++i) {
    if (kNames[i] == name) return static_cast<Probe>(i);
  }
  return std::nullopt;
}

}  // namespace sut
