// Turns what a run asks and hears into the histories that the judges read.
//
// A client's operation is one operation of its tablet. An operation of the snapshot catalogue is one operation of the
// catalogue's history, and besides one operation *per tablet* of the tables concerned: a create is a Snapshot on each,
// which took effect between the call and the first time COMPLETE was seen; a restore is a Restore, a delete a Drop.
// What stays indeterminate keeps an open window until a committed fence closes it.
//
// One thread; calls in the order of events.

#ifndef HARNESS_RUN_RUN_RECORDER_H_
#define HARNESS_RUN_RUN_RECORDER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "harness/check/catalogue_history.h"
#include "harness/check/inspection.h"
#include "harness/check/table_tracks.h"
#include "harness/cluster/cluster.h"
#include "harness/cluster/plan_ids.h"
#include "harness/history/recorder.h"
#include "harness/plan/plan.pb.h"

namespace holdfast::run {

// The keys that the epilogue writes.
inline constexpr int kEpilogueKeys = 16;
inline std::string EpilogueKey(uint64_t number) { return "epilogue" + std::to_string(number % kEpilogueKeys); }

class RunRecorder {
 public:
  RunRecorder(const plan::Plan& plan, const PlanIds& ids);

  // Where an operation was asked from.
  struct Origin {
    uint32_t session = 0;
    uint32_t step = 0;  // number of the plan's step, from 1; 0: the run itself
  };

  using Position = history::Recorder::Position;
  Position InvokeClient(const Origin& origin, uint32_t object, const plan::ClientOperation& operation);
  // The request by which the operation travels: the ledger names it so.
  void OnSent(Position position, uint64_t sequence);
  void CompleteClient(Position position, const CallResult& result);

  Position InvokeCatalogue(const Origin& origin, const plan::SnapshotOperation& operation);
  void CompleteCatalogue(Position position, const CallResult& result);

  // run_recorder_tables.cc
  Position InvokeDropTable(const Origin& origin, uint32_t table);
  Position InvokeListTables(const Origin& origin);
  Position InvokeImport(const Origin& origin, uint32_t snapshot, std::vector<uint32_t> tables, bool fits);
  // Whether what a restore of an import needs was in its place.
  void SetFits(Position position, bool fits) { catalogue_[position].fits = fits; }
  // What an import's part is to be on a tablet.
  void OnImportContent(uint32_t object, uint32_t snapshot, const check::Rows& rows) {
    contents_[{object, snapshot}] = rows;
  }
  const std::set<uint32_t>& imports() const { return imports_; }
  // A delete of the snapshot was asked for and not refused.
  bool IsDeleteAsked(uint32_t snapshot) const;
  // Why a restore was refused; empty if it was not.
  std::string RefusalOf(uint32_t restoration) const;

  // A fence of this session has committed on this object: what it left indeterminate there is over.
  void Fenced(uint32_t session, uint32_t object);
  // Sessions and objects on which a fence is due.
  std::set<std::pair<uint32_t, uint32_t>> NeedFence() const;

  // Where the log of a tablet says that a snapshot operation took effect: hints.
  void OnEntry(uint32_t object, const check::LedgerEntry& entry);
  // A snapshot's rows as read off a replica's directory.
  void OnDirectory(uint32_t object, const check::SnapshotOnDisk& directory);

  // The newest list that was answered.
  const std::vector<check::CatalogueOperation::Listed>& snapshots() const { return listed_snapshots_; }
  const std::vector<check::CatalogueOperation::Listed>& restorations() const { return listed_restorations_; }
  // The newest list of tables that was answered; the tables that it does not show are gone.
  const std::vector<check::CatalogueOperation::ListedTable>& tables() const { return listed_tables_; }
  // A drop was asked for and not refused.
  bool asked_to_drop() const { return !dropped_.empty(); }
  // As far as the newest list tells.
  bool IsDropped(uint32_t table) const;
  // Of the tables that the plan drops.
  const std::vector<check::TableUse>& table_uses() const { return table_uses_; }
  const std::vector<uint32_t>& TablesOf(uint32_t snapshot) const { return tables_.at(snapshot); }
  uint64_t restored_count() const { return restored_.size(); }

  const check::CatalogueHistory& catalogue() const { return catalogue_; }
  int64_t NextEvent() { return recorder_.NextEvent(); }
  // Ends the recording: fills in what is known of contents and places.
  // `took_effect` tells whether the entry at an index of an object's log did, as far as known.
  using TookEffect = std::function<bool(uint32_t object, uint64_t index)>;
  history::History Finish(const TookEffect& took_effect);

 private:
  // One operation per tablet that a catalogue operation stands for.
  struct Part {
    uint32_t object = 0;
    Position position = 0;
    bool ended = false;
  };
  struct Indeterminate {
    uint32_t session = 0;
    uint32_t object = 0;
    Position position = 0;
  };
  std::vector<Part> InvokeParts(const Origin& origin, history::Kind kind, uint32_t snapshot);
  void TakeImported(uint32_t object, uint32_t snapshot, history::Call* call) const;
  void EndParts(std::vector<Part>* parts, bool took_effect);
  // Each took effect by now, or never will.
  void CloseParts(std::vector<Part>* parts);
  void OnComplete(uint32_t snapshot);
  void OnListTables(const sut::proto::Reply::TableList& list, check::CatalogueOperation* record);
  void NoteTableUse(Position position, const CallResult& result);
  void OnList(const check::CatalogueOperation& list);
  std::string SnapshotKey(uint32_t snapshot) const;

  const plan::Plan& plan_;
  const PlanIds& ids_;
  history::Recorder recorder_;
  check::CatalogueHistory catalogue_;
  std::map<uint32_t, std::vector<uint32_t>> tables_;  // by snapshot
  std::map<uint32_t, std::vector<Part>> creates_;     // by snapshot
  std::map<uint32_t, std::vector<Part>> restores_;    // by restoration
  std::map<uint32_t, std::deque<std::vector<Part>>>
      deletes_;  // by snapshot, one for each call; a deque keeps them in place
  std::map<Position, std::vector<Part>*> pending_deletes_;
  std::map<uint32_t, uint32_t> snapshot_of_;  // by restoration
  std::vector<Indeterminate> indeterminate_;
  std::vector<std::pair<uint32_t, Position>> indeterminate_catalogue_;  // session, position in catalogue_
  std::map<std::tuple<uint32_t, uint32_t, uint64_t>, Position> sent_;   // by (object, session, sequence)
  std::map<Position, history::OpId> write_places_;
  std::map<std::pair<uint32_t, uint32_t>, history::OpId> create_places_;   // (object, snapshot)
  std::map<std::pair<uint32_t, uint32_t>, history::OpId> restore_places_;  // (object, restoration)
  std::map<std::pair<uint32_t, uint32_t>, history::OpId> drop_places_;     // (object, snapshot)
  std::map<std::pair<uint32_t, uint32_t>, check::Rows> contents_;          // (object, snapshot)
  std::vector<check::CatalogueOperation::Listed> listed_snapshots_;
  std::vector<check::CatalogueOperation::Listed> listed_restorations_;
  const std::set<uint32_t> dropped_by_plan_;
  std::map<uint32_t, int> drops_open_;  // by table: drops that were not refused
  std::set<uint32_t> dropped_;          // tables with a drop that was asked for and not refused
  std::vector<check::CatalogueOperation::ListedTable> listed_tables_;
  std::vector<check::TableUse> table_uses_;
  std::set<uint32_t> imports_;  // snapshots that were asked to be imported
  std::set<uint32_t> restored_;
  std::set<uint32_t> complete_;  // snapshots seen COMPLETE
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_RUN_RECORDER_H_
