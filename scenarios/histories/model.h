// The model cluster behind the generator: tablets as arrays of rows, clients with open calls, and the stage for
// defects.
#ifndef HOLDFAST_SCENARIOS_HISTORIES_MODEL_H_
#define HOLDFAST_SCENARIOS_HISTORIES_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "harness/history/history.h"
#include "scenarios/histories/generator.h"

namespace holdfast::scenarios {

using history::History;
using history::kAbsent;
using history::Kind;
using history::kUnobserved;
using history::Mutation;
using history::Operation;
using history::Symbol;

// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every platform.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((Next() >> 32) * n >> 32); }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};

// One in so many keys of a tablet counts instead of holding text.
inline constexpr uint32_t kCounterEvery = 8;
class ModelCluster {
 public:
  explicit ModelCluster(const GeneratorOptions& options) : options_(options), random_(options.seed) {}

  History Run();

 private:
  // A row's value is a symbol; counters also hold their number.
  struct Cell {
    Symbol value = kAbsent;
    int64_t number = 0;
  };
  struct Tablet {
    std::vector<Cell> rows;
    int64_t index = 0;  // of its log
  };
  struct SavedTablet {
    std::vector<Cell> rows;
  };
  struct Snapshot {
    Symbol id = kAbsent;
    std::vector<SavedTablet> tablets;
    bool complete = false;
  };
  struct Client {
    uint32_t process = 0;
    std::vector<size_t> calls;  // open operations, in history order
    size_t applied = 0;         // of them
    size_t snapshot = 0;
    bool doomed = false;  // never gets an answer
    bool skips = false;   // of a doomed call: takes no effect before the client gives up
  };

  void Step();
  void InvokeNext(Client* client);
  void InvokeData(Client* client);
  void InvokeSnapshot(Client* client);
  void InvokeRestore(Client* client);
  void Finish(Client* client);
  size_t Open(Client* client, Kind kind, uint32_t tablet);
  void Apply(size_t position, size_t snapshot);
  void Save(size_t position, size_t snapshot);
  void Forget(Operation* op);
  void ApplyMutation(Tablet* tablet, Mutation* mutation);
  uint32_t ListCells(const std::vector<Cell>& cells);
  Symbol NumberSymbol(int64_t number) { return history_.symbols.Intern(std::to_string(number)); }
  Symbol NewValue() { return history_.symbols.Intern("v" + std::to_string(next_value_++)); }
  uint32_t PickKey();
  uint32_t PickTextKey();
  bool IsCounter(uint32_t key) const { return key % kCounterEvery == 0; }
  uint32_t KeyNumber(Symbol key) const { return key - first_key_; }

  // The stage for a defect: calls that run alone, one after another.
  void StageDefect();
  void Drain();
  size_t Alone(Kind kind, uint32_t tablet, const std::function<void(Operation*)>& ask);
  Symbol Put(uint32_t tablet, uint32_t key);
  void Delete(uint32_t tablet, uint32_t key);
  void Scan(uint32_t tablet);
  void Get(uint32_t tablet, uint32_t key);
  size_t TakeSnapshot();
  void RestoreSnapshot(size_t snapshot);
  void Err(size_t snapshot, uint32_t tablet, uint32_t key, Cell cell);
  void StageSnapshotDefect(uint32_t tablet, uint32_t a, uint32_t b);
  void StageTear(uint32_t tablet, uint32_t other, uint32_t a, uint32_t b);
  void StageRestoreDefect(uint32_t tablet, uint32_t other, uint32_t a, uint32_t b);
  void StageRowDefect(uint32_t tablet, uint32_t a, uint32_t counter);

  const GeneratorOptions options_;
  Random random_;
  History history_;
  std::vector<Tablet> tablets_;
  std::vector<Snapshot> snapshots_;
  std::vector<Client> clients_;
  std::vector<size_t> late_;  // operations that nobody waits for, and that take effect some time
  std::vector<double> zipf_;
  Symbol first_key_ = 0;
  int64_t event_ = 0;
  uint64_t next_value_ = 0;
  uint32_t next_process_ = 0;
  uint32_t snapshots_made_ = 0, restores_made_ = 0, group_ = 0;
};

}  // namespace holdfast::scenarios

#endif  // HOLDFAST_SCENARIOS_HISTORIES_MODEL_H_
