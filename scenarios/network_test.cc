// Property: no plan with a bad network breaks the contract.
//
// Fault model: partitions both ways and one way, with clients on either side, and weather: messages lost, sent twice,
// overtaken and late. Nodes crash seldom; leaders move often.

#include <gtest/gtest.h>

#include "scenarios/contract_property.h"

namespace holdfast::scenarios {
namespace {

TEST(NetworkScenario, NoPlanBreaksTheContract) {
  const run::Counters did = CheckContract("network");
  EXPECT_GT(did.partitions(), did.plans()) << "the theme is more than one partition a plan";
  EXPECT_GT(did.weather_changes(), 0u);
  EXPECT_GT(did.leader_moves(), 0u);
}

}  // namespace
}  // namespace holdfast::scenarios
