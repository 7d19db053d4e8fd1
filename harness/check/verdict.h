// The four verdicts of a checker, how they compose, and the limits that a checker keeps to.
//
// `pass` is only ever said of something that was judged whole: out of time or memory is `unknown`, nothing worth
// judging is `vacuous`. Limits count work and bytes and never look at a clock, so that a judge inside a simulation
// stays a pure function; who wants a time limit or Ctrl-C passes `stop`.
#ifndef HOLDFAST_HARNESS_CHECK_VERDICT_H_
#define HOLDFAST_HARNESS_CHECK_VERDICT_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>

namespace holdfast::check {

enum class Verdict : uint8_t { kPass, kVacuous, kUnknown, kFail };

inline std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kVacuous:
      return "vacuous";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kFail:
      return "fail";
  }
  return "";
}

// Fail over unknown over vacuous over pass.
inline Verdict Compose(Verdict a, Verdict b) { return a < b ? b : a; }

struct Limits {
  // Configurations visited, over all partitions.
  int64_t work_max = std::numeric_limits<int64_t>::max();
  // Bytes that the checker itself may hold, the history not counted.
  int64_t bytes_max = int64_t{1} << 30;
  // Asked now and then, from any worker; true ends the check as `unknown`. Empty: never.
  std::function<bool()> stop;
};

// The share of the limits that one judge uses up. One thread.
class Meter {
 public:
  // `work_max`: this judge's own budget, besides the limits.
  Meter(const Limits& limits, int64_t work_max) : limits_(&limits), work_max_(std::min(limits.work_max, work_max)) {}

  // Counts work; false once a limit is reached, and from then on.
  bool Spend(int64_t work) {
    work_ += work;
    if (work_ < next_look_) return !exhausted_;
    return Look();
  }
  // The bytes held now, beyond those of HoldBytes.
  void SetBytes(int64_t bytes) {
    bytes_ = bytes;
    if (held_bytes_ + bytes_ > limits_->bytes_max) exhausted_ = true;
  }
  void HoldBytes(int64_t bytes) {
    held_bytes_ += bytes;
    SetBytes(bytes_);
  }
  bool exhausted() const { return exhausted_; }
  int64_t work() const { return work_; }

 private:
  static constexpr int64_t kLookEvery = 256;

  bool Look() {
    next_look_ = work_ + kLookEvery;
    if (work_ > work_max_ || (limits_->stop && limits_->stop())) exhausted_ = true;
    return !exhausted_;
  }

  const Limits* limits_;
  const int64_t work_max_;
  int64_t work_ = 0;
  int64_t bytes_ = 0;
  int64_t held_bytes_ = 0;
  int64_t next_look_ = kLookEvery;
  bool exhausted_ = false;
};

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_VERDICT_H_
