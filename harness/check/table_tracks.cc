#include "harness/check/table_tracks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/check/catalogue_tracks.h"

namespace holdfast::check {
namespace {

using history::kPending;
using history::Outcome;
using Kind = CatalogueOperation::Kind;

const char* RankName(int rank) {
  static constexpr const char* kNames[] = {"running", "dropped", "hidden", "gone"};
  return kNames[rank];
}

// None: gone.
std::optional<TableState> Listed(const CatalogueOperation& list, uint32_t table) {
  for (const auto& listed : list.listed_tables) {
    if (listed.number == table) return listed.state;
  }
  return std::nullopt;
}

std::string BoundText(const Advance::Bound& bound, uint32_t table) {
  if (bound.witness == nullptr) return "never: nobody asked for it, or everybody who did was refused";
  std::string text = absl::StrCat("event ", bound.event, ", ", OperationText(*bound.witness));
  if (bound.witness->kind != Kind::kListTables) return text;
  const auto state = Listed(*bound.witness, table);
  return absl::StrCat(text, state ? ", shows it " : ", does not show it", state ? RankName(TableRankOf(*state)) : "");
}

// Accepted only while all its tables run.
std::vector<uint32_t> TablesNeeded(const CatalogueOperation& op,
                                   const std::map<uint32_t, std::vector<uint32_t>>& tables_of) {
  if (op.kind == Kind::kCreate || op.kind == Kind::kImport) return op.tables;
  const auto known = tables_of.find(op.snapshot);
  return op.kind == Kind::kRestore && known != tables_of.end() ? known->second : std::vector<uint32_t>();
}

}  // namespace

TableRank TableRankOf(TableState state) {
  switch (state) {
    case TableState::kDropping:
      return kRankDropping;
    case TableState::kHidden:
      return kRankHidden;
    default:
      return kRankRunning;
  }
}

TableTracks TableTracksOf(const CatalogueHistory& history) {
  TableTracks tracks;
  std::map<uint32_t, Advance::Bound> first_drops;
  for (const CatalogueOperation& op : history) {
    if (op.kind == Kind::kDropTable) {
      TableTrack& track = tracks[op.table];
      if (op.outcome == Outcome::kFail) continue;
      const auto [first, inserted] = first_drops.try_emplace(op.table, Advance::Bound{op.invoke, &op});
      if (!inserted && op.invoke < first->second.event) first->second = {op.invoke, &op};
      if (op.outcome == Outcome::kOk) track.states.AtLeast(kRankDropping, op);
    } else if (op.kind == Kind::kListTables && op.outcome == Outcome::kOk) {
      for (const auto& listed : op.listed_tables) tracks[listed.number];
    }
  }
  if (tracks.empty()) return tracks;
  std::map<uint32_t, std::vector<uint32_t>> tables_of;
  for (const CatalogueOperation& op : history) {
    if (op.kind == Kind::kCreate || op.kind == Kind::kImport) tables_of[op.snapshot] = op.tables;
  }
  for (auto& [table, track] : tracks) {
    const auto first = first_drops.find(table);
    track.states.NotBefore(kRankDropping,
                           first == first_drops.end() ? Advance::Bound{kPending, nullptr} : first->second);
  }
  for (const CatalogueOperation& op : history) {
    if (op.outcome != Outcome::kOk) continue;
    for (const uint32_t table : TablesNeeded(op, tables_of)) {
      if (const auto track = tracks.find(table); track != tracks.end()) track->second.states.AtMost(kRankRunning, op);
    }
    if (op.kind != Kind::kListTables) continue;
    for (auto& [table, track] : tracks) {
      const auto state = Listed(op, table);
      track.states.Exactly(state ? TableRankOf(*state) : kRankGone, op);
    }
  }
  return tracks;
}

bool MayBeDropped(const TableTracks& tracks, const std::vector<uint32_t>& tables, const CatalogueOperation& op) {
  return std::any_of(tables.begin(), tables.end(), [&](uint32_t table) {
    const auto track = tracks.find(table);
    return track != tracks.end() && track->second.states.earliest(kRankDropping).event < op.complete;
  });
}

void CheckTableStates(const TableTracks& tracks, ViolationLog* log) {
  for (const auto& [table, track] : tracks) {
    const auto contradiction = track.states.FindContradiction();
    if (!contradiction.has_value()) continue;
    const CatalogueOperation* early = contradiction->earliest.witness;
    std::string summary = absl::StrCat("table ", table, " went through its states in an order that is not theirs");
    if (early == nullptr) {
      summary = absl::StrCat("table ", table, " was dropped, which nobody asked for");
    } else if (early->kind == Kind::kCreate || early->kind == Kind::kImport || early->kind == Kind::kRestore) {
      summary = absl::StrCat("what needs table ", table, " was accepted after the table was dropped");
    }
    log->Add(absl::StrCat("table/", table), "", std::move(summary),
             {absl::StrCat(RankName(contradiction->rank), " by ", BoundText(contradiction->latest, table)),
              absl::StrCat("but not before ", BoundText(contradiction->earliest, table))});
  }
}

std::vector<Violation> CheckTableUses(const std::map<uint32_t, TableWindow>& tables,
                                      const std::vector<TableUse>& uses) {
  ViolationLog log("tables");
  for (const TableUse& use : uses) {
    const auto at = tables.find(use.table);
    const TableWindow window = at == tables.end() ? TableWindow() : at->second;
    if (use.ok && window.hidden_seen < use.invoke) {
      log.Add(absl::StrCat("served/", use.table), "",
              absl::StrCat("rows of table ", use.table, " were read or written after it was dropped"),
              {absl::StrCat(use.text, " [", use.invoke, "..", use.complete, "] ended ok"),
               absl::StrCat("that none of its tablets serves rows any more was seen at event ", window.hidden_seen)});
    }
    if (!use.ok && window.drop_invoke > use.complete) {
      log.Add(absl::StrCat("refused/", use.table), "",
              absl::StrCat("table ", use.table, " is said to be dropped, which nobody asked for"),
              {absl::StrCat(use.text, " [", use.invoke, "..", use.complete, "] was refused so")});
    }
  }
  return log.violations();
}

}  // namespace holdfast::check
