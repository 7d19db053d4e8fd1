// What a tablet is after each entry of its log: the sequential model that replicas are held against.
//
// Written from the contract alone, apart from the cluster's code. Exactly once: per client a session with the requests
// that it remembers, a lower bound below which they are forgotten, and a fence. Snapshot operations: a marker for each
// id makes every later delivery a no-op. A closed tablet (its table was dropped) takes no more writes. Rows are copied
// on write, so a snapshot and a restore cost O(1), and carry a fingerprint that follows each change. One thread.

#ifndef HARNESS_CHECK_FOLD_H_
#define HARNESS_CHECK_FOLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "harness/check/books.h"
#include "harness/check/decimal.h"
#include "harness/check/fingerprint.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

// One version of all rows. Invariant: fingerprint == FingerprintOf(rows).
struct FoldedRows {
  Rows rows;
  Fingerprint fingerprint;
};

struct FoldedSnapshot {
  LogPosition op;  // of the create, or of the adoption
  std::shared_ptr<const FoldedRows> content;
};
using FoldedSnapshots = std::map<uint32_t, FoldedSnapshot>;

// What became of an entry.
enum class FoldEffect : uint8_t {
  kApplied,
  kNothing,     // an entry without an effect, or a snapshot operation whose marker stands
  kRemembered,  // the request was applied before
  kStale,       // below the client's lower bound
  kFenced,      // the client's session is closed
  kClosed,      // a write after the tablet was closed; not remembered
  kWrongType,   // an increment of what is no number, or beyond the range; remembered as refused
  kImpossible,  // a restore or an adoption of a snapshot that is not there: no correct cluster gets here
};
const char* FoldEffectName(FoldEffect effect);

class TabletFold {
 public:
  TabletFold();

  // `adopted`: of a kAdoptSnapshot, the rows that it brings; null if there are none such.
  FoldEffect Apply(const LedgerEntry& entry, std::shared_ptr<const FoldedRows> adopted = nullptr);

  const FoldedRows& rows() const { return *rows_; }
  // What it remembers beside its rows.
  const Books& books() const { return books_; }
  // Shared until the next change of the set.
  std::shared_ptr<const FoldedSnapshots> snapshots() const { return snapshots_; }

 private:
  struct Session {
    bool fenced = false;
    uint64_t first_incomplete = 0;
    std::set<uint64_t> remembered;
  };
  // Invariant: a snapshot is in `snapshots_` exactly if its marker is kCreated.
  enum class Marker : uint8_t { kCreated, kAborted, kDropped };

  FoldEffect Write(const LedgerEntry& entry);
  // All mutations or, if one is refused, none.
  bool Mutate(const LedgerEntry& entry);
  FoldEffect Create(const LedgerEntry& entry, std::shared_ptr<const FoldedRows> content);
  FoldEffect Restore(const LedgerEntry& entry);
  FoldEffect Remove(const LedgerEntry& entry, Marker marker);
  FoldedRows& MutableRows();
  void SetRow(const std::string& key, const std::string& value);
  void EraseRow(const std::string& key);

  std::shared_ptr<FoldedRows> rows_;
  std::shared_ptr<const FoldedSnapshots> snapshots_;
  std::map<uint32_t, Session> sessions_;
  std::map<uint32_t, Marker> markers_;
  std::set<uint32_t> restorations_;
  Books books_;  // Invariant: what the sessions, markers, restorations and closed_ say
  bool closed_ = false;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_FOLD_H_
