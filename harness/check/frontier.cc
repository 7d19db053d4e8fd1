// The walk over the events: what opens, what closes, and going back for batches that were left out.
#include "harness/check/frontier.h"

#include <algorithm>

namespace holdfast::check {
namespace {

// Walks on demand keep a state every so many events, so many of the newest, and go back so many times from one event.
constexpr int64_t kKeepEvery = 256;
constexpr size_t kKeptRecent = 8;
constexpr int kAttemptsMax = 4;
constexpr size_t kCandidatesMax = 24;
// What a cell's open operations take, about.
constexpr int64_t kCellStateBytes = 160;

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
