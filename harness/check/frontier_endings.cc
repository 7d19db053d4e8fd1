// What the end of an operation does to the worlds: it took effect by then, and before it whatever it needs.
#include <algorithm>

#include "harness/check/frontier.h"

namespace holdfast::check {
namespace {

// Orders of many-cell operations tried before one ending operation.
constexpr size_t kExploredPerWorld = 8;

}  // namespace

bool Frontier::Return(uint32_t item) { return problem_.items[item].single() ? ReturnSingle(item) : ReturnMany(item); }

bool Frontier::ReturnSingle(uint32_t item_number) {
  const Item& item = problem_.items[item_number];
  const uint32_t cell = problem_.effects[item.effects_begin].cell;
  CellState& state = state_.cells[cell];
  OpenEffect ending;
  for (const OpenEffect& open : state.open) {
    if (open.item == item_number) ending = open;
  }
  if (item.optional) {
    const std::vector<size_t> before = RelevantTo(item_number, kNotMany);
    if (!before.empty()) return ExpireAmongMany(cell, item_number, ending, before);
    for (World& world : state_.worlds) SetCell(&world, cell, stepper_.Expire(cell, state, world.cells[cell], ending));
    CloseSingle(cell, item_number);
    if (state_.worlds.size() > 1) Compact(&state_.worlds);
    return true;
  }
  std::vector<size_t> relevant;
  if ((state.narrow_open > 0 || state_.wide_open > 0) && !ReadableInAllWorlds(cell, ending)) {
    relevant = RelevantTo(item_number, kNotMany);
  }
  if (relevant.empty()) return ReturnAlone(cell, ending);
  std::vector<World> out;
  for (const World& world : state_.worlds) {
    Explore(world, item_number, &ending, kNotMany, relevant, &out);
    if (gave_up_ || stepper_.overflow()) return true;
  }
  if (out.empty()) return false;
  state_.worlds = std::move(out);
  CloseSingle(cell, item_number);
  Compact(&state_.worlds);
  return true;
}

// No operation on many cells matters to the one that ends: each world is narrowed in its one cell. While no world
// survives, none is changed.
bool Frontier::ReturnAlone(uint32_t cell, const OpenEffect& ending) {
  SetId last_in = kEmptySet, last_out = kEmptySet;
  size_t kept = 0;
  for (size_t i = 0; i < state_.worlds.size(); ++i) {
    const SetId set = state_.worlds[i].cells[cell];
    if (set != last_in) {
      last_in = set;
      last_out = stepper_.Return(cell, state_.cells[cell], set, ending);
      if (stepper_.overflow()) return true;
    }
    if (last_out == kEmptySet) continue;
    if (i != kept) state_.worlds[kept] = std::move(state_.worlds[i]);
    SetCell(&state_.worlds[kept++], cell, last_out);
  }
  if (kept == 0) return false;
  const bool several = state_.worlds.size() > 1;
  state_.worlds.resize(kept);
  CloseSingle(cell, ending.item);
  if (several) Compact(&state_.worlds);
  return true;
}

// The window of an optional operation closes while many-cell operations are open that could stand before it.
bool Frontier::ExpireAmongMany(uint32_t cell, uint32_t item, const OpenEffect& ending,
                               const std::vector<size_t>& relevant) {
  std::vector<World> out;
  for (const World& world : state_.worlds) {
    Explore(world, item, &ending, kNotMany, relevant, &out);
    if (gave_up_ || stepper_.overflow()) return true;
    out.push_back(world);
    SetCell(&out.back(), cell, stepper_.Expire(cell, state_.cells[cell], world.cells[cell], ending));
  }
  state_.worlds = std::move(out);
  CloseSingle(cell, item);
  Compact(&state_.worlds);
  return true;
}

bool Frontier::ReturnMany(uint32_t item_number) {
  size_t position = 0;
  while (state_.many[position].item != item_number) ++position;
  const uint32_t slot = state_.many[position].slot;
  const std::vector<size_t> relevant = RelevantTo(item_number, position);
  std::vector<World> out;
  if (problem_.items[item_number].optional) {
    // Its window closes: it was placed, or is placed now at the latest, or never.
    for (const World& world : state_.worlds) {
      if (Placed(world, slot)) continue;
      out.push_back(world);
    }
  }
  for (const World& world : state_.worlds) {
    Explore(world, item_number, nullptr, position, relevant, &out);
    if (gave_up_ || stepper_.overflow()) return true;
  }
  if (out.empty()) return false;
  state_.worlds = std::move(out);
  CloseMany(position);
  Compact(&state_.worlds);
  return true;
}

void Frontier::Explore(const World& world, uint32_t item, const OpenEffect* ending, size_t many_position,
                       const std::vector<size_t>& relevant, std::vector<World>* out) {
  std::vector<World> reached;
  reached.push_back(world);
  for (size_t i = 0; i < reached.size(); ++i) {
    if (i % 64 == 63) {
      meter_->SetBytes(stepper_.ByteCount() +
                       static_cast<int64_t>((reached.size() + out->size()) * world.cells.size() * 4));
    }
    const size_t explored_max = kExploredPerWorld * options_.world_count_max;
    if (reached.size() > explored_max || out->size() > explored_max || !meter_->Spend(16)) {
      gave_up_ = true;
      return;
    }
    const World here = reached[i];
    if (ending != nullptr) {
      const uint32_t cell = problem_.effects[ending->effect].cell;
      const bool placed_everywhere = stepper_.AllPlaced(here.cells[cell], ending->slot);
      const SetId set = stepper_.Return(cell, state_.cells[cell], here.cells[cell], *ending);
      if (stepper_.overflow()) return;
      if (set != kEmptySet) {
        out->push_back(here);
        SetCell(&out->back(), cell, set);
      }
      if (placed_everywhere) continue;
    } else {
      const uint32_t slot = state_.many[many_position].slot;
      if (Placed(here, slot)) {
        out->push_back(here);
        SetPlaced(&out->back(), slot, false);
        continue;
      }
      std::optional<World> after = Place(here, item);
      if (after.has_value()) out->push_back(*std::move(after));
    }
    for (const size_t position : relevant) {
      const OpenMany& open = state_.many[position];
      if (Placed(here, open.slot)) continue;
      std::optional<World> after = Place(here, open.item);
      if (stepper_.overflow()) return;
      if (!after.has_value()) continue;
      if (problem_.items[open.item].optional && after->hash == here.hash && after->cells == here.cells) continue;
      SetPlaced(&*after, open.slot, true);
      bool known = false;
      for (const World& other : reached) {
        if (other.hash == after->hash && other.placed == after->placed && other.cells == after->cells) known = true;
      }
      if (!known) reached.push_back(*std::move(after));
    }
  }
}

// Positions in state_.many of the open operations whose placement before `item` can matter: those that conflict with
// it, and those that conflict with one of these.
std::vector<size_t> Frontier::RelevantTo(uint32_t item, size_t own_position) const {
  std::vector<size_t> relevant;
  std::vector<uint32_t> reached = {item};
  std::vector<bool> taken(state_.many.size(), false);
  if (own_position != kNotMany) taken[own_position] = true;
  for (size_t i = 0; i < reached.size(); ++i) {
    for (size_t position = 0; position < state_.many.size(); ++position) {
      if (taken[position] || !state_.many[position].enabled || !Conflict(state_.many[position].item, reached[i]))
        continue;
      taken[position] = true;
      relevant.push_back(position);
      reached.push_back(state_.many[position].item);
    }
  }
  return relevant;
}

bool Frontier::Touches(const Item& item, uint32_t cell) const {
  for (const Effect& effect : problem_.EffectsOf(item)) {
    if (effect.cell == cell) return true;
  }
  for (const WidePart& part : problem_.PartsOf(item)) {
    if (part.cell_begin <= cell && cell < part.cell_end) return true;
  }
  return false;
}

bool Frontier::ReadableInAllWorlds(uint32_t cell, const OpenEffect& ending) const {
  for (const World& world : state_.worlds) {
    if (!stepper_.ReadableNow(world.cells[cell], ending)) return false;
  }
  return true;
}

// True if an open operation on this cell alone may write it.
bool Frontier::Unsettled(uint32_t cell) const {
  if (!state_.cells[cell].pending.empty()) return true;
  for (const OpenEffect& open : state_.cells[cell].open) {
    if (!problem_.effects[open.effect].reads_only()) return true;
  }
  return false;
}

// False only if the order of the two never matters. Two that only read matter to each other through open writes of the
// cells that they share.
bool Frontier::Conflict(uint32_t a, uint32_t b) const {
  const Item& first = problem_.items[a];
  const Item& second = problem_.items[b];
  const bool reads = first.reads_only && second.reads_only;
  for (const Effect& effect : problem_.EffectsOf(second)) {
    if (Touches(first, effect.cell) && (!reads || Unsettled(effect.cell))) return true;
  }
  for (const Effect& effect : problem_.EffectsOf(first)) {
    if (Touches(second, effect.cell) && (!reads || Unsettled(effect.cell))) return true;
  }
  for (const WidePart& part : problem_.PartsOf(first)) {
    for (const WidePart& other : problem_.PartsOf(second)) {
      const uint32_t begin = std::max(part.cell_begin, other.cell_begin);
      const uint32_t end = std::min(part.cell_end, other.cell_end);
      if (begin < end && !reads) return true;
      for (uint32_t cell = begin; cell < end; ++cell) {
        if (Unsettled(cell)) return true;
      }
    }
  }
  return false;
}

}  // namespace holdfast::check
