// What clients asked of the snapshot catalogue and what they were told: the history of the second sequential object.

#ifndef HARNESS_CHECK_CATALOGUE_HISTORY_H_
#define HARNESS_CHECK_CATALOGUE_HISTORY_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "harness/history/operation.h"

namespace holdfast::check {

enum class CatalogueState : uint8_t { kCreating, kComplete, kFailed, kDeleting, kDeleted, kRestoring, kRestored };

enum class TableState : uint8_t { kRunning, kDropping, kHidden };

// Why a request was refused, as the reply told; judged: it must have been true at some moment between call and reply.
enum class RefusalReason : uint8_t {
  kNone,
  kNotFound,
  kNotComplete,
  kBeingDeleted,
  kDeleted,
  kRestorationRunning,
  kAlreadyExists,
  kOther,
};

struct CatalogueOperation {
  enum class Kind : uint8_t { kCreate, kRestore, kDelete, kList, kImport, kDropTable, kListTables };
  struct ListedTable {
    uint32_t number = 0;
    TableState state = TableState::kRunning;
  };
  struct Listed {
    uint32_t number = 0;
    CatalogueState state = CatalogueState::kCreating;
    uint32_t snapshot = 0;  // restorations: of which snapshot
  };
  Kind kind = Kind::kList;
  history::Outcome outcome = history::Outcome::kIndeterminate;
  RefusalReason refusal = RefusalReason::kNone;  // kFail only
  int64_t invoke = 0;
  int64_t complete = history::kPending;
  uint64_t log_index = 0;  // hint: where in the master's log; 0 unknown
  uint32_t process = 0;
  uint32_t step = 0;
  uint32_t snapshot = 0;     // create, restore, delete, import
  uint32_t restoration = 0;  // restore
  uint32_t table = 0;        // drop of a table
  // Import: what it asks for is sound, and fits the table. Restore of an import: all its directories are in place.
  bool fits = true;
  std::vector<uint32_t> tables;            // create, import
  std::vector<Listed> snapshots;           // list, kOk
  std::vector<Listed> restorations;        // list, kOk
  std::vector<ListedTable> listed_tables;  // list of tables, kOk: those that were dropped as well; the others are gone
};

using CatalogueHistory = std::vector<CatalogueOperation>;

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_CATALOGUE_HISTORY_H_
