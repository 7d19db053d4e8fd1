// The labelled set: histories of snapshots, each with the verdict that it must get (README.md says what each class is).
#ifndef HOLDFAST_SCENARIOS_HISTORIES_LABELLED_H_
#define HOLDFAST_SCENARIOS_HISTORIES_LABELLED_H_

#include <string>
#include <vector>

#include "scenarios/histories/generator.h"

namespace holdfast::scenarios {

struct LabelledHistory {
  std::string name;  // "row-lost-small-2"
  GeneratorOptions options;
  bool right_by_tablet = true;   // under snapshot-map
  bool judged_as_table = false;  // the history has one cut for all tablets, but for the defect
  bool right_as_table = true;    // under snapshot-table
};

// About 350 of them; making one is a call of Generate(options).
std::vector<LabelledHistory> LabelledSet();

}  // namespace holdfast::scenarios

#endif  // HOLDFAST_SCENARIOS_HISTORIES_LABELLED_H_
