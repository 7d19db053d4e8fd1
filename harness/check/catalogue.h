// The snapshot catalogue, seen by its clients: legal transitions (CREATING -> COMPLETE or FAILED -> DELETING ->
// DELETED; RESTORING -> RESTORED or FAILED), truthful refusals, nothing forgotten, each list one moment, and no two
// restorations that share a table at once. An imported snapshot begins as COMPLETE; an import is accepted exactly if
// it fits. Dropped tables: table_tracks.h.
//
// States only advance, so each transition of each id has one moment, and every reply bounds some of these moments: a
// list that shows CREATING says "COMPLETE not before my call", one that shows COMPLETE says "by my reply at the
// latest". A history is wrong where a moment must lie before it can. What the bounds leave open is taken to be right:
// no false alarm.

#ifndef HARNESS_CHECK_CATALOGUE_H_
#define HARNESS_CHECK_CATALOGUE_H_

#include <cstdint>
#include <map>
#include <vector>

#include "harness/check/catalogue_history.h"
#include "harness/check/inspection.h"
#include "harness/history/operation.h"

namespace holdfast::check {

// What clients saw of one snapshot. Events of the history; kPending: never.
struct SnapshotWindow {
  std::vector<uint32_t> tables;
  uint32_t step = 0;                          // of the create
  bool imported = false;                      // its directories are placed by hand
  int64_t create_invoke = history::kPending;  // of the first create that was not refused
  int64_t create_ok = history::kPending;      // its reply
  int64_t complete_seen = history::kPending;  // the first reply that shows it COMPLETE, also by an accepted restore
  int64_t failed_seen = history::kPending;
  int64_t delete_invoke = history::kPending;  // of the first delete that was not refused
  int64_t deleting_seen = history::kPending;  // the first reply that shows it DELETING or later, or accepts a delete
  int64_t deleted_seen = history::kPending;   // the first list that shows it DELETED
};

struct RestorationWindow {
  uint32_t snapshot = 0;
  std::vector<uint32_t> tables;  // of the snapshot
  uint32_t step = 0;
  int64_t invoke = history::kPending;         // of the first restore that was not refused
  int64_t accepted = history::kPending;       // its reply
  int64_t restored_seen = history::kPending;  // the first list that shows it RESTORED
  int64_t failed_seen = history::kPending;
};

// What clients saw of a table that somebody asked to drop.
struct TableWindow {
  int64_t drop_invoke = history::kPending;  // of the first drop that was not refused
  int64_t drop_ok = history::kPending;      // its reply
  int64_t hidden_seen = history::kPending;  // the first list of tables that shows it hidden, or no more
  int64_t gone_seen = history::kPending;    // the first one that shows it no more
};

// Refused creates and restores have no window: they never took effect.
struct CatalogueWindows {
  std::map<uint32_t, SnapshotWindow> snapshots;
  std::map<uint32_t, RestorationWindow> restorations;
  std::map<uint32_t, TableWindow> tables;
};

// Of a history that may still be going on.
CatalogueWindows WindowsOf(const CatalogueHistory& history);

struct CatalogueOptions {
  uint32_t table_count = 0;  // tables that exist from the run's beginning on; 0: not known
};

std::vector<Violation> CheckCatalogue(const CatalogueHistory& history, const CatalogueOptions& options);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_CATALOGUE_H_
