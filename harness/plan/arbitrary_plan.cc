#include "harness/plan/arbitrary_plan.h"

#include <memory>
#include <optional>
#include <ostream>
#include <utility>

#include "harness/plan/generator.h"
#include "harness/plan/plan_text.h"
#include "harness/plan/shrink.h"

namespace holdfast::plan {
namespace {

// The candidates of a Shrinker as RapidCheck's lazy sequence.
class CandidateSeq {
 public:
  explicit CandidateSeq(const Plan& plan) : shrinker_(plan) {}

  rc::Maybe<Plan> operator()() {
    std::optional<Plan> next = shrinker_.Next();
    if (!next.has_value()) return rc::Nothing;
    return *std::move(next);
  }

 private:
  Shrinker shrinker_;
};

class PlanGen {
 public:
  explicit PlanGen(Profile profile) : profile_(std::make_shared<const Profile>(std::move(profile))) {}

  rc::Shrinkable<Plan> operator()(const rc::Random& random, int /*size*/) const {
    const uint64_t seed = rc::Random(random).next();
    return rc::shrinkable::shrinkRecur(GeneratePlan(seed, *profile_),
                                       [](const Plan& plan) { return rc::makeSeq<CandidateSeq>(plan); });
  }

 private:
  std::shared_ptr<const Profile> profile_;
};

}  // namespace

rc::Gen<Plan> ArbitraryPlan(const Profile& profile) { return PlanGen(profile); }

void showValue(const Plan& plan, std::ostream& out) { out << "\n" << PrintPlan(plan); }

}  // namespace holdfast::plan
