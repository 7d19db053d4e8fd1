#include "harness/check/snapshots.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

const SnapshotOnDisk* Find(const ReplicaInspection& replica, uint32_t snapshot) {
  for (const SnapshotOnDisk& found : replica.snapshots) {
    if (found.snapshot == snapshot) return &found;
  }
  return nullptr;
}

// A client knows that it is COMPLETE, and nobody has asked to delete it.
bool Promised(const SnapshotWindow& window, int64_t event) {
  return window.complete_seen <= event && window.delete_invoke > event;
}

}  // namespace

void SnapshotsOnDisk::Check(const Inspection& inspection, const InspectionDigest& digest,
                            const CatalogueWindows& windows) {
  for (size_t i = 0; i < inspection.replicas.size(); ++i) CheckContent(inspection.replicas[i], digest[i], inspection);
  for (const auto& [snapshot, window] : windows.snapshots) {
    if (!Promised(window, inspection.event) || window.imported) continue;
    for (const uint32_t table : window.tables) {
      for (uint32_t ordinal = 0; ordinal < options_.tablets_per_table; ++ordinal) {
        const uint32_t tablet = table * options_.tablets_per_table + ordinal;
        CheckTablet(inspection, snapshot, window, {tablet, windows.tables.contains(table)});
      }
    }
  }
}

void SnapshotsOnDisk::CheckContent(const ReplicaInspection& replica, const ReplicaDigest& digest,
                                   const Inspection& inspection) {
  for (size_t i = 0; i < replica.snapshots.size(); ++i) {
    const SnapshotOnDisk& found = replica.snapshots[i];
    if (!found.snapshot.has_value() || !found.error.empty() || inspection.imports.contains(*found.snapshot)) continue;
    const auto [first, inserted] = contents_.try_emplace({replica.replica.tablet, *found.snapshot});
    Content& content = first->second;
    if (inserted) {
      content = {found.op, digest.snapshots[i], found.rows, replica.replica, inspection.event};
      continue;
    }
    ++comparisons_;
    if (digest.snapshots[i] == content.fingerprint && found.op == content.op) continue;
    const std::string key = ReplicaKey("content", replica.replica, *found.snapshot);
    if (!log_.Wants(key)) continue;
    std::vector<std::string> evidence = {absl::StrCat("expected, as on ", ReplicaText(content.replica), " at event ",
                                                      content.event, ", op id ", PositionText(content.op)),
                                         absl::StrCat("found on ", StateText(replica), " at event ", inspection.event,
                                                      ", ", inspection.reason, ", op id ", PositionText(found.op))};
    for (std::string& line : RowDifference(content.rows, found.rows)) evidence.push_back(std::move(line));
    const bool same_node = content.replica.node == replica.replica.node;
    log_.Add(key, "I2",
             absl::StrCat("snapshot ", *found.snapshot, " of ", TabletText(replica.replica.tablet),
                          same_node ? " has changed on node " : " has other content on node ", replica.replica.node),
             std::move(evidence));
  }
}

SnapshotsOnDisk::Holders SnapshotsOnDisk::FindHolders(const Inspection& inspection, uint32_t snapshot,
                                                      uint32_t tablet) const {
  Holders holders;
  const auto content = contents_.find({tablet, snapshot});
  for (const ReplicaInspection& replica : inspection.replicas) {
    if (replica.replica.tablet != tablet) continue;
    ++holders.replicas;
    const SnapshotOnDisk* found = Find(replica, snapshot);
    if (found != nullptr && found->error.empty()) {
      holders.readable.push_back(&replica);
    } else if (replica.damaged) {
      holders.damaged.push_back(&replica);
    } else if (found != nullptr || !replica.error.empty()) {
      holders.missing.push_back(&replica);
    } else if (replica.in_barrier) {
      holders.between.push_back(&replica);
    } else if (content == contents_.end() || replica.applied.index < content->second.op.index) {
      holders.behind.push_back(&replica);
    } else {
      holders.missing.push_back(&replica);
    }
  }
  return holders;
}

void SnapshotsOnDisk::CheckTablet(const Inspection& inspection, uint32_t snapshot, const SnapshotWindow& window,
                                  TabletPart part) {
  const uint32_t tablet = part.tablet;
  const Holders holders = FindHolders(inspection, snapshot, tablet);
  // A table that was dropped is kept for its snapshots.
  if (holders.replicas == 0 && !(inspection.quiet && part.of_dropped_table)) return;
  ++comparisons_;
  const size_t majority = holders.replicas / 2 + 1;
  const size_t sure = holders.readable.size() + holders.between.size();
  std::string summary;
  if (!holders.missing.empty()) {
    summary = "is not readable on every replica that has passed its create";
  } else if (inspection.quiet && !holders.behind.empty()) {
    summary = "is not on every replica, though nothing is left to apply";
  } else if (sure == 0 && holders.damaged.empty() && !(inspection.replicas_lost && !holders.behind.empty())) {
    summary = "is on no replica";
  } else if (options_.complete_waits_for_majority && sure + holders.damaged.size() < majority) {
    summary = "is not on a majority of the replicas";
  } else {
    return;
  }
  const std::string key = absl::StrCat("holders/", tablet, "/", snapshot);
  if (!log_.Wants(key)) return;
  log_.Add(key, "I3", absl::StrCat("snapshot ", snapshot, " is COMPLETE, but on ", TabletText(tablet), " it ", summary),
           Describe(holders, inspection, snapshot, window));
}

std::vector<std::string> SnapshotsOnDisk::Describe(const Holders& holders, const Inspection& inspection,
                                                   uint32_t snapshot, const SnapshotWindow& window) const {
  std::vector<std::string> lines = {absl::StrCat("COMPLETE was seen at event ", window.complete_seen,
                                                 "; inspected at event ", inspection.event, ", ", inspection.reason,
                                                 "; created by plan step ", window.step)};
  for (const ReplicaInspection* replica : holders.readable)
    lines.push_back(absl::StrCat("readable on ", StateText(*replica)));
  for (const ReplicaInspection* replica : holders.behind)
    lines.push_back(absl::StrCat("not yet on ", StateText(*replica)));
  for (const ReplicaInspection* replica : holders.between)
    lines.push_back(absl::StrCat("unsettled on ", StateText(*replica)));
  for (const ReplicaInspection* replica : holders.damaged)
    lines.push_back(absl::StrCat("damaged on ", StateText(*replica)));
  for (const ReplicaInspection* replica : holders.missing) {
    const SnapshotOnDisk* found = Find(*replica, snapshot);
    const std::string why = !replica->error.empty() ? replica->error : found != nullptr ? found->error : "no directory";
    lines.push_back(absl::StrCat("missing on ", StateText(*replica), ": ", why));
  }
  return lines;
}

}  // namespace holdfast::check
