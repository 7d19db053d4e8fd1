// Which plans of a campaign are worth more than others: those whose runs reached what no run before had reached.
//
// What a run reaches is told by its probes, by the cells of the coverage matrix and by some of its counts, each in
// steps of powers of two: the tenth install is nothing new, the first and the two hundredth in one run are. A plan that
// reached something new is kept, and half of the plans that follow are mutations of kept ones.
//
// Deterministic: it learns from results in the order of their numbers, in rounds, so that what comes out does not
// depend on how many children share the work. Bounded: the oldest kept plans make room.

#ifndef HARNESS_RUN_GUIDANCE_H_
#define HARNESS_RUN_GUIDANCE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/plan/plan.pb.h"
#include "harness/run/result.pb.h"

namespace holdfast::run {

// What a run has reached.
std::vector<std::string> FeaturesOf(const Result& result);

class Guidance {
 public:
  // Whether the plan is kept.
  bool Learn(const plan::Plan& plan, const std::vector<std::string>& features);
  // A mutation to run instead of `fresh`, which serves as its donor; none where `fresh` itself is due.
  std::optional<plan::Plan> Mutated(const plan::Plan& fresh, uint64_t seed) const;

  size_t kept() const { return kept_.size(); }
  size_t features() const { return seen_.size(); }

 private:
  static constexpr size_t kKeptMax = 128;
  std::set<std::string> seen_;
  std::deque<plan::Plan> kept_;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_GUIDANCE_H_
