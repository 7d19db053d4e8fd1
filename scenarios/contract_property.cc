#include "scenarios/contract_property.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/plan/arbitrary_plan.h"
#include "harness/plan/plan_text.h"
#include "harness/plan/profile.h"
#include "harness/run/result_text.h"
#include "scenarios/scenario_run.h"

namespace holdfast::scenarios {
namespace {

using run::Result;

// Plans for each profile, set by the build: fewer under sanitizers.
constexpr int kPlans = HOLDFAST_PROPERTY_PLANS;
// RapidCheck has no bound of its own for shrinking; past this one the smallest plan so far is good enough.
constexpr int kShrinkRunsMax = 400;

bool IsBroken(const Result& result) { return result.verdict() != Result::PASS && result.verdict() != Result::VACUOUS; }

class Property {
 public:
  explicit Property(std::string file) : file_(std::move(file)) {}

  // One case, or while RapidCheck shrinks, one candidate, which must break in the way that the first plan did.
  void Check(const plan::Plan& plan) {
    if (first_ && ++shrink_runs_ > kShrinkRunsMax) return;
    const Result result = RunPlan(plan);
    if (!first_) run::AddCounters(result.counters(), &counters_);
    if (!IsBroken(result)) return;
    if (first_ && result.verdict() != Result::UNKNOWN && !run::SameFailure(result, *first_)) return;
    if (!first_) first_ = result;
    std::ofstream(file_) << plan::PrintPlan(plan);
    RC_FAIL(absl::StrCat("verdict: ", run::VerdictText(result.verdict()), "\n", run::ViolationsText(result),
                         "run it: holdfast run --plan ", file_));
  }

  const run::Counters& counters() const { return counters_; }

 private:
  const std::string file_;
  std::optional<Result> first_;
  int shrink_runs_ = 0;
  run::Counters counters_;
};

}  // namespace

run::Counters CheckContract(std::string_view profile_name) {
  const std::optional<plan::Profile> profile = plan::ProfileNamed(profile_name);
  if (!profile) {
    ADD_FAILURE() << "no profile " << profile_name;
    return {};
  }
  Property property(absl::StrCat(testing::TempDir(), "holdfast-", std::string(profile_name), "-minimal.textproto"));
  rc::detail::TestMetadata metadata;
  metadata.id = metadata.description =
      absl::StrCat("no plan of profile ", std::string(profile_name), " breaks the contract");
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.maxSuccess = kPlans;
  const rc::detail::TestResult result =
      rc::detail::checkTestable([&] { property.Check(*plan::ArbitraryPlan(*profile)); }, metadata, params);
  if (!result.is<rc::detail::SuccessResult>()) {
    std::ostringstream message;
    rc::detail::printResultMessage(result, message);
    ADD_FAILURE() << message.str();
  }
  return property.counters();
}

}  // namespace holdfast::scenarios
