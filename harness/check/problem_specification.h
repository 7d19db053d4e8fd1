// The sequential specification of a problem, for the search: cells, saved rows, and a log to undo by.
//
// The state's hash is kept up to date with every change, never computed anew. One thread.
#ifndef HOLDFAST_HARNESS_CHECK_PROBLEM_SPECIFICATION_H_
#define HOLDFAST_HARNESS_CHECK_PROBLEM_SPECIFICATION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/problem.h"
#include "harness/check/search.h"
#include "harness/check/values.h"

namespace holdfast::check {

class ProblemSpecification {
 public:
  explicit ProblemSpecification(const Problem& problem);

  // Operations are items of the problem, by number.
  bool Apply(uint32_t item);
  void Undo();
  uint64_t Hash() const { return hash_; }
  bool ReadsOnly(uint32_t item) const { return problem_.items[item].reads_only; }
  uint32_t Partition(uint32_t) const { return 0; }
  std::string Describe() const;

  Symbol value(uint32_t cell) const { return values_[cell]; }

 private:
  // A value that was overwritten; place counts cells first, then saved slots.
  struct Change {
    uint64_t place = 0;
    Symbol before = history::kAbsent;
  };

  bool ApplyEffect(const Effect& effect);
  void Set(uint64_t place, Symbol value);
  Symbol& At(uint64_t place);
  uint64_t SavedPlace(uint32_t cell, uint16_t slot) const { return saved_begin_[cell] + slot; }
  void Revert(size_t size);

  const Problem& problem_;
  Values computed_;
  std::vector<Symbol> values_;
  std::vector<Symbol> saved_;
  std::vector<uint64_t> saved_begin_;  // by cell
  std::vector<Change> changes_;
  std::vector<size_t> applied_;  // size of changes_ before each Apply
  uint64_t hash_ = 0;
};

// The calls of a problem's items, in order of invoke; hints are log positions, reads behind the write of theirs.
std::vector<SearchCall> CallsOf(const Problem& problem);

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_PROBLEM_SPECIFICATION_H_
