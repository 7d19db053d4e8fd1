// Property: whatever happens while snapshots are made, listed and dropped, each is one state that every tablet really
// had between the call and the answer, and never changes afterwards.
//
// Fault model: back-to-back and duplicated creates, slow tablets, and crashes between the phases of a create or a drop.

#include <gtest/gtest.h>

#include "scenarios/contract_property.h"

namespace holdfast::scenarios {
namespace {

TEST(SnapshotsScenario, NoPlanBreaksTheContract) {
  const run::Counters did = CheckContract("snapshots");
  EXPECT_GT(did.snapshots_complete(), did.plans()) << "the theme is more than one snapshot a plan";
  EXPECT_GT(did.snapshots_deleted(), 0u);
  EXPECT_GT(did.crashes() + did.power_losses(), 0u);
}

}  // namespace
}  // namespace holdfast::scenarios
