// Interns the texts of operations and rows a little after they were read: the memory that each will need is fetched at
// once, and has arrived when a few more lines are scanned. Half of the time of reading a large history would be waiting
// for it.
//
// Symbols are given in the order in which texts were added. One thread.
#ifndef HOLDFAST_HARNESS_HISTORY_LATE_SYMBOLS_H_
#define HOLDFAST_HARNESS_HISTORY_LATE_SYMBOLS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/history/history.h"

namespace holdfast::history {

// `Record` is an Operation or a Row.
template <typename Record>
class LateSymbols {
 public:
  // Stands in a field until its symbol is known. No table gives it.
  static constexpr Symbol kLate = 0xFFFFFFFE;

  LateSymbols(SymbolTable* symbols, std::vector<Record>* records) : symbols_(*symbols), records_(*records) {}

  // The field of the record of that number gets its symbol by the next Flush at the latest. REQUIRES: until then the
  // text lives and the record keeps its number.
  void Add(std::string_view text, size_t record, Symbol Record::*field) {
    if (count_ == waiting_.size()) Flush();
    waiting_[count_++] = {text, symbols_.Prepare(text), record, field};
    records_[record].*field = kLate;
  }

  void Flush() {
    for (size_t i = 0; i < count_; ++i) {
      const Waiting& waiting = waiting_[i];
      records_[waiting.record].*waiting.field = symbols_.Intern(waiting.text, waiting.prepared);
    }
    count_ = 0;
  }

 private:
  struct Waiting {
    std::string_view text;
    uint64_t prepared = 0;
    size_t record = 0;
    Symbol Record::*field = nullptr;
  };

  SymbolTable& symbols_;
  std::vector<Record>& records_;
  std::array<Waiting, 32> waiting_;
  size_t count_ = 0;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_LATE_SYMBOLS_H_
