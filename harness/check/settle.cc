// Settles indeterminate writes by the values that were seen.
//
// Claim 1. Let p be the only writer of value v on a cell, where nothing computes values (no append; no increment if v
// is a number), and let a determinate operation have observed v there. Then p took effect in every linearization,
// before that observer: p may be treated as determinate, its window ending with the observer's. Claim 2. If every
// effect of p writes such a value and no operation at all observed any of them, then p can be taken out of every
// linearization: until the next write of the cell nobody looks. So p may be left out.
#include <bitset>

#include "absl/container/flat_hash_map.h"
#include "harness/check/problem.h"
#include "harness/check/values.h"

namespace holdfast::check {
namespace {

using history::kAbsent;
using history::kUnobserved;

class Settler {
 public:
  explicit Settler(Problem* problem) : problem_(*problem), values_(*problem->history) {}

  void Run() {
    if (!CollectCandidates()) return;
    for (uint32_t i = 0; i < problem_.items.size(); ++i) Look(i);
    Apply();
  }

 private:
  struct Candidate {
    int64_t first_seen = history::kPending;  // completion of the first determinate observer
    uint32_t writes = 0;
    bool maybe_seen = false;  // by an operation that may never have happened
  };

  static uint64_t KeyOf(uint32_t cell, Symbol value) { return (uint64_t{cell} << 32) | value; }

  bool CollectCandidates() {
    for (const Item& item : problem_.items) {
      if (!item.optional) continue;
      for (const Effect& effect : problem_.EffectsOf(item)) {
        const bool writes = effect.type == EffectType::kWrite || effect.type == EffectType::kCompareAndSet;
        if (!writes || effect.argument == kAbsent) continue;
        candidates_.try_emplace(KeyOf(effect.cell, effect.argument));
        filter_.set(FilterBit(effect.argument));
      }
    }
    if (candidates_.empty()) return false;
    computes_.assign(problem_.cells.size(), 0);
    refused_.assign(problem_.cells.size(), 0);
    for (const Effect& effect : problem_.effects) {
      if (effect.type == EffectType::kAppend) computes_[effect.cell] |= kAppends;
      if (effect.type == EffectType::kIncrement) computes_[effect.cell] |= kAdds;
    }
    for (uint32_t cell = 0; cell < problem_.cells.size(); ++cell) {
      if (Candidate* found = Find(cell, problem_.cells[cell].initial)) found->writes += 2;
    }
    return true;
  }

  void Look(uint32_t position) {
    const Item& item = problem_.items[position];
    for (const Effect& effect : problem_.EffectsOf(item)) {
      if (effect.type == EffectType::kWrite || effect.type == EffectType::kCompareAndSet) {
        if (Candidate* found = Find(effect.cell, effect.argument)) ++found->writes;
      }
      if (effect.type == EffectType::kExpectNot) ObserveNot(effect.cell, effect.expected);
      if (effect.type != EffectType::kIncrement && effect.type != EffectType::kExpectNot)
        Observe(item, effect.cell, effect.expected);
    }
    for (const WidePart& part : problem_.PartsOf(item)) {
      if (part.rows == kNoRows) continue;
      // A restore with known rows observes them too: they passed through its snapshot.
      for (uint32_t cell = part.cell_begin; cell < part.cell_end; ++cell) {
        Observe(item, cell, problem_.rows[part.rows + cell - part.cell_begin]);
      }
    }
  }

  void Observe(const Item& item, uint32_t cell, Symbol value) {
    Candidate* const found = Find(cell, value);
    if (found == nullptr) return;
    if (item.optional) {
      found->maybe_seen = true;
    } else if (item.complete < found->first_seen) {
      found->first_seen = item.complete;
    }
  }

  // A refused compare may have met any other value of its cell.
  void ObserveNot(uint32_t cell, Symbol) { refused_[cell] = 1; }

  Candidate* Find(uint32_t cell, Symbol value) {
    if (value == kAbsent || value == kUnobserved || !filter_.test(FilterBit(value))) return nullptr;
    const auto found = candidates_.find(KeyOf(cell, value));
    return found == candidates_.end() ? nullptr : &found->second;
  }

  bool Tells(const Effect& effect, const Candidate& candidate) const {
    if (candidate.writes != 1 || (computes_[effect.cell] & kAppends) != 0) return false;
    if (effect.argument == kSnapshotExists) return true;
    return (computes_[effect.cell] & kAdds) == 0 || !values_.Number(effect.argument).has_value();
  }

  void Apply() {
    std::vector<Item> kept;
    kept.reserve(problem_.items.size());
    for (Item& item : problem_.items) {
      if (!item.optional) {
        kept.push_back(item);
        continue;
      }
      bool droppable = item.parts_begin == item.parts_end;
      int64_t first_seen = history::kPending;
      for (const Effect& effect : problem_.EffectsOf(item)) {
        const bool writes = effect.type == EffectType::kWrite || effect.type == EffectType::kCompareAndSet;
        Candidate* const found = writes ? Find(effect.cell, effect.argument) : nullptr;
        if (found == nullptr || !Tells(effect, *found)) {
          droppable = false;
          continue;
        }
        if (found->first_seen != history::kPending || found->maybe_seen || refused_[effect.cell] != 0)
          droppable = false;
        first_seen = std::min(first_seen, found->first_seen);
      }
      if (droppable) continue;
      if (first_seen != history::kPending && first_seen > item.invoke) {
        item.optional = false;
        item.settled = true;
        item.complete = std::min(item.complete, first_seen);
      }
      kept.push_back(item);
    }
    problem_.items = std::move(kept);
  }

  static constexpr uint8_t kAppends = 1, kAdds = 2;
  static constexpr size_t kFilterBits = 1 << 16;
  static size_t FilterBit(Symbol value) { return value & (kFilterBits - 1); }

  Problem& problem_;
  Values values_;
  absl::flat_hash_map<uint64_t, Candidate> candidates_;  // by cell and value
  std::bitset<kFilterBits> filter_;
  std::vector<uint8_t> computes_;
  std::vector<uint8_t> refused_;  // cells that a refused compare looked at
};

}  // namespace

bool LoosenOptionalBatches(const Problem& problem, Problem* looser) {
  const auto apart = [](const Item& item) {
    return item.optional && item.parts_begin == item.parts_end && item.effects_end - item.effects_begin > 1;
  };
  bool any = false;
  for (const Item& item : problem.items) any |= apart(item);
  if (!any) return false;
  *looser = problem;
  looser->items.clear();
  for (const Item& item : problem.items) {
    if (!apart(item)) {
      looser->items.push_back(item);
      continue;
    }
    // Effects on one cell stay together.
    for (uint32_t begin = item.effects_begin; begin < item.effects_end;) {
      uint32_t end = begin + 1;
      while (end < item.effects_end && problem.effects[end].cell == problem.effects[begin].cell) ++end;
      Item part = item;
      part.effects_begin = begin;
      part.effects_end = end;
      looser->items.push_back(part);
      begin = end;
    }
  }
  return true;
}

void SettleIndeterminateWrites(Problem* problem) {
  for (const Item& item : problem->items) {
    if (item.optional) return Settler(problem).Run();
  }
}

}  // namespace holdfast::check
