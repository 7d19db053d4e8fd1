// The second judge: what replicas did. Property: at every index all replicas and all their incarnations applied the
// same entry, without a gap; and at every moment a replica's rows, its books (books.h) and its snapshot
// directories are the fold of those entries.
//
// It finds what a heal repairs and what no client ever read. It trusts no replica: the model is TabletFold's. The
// master's group has no fold: its entries are compared, and gaps looked for.
//
// An adopted snapshot is what the tablet that it was exported from held at the op of its create, as far as the keys are
// the adopting tablet's. Where that tablet's log is not known so far yet, the fold waits for it.
//
// A crash may fall between the durable effect of an entry and its report. So an incarnation may begin at an index that
// was never reported: what its store holds there is judged like any other, and if nobody ever reports the entry, that
// stretch is named in unjudged(), never called right or wrong. One thread; call in the order in which things happen.

#ifndef HARNESS_CHECK_LEDGER_H_
#define HARNESS_CHECK_LEDGER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/check/evidence.h"
#include "harness/check/fingerprint.h"
#include "harness/check/fold.h"
#include "harness/check/inspection.h"

namespace holdfast::check {

class ApplyLedger {
 public:
  // Whether a key belongs to a tablet; see Options of StateJudge. May be empty: all do.
  using OwnsKey = std::function<bool(uint32_t tablet, const std::string& key)>;
  explicit ApplyLedger(OwnsKey owns_key = nullptr);

  // A new incarnation begins; its store stands at `applied`.
  void OnRecovered(const ReplicaName& replica, LogPosition applied);
  // Every entry, also one without an effect, in the order of the replica.
  void OnApplied(const ReplicaName& replica, const LedgerEntry& entry);
  // A replica has begun to apply a committed entry whose effect will be durable before it is applied (a snapshot
  // operation): known from here on, also if a crash swallows the report. Optional; without it such a stretch may stay
  // unjudged.
  void OnBegun(const ReplicaName& replica, const LedgerEntry& entry);
  // The replica's state was replaced by that of another one.
  void OnInstalled(const ReplicaName& replica, LogPosition applied);
  // A client was told that its write took effect. `op` is what the reply named; index 0 if it named none.
  void Acknowledged(uint32_t tablet, LogPosition op, uint32_t client, uint64_t sequence);
  // A client was told that its write had no effect and never will have any.
  void Refused(uint32_t tablet, uint32_t client, uint64_t sequence);

  void Check(const Inspection& inspection, const InspectionDigest& digest);
  // One replica; `quiet`: nothing is under way in the cluster.
  void Check(const ReplicaInspection& replica, const ReplicaDigest& digest, bool quiet = false);

  // The end of the run: acknowledged writes are in the ledger, refused ones had no effect there, and what had to wait
  // for later entries is judged.
  void Finish();

  const std::vector<Violation>& violations() const { return log_.violations(); }
  // What could not be judged, in a line for each reason: a verdict of pass needs none. Complete after Finish.
  const std::vector<std::string>& unjudged() const { return unjudged_; }
  // Entries known of a tablet, for reports and for the test of vacuity.
  uint64_t entries(uint32_t tablet) const;
  // What became of an entry; nullopt if something before it is not known.
  std::optional<FoldEffect> EffectAt(uint32_t tablet, uint64_t index) const;
  uint64_t comparisons() const { return comparisons_; }

 private:
  // What is known of one index.
  struct Slot {
    bool known = false;
    LedgerEntry entry;
    ReplicaName first;  // who applied it first
    FoldEffect effect = FoldEffect::kNothing;
    Fingerprint rows;   // after the entry
    Fingerprint books;  // the same
    std::shared_ptr<const FoldedSnapshots> snapshots;
    std::shared_ptr<const FoldedRows> adopted;  // of an adoption: what it brings
  };
  struct Tablet {
    std::vector<Slot> slots;  // slots[i]: index i; slots[0] is the empty tablet
    uint64_t folded = 0;      // Invariant: slots up to here are known and folded
    TabletFold fold;          // the state after `folded`
    // (client, sequence) -> indexes of its entries.
    std::map<std::pair<uint32_t, uint64_t>, std::vector<uint64_t>> requests;
  };
  struct ReplicaState {
    uint32_t incarnation = 0;
    bool recovered = false;
    uint64_t position = 0;  // last index applied or installed by this incarnation, or recovered
  };
  struct AcknowledgedWrite {
    uint32_t tablet = 0;
    LogPosition op;
    uint32_t client = 0;
    uint64_t sequence = 0;
  };
  struct RefusedWrite {
    uint32_t tablet = 0;
    uint32_t client = 0;
    uint64_t sequence = 0;
  };
  // An inspection that can only be judged once later entries are known.
  struct Deferred {
    ReplicaInspection replica;
    ReplicaDigest digest;
  };
  static constexpr size_t kDeferredMax = 64;
  static constexpr size_t kUnjudgedMax = 32;

  // How an inspection that depends on entries not known yet is judged: kWait defers it; kQuiet knows that nothing is
  // under way, so that no such entry can explain it; kLast, at the end of a run, leaves it unjudged.
  enum class Patience : uint8_t { kWait, kQuiet, kLast };

  Tablet& tablet(uint32_t number);
  const Slot* Find(const Tablet& tablet, uint64_t index) const;
  // Takes note of what stands at the entry's index, or compares it with what is known.
  void Learn(const ReplicaName& replica, const LedgerEntry& entry);
  void CompareEntries(const ReplicaName& replica, const Slot& slot, const LedgerEntry& entry);
  void Record(const ReplicaName& replica, Tablet& tablet, const LedgerEntry& entry);
  void FoldOn(uint32_t number, Tablet& tablet);
  // Tablets that wait for what is known now of another one.
  void FoldWaiting();
  // Fills in what an adoption brings. False if it must wait for the tablet that the part comes from.
  bool FindAdopted(uint32_t number, Slot* slot);
  void TellImpossible(uint32_t number, const Tablet& tablet, const Slot& slot);
  // The store of a replica stands at `applied`: the term there must be the ledger's.
  bool CheckPosition(const ReplicaName& replica, LogPosition applied, const char* what);
  // False if it must wait for entries that are not known yet.
  bool Judge(const ReplicaInspection& replica, const ReplicaDigest& digest, Patience patience);
  bool JudgeRows(const ReplicaInspection& replica, const ReplicaDigest& digest, const Tablet& tablet,
                 Patience patience);
  // What it remembers beside its rows.
  bool JudgeBooks(const ReplicaInspection& replica, const ReplicaDigest& digest, const Tablet& tablet,
                  Patience patience);
  // In a barrier, at `index`: a restore's state becomes the live one in the instant before it is marked applied.
  enum class AheadOf : uint8_t { kNo, kNotKnownYet, kRestore };
  AheadOf MayBeAhead(const Tablet& tablet, uint64_t index, Patience patience) const;
  // Placed by hand, and no replica's doing until it is adopted: see Inspection::imports.
  bool IsPlaced(const Tablet& tablet, uint64_t index, uint32_t snapshot) const;
  bool JudgeSnapshots(const ReplicaInspection& replica, const ReplicaDigest& digest, const Tablet& tablet,
                      Patience patience);
  bool JudgeDirectory(const ReplicaInspection& replica, const SnapshotOnDisk& found, const Fingerprint& fingerprint,
                      const Tablet& tablet, Patience patience);
  bool JudgeMissing(const ReplicaInspection& replica, const std::set<uint32_t>& present, const Tablet& tablet,
                    Patience patience);
  // May be half made or half removed: the snapshot of the next entry, whose effect comes before its mark. In a barrier
  // any, since an install replaces the whole set.
  bool InFlight(const ReplicaInspection& replica, const Tablet& tablet, uint32_t snapshot) const;
  void JudgeContent(const ReplicaInspection& replica, const SnapshotOnDisk& found, const Fingerprint& fingerprint,
                    const FoldedSnapshot& expected);
  void JudgeAcknowledged(const AcknowledgedWrite& write);
  void JudgeRefused(const RefusedWrite& write);
  TabletFold FoldAt(const Tablet& tablet, uint64_t index) const;
  // What a reader needs around an index: the entry there, and the last entry before it that was not a plain write.
  std::vector<std::string> Context(const Tablet& tablet, uint64_t index) const;
  void Unjudged(std::string reason);

  const OwnsKey owns_key_;
  std::map<uint32_t, Tablet> tablets_;
  std::set<uint32_t> waiting_;  // tablets whose next entry is an adoption of what is not known yet
  std::set<uint32_t> imports_;  // as of the latest inspection
  std::map<std::pair<uint32_t, uint32_t>, ReplicaState> replicas_;  // (tablet, node)
  std::vector<AcknowledgedWrite> acknowledged_;
  std::vector<RefusedWrite> refused_;
  std::vector<Deferred> deferred_;
  ViolationLog log_;
  std::vector<std::string> unjudged_;
  uint64_t comparisons_ = 0;
};

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_LEDGER_H_
