// What a node has written to the write-ahead log of its Raft log store, and how much of that a loss of power can't take
// any more.
//
// Appends are counted over the life of the node's process, all groups together; what is durable is told by the files of
// the simulated disk, not by what the node believes. A log file that is gone holds nothing back: RocksDB removes one
// only when table files have taken over what it held.
//
// Loop rule: single-threaded.

#ifndef HARNESS_SIM_WRITTEN_LOG_H_
#define HARNESS_SIM_WRITTEN_LOG_H_

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "harness/sim/sim_file_system.h"

namespace holdfast::sim {

class WrittenLog {
 public:
  // The disk outlives the object.
  explicit WrittenLog(const SimFileSystem* disk) : disk_(disk) {}

  // A mutation of the disk is about to happen.
  void OnMutation(const Mutation& mutation);
  // A new incarnation of the process: what the one before wrote is recovered, or not, before this one goes on.
  void Restart();

  uint64_t appends() const { return appends_; }
  // How many of the first appends are durable. Not above appends().
  uint64_t Durable();
  // appends() when it was last marked: what an event that follows has added comes behind it.
  void Mark() { marked_ = appends_; }
  uint64_t marked() const { return marked_; }

 private:
  struct Append {
    uint64_t ordinal;  // from 1
    uint64_t end;      // the size of the file behind it
  };

  const SimFileSystem* const disk_;
  uint64_t appends_ = 0;
  uint64_t marked_ = 0;
  // By file, those that were not yet seen durable. Invariant: no list is empty.
  std::map<std::string, std::deque<Append>, std::less<>> pending_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_WRITTEN_LOG_H_
