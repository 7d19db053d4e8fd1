#include "harness/check/frontier.h"

#include <algorithm>

namespace holdfast::check {
namespace {

// Orders of many-cell operations tried before one ending operation.
constexpr size_t kExploredMax = 1 << 14;
// Above this, worlds are only compared for equality, not merged pair by pair.
constexpr size_t kMergeMax = 64;

uint64_t CellHash(uint32_t cell, SetId set) {
  uint64_t x = (uint64_t{cell} << 32) | set;
  x *= 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9u;
  return x ^ (x >> 32);
}

// Walks on demand keep a state every so many events, so many of the newest, and go back so many times from one event.
constexpr int64_t kKeepEvery = 256;
constexpr size_t kKeptRecent = 8;
constexpr int kAttemptsMax = 4;
constexpr size_t kCandidatesMax = 24;
// What a cell's open operations take, about.
constexpr int64_t kCellStateBytes = 160;

constexpr size_t kNotMany = static_cast<size_t>(-1);

}  // namespace

Frontier::Frontier(const Problem& problem, const Options& options, Meter* meter)
    : problem_(problem),
      options_(options),
      meter_(meter),
      values_(*problem.history),
      stepper_(problem, &values_, meter) {
  state_.cells.resize(problem.cells.size());
  World start;
  start.cells.resize(problem.cells.size());
  for (uint32_t cell = 0; cell < problem.cells.size(); ++cell) {
    start.cells[cell] = PlainSet(problem.cells[cell].initial);
    start.hash += CellHash(cell, start.cells[cell]);
  }
  state_.worlds.push_back(std::move(start));
}

FrontierResult Frontier::Run() {
  FrontierResult result;
  while (state_.next < problem_.items.size() || !state_.ends.empty()) {
    if (options_.on_demand && state_.event_count % kKeepEvery == 0) Keep();
    uint32_t item = 0;
    const bool alive = Step(&item);
    gave_up_ = gave_up_ || !meter_->Spend(1) || stepper_.overflow();
    if (gave_up_) {
      result.limit_reached = true;
      break;
    }
    if (alive) continue;
    if (!options_.on_demand) return Fail(item);
    if (!LetIn(item)) {
      result = Fail(item);
      result.verdict = Verdict::kUnknown;
      result.limit_reached = gave_up_;
      return result;
    }
  }
  result.verdict = gave_up_ ? Verdict::kUnknown : Verdict::kPass;
  result.world_count_max = world_count_max_;
  return result;
}

void Frontier::CountBytes() {
  const int64_t cell_count = static_cast<int64_t>(problem_.cells.size());
  int64_t worlds = static_cast<int64_t>(state_.worlds.size());
  for (const State& kept : kept_) worlds += static_cast<int64_t>(kept.worlds.size());
  const int64_t states = static_cast<int64_t>(kept_.size() + 1);
  meter_->SetBytes(stepper_.ByteCount() + worlds * (cell_count * 4 + 64) + states * cell_count * kCellStateBytes);
}

bool Frontier::Step(uint32_t* item) {
  if ((++state_.event_count & 255) == 0) CountBytes();
  const std::vector<Item>& items = problem_.items;
  const uint32_t next = state_.next;
  if (!state_.ends.empty() && (next == items.size() || state_.ends.top().at <= items[next].invoke)) {
    *item = state_.ends.top().item;
    state_.ends.pop();
    return Return(*item);
  }
  const Item& called = items[next];
  ++state_.next;
  *item = next;
  Invoke(next);
  if (gave_up_) return true;
  const bool alone = state_.ends.empty() && state_.next < items.size() && called.complete <= items[state_.next].invoke;
  if (alone && !called.optional) return Return(next);
  if (called.complete != history::kPending) state_.ends.push({called.complete, called.settled, next});
  return true;
}

// Keeps the state to come back to; of the older ones, fewer and fewer.
void Frontier::Keep() {
  if (!kept_.empty() && kept_.back().event_count == state_.event_count) return;
  kept_.push_back(state_);
  // Past the newest few, of two neighbours that are nearer to each other than a quarter of their age, the later one
  // goes.
  for (size_t i = 1; i + kKeptRecent < kept_.size();) {
    const int64_t age = state_.event_count - kept_[i].event_count;
    if (kept_[i].event_count - kept_[i - 1].event_count < age / 4) {
      kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
}

// The last world died at the end of `failed`. Goes back and walks up to here again with the optional batches that touch
// the cells at issue. True if a world is alive behind that event; the batches that no world needed are left out again.
bool Frontier::LetIn(uint32_t failed) {
  const int64_t died_at = state_.event_count;
  std::set<uint32_t> candidates;
  for (const uint32_t cell : CellsAtIssue(failed)) {
    for (const OpenMany& open : state_.many) {
      const Item& item = problem_.items[open.item];
      if (!open.enabled && Touches(item, cell)) candidates.insert(open.item);
    }
  }
  if (candidates.empty() || candidates.size() > kCandidatesMax) return false;
  size_t back = 1;
  for (int attempt = 0; attempt < kAttemptsMax && !kept_.empty(); ++attempt, back *= 4) {
    const bool oldest = back >= kept_.size();
    kept_.resize(oldest ? 1 : kept_.size() - back + 1);
    state_ = kept_.back();
    let_in_ = candidates;
    Enable(candidates, true);
    bool alive = true;
    while (alive && state_.event_count < died_at) {
      uint32_t item = 0;
      alive = Step(&item);
      gave_up_ = gave_up_ || !meter_->Spend(1) || stepper_.overflow();
      if (gave_up_) return false;
    }
    let_in_.clear();
    if (alive) {
      Enable(candidates, false);
      return true;
    }
    if (oldest) break;
  }
  return false;
}

void Frontier::Enable(const std::set<uint32_t>& items, bool enabled) {
  for (OpenMany& open : state_.many) {
    if (items.contains(open.item)) open.enabled = enabled;
  }
}

// Cells of the item that no world can serve.
std::vector<uint32_t> Frontier::CellsAtIssue(uint32_t failed) {
  const Item& item = problem_.items[failed];
  std::vector<uint32_t> cells;
  for (const Effect& effect : problem_.EffectsOf(item)) cells.push_back(effect.cell);
  for (const WidePart& part : problem_.PartsOf(item)) {
    for (uint32_t cell = part.cell_begin; cell < part.cell_end; ++cell) {
      const Effect effect = EffectOf(problem_, part, cell);
      for (const World& world : state_.worlds) {
        if (stepper_.Advance(cell, state_.cells[cell], world.cells[cell], {&effect, 1}, failed) != kEmptySet) continue;
        cells.push_back(cell);
        break;
      }
    }
  }
  return cells;
}

void Frontier::Invoke(uint32_t item) {
  if (problem_.items[item].single()) {
    OpenSingle(item);
  } else {
    OpenOnMany(item);
  }
}

void Frontier::OpenSingle(uint32_t item_number) {
  const Item& item = problem_.items[item_number];
  const Effect& effect = problem_.effects[item.effects_begin];
  CellState& state = state_.cells[effect.cell];
  if (item.optional && item.complete == history::kPending) {
    for (PendingClass& pending : state.pending) {
      const Effect& known = problem_.effects[pending.effect];
      if (known.type == effect.type && known.argument == effect.argument && known.expected == effect.expected &&
          known.delta == effect.delta) {
        ++pending.available;
        return;
      }
    }
    state.pending.push_back({item.effects_begin, 1});
    return;
  }
  const uint64_t free = ~state.used_slots;
  if (free == 0) {
    gave_up_ = true;
    return;
  }
  const uint8_t slot = static_cast<uint8_t>(__builtin_ctzll(free));
  state.used_slots |= uint64_t{1} << slot;
  state.open.push_back({item_number, item.effects_begin, slot, item.optional});
}

void Frontier::OpenOnMany(uint32_t item_number) {
  const Item& item = problem_.items[item_number];
  OpenMany open;
  open.item = item_number;
  open.wide = item.parts_begin != item.parts_end;
  open.enabled = !options_.on_demand || !item.optional || open.wide || let_in_.contains(item_number);
  if (state_.free_slots.empty()) {
    open.slot = state_.slot_count++;
    state_.optional_slots.resize((state_.slot_count + 63) / 64, 0);
  } else {
    open.slot = state_.free_slots.back();
    state_.free_slots.pop_back();
  }
  uint64_t& word = state_.optional_slots[open.slot / 64];
  const uint64_t bit = uint64_t{1} << (open.slot % 64);
  word = item.optional ? word | bit : word & ~bit;
  if (open.wide) ++state_.wide_open;
  for (const Effect& effect : problem_.EffectsOf(item)) ++state_.cells[effect.cell].narrow_open;
  state_.many.push_back(open);
}

void Frontier::CloseSingle(uint32_t cell, uint32_t item) {
  CellState& state = state_.cells[cell];
  for (OpenEffect& open : state.open) {
    if (open.item != item) continue;
    state.used_slots &= ~(uint64_t{1} << open.slot);
    open = state.open.back();
    state.open.pop_back();
    return;
  }
}

void Frontier::CloseMany(size_t position) {
  const OpenMany open = state_.many[position];
  const Item& item = problem_.items[open.item];
  if (open.wide) --state_.wide_open;
  for (const Effect& effect : problem_.EffectsOf(item)) --state_.cells[effect.cell].narrow_open;
  state_.free_slots.push_back(open.slot);
  state_.many[position] = state_.many.back();
  state_.many.pop_back();
}

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
  if (relevant.empty()) {
    size_t kept = 0;
    SetId last_in = kEmptySet, last_out = kEmptySet;
    std::vector<std::pair<size_t, SetId>> survivors;
    for (size_t i = 0; i < state_.worlds.size(); ++i) {
      const SetId set = state_.worlds[i].cells[cell];
      if (set != last_in) {
        last_in = set;
        last_out = stepper_.Return(cell, state, set, ending);
        if (stepper_.overflow()) return true;
      }
      if (last_out == kEmptySet) continue;
      if (state_.worlds.size() == 1) {
        SetCell(&state_.worlds[0], cell, last_out);
        kept = 1;
        break;
      }
      survivors.emplace_back(i, last_out);
    }
    if (state_.worlds.size() > 1) {
      if (survivors.empty()) return false;
      for (const auto& [from, set] : survivors) {
        if (from != kept) state_.worlds[kept] = std::move(state_.worlds[from]);
        SetCell(&state_.worlds[kept++], cell, set);
      }
      state_.worlds.resize(kept);
      CloseSingle(cell, item_number);
      Compact(&state_.worlds);
      return true;
    }
    if (kept == 0) return false;
    CloseSingle(cell, item_number);
    return true;
  }
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
    if (reached.size() > kExploredMax || out->size() > kExploredMax || !meter_->Spend(16)) {
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

FrontierResult Frontier::Fail(uint32_t item_number) {
  const Item& item = problem_.items[item_number];
  FrontierResult result;
  result.verdict = Verdict::kFail;
  result.failed_item = item_number;
  result.failed_at = item.complete;
  result.world_count_max = world_count_max_;
  const auto add = [&](uint32_t cell) {
    FrontierResult::Found found{cell, {}};
    for (const World& world : state_.worlds) {
      for (const Symbol value : stepper_.ValuesOf(world.cells[cell])) found.values.push_back(value);
    }
    std::sort(found.values.begin(), found.values.end());
    found.values.erase(std::unique(found.values.begin(), found.values.end()), found.values.end());
    result.found.push_back(std::move(found));
  };
  for (const Effect& effect : problem_.EffectsOf(item)) add(effect.cell);
  for (const WidePart& part : problem_.PartsOf(item)) {
    for (uint32_t cell = part.cell_begin; cell < part.cell_end; ++cell) add(cell);
  }
  return result;
}

}  // namespace holdfast::check
