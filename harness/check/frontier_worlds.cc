// Single worlds, and how few of them are enough: placing an operation, merging, and dropping what is covered.
#include <algorithm>

#include "harness/check/frontier.h"

namespace holdfast::check {
namespace {

// Above this, worlds are only compared for equality, not merged pair by pair.
constexpr size_t kMergeMax = 64;

}  // namespace

uint64_t Frontier::CellHash(uint32_t cell, SetId set) {
  uint64_t x = (uint64_t{cell} << 32) | set;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ (x >> 32);
}

// Advances one cell; false if no configuration survives.
bool Frontier::Change(const World& world, uint32_t cell, std::span<const Effect> effects, uint32_t item) {
  const SetId before = world.cells[cell];
  const SetId after = stepper_.Advance(cell, state_.cells[cell], before, effects, item);
  if (after == kEmptySet) return false;
  if (after != before) changes_.emplace_back(cell, after);
  return true;
}

std::optional<Frontier::World> Frontier::Place(const World& world, uint32_t item_number) {
  const Item& item = problem_.items[item_number];
  changes_.clear();
  const std::span<const Effect> effects = problem_.EffectsOf(item);
  for (const Effect& effect : effects) {
    if (effect.type == EffectType::kNever) return std::nullopt;
  }
  for (size_t begin = 0; begin < effects.size();) {
    size_t end = begin + 1;
    while (end < effects.size() && effects[end].cell == effects[begin].cell) ++end;
    if (!Change(world, effects[begin].cell, effects.subspan(begin, end - begin), item_number)) return std::nullopt;
    begin = end;
  }
  const std::span<const WidePart> parts = problem_.PartsOf(item);
  for (size_t begin = 0; begin < parts.size();) {
    size_t end = begin + 1;
    while (end < parts.size() && parts[end].cell_begin == parts[begin].cell_begin &&
           parts[end].cell_end == parts[begin].cell_end) {
      ++end;
    }
    meter_->Spend((parts[begin].cell_end - parts[begin].cell_begin) / 32);
    for (uint32_t cell = parts[begin].cell_begin; cell < parts[begin].cell_end; ++cell) {
      effects_.clear();
      for (size_t i = begin; i < end; ++i) effects_.push_back(EffectOf(problem_, parts[i], cell));
      if (!Change(world, cell, effects_, item_number)) return std::nullopt;
    }
    begin = end;
  }
  World after = world;
  for (const auto& [cell, set] : changes_) SetCell(&after, cell, set);
  return after;
}

bool Frontier::Placed(const World& world, uint32_t slot) const {
  return slot / 64 < world.placed.size() && (world.placed[slot / 64] >> (slot % 64) & 1) != 0;
}

void Frontier::SetPlaced(World* world, uint32_t slot, bool placed) const {
  std::vector<uint64_t>& words = world->placed;
  const uint64_t bit = uint64_t{1} << (slot % 64);
  if (placed) {
    if (words.size() <= slot / 64) words.resize(slot / 64 + 1, 0);
    words[slot / 64] |= bit;
  } else if (slot / 64 < words.size()) {
    words[slot / 64] &= ~bit;
    while (!words.empty() && words.back() == 0) words.pop_back();
  }
}

void Frontier::SetCell(World* world, uint32_t cell, SetId set) const {
  world->hash += CellHash(cell, set) - CellHash(cell, world->cells[cell]);
  world->cells[cell] = set;
}

// True if whatever can follow b can follow a, given that their cells are equal: the same determinate operations placed,
// no more of those that may never have taken effect.
bool Frontier::CoversPlaced(const World& a, const World& b) const {
  for (size_t i = 0; i < std::max(a.placed.size(), b.placed.size()); ++i) {
    const uint64_t x = i < a.placed.size() ? a.placed[i] : 0;
    const uint64_t y = i < b.placed.size() ? b.placed[i] : 0;
    if (((x ^ y) & ~state_.optional_slots[i]) != 0 || (x & ~y) != 0) return false;
  }
  return true;
}

// Joins b into a if they differ in one cell only: (A1 x B) or (A2 x B) = (A1 or A2) x B.
bool Frontier::TryMerge(World* a, const World& b) {
  if (a->placed != b.placed) return false;
  size_t different = a->cells.size();
  for (size_t cell = 0; cell < a->cells.size(); ++cell) {
    if (a->cells[cell] == b.cells[cell]) continue;
    if (different != a->cells.size()) return false;
    different = cell;
  }
  if (different == a->cells.size()) return true;
  const uint32_t cell = static_cast<uint32_t>(different);
  SetCell(a, cell, stepper_.Union(cell, state_.cells[cell], a->cells[cell], b.cells[cell]));
  return true;
}

void Frontier::Compact(std::vector<World>* worlds) {
  if (worlds->size() > 1) {
    std::sort(worlds->begin(), worlds->end(), [](const World& a, const World& b) {
      if (a.hash != b.hash) return a.hash < b.hash;
      return a.placed < b.placed;
    });
    std::vector<World> kept;
    for (World& world : *worlds) {
      bool covered = false;
      for (size_t i = kept.size(); i-- > 0 && kept[i].hash == world.hash && !covered;) {
        if (kept[i].cells != world.cells) continue;
        covered = CoversPlaced(kept[i], world);
        if (!covered && CoversPlaced(world, kept[i])) {
          kept[i] = std::move(world);
          covered = true;
        }
      }
      if (!covered) kept.push_back(std::move(world));
    }
    bool merged = kept.size() > 1 && kept.size() <= kMergeMax;
    while (merged && !gave_up_) {
      merged = false;
      for (size_t i = 0; i < kept.size(); ++i) {
        for (size_t j = kept.size() - 1; j > i; --j) {
          if (!TryMerge(&kept[i], kept[j])) continue;
          kept[j] = std::move(kept.back());
          kept.pop_back();
          merged = true;
        }
      }
    }
    *worlds = std::move(kept);
  }
  world_count_max_ = std::max(world_count_max_, worlds->size());
  if (worlds->size() > options_.world_count_max) gave_up_ = true;
  if (!meter_->Spend(static_cast<int64_t>(worlds->size()))) gave_up_ = true;
}

}  // namespace holdfast::check
