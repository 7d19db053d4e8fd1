// Which share of the processor's time a run spends in calls of RocksDB: a sampling profiler within the process.
//
// Each sample is put down to RocksDB's library or to this program by its instruction pointer; one in another library
// (libc, say) to the nearest caller that is one of the two. RocksDB is built without frame pointers, so callers are
// found by looking through the stack for return addresses: an estimate. The simulated disk counts as inside where
// RocksDB called it.
//
// One at a time in a process; the timer's signal is SIGPROF.

#ifndef HARNESS_RUN_TIME_PROFILE_H_
#define HARNESS_RUN_TIME_PROFILE_H_

#include <cstdint>

namespace holdfast::run {

class TimeProfile {
 public:
  TimeProfile() = default;
  ~TimeProfile() { Stop(); }
  TimeProfile(const TimeProfile&) = delete;
  TimeProfile& operator=(const TimeProfile&) = delete;

  // False if RocksDB is not a library of its own in this process, or there is no timer: then nothing is measured.
  bool Start();
  void Stop();

  uint64_t rocksdb_samples() const { return rocksdb_samples_; }
  uint64_t samples() const { return samples_; }

 private:
  bool running_ = false;
  uint64_t rocksdb_samples_ = 0;
  uint64_t samples_ = 0;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_TIME_PROFILE_H_
