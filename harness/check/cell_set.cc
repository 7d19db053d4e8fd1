#include "harness/check/cell_set.h"

#include <algorithm>
#include <utility>

namespace holdfast::check {
namespace {

// More configurations of one cell than this are not followed.
constexpr size_t kConfigsMax = 1 << 16;
// A state of a walk with its entry in the table of states visited, about.
constexpr size_t kNodeBytes = 120;
// Up to here, sets are searched in a line.
constexpr size_t kLinearSearchMax = 16;

uint64_t Mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  return x ^ (x >> 32);
}

uint64_t HashOf(const Config& config) {
  return Mix(config.mask ^ Mix((uint64_t{config.value} << 32) | config.extra));
}

bool Before(const Config& a, const Config& b) {
  if (a.value != b.value) return a.value < b.value;
  if (a.mask != b.mask) return a.mask < b.mask;
  return a.extra < b.extra;
}

}  // namespace

uint32_t ExtraTable::With(uint32_t extra, size_t position, uint32_t value) {
  std::vector<uint32_t> list = lists_[extra];
  if (list.size() <= position) list.resize(position + 1, 0);
  list[position] = value;
  while (!list.empty() && list.back() == 0) list.pop_back();
  return Intern(std::move(list));
}

uint32_t ExtraTable::Intern(std::vector<uint32_t> list) {
  const auto [found, added] = index_.try_emplace(list, static_cast<uint32_t>(lists_.size()));
  if (added) {
    byte_count_ += static_cast<int64_t>(list.size() * 8) + kListBytes;
    lists_.push_back(std::move(list));
  }
  return found->second;
}

SetId SetTable::Intern(std::span<const Config> configs) {
  if (configs.empty()) return kEmptySet;
  if (configs.size() == 1 && configs[0].extra == 0 && configs[0].mask == 0) return PlainSet(configs[0].value);
  uint64_t hash = configs.size();
  for (const Config& config : configs) hash = Mix(hash + HashOf(config));
  std::vector<SetId>& same_hash = index_[hash];
  for (const SetId set : same_hash) {
    const Record& record = records_[set];
    if (std::equal(configs.begin(), configs.end(), pool_.begin() + record.begin,
                   pool_.begin() + record.begin + record.count)) {
      return set;
    }
  }
  const SetId set = static_cast<SetId>(records_.size());
  records_.push_back({static_cast<uint32_t>(pool_.size()), static_cast<uint32_t>(configs.size())});
  pool_.insert(pool_.end(), configs.begin(), configs.end());
  same_hash.push_back(set);
  return set;
}

std::span<const Config> SetTable::Get(SetId set, Config* scratch) const {
  if (IsPlain(set)) {
    *scratch = Config{PlainValue(set), 0, 0};
    return {scratch, 1};
  }
  return {pool_.data() + records_[set].begin, records_[set].count};
}

CellStepper::CellStepper(const Problem& problem, Values* values, Meter* meter)
    : problem_(problem), values_(values), meter_(meter) {}

bool CellStepper::Apply(const Effect& effect, Config* config) {
  switch (effect.type) {
    case EffectType::kExpect:
      return config->value == effect.expected || effect.expected == history::kUnobserved;
    case EffectType::kExpectNot:
      return config->value != effect.expected;
    case EffectType::kWrite:
      config->value = effect.argument;
      return true;
    case EffectType::kCompareAndSet:
      if (config->value != effect.expected) return false;
      config->value = effect.argument;
      return true;
    case EffectType::kIncrement: {
      if (effect.expected != history::kUnobserved) {
        if (!values_->SumIs(config->value, effect.delta, effect.expected)) return false;
        config->value = effect.expected;
        return true;
      }
      const std::optional<Symbol> sum = values_->Add(config->value, effect.delta);
      if (!sum.has_value()) return false;
      config->value = *sum;
      return true;
    }
    case EffectType::kAppend:
      config->value = values_->Append(config->value, effect.argument);
      return true;
    case EffectType::kSave:
      config->extra = extras_.With(config->extra, effect.slot, config->value);
      return true;
    case EffectType::kLoad:
      config->value = extras_.Get(config->extra, effect.slot);
      return effect.expected == history::kUnobserved || config->value == effect.expected;
    case EffectType::kNever:
      return false;
  }
  return false;
}

SetId CellStepper::Advance(uint32_t cell, const CellState& state, SetId set, std::span<const Effect> target,
                           uint32_t excluded_item) {
  if (IsPlain(set) && state.quiet()) {
    Config config{PlainValue(set), 0, 0};
    for (const Effect& effect : target) {
      if (!Apply(effect, &config)) return kEmptySet;
    }
    if (config.extra == 0) return PlainSet(config.value);
    return sets_.Intern({&config, 1});
  }
  scratch_.clear();
  Config plain;
  // Copied: Close may compute values, but interns no set, so the span stays valid.
  for (const Config& config : sets_.Get(set, &plain)) {
    Close(cell, state, config, target, excluded_item, &scratch_);
    if (overflow_) return kEmptySet;
  }
  return Normalize(cell, state, &scratch_);
}

SetId CellStepper::Return(uint32_t cell, const CellState& state, SetId set, const OpenEffect& ending) {
  const Effect& effect = problem_.effects[ending.effect];
  if (IsPlain(set)) {
    Config config{PlainValue(set), 0, 0};
    if (state.open.size() == 1 && state.pending.empty()) {
      return Apply(effect, &config) ? PlainSet(config.value) : kEmptySet;
    }
    // A read that is legal now needs nothing placed before it.
    if (effect.reads_only() && Apply(effect, &config)) return set;
  }
  const uint64_t bit = uint64_t{1} << ending.slot;
  scratch_.clear();
  Config plain;
  for (Config config : sets_.Get(set, &plain)) {
    if ((config.mask & bit) != 0) {
      config.mask &= ~bit;
      scratch_.push_back(config);
      continue;
    }
    Close(cell, state, config, {&effect, 1}, ending.item, &scratch_);
    if (overflow_) return kEmptySet;
  }
  return Normalize(cell, state, &scratch_);
}

SetId CellStepper::Expire(uint32_t cell, const CellState& state, SetId set, const OpenEffect& ending) {
  const uint64_t bit = uint64_t{1} << ending.slot;
  scratch_.clear();
  Config plain;
  for (Config config : sets_.Get(set, &plain)) {
    if ((config.mask & bit) == 0) {
      // Its last chance: nobody needed it yet, but somebody later may.
      Close(cell, state, config, {&problem_.effects[ending.effect], 1}, ending.item, &scratch_);
      if (overflow_) return kEmptySet;
    }
    config.mask &= ~bit;
    scratch_.push_back(config);
  }
  return Normalize(cell, state, &scratch_);
}

SetId CellStepper::Union(uint32_t cell, const CellState& state, SetId a, SetId b) {
  Config plain;
  const std::span<const Config> first = sets_.Get(a, &plain);
  scratch_.assign(first.begin(), first.end());
  const std::span<const Config> second = sets_.Get(b, &plain);
  scratch_.insert(scratch_.end(), second.begin(), second.end());
  return Normalize(cell, state, &scratch_);
}

bool CellStepper::AllPlaced(SetId set, uint8_t slot) const {
  if (IsPlain(set)) return false;
  Config plain;
  for (const Config& config : sets_.Get(set, &plain)) {
    if ((config.mask >> slot & 1) == 0) return false;
  }
  return true;
}

bool CellStepper::ReadableNow(SetId set, const OpenEffect& ending) const {
  const Effect& effect = problem_.effects[ending.effect];
  if (!effect.reads_only()) return false;
  Config plain;
  for (const Config& config : sets_.Get(set, &plain)) {
    if (!effect.reads(config.value) && (config.mask >> ending.slot & 1) == 0) return false;
  }
  return true;
}

std::vector<Symbol> CellStepper::ValuesOf(SetId set) const {
  Config plain;
  std::vector<Symbol> found;
  for (const Config& config : sets_.Get(set, &plain)) {
    if (found.empty() || found.back() != config.value) found.push_back(config.value);
  }
  return found;
}

void CellStepper::SetMasks(const CellState& state) {
  reads_mask_ = optional_mask_ = 0;
  for (const OpenEffect& open : state.open) {
    const uint64_t bit = uint64_t{1} << open.slot;
    if (problem_.effects[open.effect].reads_only()) reads_mask_ |= bit;
    if (open.optional) optional_mask_ |= bit;
  }
}

// Walks all orders of open operations from `start`, and emits what the target makes of each state on the way.
//
// Three things are never tried, because something no worse is: anything before a target that only reads and is legal
// already (what would stand before it may stand behind it); an operation that may never have taken effect and changes
// nothing; and such an operation right before a blind write, which hides it.
void CellStepper::Close(uint32_t cell, const CellState& state, const Config& start, std::span<const Effect> target,
                        uint32_t excluded_item, std::vector<Config>* out) {
  bool target_reads = true;
  for (const Effect& effect : target) target_reads &= effect.reads_only();
  const bool target_blind = !target.empty() && target.front().blind();
  const uint16_t saved_slots = problem_.cells[cell].saved_slots;
  const std::optional<int64_t> ceiling = CeilingOf(state, target, excluded_item);
  SetMasks(state);
  nodes_.clear();
  visited_.clear();
  Visit(cell, state, {start, false}, excluded_item);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if ((i & 255) == 255) meter_->SetBytes(ByteCount() + static_cast<int64_t>(nodes_.size() * kNodeBytes));
    const int64_t work = 1 + static_cast<int64_t>(state.open.size() + state.pending.size());
    if (!meter_->Spend(work) || nodes_.size() > kConfigsMax || out->size() > kConfigsMax) {
      overflow_ = true;
      return;
    }
    const Node node = nodes_[i];
    if (!(node.after_pending && target_blind)) {
      Config reached = node.config;
      bool legal = true;
      for (const Effect& effect : target) legal = legal && Apply(effect, &reached);
      if (legal) {
        out->push_back(reached);
        if (target_reads) continue;
      }
    }
    for (const OpenEffect& open : state.open) {
      const uint64_t bit = uint64_t{1} << open.slot;
      if (open.item == excluded_item || (node.config.mask & bit) != 0) continue;
      const Effect& effect = problem_.effects[open.effect];
      if (effect.reads_only() || (node.after_pending && effect.blind())) continue;
      Node next{node.config, open.optional};
      if (!Apply(effect, &next.config)) continue;
      if (open.optional && next.config.value == node.config.value) continue;
      next.config.mask |= bit;
      Visit(cell, state, next, excluded_item);
    }
    for (size_t c = 0; c < state.pending.size(); ++c) {
      const PendingClass& pending = state.pending[c];
      const uint32_t used = extras_.Get(node.config.extra, saved_slots + c);
      const Effect& effect = problem_.effects[pending.effect];
      if (used == pending.available || (node.after_pending && effect.blind())) continue;
      Node next{node.config, true};
      if (!Apply(effect, &next.config) || next.config.value == node.config.value) continue;
      if (ceiling.has_value() && values_->Number(next.config.value).value_or(*ceiling) > *ceiling) continue;
      next.config.extra = extras_.With(next.config.extra, saved_slots + c, used + 1);
      Visit(cell, state, next, excluded_item);
    }
  }
}

// The number above which no state leads to the target any more: the target needs that number, and nothing that could
// come first lowers one (what overwrites blindly never follows an operation that may not have taken effect).
std::optional<int64_t> CellStepper::CeilingOf(const CellState& state, std::span<const Effect> target,
                                              uint32_t excluded_item) const {
  if (state.pending.empty() || target.size() != 1 || target[0].expected == history::kUnobserved) return std::nullopt;
  const bool increments = target[0].type == EffectType::kIncrement;
  if (!increments && target[0].type != EffectType::kExpect) return std::nullopt;
  for (const OpenEffect& open : state.open) {
    const Effect& effect = problem_.effects[open.effect];
    if (open.item != excluded_item && !effect.reads_only() && !effect.blind()) return std::nullopt;
  }
  for (const PendingClass& pending : state.pending) {
    const Effect& effect = problem_.effects[pending.effect];
    const bool raises = effect.type == EffectType::kIncrement && effect.delta >= 0;
    if (!raises && !effect.blind()) return std::nullopt;
  }
  const std::optional<int64_t> needed = values_->Number(target[0].expected);
  int64_t ceiling = 0;
  if (!needed.has_value() || __builtin_sub_overflow(*needed, increments ? target[0].delta : 0, &ceiling)) {
    return std::nullopt;
  }
  return ceiling;
}

// Adds a state to the walk unless one no worse is there; every open read that is legal in it is taken at once.
void CellStepper::Visit(uint32_t cell, const CellState& state, Node node, uint32_t excluded_item) {
  for (const OpenEffect& open : state.open) {
    const Effect& effect = problem_.effects[open.effect];
    if (open.item != excluded_item && effect.reads_only() && effect.reads(node.config.value)) {
      const uint64_t bit = uint64_t{1} << open.slot;
      if ((node.config.mask & bit) == 0) {
        node.config.mask |= bit;
        node.after_pending = false;
      }
    }
  }
  const auto covers = [&](const Node& known) {
    return known.after_pending <= node.after_pending && known.config.mask == node.config.mask &&
           Dominates(cell, known.config, node.config);
  };
  if (nodes_.size() < kLinearSearchMax) {
    for (const Node& known : nodes_) {
      if (covers(known)) return;
    }
  } else {
    const auto key = [](const Config& config) { return Mix(config.mask ^ Mix(config.value)); };
    if (visited_.empty()) {
      for (uint32_t i = 0; i < nodes_.size(); ++i) visited_[key(nodes_[i].config)].push_back(i);
    }
    std::vector<uint32_t>& same_key = visited_[key(node.config)];
    for (const uint32_t i : same_key) {
      if (covers(nodes_[i])) return;
    }
    same_key.push_back(static_cast<uint32_t>(nodes_.size()));
  }
  nodes_.push_back(node);
}

// Sorts, removes what is dominated, and interns.
SetId CellStepper::Normalize(uint32_t cell, const CellState& state, std::vector<Config>* configs) {
  std::sort(configs->begin(), configs->end(), Before);
  configs->erase(std::unique(configs->begin(), configs->end()), configs->end());
  if (configs->size() > 1) {
    SetMasks(state);
    size_t kept = 0;
    size_t group_begin = 0;  // kept configurations of the same value start here
    for (size_t i = 0; i < configs->size(); ++i) {
      const Config candidate = (*configs)[i];
      if (kept > group_begin && (*configs)[group_begin].value != candidate.value) group_begin = kept;
      bool dominated = false;
      for (size_t j = group_begin; j < kept && !dominated; ++j) dominated = Dominates(cell, (*configs)[j], candidate);
      if (dominated) continue;
      size_t write = group_begin;
      for (size_t j = group_begin; j < kept; ++j) {
        if (!Dominates(cell, candidate, (*configs)[j])) (*configs)[write++] = (*configs)[j];
      }
      (*configs)[write] = candidate;
      kept = write + 1;
      if (!meter_->Spend(static_cast<int64_t>((kept - group_begin) / 8))) overflow_ = true;
      if (overflow_) return kEmptySet;
    }
    configs->resize(kept);
    std::sort(configs->begin(), configs->end(), Before);
  }
  return sets_.Intern(*configs);
}

// True if whatever can follow b can follow a: same value and saved rows, the same determinate writes placed, no more of
// the operations used that may never take effect, and at least the same reads done.
bool CellStepper::Dominates(uint32_t cell, const Config& a, const Config& b) const {
  if (a.value != b.value) return false;
  const uint64_t strict = ~(reads_mask_ | optional_mask_);
  if ((a.mask & strict) != (b.mask & strict)) return false;
  if ((b.mask & reads_mask_ & ~a.mask) != 0) return false;
  if ((a.mask & optional_mask_ & ~b.mask) != 0) return false;
  if (a.extra == b.extra) return true;
  const uint16_t saved_slots = problem_.cells[cell].saved_slots;
  const std::vector<uint32_t>& used_a = extras_.list(a.extra);
  const std::vector<uint32_t>& used_b = extras_.list(b.extra);
  for (size_t i = 0; i < std::max(used_a.size(), used_b.size()); ++i) {
    const uint32_t x = i < used_a.size() ? used_a[i] : 0;
    const uint32_t y = i < used_b.size() ? used_b[i] : 0;
    if (i < saved_slots ? x != y : x > y) return false;
  }
  return true;
}

}  // namespace holdfast::check
