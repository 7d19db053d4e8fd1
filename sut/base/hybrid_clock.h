// Hybrid logical time (Kulkarni et al., "Logical Physical Clocks", OPODIS 2014): physical microseconds with a logical
// counter in the low 12 bits, so that stamps of one replica never go back and follow causality between replicas.
//
// Loop rule: owned and used by one node's event loop.

#ifndef SUT_BASE_HYBRID_CLOCK_H_
#define SUT_BASE_HYBRID_CLOCK_H_

#include <algorithm>
#include <compare>
#include <cstdint>

namespace sut {

struct HybridTime {
  uint64_t value = 0;  // microseconds << 12 | logical

  friend auto operator<=>(const HybridTime&, const HybridTime&) = default;
};

class HybridClock {
 public:
  // A stamp above every stamp given or seen before.
  HybridTime Now(int64_t physical_us) {
    last_.value = std::max(last_.value + 1, static_cast<uint64_t>(physical_us) << kLogicalBits);
    return last_;
  }
  // Takes note of a stamp that another node gave.
  void Observe(HybridTime seen) { last_ = std::max(last_, seen); }

  static constexpr int kLogicalBits = 12;

 private:
  HybridTime last_;
};

}  // namespace sut

#endif  // SUT_BASE_HYBRID_CLOCK_H_
