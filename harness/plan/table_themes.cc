#include "harness/plan/table_themes.h"

#include <algorithm>

namespace holdfast::plan {
namespace {

using sut::Probe;

constexpr Range kBackUs = {300'000, 3'000'000};

constexpr uint64_t Ms(uint64_t ms) { return ms * kMillisecond; }

fault::Target AnyReplicaOf(const Draft::CreatedSnapshot& snapshot, Draft* draft) {
  TabletRef tablet = draft->AnyTablet();
  tablet.table = snapshot.tables[draft->random()->NextBelow(snapshot.tables.size())];
  return draft->Chance(500) ? draft->Leader(tablet) : draft->Follower(tablet);
}

// Its table is dropped while a replica that has fallen behind gets the store. Returns when that is, at the earliest.
uint64_t DropWhileInstalling(uint64_t at_us, TabletRef tablet, Draft* draft) {
  draft->options()->set_log_retention_entries(draft->Between(1, 4));
  draft->options()->set_flush_after_entries(draft->Between(2, 8));
  draft->options()->set_install_chunk_bytes(draft->Between(100, 1'000));
  const uint64_t lag_us = draft->BetweenMs(1500, 3000);
  draft->TakeAway(at_us, draft->Follower(tablet), {lag_us, lag_us});
  draft->AddBurst({.at_us = at_us + Ms(100),
                   .spread_us = lag_us - Ms(600),
                   .count = draft->Between(12, 22),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true});
  draft->DropTableWhen(at_us + lag_us - Ms(100),
                       {Probe::kInstallBegun, Probe::kInstallAccepted, Probe::kInstallChunkReceived,
                        Probe::kInstallChunkReceived, Probe::kInstallStaged, Probe::kInstallCommitted},
                       tablet.table);
  return at_us + lag_us;
}

}  // namespace

// Around a create or a restore, which a tablet that is away makes last. Late in the plan, as nothing is left to do with
// the table afterwards; its snapshots go first or last or not at all.
void PlayDroppedTable(uint64_t at_us, Draft* draft) {
  at_us = std::max(at_us, draft->duration_us() / 2);
  const auto snapshot = draft->Create(at_us);
  TabletRef tablet = draft->AnyTablet();
  tablet.table = snapshot.tables[draft->random()->NextBelow(snapshot.tables.size())];
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(600), .count = draft->Between(4, 8)});
  uint64_t drop_us = at_us + draft->BetweenMs(0, 250);
  const bool installs = draft->Chance(200);
  if (installs) {
    drop_us = DropWhileInstalling(drop_us, tablet, draft);
  } else if (draft->Chance(500)) {
    const uint64_t restore_us = at_us + draft->BetweenMs(1000, 3000);
    draft->Restore(restore_us, snapshot.number);
    drop_us = restore_us + draft->BetweenMs(0, 250);
  }
  if (!installs && draft->Chance(500)) {
    const uint64_t away_us = drop_us - std::min(drop_us, draft->BetweenMs(0, 300));
    draft->TakeAway(away_us, draft->Chance(500) ? draft->Leader(tablet) : draft->Follower(tablet), kBackUs);
  }
  if (draft->Chance(500)) {
    draft->CrashWhen(drop_us, {Probe::kTabletClosed, Probe::kRemovalJournaled, Probe::kRemovalFinished}, kBackUs);
  }
  if (!installs) draft->DropTable(drop_us, tablet.table);
  if (draft->Chance(150)) draft->DropTable(drop_us + draft->BetweenMs(0, 1000), tablet.table);
  draft->AddBurst(
      {.at_us = drop_us, .spread_us = Ms(900), .count = draft->Between(3, 8), .on_tablet = true, .tablet = tablet});
  if (draft->Chance(700)) draft->Drop(drop_us + draft->BetweenMs(200, 3000), snapshot.number);
  draft->List(drop_us + draft->BetweenMs(0, 1500));
}

// Now and then the snapshot itself is gone by then, what was exported is damaged, or there are two imports of it.
void PlayImportedSnapshot(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(800), .count = draft->Between(4, 10)});
  const uint64_t export_us = at_us + draft->BetweenMs(900, 2500);
  // What is placed by hand is placed at the replicas that there are.
  if (draft->counts().group_changes > 0) return draft->Restore(export_us, snapshot.number);
  const auto exported = draft->Export(export_us, snapshot);
  if (draft->Chance(200)) draft->Drop(export_us + draft->BetweenMs(50, 400), snapshot.number);
  if (draft->Chance(250)) draft->Damage(export_us + draft->BetweenMs(10, 400), exported);
  const uint64_t import_us = export_us + draft->BetweenMs(100, 1000);
  if (draft->Chance(350)) {
    draft->CrashWhen(import_us,
                     {Probe::kAdoptBegun, Probe::kAdoptVerified, Probe::kPlacementAsked, Probe::kPlacementShown,
                      Probe::kSnapshotMetadataWritten, Probe::kSnapshotRenamed},
                     kBackUs);
  }
  const auto imported = draft->Import(import_us, exported);
  if (draft->Chance(250)) draft->Import(import_us + draft->BetweenMs(0, 1500), exported);
  draft->AddBurst({.at_us = import_us, .spread_us = Ms(500), .count = draft->Between(3, 8)});
  const uint64_t restore_us = import_us + draft->BetweenMs(100, 2000);
  // Once the mark of the adoption is durable, so must be what it speaks of.
  if (draft->Chance(350)) {
    const fault::Target replica = AnyReplicaOf(imported, draft);
    const uint64_t flush_us = restore_us + draft->BetweenMs(10, 800);
    draft->Flush(flush_us, replica);
    draft->PowerLoss(flush_us + draft->BetweenMs(1, 200), replica, kBackUs);
  }
  draft->Restore(restore_us, imported.number);
  draft->Observe(restore_us + draft->BetweenMs(300, 1500), imported);
  if (draft->Chance(250)) draft->Drop(restore_us + draft->BetweenMs(500, 3000), imported.number);
}

}  // namespace holdfast::plan
