// Property: a restore brings back exactly the snapshot's rows, on every replica, whatever was written before it, beside
// it and after it, and a retry across it is still applied once.
//
// Fault model: restores of the same snapshot twice, writes right after a restore and then a crash, crashes between the
// phases of a restore, and lost answers that make clients retry.

#include <gtest/gtest.h>

#include "scenarios/contract_property.h"

namespace holdfast::scenarios {
namespace {

TEST(RestoresScenario, NoPlanBreaksTheContract) {
  const run::Counters did = CheckContract("restores");
  EXPECT_GT(did.restores_chaos(), did.plans()) << "the theme is more than one restore a plan";
  EXPECT_GT(did.crashes() + did.power_losses(), 0u);
}

}  // namespace
}  // namespace holdfast::scenarios
