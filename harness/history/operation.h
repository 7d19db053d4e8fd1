// What a client asked, what it was told, and when: the records that every checker reads.
//
// Byte strings (keys, values, snapshot ids) are interned: a record holds Symbols, and History::text gives the bytes
// back. Times are event numbers of one history: the order of events is the order of time, and no two events share a
// number. An operation takes effect at most once, strictly between its `invoke` and its `complete`. Plain data, no
// thread of its own; safe to read from many threads once it is complete.
#ifndef HOLDFAST_HARNESS_HISTORY_OPERATION_H_
#define HOLDFAST_HARNESS_HISTORY_OPERATION_H_

#include <cstdint>
#include <limits>
#include <string_view>

namespace holdfast::history {

// An interned byte string. The empty string has a symbol of its own.
using Symbol = uint32_t;

// A value that is not there: a get found no row, a register was never written.
inline constexpr Symbol kAbsent = 0;
// A value that nobody observed: it matches anything.
inline constexpr Symbol kUnobserved = 0xFFFFFFFF;

// Later than every event: the operation may still take effect at any time.
inline constexpr int64_t kPending = std::numeric_limits<int64_t>::max();

// "No such list" in Operation::list.
inline constexpr uint32_t kNoList = 0xFFFFFFFF;

enum class Kind : uint8_t {
  kGet,             // key -> value, kAbsent or kUnobserved
  kPut,             // key, value
  kDelete,          // key
  kIncrement,       // key, delta -> value: the new number as decimal text, or kUnobserved. An absent key counts as 0.
  kBatch,           // list of mutations, taken together
  kScan,            // -> list of all rows of the object
  kSnapshot,        // key = snapshot id -> list of the rows that it holds, where known
  kRestore,         // key = snapshot id -> list of the rows that it brought back, where known
  kDrop,            // key = snapshot id
  kRead,            // register -> value, kAbsent (never written) or kUnobserved
  kWrite,           // register := value
  kCompareAndSet,   // register: expected -> value
  kAppend,          // key: value is appended; an absent key counts as ""
  kRefusedCompare,  // register: a compare that was refused, so its value was not `expected`
};
inline constexpr int kKindCount = 14;

enum class Outcome : uint8_t {
  kOk,             // took effect between invoke and complete, and answered as recorded
  kFail,           // never took effect
  kIndeterminate,  // takes effect once between invoke and complete, or never
};

// The place in the object's own log at which an operation took effect, as its reply told. Only a hint: no verdict rests
// on it. A read carries the applied index that it was served at, and stands after the write of that index.
struct OpId {
  int64_t index = -1;  // -1: no hint
  uint32_t term = 0;
  uint32_t sub = 0;  // order within one index

  bool known() const { return index >= 0; }
  friend bool operator==(const OpId&, const OpId&) = default;
};

// One row of a scan or of a snapshot.
struct Row {
  Symbol key = kAbsent;
  Symbol value = kAbsent;

  friend bool operator==(const Row&, const Row&) = default;
};

// One part of a batch: a put, a delete or an increment.
struct Mutation {
  Kind kind = Kind::kPut;
  Symbol key = kAbsent;
  Symbol value = kAbsent;  // as in Operation
  int64_t delta = 0;

  friend bool operator==(const Mutation&, const Mutation&) = default;
};

struct Operation {
  int64_t invoke = 0;
  // When the reply came. For an indeterminate operation: the event after which it can no longer take effect (a
  // committed fence closed its window), or kPending. Invariant: complete > invoke.
  int64_t complete = kPending;
  OpId hint;
  int64_t delta = 0;
  uint32_t object = 0;   // tablet (or register); objects are independent of one another
  uint32_t process = 0;  // the client session that called
  uint32_t step = 0;     // number of the plan step that it comes from, for reports
  // Parts of one call that spans several objects share a number; 0 = a call of its own. Under `snapshot-table` the
  // snapshots of one group must have a single moment.
  uint32_t group = 0;
  Symbol key = kAbsent;
  Symbol value = kUnobserved;
  Symbol expected = kUnobserved;
  uint32_t list = kNoList;  // rows (scan, snapshot, restore) or mutations (batch) in the History
  Kind kind = Kind::kGet;
  Outcome outcome = Outcome::kIndeterminate;

  bool ok() const { return outcome == Outcome::kOk; }
  bool indeterminate() const { return outcome == Outcome::kIndeterminate; }
};

std::string_view KindName(Kind kind);
// False if there is no kind of that name.
bool KindFromName(std::string_view name, Kind* kind);
std::string_view OutcomeName(Outcome outcome);

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_OPERATION_H_
