// What a violation is shown by: the shortest wrong prefix, an order that works for what came before, and the operation that
// no order can place, with the state it found and the state it needed. As data, and as a screen of text.
#ifndef HOLDFAST_HARNESS_CHECK_EXPLANATION_H_
#define HOLDFAST_HARNESS_CHECK_EXPLANATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/check/frontier.h"
#include "harness/check/problem.h"
#include "harness/history/history.h"

namespace holdfast::check {

// A cell that kept an operation from being placed.
struct Obstacle {
  std::string key;
  bool is_snapshot = false;         // the key is a snapshot id, the question whether it exists
  std::vector<std::string> found;   // every value that it can have at that moment, quoted
  std::string needed;               // quoted, or a condition in words
  std::string origin;               // the operation that wrote the value needed; may be empty
};

struct Explanation {
  uint32_t object = 0;
  // The history up to this event is wrong, and up to the event before it is not.
  int64_t prefix_end = 0;
  // Operations invoked in that prefix, on that object.
  size_t prefix_operation_count = 0;
  // Operations that cannot be placed, as positions in the history; the first is the one whose end breaks the prefix.
  std::vector<size_t> unplaceable;
  std::vector<Obstacle> obstacles;
  // An order of operations, as positions, that works for the prefix without its last event, of those on the cells at issue.
  std::vector<size_t> longest_order;
  // What those cells hold at the end of that order.
  std::string state_after;

  // At most a screen.
  std::string Text(const history::History& history) const;
  // The same as one JSON object.
  std::string Json(const history::History& history) const;
};

// REQUIRES: failure.verdict is kFail, and failure is of this problem or of a looser one (problem.h).
Explanation Explain(const Problem& problem, const FrontierResult& failure);

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_EXPLANATION_H_
