// Dropped tables, as the catalogue's history tells of them. A table's states only advance: it runs, is being dropped,
// is hidden (none of its tablets serves rows any more, and it is kept for what still needs it), is gone.
//
// Held against it: nobody's table is dropped unasked; an accepted drop shows from its reply on; what needs a running
// table (create, restore, import) is accepted only before; and once clients saw it hidden, no read or write of its rows
// that is asked for later succeeds. That it ends is liveness' question, that nothing of it is left the inventory's.
// Histories without drops and lists of tables cost nothing.

#ifndef HARNESS_CHECK_TABLE_TRACKS_H_
#define HARNESS_CHECK_TABLE_TRACKS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/check/advance.h"
#include "harness/check/catalogue.h"
#include "harness/check/catalogue_history.h"
#include "harness/check/evidence.h"

namespace holdfast::check {

// Ranks of a table's states.
enum TableRank : int { kRankRunning, kRankDropping, kRankHidden, kRankGone };
TableRank TableRankOf(TableState state);

struct TableTrack {
  Advance states{kRankGone};
};
// Of the tables that a drop or a list of tables names.
using TableTracks = std::map<uint32_t, TableTrack>;

TableTracks TableTracksOf(const CatalogueHistory& history);

// Whether one of the tables may have been dropped before the operation ended.
bool MayBeDropped(const TableTracks& tracks, const std::vector<uint32_t>& tables, const CatalogueOperation& op);

void CheckTableStates(const TableTracks& tracks, ViolationLog* log);

// A client's operation on rows of a table that was dropped in this run.
struct TableUse {
  uint32_t table = 0;
  int64_t invoke = 0;
  int64_t complete = 0;
  bool ok = false;  // else: refused because the table was dropped
  std::string text;
};
std::vector<Violation> CheckTableUses(const std::map<uint32_t, TableWindow>& tables, const std::vector<TableUse>& uses);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_TABLE_TRACKS_H_
