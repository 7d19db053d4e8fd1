#include "harness/plan/themes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "harness/plan/leadership_themes.h"
#include "harness/plan/membership_themes.h"
#include "harness/plan/scan_themes.h"
#include "harness/plan/table_themes.h"

namespace holdfast::plan {
namespace {

using sut::Probe;

constexpr Range kSoonUs = {50'000, 800'000};      // back before an election is likely to be over
constexpr Range kLaterUs = {300'000, 3'000'000};  // back after one
constexpr Range kLagUs = {2'000'000, 5'000'000};  // long enough to miss a burst of writes

constexpr uint64_t Ms(uint64_t ms) { return ms * kMillisecond; }

// A tablet of one of the snapshot's tables.
TabletRef TabletOf(const Draft::CreatedSnapshot& snapshot, Draft* draft) {
  TabletRef tablet = draft->AnyTablet();
  tablet.table = snapshot.tables[draft->random()->NextBelow(snapshot.tables.size())];
  return tablet;
}

void Work(uint64_t at_us, uint64_t spread_ms, Draft* draft) {
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(spread_ms), .count = draft->Between(4, 10)});
}

// Restores some seconds after the create, when it is COMPLETE in all likelihood, and reads what came back.
uint64_t RestoreLater(const Draft::CreatedSnapshot& snapshot, Draft* draft) {
  const uint64_t at_us = snapshot.at_us + draft->BetweenMs(1000, 4000);
  draft->Restore(at_us, snapshot.number);
  draft->Observe(at_us + draft->BetweenMs(200, 1200), snapshot);
  return at_us;
}

void PlayCycle(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 1000, draft);
  RestoreLater(snapshot, draft);
}

void PlayRestoreTwice(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 1000, draft);
  const uint64_t first_us = RestoreLater(snapshot, draft);
  Work(first_us + Ms(200), 800, draft);
  // At nearly the same time, now and then: the second is refused, or must wait its turn.
  const uint64_t second_us = first_us + (draft->Chance(200) ? draft->BetweenMs(0, 80) : draft->BetweenMs(1000, 3000));
  draft->Restore(second_us, snapshot.number);
  draft->Observe(second_us + draft->BetweenMs(200, 1200), snapshot);
}

void PlayRestoreWriteCrash(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 1000, draft);
  const uint64_t restore_us = at_us + draft->BetweenMs(1000, 3000);
  draft->Restore(restore_us, snapshot.number);
  Work(restore_us + Ms(100), 900, draft);
  const uint64_t crash_us = restore_us + draft->BetweenMs(100, 1500);
  if (!draft->Chance(500) || !draft->CrashAll(crash_us, kLaterUs)) {
    draft->TakeAway(crash_us, draft->Leader(TabletOf(snapshot, draft)), kLaterUs);
  }
  draft->Observe(crash_us + draft->BetweenMs(1000, 3000), snapshot);
}

void PlayBackToBack(uint64_t at_us, Draft* draft) {
  Work(at_us, 50, draft);
  const auto first = draft->CreateOfAll(at_us);
  draft->CreateOfAll(at_us + draft->BetweenMs(0, 30));
  Work(at_us, 400, draft);
  RestoreLater(first, draft);
}

void PlayCreatePhaseCrash(uint64_t at_us, Draft* draft) {
  draft->TroubleWhen(at_us,
                     {Probe::kSnapshotBegun, Probe::kSnapshotFlushed, Probe::kSnapshotLinked,
                      Probe::kSnapshotMetadataWritten, Probe::kSnapshotRenamed, Probe::kSnapshotMarked},
                     {100'000, 3'000'000});
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 800, draft);
  RestoreLater(snapshot, draft);
}

void PlayRestorePhaseCrash(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 1000, draft);
  const uint64_t restore_us = at_us + draft->BetweenMs(1000, 3000);
  draft->TroubleWhen(restore_us,
                     {Probe::kRestoreBegun, Probe::kRestoreStaged, Probe::kRestoreCarriedOver, Probe::kRestoreCommitted,
                      Probe::kRestoreSwapped},
                     {100'000, 3'000'000});
  draft->Restore(restore_us, snapshot.number);
  Work(restore_us, 800, draft);
  draft->Observe(restore_us + draft->BetweenMs(500, 3000), snapshot);
}

void PlayLeaderMoves(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  for (uint64_t n = draft->Between(1, 3); n > 0; --n)
    draft->MoveLeader(at_us + draft->BetweenMs(0, 300), draft->Chance(250));
  Work(at_us, 600, draft);
  const uint64_t restore_us = RestoreLater(snapshot, draft);
  draft->MoveLeader(restore_us + draft->BetweenMs(0, 300), draft->Chance(250));
  // Followers must have come along: one of them leads now.
  draft->MoveLeader(restore_us + draft->BetweenMs(500, 1500), false);
  draft->Observe(restore_us + draft->BetweenMs(1500, 2500), snapshot);
}

void PlayPowerLossAfterCreate(uint64_t at_us, Draft* draft) {
  Work(at_us, 100, draft);
  const auto snapshot = draft->Create(at_us + Ms(100));
  const uint64_t loss_us = at_us + draft->BetweenMs(200, 2500);
  if (!draft->Chance(500) || !draft->CrashAll(loss_us, kSoonUs)) draft->Crash(loss_us, draft->AnyTarget(), kLaterUs);
  const uint64_t restore_us = loss_us + draft->BetweenMs(1500, 3500);
  draft->Restore(restore_us, snapshot.number);
  draft->Observe(restore_us + draft->BetweenMs(200, 1200), snapshot);
}

// Attempts time out while their first try is on its way through a slow log, so that both sides of a restore see them.
void PlayRetryAcrossRestore(uint64_t at_us, Draft* draft) {
  if (draft->Chance(700)) draft->options()->set_attempt_timeout_us(draft->BetweenMs(12, 150));
  const auto snapshot = draft->Create(at_us);
  const TabletRef tablet = TabletOf(snapshot, draft);
  draft->AddBurst(
      {.at_us = at_us, .spread_us = Ms(800), .count = 4, .on_tablet = true, .tablet = tablet, .writes_only = true});
  const uint64_t restore_us = at_us + draft->BetweenMs(1200, 3000);
  const uint64_t trouble_us = restore_us - draft->BetweenMs(0, 150);
  fault::Weather weather;
  weather.set_delay_factor(static_cast<uint32_t>(draft->Between(4, 25)));
  weather.set_duplicate_permille(static_cast<uint32_t>(draft->Between(0, 400)));
  weather.set_heal_after_us(draft->BetweenMs(200, 1500));
  if (!draft->Chance(400) || !draft->Weather(trouble_us, std::move(weather))) {
    // Shorter than an election, so that the same leader goes on with what piled up.
    const Range gap_us = draft->Chance(700) ? Range{60'000, 450'000} : kLaterUs;
    draft->TakeAway(trouble_us, draft->Chance(600) ? draft->Leader(tablet) : draft->Follower(tablet), gap_us);
  }
  draft->AddBurst({.at_us = trouble_us,
                   .spread_us = restore_us - trouble_us + Ms(60),
                   .count = draft->Between(8, 16),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true,
                   .increments_mostly = true});
  draft->Restore(restore_us, snapshot.number);
  draft->Observe(restore_us + draft->BetweenMs(300, 1500), snapshot);
}

void PlayDrop(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 800, draft);
  const uint64_t drop_us = at_us + (draft->Chance(200) ? draft->BetweenMs(0, 200) : draft->BetweenMs(800, 3000));
  if (draft->Chance(600)) {
    draft->TroubleWhen(drop_us, {Probe::kDropBegun, Probe::kDropRenamed, Probe::kDropUnlinked}, kLaterUs);
  }
  draft->Drop(drop_us, snapshot.number);
  if (draft->Chance(300)) draft->Drop(drop_us + draft->BetweenMs(0, 500), snapshot.number);
  draft->List(drop_us + draft->BetweenMs(0, 1500));
  Work(drop_us, 800, draft);
}

void PlayDuplicatedCreate(uint64_t at_us, Draft* draft) {
  if (draft->Chance(700)) draft->options()->set_tablet_call_timeout_us(draft->BetweenMs(10, 60));
  fault::Weather weather;
  weather.set_duplicate_permille(static_cast<uint32_t>(draft->Between(200, 800)));
  weather.set_delay_factor(static_cast<uint32_t>(draft->Between(2, 12)));
  if (draft->Chance(300)) weather.set_loss_permille(static_cast<uint32_t>(draft->Between(10, 150)));
  weather.set_heal_after_us(draft->BetweenMs(500, 2000));
  if (!draft->Weather(at_us, std::move(weather))) draft->TakeAway(at_us + Ms(60), draft->MasterLeader(), kSoonUs);
  const auto snapshot = draft->Create(at_us + Ms(50));
  draft->AddBurst({.at_us = at_us,
                   .spread_us = Ms(1200),
                   .count = draft->Between(8, 16),
                   .on_tablet = draft->Chance(500),
                   .tablet = TabletOf(snapshot, draft),
                   .writes_only = true});
  RestoreLater(snapshot, draft);
}

// Now and then too late, so that the snapshot must fail while its tablet may yet do its part.
void PlaySlowTablet(uint64_t at_us, Draft* draft) {
  if (draft->Chance(300)) draft->options()->set_snapshot_timeout_us(draft->BetweenMs(100, 600));
  const auto snapshot = draft->CreateOfAll(at_us);
  const TabletRef tablet = draft->AnyTablet();
  draft->TakeAway(at_us - std::min(at_us, draft->BetweenMs(0, 120)), draft->Leader(tablet), kLaterUs);
  draft->AddBurst({.at_us = at_us,
                   .spread_us = Ms(2500),
                   .count = draft->Between(6, 14),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true});
  for (int i = 0; i < 2; ++i) draft->List(at_us + draft->BetweenMs(200, 2000));
  const uint64_t restore_us = at_us + draft->BetweenMs(2500, 5000);
  draft->Restore(restore_us, snapshot.number);
  draft->Observe(restore_us + draft->BetweenMs(200, 1200), snapshot);
}

void PlayLaggingFollower(uint64_t at_us, Draft* draft) {
  draft->options()->set_log_retention_entries(draft->Between(1, 4));
  draft->options()->set_flush_after_entries(draft->Between(2, 8));
  const TabletRef tablet = draft->AnyTablet();
  const uint64_t lag_us = Draw(kLagUs, draft->random());
  draft->TakeAway(at_us, draft->Follower(tablet), {lag_us, lag_us});
  draft->AddBurst({.at_us = at_us + Ms(100),
                   .spread_us = lag_us - Ms(600),
                   .count = draft->Between(12, 22),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true});
  if (draft->Chance(600)) {
    const auto snapshot = draft->Create(at_us + draft->BetweenMs(100, lag_us / kMillisecond));
    // What is being shipped goes.
    if (draft->Chance(150)) {
      draft->DropWhen(at_us + lag_us,
                      {Probe::kInstallBegun, Probe::kInstallAccepted, Probe::kInstallChunkReceived,
                       Probe::kInstallStaged, Probe::kInstallCommitted, Probe::kInstallFinished},
                      snapshot.number);
    }
  }
  if (draft->Chance(500)) {
    draft->TroubleWhen(
        at_us + lag_us,
        {Probe::kInstallBegun, Probe::kInstallAccepted, Probe::kInstallResumed, Probe::kInstallChunkSent,
         Probe::kInstallChunkReceived, Probe::kInstallStaged, Probe::kInstallCommitted, Probe::kInstallFinished},
        kLaterUs);
  }
  // Some write on while the store is on its way.
  draft->AddBurst({.at_us = at_us + lag_us, .spread_us = Ms(800), .count = 5, .on_tablet = true, .tablet = tablet});
}

void PlayElectionStorm(uint64_t at_us, Draft* draft) {
  const TabletRef tablet = draft->AnyTablet();
  draft->TroubleWhen(at_us,
                     {Probe::kVoteGranted, Probe::kVoteGranted, Probe::kElectionStarted, Probe::kBecameLeader,
                      Probe::kPreVoteStarted, Probe::kSteppedDown},
                     {1'000, 400'000});
  draft->TakeAway(at_us, draft->Chance(800) ? draft->Leader(tablet) : draft->MasterLeader(), {100'000, 1'500'000});
  if (draft->Chance(500)) draft->TakeAway(at_us + draft->BetweenMs(300, 1800), draft->Leader(tablet), kSoonUs);
  draft->AddBurst({.at_us = at_us,
                   .spread_us = Ms(2500),
                   .count = draft->Between(6, 12),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true});
}

void PlayMasterTrouble(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 800, draft);
  const uint64_t trouble_us = at_us + draft->BetweenMs(0, 400);
  if (!draft->Chance(400) ||
      !draft->TroubleWhen(at_us, {Probe::kReconcileBegun, Probe::kReconcileCalled, Probe::kReconcileReply}, kLaterUs)) {
    draft->TakeAway(trouble_us, draft->MasterLeader(), kLaterUs);
  }
  draft->List(trouble_us + draft->BetweenMs(200, 2000));
  if (draft->Chance(400)) draft->Drop(trouble_us + draft->BetweenMs(500, 3000), snapshot.number);
}

void PlayRecoveryCrash(uint64_t at_us, Draft* draft) {
  Work(at_us, 200, draft);
  const uint64_t crash_us = at_us + Ms(100);
  draft->TroubleWhen(crash_us, {Probe::kRecoveryBegun, Probe::kStoreOpened, Probe::kRecoveryFinished}, kSoonUs);
  draft->Crash(crash_us, draft->AnyTarget(), kSoonUs);
  Work(crash_us, 2000, draft);
}

// A restore, and whatever else its snapshot can be asked for before it is over; a tablet that is away makes it last.
void PlayRivals(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  Work(at_us, 1000, draft);
  const uint64_t restore_us = at_us + draft->BetweenMs(1000, 3000);
  if (draft->Chance(700)) {
    draft->TakeAway(restore_us - draft->BetweenMs(0, 100), draft->Leader(TabletOf(snapshot, draft)), kLaterUs);
  }
  draft->Restore(restore_us, snapshot.number);
  const uint64_t rival_us = restore_us + draft->BetweenMs(0, 600);
  if (draft->Chance(500)) draft->Restore(rival_us, snapshot.number);
  if (draft->Chance(500)) {
    draft->Drop(restore_us + draft->BetweenMs(0, 900), snapshot.number);
  } else {
    draft->DropWhen(restore_us, {Probe::kRestoreBegun, Probe::kRestoreStaged, Probe::kRestoreSwapped}, snapshot.number);
  }
  for (int i = 0; i < 3; ++i) draft->List(rival_us + draft->BetweenMs(0, 1500));
  Work(restore_us, 1000, draft);
  draft->Observe(rival_us + draft->BetweenMs(500, 3000), snapshot);
}

struct ThemeEntry {
  ThemeNeeds needs;
  void (*play)(uint64_t at_us, Draft* draft);
};

// In the order of Theme.
constexpr std::array<ThemeEntry, kThemeCount> kThemes = {{
    {{.snapshots = 1, .restores = 1, .faults = 0}, PlayCycle},
    {{.snapshots = 1, .restores = 2, .faults = 0}, PlayRestoreTwice},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayRestoreWriteCrash},
    {{.snapshots = 2, .restores = 1, .faults = 0}, PlayBackToBack},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayCreatePhaseCrash},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayRestorePhaseCrash},
    {{.snapshots = 1, .restores = 1, .faults = 0}, PlayLeaderMoves},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayPowerLossAfterCreate},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayRetryAcrossRestore},
    {{.snapshots = 1, .restores = 0, .faults = 1}, PlayDrop},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayDuplicatedCreate},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlaySlowTablet},
    {{.snapshots = 1, .restores = 0, .faults = 2}, PlayLaggingFollower},
    {{.snapshots = 0, .restores = 0, .faults = 3}, PlayElectionStorm},
    {{.snapshots = 1, .restores = 0, .faults = 1}, PlayMasterTrouble},
    {{.snapshots = 0, .restores = 0, .faults = 2}, PlayRecoveryCrash},
    {{.snapshots = 0, .restores = 0, .faults = 2}, PlayIsolatedLeader},
    {{.snapshots = 2, .restores = 0, .faults = 1}, PlayIsolatedMaster},
    {{.snapshots = 0, .restores = 0, .faults = 4}, PlayRollingIsolation},
    {{.snapshots = 0, .restores = 0, .faults = 2}, PlayDeposedLeaderLags},
    {{.snapshots = 1, .restores = 0, .faults = 2}, PlayOddNetwork},
    {{.snapshots = 1, .restores = 0, .faults = 1}, PlayRestartLoop},
    {{.snapshots = 1, .restores = 2, .faults = 1}, PlayRivals},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayReplaceReplica},
    {{.snapshots = 1, .restores = 0, .faults = 4}, PlayReplaceDead},
    {{.snapshots = 1, .restores = 1, .faults = 1}, PlayLostDisk},
    {{.snapshots = 1, .restores = 1, .faults = 2}, PlayDroppedTable},
    {{.snapshots = 1, .restores = 1, .faults = 2}, PlayImportedSnapshot},
    {{.snapshots = 1, .restores = 1, .faults = 2}, PlayLongScans},
    {{.snapshots = 1, .restores = 0, .faults = 1}, PlayGrowAndShrink},
    {{.snapshots = 2, .restores = 1, .faults = 3}, PlayMasterToAndFro},
}};

}  // namespace

ThemeNeeds NeedsOf(Theme theme) { return kThemes[static_cast<int>(theme)].needs; }

void Play(Theme theme, uint64_t at_us, Draft* draft) { kThemes[static_cast<int>(theme)].play(at_us, draft); }

}  // namespace holdfast::plan
