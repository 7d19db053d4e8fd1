#include "harness/plan/membership_themes.h"

#include <utility>

namespace holdfast::plan {
namespace {

using sut::Probe;

constexpr Range kBackUs = {300'000, 3'000'000};

constexpr uint64_t Ms(uint64_t ms) { return ms * kMillisecond; }

TabletRef AnyTabletOf(const Draft::CreatedSnapshot& snapshot, Draft* draft) {
  TabletRef tablet = draft->AnyTablet();
  tablet.table = snapshot.tables[draft->random()->NextBelow(snapshot.tables.size())];
  return tablet;
}

fault::Target AnyReplica(TabletRef tablet, Draft* draft) {
  return draft->Chance(400) ? draft->Leader(tablet) : draft->Follower(tablet);
}

// What a bootstrap must ship does not fit into a message, and the log does not go back to its beginning.
void MakeBootstrapsLong(Draft* draft) {
  if (draft->Chance(400)) draft->options()->set_install_chunk_bytes(draft->Between(200, 4'000));
  if (draft->Chance(500)) {
    draft->options()->set_log_retention_entries(draft->Between(1, 8));
    draft->options()->set_flush_after_entries(draft->Between(1, 8));
  }
}

void StrikeBootstrap(uint64_t at_us, Draft* draft) {
  draft->CrashWhen(at_us,
                   {Probe::kBootstrapBegun, Probe::kMemberAdded, Probe::kInstallBegun, Probe::kInstallAccepted,
                    Probe::kInstallChunkReceived, Probe::kInstallStaged, Probe::kInstallCommitted,
                    Probe::kInstallFinished, Probe::kMemberPromoted, Probe::kMemberRemoved, Probe::kReplicaDeleted},
                   kBackUs);
}

}  // namespace

// With a snapshot before, one under way, and one after; then whatever the new replica was given is restored.
void PlayReplaceReplica(uint64_t at_us, Draft* draft) {
  MakeBootstrapsLong(draft);
  const auto snapshot = draft->Create(at_us);
  const TabletRef tablet = AnyTabletOf(snapshot, draft);
  const uint64_t change_us = at_us + draft->BetweenMs(0, 1500);
  const bool grows = draft->Chance(250);
  draft->ChangeReplicas(change_us, grows ? Membership::ADD : Membership::REPLACE, AnyReplica(tablet, draft));
  draft->AddBurst({.at_us = at_us,
                   .spread_us = Ms(3000),
                   .count = draft->Between(8, 20),
                   .on_tablet = draft->Chance(700),
                   .tablet = tablet});
  if (draft->Chance(700)) {
    StrikeBootstrap(change_us - draft->Between(0, change_us - at_us), draft);
  } else {
    draft->TakeAway(change_us + draft->BetweenMs(0, 800), AnyReplica(tablet, draft), kBackUs);
  }
  if (draft->Chance(400)) draft->Restore(change_us + draft->BetweenMs(0, 1200), snapshot.number);
  if (draft->Chance(300)) draft->Drop(change_us + draft->BetweenMs(0, 1200), snapshot.number);
  const uint64_t after_us = change_us + draft->BetweenMs(800, 3000);
  if (grows || draft->Chance(300)) {
    draft->ChangeReplicas(after_us, Membership::REMOVE, AnyReplica(tablet, draft));
  }
  draft->Observe(after_us + Ms(500), snapshot);
}

// The group moves on without the one that is away: when it comes back it is out, and must not disturb.
void PlayReplaceDead(uint64_t at_us, Draft* draft) {
  MakeBootstrapsLong(draft);
  const auto snapshot = draft->Create(at_us);
  const TabletRef tablet = AnyTabletOf(snapshot, draft);
  const fault::Target dead = AnyReplica(tablet, draft);
  const uint64_t away_us = at_us + draft->BetweenMs(100, 800);
  // Found again by what it was when it went; the roles of those that stay may change meanwhile.
  draft->ChangeReplicas(away_us, Membership::REPLACE, dead);
  draft->TakeAway(away_us + draft->BetweenMs(0, 30), dead, {800'000, 5'000'000});
  draft->AddBurst({.at_us = away_us,
                   .spread_us = Ms(3000),
                   .count = draft->Between(8, 20),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = draft->Chance(500)});
  const uint64_t fault_us = away_us + draft->BetweenMs(500, 2500);
  const uint64_t kind = draft->random()->NextBelow(4);
  if (kind <= 1) {
    // Who is behind when the leader goes needs votes that it must not get; the master is not there to clear up.
    const uint64_t lag_us = draft->BetweenMs(300, 1500);
    draft->Isolate(fault_us, draft->Follower(tablet), {}, {lag_us, lag_us});
    draft->TakeAway(fault_us + lag_us - Ms(30), draft->Leader(tablet), kBackUs);
    // Before the change is made, or when all that is left is to tell the one that is out.
    const uint64_t clear_up_us = kind == 0 ? away_us + draft->BetweenMs(0, 600) : fault_us + draft->BetweenMs(0, 300);
    draft->TakeAway(clear_up_us, draft->MasterLeader(), kBackUs);
  } else if (kind == 2) {
    draft->TakeAway(fault_us, draft->Leader(tablet), kBackUs);
  } else {
    StrikeBootstrap(away_us, draft);
  }
  if (draft->Chance(500)) draft->MoveLeader(away_us + draft->BetweenMs(300, 3000), false);
}

// Comes, goes, and comes again; each before the one before it is over, or after. Of a group of one, what is asked to go
// must not.
void PlayGrowAndShrink(uint64_t at_us, Draft* draft) {
  if (draft->Chance(400)) MakeBootstrapsLong(draft);
  const auto snapshot = draft->Create(at_us);
  const TabletRef tablet = AnyTabletOf(snapshot, draft);
  // Replicas stand in the order of their ids, so that the last one is the newest.
  fault::Target newest = draft->Follower(tablet);
  if (draft->shape().replication_factor() > 1) newest.set_ordinal(draft->shape().replication_factor() - 1);
  uint64_t change_us = at_us + draft->BetweenMs(0, 300);
  for (uint64_t n = draft->Between(3, 5); n > 0; --n) {
    const uint64_t kind = draft->random()->NextBelow(10);
    if (kind < 4) draft->ChangeReplicas(change_us, Membership::ADD, AnyReplica(tablet, draft));
    if (kind >= 4 && kind < 8) draft->ChangeReplicas(change_us, Membership::REMOVE, newest);
    if (kind >= 8)
      draft->ChangeReplicas(change_us, Membership::REPLACE, draft->Chance(600) ? newest : AnyReplica(tablet, draft));
    change_us += draft->Chance(400) ? draft->BetweenMs(0, 300) : draft->BetweenMs(500, 2500);
  }
  draft->AddBurst({.at_us = at_us,
                   .spread_us = Ms(4000),
                   .count = draft->Between(8, 20),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = draft->Chance(500)});
  // On a slow network a change is still on its way when the next one is asked for.
  fault::Weather weather;
  weather.set_delay_factor(static_cast<uint32_t>(draft->Between(5, 60)));
  weather.set_duplicate_permille(static_cast<uint32_t>(draft->Between(0, 300)));
  weather.set_heal_after_us(draft->BetweenMs(1500, 5000));
  if (draft->Chance(500) && draft->Weather(at_us, std::move(weather))) return;
  draft->TakeAway(at_us + draft->BetweenMs(0, 3000), AnyReplica(tablet, draft), kBackUs);
}

void PlayLostDisk(uint64_t at_us, Draft* draft) {
  MakeBootstrapsLong(draft);
  const auto snapshot = draft->CreateOfAll(at_us);
  const uint64_t lost_us = at_us + draft->BetweenMs(0, 2000);
  if (!draft->LoseDisk(lost_us, {20'000, 3'000'000})) {
    draft->ChangeReplicas(lost_us, Membership::REPLACE, AnyReplica(AnyTabletOf(snapshot, draft), draft));
  }
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(4000), .count = draft->Between(6, 16)});
  if (draft->Chance(500)) draft->Restore(lost_us + draft->BetweenMs(0, 4000), snapshot.number);
  draft->Observe(lost_us + draft->BetweenMs(1000, 4000), snapshot);
}

}  // namespace holdfast::plan
