// The judge of the judges, for tests: tries every order of a small history on plain maps of strings.
//
// Written from the contract alone and sharing nothing with the engine: no cells, no memory of states, no hints.
// Factorial in the number of operations, so histories stay below about ten.
#ifndef HOLDFAST_HARNESS_CHECK_BRUTE_FORCE_H_
#define HOLDFAST_HARNESS_CHECK_BRUTE_FORCE_H_

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/problem.h"
#include "harness/history/history.h"

namespace holdfast::check {

class BruteForce {
 public:
  BruteForce(const history::History& history, Model model, history::Symbol initial)
      : history_(history), model_(model), initial_(initial) {}

  bool Linearizable() {
    State state;
    for (const auto& [object, rows] : history_.initial_rows) {
      for (const history::Row& row : rows) state[object].live[Text(row.key)] = Text(row.value);
    }
    std::vector<char> done(history_.operations.size(), 0);
    return Search(state, &done, -1);
  }

 private:
  using Map = std::map<std::string, std::string>;
  struct Object {
    Map live;
    std::map<std::string, Map> snapshots;
  };
  using State = std::map<uint32_t, Object>;
  using Op = history::Operation;
  using Kind = history::Kind;

  std::string Text(history::Symbol symbol) const { return std::string(history_.text(symbol)); }

  bool Search(const State& state, std::vector<char>* done, int64_t invoke_max) {
    const std::vector<Op>& ops = history_.operations;
    bool complete = true;
    int64_t must_end = history::kPending;
    for (size_t i = 0; i < ops.size(); ++i) {
      if ((*done)[i] || !ops[i].ok()) continue;
      complete = false;
      must_end = std::min(must_end, ops[i].complete);
    }
    if (complete) return true;
    for (size_t i = 0; i < ops.size(); ++i) {
      if ((*done)[i] || ops[i].outcome == history::Outcome::kFail) continue;
      State next = state;
      std::vector<char> next_done = *done;
      int64_t next_invoke_max = invoke_max;
      bool legal = true;
      for (const size_t part : PartsOf(i)) {
        legal = legal && ops[part].invoke < must_end && ops[part].complete > next_invoke_max &&
                Apply(ops[part], &next[ops[part].object]);
        next_done[part] = 1;
      }
      for (const size_t part : PartsOf(i)) {
        for (const size_t other : PartsOf(i)) legal = legal && ops[part].invoke < ops[other].complete;
        next_invoke_max = std::max(next_invoke_max, ops[part].invoke);
      }
      if (legal && Search(next, &next_done, next_invoke_max)) return true;
    }
    return false;
  }

  // Under snapshot-table, the snapshots of a group happen together.
  std::vector<size_t> PartsOf(size_t i) const {
    const std::vector<Op>& ops = history_.operations;
    if (model_ != Model::kSnapshotTable || ops[i].kind != Kind::kSnapshot || ops[i].group == 0) return {i};
    std::vector<size_t> parts;
    for (size_t j = 0; j < ops.size(); ++j) {
      const bool took = ops[j].outcome != history::Outcome::kFail;
      if (took && ops[j].kind == Kind::kSnapshot && ops[j].group == ops[i].group) parts.push_back(j);
    }
    return parts;
  }

  std::optional<std::string> Get(const Object& object, const std::string& key) const {
    const auto found = object.live.find(key);
    if (found != object.live.end()) return found->second;
    if (deleted_.count(key) == 0 && initial_ != history::kAbsent) return Text(initial_);
    return std::nullopt;
  }

  static std::optional<int64_t> Number(const std::optional<std::string>& text) {
    if (!text.has_value()) return 0;
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size() || std::to_string(number) != *text) {
      return std::nullopt;
    }
    return number;
  }

  bool Increment(Object* object, const std::string& key, int64_t delta, history::Symbol answer) const {
    const std::optional<int64_t> number = Number(Get(*object, key));
    int64_t sum = 0;
    if (!number.has_value() || __builtin_add_overflow(*number, delta, &sum)) return false;
    if (answer != history::kUnobserved && Text(answer) != std::to_string(sum)) return false;
    object->live[key] = std::to_string(sum);
    return true;
  }

  bool Same(const std::optional<std::string>& value, history::Symbol answer) const {
    if (answer == history::kUnobserved) return true;
    if (answer == history::kAbsent) return !value.has_value();
    return value.has_value() && *value == Text(answer);
  }

  bool SameRows(const Map& map, const Op& op) const {
    if (op.list == history::kNoList) return true;
    Map rows;
    for (const history::Row& row : history_.rows(op.list)) rows[Text(row.key)] = Text(row.value);
    return rows == map;
  }

  bool Apply(const Op& op, Object* object) const {
    const std::string key = Text(op.key);
    switch (op.kind) {
      case Kind::kGet:
      case Kind::kRead:
        return !op.ok() || Same(Get(*object, key), op.value);
      case Kind::kPut:
      case Kind::kWrite:
        object->live[key] = Text(op.value);
        return true;
      case Kind::kDelete:
        object->live.erase(key);
        return true;
      case Kind::kIncrement:
        return Increment(object, key, op.delta, op.value);
      case Kind::kBatch:
        for (const history::Mutation& part : history_.mutations(op.list)) {
          if (part.kind == Kind::kPut) object->live[Text(part.key)] = Text(part.value);
          if (part.kind == Kind::kDelete) object->live.erase(Text(part.key));
          if (part.kind == Kind::kIncrement && !Increment(object, Text(part.key), part.delta, part.value)) return false;
        }
        return true;
      case Kind::kScan:
        return !op.ok() || SameRows(object->live, op);
      case Kind::kSnapshot:
        if (!SameRows(object->live, op)) return false;
        object->snapshots[key] = object->live;
        return true;
      case Kind::kRestore: {
        const auto found = object->snapshots.find(key);
        if (found == object->snapshots.end() || !SameRows(found->second, op)) return false;
        object->live = found->second;
        return true;
      }
      case Kind::kDrop:
        object->snapshots.erase(key);
        return true;
      case Kind::kCompareAndSet:
        if (!Same(Get(*object, key), op.expected)) return false;
        object->live[key] = Text(op.value);
        return true;
      case Kind::kRefusedCompare:
        return !Same(Get(*object, key), op.expected);
      case Kind::kAppend:
        object->live[key] = Get(*object, key).value_or("") + Text(op.value);
        return true;
    }
    return false;
  }

  const history::History& history_;
  const Model model_;
  const history::Symbol initial_;
  const std::map<std::string, int> deleted_;  // a default value is used by models without deletion only
};

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_BRUTE_FORCE_H_
