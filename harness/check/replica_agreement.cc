#include "harness/check/replica_agreement.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::check {
std::vector<std::string> ReplicaAgreement::Sides(const Seen& first, const Seen& second) {
  const auto text = [](const Seen& seen) {
    return absl::StrCat(ReplicaText(seen.name), ", applied ", PositionText(seen.applied), ", at event ", seen.event);
  };
  return {absl::StrCat("expected, as on ", text(first)), absl::StrCat("found on ", text(second))};
}

ReplicaAgreement::Seen ReplicaAgreement::See(const ReplicaInspection& replica, const ReplicaDigest& digest,
                                             const Inspection& inspection) {
  Seen seen;
  seen.name = replica.replica;
  seen.applied = replica.applied;
  seen.rows = digest.rows;
  seen.metadata = digest.metadata;
  for (const SnapshotOnDisk& snapshot : replica.snapshots) {
    if (!snapshot.snapshot.has_value() || inspection.imports.contains(*snapshot.snapshot)) continue;
    seen.snapshots[*snapshot.snapshot] = snapshot.error.empty() ? std::optional(snapshot.op) : std::nullopt;
  }
  seen.damaged = replica.damaged;
  seen.quiet = inspection.quiet;
  seen.event = inspection.event;
  seen.replica = &replica;
  return seen;
}

void ReplicaAgreement::Check(const Inspection& inspection, const InspectionDigest& digest) {
  std::vector<Seen*> fresh;
  for (size_t i = 0; i < inspection.replicas.size(); ++i) {
    const ReplicaInspection& replica = inspection.replicas[i];
    // In a barrier rows and directories are on their way from one index to another.
    if (!replica.error.empty() || replica.in_barrier) continue;
    Seen seen = See(replica, digest[i], inspection);
    const auto [first, inserted] = seen_.try_emplace({replica.replica.tablet, replica.applied.index});
    if (inserted) {
      first->second = std::move(seen);
      fresh.push_back(&first->second);
    } else {
      Compare(first->second, seen);
    }
  }
  for (Seen* seen : fresh) seen->replica = nullptr;
}

void ReplicaAgreement::Compare(const Seen& first, const Seen& second) {
  ++comparisons_;
  const ReplicaInspection& replica = *second.replica;
  if (first.applied.term != second.applied.term) {
    log_.Add(ReplicaKey("term", replica.replica), "I1",
             absl::StrCat("replicas of ", TabletText(replica.replica.tablet), " applied different terms at index ",
                          replica.applied.index),
             Sides(first, second));
    return;
  }
  if (first.rows != second.rows) CompareRows("rows", &ReplicaInspection::rows, first, second);
  if (first.metadata != second.metadata) CompareRows("metadata", &ReplicaInspection::metadata, first, second);
  if (first.snapshots != second.snapshots) CompareSnapshots(first, second);
}

void ReplicaAgreement::CompareRows(const char* what, const Rows ReplicaInspection::*rows, const Seen& first,
                                   const Seen& second) {
  const ReplicaInspection& replica = *second.replica;
  const std::string key = ReplicaKey(what, replica.replica);
  if (!log_.Wants(key)) return;
  std::vector<std::string> evidence = Sides(first, second);
  if (first.replica != nullptr) {
    for (std::string& line : RowDifference(first.replica->*rows, replica.*rows)) evidence.push_back(std::move(line));
  }
  log_.Add(key, "I1",
           absl::StrCat("replicas of ", TabletText(replica.replica.tablet), " at applied index ", replica.applied.index,
                        " differ in their ", what),
           std::move(evidence));
}

void ReplicaAgreement::CompareSnapshots(const Seen& first, const Seen& second) {
  const ReplicaInspection& replica = *second.replica;
  std::vector<std::string> lines;
  size_t only_on_one = 0;
  for (const auto& [id, op] : first.snapshots) {
    const auto other = second.snapshots.find(id);
    if (other == second.snapshots.end()) {
      ++only_on_one;
      lines.push_back(absl::StrCat("snapshot ", id, ": expected, found nothing"));
    } else if (op.has_value() && other->second.has_value() && *op != *other->second) {
      only_on_one += 2;  // never legal
      lines.push_back(absl::StrCat("snapshot ", id, ": expected op id ", PositionText(*op), ", found ",
                                   PositionText(*other->second)));
    }
  }
  for (const auto& [id, op] : second.snapshots) {
    if (first.snapshots.contains(id)) continue;
    ++only_on_one;
    lines.push_back(absl::StrCat("snapshot ", id, ": expected nothing, found it"));
  }
  const size_t allowed = first.quiet && second.quiet ? 0 : 1;
  const std::string key = ReplicaKey("set", replica.replica);
  if (only_on_one <= allowed || first.damaged || second.damaged || !log_.Wants(key)) return;
  std::vector<std::string> evidence = Sides(first, second);
  evidence.insert(evidence.end(), lines.begin(), lines.end());
  log_.Add(key, "I1",
           absl::StrCat("replicas of ", TabletText(replica.replica.tablet), " at applied index ", replica.applied.index,
                        " differ in their set of snapshots"),
           std::move(evidence));
}

}  // namespace holdfast::check
