#include "harness/check/problem_specification.h"

#include <optional>

namespace holdfast::check {
namespace {

uint64_t PlaceHash(uint64_t place, Symbol value) {
  uint64_t x = (place << 32) ^ value;
  x = (x ^ (x >> 31)) * 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9u;
  return x ^ (x >> 32);
}

}  // namespace

ProblemSpecification::ProblemSpecification(const Problem& problem) : problem_(problem), computed_(*problem.history) {
  uint64_t place = problem.cells.size();
  for (const CellInfo& cell : problem.cells) {
    values_.push_back(cell.initial);
    saved_begin_.push_back(place);
    place += cell.saved_slots;
  }
  saved_.resize(place - problem.cells.size(), history::kAbsent);
}

bool ProblemSpecification::Apply(uint32_t item_number) {
  const Item& item = problem_.items[item_number];
  const size_t before = changes_.size();
  bool legal = true;
  for (const Effect& effect : problem_.EffectsOf(item)) legal = legal && ApplyEffect(effect);
  for (const WidePart& part : problem_.PartsOf(item)) {
    for (uint32_t cell = part.cell_begin; cell < part.cell_end && legal; ++cell) {
      legal = ApplyEffect(EffectOf(problem_, part, cell));
    }
  }
  if (legal) {
    applied_.push_back(before);
  } else {
    Revert(before);
  }
  return legal;
}

void ProblemSpecification::Undo() {
  Revert(applied_.back());
  applied_.pop_back();
}

void ProblemSpecification::Revert(size_t size) {
  while (changes_.size() > size) {
    const Change change = changes_.back();
    changes_.pop_back();
    Symbol& value = At(change.place);
    hash_ += PlaceHash(change.place, change.before) - PlaceHash(change.place, value);
    value = change.before;
  }
}

Symbol& ProblemSpecification::At(uint64_t place) {
  return place < values_.size() ? values_[place] : saved_[place - values_.size()];
}

void ProblemSpecification::Set(uint64_t place, Symbol value) {
  Symbol& current = At(place);
  if (current == value) return;
  changes_.push_back({place, current});
  hash_ += PlaceHash(place, value) - PlaceHash(place, current);
  current = value;
}

bool ProblemSpecification::ApplyEffect(const Effect& effect) {
  const Symbol value = values_[effect.cell];
  const bool expected = effect.expected == history::kUnobserved || value == effect.expected;
  switch (effect.type) {
    case EffectType::kExpect:
      return expected;
    case EffectType::kExpectNot:
      return value != effect.expected;
    case EffectType::kCompareAndSet:
      if (!expected) return false;
      Set(effect.cell, effect.argument);
      return true;
    case EffectType::kWrite:
      Set(effect.cell, effect.argument);
      return true;
    case EffectType::kIncrement: {
      if (effect.expected != history::kUnobserved && !computed_.SumIs(value, effect.delta, effect.expected)) return false;
      const std::optional<Symbol> sum = computed_.Add(value, effect.delta);
      if (!sum.has_value()) return false;
      Set(effect.cell, effect.expected != history::kUnobserved ? effect.expected : *sum);
      return true;
    }
    case EffectType::kAppend:
      Set(effect.cell, computed_.Append(value, effect.argument));
      return true;
    case EffectType::kSave:
      Set(SavedPlace(effect.cell, effect.slot), value);
      return true;
    case EffectType::kLoad: {
      const Symbol saved = At(SavedPlace(effect.cell, effect.slot));
      if (effect.expected != history::kUnobserved && saved != effect.expected) return false;
      Set(effect.cell, saved);
      return true;
    }
    case EffectType::kNever:
      return false;
  }
  return false;
}

std::string ProblemSpecification::Describe() const {
  std::string text;
  for (uint32_t cell = 0; cell < values_.size(); ++cell) {
    if (values_[cell] == history::kAbsent || problem_.cells[cell].is_snapshot) continue;
    text += text.empty() ? "" : ", ";
    text += history::Quote(problem_.history->text(problem_.cells[cell].key)) + " = " +
            history::Quote(computed_.text(values_[cell]));
  }
  return "{" + text + "}";
}

std::vector<SearchCall> CallsOf(const Problem& problem) {
  std::vector<SearchCall> calls;
  calls.reserve(problem.items.size());
  for (uint32_t i = 0; i < problem.items.size(); ++i) {
    const Item& item = problem.items[i];
    SearchCall call{i, item.invoke, item.complete, item.optional, std::numeric_limits<int64_t>::max()};
    const history::OpId hint = problem.history->operations[item.source].hint;
    if (hint.known() && hint.index < (int64_t{1} << 61)) call.hint = hint.index * 2 + (item.reads_only ? 1 : 0);
    calls.push_back(call);
  }
  return calls;
}

}  // namespace holdfast::check
