// Property: no plan of the default profile breaks the contract.
//
// Fault model: everything that a plan may ask for: process death and power loss of some or all nodes, crashes at
// probes, partitions both ways and one way, loss, duplicates and delays of messages, leader moves, flushes and
// compactions.

#include <gtest/gtest.h>

#include "scenarios/contract_property.h"

namespace holdfast::scenarios {
namespace {

TEST(MixedScenario, NoPlanBreaksTheContract) {
  const run::Counters did = CheckContract("default");
  EXPECT_GT(did.snapshots_complete(), 0u);
  EXPECT_GT(did.restores_chaos() + did.restores_epilogue(), 0u);
  EXPECT_GT(did.crashes() + did.power_losses(), 0u);
  EXPECT_GT(did.comparisons(), 0u);
}

}  // namespace
}  // namespace holdfast::scenarios
