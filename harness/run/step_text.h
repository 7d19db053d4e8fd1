// A plan's step as one line for people: "put k1=v7 on table 0 (client 2)".

#ifndef HARNESS_RUN_STEP_TEXT_H_
#define HARNESS_RUN_STEP_TEXT_H_

#include <string>

#include "harness/plan/plan.pb.h"

namespace holdfast::run {

std::string StepText(const plan::Step& step);

}  // namespace holdfast::run

#endif  // HARNESS_RUN_STEP_TEXT_H_
