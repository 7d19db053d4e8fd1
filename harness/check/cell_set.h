// The configurations that one cell may be in, and how they advance.
//
// A configuration is the cell's value, the set of open operations on this cell alone that were already placed (mask), and
// (extra) what snapshots of unknown content saved plus how many of each class of forever-pending operations were used.
// Sets are interned: equal sets have equal numbers, so that worlds (frontier.h) are compared and copied as plain numbers.
// Invariant: no configuration of a set is dominated by another of it. One thread.
#ifndef HOLDFAST_HARNESS_CHECK_CELL_SET_H_
#define HOLDFAST_HARNESS_CHECK_CELL_SET_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "harness/check/problem.h"
#include "harness/check/values.h"
#include "harness/check/verdict.h"

namespace holdfast::check {

struct Config {
  Symbol value = history::kAbsent;
  uint32_t extra = 0;  // ExtraTable number
  uint64_t mask = 0;   // slots of open operations that are already placed

  friend bool operator==(const Config&, const Config&) = default;
};

// Interns short lists of counters; trailing zeros are not stored, and 0 is the empty list.
class ExtraTable {
 public:
  ExtraTable() { Intern({}); }
  uint32_t Get(uint32_t extra, size_t position) const {
    const std::vector<uint32_t>& list = lists_[extra];
    return position < list.size() ? list[position] : 0;
  }
  uint32_t With(uint32_t extra, size_t position, uint32_t value);
  const std::vector<uint32_t>& list(uint32_t extra) const { return lists_[extra]; }
  int64_t ByteCount() const { return byte_count_; }

 private:
  static constexpr int64_t kListBytes = 120;  // what a list takes besides its numbers, twice stored

  uint32_t Intern(std::vector<uint32_t> list);

  int64_t byte_count_ = 0;
  std::vector<std::vector<uint32_t>> lists_;
  absl::flat_hash_map<std::vector<uint32_t>, uint32_t> index_;
};

// A set number. A set of one configuration with nothing but a value is its value plus kPlainBit.
using SetId = uint32_t;
inline constexpr SetId kPlainBit = 0x80000000;
inline constexpr SetId kEmptySet = 0;
inline SetId PlainSet(Symbol value) { return value | kPlainBit; }
inline bool IsPlain(SetId set) { return (set & kPlainBit) != 0; }
inline Symbol PlainValue(SetId set) { return set & ~kPlainBit; }

class SetTable {
 public:
  SetTable() { records_.push_back({0, 0}); }
  // REQUIRES: sorted, without duplicates.
  SetId Intern(std::span<const Config> configs);
  // Valid until the next Intern. `scratch` holds the configuration of a plain set.
  std::span<const Config> Get(SetId set, Config* scratch) const;
  int64_t ByteCount() const {
    return static_cast<int64_t>(pool_.capacity() * sizeof(Config) + records_.capacity() * 32);
  }

 private:
  struct Record {
    uint32_t begin = 0;
    uint32_t count = 0;
  };
  std::vector<Config> pool_;
  std::vector<Record> records_;
  absl::flat_hash_map<uint64_t, std::vector<SetId>> index_;  // by hash
};

// An operation on this cell alone that was called and has not ended.
struct OpenEffect {
  uint32_t item = 0;
  uint32_t effect = 0;  // index into Problem::effects
  uint8_t slot = 0;
  bool optional = false;  // its window is bounded, but it may never take effect
};

// Interchangeable operations that stay open for ever and may never take effect.
struct PendingClass {
  uint32_t effect = 0;  // index into Problem::effects
  uint32_t available = 0;
};

// What is open on one cell; the same in all worlds.
struct CellState {
  std::vector<OpenEffect> open;
  std::vector<PendingClass> pending;
  uint64_t used_slots = 0;
  uint32_t narrow_open = 0;  // open batches and the like that touch this cell

  bool quiet() const { return open.empty() && pending.empty(); }
};

// Advances sets of one problem. Gives up (Overflow) rather than forget a configuration.
class CellStepper {
 public:
  CellStepper(const Problem& problem, Values* values, Meter* meter);

  // The configurations after any of the open operations in any order and then `target`. `excluded_item` is the open
  // operation that the target belongs to, or kNoItem.
  SetId Advance(uint32_t cell, const CellState& state, SetId set, std::span<const Effect> target, uint32_t excluded_item);
  // As Advance, for an open operation on this cell alone that ends: it may have been placed before.
  SetId Return(uint32_t cell, const CellState& state, SetId set, const OpenEffect& ending);
  // The window of an optional operation closes, used or not.
  SetId Expire(uint32_t cell, const CellState& state, SetId set, const OpenEffect& ending);
  SetId Union(uint32_t cell, const CellState& state, SetId a, SetId b);
  // True if every configuration of the set has placed the slot.
  bool AllPlaced(SetId set, uint8_t slot) const;
  // True if the operation only reads, and every configuration has placed it or allows it: then nothing need stand before.
  bool ReadableNow(SetId set, const OpenEffect& ending) const;
  // Changes the value as the effect says; false if the effect is not legal there.
  bool Apply(const Effect& effect, Config* config);

  std::vector<Symbol> ValuesOf(SetId set) const;
  bool overflow() const { return overflow_; }
  int64_t ByteCount() const { return sets_.ByteCount() + extras_.ByteCount(); }

  static constexpr uint32_t kNoItem = 0xFFFFFFFF;

 private:
  struct Node {
    Config config;
    bool after_pending = false;  // the last step was an operation that may never have taken effect
  };

  void Close(uint32_t cell, const CellState& state, const Config& start, std::span<const Effect> target,
             uint32_t excluded_item, std::vector<Config>* out);
  std::optional<int64_t> CeilingOf(const CellState& state, std::span<const Effect> target, uint32_t excluded_item) const;
  void Visit(uint32_t cell, const CellState& state, Node node, uint32_t excluded_item);
  void SetMasks(const CellState& state);
  SetId Normalize(uint32_t cell, const CellState& state, std::vector<Config>* configs);
  bool Dominates(uint32_t cell, const Config& a, const Config& b) const;

  const Problem& problem_;
  Values* values_;
  Meter* meter_;
  SetTable sets_;
  ExtraTable extras_;
  bool overflow_ = false;
  uint64_t reads_mask_ = 0, optional_mask_ = 0;  // slots of the cell at hand
  std::vector<Node> nodes_;
  absl::flat_hash_map<uint64_t, std::vector<uint32_t>> visited_;
  std::vector<Config> scratch_;
};

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_CELL_SET_H_
