#include "harness/check/catalogue_refusals.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

using Kind = CatalogueOperation::Kind;

// What the snapshot may have been during the call, as far as replies leave it open.
struct Possible {
  bool absent = false;
  bool creating = false;
  bool complete = false;
  bool failed = false;
  bool deleting = false;
  bool deleted = false;  // or forgotten
};

Possible StatesDuring(const CatalogueOperation& op, const CatalogueTracks& tracks) {
  Possible possible;
  const auto at = tracks.snapshots.find(op.snapshot);
  if (at == tracks.snapshots.end()) {
    possible.absent = true;  // nobody who was not refused ever created it
    return possible;
  }
  const SnapshotTrack& track = at->second;
  possible.absent = track.states.Possible(kRankAbsent, op);
  possible.creating = track.states.Possible(kRankCreating, op);
  const bool ended = track.states.Possible(kRankEnded, op);
  possible.complete = ended && track.failed == nullptr;
  possible.failed = ended && track.complete == nullptr;
  possible.deleting = track.states.Possible(kRankDeleting, op);
  possible.deleted = track.states.earliest(kRankDeleted).event < op.complete;
  return possible;
}

std::optional<std::string> Unless(bool possible, const char* why) {
  if (possible) return std::nullopt;
  return why;
}

std::optional<std::string> UntrueNotFound(const CatalogueOperation& op, const CatalogueTracks& tracks,
                                          const CatalogueOptions& options) {
  if (op.kind == Kind::kDropTable) {
    return Unless(MayBeDropped(tracks.tables, {op.table}, op), "the table existed throughout the call");
  }
  if (op.kind == Kind::kCreate || op.kind == Kind::kImport) {
    const bool exist =
        options.table_count > 0 && !op.tables.empty() &&
        std::all_of(op.tables.begin(), op.tables.end(), [&](uint32_t table) { return table < options.table_count; });
    return Unless(!exist || MayBeDropped(tracks.tables, op.tables, op), "its tables existed throughout the call");
  }
  const auto snapshot = tracks.snapshots.find(op.snapshot);
  const bool table_dropped = op.kind == Kind::kRestore && snapshot != tracks.snapshots.end() &&
                             MayBeDropped(tracks.tables, snapshot->second.tables, op);
  const Possible possible = StatesDuring(op, tracks);
  return Unless(possible.absent || possible.deleted || table_dropped, "the snapshot existed throughout the call");
}

std::optional<std::string> UntrueRunning(const CatalogueOperation& op, const CatalogueTracks& tracks) {
  for (const auto& [id, restoration] : tracks.restorations) {
    const bool concerns = op.kind == Kind::kDelete ? restoration.snapshot == op.snapshot
                                                   : tracks.MayShareTable(restoration.snapshot, op.snapshot);
    // A create that is refused has no tables on record of its own snapshot: compare by what it asked for.
    if ((concerns || op.kind == Kind::kCreate) && restoration.states.Possible(kRankRestoring, op)) return std::nullopt;
  }
  return "no restoration that shares a table, or uses the snapshot, can have been running during the call";
}

std::optional<std::string> UntrueExists(const CatalogueOperation& op, const CatalogueTracks& tracks) {
  if (op.kind == Kind::kRestore) {
    const auto at = tracks.restorations.find(op.restoration);
    return Unless(at != tracks.restorations.end() && at->second.states.earliest(kRankRestoring).event < op.complete,
                  "nobody else asked for that restoration before the reply");
  }
  const auto at = tracks.snapshots.find(op.snapshot);
  return Unless((op.kind == Kind::kCreate || op.kind == Kind::kImport) && at != tracks.snapshots.end() &&
                    at->second.states.earliest(kRankCreating).event < op.complete,
                "nobody else created that snapshot before the reply");
}

}  // namespace

std::optional<std::string> UntrueRefusal(const CatalogueOperation& op, const CatalogueTracks& tracks,
                                         const CatalogueOptions& options) {
  switch (op.refusal) {
    case RefusalReason::kNone:
      return std::nullopt;
    case RefusalReason::kOther:  // names nothing that could be held against the history
      return Unless(op.kind != Kind::kImport || !op.fits, "what was to be imported is sound, and fits the table");
    case RefusalReason::kNotFound:
      return UntrueNotFound(op, tracks, options);
    case RefusalReason::kNotComplete: {
      // Of an import: its directories are not all in their places, which is not the catalogue's to know.
      const auto snapshot = tracks.snapshots.find(op.snapshot);
      if (op.kind == Kind::kRestore && snapshot != tracks.snapshots.end() && snapshot->second.imported) {
        return std::nullopt;
      }
      const Possible possible = StatesDuring(op, tracks);
      const bool failed = possible.failed && op.kind == Kind::kRestore;  // a FAILED snapshot can be deleted
      return Unless(possible.creating || failed || possible.deleting || possible.deleted,
                    op.kind == Kind::kRestore ? "the snapshot was COMPLETE throughout the call, or not there at all"
                                              : "the snapshot was not CREATING at any moment of the call");
    }
    case RefusalReason::kBeingDeleted:
      return Unless(StatesDuring(op, tracks).deleting, "the snapshot was not DELETING at any moment of the call");
    case RefusalReason::kDeleted:
      return Unless(StatesDuring(op, tracks).deleted, "the snapshot was not DELETED at any moment of the call");
    case RefusalReason::kRestorationRunning:
      return UntrueRunning(op, tracks);
    case RefusalReason::kAlreadyExists:
      return UntrueExists(op, tracks);
  }
  return std::nullopt;
}

}  // namespace holdfast::check
