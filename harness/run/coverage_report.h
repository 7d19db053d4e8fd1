// What a campaign has covered, for people and programs: every probe by how often it was hit, the matrix of phases and
// faults, and the floors of its profiles.

#ifndef HARNESS_RUN_COVERAGE_REPORT_H_
#define HARNESS_RUN_COVERAGE_REPORT_H_

#include <string>
#include <vector>

#include "harness/run/campaign.h"

namespace holdfast::run {

// Cells and probes that the profiles ask for and the campaign did not reach. Empty for a campaign that is too short to
// be held to floors, and for one with planted bugs, which ends where it finds them.
std::vector<std::string> MissedFloors(const CampaignOptions& options, const CampaignSummary& summary);

// Both tables.
std::string CoverageText(const CampaignSummary& summary);

// {"plans":…,"probes":{…},"cells":{phase:{fault:…}},"missed":[…]}
std::string CoverageJson(const CampaignOptions& options, const CampaignSummary& summary);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_COVERAGE_REPORT_H_
