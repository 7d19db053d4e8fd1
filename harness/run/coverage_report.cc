#include "harness/run/coverage_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "harness/run/coverage.h"
#include "sut/base/probe.h"

namespace holdfast::run {
namespace {

template <typename Map>
uint64_t CountOf(const Map& counts, const std::string& name) {
  const auto found = counts.find(name);
  return found == counts.end() ? 0 : found->second;
}

std::string ProbesText(const CampaignSummary& summary) {
  std::string text = "probes, by hits\n";
  constexpr int kColumns = 3;
  for (int i = 0; i < sut::kProbeCount; ++i) {
    const std::string name(sut::ProbeName(static_cast<sut::Probe>(i)));
    absl::StrAppendFormat(&text, "  %-32s %9d%s", name, CountOf(summary.probes, name),
                          i % kColumns == kColumns - 1 || i == sut::kProbeCount - 1 ? "\n" : "");
  }
  return text;
}

std::string MatrixText(const CampaignSummary& summary) {
  std::string text = absl::StrFormat("%-34s", "faults, by the phase that they met");
  for (const FaultKind kind : kFaultKinds) absl::StrAppendFormat(&text, " %13s", FaultKindName(kind));
  text += "\n";
  for (const Phase phase : kPhases) {
    absl::StrAppendFormat(&text, "  %-32s", PhaseName(phase));
    for (const FaultKind kind : kFaultKinds) {
      absl::StrAppendFormat(&text, " %13d", CountOf(summary.cells, CellName(phase, kind)));
    }
    text += "\n";
  }
  return text;
}

bool IsOfMembership(sut::Probe probe) {
  using sut::Probe;
  return probe == Probe::kBootstrapBegun || probe == Probe::kMemberAdded || probe == Probe::kMemberPromoted ||
         probe == Probe::kMemberRemoved || probe == Probe::kReplicaDeleted;
}

}  // namespace

std::vector<std::string> MissedFloors(const CampaignOptions& options, const CampaignSummary& summary) {
  std::vector<std::string> missed;
  if (summary.plans() < options.profile.floor_plans || !options.bugs.empty()) return missed;
  for (const std::string& cell : options.profile.floors) {
    if (CountOf(summary.cells, cell) == 0) missed.push_back(cell);
  }
  if (!options.profile.every_probe) return missed;
  for (int i = 0; i < sut::kProbeCount; ++i) {
    const std::string name(sut::ProbeName(static_cast<sut::Probe>(i)));
    const bool wanted = options.profile.changes_groups || !IsOfMembership(static_cast<sut::Probe>(i));
    if (wanted && CountOf(summary.probes, name) == 0) missed.push_back(name);
  }
  return missed;
}

std::string CoverageText(const CampaignSummary& summary) {
  return absl::StrCat(ProbesText(summary), MatrixText(summary));
}

std::string CoverageJson(const CampaignOptions& options, const CampaignSummary& summary) {
  nlohmann::ordered_json json = {
      {"format_version", 1}, {"profile", options.profile.name}, {"seed", options.seed}, {"plans", summary.plans()}};
  for (int i = 0; i < sut::kProbeCount; ++i) {
    const std::string name(sut::ProbeName(static_cast<sut::Probe>(i)));
    json["probes"][name] = CountOf(summary.probes, name);
  }
  for (const Phase phase : kPhases) {
    for (const FaultKind kind : kFaultKinds) {
      json["cells"][std::string(PhaseName(phase))][std::string(FaultKindName(kind))] =
          CountOf(summary.cells, CellName(phase, kind));
    }
  }
  json["missed"] = MissedFloors(options, summary);
  return json.dump(2);
}

}  // namespace holdfast::run
