#include "harness/check/inventory.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

constexpr size_t kStraysShown = 8;

}  // namespace

void Inventory::Check(const Inspection& inspection, const CatalogueWindows& windows) {
  if (!inspection.quiet) return;
  ++quiet_inspections_;
  CheckDropped(inspection, windows);
  for (const ReplicaInspection& replica : inspection.replicas) {
    if (replica.damaged) continue;  // it may be held up in the middle of something, for ever
    if (!replica.strays.empty() && log_.Wants(ReplicaKey("strays", replica.replica))) {
      std::vector<std::string> evidence = {
          absl::StrCat(StateText(replica), ", at event ", inspection.event, ", ", inspection.reason)};
      for (const std::string& path : replica.strays) {
        if (evidence.size() > kStraysShown) break;
        evidence.push_back(absl::StrCat("found ", path));
      }
      log_.Add(ReplicaKey("strays", replica.replica), "I4",
               absl::StrCat(replica.strays.size(), " files or directories that belong to nothing, of ",
                            TabletText(replica.replica.tablet), " on node ", replica.replica.node),
               std::move(evidence));
    }
    for (const SnapshotOnDisk& found : replica.snapshots) CheckSnapshot(inspection, replica, found, windows);
  }
}

void Inventory::CheckDropped(const Inspection& inspection, const CatalogueWindows& windows) {
  const auto gone = [&](const ReplicaName& replica) {
    if (replica.tablet == kMasterObject) return false;
    const auto table = windows.tables.find(replica.tablet / tablets_per_table_);
    return table != windows.tables.end() && table->second.gone_seen <= inspection.event;
  };
  const auto report = [&](const ReplicaName& replica, std::vector<std::string> evidence) {
    const uint32_t table = replica.tablet / tablets_per_table_;
    evidence.insert(evidence.begin(),
                    absl::StrCat("that the table is gone was seen at event ", windows.tables.at(table).gone_seen,
                                 "; inspected at event ", inspection.event, ", ", inspection.reason));
    log_.Add(ReplicaKey("dropped", replica), "I4",
             absl::StrCat("of dropped table ", table, " something is left: ", TabletText(replica.tablet), " on node ",
                          replica.node),
             std::move(evidence));
  };
  for (const ReplicaInspection& replica : inspection.replicas) {
    if (replica.damaged || !gone(replica.replica)) continue;
    report(replica.replica, {absl::StrCat("found a replica with ", replica.rows.size(), " rows and ",
                                          replica.snapshots.size(), " snapshots: ", StateText(replica))});
  }
  for (const LeftOver& left : inspection.left_overs) {
    if (left.damaged) continue;
    // Of a table that is being dropped some replicas go before others.
    const bool dropped =
        left.replica.tablet != kMasterObject && windows.tables.contains(left.replica.tablet / tablets_per_table_);
    if (dropped && !gone(left.replica)) continue;
    std::vector<std::string> evidence;
    for (const std::string& path : left.paths) {
      if (evidence.size() < kStraysShown) evidence.push_back(absl::StrCat("found ", path));
    }
    if (dropped) {
      report(left.replica, std::move(evidence));
    } else {
      log_.Add(ReplicaKey("strays", left.replica), "I4",
               absl::StrCat(left.paths.size(), " files or directories of ", TabletText(left.replica.tablet),
                            " are left on node ", left.replica.node, ", which does not host it"),
               std::move(evidence));
    }
  }
}

void Inventory::CheckSnapshot(const Inspection& inspection, const ReplicaInspection& replica,
                              const SnapshotOnDisk& found, const CatalogueWindows& windows) {
  const auto report = [&](const std::string& what, const std::string& why) {
    log_.Add(ReplicaKey("directory", replica.replica, found.snapshot.value_or(0)), "I4",
             absl::StrCat("the directory of ", what, " is left on node ", replica.replica.node, ", ",
                          TabletText(replica.replica.tablet)),
             {absl::StrCat(StateText(replica), ", at event ", inspection.event, ", ", inspection.reason),
              absl::StrCat("found directory ", found.name), why});
  };
  if (!found.snapshot.has_value()) return report("an unknown snapshot", "its name is no id of the plan");
  const std::string name = absl::StrCat("snapshot ", *found.snapshot);
  const auto window = windows.snapshots.find(*found.snapshot);
  if (window == windows.snapshots.end()) return report(name, "every create of it was refused");
  const SnapshotWindow& seen = window->second;
  if (seen.deleted_seen <= inspection.event) {
    return report(name, absl::StrCat("DELETED was seen at event ", seen.deleted_seen));
  }
  if (seen.failed_seen <= inspection.event) {
    return report(name, absl::StrCat("FAILED was seen at event ", seen.failed_seen));
  }
  const uint32_t table = replica.replica.tablet / tablets_per_table_;
  if (std::find(seen.tables.begin(), seen.tables.end(), table) == seen.tables.end()) {
    report(name, absl::StrCat("the snapshot does not cover table ", table));
  }
}

}  // namespace holdfast::check
