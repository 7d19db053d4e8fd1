// A history: the operations of one run in order of invocation, with the strings, rows and mutations that they name.
//
// Compact on purpose (80 bytes an operation, every string once): a million operations are judged within 256 MiB.
// Built by one thread (Recorder, importers, generators); afterwards it is read only and may be shared.
#ifndef HOLDFAST_HARNESS_HISTORY_HISTORY_H_
#define HOLDFAST_HARNESS_HISTORY_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/history/operation.h"

namespace holdfast::history {

// Interns byte strings; symbols count up from 1.
class SymbolTable {
 public:
  SymbolTable();
  SymbolTable(const SymbolTable& other);
  SymbolTable& operator=(const SymbolTable& other);
  SymbolTable(SymbolTable&&) = default;
  SymbolTable& operator=(SymbolTable&&) = default;

  Symbol Intern(std::string_view text) { return Intern(text, BitsOf(text)); }
  // Intern in two steps, for callers with work to do in between: the first fetches the memory that the second needs.
  uint64_t Prepare(std::string_view text) const {
    const uint64_t bits = BitsOf(text);
    __builtin_prefetch(&slots_[FirstSlot(text, bits)]);
    return bits;
  }
  // REQUIRES: `prepared` is what Prepare gave for the text.
  Symbol Intern(std::string_view text, uint64_t prepared);
  // Makes room for so many symbols in all.
  void Reserve(size_t symbols);
  // kAbsent if the text has no symbol.
  Symbol Find(std::string_view text) const;
  // REQUIRES: symbol came from this table, or is kAbsent (which gives "").
  std::string_view text(Symbol symbol) const { return texts_[symbol]; }
  // One more than the largest symbol.
  size_t size() const { return texts_.size(); }
  int64_t ByteCount() const {
    return static_cast<int64_t>(texts_.capacity() * sizeof(std::string_view) + slots_.size() * sizeof(Slot)) +
           text_bytes_;
  }

 private:
  // Texts of up to 8 bytes stand in the slot itself, so that finding one touches one line of memory.
  struct Slot {
    uint64_t bits = 0;  // the bytes of a short text, the hash of a long one
    uint32_t length = 0;
    Symbol symbol = kAbsent;  // kAbsent: free
  };

  static uint64_t BitsOf(std::string_view text);
  size_t FirstSlot(std::string_view text, uint64_t bits) const;
  std::string_view Store(std::string_view text);
  // The slot that holds the text, or the free one where it belongs.
  size_t FindSlot(std::string_view text, uint64_t bits) const;
  void Grow(size_t slots);

  std::deque<std::string> chunks_;  // deque: views into a chunk stay valid
  std::vector<std::string_view> texts_;
  std::vector<Slot> slots_;  // open addressing; a power of two, at most three quarters full
  int64_t text_bytes_ = 0;
};

class History {
 public:
  std::vector<Operation> operations;
  SymbolTable symbols;
  // What each object holds before the first operation. Absent objects are empty.
  std::map<uint32_t, std::vector<Row>> initial_rows;
  // Free text to operations, by position, for reports.
  std::map<size_t, std::string> notes;

  std::string_view text(Symbol symbol) const { return symbols.text(symbol); }

  // Stores rows, sorted by key symbol; returns the number for Operation::list.
  uint32_t AddRows(std::vector<Row> rows);
  uint32_t AddMutations(std::span<const Mutation> mutations);
  std::span<const Row> rows(uint32_t list) const;
  std::span<const Mutation> mutations(uint32_t list) const;
  // True if the operation names rows (as opposed to: its rows are unknown).
  static bool HasRows(const Operation& op) { return op.list != kNoList && op.kind != Kind::kBatch; }

  // Bytes held, about.
  int64_t ByteCount() const;

  // One line, for people: `client 3: put k1 = "v7" on tablet 2 [40..47] ok`.
  std::string Describe(size_t position) const;

 private:
  struct Range {
    uint32_t begin = 0;
    uint32_t end = 0;
  };
  std::vector<Row> row_pool_;
  std::vector<Range> row_lists_;
  std::vector<Mutation> mutation_pool_;
  std::vector<Range> mutation_lists_;
};

// Printable form of a byte string, in double quotes, at most `length_max` bytes of it.
std::string Quote(std::string_view text, size_t length_max = 40);

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_HISTORY_H_
