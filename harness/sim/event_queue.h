// The one queue of a simulated run: what happens next, in the order of virtual time, then of insertion.
//
// An event may belong to a node: to one incarnation of it (its timers, its jobs), or to whichever lives when it is due
// (what the network brings). Events of the dead are dropped, never run. All virtual time there is moves here.
//
// Loop rule: single-threaded; events may schedule, kill and drop, but not run other events.

#ifndef HARNESS_SIM_EVENT_QUEUE_H_
#define HARNESS_SIM_EVENT_QUEUE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace holdfast::sim {

class EventQueue {
 public:
  using Callback = std::function<void()>;

  static constexpr uint32_t kNobody = 0;
  static constexpr uint32_t kAnyIncarnation = 0;
  struct Owner {
    uint32_t node = kNobody;
    uint32_t incarnation = kAnyIncarnation;
    uint32_t stream = 0;  // where it comes from: matters after a pause
    friend bool operator==(const Owner&, const Owner&) = default;
  };

  explicit EventQueue(int64_t start_us) : now_us_(start_us) {}
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  int64_t now_us() const { return now_us_; }

  // Runs `callback` at `time_us`, or now if that is past; after all events already scheduled for the same time.
  void Schedule(int64_t time_us, Owner owner, Callback callback);

  // From now on events of this incarnation of its node run; those of others are dropped.
  void SetAlive(Owner owner);
  void SetDead(uint32_t node);
  // Events of a paused node wait when they are due, and run once it goes on: each stream in its order, one stream after
  // the other by hash of `salt`, as a process finds its sockets full and its timers due and has to begin somewhere. A
  // pause ends with the life.
  void Pause(uint32_t node, uint64_t salt);
  void Resume(uint32_t node);
  bool IsPaused(uint32_t node) const { return held_.contains(node); }
  // Destroys the waiting events of one incarnation now, with all that they hold.
  void Drop(Owner owner);

  // Runs the earliest event that is due by `time_max_us`, and returns its owner. If there is none, time becomes
  // `time_max_us`. Events of the dead are skipped without a word.
  std::optional<Owner> RunNext(int64_t time_max_us);

  // Whose event is running now; nobody's outside of RunNext.
  Owner running() const { return running_; }

  size_t size() const { return heap_.size(); }
  uint64_t events_run() const { return events_run_; }
  uint64_t events_dropped() const { return events_dropped_; }
  // Depends on time, owner and order of every event that ran: equal digests, equal runs.
  uint64_t digest() const { return digest_; }

 private:
  // A run that has more than this many events waiting is running away.
  static constexpr size_t kEventsMax = size_t{1} << 22;

  struct Slot {
    Callback callback;
    Owner owner;
  };
  // Apart from the slots, so that the heap moves little.
  struct HeapEntry {
    int64_t time_us;
    uint64_t sequence;
    uint32_t slot;
  };
  static bool Later(const HeapEntry& a, const HeapEntry& b) {
    return a.time_us != b.time_us ? a.time_us > b.time_us : a.sequence > b.sequence;
  }
  bool IsAlive(Owner owner) const;

  int64_t now_us_;
  uint64_t next_sequence_ = 0;
  uint64_t events_run_ = 0;
  uint64_t events_dropped_ = 0;
  uint64_t digest_ = 0;
  Owner running_;
  std::vector<HeapEntry> heap_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  // By node: its live incarnation, 0 if it is dead.
  std::vector<uint32_t> alive_;
  // What fell due while a node is paused, in that order.
  struct Held {
    uint64_t salt = 0;
    std::vector<Slot> slots;
  };
  std::map<uint32_t, Held> held_;  // by node
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_EVENT_QUEUE_H_
