#include "harness/check/problem_part.h"

#include <vector>

namespace holdfast::check {

Problem OnCells(const Problem& problem, std::span<const uint32_t> cells) {
  std::vector<uint8_t> wanted(problem.cells.size(), 0);
  for (const uint32_t cell : cells) wanted[cell] = 1;
  Problem part;
  part.history = problem.history;
  part.cells = problem.cells;
  for (Item item : problem.items) {
    const Effect& effect = problem.effects[item.effects_begin];
    if (wanted[effect.cell] == 0) continue;
    item.effects_begin = static_cast<uint32_t>(part.effects.size());
    item.effects_end = item.effects_begin + 1;
    item.parts_begin = item.parts_end = 0;
    part.effects.push_back(effect);
    part.items.push_back(item);
  }
  return part;
}

Problem UpTo(const Problem& problem, int64_t event) {
  Problem part = problem;
  part.items.clear();
  for (Item item : problem.items) {
    if (item.invoke > event) break;
    if (item.complete > event) {
      if (item.reads_only) continue;
      item.complete = history::kPending;
      item.optional = true;
      item.settled = false;
    }
    part.items.push_back(item);
  }
  return part;
}

}  // namespace holdfast::check
