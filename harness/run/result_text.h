// Results and summaries as plain text for people.

#ifndef HARNESS_RUN_RESULT_TEXT_H_
#define HARNESS_RUN_RESULT_TEXT_H_

#include <string>

#include "harness/run/campaign.h"
#include "harness/run/result.pb.h"

namespace holdfast::run {

// "pass", "vacuous", "unknown", "violation", "nondeterministic", "crashed".
std::string VerdictText(Result::Verdict verdict);

// Each violation with its evidence, a line each; then the notes.
std::string ViolationsText(const Result& result);

// What the plan asked and its world could not do, and what that world can't look at, a line each.
std::string LimitsText(const Result& result);

// One line: the first violation.
std::string HeadlineText(const Result& result);

// What a campaign did and came to.
std::string SummaryText(const CampaignSummary& summary, int jobs);

// Adds each count of `counters` to that of `total`.
void AddCounters(const Counters& counters, Counters* total);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_RESULT_TEXT_H_
