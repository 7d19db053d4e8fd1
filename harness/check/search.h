// Linearizability of any sequential specification: the search of Wing and Gong ("Testing and verifying concurrent objects",
// 1993, section 4) with Lowe's memory of configurations ("Testing for linearizability", 2017, section 4).
//
// A specification is a few pure functions over a state that can be undone. A configuration is the set of operations placed
// and the state that they led to; it is remembered, as 128 bits of hash, only when everything behind it was tried in vain,
// so that a correct history with good hints stores nothing. Hints order the candidates and decide nothing. An operation
// that cannot change the state is placed as soon as it is legal, without a branch. Operations that may never have taken
// effect are tried last. One thread, no clock, no recursion.
#ifndef HOLDFAST_HARNESS_CHECK_SEARCH_H_
#define HOLDFAST_HARNESS_CHECK_SEARCH_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "harness/check/verdict.h"

namespace holdfast::check {

// An operation as the search sees it; `operation` names it to the specification.
struct SearchCall {
  uint32_t operation = 0;
  int64_t invoke = 0;
  int64_t complete = 0;
  bool optional = false;  // may never take effect
  int64_t hint = std::numeric_limits<int64_t>::max();  // smaller is tried first
};

// What a specification offers. Apply either changes the state and returns true, or leaves it and returns false; Undo takes
// back the latest Apply that is not taken back yet. Hash is equal for equal states.
template <typename S>
concept Specification = requires(S spec, const S& constant, uint32_t operation) {
  { spec.Apply(operation) } -> std::same_as<bool>;
  { spec.Undo() };
  { constant.Hash() } -> std::same_as<uint64_t>;
  { constant.ReadsOnly(operation) } -> std::same_as<bool>;
  { constant.Partition(operation) } -> std::convertible_to<uint32_t>;
  { constant.Describe() } -> std::same_as<std::string>;
};

struct SearchResult {
  Verdict verdict = Verdict::kUnknown;
  // The order found, or the longest that was legal, as SearchCall::operation.
  std::vector<uint32_t> order;
};

template <Specification S>
class Search {
 public:
  // REQUIRES: calls in order of invoke; `spec` in its initial state. Configurations cost memory; the meter limits them.
  Search(S* spec, std::vector<SearchCall> calls, Meter* meter) : spec_(*spec), calls_(std::move(calls)), meter_(*meter) {
    next_.resize(calls_.size() + 1);
    previous_.resize(calls_.size() + 1);
    Link();
  }

  SearchResult Run() {
    SearchResult result;
    Expand();
    while (true) {
      if (required_ == 0) {
        result.verdict = Verdict::kPass;
        result.order = Order();
        return result;
      }
      if (!meter_.Spend(1)) return result;
      if (Advance()) continue;
      // Everything behind this configuration was tried.
      if (placed_.size() > longest_.size()) longest_ = Order();
      if (frames_.back().branched) {
        exhausted_.insert(Key());
        meter_.SetBytes(static_cast<int64_t>(exhausted_.size()) * kBytesPerConfiguration);
      }
      candidates_.resize(frames_.back().begin);
      frames_.pop_back();
      if (frames_.empty()) {
        result.verdict = Verdict::kFail;
        result.order = std::move(longest_);
        return result;
      }
      TakeBack();
    }
  }

 private:
  using Configuration = std::pair<uint64_t, uint64_t>;

  struct Frame {
    size_t begin = 0;  // its candidates, in candidates_
    size_t next = 0;
    bool branched = false;
  };
  struct Placed {
    uint32_t call = 0;
    int64_t invoke_max = 0;  // before it was placed
  };

  static constexpr int64_t kBytesPerConfiguration = 40;

  static uint64_t Mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }

  void Link() {
    const uint32_t count = end() + 1;
    for (uint32_t i = 0; i < count; ++i) {
      next_[i] = (i + 1) % count;
      previous_[i] = (i + count - 1) % count;
    }
    for (const SearchCall& call : calls_) {
      if (call.optional) {
        window_ends_.push_back(call.complete);
      } else {
        ++required_;
      }
    }
    std::sort(window_ends_.begin(), window_ends_.end());
  }
  uint32_t end() const { return static_cast<uint32_t>(calls_.size()); }

  // Lists what may be placed next: calls made before the first end of a call that must be placed, and still open after the
  // latest call placed.
  void Expand() {
    Frame frame;
    frame.begin = frame.next = candidates_.size();
    int64_t first_end = std::numeric_limits<int64_t>::max();
    for (uint32_t i = next_[end()]; i != end() && calls_[i].invoke < first_end; i = next_[i]) {
      const SearchCall& call = calls_[i];
      if (!call.optional) first_end = std::min(first_end, call.complete);
      if (call.complete > invoke_max_) candidates_.push_back(i);
    }
    std::sort(candidates_.begin() + static_cast<std::ptrdiff_t>(frame.begin), candidates_.end(), [this](uint32_t a, uint32_t b) {
      const SearchCall& x = calls_[a];
      const SearchCall& y = calls_[b];
      if (x.optional != y.optional) return y.optional;
      if (x.hint != y.hint) return x.hint < y.hint;
      return a < b;
    });
    frames_.push_back(frame);
  }

  // Places the next candidate that leads to something new; false if there is none.
  bool Advance() {
    Frame& frame = frames_.back();
    if (frame.next == frame.begin) {
      // Something that only reads and is legal now may as well stand here: no other choice is better.
      for (size_t i = frame.begin; i < candidates_.size(); ++i) {
        const uint32_t call = candidates_[i];
        if (!Free(call) || !spec_.Apply(calls_[call].operation)) continue;
        frame.next = candidates_.size();
        Place(call);
        Expand();
        return true;
      }
    }
    while (frame.next < candidates_.size()) {
      const uint32_t call = candidates_[frame.next++];
      if (Free(call) || !spec_.Apply(calls_[call].operation)) continue;
      frame.branched = true;
      Place(call);
      if (exhausted_.contains(Key())) {
        TakeBack();
        continue;
      }
      Expand();
      return true;
    }
    return false;
  }

  // True if placing the call, where it is legal, takes nothing from any other: it only reads, and it closes the window of
  // no call that may still be left out.
  bool Free(uint32_t call) const {
    if (!spec_.ReadsOnly(calls_[call].operation)) return false;
    const auto closed = std::upper_bound(window_ends_.begin(), window_ends_.end(), invoke_max_);
    return closed == window_ends_.end() || *closed > calls_[call].invoke;
  }

  void Place(uint32_t call) {
    placed_.push_back({call, invoke_max_});
    invoke_max_ = std::max(invoke_max_, calls_[call].invoke);
    next_[previous_[call]] = next_[call];
    previous_[next_[call]] = previous_[call];
    first_ ^= Mix(call);
    second_ += Mix(~uint64_t{call});
    if (!calls_[call].optional) --required_;
  }

  void TakeBack() {
    const Placed placed = placed_.back();
    placed_.pop_back();
    spec_.Undo();
    next_[previous_[placed.call]] = placed.call;
    previous_[next_[placed.call]] = placed.call;
    invoke_max_ = placed.invoke_max;
    first_ ^= Mix(placed.call);
    second_ -= Mix(~uint64_t{placed.call});
    if (!calls_[placed.call].optional) ++required_;
  }

  Configuration Key() const {
    const uint64_t state = spec_.Hash();
    return {first_ + Mix(state), second_ ^ Mix(state + 1)};
  }

  std::vector<uint32_t> Order() const {
    std::vector<uint32_t> order;
    for (const Placed& placed : placed_) order.push_back(calls_[placed.call].operation);
    return order;
  }

  S& spec_;
  const std::vector<SearchCall> calls_;
  Meter& meter_;
  std::vector<uint32_t> next_, previous_;  // calls not placed, by invoke; end() is head and tail
  std::vector<int64_t> window_ends_;       // of the calls that may be left out, ascending
  std::vector<uint32_t> candidates_;
  std::vector<Frame> frames_;
  std::vector<Placed> placed_;
  std::vector<uint32_t> longest_;
  absl::flat_hash_set<Configuration> exhausted_;
  int64_t invoke_max_ = std::numeric_limits<int64_t>::min();
  size_t required_ = 0;
  uint64_t first_ = 0, second_ = 0;  // hash of the set of calls placed
};

}  // namespace holdfast::check

#endif  // HOLDFAST_HARNESS_CHECK_SEARCH_H_
