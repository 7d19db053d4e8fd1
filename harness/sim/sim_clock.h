// Clock of a simulated node: virtual time, the same for all nodes as long as no fault strikes it.
//
// Fault model: the clock may be ahead or behind by any amount and run fast or slow, from one moment on and until it is
// corrected. Within a life of the process it never goes back, as sut::Clock promises: where it would have to, it stands
// still until it is right again; a new life starts from what the clock says. Timers are of the same oscillator: they
// drift with it, but a jump does not move them.
//
// `skew_us`, if given, is added to every reading and to every delay of a timer. It is there for one test: that the
// self-check notices when something real (a clock, say) gets into a run.

#ifndef HARNESS_SIM_SIM_CLOCK_H_
#define HARNESS_SIM_SIM_CLOCK_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "harness/sim/event_queue.h"
#include "sut/runtime/seams.h"

namespace holdfast::sim {

class SimClock final : public sut::Clock {
 public:
  // What a node's clock shows when a run begins: no error that a plan may ask for takes it before 1970, a time that
  // neither hybrid clocks nor RocksDB know.
  static constexpr int64_t kNodeEpochUs = 1'000'000'000'000'000;

  struct Error {
    int64_t jump_us = 0;         // against the true time
    int32_t drift_permille = 0;  // > -1000
  };

  SimClock(const EventQueue* queue, int64_t epoch_us, std::function<int64_t()> skew_us)
      : queue_(queue), epoch_us_(epoch_us), skew_us_(std::move(skew_us)) {}

  int64_t NowUs() const override {
    last_us_ = std::max(last_us_, RawUs() + skew_us());
    return last_us_;
  }
  // How long a timer of `delay_us` really takes.
  int64_t TrueDelayUs(int64_t delay_us) const { return delay_us * 1000 / (1000 + error_.drift_permille) + skew_us(); }

  // Replaces the error that there was; zeros correct the clock.
  void Disturb(const Error& error) {
    error_ = error;
    since_us_ = queue_->now_us();
  }
  void BeginLife() { last_us_ = INT64_MIN; }

 private:
  int64_t RawUs() const {
    const int64_t now_us = queue_->now_us();
    return epoch_us_ + now_us + error_.jump_us + (now_us - since_us_) * error_.drift_permille / 1000;
  }
  int64_t skew_us() const { return skew_us_ ? skew_us_() : 0; }

  const EventQueue* const queue_;
  const int64_t epoch_us_;
  const std::function<int64_t()> skew_us_;
  Error error_;
  int64_t since_us_ = 0;
  mutable int64_t last_us_ = INT64_MIN;  // of this life
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_CLOCK_H_
