// Clock of a simulated node: virtual time, the same for all nodes.
//
// `skew_us`, if given, is added to every reading and to every delay of a timer. It is there for one test: that the
// self-check notices when something real (a clock, say) gets into a run.

#ifndef HARNESS_SIM_SIM_CLOCK_H_
#define HARNESS_SIM_SIM_CLOCK_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "harness/sim/event_queue.h"
#include "sut/runtime/seams.h"

namespace holdfast::sim {

class SimClock final : public sut::Clock {
 public:
  SimClock(const EventQueue* queue, std::function<int64_t()> skew_us) : queue_(queue), skew_us_(std::move(skew_us)) {}
  int64_t NowUs() const override { return queue_->now_us() + skew_us(); }
  int64_t skew_us() const { return skew_us_ ? skew_us_() : 0; }

 private:
  const EventQueue* const queue_;
  const std::function<int64_t()> skew_us_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_CLOCK_H_
