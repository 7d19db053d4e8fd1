#include "harness/check/explanation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "harness/check/problem_specification.h"
#include "harness/check/search.h"
#include "harness/check/values.h"
#include "harness/history/jsonl.h"

namespace holdfast::check {
namespace {

using history::kAbsent;
using history::kUnobserved;

constexpr size_t kObstaclesMax = 8;
constexpr size_t kCellsAtIssueMax = 4;
constexpr size_t kValuesMax = 6;
constexpr size_t kOrderShown = 8;
constexpr int64_t kOrderWorkMax = 300'000;

std::string ShowValue(const History& history, Symbol value) {
  if (value == kAbsent) return "nothing";
  if (value == kSnapshotExists) return "a snapshot";
  if (value >= history.symbols.size()) return "a computed value";
  return history::Quote(history.text(value));
}

// Builds the explanation of one failure, part by part.
class Explainer {
 public:
  Explainer(const Problem& problem, const FrontierResult& failure)
      : problem_(problem), failure_(failure), history_(*problem.history), item_(problem.items[failure.failed_item]) {}

  Explanation Run() {
    explanation_.object = history_.operations[item_.source].object;
    explanation_.prefix_end = failure_.failed_at;
    explanation_.unplaceable.push_back(item_.source);
    for (const Item& other : problem_.items) {
      explanation_.prefix_operation_count += other.invoke < failure_.failed_at ? 1 : 0;
    }
    for (const Effect& effect : problem_.EffectsOf(item_)) Consider(effect);
    for (const WidePart& part : problem_.PartsOf(item_)) {
      for (uint32_t cell = part.cell_begin; cell < part.cell_end; ++cell) Consider(EffectOf(problem_, part, cell));
    }
    if (cells_.empty()) {
      for (const FrontierResult::Found& found : failure_.found) {
        if (cells_.size() < kCellsAtIssueMax) cells_.emplace(found.cell, static_cast<uint32_t>(cells_.size()));
      }
    }
    FindOrder();
    return std::move(explanation_);
  }

 private:
  const std::vector<Symbol>* FoundOf(uint32_t cell) const {
    for (const FrontierResult::Found& found : failure_.found) {
      if (found.cell == cell) return &found.values;
    }
    return nullptr;
  }

  // Notes the effect if its cell does not plainly serve it.
  void Consider(const Effect& effect) {
    const std::vector<Symbol>* const found = FoundOf(effect.cell);
    if (found == nullptr || explanation_.obstacles.size() == kObstaclesMax) return;
    const bool expects = effect.expected != kUnobserved && effect.type != EffectType::kIncrement;
    if (effect.type == EffectType::kWrite || effect.type == EffectType::kSave || effect.type == EffectType::kAppend) return;
    if (effect.type == EffectType::kExpectNot && (found->size() != 1 || found->front() != effect.expected)) return;
    if (effect.type != EffectType::kExpectNot && expects && found->size() == 1 && found->front() == effect.expected) return;
    Obstacle obstacle;
    obstacle.key = std::string(history_.text(problem_.cells[effect.cell].key));
    obstacle.is_snapshot = problem_.cells[effect.cell].is_snapshot;
    for (size_t i = 0; i < found->size() && i < kValuesMax; ++i) {
      obstacle.found.push_back(ShowValue(history_, (*found)[i]));
    }
    obstacle.needed = Needed(effect);
    obstacle.origin = Origin(effect);
    explanation_.obstacles.push_back(std::move(obstacle));
    if (cells_.size() < kCellsAtIssueMax) cells_.emplace(effect.cell, static_cast<uint32_t>(cells_.size()));
  }

  std::string Needed(const Effect& effect) const {
    if (effect.type == EffectType::kNever) return "the rows that its snapshot told";
    if (effect.type == EffectType::kExpectNot) return "anything but " + ShowValue(history_, effect.expected);
    if (effect.type != EffectType::kIncrement) return ShowValue(history_, effect.expected);
    if (effect.expected == kUnobserved) return "a number";
    return "a number that gives " + ShowValue(history_, effect.expected) + " when " + std::to_string(effect.delta) +
           " is added";
  }

  // The latest operation called before the end of the prefix that wrote the value needed.
  std::string Origin(const Effect& needed) const {
    if (needed.expected == kUnobserved || needed.expected == kAbsent || needed.expected == kSnapshotExists) return "";
    if (needed.type == EffectType::kIncrement || needed.type == EffectType::kExpectNot) return "";
    for (size_t i = problem_.items.size(); i-- > 0;) {
      const Item& item = problem_.items[i];
      if (item.invoke >= failure_.failed_at) continue;
      for (const Effect& effect : problem_.EffectsOf(item)) {
        const bool writes = effect.type == EffectType::kWrite || effect.type == EffectType::kCompareAndSet;
        if (writes && effect.cell == needed.cell && effect.argument == needed.expected) return history_.Describe(item.source);
      }
    }
    return "";
  }

  // Looks for an order of the prefix, on the cells at issue alone: what is open when it ends may be left out.
  void FindOrder() {
    Problem part;
    part.history = problem_.history;
    std::vector<uint32_t> cells(cells_.size());
    for (const auto& [cell, number] : cells_) cells[number] = cell;
    for (const uint32_t cell : cells) part.cells.push_back(problem_.cells[cell]);
    std::vector<uint32_t> sources;
    for (uint32_t i = 0; i < problem_.items.size(); ++i) {
      Item item = problem_.items[i];
      if (item.invoke >= failure_.failed_at) break;
      if (i == failure_.failed_item) continue;
      const uint32_t begin = static_cast<uint32_t>(part.effects.size());
      for (const Effect& effect : problem_.EffectsOf(problem_.items[i])) AddEffect(effect, &part);
      for (const WidePart& wide : problem_.PartsOf(problem_.items[i])) {
        for (const uint32_t cell : cells) {
          if (wide.cell_begin <= cell && cell < wide.cell_end) AddEffect(EffectOf(problem_, wide, cell), &part);
        }
      }
      if (part.effects.size() == begin) continue;
      item.effects_begin = begin;
      item.effects_end = static_cast<uint32_t>(part.effects.size());
      item.parts_begin = item.parts_end = 0;
      item.reads_only = true;
      for (const Effect& effect : part.EffectsOf(item)) item.reads_only &= effect.reads_only();
      if (item.complete >= failure_.failed_at) {
        item.optional = true;
        item.complete = history::kPending;
      }
      part.items.push_back(item);
      sources.push_back(item.source);
    }
    ProblemSpecification specification(part);
    const Limits limits;
    Meter meter(limits, kOrderWorkMax);
    const SearchResult found = Search<ProblemSpecification>(&specification, CallsOf(part), &meter).Run();
    ProblemSpecification replay(part);
    for (const uint32_t item : found.order) {
      explanation_.longest_order.push_back(sources[item]);
      replay.Apply(item);
    }
    explanation_.state_after = replay.Describe();
  }

  void AddEffect(Effect effect, Problem* part) const {
    const auto cell = cells_.find(effect.cell);
    if (cell == cells_.end()) return;
    effect.cell = cell->second;
    part->effects.push_back(effect);
  }

  const Problem& problem_;
  const FrontierResult& failure_;
  const History& history_;
  const Item& item_;
  Explanation explanation_;
  std::map<uint32_t, uint32_t> cells_;  // at issue -> number in the order of finding
};

}  // namespace

Explanation Explain(const Problem& problem, const FrontierResult& failure) { return Explainer(problem, failure).Run(); }

std::string Explanation::Text(const history::History& history) const {
  std::string text;
  text += "  object " + std::to_string(object) + ": right up to the event before " + std::to_string(prefix_end) + ", wrong from it on (" +
          std::to_string(prefix_operation_count) + " operations called until then)\n";
  for (const size_t position : unplaceable) text += "  cannot be placed: " + history.Describe(position) + "\n";
  for (const Obstacle& obstacle : obstacles) {
    text += obstacle.is_snapshot ? "    snapshot " : obstacle.key.empty() ? "    the value" : "    key ";
    text += (obstacle.key.empty() ? "" : history::Quote(obstacle.key)) + ": needed " + obstacle.needed + ", found ";
    for (size_t i = 0; i < obstacle.found.size(); ++i) text += (i == 0 ? "" : " or ") + obstacle.found[i];
    text += "\n";
    if (!obstacle.origin.empty()) text += "      needed is what this wrote: " + obstacle.origin + "\n";
  }
  if (!longest_order.empty()) {
    const size_t shown = std::min(longest_order.size(), kOrderShown);
    text += "  longest order that works on these keys, the last " + std::to_string(shown) + " of " +
            std::to_string(longest_order.size()) + ":\n";
    for (size_t i = longest_order.size() - shown; i < longest_order.size(); ++i) {
      text += "    " + history.Describe(longest_order[i]) + "\n";
    }
    text += "    then: " + state_after + "\n";
  }
  return text;
}

std::string Explanation::Json(const history::History& history) const {
  std::string out = "{\"object\":" + std::to_string(object) + ",\"prefix_end\":" + std::to_string(prefix_end) +
                    ",\"prefix_operations\":" + std::to_string(prefix_operation_count);
  const auto add_operations = [&](const char* name, const std::vector<size_t>& positions) {
    out += std::string(",\"") + name + "\":[";
    for (size_t i = 0; i < positions.size(); ++i) {
      out += std::string(i == 0 ? "" : ",") + "{\"position\":" + std::to_string(positions[i]) + ",\"text\":";
      history::AppendJsonString(&out, history.Describe(positions[i]));
      out += "}";
    }
    out += "]";
  };
  add_operations("unplaceable", unplaceable);
  out += ",\"obstacles\":[";
  for (size_t i = 0; i < obstacles.size(); ++i) {
    const Obstacle& obstacle = obstacles[i];
    out += i == 0 ? "{\"key\":" : ",{\"key\":";
    history::AppendJsonString(&out, obstacle.key);
    out += std::string(",\"snapshot\":") + (obstacle.is_snapshot ? "true" : "false") + ",\"needed\":";
    history::AppendJsonString(&out, obstacle.needed);
    out += ",\"found\":[";
    for (size_t j = 0; j < obstacle.found.size(); ++j) {
      if (j > 0) out += ",";
      history::AppendJsonString(&out, obstacle.found[j]);
    }
    out += "],\"origin\":";
    history::AppendJsonString(&out, obstacle.origin);
    out += "}";
  }
  out += "]";
  add_operations("longest_order", longest_order);
  out += ",\"state_after\":";
  history::AppendJsonString(&out, state_after);
  return out + "}";
}

}  // namespace holdfast::check
