// Judges a problem by walking its events once and keeping every configuration that it may be in.
//
// A world says which open operations on many cells (batches, scans, snapshots, restores) were placed, and holds a set
// of configurations for each cell; it stands for the product of these sets. Between the moments of the many-cell
// operations cells are independent, and such an operation acts on every cell at its one moment, so products stay
// products: unresolved orders on unrelated keys add up instead of multiplying. Operations are placed just in time, when
// one that ends needs them (Lowe, "Testing for linearizability", 2017, section 5: just-in-time linearization); worlds
// that differ in one cell are merged, and worlds that are no better than another are dropped. Batches that may never
// have taken effect are left out at first (Options::on_demand): a walk that ends without them is a linearization. When
// the last world dies, the walk goes back a little, then further, and lets those batches in that touch the cells at
// issue. If that does not help, the looser problem (problem.h) decides for wrong, or the full walk does. The last world
// dies at the first event whose prefix is already wrong. Exact: it gives up rather than forget a world. One thread, no
// clock.
#ifndef HOLDFAST_HARNESS_CHECK_FRONTIER_H_
#define HOLDFAST_HARNESS_CHECK_FRONTIER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "harness/check/cell_set.h"
#include "harness/check/problem.h"
#include "harness/check/values.h"
#include "harness/check/verdict.h"

namespace holdfast::check {

struct FrontierResult {
  Verdict verdict = Verdict::kUnknown;  // kPass, kFail or kUnknown
  // Of a violation: the item whose end no configuration survives, and the event of that end.
  uint32_t failed_item = 0;
  int64_t failed_at = 0;
  // What the cells of that item may hold just before.
  struct Found {
    uint32_t cell = 0;
    std::vector<Symbol> values;
  };
  std::vector<Found> found;
  size_t world_count_max = 0;
  bool limit_reached = false;  // of an unknown: it was not decided for lack of room, rather than left to a fuller walk
};

class Frontier {
 public:
  struct Options {
    size_t world_count_max = 2048;
    // Leave optional batches out until they are needed. A violation found so is only a suspicion: kUnknown.
    bool on_demand = false;
  };

  Frontier(const Problem& problem, const Options& options, Meter* meter);

  FrontierResult Run();

 private:
  struct World {
    std::vector<SetId> cells;
    std::vector<uint64_t> placed;  // by slot of the open many-cell operations
    uint64_t hash = 0;             // of cells
  };
  // An open operation on many cells.
  struct OpenMany {
    uint32_t item = 0;
    uint32_t slot = 0;
    bool wide = false;
    bool enabled = true;  // may be placed
  };
  // (end, item): settled operations end after the observer that they share an end with.
  struct End {
    int64_t at = 0;
    bool settled = false;
    uint32_t item = 0;
    friend bool operator>(const End& a, const End& b) {
      if (a.at != b.at) return a.at > b.at;
      if (a.settled != b.settled) return a.settled;
      return a.item > b.item;
    }
  };

  // Everything that the walk changes as it goes.
  struct State {
    std::vector<World> worlds;
    std::vector<CellState> cells;
    std::vector<OpenMany> many;
    std::vector<uint32_t> free_slots;
    std::vector<uint64_t> optional_slots;
    uint32_t slot_count = 0;
    uint32_t wide_open = 0;
    std::priority_queue<End, std::vector<End>, std::greater<End>> ends;
    uint32_t next = 0;  // the first item not called yet
    int64_t event_count = 0;
  };

  static constexpr size_t kNotMany = static_cast<size_t>(-1);
  static uint64_t CellHash(uint32_t cell, SetId set);

  // Processes one event; false if the last world died at the end of *item.
  bool Step(uint32_t* item);
  void Keep();
  void CountBytes();
  bool LetIn(uint32_t failed);
  std::vector<uint32_t> CellsAtIssue(uint32_t failed);
  void Enable(const std::set<uint32_t>& items, bool enabled);
  void Invoke(uint32_t item);
  bool Return(uint32_t item);
  bool ReturnSingle(uint32_t item);
  bool ReturnAlone(uint32_t cell, const OpenEffect& ending);
  bool ReturnMany(uint32_t item);
  bool ExpireAmongMany(uint32_t cell, uint32_t item, const OpenEffect& ending, const std::vector<size_t>& relevant);
  void OpenSingle(uint32_t item);
  void OpenOnMany(uint32_t item);
  void CloseSingle(uint32_t cell, uint32_t item);
  void CloseMany(size_t position);

  // All worlds that can follow `world` when `item` (single: ending at `ending`) has been placed.
  void Explore(const World& world, uint32_t item, const OpenEffect* ending, size_t many_position,
               const std::vector<size_t>& relevant, std::vector<World>* out);
  std::vector<size_t> RelevantTo(uint32_t item, size_t own_position) const;
  bool Conflict(uint32_t a, uint32_t b) const;
  bool ReadableInAllWorlds(uint32_t cell, const OpenEffect& ending) const;
  bool Unsettled(uint32_t cell) const;
  bool Touches(const Item& item, uint32_t cell) const;
  // The world after `item` took effect in it at one moment; nothing if it is not legal there.
  std::optional<World> Place(const World& world, uint32_t item);
  bool Change(const World& world, uint32_t cell, std::span<const Effect> effects, uint32_t item);

  bool Placed(const World& world, uint32_t slot) const;
  void SetPlaced(World* world, uint32_t slot, bool placed) const;
  void SetCell(World* world, uint32_t cell, SetId set) const;
  void Compact(std::vector<World>* worlds);
  bool CoversPlaced(const World& a, const World& b) const;
  bool TryMerge(World* a, const World& b);
  FrontierResult Fail(uint32_t item);

  const Problem& problem_;
  const Options options_;
  Meter* meter_;
  Values values_;
  CellStepper stepper_;
  State state_;
  std::vector<State> kept_;  // earlier states, oldest first, the newer the denser
  std::set<uint32_t> let_in_;
  std::vector<std::pair<uint32_t, SetId>> changes_;  // of the placement at hand
  std::vector<Effect> effects_;                      // of one cell of the placement at hand
  bool gave_up_ = false;
  size_t world_count_max_ = 1;
};

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_FRONTIER_H_
