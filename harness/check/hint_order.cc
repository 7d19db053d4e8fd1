#include "harness/check/hint_order.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/check/decimal.h"

namespace holdfast::check {
namespace {

using history::History;
using history::Kind;
using history::Operation;
using history::Symbol;

using MapRows = std::map<Symbol, std::string>;

bool OnlyReads(Kind kind) { return kind == Kind::kGet || kind == Kind::kScan; }

// The snapshottable map, run one operation after the other.
class Replay {
 public:
  explicit Replay(const History& history, uint32_t object) : history_(history) {
    const auto initial = history.initial_rows.find(object);
    if (initial == history.initial_rows.end()) return;
    for (const history::Row& row : initial->second) live_[row.key] = history.text(row.value);
  }

  // False, with nothing changed, if the operation can't give what it gave in this state. One whose reply was lost may
  // have been refused there (an increment of what is no number), and then never took effect.
  bool Apply(const Operation& op) {
    if (op.ok() || op.kind != Kind::kBatch) return Take(op);
    MapRows before = live_;
    if (Take(op)) return true;
    live_ = std::move(before);
    return false;
  }

 private:
  bool Take(const Operation& op) {
    switch (op.kind) {
      case Kind::kGet:
        return op.value == history::kUnobserved || Matches(op.key, op.value);
      case Kind::kScan:
        return !History::HasRows(op) || Equal(live_, op.list);
      case Kind::kPut:
      case Kind::kDelete:
      case Kind::kIncrement:
        return Mutate({op.kind, op.key, op.value, op.delta});
      case Kind::kBatch:
        for (const history::Mutation& part : history_.mutations(op.list)) {
          if (!Mutate(part)) return false;
        }
        return true;
      case Kind::kSnapshot:
        if (History::HasRows(op) && !Equal(live_, op.list)) return false;
        saved_[op.key] = live_;
        return true;
      case Kind::kRestore: {
        const auto saved = saved_.find(op.key);
        if (saved == saved_.end() || (History::HasRows(op) && !Equal(saved->second, op.list))) return false;
        live_ = saved->second;
        return true;
      }
      case Kind::kDrop:
        saved_.erase(op.key);
        return true;
      default:
        return false;
    }
  }

  bool Matches(Symbol key, Symbol value) const {
    const auto row = live_.find(key);
    if (value == history::kAbsent) return row == live_.end();
    return row != live_.end() && row->second == history_.text(value);
  }

  bool Equal(const MapRows& rows, uint32_t list) const {
    const auto expected = history_.rows(list);
    if (expected.size() != rows.size()) return false;
    return std::all_of(expected.begin(), expected.end(), [&](const history::Row& row) {
      const auto found = rows.find(row.key);
      return found != rows.end() && found->second == history_.text(row.value);
    });
  }

  bool Mutate(const history::Mutation& mutation) {
    if (mutation.kind == Kind::kDelete) {
      live_.erase(mutation.key);
      return true;
    }
    if (mutation.kind == Kind::kPut) {
      live_[mutation.key] = history_.text(mutation.value);
      return true;
    }
    const auto row = live_.find(mutation.key);
    const std::optional<int64_t> before = row == live_.end() ? 0 : DecimalValue(row->second);
    int64_t after = 0;
    if (!before || __builtin_add_overflow(*before, mutation.delta, &after)) return false;
    live_[mutation.key] = std::to_string(after);
    return mutation.value == history::kUnobserved || Matches(mutation.key, mutation.value);
  }

  const History& history_;
  MapRows live_;
  std::map<Symbol, MapRows> saved_;
};

using Order = std::vector<const Operation*>;

// A drop of what was dropped before is told of by the op that dropped it, which may be long ago. It goes to the first
// place after which nothing stands that had ended when it was invoked.
Order WithRepeatedDropsLater(const Order& order) {
  std::vector<int64_t> earliest_end(order.size() + 1, history::kPending);
  for (size_t i = order.size(); i-- > 0;) earliest_end[i] = std::min(earliest_end[i + 1], order[i]->complete);
  Order result;
  result.reserve(order.size());
  std::set<std::pair<int64_t, Symbol>> dropped;
  std::multimap<size_t, const Operation*> later;  // by the place before which it goes
  for (size_t i = 0; i <= order.size(); ++i) {
    for (auto [at, end] = later.equal_range(i); at != end; ++at) result.push_back(at->second);
    if (i == order.size()) break;
    const Operation* op = order[i];
    if (op->kind != Kind::kDrop || dropped.insert({op->hint.index, op->key}).second) {
      result.push_back(op);
      continue;
    }
    const auto from = earliest_end.begin() + static_cast<ptrdiff_t>(i) + 1;
    const auto place = std::upper_bound(from, earliest_end.end() - 1, op->invoke);
    later.emplace(place - earliest_end.begin(), op);
  }
  return result;
}

}  // namespace

bool HintOrderIsLinearization(const History& history, std::span<const uint32_t> positions) {
  Order order;
  order.reserve(positions.size());
  for (const uint32_t position : positions) {
    const Operation& op = history.operations[position];
    if (op.outcome == history::Outcome::kFail) continue;
    if (op.hint.known()) {
      order.push_back(&op);
    } else if (op.ok()) {
      return false;
    }
  }
  std::sort(order.begin(), order.end(), [](const Operation* a, const Operation* b) {
    return std::tuple(a->hint.index, OnlyReads(a->kind), a->hint.sub, a->invoke) <
           std::tuple(b->hint.index, OnlyReads(b->kind), b->hint.sub, b->invoke);
  });
  order = WithRepeatedDropsLater(order);
  Replay replay(history, order.empty() ? 0 : order.front()->object);
  int64_t latest_invoke = -1;
  for (const Operation* op : order) {
    // Something that stands before it in the order was invoked only after it had ended.
    if (op->complete <= std::max(latest_invoke, op->invoke)) return false;
    if (replay.Apply(*op)) {
      latest_invoke = std::max(latest_invoke, op->invoke);
    } else if (op->ok()) {
      return false;
    }
  }
  return true;
}

}  // namespace holdfast::check
