// Small random histories for tests, of every specification: run on a plain model with overlapping operations, some
// indeterminate (pending, or closed by a fence), and then, half of the time, spoilt in one or two answers.
//
// What a history deserves is for a judge to say: a spoilt one is often still right.
#ifndef HOLDFAST_HARNESS_CHECK_RANDOM_HISTORY_H_
#define HOLDFAST_HARNESS_CHECK_RANDOM_HISTORY_H_

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/problem.h"
#include "harness/history/history.h"

namespace holdfast::check {

struct RandomHistoryOptions {
  Model model = Model::kSnapshotMap;
  uint32_t operations = 6;
  uint32_t processes = 3;
  uint32_t keys = 2;
  uint32_t values = 3;  // 0: every written value is new
  double indeterminate = 0.25;
  double spoil = 0.5;
  bool plain = false;  // of registers and kv: reads and writes of new values, seldom anything else
};

class RandomHistory {
 public:
  RandomHistory(const RandomHistoryOptions& options, uint64_t seed) : options_(options), random_(seed) {}

  history::History Make() {
    history_.symbols.Intern("");
    std::vector<int> running(options_.processes, -1);
    uint32_t started = 0;
    int64_t event = 0;
    const uint32_t parts_max = options_.model == Model::kSnapshotTable ? 2 : 1;
    while (true) {
      const uint32_t process = Pick(options_.processes);
      if (running[process] < 0) {
        if (started >= options_.operations) {
          if (std::all_of(running.begin(), running.end(), [](int r) { return r < 0; })) break;
          continue;
        }
        running[process] = static_cast<int>(calls_.size());
        Call call;
        call.process = process;
        const size_t first = history_.operations.size();
        Op op = MakeOperation();
        op.process = process;
        op.invoke = event++;
        const bool grouped = op.kind == Kind::kSnapshot && parts_max == 2 && Chance(0.8);
        if (grouped) op.group = static_cast<uint32_t>(calls_.size() + 1);
        for (uint32_t part = 0; part < (grouped ? 2u : 1u); ++part) {
          if (grouped) op.object = part;
          if (part > 0) op.invoke = event++;
          history_.operations.push_back(op);
          call.parts.push_back(first + part);
          ++started;
        }
        calls_.push_back(call);
        continue;
      }
      Call& call = calls_[running[process]];
      if (!call.applied && (Chance(0.6))) {
        TakeEffect(&call);
        continue;
      }
      if (!call.applied && !Chance(0.15)) continue;
      // Ends; what has not taken effect yet cannot have answered.
      const bool answered = call.applied && call.legal && !Chance(options_.indeterminate);
      for (const size_t part : call.parts) {
        Op& op = history_.operations[part];
        if (answered) {
          op.outcome = history::Outcome::kOk;
          op.complete = event++;
        } else if (call.applied && !call.legal) {
          op.outcome = history::Outcome::kFail;
          op.complete = event++;
        } else {
          Forget(&op);
          if (Chance(0.3)) {
            call.closed = true;
            op.complete = event++;
          }
        }
      }
      if (!answered && !call.applied && !call.closed && Chance(0.5)) late_.push_back(running[process]);
      running[process] = -1;
      if (!late_.empty() && Chance(0.3)) {
        TakeEffect(&calls_[late_.back()]);
        late_.pop_back();
      }
    }
    if (Chance(options_.spoil)) Spoil();
    if (Chance(options_.spoil / 3)) Spoil();
    return std::move(history_);
  }

 private:
  using Op = history::Operation;
  using Kind = history::Kind;
  using Symbol = history::Symbol;
  using Map = std::map<std::string, std::string>;
  struct Object {
    Map live;
    std::map<std::string, Map> snapshots;
  };
  struct Call {
    uint32_t process = 0;
    std::vector<size_t> parts;
    bool applied = false;
    bool legal = true;
    bool closed = false;
  };

  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool Chance(double p) { return static_cast<double>(random_() >> 11) * 0x1.0p-53 < p; }

  Symbol Key() { return history_.symbols.Intern(std::string(1, static_cast<char>('a' + Pick(options_.keys)))); }
  Symbol NewValue() {
    if (!options_.plain && Chance(0.15)) return history_.symbols.Intern(std::to_string(Pick(3)));
    const uint32_t value = options_.values == 0 ? next_value_++ : Pick(options_.values);
    return history_.symbols.Intern("v" + std::to_string(value));
  }
  // How many of a list of kinds to choose from: a plain history seldom takes more than the first.
  uint32_t KindCount(uint32_t plain, uint32_t all) { return options_.plain && !Chance(0.02) ? plain : all; }
  Symbol SnapshotId() { return history_.symbols.Intern("s" + std::to_string(Pick(2))); }

  Op MakeOperation() {
    Op op;
    const Model model = options_.model;
    if (model == Model::kCasRegister) {
      op.kind = std::vector<Kind>{Kind::kRead, Kind::kRead, Kind::kWrite, Kind::kCompareAndSet,
                                  Kind::kRefusedCompare}[Pick(KindCount(3, 5))];
      op.object = Pick(8) == 0 ? 1 : 0;
      if (op.kind != Kind::kRead) op.value = NewValue();
      if (op.kind == Kind::kCompareAndSet || op.kind == Kind::kRefusedCompare) op.expected = NewValue();
      return op;
    }
    if (model == Model::kKvAppend) {
      op.kind = std::vector<Kind>{Kind::kGet, Kind::kGet, Kind::kPut, Kind::kAppend, Kind::kAppend}[Pick(5)];
      op.key = Key();
      if (op.kind != Kind::kGet) op.value = NewValue();
      return op;
    }
    if (model == Model::kKv) {
      op.kind = std::vector<Kind>{Kind::kGet, Kind::kGet, Kind::kPut, Kind::kPut, Kind::kDelete}[Pick(KindCount(4, 5))];
      op.key = Key();
      if (op.kind == Kind::kPut) op.value = NewValue();
      return op;
    }
    if (model == Model::kCounter) {
      op.kind = Pick(2) == 0 ? Kind::kRead : Kind::kIncrement;
      op.delta = static_cast<int64_t>(Pick(4)) - 1;
      return op;
    }
    op.kind = std::vector<Kind>{Kind::kGet,   Kind::kGet,  Kind::kPut,       Kind::kPut,      Kind::kDelete,
                                Kind::kBatch, Kind::kScan, Kind::kSnapshot,  Kind::kSnapshot, Kind::kRestore,
                                Kind::kDrop,  Kind::kGet,  Kind::kIncrement, Kind::kRestore}[Pick(14)];
    op.object = model == Model::kSnapshotTable ? Pick(2) : (Pick(6) == 0 ? 1 : 0);
    if (op.kind == Kind::kBatch) {
      std::vector<history::Mutation> parts;
      const uint32_t count = 1 + Pick(3);
      for (uint32_t i = 0; i < count; ++i) {
        history::Mutation part;
        part.kind = std::vector<Kind>{Kind::kPut, Kind::kPut, Kind::kDelete, Kind::kIncrement}[Pick(4)];
        part.key = Key();
        part.value = part.kind == Kind::kPut ? NewValue() : history::kUnobserved;
        part.delta = Pick(3) + 1;
        parts.push_back(part);
      }
      op.list = history_.AddMutations(parts);
    } else if (op.kind == Kind::kSnapshot || op.kind == Kind::kRestore || op.kind == Kind::kDrop) {
      op.key = SnapshotId();
    } else if (op.kind != Kind::kScan) {
      op.key = Key();
      if (op.kind == Kind::kPut) op.value = NewValue();
      op.delta = Pick(3) + 1;
    }
    return op;
  }

  void TakeEffect(Call* call) {
    call->applied = true;
    const std::map<uint32_t, Object> before = state_;
    for (const size_t part : call->parts) {
      // Now and then a cut is torn between its parts.
      Op& op = history_.operations[part];
      if (!Effect(&op, &state_[op.object])) call->legal = false;
      op.hint = {next_index_++, 1, 0};
    }
    if (!call->legal) state_ = before;
  }

  std::string Text(Symbol symbol) const { return std::string(history_.text(symbol)); }

  bool Effect(Op* op, Object* object) {
    const std::string key = Text(op->key);
    switch (op->kind) {
      case Kind::kGet:
      case Kind::kRead: {
        const auto found = object->live.find(key);
        op->value = found == object->live.end() ? history::kAbsent : history_.symbols.Intern(found->second);
        if (Chance(0.05)) op->value = history::kUnobserved;
        return true;
      }
      case Kind::kPut:
      case Kind::kWrite:
        object->live[key] = Text(op->value);
        return true;
      case Kind::kDelete:
        object->live.erase(key);
        return true;
      case Kind::kIncrement: {
        const bool legal = Add(object, key, op->delta);
        if (legal && options_.model != Model::kCounter && !Chance(0.2)) {
          op->value = history_.symbols.Intern(object->live[key]);
        }
        return legal;
      }
      case Kind::kBatch: {
        std::vector<history::Mutation> parts(history_.mutations(op->list).begin(), history_.mutations(op->list).end());
        for (history::Mutation& part : parts) {
          if (part.kind == Kind::kPut) object->live[Text(part.key)] = Text(part.value);
          if (part.kind == Kind::kDelete) object->live.erase(Text(part.key));
          if (part.kind == Kind::kIncrement) {
            if (!Add(object, Text(part.key), part.delta)) return false;
            if (Chance(0.7)) part.value = history_.symbols.Intern(object->live[Text(part.key)]);
          }
        }
        op->list = history_.AddMutations(parts);
        return true;
      }
      case Kind::kScan:
        op->list = AddRows(object->live);
        return true;
      case Kind::kSnapshot:
        object->snapshots[key] = object->live;
        if (Chance(0.6)) op->list = AddRows(object->live);
        return true;
      case Kind::kRestore:
        if (object->snapshots.count(key) == 0) return false;
        object->live = object->snapshots[key];
        if (Chance(0.3)) op->list = AddRows(object->live);
        return true;
      case Kind::kDrop:
        object->snapshots.erase(key);
        return true;
      case Kind::kCompareAndSet: {
        const auto found = object->live.find(key);
        if (found == object->live.end() || found->second != Text(op->expected)) return false;
        found->second = Text(op->value);
        return true;
      }
      case Kind::kRefusedCompare:
        return object->live.count(key) == 0 || object->live[key] != Text(op->expected);
      case Kind::kAppend:
        object->live[key] += Text(op->value);
        return true;
    }
    return false;
  }

  static bool Add(Object* object, const std::string& key, int64_t delta) {
    const auto found = object->live.find(key);
    if (found != object->live.end() && found->second[0] == 'v') return false;
    const int64_t number = found == object->live.end() ? 0 : std::stoll(found->second);
    object->live[key] = std::to_string(number + delta);
    return true;
  }

  uint32_t AddRows(const Map& map) {
    std::vector<history::Row> rows;
    for (const auto& [key, value] : map) {
      rows.push_back({history_.symbols.Intern(key), history_.symbols.Intern(value)});
    }
    return history_.AddRows(std::move(rows));
  }

  // An indeterminate operation answered nothing.
  void Forget(Op* op) {
    op->outcome = history::Outcome::kIndeterminate;
    op->hint = {};
    if (op->kind == Kind::kRefusedCompare) op->kind = Kind::kCompareAndSet;
    const bool reads = op->kind == Kind::kGet || op->kind == Kind::kRead || op->kind == Kind::kIncrement;
    if (reads) op->value = history::kUnobserved;
    if (op->kind == Kind::kScan || op->kind == Kind::kRestore) op->list = history::kNoList;
    if (op->kind == Kind::kSnapshot && Chance(0.5)) op->list = history::kNoList;
    if (op->kind != Kind::kBatch) return;
    std::vector<history::Mutation> parts(history_.mutations(op->list).begin(), history_.mutations(op->list).end());
    for (history::Mutation& part : parts) {
      if (part.kind == Kind::kIncrement) part.value = history::kUnobserved;
    }
    op->list = history_.AddMutations(parts);
  }

  Symbol SpoiltValue() {
    if (Chance(0.25)) return history::kAbsent;
    const size_t known = history_.symbols.size();
    const Symbol symbol = static_cast<Symbol>(1 + Pick(static_cast<uint32_t>(known - 1)));
    return symbol;
  }

  void Spoil() {
    if (history_.operations.empty()) return;
    Op& op = history_.operations[Pick(static_cast<uint32_t>(history_.operations.size()))];
    if (!op.ok()) return;
    if (op.kind == Kind::kGet || op.kind == Kind::kRead) op.value = SpoiltValue();
    if (op.kind == Kind::kIncrement && op.value != history::kUnobserved) {
      op.value = history_.symbols.Intern(std::to_string(Pick(5)));
    }
    if (op.list != history::kNoList && op.kind != Kind::kBatch) {
      std::vector<history::Row> rows(history_.rows(op.list).begin(), history_.rows(op.list).end());
      if (!rows.empty() && Chance(0.5)) rows.erase(rows.begin() + Pick(static_cast<uint32_t>(rows.size())));
      if (!rows.empty() && Chance(0.5)) rows[0].value = NewValue();
      op.list = history_.AddRows(rows);
    }
    if (op.kind == Kind::kRestore || op.kind == Kind::kSnapshot) op.key = SnapshotId();
  }

  const RandomHistoryOptions options_;
  std::mt19937_64 random_;
  history::History history_;
  std::map<uint32_t, Object> state_;
  std::vector<Call> calls_;
  std::vector<int> late_;
  uint32_t next_value_ = 0;
  int64_t next_index_ = 1;
};

// Options that vary with the seed, so that a sweep over seeds meets narrow and wide, quiet and doubtful histories.
inline RandomHistoryOptions RandomOptions(Model model, uint64_t seed, uint32_t operations_max) {
  std::mt19937_64 random(seed * 0x9E3779B97F4A7C15u + 1);
  RandomHistoryOptions options;
  options.model = model;
  options.operations = 1 + static_cast<uint32_t>(random() % operations_max);
  options.processes = 1 + static_cast<uint32_t>(random() % 4);
  options.keys = 1 + static_cast<uint32_t>(random() % 3);
  options.values = static_cast<uint32_t>(random() % 4);
  options.indeterminate = static_cast<double>(random() % 4) * 0.2;
  return options;
}

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_RANDOM_HISTORY_H_
