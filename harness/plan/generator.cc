#include "harness/plan/generator.h"

#include <algorithm>
#include <array>
#include <optional>

#include "harness/plan/draft.h"
#include "harness/plan/themes.h"

namespace holdfast::plan {
namespace {

// What is still to be put in.
struct Budget {
  uint64_t client_operations;
  uint64_t snapshots;
  uint64_t restores;
  uint64_t faults;
};

// Themes begin early enough to play to their end, most of the time.
constexpr uint64_t kStoryUs = 6'000'000;

uint64_t Left(uint64_t budget, uint64_t used) { return budget - std::min(budget, used); }

bool Fits(Theme theme, const Budget& budget, const Draft& draft) {
  if (theme == Theme::kDrop && !draft.swarm().has(Kind::kDropSnapshot)) return false;
  const ThemeNeeds needs = NeedsOf(theme);
  const Draft::Counts& used = draft.counts();
  return needs.snapshots <= Left(budget.snapshots, used.snapshots) &&
         needs.restores <= Left(budget.restores, used.restores) && needs.faults <= Left(budget.faults, used.faults);
}

// One of the themes that fit and were not played yet, by weight; none if nothing is left, or at random.
std::optional<Theme> PickTheme(const Budget& budget, const std::vector<Theme>& played, Draft* draft) {
  std::array<uint64_t, kThemeCount> weights{};
  uint64_t total = 0;
  for (int i = 0; i < kThemeCount; ++i) {
    const auto theme = static_cast<Theme>(i);
    const bool again = std::find(played.begin(), played.end(), theme) != played.end();
    if (!again && Fits(theme, budget, *draft)) weights[i] = draft->profile().theme_weights[i];
    total += weights[i];
  }
  if (total == 0) return std::nullopt;
  uint64_t draw = draft->random()->NextBelow(total + draft->profile().enough_weight);
  for (int i = 0; i < kThemeCount; ++i) {
    if (draw < weights[i]) return static_cast<Theme>(i);
    draw -= weights[i];
  }
  return std::nullopt;
}

std::vector<Theme> PlayThemes(const Budget& budget, Draft* draft) {
  std::vector<Theme> played;
  while (const std::optional<Theme> theme = PickTheme(budget, played, draft)) {
    Play(*theme, draft->Between(0, draft->duration_us() - kStoryUs), draft);
    played.push_back(*theme);
  }
  return played;
}

// What the themes have left of the budget, each at a moment of its own.
void FillUp(const Budget& budget, Draft* draft) {
  const uint64_t duration_us = draft->duration_us();
  while (draft->counts().snapshots < budget.snapshots) draft->Create(draft->Between(0, duration_us - kStoryUs));
  for (uint64_t left = Left(budget.restores, draft->counts().restores); left > 0; --left) {
    const auto snapshot = draft->snapshots()[draft->random()->NextBelow(draft->snapshots().size())];
    const uint64_t at_us = draft->Between(snapshot.at_us + 500'000, std::max(duration_us, snapshot.at_us + 500'000));
    draft->Restore(at_us, snapshot.number);
    draft->Observe(at_us + draft->BetweenMs(100, 2000), snapshot);
  }
  const uint64_t faults = Left(budget.faults, draft->counts().faults);
  for (uint64_t i = 0; i < faults; ++i) draft->AnyFault(draft->Between(0, duration_us));
}

void AddSideShows(Draft* draft) {
  const Profile& profile = draft->profile();
  const uint64_t duration_us = draft->duration_us();
  const auto draw = [draft](Range range) { return Draw(range, draft->random()); };
  for (uint64_t n = draw(profile.leader_moves); n > 0; --n) {
    draft->MoveLeader(draft->Between(0, duration_us), draft->Chance(250));
  }
  for (uint64_t n = draw(profile.maintenance); n > 0; --n) draft->Maintain(draft->Between(0, duration_us));
  for (uint64_t n = draw(profile.inspections); n > 0; --n) draft->Inspect(draft->Between(0, duration_us));
  for (uint64_t n = draw(profile.lists); n > 0; --n) draft->List(draft->Between(0, duration_us));
  for (uint64_t n = Left(draw(profile.drops), draft->counts().drops); n > 0; --n) {
    const auto snapshot = draft->snapshots()[draft->random()->NextBelow(draft->snapshots().size())];
    draft->Drop(snapshot.at_us + draft->BetweenMs(200, 8000), snapshot.number);
  }
}

// Bursts, so that operations overlap, among single operations, so that none has to.
void AddBackground(const Budget& budget, Draft* draft) {
  const uint32_t burst_permille = static_cast<uint32_t>(draft->Between(0, 400));
  while (draft->counts().client_operations < budget.client_operations) {
    const uint64_t left = Left(budget.client_operations, draft->counts().client_operations);
    const uint64_t at_us = draft->Between(0, draft->duration_us());
    if (!draft->Chance(burst_permille)) {
      draft->AddClientOperation(at_us);
      continue;
    }
    draft->AddBurst({.at_us = at_us,
                     .spread_us = draft->BetweenMs(0, 60),
                     .count = std::min(left, draft->Between(2, 12)),
                     .on_tablet = draft->Chance(400),
                     .tablet = draft->AnyTablet()});
  }
}

}  // namespace

GeneratedPlan GenerateWithThemes(uint64_t seed, const Profile& profile) {
  Draft draft(seed, profile);
  const auto draw = [&draft](Range range) { return Draw(range, draft.random()); };
  const bool breaks_disks = profile.disk_permille > 0 && draft.swarm().has(Kind::kDiskError);
  const bool quiet = !draft.can_crash() && !draft.can_partition() && !draft.swarm().has(Kind::kWeather) &&
                     !draft.swarm().has(Kind::kPause) && !breaks_disks;
  const Budget budget{.client_operations = draw(profile.client_operations),
                      .snapshots = draw(profile.snapshots),
                      .restores = draw(profile.restores),
                      .faults = quiet ? 0 : draw(profile.faults)};
  GeneratedPlan generated;
  generated.themes = PlayThemes(budget, &draft);
  FillUp(budget, &draft);
  AddSideShows(&draft);
  AddBackground(budget, &draft);
  generated.plan = draft.Finish();
  return generated;
}

Plan GeneratePlan(uint64_t seed, const Profile& profile) { return GenerateWithThemes(seed, profile).plan; }

}  // namespace holdfast::plan
