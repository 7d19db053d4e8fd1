// A history made ready for judging: operations on numbered cells, for one partition of the history.
//
// A cell holds one value: a row of a tablet, a register, a counter, or whether a snapshot exists. An operation is a set of
// effects on cells that happen together; `wide` parts act on every row of a tablet at once. What cannot matter is left
// out (failed operations, reads that nobody saw), and an indeterminate write is settled where its value tells: if only it
// can have written a value that somebody saw, it took effect before that observer ended; if nobody saw it, dropping it
// changes nothing. Everything else about a history is kept: the problem is linearizable if and only if the history is.
#ifndef HOLDFAST_HARNESS_CHECK_PROBLEM_H_
#define HOLDFAST_HARNESS_CHECK_PROBLEM_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/history/history.h"

namespace holdfast::check {

using history::History;
using history::Symbol;

// The sequential specifications.
enum class Model : uint8_t { kCasRegister, kKvAppend, kKv, kCounter, kSnapshotMap, kSnapshotTable };
inline constexpr int kModelCount = 6;
std::string_view ModelName(Model model);
bool ModelFromName(std::string_view name, Model* model);

// True if operations of that kind belong to the model.
bool ModelKnows(Model model, history::Kind kind);

enum class EffectType : uint8_t {
  kExpect,         // legal if the value is `expected`
  kExpectNot,      // legal if the value is not `expected`
  kWrite,          // := argument
  kCompareAndSet,  // legal if the value is `expected`; := argument
  kIncrement,      // += delta; legal if a number, and if the sum is `expected` where that is known
  kAppend,         // value ++ argument
  kSave,           // copy the value into saved slot `slot`
  kLoad,           // := saved slot `slot`; legal if that is `expected`, where known
  kNever,          // not legal in any state
};

// What an operation does to one cell.
struct Effect {
  uint32_t cell = 0;
  Symbol argument = history::kAbsent;
  Symbol expected = history::kUnobserved;
  uint16_t slot = 0;
  EffectType type = EffectType::kExpect;
  int64_t delta = 0;

  // Cannot change the value of its cell.
  bool reads_only() const { return type == EffectType::kExpect || type == EffectType::kExpectNot; }
  // REQUIRES: reads_only().
  bool reads(Symbol value) const { return (value == expected) == (type == EffectType::kExpect); }
  // Neither its legality nor its result depends on the value of its cell.
  bool blind() const { return type == EffectType::kWrite || type == EffectType::kLoad || type == EffectType::kNever; }
};

// The same effect on each cell of a range; `rows` gives each cell's own value.
struct WidePart {
  uint32_t cell_begin = 0;
  uint32_t cell_end = 0;
  uint32_t rows = 0;  // index into Problem::rows; kNoRows for kSave and kLoad without known rows
  uint16_t slot = 0;
  EffectType type = EffectType::kExpect;
};
inline constexpr uint32_t kNoRows = 0xFFFFFFFF;

struct Item {
  int64_t invoke = 0;
  int64_t complete = 0;
  uint32_t source = 0;  // position in History::operations
  uint32_t effects_begin = 0, effects_end = 0;
  uint32_t parts_begin = 0, parts_end = 0;
  bool optional = false;    // may never take effect
  bool settled = false;     // indeterminate, but known to have taken effect: `complete` is its first observer's
  bool reads_only = false;  // changes no cell

  bool single() const { return parts_begin == parts_end && effects_end - effects_begin == 1; }
};

struct CellInfo {
  uint32_t object = 0;
  Symbol key = history::kAbsent;  // row key, or snapshot id
  Symbol initial = history::kAbsent;
  uint16_t saved_slots = 0;
  bool is_snapshot = false;  // holds whether the snapshot `key` exists
};

struct Problem {
  const History* history = nullptr;
  std::vector<CellInfo> cells;
  std::vector<Item> items;  // in order of invoke
  std::vector<Effect> effects;
  std::vector<WidePart> parts;
  std::vector<Symbol> rows;

  std::span<const Effect> EffectsOf(const Item& item) const {
    return {effects.data() + item.effects_begin, item.effects_end - item.effects_begin};
  }
  std::span<const WidePart> PartsOf(const Item& item) const {
    return {parts.data() + item.parts_begin, item.parts_end - item.parts_begin};
  }
  int64_t ByteCount() const;
};

// The effect of a wide part on one cell of its range.
Effect EffectOf(const Problem& problem, const WidePart& part, uint32_t cell);

// Value of every cell's "snapshot exists".
inline constexpr Symbol kSnapshotExists = 0x7FFFFFFE;

// Positions of operations, by object: each list is judged by itself (or all together, under kSnapshotTable).
struct ObjectOperations {
  uint32_t object = 0;
  std::vector<uint32_t> positions;
};
std::vector<ObjectOperations> OperationsByObject(const History& history);

struct ProblemOptions {
  Model model = Model::kSnapshotMap;
  // What every cell holds before the first write, where History::initial_rows says nothing.
  Symbol initial = history::kAbsent;
};

// Builds problems of one history, one after another; keeps its tables between them. One thread.
class ProblemBuilder {
 public:
  // REQUIRES: the history outlives the builder and its problems.
  ProblemBuilder(const History& history, const ProblemOptions& options);

  // One problem over all the objects given.
  Problem Build(std::span<const ObjectOperations* const> objects);

 private:
  // What the operations of one object say about one snapshot id.
  struct SnapshotInfo {
    Symbol id = history::kAbsent;
    uint32_t rows_list = history::kNoList;  // its rows, where a single snapshot operation recorded them
    uint32_t snapshot_count = 0;
    uint32_t restore_count = 0;
    uint32_t exists_cell = 0;
    uint16_t slot = 0;
    bool symbolic = false;  // the rows are not known: they are saved and loaded
  };

  void AddObject(const ObjectOperations& object);
  void AddCells(const ObjectOperations& object);
  void AddSnapshotCells(const ObjectOperations& object, uint32_t row_cells_begin);
  uint32_t CellOf(Symbol key);
  SnapshotInfo* FindSnapshot(Symbol id);
  void AddItem(uint32_t position);
  void AddSnapshotEffects(const history::Operation& op);
  void AddRestoreEffects(const history::Operation& op);
  void AddPart(EffectType type, uint32_t rows_list, uint16_t slot);
  void MergeGroups();

  const History& history_;
  const ProblemOptions options_;
  Problem problem_;
  std::vector<uint64_t> cell_of_symbol_;  // epoch << 32 | cell, by key symbol
  uint64_t epoch_ = 0;
  uint32_t object_ = 0;
  uint32_t range_begin_ = 0, range_end_ = 0;  // row cells of the current object
  std::vector<SnapshotInfo> snapshots_;       // of the current object
};

// A looser problem: batches that may never have taken effect are taken apart into independent effects. Whatever is
// linearizable stays so; what is not linearizable even then is wrong for certain. False if there is nothing to take apart.
bool LoosenOptionalBatches(const Problem& problem, Problem* looser);

// Settles indeterminate writes by the values that were seen. Part of building; exposed for its tests.
void SettleIndeterminateWrites(Problem* problem);

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_PROBLEM_H_
