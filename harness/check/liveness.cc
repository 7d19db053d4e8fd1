#include "harness/check/liveness.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

constexpr size_t kLinesMax = 20;

const char* UnendedName(CatalogueState state) {
  switch (state) {
    case CatalogueState::kCreating:
      return "CREATING";
    case CatalogueState::kDeleting:
      return "DELETING";
    case CatalogueState::kRestoring:
      return "RESTORING";
    default:
      return "";
  }
}

// At most `kLinesMax` lines of evidence, and how many more there were.
void Append(const std::vector<std::string>& lines, std::vector<std::string>* evidence) {
  for (size_t i = 0; i < lines.size(); ++i) {
    if (evidence->size() >= kLinesMax) {
      evidence->push_back(absl::StrCat("and ", lines.size() - i, " more"));
      return;
    }
    evidence->push_back(lines[i]);
  }
}

Violation Stuck(std::string what, const LivenessInput& input, const std::vector<std::string>& evidence) {
  // The cluster's own reason, where it has one, is the better name of what is wrong.
  const std::string reason = input.not_quiet.empty() ? std::string() : absl::StrCat(": ", input.not_quiet.front());
  Violation violation{"liveness", "I5", absl::StrCat(what, " ", input.bound_us, " us after heal", reason), {}};
  Append(evidence, &violation.evidence);
  if (!input.not_quiet.empty()) {
    violation.evidence.push_back("why the cluster is not at rest:");
    Append(input.not_quiet, &violation.evidence);
  }
  return violation;
}

}  // namespace

std::vector<Violation> CheckLiveness(const LivenessInput& input) {
  std::vector<Violation> violations;
  if (!input.unfinished.empty()) {
    std::vector<std::string> lines;
    for (const UnfinishedOperation& open : input.unfinished) {
      lines.push_back(absl::StrCat(open.operation, " (plan step ", open.step,
                                   "): ", open.reason.empty() ? "no answer" : open.reason));
    }
    violations.push_back(Stuck(absl::StrCat(lines.size(), " legal operations have not ended ok"), input, lines));
  }
  std::vector<std::string> entries;
  for (const auto& listed : input.snapshots) {
    const std::string state = UnendedName(listed.state);
    if (!state.empty()) entries.push_back(absl::StrCat("snapshot ", listed.number, " is still ", state));
  }
  for (const auto& listed : input.restorations) {
    const std::string state = UnendedName(listed.state);
    if (state.empty()) continue;
    entries.push_back(
        absl::StrCat("restoration ", listed.number, " of snapshot ", listed.snapshot, " is still ", state));
  }
  for (const auto& table : input.tables) {
    if (table.state == TableState::kDropping) {
      entries.push_back(absl::StrCat("table ", table.number, " is still being dropped"));
    } else if (!table.needed) {
      entries.push_back(
          absl::StrCat("dropped table ", table.number, " is still kept, though no snapshot of it is left"));
    }
  }
  if (!entries.empty()) violations.push_back(Stuck(absl::StrCat(entries.front(), ","), input, entries));
  if (violations.empty() && !input.not_quiet.empty())
    violations.push_back(Stuck("the cluster is not at rest", input, {}));
  return violations;
}

}  // namespace holdfast::check
