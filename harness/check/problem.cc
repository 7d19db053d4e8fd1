#include "harness/check/problem.h"

#include <algorithm>
#include <map>

namespace holdfast::check {
namespace {

using history::kAbsent;
using history::Kind;
using history::kNoList;
using history::kUnobserved;
using history::Mutation;
using history::Operation;
using history::Row;

constexpr std::string_view kModelNames[kModelCount] = {"cas-register", "kv-append",    "kv",
                                                       "counter",      "snapshot-map", "snapshot-table"};

// A read whose result nobody knows constrains nothing, and so does one that may never have happened.
bool SaysNothing(const Operation& op) {
  if (op.outcome == history::Outcome::kFail) return true;
  if (op.kind == Kind::kGet || op.kind == Kind::kRead) return !op.ok() || op.value == kUnobserved;
  if (op.kind == Kind::kScan) return !op.ok() || op.list == kNoList;
  return false;
}

Effect MutationEffect(uint32_t cell, Kind kind, Symbol value, int64_t delta) {
  Effect effect;
  effect.cell = cell;
  switch (kind) {
    case Kind::kDelete:
      effect.type = EffectType::kWrite;
      effect.argument = kAbsent;
      break;
    case Kind::kIncrement:
      effect.type = EffectType::kIncrement;
      effect.expected = value;
      effect.delta = delta;
      break;
    case Kind::kAppend:
      effect.type = EffectType::kAppend;
      effect.argument = value;
      break;
    default:
      effect.type = EffectType::kWrite;
      effect.argument = value;
      break;
  }
  return effect;
}

bool SameRows(std::span<const Row> a, std::span<const Row> b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

}  // namespace

std::string_view ModelName(Model model) { return kModelNames[static_cast<int>(model)]; }

bool ModelFromName(std::string_view name, Model* model) {
  for (int i = 0; i < kModelCount; ++i) {
    if (kModelNames[i] == name) {
      *model = static_cast<Model>(i);
      return true;
    }
  }
  return false;
}

bool ModelKnows(Model model, Kind kind) {
  switch (model) {
    case Model::kCasRegister:
      return kind == Kind::kRead || kind == Kind::kWrite || kind == Kind::kCompareAndSet || kind == Kind::kRefusedCompare;
    case Model::kKvAppend:
      return kind == Kind::kGet || kind == Kind::kPut || kind == Kind::kAppend;
    case Model::kKv:
      return kind == Kind::kGet || kind == Kind::kPut || kind == Kind::kDelete;
    case Model::kCounter:
      return kind == Kind::kRead || kind == Kind::kGet || kind == Kind::kIncrement;
    case Model::kSnapshotMap:
    case Model::kSnapshotTable:
      return kind <= Kind::kDrop;
  }
  return false;
}

int64_t Problem::ByteCount() const {
  return static_cast<int64_t>(cells.capacity() * sizeof(CellInfo) + items.capacity() * sizeof(Item) +
                              effects.capacity() * sizeof(Effect) + parts.capacity() * sizeof(WidePart) +
                              rows.capacity() * sizeof(Symbol));
}

Effect EffectOf(const Problem& problem, const WidePart& part, uint32_t cell) {
  Effect effect;
  effect.cell = cell;
  effect.type = part.type;
  effect.slot = part.slot;
  if (part.rows != kNoRows) {
    const Symbol value = problem.rows[part.rows + (cell - part.cell_begin)];
    (part.type == EffectType::kWrite ? effect.argument : effect.expected) = value;
  }
  return effect;
}

std::vector<ObjectOperations> OperationsByObject(const History& history) {
  std::map<uint32_t, uint32_t> counts;
  for (const Operation& op : history.operations) ++counts[op.object];
  std::vector<ObjectOperations> objects;
  std::map<uint32_t, size_t> place;
  for (const auto& [object, count] : counts) {
    place[object] = objects.size();
    objects.push_back({object, {}});
    objects.back().positions.reserve(count);
  }
  uint32_t last_object = 0;
  ObjectOperations* last = nullptr;
  for (uint32_t i = 0; i < history.operations.size(); ++i) {
    const uint32_t object = history.operations[i].object;
    if (last == nullptr || object != last_object) {
      last = &objects[place[object]];
      last_object = object;
    }
    last->positions.push_back(i);
  }
  return objects;
}

ProblemBuilder::ProblemBuilder(const History& history, const ProblemOptions& options)
    : history_(history), options_(options), cell_of_symbol_(history.symbols.size(), 0) {}

Problem ProblemBuilder::Build(std::span<const ObjectOperations* const> objects) {
  problem_ = Problem();
  problem_.history = &history_;
  size_t count = 0;
  for (const ObjectOperations* object : objects) count += object->positions.size();
  problem_.items.reserve(count);
  problem_.effects.reserve(count + count / 4);
  for (const ObjectOperations* object : objects) AddObject(*object);
  if (options_.model == Model::kSnapshotTable) MergeGroups();
  const auto earlier = [](const Item& a, const Item& b) { return a.invoke < b.invoke; };
  if (!std::is_sorted(problem_.items.begin(), problem_.items.end(), earlier)) {
    std::stable_sort(problem_.items.begin(), problem_.items.end(), earlier);
  }
  SettleIndeterminateWrites(&problem_);
  return std::move(problem_);
}

void ProblemBuilder::AddObject(const ObjectOperations& object) {
  ++epoch_;
  object_ = object.object;
  snapshots_.clear();
  range_begin_ = static_cast<uint32_t>(problem_.cells.size());
  const auto initial = history_.initial_rows.find(object_);
  if (initial != history_.initial_rows.end()) {
    for (const Row& row : initial->second) problem_.cells[CellOf(row.key)].initial = row.value;
  }
  AddCells(object);
  range_end_ = static_cast<uint32_t>(problem_.cells.size());
  AddSnapshotCells(object, range_begin_);
  for (const uint32_t position : object.positions) {
    if (!SaysNothing(history_.operations[position])) AddItem(position);
  }
}

// Numbers the rows of an object, so that they form one range of cells.
void ProblemBuilder::AddCells(const ObjectOperations& object) {
  for (const uint32_t position : object.positions) {
    const Operation& op = history_.operations[position];
    if (SaysNothing(op)) continue;
    switch (op.kind) {
      case Kind::kBatch:
        for (const Mutation& mutation : history_.mutations(op.list)) CellOf(mutation.key);
        break;
      case Kind::kScan:
      case Kind::kSnapshot:
      case Kind::kRestore:
        if (op.list != kNoList) {
          for (const Row& row : history_.rows(op.list)) CellOf(row.key);
        }
        [[fallthrough]];
      case Kind::kDrop: {
        if (op.kind == Kind::kScan) break;
        SnapshotInfo* info = FindSnapshot(op.key);
        if (info == nullptr) {
          snapshots_.push_back({});
          info = &snapshots_.back();
          info->id = op.key;
        }
        if (op.kind == Kind::kSnapshot) {
          ++info->snapshot_count;
          info->rows_list = op.list;
        }
        if (op.kind == Kind::kRestore) ++info->restore_count;
        break;
      }
      default:
        CellOf(op.key);
        break;
    }
  }
}

// A snapshot that is restored has a cell for whether it exists, and saved slots where its rows are not known.
void ProblemBuilder::AddSnapshotCells(const ObjectOperations& object, uint32_t row_cells_begin) {
  uint16_t slots = 0;
  for (SnapshotInfo& info : snapshots_) {
    if (info.restore_count == 0) continue;
    info.symbolic = info.snapshot_count > 1 || (info.snapshot_count == 1 && info.rows_list == kNoList);
    if (info.symbolic) info.slot = slots++;
    info.exists_cell = static_cast<uint32_t>(problem_.cells.size());
    CellInfo cell;
    cell.object = object.object;
    cell.key = info.id;
    cell.is_snapshot = true;
    problem_.cells.push_back(cell);
  }
  for (uint32_t i = row_cells_begin; i < range_end_; ++i) problem_.cells[i].saved_slots = slots;
}

uint32_t ProblemBuilder::CellOf(Symbol key) {
  uint64_t& entry = cell_of_symbol_[key];
  if ((entry >> 32) != epoch_) {
    entry = (epoch_ << 32) | problem_.cells.size();
    CellInfo cell;
    cell.object = object_;
    cell.key = key;
    cell.initial = options_.initial;
    problem_.cells.push_back(cell);
  }
  return static_cast<uint32_t>(entry);
}

ProblemBuilder::SnapshotInfo* ProblemBuilder::FindSnapshot(Symbol id) {
  for (SnapshotInfo& info : snapshots_) {
    if (info.id == id) return &info;
  }
  return nullptr;
}

void ProblemBuilder::AddItem(uint32_t position) {
  const Operation& op = history_.operations[position];
  Item item;
  item.invoke = op.invoke;
  item.complete = op.complete;
  item.source = position;
  item.optional = op.indeterminate();
  item.effects_begin = static_cast<uint32_t>(problem_.effects.size());
  item.parts_begin = static_cast<uint32_t>(problem_.parts.size());
  switch (op.kind) {
    case Kind::kGet:
    case Kind::kRead:
      problem_.effects.push_back({.cell = CellOf(op.key), .expected = op.value, .type = EffectType::kExpect});
      break;
    case Kind::kRefusedCompare:
      problem_.effects.push_back({.cell = CellOf(op.key), .expected = op.expected, .type = EffectType::kExpectNot});
      break;
    case Kind::kCompareAndSet:
      problem_.effects.push_back({.cell = CellOf(op.key),
                                  .argument = op.value,
                                  .expected = op.expected,
                                  .type = op.value == op.expected ? EffectType::kExpect : EffectType::kCompareAndSet});
      break;
    case Kind::kBatch:
      for (const Mutation& part : history_.mutations(op.list)) {
        problem_.effects.push_back(MutationEffect(CellOf(part.key), part.kind, part.value, part.delta));
      }
      std::stable_sort(problem_.effects.begin() + item.effects_begin, problem_.effects.end(),
                       [](const Effect& a, const Effect& b) { return a.cell < b.cell; });
      break;
    case Kind::kScan:
      AddPart(EffectType::kExpect, op.list, 0);
      break;
    case Kind::kSnapshot:
      AddSnapshotEffects(op);
      break;
    case Kind::kRestore:
      AddRestoreEffects(op);
      break;
    case Kind::kDrop: {
      const SnapshotInfo* info = FindSnapshot(op.key);
      if (info->restore_count > 0) {
        problem_.effects.push_back({.cell = info->exists_cell, .argument = kAbsent, .type = EffectType::kWrite});
      }
      break;
    }
    default:
      problem_.effects.push_back(MutationEffect(CellOf(op.key), op.kind, op.value, op.delta));
      break;
  }
  item.effects_end = static_cast<uint32_t>(problem_.effects.size());
  item.parts_end = static_cast<uint32_t>(problem_.parts.size());
  item.reads_only = true;
  for (const Effect& effect : problem_.EffectsOf(item)) item.reads_only &= effect.reads_only();
  for (const WidePart& part : problem_.PartsOf(item)) item.reads_only &= part.type == EffectType::kExpect;
  const bool empty = item.effects_begin == item.effects_end && item.parts_begin == item.parts_end;
  // A part of a table-wide snapshot counts even then, as long as another part took effect for certain.
  const bool grouped = options_.model == Model::kSnapshotTable && op.kind == Kind::kSnapshot && op.group != 0;
  if (empty || (item.optional && item.reads_only && !grouped)) {
    problem_.effects.resize(item.effects_begin);
    problem_.parts.resize(item.parts_begin);
    return;
  }
  problem_.items.push_back(item);
}

void ProblemBuilder::AddSnapshotEffects(const Operation& op) {
  const SnapshotInfo* info = FindSnapshot(op.key);
  if (op.list != kNoList) AddPart(EffectType::kExpect, op.list, 0);
  if (info->restore_count == 0) return;
  if (info->symbolic) AddPart(EffectType::kSave, kNoList, info->slot);
  problem_.effects.push_back({.cell = info->exists_cell, .argument = kSnapshotExists, .type = EffectType::kWrite});
}

void ProblemBuilder::AddRestoreEffects(const Operation& op) {
  const SnapshotInfo* info = FindSnapshot(op.key);
  problem_.effects.push_back({.cell = info->exists_cell, .expected = kSnapshotExists, .type = EffectType::kExpect});
  if (info->symbolic) {
    AddPart(EffectType::kLoad, op.list, info->slot);
    return;
  }
  if (info->snapshot_count == 0) return;  // never legal: the snapshot does not exist
  if (op.list != kNoList && !SameRows(history_.rows(op.list), history_.rows(info->rows_list))) {
    problem_.effects.push_back({.cell = info->exists_cell, .type = EffectType::kNever});
  }
  AddPart(EffectType::kWrite, info->rows_list, 0);
}

void ProblemBuilder::AddPart(EffectType type, uint32_t rows_list, uint16_t slot) {
  WidePart part;
  part.cell_begin = range_begin_;
  part.cell_end = range_end_;
  part.slot = slot;
  part.type = type;
  part.rows = kNoRows;
  if (rows_list != kNoList) {
    part.rows = static_cast<uint32_t>(problem_.rows.size());
    problem_.rows.resize(problem_.rows.size() + (range_end_ - range_begin_), kAbsent);
    Symbol* const rows = problem_.rows.data() + part.rows;
    for (const Row& row : history_.rows(rows_list)) rows[CellOf(row.key) - range_begin_] = row.value;
  }
  problem_.parts.push_back(part);
}

// One moment for all snapshots of a group: they become one item, whose window is what their windows share.
void ProblemBuilder::MergeGroups() {
  std::map<uint32_t, std::vector<Item>> groups;
  std::vector<Item> kept;
  for (const Item& item : problem_.items) {
    const Operation& op = history_.operations[item.source];
    if (op.kind == Kind::kSnapshot && op.group != 0) {
      groups[op.group].push_back(item);
    } else {
      kept.push_back(item);
    }
  }
  for (const auto& [group, items] : groups) {
    Item merged = items.front();
    const uint32_t effects_begin = static_cast<uint32_t>(problem_.effects.size());
    const uint32_t parts_begin = static_cast<uint32_t>(problem_.parts.size());
    for (const Item& item : items) {
      for (uint32_t i = item.effects_begin; i < item.effects_end; ++i) {
        problem_.effects.push_back(Effect(problem_.effects[i]));
      }
      for (uint32_t i = item.parts_begin; i < item.parts_end; ++i) problem_.parts.push_back(WidePart(problem_.parts[i]));
      merged.invoke = std::max(merged.invoke, item.invoke);
      merged.complete = std::min(merged.complete, item.complete);
      merged.optional &= item.optional;
      merged.reads_only &= item.reads_only;
    }
    if (merged.complete <= merged.invoke) {
      // No moment lies in all windows; that is so from the call of the last part on.
      merged.complete = merged.invoke;
      merged.invoke = items.front().invoke;
      Effect never = {.type = EffectType::kNever};
      never.cell = problem_.parts.empty() ? 0 : problem_.parts.back().cell_begin;
      problem_.effects.push_back(never);
      merged.reads_only = false;
    }
    if (merged.optional && merged.reads_only) continue;
    merged.effects_begin = effects_begin;
    merged.effects_end = static_cast<uint32_t>(problem_.effects.size());
    merged.parts_begin = parts_begin;
    merged.parts_end = static_cast<uint32_t>(problem_.parts.size());
    kept.push_back(merged);
  }
  problem_.items = std::move(kept);
}

}  // namespace holdfast::check
