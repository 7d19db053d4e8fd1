// Properties: a fault counts for the phase that it meets, whichever of the two comes first, and only there.

#include "harness/run/coverage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::run {
namespace {

using sut::Probe;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(CoverageTest, AFaultOnANodeInNoPhaseMeetsIt) {
  CoverageTracker coverage;
  coverage.OnProbe(1, Probe::kSnapshotBegun, 0);
  coverage.Strike(2, FaultKind::kPowerLoss);
  EXPECT_THAT(coverage.cells(), ElementsAre(Pair("idle/power-loss", 1)));
}

TEST(CoverageTest, ACrashMeetsThePhaseInWhichTheNodeDied) {
  CoverageTracker coverage;
  coverage.OnProbe(1, Probe::kRestoreBegun, 3);
  coverage.OnNodeDown(1);
  coverage.Strike(1, FaultKind::kProcessDeath);
  coverage.OnNodeUp(1);
  coverage.Strike(1, FaultKind::kProcessDeath);
  EXPECT_THAT(coverage.cells(),
              UnorderedElementsAre(Pair("restoring/process-death", 1), Pair("idle/process-death", 1)));
}

TEST(CoverageTest, APhaseThatEndedIsMetNoMore) {
  CoverageTracker coverage;
  coverage.OnProbe(1, Probe::kDropBegun, 0);
  coverage.OnProbe(1, Probe::kDropUnlinked, 0);
  coverage.Strike(1, FaultKind::kPartition);
  EXPECT_THAT(coverage.cells(), ElementsAre(Pair("idle/partition", 1)));
}

TEST(CoverageTest, ALastingFaultMeetsThePhasesThatBeginUnderIt) {
  CoverageTracker coverage;
  coverage.Begin(7, 1, FaultKind::kPause);
  coverage.OnProbe(1, Probe::kInstallAccepted, 0);
  coverage.OnProbe(2, Probe::kInstallAccepted, 0);
  coverage.End(7);
  coverage.OnProbe(1, Probe::kSnapshotBegun, 1);
  EXPECT_THAT(coverage.cells(), UnorderedElementsAre(Pair("idle/pause", 1), Pair("installing/pause", 1)));
}

TEST(CoverageTest, TwoReplicasInTwoPhasesAreBothMet) {
  CoverageTracker coverage;
  coverage.OnProbe(1, Probe::kSnapshotBegun, 0);
  coverage.OnProbe(1, Probe::kRestoreBegun, 1);
  EXPECT_THAT(coverage.cells(), IsEmpty());
  coverage.Strike(1, FaultKind::kWeather);
  EXPECT_THAT(coverage.cells(), UnorderedElementsAre(Pair("creating/weather", 1), Pair("restoring/weather", 1)));
}

}  // namespace
}  // namespace holdfast::run
