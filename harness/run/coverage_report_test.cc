// Properties: a campaign is held to the floors of its profile, once it is long enough; floors name what there is.

#include "harness/run/coverage_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include "harness/run/coverage.h"
#include "sut/base/probe.h"

namespace holdfast::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CampaignOptions OptionsWithFloors() {
  CampaignOptions options;
  plan::Profile profile = plan::DefaultProfile();
  profile.floors = {"creating/power-loss", "deleting/pause"};
  profile.every_probe = false;
  profile.floor_plans = 10;
  options.profiles = profile;
  return options;
}

CampaignSummary SummaryOf(uint64_t plans) {
  CampaignSummary summary;
  summary.counters.set_plans(plans);
  summary.cells["creating/power-loss"] = 3;
  return summary;
}

TEST(CoverageReportTest, CellsThatWereNotReachedAreNamed) {
  EXPECT_THAT(MissedFloors(OptionsWithFloors(), SummaryOf(10)), ElementsAre("deleting/pause"));
  CampaignSummary reached = SummaryOf(10);
  reached.cells["deleting/pause"] = 1;
  EXPECT_THAT(MissedFloors(OptionsWithFloors(), reached), IsEmpty());
}

TEST(CoverageReportTest, AShortCampaignAndOneWithPlantedBugsAreNotHeldToFloors) {
  EXPECT_THAT(MissedFloors(OptionsWithFloors(), SummaryOf(9)), IsEmpty());
  CampaignOptions planted = OptionsWithFloors();
  planted.bugs = {"restore-merges-rows"};
  EXPECT_THAT(MissedFloors(planted, SummaryOf(10)), IsEmpty());
}

TEST(CoverageReportTest, AProbeThatWasNotReachedIsNamedIfAllAreAskedFor) {
  plan::Profile profile = plan::DefaultProfile();
  profile.floors.clear();
  profile.every_probe = true;
  profile.floor_plans = 10;
  CampaignOptions options;
  options.profiles = profile;
  CampaignSummary summary = SummaryOf(10);
  for (int i = 0; i < sut::kProbeCount; ++i)
    summary.probes[std::string(sut::ProbeName(static_cast<sut::Probe>(i)))] = 1;
  EXPECT_THAT(MissedFloors(options, summary), IsEmpty());
  summary.probes.erase("tablet.install.staged");
  EXPECT_THAT(MissedFloors(options, summary), ElementsAre("tablet.install.staged"));
}

TEST(CoverageReportTest, TheFloorsOfEveryProfileAreCellsThatThereAre) {
  std::set<std::string> cells;
  for (const Phase phase : kPhases) {
    for (const FaultKind kind : kFaultKinds) cells.insert(CellName(phase, kind));
  }
  for (const std::string_view name : plan::ProfileNames()) {
    const std::optional<plan::Profile> profile = plan::ProfileNamed(name);
    ASSERT_TRUE(profile.has_value());
    for (const std::string& floor : profile->floors) EXPECT_TRUE(cells.contains(floor)) << floor;
  }
}

TEST(CoverageReportTest, TextAndJsonShowEveryProbeAndEveryCell) {
  const CampaignSummary summary = SummaryOf(10);
  const std::string text = CoverageText(summary);
  const std::string json = CoverageJson(OptionsWithFloors(), summary);
  for (int i = 0; i < sut::kProbeCount; ++i) {
    const std::string name(sut::ProbeName(static_cast<sut::Probe>(i)));
    EXPECT_THAT(text, HasSubstr(name));
    EXPECT_THAT(json, HasSubstr(name));
  }
  for (const FaultKind kind : kFaultKinds) EXPECT_THAT(text, HasSubstr(std::string(FaultKindName(kind))));
  EXPECT_THAT(json, HasSubstr("deleting/pause")) << "what was missed";
}

}  // namespace
}  // namespace holdfast::run
