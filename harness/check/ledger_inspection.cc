// The half of the ApplyLedger that holds inspected replicas against the fold.

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/check/ledger.h"

namespace holdfast::check {
namespace {

// Makes or removes the snapshot's directory.
bool Touches(const LedgerEntry& entry, uint32_t snapshot) {
  return (entry.kind == LedgerEntry::Kind::kCreateSnapshot || entry.kind == LedgerEntry::Kind::kAdoptSnapshot ||
          entry.kind == LedgerEntry::Kind::kDropSnapshot || entry.kind == LedgerEntry::Kind::kAbortCreate) &&
         entry.snapshot == snapshot;
}

}  // namespace

void ApplyLedger::Check(const Inspection& inspection, const InspectionDigest& digest) {
  imports_ = inspection.imports;
  for (size_t i = 0; i < inspection.replicas.size(); ++i) Check(inspection.replicas[i], digest[i], inspection.quiet);
}

void ApplyLedger::Check(const ReplicaInspection& replica, const ReplicaDigest& digest, bool quiet) {
  if (Judge(replica, digest, quiet ? Patience::kQuiet : Patience::kWait)) return;
  if (deferred_.size() < kDeferredMax) {
    deferred_.push_back({replica, digest});
  } else {
    Unjudged(absl::StrCat("too many inspections wait for later entries; not kept: ", StateText(replica)));
  }
}

bool ApplyLedger::Judge(const ReplicaInspection& replica, const ReplicaDigest& digest, Patience patience) {
  if (!replica.error.empty()) {
    if (!replica.damaged) {
      log_.Add(ReplicaKey("store", replica.replica), "I6", "a replica's store can't be read",
               {StateText(replica), replica.error});
    }
    return true;
  }
  if (!CheckPosition(replica.replica, replica.applied, "stands")) return true;
  if (replica.replica.tablet == kMasterObject) return true;
  const Tablet& group = tablet(replica.replica.tablet);
  if (replica.applied.index > group.folded) {
    if (patience != Patience::kLast) return false;
    Unjudged(absl::StrCat(StateText(replica), ": the entries up to there are not all known"));
    return true;
  }
  bool rows_judged = JudgeRows(replica, digest, group, patience);
  rows_judged = JudgeBooks(replica, digest, group, patience) && rows_judged;
  return JudgeSnapshots(replica, digest, group, patience) && rows_judged;
}

bool ApplyLedger::JudgeRows(const ReplicaInspection& replica, const ReplicaDigest& digest, const Tablet& tablet,
                            Patience patience) {
  ++comparisons_;
  const uint64_t index = replica.applied.index;
  if (digest.rows == tablet.slots[index].rows) return true;
  if (replica.in_barrier) {
    const AheadOf ahead = MayBeAhead(tablet, index, patience);
    if (ahead == AheadOf::kNotKnownYet) return false;
    if (ahead == AheadOf::kRestore && digest.rows == tablet.slots[index + 1].rows) return true;
  }
  const std::string key = ReplicaKey("rows", replica.replica);
  if (!log_.Wants(key)) return true;
  std::vector<std::string> evidence = {StateText(replica)};
  for (std::string& line : Context(tablet, index)) evidence.push_back(std::move(line));
  for (std::string& line : RowDifference(FoldAt(tablet, index).rows().rows, replica.rows))
    evidence.push_back(std::move(line));
  log_.Add(key, "I1",
           absl::StrCat("rows of ", TabletText(replica.replica.tablet), " on node ", replica.replica.node,
                        " are not what its log makes of them"),
           std::move(evidence));
  return true;
}

bool ApplyLedger::JudgeBooks(const ReplicaInspection& replica, const ReplicaDigest& digest, const Tablet& tablet,
                             Patience patience) {
  ++comparisons_;
  const uint64_t index = replica.applied.index;
  if (digest.books == tablet.slots[index].books) return true;
  if (replica.in_barrier) {
    const AheadOf ahead = MayBeAhead(tablet, index, patience);
    if (ahead == AheadOf::kNotKnownYet) return false;
    if (ahead == AheadOf::kRestore && digest.books == tablet.slots[index + 1].books) return true;
  }
  const std::string key = ReplicaKey("books", replica.replica);
  if (!log_.Wants(key)) return true;
  std::vector<std::string> evidence = {StateText(replica)};
  for (std::string& line : Context(tablet, index)) evidence.push_back(std::move(line));
  for (std::string& line : RowDifference(FoldAt(tablet, index).books().facts(), replica.books)) {
    evidence.push_back(std::move(line));
  }
  log_.Add(key, "I1",
           absl::StrCat("what ", TabletText(replica.replica.tablet), " on node ", replica.replica.node,
                        " remembers is not what its log makes of it"),
           std::move(evidence));
  return true;
}

ApplyLedger::AheadOf ApplyLedger::MayBeAhead(const Tablet& tablet, uint64_t index, Patience patience) const {
  if (index + 1 > tablet.folded) return patience == Patience::kWait ? AheadOf::kNotKnownYet : AheadOf::kNo;
  return tablet.slots[index + 1].entry.kind == LedgerEntry::Kind::kRestore ? AheadOf::kRestore : AheadOf::kNo;
}

bool ApplyLedger::JudgeSnapshots(const ReplicaInspection& replica, const ReplicaDigest& digest, const Tablet& tablet,
                                 Patience patience) {
  bool judged = true;
  std::set<uint32_t> present;
  for (size_t i = 0; i < replica.snapshots.size(); ++i) {
    const SnapshotOnDisk& found = replica.snapshots[i];
    if (!found.snapshot.has_value()) {
      log_.Add(ReplicaKey("foreign", replica.replica), "I4", "a snapshot directory of an id that nobody ever used",
               {StateText(replica), absl::StrCat("directory ", found.name)});
      continue;
    }
    present.insert(*found.snapshot);
    if (IsPlaced(tablet, replica.applied.index, *found.snapshot)) continue;
    if (found.error.empty()) {
      judged = JudgeDirectory(replica, found, digest.snapshots[i], tablet, patience) && judged;
    } else if (!replica.damaged) {
      log_.Add(ReplicaKey("unreadable", replica.replica, *found.snapshot), "I3",
               absl::StrCat("snapshot ", *found.snapshot, " can't be read"),
               {StateText(replica), absl::StrCat("directory ", found.name), found.error});
    }
  }
  return JudgeMissing(replica, present, tablet, patience) && judged;
}

bool ApplyLedger::IsPlaced(const Tablet& tablet, uint64_t index, uint32_t snapshot) const {
  return imports_.contains(snapshot) && !tablet.slots[index].snapshots->contains(snapshot);
}

bool ApplyLedger::InFlight(const ReplicaInspection& replica, const Tablet& tablet, uint32_t snapshot) const {
  if (replica.in_barrier) return true;
  const Slot* next = Find(tablet, replica.applied.index + 1);
  return next != nullptr && Touches(next->entry, snapshot);
}

bool ApplyLedger::JudgeDirectory(const ReplicaInspection& replica, const SnapshotOnDisk& found,
                                 const Fingerprint& fingerprint, const Tablet& tablet, Patience patience) {
  const uint32_t id = *found.snapshot;
  const uint64_t index = replica.applied.index;
  const FoldedSnapshots& expected = *tablet.slots[index].snapshots;
  if (const auto wanted = expected.find(id); wanted != expected.end()) {
    // An install replaces the rows before the directories: what was placed for an import may still be there.
    const bool still_placed = replica.in_barrier && imports_.contains(id) && found.op != wanted->second.op;
    if (!still_placed) JudgeContent(replica, found, fingerprint, wanted->second);
    return true;
  }
  // Not in the set at this index. If it may be there, it still must be what its create made.
  const bool next_unknown = index + 1 > tablet.folded;
  const bool in_flight = InFlight(replica, tablet, id);
  if (patience == Patience::kWait && (next_unknown || (in_flight && found.op.index > tablet.folded))) return false;
  if (patience == Patience::kLast && next_unknown && found.op.index == index + 1) {
    Unjudged(absl::StrCat(StateText(replica), ": snapshot ", id, " of the next entry, which no replica reported"));
    return true;
  }
  if (in_flight && found.op.index <= tablet.folded) {
    const FoldedSnapshots& made = *tablet.slots[found.op.index].snapshots;
    if (const auto wanted = made.find(id); wanted != made.end()) {
      JudgeContent(replica, found, fingerprint, wanted->second);
      return true;
    }
  }
  const std::string key = ReplicaKey("extra", replica.replica, id);
  if (!log_.Wants(key)) return true;
  std::vector<std::string> evidence = {StateText(replica),
                                       absl::StrCat("directory ", found.name, " with op id ", PositionText(found.op))};
  for (std::string& line : Context(tablet, index)) evidence.push_back(std::move(line));
  log_.Add(key, "I1",
           absl::StrCat("node ", replica.replica.node, " holds snapshot ", id, " of ",
                        TabletText(replica.replica.tablet), ", which its log does not"),
           std::move(evidence));
  return true;
}

bool ApplyLedger::JudgeMissing(const ReplicaInspection& replica, const std::set<uint32_t>& present,
                               const Tablet& tablet, Patience patience) {
  const uint64_t index = replica.applied.index;
  const Slot* next = Find(tablet, index + 1);
  bool judged = true;
  for (const auto& [id, wanted] : *tablet.slots[index].snapshots) {
    if (present.contains(id) || replica.damaged || InFlight(replica, tablet, id)) continue;
    // The next entry may turn out to be its drop.
    if (next == nullptr && patience == Patience::kWait) {
      judged = false;
      continue;
    }
    if (next == nullptr && patience == Patience::kLast) {
      Unjudged(absl::StrCat(StateText(replica), ": misses snapshot ", id, ", and the next entry is not known"));
      continue;
    }
    const std::string key = ReplicaKey("missing", replica.replica, id);
    if (!log_.Wants(key)) continue;
    log_.Add(key, "I3",
             absl::StrCat("node ", replica.replica.node, " misses snapshot ", id, " of ",
                          TabletText(replica.replica.tablet), " though it has applied its create"),
             {StateText(replica),
              absl::StrCat("expected: a directory with op id ", PositionText(wanted.op), " and ",
                           wanted.content->rows.size(), " rows; found none"),
              next != nullptr ? absl::StrCat("the next entry is ", EntryText(next->entry)) : "nothing follows"});
  }
  return judged;
}

void ApplyLedger::JudgeContent(const ReplicaInspection& replica, const SnapshotOnDisk& found,
                               const Fingerprint& fingerprint, const FoldedSnapshot& expected) {
  ++comparisons_;
  if (found.op == expected.op && fingerprint == expected.content->fingerprint) return;
  const std::string key = ReplicaKey("content", replica.replica, *found.snapshot);
  if (!log_.Wants(key)) return;
  std::vector<std::string> evidence = {StateText(replica), absl::StrCat("op id: expected ", PositionText(expected.op),
                                                                        ", found ", PositionText(found.op))};
  for (std::string& line : RowDifference(expected.content->rows, found.rows)) evidence.push_back(std::move(line));
  log_.Add(key, "I1",
           absl::StrCat("snapshot ", *found.snapshot, " of ", TabletText(replica.replica.tablet), " on node ",
                        replica.replica.node, " is not the state at its op id"),
           std::move(evidence));
}

}  // namespace holdfast::check
