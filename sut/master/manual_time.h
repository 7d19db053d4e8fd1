// A clock and timers that a test moves by hand: nothing happens but in Advance.

#ifndef SUT_MASTER_MANUAL_TIME_H_
#define SUT_MASTER_MANUAL_TIME_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "sut/runtime/seams.h"

namespace sut {

class ManualTime : public Clock, public Timers {
 public:
  int64_t NowUs() const override { return now_us_; }
  void After(int64_t delay_us, std::function<void()> callback) override {
    timers_.emplace(std::pair(now_us_ + delay_us, next_++), std::move(callback));
  }

  // Runs what falls due in the time given, in order, what callbacks arm included.
  void Advance(int64_t duration_us) {
    const int64_t end_us = now_us_ + duration_us;
    while (!timers_.empty() && timers_.begin()->first.first <= end_us) {
      auto first = timers_.extract(timers_.begin());
      now_us_ = first.key().first;
      ++fired_;
      first.mapped()();
    }
    now_us_ = end_us;
  }
  // Timers that are armed, wanted or not.
  size_t armed() const { return timers_.size(); }
  size_t fired() const { return fired_; }

 private:
  int64_t now_us_ = 1'000'000;
  uint64_t next_ = 0;
  size_t fired_ = 0;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> timers_;
};

}  // namespace sut

#endif  // SUT_MASTER_MANUAL_TIME_H_
