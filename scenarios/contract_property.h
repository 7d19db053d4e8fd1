// The property that the theme tests share: no plan of a profile breaks the contract of snapshots.
//
// RapidCheck draws the plans and shrinks a failing one with the reductions that minimise findings. Its seed is a fresh
// one, and printed; RC_PARAMS="seed=N" repeats a test. A failure names the file that holds the smallest failing plan.

#ifndef SCENARIOS_CONTRACT_PROPERTY_H_
#define SCENARIOS_CONTRACT_PROPERTY_H_

#include <string_view>

#include "harness/run/trial.h"

namespace holdfast::scenarios {

// Fails the running GoogleTest test if a plan breaks the contract, or if it can't be said whether it does. Gives what
// the plans did, so that the test can see that its theme was played at all.
run::Counters CheckContract(std::string_view profile);

}  // namespace holdfast::scenarios

#endif  // SCENARIOS_CONTRACT_PROPERTY_H_
