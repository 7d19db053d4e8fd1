#include "harness/check/catalogue_tracks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

using history::kPending;
using history::Outcome;
using Kind = CatalogueOperation::Kind;
using Listed = CatalogueOperation::Listed;

const char* RefusalName(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kNone:
      return "no reason";
    case RefusalReason::kNotFound:
      return "not found";
    case RefusalReason::kNotComplete:
      return "not complete";
    case RefusalReason::kBeingDeleted:
      return "being deleted";
    case RefusalReason::kDeleted:
      return "deleted";
    case RefusalReason::kRestorationRunning:
      return "a restoration is running";
    case RefusalReason::kAlreadyExists:
      return "already exists";
    case RefusalReason::kOther:
      return "another reason";
  }
  return "";
}

// Requests set the first bounds: nothing begins before somebody asked, and what was accepted has begun.
void AddRequests(const CatalogueHistory& history, CatalogueTracks* tracks) {
  std::map<uint32_t, Advance::Bound> first_create, first_delete, first_restore;
  const auto note = [](std::map<uint32_t, Advance::Bound>* firsts, uint32_t id, const CatalogueOperation& op) {
    const auto [at, inserted] = firsts->try_emplace(id, Advance::Bound{op.invoke, &op});
    if (!inserted && op.invoke < at->second.event) at->second = {op.invoke, &op};
  };
  for (const CatalogueOperation& op : history) {
    if (op.outcome == Outcome::kFail) continue;
    const bool ok = op.outcome == Outcome::kOk;
    if (op.kind == Kind::kCreate || op.kind == Kind::kImport) {
      note(&first_create, op.snapshot, op);
      SnapshotTrack& track = tracks->snapshots[op.snapshot];
      track.tables = op.tables;
      track.imported = op.kind == Kind::kImport;
      if (ok) track.states.AtLeast(track.imported ? kRankEnded : kRankCreating, op);
      if (ok && track.imported) track.complete = &op;
    } else if (op.kind == Kind::kDelete) {
      note(&first_delete, op.snapshot, op);
      if (ok) tracks->snapshots[op.snapshot].states.AtLeast(kRankDeleting, op);
    } else if (op.kind == Kind::kRestore) {
      note(&first_restore, op.restoration, op);
      RestorationTrack& track = tracks->restorations[op.restoration];
      track.snapshot = op.snapshot;
      ++track.requests;
      if (ok) track.states.AtLeast(kRankRestoring, op);
    } else if (ok) {
      for (const Listed& listed : op.snapshots) tracks->snapshots[listed.number];
      for (const Listed& listed : op.restorations) tracks->restorations[listed.number];
    }
  }
  const auto first = [](const std::map<uint32_t, Advance::Bound>& firsts, uint32_t id) {
    const auto at = firsts.find(id);
    return at == firsts.end() ? Advance::Bound{kPending, nullptr} : at->second;
  };
  for (auto& [id, track] : tracks->snapshots) {
    track.states.NotBefore(kRankCreating, first(first_create, id));
    track.states.NotBefore(kRankDeleting, first(first_delete, id));
  }
  for (auto& [id, track] : tracks->restorations) track.states.NotBefore(kRankRestoring, first(first_restore, id));
}

void AddLists(const CatalogueHistory& history, CatalogueTracks* tracks) {
  for (const CatalogueOperation& op : history) {
    if (op.kind != Kind::kList || op.outcome != Outcome::kOk) continue;
    for (const Listed& listed : op.snapshots) {
      SnapshotTrack& track = tracks->snapshots[listed.number];
      if (const int rank = SnapshotRankOf(listed.state); rank >= 0) track.states.Exactly(rank, op);
      if (listed.state == CatalogueState::kComplete && track.complete == nullptr) track.complete = &op;
      if (listed.state == CatalogueState::kFailed && track.failed == nullptr) track.failed = &op;
    }
    for (const Listed& listed : op.restorations) {
      RestorationTrack& track = tracks->restorations[listed.number];
      if (const int rank = RestorationRankOf(listed.state); rank >= 0) track.states.Exactly(rank, op);
      if (listed.state == CatalogueState::kRestored && track.restored == nullptr) track.restored = &op;
      if (listed.state == CatalogueState::kFailed && track.failed == nullptr) track.failed = &op;
    }
  }
}

// A restoration begins while its snapshot is COMPLETE.
void AddBeginnings(const CatalogueHistory& history, CatalogueTracks* tracks) {
  for (const auto& [id, restoration] : tracks->restorations) {
    if (restoration.requests == 0 || !restoration.states.certain(kRankRestoring)) continue;
    SnapshotTrack& snapshot = tracks->snapshots[restoration.snapshot];
    snapshot.states.By(kRankEnded, restoration.states.latest(kRankRestoring));
    snapshot.states.NotBefore(kRankDeleting, restoration.states.earliest(kRankRestoring));
    if (snapshot.complete == nullptr) snapshot.complete = restoration.states.latest(kRankRestoring).witness;
  }
  // Accepted by the only request of that id: it began during this very call, not during an earlier one.
  for (const CatalogueOperation& op : history) {
    if (op.kind != Kind::kRestore || op.outcome != Outcome::kOk) continue;
    if (tracks->restorations[op.restoration].requests == 1)
      tracks->snapshots[op.snapshot].states.Exactly(kRankEnded, op);
  }
}

// A list without an id: not begun yet or, once its snapshot's delete was asked for, forgotten already. Where both can
// be, it says nothing.
void AddAbsence(const CatalogueOperation& op, int rank_forgotten, int64_t delete_invoke, Advance* states) {
  if (delete_invoke >= op.complete) {
    states->AtMost(0, op);
  } else if (states->latest(1).event <= op.invoke) {
    states->AtLeast(rank_forgotten, op);
  }
}

void AddAbsences(const CatalogueHistory& history, CatalogueTracks* tracks) {
  std::map<uint32_t, int64_t> delete_invokes;
  for (const CatalogueOperation& op : history) {
    if (op.kind != Kind::kDelete || op.outcome == Outcome::kFail) continue;
    const auto [at, inserted] = delete_invokes.try_emplace(op.snapshot, op.invoke);
    if (!inserted) at->second = std::min(at->second, op.invoke);
  }
  const auto delete_invoke = [&](uint32_t snapshot) {
    const auto at = delete_invokes.find(snapshot);
    return at == delete_invokes.end() ? kPending : at->second;
  };
  const auto lists = [](const std::vector<Listed>& entries, uint32_t id) {
    return std::any_of(entries.begin(), entries.end(), [&](const Listed& listed) { return listed.number == id; });
  };
  for (const CatalogueOperation& op : history) {
    if (op.kind != Kind::kList || op.outcome != Outcome::kOk) continue;
    for (auto& [id, track] : tracks->snapshots) {
      if (!lists(op.snapshots, id)) AddAbsence(op, kRankForgotten, delete_invoke(id), &track.states);
    }
    for (auto& [id, track] : tracks->restorations) {
      if (!lists(op.restorations, id)) AddAbsence(op, kRankDropped, delete_invoke(track.snapshot), &track.states);
    }
  }
}

}  // namespace

int SnapshotRankOf(CatalogueState state) {
  switch (state) {
    case CatalogueState::kCreating:
      return kRankCreating;
    case CatalogueState::kComplete:
    case CatalogueState::kFailed:
      return kRankEnded;
    case CatalogueState::kDeleting:
      return kRankDeleting;
    case CatalogueState::kDeleted:
      return kRankDeleted;
    default:
      return -1;
  }
}

int RestorationRankOf(CatalogueState state) {
  switch (state) {
    case CatalogueState::kRestoring:
      return kRankRestoring;
    case CatalogueState::kRestored:
    case CatalogueState::kFailed:
      return kRankOver;
    default:
      return -1;
  }
}

CatalogueTracks TracksOf(const CatalogueHistory& history) {
  CatalogueTracks tracks;
  AddRequests(history, &tracks);
  AddLists(history, &tracks);
  AddBeginnings(history, &tracks);
  AddAbsences(history, &tracks);
  tracks.tables = TableTracksOf(history);
  return tracks;
}

bool CatalogueTracks::MayShareTable(uint32_t a, uint32_t b) const {
  const auto first = snapshots.find(a);
  const auto second = snapshots.find(b);
  if (a == b || first == snapshots.end() || second == snapshots.end()) return true;
  const std::vector<uint32_t>& tables = second->second.tables;
  return std::any_of(first->second.tables.begin(), first->second.tables.end(),
                     [&](uint32_t table) { return std::find(tables.begin(), tables.end(), table) != tables.end(); });
}

std::string OperationText(const CatalogueOperation& op) {
  std::string out = absl::StrCat("client ", op.process, ": ");
  switch (op.kind) {
    case Kind::kCreate:
      absl::StrAppend(&out, "create snapshot ", op.snapshot);
      break;
    case Kind::kRestore:
      absl::StrAppend(&out, "restore snapshot ", op.snapshot, " as restoration ", op.restoration);
      break;
    case Kind::kDelete:
      absl::StrAppend(&out, "delete snapshot ", op.snapshot);
      break;
    case Kind::kList:
      out += "list";
      break;
    case Kind::kImport:
      absl::StrAppend(&out, "import as snapshot ", op.snapshot);
      break;
    case Kind::kDropTable:
      absl::StrAppend(&out, "drop table ", op.table);
      break;
    case Kind::kListTables:
      out += "list tables";
      break;
  }
  absl::StrAppend(&out, " (plan step ", op.step, ") [", op.invoke, "..",
                  op.complete == kPending ? std::string("?") : absl::StrCat(op.complete), "] ");
  if (op.outcome == Outcome::kOk) out += "ok";
  if (op.outcome == Outcome::kIndeterminate) out += "indeterminate";
  if (op.outcome == Outcome::kFail) absl::StrAppend(&out, "refused: ", RefusalName(op.refusal));
  return out;
}

const char* StateName(CatalogueState state) {
  static constexpr const char* kNames[] = {"CREATING", "COMPLETE",  "FAILED",  "DELETING",
                                           "DELETED",  "RESTORING", "RESTORED"};
  return kNames[static_cast<size_t>(state)];
}

const char* RankName(SnapshotRank rank) {
  static constexpr const char* kNames[] = {"absent",   "CREATING", "COMPLETE or FAILED",
                                           "DELETING", "DELETED",  "forgotten"};
  return kNames[rank];
}

const char* RankName(RestorationRank rank) {
  static constexpr const char* kNames[] = {"absent", "RESTORING", "RESTORED or FAILED", "forgotten"};
  return kNames[rank];
}

}  // namespace holdfast::check
