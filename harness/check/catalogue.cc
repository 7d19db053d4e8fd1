#include "harness/check/catalogue.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/check/catalogue_refusals.h"
#include "harness/check/catalogue_tracks.h"
#include "harness/check/evidence.h"

namespace holdfast::check {
namespace {

using history::kPending;
using history::Outcome;
using Kind = CatalogueOperation::Kind;
using Listed = CatalogueOperation::Listed;

class CatalogueCheck {
 public:
  CatalogueCheck(const CatalogueHistory& history, const CatalogueOptions& options)
      : history_(history), options_(options), tracks_(TracksOf(history)), log_("catalogue") {}

  std::vector<Violation> Run() {
    CheckSnapshots();
    CheckRestorations();
    CheckRestorationPairs();
    CheckLists();
    CheckTableStates(tracks_.tables, &log_);
    for (const CatalogueOperation& op : history_) {
      if (op.outcome == Outcome::kFail) CheckRefusal(op);
      if (op.outcome == Outcome::kOk && !op.fits) {
        log_.Add(absl::StrCat("import/", op.invoke), "I7",
                 op.kind == Kind::kImport
                     ? "an import that does not fit was accepted"
                     : "a restore of an import was accepted, though its directories were not sound",
                 {OperationText(op)});
      }
    }
    return log_.violations();
  }

 private:
  // What an operation showed of an id, for evidence.
  static std::string Shown(const CatalogueOperation& op, bool snapshot, uint32_t id) {
    if (op.kind != Kind::kList) return OperationText(op);
    for (const Listed& listed : snapshot ? op.snapshots : op.restorations) {
      if (listed.number == id) return absl::StrCat(OperationText(op), ", shows it ", StateName(listed.state));
    }
    return absl::StrCat(OperationText(op), ", does not show it");
  }

  static std::string BoundText(const Advance::Bound& bound, bool snapshot, uint32_t id) {
    if (bound.witness == nullptr) return "never: nobody asked for it, or everybody who did was refused";
    return absl::StrCat("event ", bound.event, ", ", Shown(*bound.witness, snapshot, id));
  }

  void CheckAdvance(const Advance& states, bool snapshot, uint32_t id) {
    const auto contradiction = states.FindContradiction();
    if (!contradiction.has_value()) return;
    const int rank = contradiction->rank;
    const std::string name = absl::StrCat(snapshot ? "snapshot " : "restoration ", id);
    const char* state =
        snapshot ? RankName(static_cast<SnapshotRank>(rank)) : RankName(static_cast<RestorationRank>(rank));
    const CatalogueOperation* early = contradiction->earliest.witness;
    std::string summary = absl::StrCat(name, " went through its states in an order that is not theirs");
    if (rank == 1 && early != nullptr && early->kind == Kind::kList) summary = absl::StrCat(name, " was forgotten");
    if (early == nullptr) summary = absl::StrCat(name, " became ", state, ", which nobody asked for");
    log_.Add(absl::StrCat("advance/", name), "", std::move(summary),
             {absl::StrCat("became ", state, " by ", BoundText(contradiction->latest, snapshot, id)),
              absl::StrCat("but not before ", BoundText(contradiction->earliest, snapshot, id))});
  }

  void CheckEnds(const CatalogueOperation* good, const CatalogueOperation* failed, bool snapshot, uint32_t id) {
    if (good == nullptr || failed == nullptr) return;
    log_.Add(absl::StrCat("ends/", snapshot, "/", id), "",
             absl::StrCat(snapshot ? "snapshot " : "restoration ", id, " ended both well and FAILED"),
             {Shown(*good, snapshot, id), Shown(*failed, snapshot, id)});
  }

  void CheckSnapshots() {
    for (const auto& [id, track] : tracks_.snapshots) {
      CheckAdvance(track.states, true, id);
      CheckEnds(track.complete, track.failed, true, id);
    }
  }

  void CheckRestorations() {
    for (const auto& [id, track] : tracks_.restorations) {
      CheckAdvance(track.states, false, id);
      CheckEnds(track.restored, track.failed, false, id);
      // It began while the snapshot was COMPLETE; if the snapshot was DELETING before it ended, the delete came in
      // between.
      const auto snapshot = tracks_.snapshots.find(track.snapshot);
      if (snapshot == tracks_.snapshots.end() || !track.states.certain(kRankRestoring)) continue;
      const Advance::Bound& deleting = snapshot->second.states.latest(kRankDeleting);
      const Advance::Bound& not_over = track.states.earliest(kRankOver);
      if (deleting.event > not_over.event || not_over.event == kPending) continue;
      log_.Add(absl::StrCat("delete/", id), "",
               absl::StrCat("snapshot ", track.snapshot, " was deleted while restoration ", id, " of it was running"),
               {absl::StrCat("deleting by ", BoundText(deleting, true, track.snapshot)),
                absl::StrCat("restoring at ", BoundText(not_over, false, id))});
    }
  }

  // Restorations that share a table: one must have been over before the other began.
  void CheckRestorationPairs() {
    for (auto first = tracks_.restorations.begin(); first != tracks_.restorations.end(); ++first) {
      for (auto second = std::next(first); second != tracks_.restorations.end(); ++second) {
        const Advance& a = first->second.states;
        const Advance& b = second->second.states;
        if (!a.certain(kRankRestoring) || !b.certain(kRankRestoring)) continue;
        if (!ShareTable(first->second, second->second)) continue;
        if (a.earliest(kRankOver).event < b.latest(kRankRestoring).event) continue;
        if (b.earliest(kRankOver).event < a.latest(kRankRestoring).event) continue;
        std::vector<std::string> evidence;
        for (const auto& [id, track] : {*first, *second}) {
          evidence.push_back(absl::StrCat("restoration ", id, " begun by ",
                                          BoundText(track.states.latest(kRankRestoring), false, id)));
          evidence.push_back(
              absl::StrCat("and not over before ", BoundText(track.states.earliest(kRankOver), false, id)));
        }
        ReportOverlap(first->first, second->first, std::move(evidence));
      }
    }
  }

  // Known to share one: tables of both are on record.
  bool ShareTable(const RestorationTrack& a, const RestorationTrack& b) const {
    return tracks_.snapshots.contains(a.snapshot) && tracks_.snapshots.contains(b.snapshot) &&
           tracks_.MayShareTable(a.snapshot, b.snapshot);
  }

  void ReportOverlap(uint32_t a, uint32_t b, std::vector<std::string> evidence) {
    log_.Add(absl::StrCat("overlap/", a, "/", b), "",
             absl::StrCat("restorations ", a, " and ", b, " share a table and ran at the same time"),
             std::move(evidence));
  }

  void CheckLists() {
    std::vector<const CatalogueOperation*> lists;
    for (const CatalogueOperation& op : history_) {
      if (op.kind != Kind::kList || op.outcome != Outcome::kOk) continue;
      CheckList(op);
      lists.push_back(&op);
    }
    std::sort(lists.begin(), lists.end(), [](const auto* a, const auto* b) { return a->invoke < b->invoke; });
    // Lists that follow one another are held to that by the bounds; those that overlap must still have some order.
    for (size_t i = 0; i < lists.size(); ++i) {
      for (size_t j = i + 1; j < lists.size() && lists[j]->invoke < lists[i]->complete; ++j) {
        CheckOverlappingLists(*lists[i], *lists[j]);
      }
    }
  }

  // What one list shows, it shows of one moment.
  void CheckList(const CatalogueOperation& op) {
    const auto report = [&](const std::string& what) {
      log_.Add(absl::StrCat("list/", op.invoke), "", absl::StrCat("a list shows ", what), {OperationText(op)});
    };
    std::map<uint32_t, CatalogueState> snapshots;
    for (const Listed& listed : op.snapshots) {
      if (!snapshots.emplace(listed.number, listed.state).second)
        report(absl::StrCat("snapshot ", listed.number, " twice"));
      if (SnapshotRankOf(listed.state) < 0)
        report(absl::StrCat("snapshot ", listed.number, " ", StateName(listed.state)));
    }
    std::set<uint32_t> seen;
    std::vector<const Listed*> running;
    for (const Listed& listed : op.restorations) {
      if (!seen.insert(listed.number).second) report(absl::StrCat("restoration ", listed.number, " twice"));
      if (RestorationRankOf(listed.state) < 0) {
        report(absl::StrCat("restoration ", listed.number, " ", StateName(listed.state)));
      }
      const RestorationTrack& track = tracks_.restorations.at(listed.number);
      if (track.requests > 0 && track.snapshot != listed.snapshot) {
        report(absl::StrCat("restoration ", listed.number, " of snapshot ", listed.snapshot, ", asked for of snapshot ",
                            track.snapshot));
      }
      if (listed.state != CatalogueState::kRestoring) continue;
      const auto snapshot = snapshots.find(listed.snapshot);
      if (snapshot == snapshots.end() || snapshot->second != CatalogueState::kComplete) {
        report(absl::StrCat("restoration ", listed.number, " RESTORING, but its snapshot ", listed.snapshot, " ",
                            snapshot == snapshots.end() ? "not at all" : StateName(snapshot->second)));
      }
      for (const Listed* other : running) {
        if (!ShareTable(track, tracks_.restorations.at(other->number))) continue;
        ReportOverlap(other->number, listed.number, {absl::StrCat(OperationText(op), ", shows both RESTORING")});
      }
      running.push_back(&listed);
    }
  }

  // Ranks that a list shows; what it does not show may be not begun or forgotten, and is left out once the latter can
  // be.
  std::map<std::pair<bool, uint32_t>, int> RanksOf(const CatalogueOperation& op) const {
    std::map<std::pair<bool, uint32_t>, int> ranks;
    for (const Listed& listed : op.snapshots) ranks[{true, listed.number}] = SnapshotRankOf(listed.state);
    for (const Listed& listed : op.restorations) ranks[{false, listed.number}] = RestorationRankOf(listed.state);
    for (const auto& [id, track] : tracks_.snapshots) {
      if (track.states.earliest(kRankDeleted).event >= op.complete) ranks.try_emplace({true, id}, 0);
    }
    for (const auto& [id, track] : tracks_.restorations) {
      const auto snapshot = tracks_.snapshots.find(track.snapshot);
      if (snapshot != tracks_.snapshots.end() && snapshot->second.states.earliest(kRankDeleting).event >= op.complete) {
        ranks.try_emplace({false, id}, 0);
      }
    }
    return ranks;
  }

  void CheckOverlappingLists(const CatalogueOperation& a, const CatalogueOperation& b) {
    const auto first = RanksOf(a);
    const auto second = RanksOf(b);
    std::string ahead;
    std::string behind;
    for (const auto& [id, rank] : first) {
      const auto other = second.find(id);
      if (other == second.end() || other->second == rank) continue;
      (rank > other->second ? ahead : behind) = absl::StrCat(id.first ? "snapshot " : "restoration ", id.second);
    }
    if (ahead.empty() || behind.empty()) return;
    log_.Add(absl::StrCat("order/", a.invoke, "/", b.invoke), "", "two lists can't be put in an order",
             {absl::StrCat(OperationText(a), ": ", ahead, " is further than in the other"),
              absl::StrCat(OperationText(b), ": ", behind, " is further than in the other")});
  }

  void CheckRefusal(const CatalogueOperation& op) {
    const auto untrue = UntrueRefusal(op, tracks_, options_);
    const std::string key = absl::StrCat("refusal/", op.invoke);
    if (!untrue.has_value() || !log_.Wants(key)) return;
    std::vector<std::string> evidence = {absl::StrCat(OperationText(op), ": ", *untrue)};
    if (const auto at = tracks_.snapshots.find(op.snapshot); at != tracks_.snapshots.end()) {
      for (int rank = kRankCreating; rank <= kRankDeleted; ++rank) {
        const char* state = RankName(static_cast<SnapshotRank>(rank));
        const Advance& states = at->second.states;
        if (states.certain(rank))
          evidence.push_back(absl::StrCat(state, " by ", BoundText(states.latest(rank), true, at->first)));
        evidence.push_back(absl::StrCat(state, " not before ", BoundText(states.earliest(rank), true, at->first)));
      }
    }
    log_.Add(key, "", "a refusal gives a reason that was not true", std::move(evidence));
  }

  const CatalogueHistory& history_;
  const CatalogueOptions options_;
  const CatalogueTracks tracks_;
  ViolationLog log_;
};

}  // namespace

std::vector<Violation> CheckCatalogue(const CatalogueHistory& history, const CatalogueOptions& options) {
  return CatalogueCheck(history, options).Run();
}

}  // namespace holdfast::check
