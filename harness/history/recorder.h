// Records a history while a run goes on: Invoke before the request is sent, one of the endings after the reply came.
//
// Every call is one event and takes the next event number; nothing is ever reordered or changed afterwards. An operation
// that gets no ending stays indeterminate and pending. One thread (the simulator's, or callers hold a lock of their own).
#ifndef HOLDFAST_HARNESS_HISTORY_RECORDER_H_
#define HOLDFAST_HARNESS_HISTORY_RECORDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/history/history.h"

namespace holdfast::history {

struct BatchPart {
  Kind kind = Kind::kPut;  // kPut, kDelete or kIncrement
  std::string_view key = {};
  std::string_view value = {};  // put
  int64_t delta = 0;       // increment
};

// What is asked.
struct Call {
  Kind kind = Kind::kGet;
  uint32_t object = 0;
  uint32_t process = 0;
  uint32_t step = 0;
  uint32_t group = 0;
  std::string_view key = {};       // key or snapshot id
  std::string_view value = {};     // put, write, cas (new value), append
  std::string_view expected = {};  // cas
  int64_t delta = 0;          // increment
  std::vector<BatchPart> batch = {};
};

// What was answered. What is left out counts as not observed.
struct Reply {
  OpId hint = {};
  std::optional<std::string_view> value = {};  // get and read: what was found; increment: the new number as decimal text
  bool absent = false;                    // get and read: there was no row
  // Scan, snapshot, restore: all rows. Invariant: each key at most once.
  std::optional<std::vector<std::pair<std::string, std::string>>> rows = {};
  // Batch: the new numbers of its increments, in their order, as decimal text; may be left empty.
  std::vector<std::string> numbers = {};
};

class Recorder {
 public:
  // Position of the operation in history().operations.
  using Position = size_t;

  // What an object holds before the first operation.
  void SetInitial(uint32_t object, const std::vector<std::pair<std::string, std::string>>& rows);

  Position Invoke(const Call& call);
  void Ok(Position position, const Reply& reply);
  void Fail(Position position, std::string_view reason = "");
  // The client gave up. The operation may still take effect until CloseWindow, if that is ever called.
  void Indeterminate(Position position, std::string_view reason = "");
  // A committed fence: the indeterminate operation has taken effect before this event, or never will.
  void CloseWindow(Position position);
  // An indeterminate operation's place in the log became known (hint), or a snapshot's rows were read off its directory
  // after its reply. Takes no event.
  void Note(Position position, std::string_view text);
  void SetHint(Position position, OpId hint);
  void SetRows(Position position, const std::vector<std::pair<std::string, std::string>>& rows);

  int64_t event_count() const { return next_event_; }
  // Takes the next event number for something that is no operation of an object: a call to the catalogue, an inspection.
  int64_t NextEvent() { return next_event_++; }
  const History& history() const { return history_; }
  History TakeHistory() { return std::move(history_); }

 private:
  std::vector<Row> InternRows(const std::vector<std::pair<std::string, std::string>>& rows);

  History history_;
  int64_t next_event_ = 0;
};

}  // namespace holdfast::history

#endif  // HOLDFAST_HARNESS_HISTORY_RECORDER_H_
