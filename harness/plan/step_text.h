// A step in a few words, for timelines and reports.

#ifndef HARNESS_PLAN_STEP_TEXT_H_
#define HARNESS_PLAN_STEP_TEXT_H_

#include <string>

#include "harness/plan/plan.pb.h"

namespace holdfast::plan {

// One line, without gap and salt: `client 1, table 0: put "k3" = "v17"`, `power loss of the leader of 0.1, restart at
// heal`.
std::string StepText(const Step& step);
// table_text.cc
std::string TableOperationText(const TableOperation& operation);

// "node 2", "the leader of 0.1", "follower 0 of the master".
std::string TargetText(const fault::Target& target);

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_STEP_TEXT_H_
