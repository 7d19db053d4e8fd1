#include "harness/check/explanation.h"

#include <algorithm>

#include "harness/check/values.h"

namespace holdfast::check {
namespace {

using history::kAbsent;
using history::kUnobserved;

constexpr size_t kObstaclesMax = 8;
constexpr size_t kValuesMax = 6;
constexpr size_t kOrderShown = 8;

std::string ShowValue(const History& history, Symbol value) {
  if (value == kAbsent) return "nothing";
  if (value == kSnapshotExists) return "it exists";
  if (value >= history.symbols.size()) return "a computed value";
  return history::Quote(history.text(value));
}

}  // namespace

Explanation Explain(const Problem& problem, const FrontierResult& failure) {
  const History& history = *problem.history;
  const Item& item = problem.items[failure.failed_item];
  Explanation evidence;
  evidence.object = history.operations[item.source].object;
  evidence.prefix_end = failure.failed_at;
  evidence.unplaceable.push_back(item.source);
  for (const Item& other : problem.items) evidence.prefix_operation_count += other.invoke < failure.failed_at ? 1 : 0;
  const auto found_of = [&](uint32_t cell) -> const std::vector<Symbol>& {
    static const std::vector<Symbol> kNone;
    for (const FrontierResult::Found& found : failure.found) {
      if (found.cell == cell) return found.values;
    }
    return kNone;
  };
  const auto consider = [&](const Effect& effect) {
    if (evidence.obstacles.size() == kObstaclesMax) return;
    const std::vector<Symbol>& found = found_of(effect.cell);
    const bool expects = effect.expected != kUnobserved && effect.type != EffectType::kIncrement;
    if (effect.blind() && effect.type == EffectType::kWrite) return;
    if (expects && found.size() == 1 && found[0] == effect.expected) return;
    Obstacle obstacle;
    obstacle.key = std::string(history.text(problem.cells[effect.cell].key));
    obstacle.is_snapshot = problem.cells[effect.cell].is_snapshot;
    for (size_t i = 0; i < found.size() && i < kValuesMax; ++i) obstacle.found.push_back(ShowValue(history, found[i]));
    if (effect.type == EffectType::kNever) {
      obstacle.needed = "rows other than its snapshot's";
    } else if (effect.type == EffectType::kIncrement) {
      obstacle.needed = "a number that gives " + ShowValue(history, effect.expected) + " when " +
                        std::to_string(effect.delta) + " is added";
    } else {
      obstacle.needed = ShowValue(history, effect.expected);
    }
    evidence.obstacles.push_back(std::move(obstacle));
  };
  for (const Effect& effect : problem.EffectsOf(item)) consider(effect);
  for (const WidePart& part : problem.PartsOf(item)) {
    for (uint32_t cell = part.cell_begin; cell < part.cell_end; ++cell) consider(EffectOf(problem, part, cell));
  }
  return evidence;
}

std::string Explanation::Text(const history::History& history) const {
  std::string text;
  text += "not linearizable: object " + std::to_string(object) + ", already wrong after event " +
          std::to_string(prefix_end) + " (" + std::to_string(prefix_operation_count) + " operations)\n";
  for (const size_t position : unplaceable) text += "  cannot be placed: " + history.Describe(position) + "\n";
  for (const Obstacle& obstacle : obstacles) {
    text += obstacle.is_snapshot ? "    snapshot " : "    key ";
    text += history::Quote(obstacle.key) + ": needed " + obstacle.needed + ", found ";
    for (size_t i = 0; i < obstacle.found.size(); ++i) text += (i == 0 ? "" : " or ") + obstacle.found[i];
    if (!obstacle.origin.empty()) text += " (" + obstacle.origin + ")";
    text += "\n";
  }
  if (!longest_order.empty()) {
    text += "  longest order that works (last of " + std::to_string(longest_order.size()) + "):\n";
    const size_t begin = longest_order.size() - std::min(longest_order.size(), kOrderShown);
    for (size_t i = begin; i < longest_order.size(); ++i) text += "    " + history.Describe(longest_order[i]) + "\n";
  }
  return text;
}

}  // namespace holdfast::check
