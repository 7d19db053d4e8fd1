// For tests of the state checkers: writes a tablet's log, and shows what a right replica looks like at any index of it.

#ifndef HARNESS_CHECK_MODEL_REPLICA_H_
#define HARNESS_CHECK_MODEL_REPLICA_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/fold.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

inline LedgerMutation PutOf(std::string key, std::string value) {
  return {LedgerMutation::Kind::kPut, std::move(key), std::move(value), 0};
}
inline LedgerMutation DeleteOf(std::string key) { return {LedgerMutation::Kind::kDelete, std::move(key), "", 0}; }
inline LedgerMutation IncrementOf(std::string key, int64_t delta) {
  return {LedgerMutation::Kind::kIncrement, std::move(key), "", delta};
}

// The log of one tablet, built entry by entry.
class ModelLog {
 public:
  // Each returns its entry's index.
  uint64_t Write(std::vector<LedgerMutation> mutations, uint32_t client = 0, uint64_t sequence = 0,
                 uint64_t first_incomplete = 0) {
    LedgerEntry entry;
    entry.kind = LedgerEntry::Kind::kWrite;
    entry.mutations = std::move(mutations);
    entry.client = client;
    entry.sequence = sequence;
    entry.first_incomplete = first_incomplete;
    return Append(std::move(entry));
  }
  uint64_t Put(std::string key, std::string value) { return Write({PutOf(std::move(key), std::move(value))}); }
  uint64_t Nothing() { return Append({}); }
  uint64_t Fence(uint32_t client) {
    LedgerEntry entry;
    entry.kind = LedgerEntry::Kind::kFence;
    entry.client = client;
    return Append(std::move(entry));
  }
  uint64_t Snapshot(LedgerEntry::Kind kind, uint32_t snapshot, uint32_t restoration = 0) {
    LedgerEntry entry;
    entry.kind = kind;
    entry.snapshot = snapshot;
    entry.restoration = restoration;
    return Append(std::move(entry));
  }
  uint64_t Create(uint32_t snapshot) { return Snapshot(LedgerEntry::Kind::kCreateSnapshot, snapshot); }
  uint64_t Restore(uint32_t snapshot, uint32_t restoration) {
    return Snapshot(LedgerEntry::Kind::kRestore, snapshot, restoration);
  }
  uint64_t Close() {
    LedgerEntry entry;
    entry.kind = LedgerEntry::Kind::kClose;
    return Append(std::move(entry));
  }
  uint64_t Adopt(uint32_t snapshot, const AdoptedPart& part) {
    LedgerEntry entry;
    entry.kind = LedgerEntry::Kind::kAdoptSnapshot;
    entry.snapshot = snapshot;
    entry.adopted = part;
    return Append(std::move(entry));
  }
  uint64_t Drop(uint32_t snapshot) { return Snapshot(LedgerEntry::Kind::kDropSnapshot, snapshot); }
  uint64_t Abort(uint32_t snapshot) { return Snapshot(LedgerEntry::Kind::kAbortCreate, snapshot); }

  // REQUIRES: 1 <= index <= size().
  const LedgerEntry& at(uint64_t index) const { return entries_[index - 1]; }
  uint64_t size() const { return entries_.size(); }

  // `adopted`: what every adoption brings.
  TabletFold FoldTo(uint64_t index, const std::shared_ptr<const FoldedRows>& adopted = nullptr) const {
    TabletFold fold;
    for (uint64_t i = 1; i <= index; ++i) fold.Apply(at(i), adopted);
    return fold;
  }
  // A right, running replica that has applied up to `index`.
  ReplicaInspection Replica(const ReplicaName& name, uint64_t index,
                            const std::shared_ptr<const FoldedRows>& adopted = nullptr) const {
    const TabletFold fold = FoldTo(index, adopted);
    ReplicaInspection replica;
    replica.replica = name;
    replica.running = true;
    replica.applied = index == 0 ? LogPosition() : at(index).op;
    replica.rows = fold.rows().rows;
    replica.books = fold.books().facts();
    for (const auto& [id, snapshot] : *fold.snapshots()) {
      replica.snapshots.push_back({id, std::to_string(id), "", snapshot.op, snapshot.content->rows});
    }
    return replica;
  }

 private:
  uint64_t Append(LedgerEntry entry) {
    entry.op = {1, entries_.size() + 1};
    entry.hash = 1000 + entries_.size();
    entries_.push_back(std::move(entry));
    return entries_.size();
  }

  std::vector<LedgerEntry> entries_;
};

inline std::string TextOf(const std::vector<Violation>& violations) {
  std::string out;
  for (const Violation& violation : violations) {
    out += violation.checker + " " + violation.invariant + ": " + violation.summary + "\n";
    for (const std::string& line : violation.evidence) out += "  " + line + "\n";
  }
  return out;
}

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_MODEL_REPLICA_H_
