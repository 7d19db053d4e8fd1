// The long work of one incarnation of a node: one job at a time, in the order of the calls.
//
// A job takes its latency in virtual time. Its effect falls at the start, in the middle or at the end of that, by hash
// of (seed, node, identity, how many of that identity there were), so that other events of the node see the world now
// before, now after it; `done` runs at the end. When the incarnation dies, what has not happened does not happen.
//
// Loop rule: single-threaded; jobs and `done` run as events of the owner.

#ifndef HARNESS_SIM_SIM_WORKER_H_
#define HARNESS_SIM_SIM_WORKER_H_

#include <cstdint>
#include <deque>
#include <functional>

#include "absl/container/flat_hash_map.h"
#include "harness/sim/event_queue.h"
#include "sut/runtime/seams.h"

namespace holdfast::sim {

enum class EffectPosition : uint8_t { kStart, kMiddle, kEnd };

class SimWorker final : public sut::Worker {
 public:
  struct Options {
    uint64_t seed = 0;
    EventQueue::Owner owner;
    int64_t latency_us_median = 0;  // 1..
    // What slow operations of the disk have added since the last call, for the job that is running; null: nothing.
    std::function<int64_t()> take_extra_latency_us = nullptr;
  };
  // The queue outlives the worker, and drops the owner's events before the worker goes.
  SimWorker(const Options& options, EventQueue* queue);

  void Run(sut::LogicalIdentity identity, std::function<void()> job, std::function<void()> done) override;

  // For jobs that are asked for from now on. REQUIRES: latency_us_median > 0.
  void SetLatency(int64_t latency_us_median) { options_.latency_us_median = latency_us_median; }

  struct Draw {
    int64_t latency_us;
    EffectPosition position;
  };
  // What the `occurrence`-th job of this identity meets, from 0.
  Draw DrawFor(sut::LogicalIdentity identity, uint32_t occurrence) const;
  size_t waiting() const { return waiting_.size(); }
  bool busy() const { return busy_; }

 private:
  // More than this many jobs waiting is a leak in the node.
  static constexpr size_t kJobsMax = 100'000;

  struct Job {
    Draw draw;
    std::function<void()> job;
    std::function<void()> done;
  };
  void Begin(Job job);
  void Finish(std::function<void()> done);

  Options options_;
  EventQueue* const queue_;
  bool busy_ = false;
  int64_t extra_latency_us_ = 0;  // of the running job
  std::deque<Job> waiting_;
  absl::flat_hash_map<uint64_t, uint32_t> occurrences_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_WORKER_H_
