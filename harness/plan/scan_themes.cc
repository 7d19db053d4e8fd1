#include "harness/plan/scan_themes.h"

#include <utility>

namespace holdfast::plan {
namespace {

constexpr Range kBackUs = {60'000, 1'500'000};

constexpr uint64_t Ms(uint64_t ms) { return ms * kMillisecond; }

// Answers come late, out of order and twice.
bool DisturbMessages(uint64_t at_us, Draft* draft) {
  fault::Weather weather;
  weather.set_duplicate_permille(static_cast<uint32_t>(draft->Between(300, 900)));
  weather.set_delay_factor(static_cast<uint32_t>(draft->Between(3, 20)));
  if (draft->Chance(300)) weather.set_loss_permille(static_cast<uint32_t>(draft->Between(10, 150)));
  weather.set_heal_after_us(draft->BetweenMs(600, 1500));
  return draft->Weather(at_us, std::move(weather));
}

}  // namespace

// A row or two a page. What a scan reads from goes while it is under way: with its node, with the leader's term, or
// with the store that a restore replaces. Then it begins again, among the answers to its first beginning.
void PlayLongScans(uint64_t at_us, Draft* draft) {
  draft->options()->set_scan_page_rows(static_cast<uint32_t>(draft->Between(1, 2)));
  if (draft->Chance(500)) draft->options()->set_attempt_timeout_us(draft->BetweenMs(12, 100));
  const auto snapshot = draft->Create(at_us);
  TabletRef tablet = draft->AnyTablet();
  tablet.table = snapshot.tables[draft->random()->NextBelow(snapshot.tables.size())];
  draft->AddBurst({.at_us = at_us,
                   .spread_us = Ms(600),
                   .count = draft->Between(6, 12),
                   .on_tablet = true,
                   .tablet = tablet,
                   .writes_only = true});
  const uint64_t scans_us = at_us + draft->BetweenMs(900, 2000);
  DisturbMessages(scans_us - Ms(20), draft);
  const auto soon = [&] { return scans_us + draft->BetweenMs(5, 400); };
  if (draft->Chance(500)) draft->Restore(soon(), snapshot.number);
  if (draft->Chance(400)) draft->MoveLeader(soon(), /*master=*/false);
  if (draft->Chance(400)) draft->TakeAway(soon(), draft->Leader(tablet), kBackUs);
  for (int i = 0; i < 2; ++i) {
    const bool scans = i == 0;
    draft->AddBurst({.at_us = scans_us,
                     .spread_us = Ms(500),
                     .count = draft->Between(8, 14),
                     .on_tablet = true,
                     .tablet = tablet,
                     .writes_only = !scans,
                     .scans_only = scans});
  }
}

}  // namespace holdfast::plan
