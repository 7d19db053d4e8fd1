#include "harness/run/result_text.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace holdfast::run {
namespace {

double Seconds(uint64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }
double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

// "name      value" with the names in one column.
void AddLine(const std::string& name, const std::string& value, std::string* text) {
  absl::StrAppendFormat(text, "  %-14s %s\n", name, value);
}

std::vector<std::string> NeverHit(const CampaignSummary& summary) {
  std::vector<std::string> names;
  for (const auto& [name, hits] : summary.probes) {
    if (hits == 0) names.push_back(name);
  }
  return names;
}

void AddWork(const CampaignSummary& summary, std::string* text) {
  const Counters& n = summary.counters;
  AddLine("operations",
          absl::StrFormat("%d ok, %d failed, %d indeterminate", n.operations_ok(), n.operations_failed(),
                          n.operations_indeterminate()),
          text);
  if (n.tables_dropped() + n.exports() > 0) {
    AddLine("tables",
            absl::StrFormat("%d dropped, %d gone; %d exports, %d imports", n.tables_dropped(), n.tables_gone(),
                            n.exports(), n.imports()),
            text);
  }
  AddLine("snapshots",
          absl::StrFormat("%d asked, %d complete, %d failed, %d deleted", n.snapshots_asked(), n.snapshots_complete(),
                          n.snapshots_failed(), n.snapshots_deleted()),
          text);
  AddLine("restores", absl::StrFormat("%d in plans, %d in epilogues", n.restores_chaos(), n.restores_epilogue()), text);
  AddLine("leaders", absl::StrFormat("%d elected, %d moves asked", n.leaders_elected(), n.leader_moves()), text);
  AddLine("faults",
          absl::StrFormat("%d process deaths, %d power losses, %d restarts, %d pauses, %d partitions, %d slow links, "
                          "%d weather changes",
                          n.crashes(), n.power_losses(), n.restarts(), n.pauses(), n.partitions(), n.slow_links(),
                          n.weather_changes()),
          text);
  if (n.disk_faults() + n.rotten_bits() > 0) {
    AddLine("disk faults",
            absl::StrFormat("%d armed, %d operations struck, %d bits rotten, %d stops of nodes over them",
                            n.disk_faults(), n.disk_operations_struck(), n.rotten_bits(), n.disk_stops()),
            text);
  }
  if (n.membership_changes() + n.disks_lost() > 0) {
    AddLine("membership", absl::StrFormat("%d changes asked, %d disks lost", n.membership_changes(), n.disks_lost()),
            text);
  }
  if (n.clock_faults() > 0) AddLine("clock faults", absl::StrFormat("%d", n.clock_faults()), text);
  AddLine("probe crashes", absl::StrFormat("%d struck, %d missed", n.probe_crashes_struck(), n.probe_crashes_missed()),
          text);
  if (n.triggers_met() + n.triggers_missed() > 0) {
    AddLine("triggers", absl::StrFormat("%d met, %d missed", n.triggers_met(), n.triggers_missed()), text);
  }
  if (n.link_resets() + n.link_bytes_swallowed() + n.link_bytes_delayed() > 0) {
    AddLine("links",
            absl::StrFormat("%d resets, %d bytes swallowed, %d bytes delayed", n.link_resets(),
                            n.link_bytes_swallowed(), n.link_bytes_delayed()),
            text);
  }
  AddLine("stores", absl::StrFormat("%d openings, %d installs", n.store_openings(), n.installs()), text);
  AddLine("judged", absl::StrFormat("%d inspections, %d states compared", n.inspections(), n.comparisons()), text);
}

void AddTimes(const CampaignSummary& summary, int jobs, std::string* text) {
  const double wall_s = Seconds(summary.wall_us);
  const double simulated_s = Seconds(summary.counters.simulated_us());
  const double cpu_s = Seconds(summary.cpu_us);
  const auto plans = static_cast<double>(summary.plans());
  if (summary.world == PROCESSES) {
    AddLine(
        "time",
        absl::StrFormat("%.1f s of the plans' time in %.1f s of wall time, with %d jobs", simulated_s, wall_s, jobs),
        text);
    return;
  }
  AddLine("time", absl::StrFormat("%.1f s simulated in %.1f s of wall time", simulated_s, wall_s), text);
  AddLine("speed",
          absl::StrFormat("%.1f plans/s, %.0f simulated seconds a second, with %d jobs", Ratio(plans, wall_s),
                          Ratio(simulated_s, wall_s), jobs),
          text);
  AddLine("a core's speed",
          absl::StrFormat("%.1f plans/s, %.0f simulated seconds a second of processor time", Ratio(plans, cpu_s),
                          Ratio(simulated_s, cpu_s)),
          text);
  if (summary.samples == 0) return;
  const double inside = 100 * Ratio(static_cast<double>(summary.rocksdb_samples), static_cast<double>(summary.samples));
  AddLine("RocksDB",
          absl::StrFormat("%.1f %% of the time in calls of RocksDB, its disk included, %.1f %% outside (%d samples)",
                          inside, 100 - inside, summary.samples),
          text);
}

}  // namespace

std::string VerdictText(Result::Verdict verdict) {
  switch (verdict) {
    case Result::PASS:
      return "pass";
    case Result::VACUOUS:
      return "vacuous";
    case Result::UNKNOWN:
      return "unknown";
    case Result::FAIL:
      return "violation";
    case Result::NONDETERMINISTIC:
      return "nondeterministic";
    case Result::CRASHED:
      return "crashed";
    default:
      return absl::StrCat("verdict ", static_cast<int>(verdict));
  }
}

std::string ViolationsText(const Result& result) {
  std::string text;
  for (const Violation& violation : result.violations()) {
    absl::StrAppend(&text, violation.checker(), violation.invariant().empty() ? "" : " ", violation.invariant(), ": ",
                    violation.summary(), "\n");
    for (const std::string& evidence : violation.evidence()) {
      for (const absl::string_view line : absl::StrSplit(evidence, '\n')) absl::StrAppend(&text, "    ", line, "\n");
    }
  }
  for (const std::string& note : result.notes()) absl::StrAppend(&text, "note: ", note, "\n");
  return text;
}

std::string LimitsText(const Result& result) {
  std::string text;
  // In the order of their texts: a map of protobuf has none.
  const std::map<std::string, uint64_t> refused(result.refused().begin(), result.refused().end());
  for (const auto& [what, times] : refused) absl::StrAppend(&text, "refused: ", what, " (", times, " times)\n");
  for (const std::string& what : result.not_watched()) absl::StrAppend(&text, "not watched: ", what, "\n");
  return text;
}

std::string HeadlineText(const Result& result) {
  if (result.violations().empty()) return VerdictText(result.verdict());
  const Violation& violation = result.violations(0);
  return absl::StrCat(violation.checker(), ": ", violation.summary());
}

std::string SummaryText(const CampaignSummary& summary, int jobs) {
  const auto& verdicts = summary.verdicts;
  std::string text;
  AddLine("plans",
          absl::StrFormat("%d run, %d steps, %d run twice for the self-check", summary.plans(),
                          summary.counters.steps(), summary.self_checked),
          &text);
  AddLine("verdicts",
          absl::StrFormat("%d pass, %d vacuous, %d unknown, %d violation, %d nondeterministic, %d crashed",
                          verdicts[Result::PASS], verdicts[Result::VACUOUS], verdicts[Result::UNKNOWN],
                          verdicts[Result::FAIL], verdicts[Result::NONDETERMINISTIC], verdicts[Result::CRASHED]),
          &text);
  AddWork(summary, &text);
  AddTimes(summary, jobs, &text);
  const std::vector<std::string> never_hit = NeverHit(summary);
  if (summary.plans() > 0) AddLine("never hit", never_hit.empty() ? "no probe" : absl::StrJoin(never_hit, ", "), &text);
  for (const std::string& reason : summary.inconclusive) AddLine("unknown", reason, &text);
  for (const auto& [what, times] : summary.refused) {
    AddLine("refused", absl::StrFormat("%s (%d times)", what, times), &text);
  }
  for (const std::string& what : summary.not_watched) AddLine("not watched", what, &text);
  return text;
}

void AddCounters(const Counters& counters, Counters* total) {
  // By reflection, so that a new count needs no line here.
  const google::protobuf::Descriptor* descriptor = Counters::descriptor();
  const google::protobuf::Reflection* reflection = Counters::GetReflection();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = descriptor->field(i);
    reflection->SetUInt64(total, field, reflection->GetUInt64(*total, field) + reflection->GetUInt64(counters, field));
  }
}

}  // namespace holdfast::run
