#include "harness/cli/bugs_command.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "faults/bug_catalogue.h"
#include "harness/cli/exit_code.h"
#include "harness/cli/hunt_command.h"

namespace holdfast::cli {
namespace {

int ListBugs() {
  for (const BugEntry& entry : BugCatalogue()) {
    std::string symptoms;
    for (const BugSymptom symptom : entry.symptoms) {
      absl::StrAppend(&symptoms, symptoms.empty() ? "" : ", ", std::string(BugSymptomName(symptom)));
    }
    absl::PrintF("%2d  %s\n    %s\n    after %s; shows as %s%s\n", entry.number, sut::BugName(entry.bug), entry.what,
                 entry.origin, symptoms, entry.is_caught ? "" : "; no campaign has caught it so far");
  }
  return kExitPass;
}

}  // namespace

void AddBugsCommand(CLI::App& app, int* exit_code) {
  CLI::App* bugs = app.add_subcommand("bugs", "Bugs that can be planted in the cluster under test");
  bugs->require_subcommand(1);
  bugs->add_subcommand("list", "Number, name, what it does, which real bug it is modelled on, how it shows")
      ->callback([exit_code] { *exit_code = ListBugs(); });
  AddHuntCommand(bugs, exit_code);
}

}  // namespace holdfast::cli
