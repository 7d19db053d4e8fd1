#include "harness/plan/leadership_themes.h"

#include <algorithm>
#include <vector>

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

// How a node stopped taking part, with its memory as it is.
struct Severed {
  uint64_t at_us;
  uint64_t back_us;
  bool paused;  // cut off, otherwise
};

Severed Sever(uint64_t at_us, const fault::Target& target, const std::vector<uint32_t>& clients, Range back_after_us,
              Draft* draft) {
  const uint64_t length_us = Draw(back_after_us, draft->random());
  const Range exactly = {length_us, length_us};
  Severed severed{.at_us = at_us, .back_us = at_us + length_us, .paused = false};
  const bool rather_pause = draft->Chance(500);
  severed.paused = rather_pause && draft->Pause(at_us, target, exactly);
  if (severed.paused || draft->Isolate(at_us, target, clients, exactly)) return severed;
  severed.paused = draft->Pause(at_us, target, exactly);
  if (!severed.paused) draft->Crash(at_us, target, exactly);
  return severed;
}

// When an old leader that is severed may answer although there is a new one: cut off, until it notices; paused, when it
// goes on and finds questions waiting.
Range WhenItMisleads(const Severed& severed, uint64_t election_us) {
  constexpr uint64_t kWaitingUs = 100'000;  // most clients wait so long before they ask elsewhere
  if (!severed.paused) return {severed.at_us + election_us, severed.at_us + 5 * election_us / 2};
  return {severed.back_us - std::min(kWaitingUs, severed.back_us - severed.at_us), severed.back_us};
}

// Clients that look elsewhere soon, so that those outside find the next leader while the old one still thinks it leads.
void MakeImpatient(Draft* draft) {
  if (draft->Chance(600)) draft->options()->set_attempt_timeout_us(draft->BetweenMs(30, 150));
}

// One round: the leader of a tablet is severed for one to five elections; those outside write, and those inside read
// when it may mislead them.
void SeverLeader(uint64_t at_us, TabletRef tablet, const std::vector<uint32_t>& inside, Draft* draft) {
  const uint64_t election_us = draft->election_us();
  const Severed severed = Sever(at_us, draft->Leader(tablet), inside, {election_us, 5 * election_us}, draft);
  draft->AddBurst({.at_us = at_us + election_us / 4,
                   .spread_us = 2 * election_us,
                   .count = draft->Between(8, 16),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true,
                   .clients = draft->AllClientsBut(inside)});
  const Range misleads_us = WhenItMisleads(severed, election_us);
  draft->AddBurst({.at_us = misleads_us.min,
                   .spread_us = misleads_us.max - misleads_us.min,
                   .count = draft->Between(6, 14),
                   .on_tablet = true,
                   .tablet = tablet,
                   .reads_only = true,
                   .clients = inside});
}

}  // namespace

void PlayIsolatedLeader(uint64_t at_us, Draft* draft) {
  MakeImpatient(draft);
  const TabletRef tablet = draft->AnyTablet();
  const std::vector<uint32_t> inside = draft->SomeClients();
  // So that everybody knows who leads.
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(200), .count = 8, .on_tablet = true, .tablet = tablet});
  const uint64_t first_us = at_us + Ms(300);
  SeverLeader(first_us, tablet, inside, draft);
  // The next leader, before or after the first is back.
  if (draft->Chance(500)) SeverLeader(first_us + draft->Between(1, 4) * draft->election_us(), tablet, inside, draft);
}

void PlayIsolatedMaster(uint64_t at_us, Draft* draft) {
  MakeImpatient(draft);
  const std::vector<uint32_t> inside = draft->SomeClients();
  const std::vector<uint32_t> outside = draft->AllClientsBut(inside);
  const uint64_t election_us = draft->election_us();
  const auto old_snapshot = draft->Create(at_us);
  for (uint32_t client = 0; client < inside.size() + outside.size(); ++client) draft->List(at_us + Ms(50), {client});
  const uint64_t severed_us = at_us + draft->BetweenMs(300, 1500);
  const Severed severed = Sever(severed_us, draft->MasterLeader(), inside, {2 * election_us, 6 * election_us}, draft);
  // Some of them reach the next leader as soon as there is one.
  const Range changes_us = {severed_us + 3 * election_us / 4, severed_us + 2 * election_us};
  draft->Create(Draw(changes_us, draft->random()), outside);
  if (draft->Chance(700)) {
    for (int i = 0; i < 5; ++i) draft->Drop(Draw(changes_us, draft->random()), old_snapshot.number, outside);
  }
  const Range misleads_us = WhenItMisleads(severed, election_us);
  for (uint64_t n = draft->Between(8, 18); n > 0; --n) draft->List(Draw(misleads_us, draft->random()), inside);
  for (int i = 0; i < 2; ++i) draft->List(Draw(misleads_us, draft->random()), outside);
}

// What a master that leads again remembers of its first time is out of date: what it had asked for, been told, or
// proposed, and others have done since. A tablet that is away keeps the snapshot, and its restore or delete,
// unfinished.
void PlayMasterToAndFro(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->CreateOfAll(at_us);
  const TabletRef tablet = AnyTabletOf(snapshot, draft);
  uint64_t unfinished_us = at_us;
  if (draft->Chance(500)) {
    unfinished_us = at_us + draft->BetweenMs(800, 2500);
    if (draft->Chance(500)) {
      draft->Restore(unfinished_us, snapshot.number);
    } else {
      draft->Drop(unfinished_us, snapshot.number);
    }
  }
  draft->TakeAway(unfinished_us - std::min(unfinished_us, draft->BetweenMs(0, 200)), draft->Leader(tablet),
                  {1'000'000, 3'500'000});
  const uint64_t election_us = draft->election_us();
  uint64_t turn_us = unfinished_us + draft->BetweenMs(0, 300);
  int severed = 0;
  for (uint64_t turn = draft->Between(2, 5); turn > 0; --turn) {
    if (severed < 2 && draft->Chance(400)) {
      Sever(turn_us, draft->MasterLeader(), {}, {election_us, 3 * election_us}, draft);
      ++severed;
    } else {
      draft->MoveLeader(turn_us, /*master=*/true);
    }
    turn_us += draft->Between(election_us / 2, 3 * election_us);
  }
  if (draft->Chance(400)) draft->Create(Draw({unfinished_us, turn_us}, draft->random()));
  for (int i = 0; i < 2; ++i) draft->List(Draw({unfinished_us, turn_us + Ms(1000)}, draft->random()));
}

// Leaders come and go faster than their entries get around, one entry a message: logs grow apart (Raft paper, figures 7
// and 8).
void PlayRollingIsolation(uint64_t at_us, Draft* draft) {
  const TabletRef tablet = draft->AnyTablet();
  if (draft->Chance(600)) {
    draft->options()->set_entries_per_append_max(static_cast<uint32_t>(draft->Between(1, 2)));
    draft->options()->set_appends_in_flight_max(1);
  }
  MakeImpatient(draft);
  const uint64_t election_us = draft->election_us();
  uint64_t severed_us = at_us + Ms(100);
  constexpr int kRounds = 4;
  for (int i = 0; i < kRounds; ++i) {
    Sever(severed_us, draft->Leader(tablet), {}, {election_us, 4 * election_us}, draft);
    severed_us += draft->Between(election_us / 2, 3 * election_us);
  }
  draft->AddBurst({.at_us = at_us,
                   .spread_us = severed_us - at_us,
                   .count = draft->Between(12, 24),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true});
}

// What the severed leader takes can't be committed; what the others commit meanwhile leaves their short logs.
void PlayDeposedLeaderLags(uint64_t at_us, Draft* draft) {
  draft->options()->set_log_retention_entries(draft->Between(1, 3));
  draft->options()->set_flush_after_entries(draft->Between(1, 4));
  if (draft->Chance(600)) draft->options()->set_attempt_timeout_us(draft->BetweenMs(30, 250));
  const TabletRef tablet = draft->AnyTablet();
  const std::vector<uint32_t> inside = draft->SomeClients();
  const uint64_t election_us = draft->election_us();
  const uint64_t severed_us = at_us + Ms(200);
  if (!draft->Isolate(severed_us, draft->Leader(tablet), inside, {2 * election_us, 8 * election_us})) {
    draft->TakeAway(severed_us, draft->Leader(tablet), {2 * election_us, 8 * election_us});
  }
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(150), .count = 6, .on_tablet = true, .tablet = tablet});
  draft->AddBurst({.at_us = severed_us,
                   .spread_us = election_us,
                   .count = draft->Between(4, 20),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true,
                   .clients = inside});
  draft->AddBurst({.at_us = severed_us + election_us,
                   .spread_us = 3 * election_us,
                   .count = draft->Between(3, 12),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true,
                   .clients = draft->AllClientsBut(inside)});
  if (draft->Chance(300)) draft->CrashWhen(severed_us, {Probe::kLogTruncated, Probe::kSteppedDown}, kBackUs);
}

void PlayOddNetwork(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us + draft->BetweenMs(100, 1000));
  constexpr Range kLastingUs = {800'000, 4'000'000};
  if (!draft->OddPartition(at_us, kLastingUs)) draft->SlowLink(at_us, draft->AnyNode(), draft->AnyTarget(), kLastingUs);
  const uint64_t slow_us = at_us + draft->BetweenMs(0, 1500);
  draft->SlowLink(slow_us, draft->Leader(AnyTabletOf(snapshot, draft)), draft->AnyNode(), kLastingUs);
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(3000), .count = draft->Between(4, 10)});
  if (draft->Chance(500)) draft->List(at_us + draft->BetweenMs(500, 3000));
}

void PlayRestartLoop(uint64_t at_us, Draft* draft) {
  const auto snapshot = draft->Create(at_us);
  constexpr Range kQuickUs = {30'000, 400'000};
  const uint64_t crash_us = at_us + draft->BetweenMs(0, 300);
  if (!draft->Chance(300) || !draft->CrashInTurn(crash_us, {100'000, 1'500'000})) {
    const TabletRef tablet = AnyTabletOf(snapshot, draft);
    if (!draft->CrashLoop(crash_us, draft->Chance(500) ? draft->Leader(tablet) : draft->Follower(tablet), kQuickUs)) {
      draft->TakeAway(crash_us, draft->AnyTarget(), kBackUs);
    }
  }
  draft->AddBurst({.at_us = at_us, .spread_us = Ms(2500), .count = draft->Between(4, 10)});
}

}  // namespace holdfast::plan
