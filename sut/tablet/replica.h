// A replica of one group: Raft, its part of the log store, its row store, and the applying of committed entries.
//
// Entries apply one at a time, in order. Most apply at once on the loop. A snapshot operation or an install is a
// barrier: a sequence of steps on the Worker, during which nothing else applies, while Raft, heartbeats and pinned
// reads go on.
//
// Durable state and its order (what a crash may find):
//   1. An entry is applied only when it is durable in this replica's own log.
//   2. The row store is durable up to its flushed applied op id; the log is kept from there on, so a restart replays
//   the rest.
//   3. The effect of a barrier is durable before it is marked applied, and repeating it from any point gives the same.
// A barrier that fails (disk full, damage) stops the replica before the entry: it gives up leadership, refuses
// requests, and tries again after a pause, in which an install may replace what is damaged. It never skips. Where
// trying again is of no use (a row store that failed a write or a flush, a log that failed a sync) the node is stopped,
// and replays at its restart.
//
// Loop rule: everything on the node's loop. Every reply callback is called exactly once unless the node dies first.

#ifndef SUT_TABLET_REPLICA_H_
#define SUT_TABLET_REPLICA_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/base/hybrid_clock.h"
#include "sut/base/ids.h"
#include "sut/proto/service.pb.h"
#include "sut/proto/storage.pb.h"
#include "sut/raft/raft.h"
#include "sut/runtime/node_options.h"
#include "sut/runtime/seams.h"
#include "sut/storage/layout.h"
#include "sut/storage/log_store.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/log_writer.h"
#include "sut/tablet/markers.h"
#include "sut/tablet/row_machine.h"
#include "sut/tablet/sequence.h"
#include "sut/tablet/session_table.h"
#include "sut/tablet/state_machine.h"

namespace sut {

class InstallReceiver;
class InstallSource;
class SnapshotBarriers;

// What all replicas of a node share. Everything outlives the replicas.
struct ReplicaContext {
  NodeId node;
  const NodeOptions* options = nullptr;
  const Seams* seams = nullptr;
  const NodeLayout* layout = nullptr;
  LogStore* log_store = nullptr;
  LogWriter* log_writer = nullptr;
  HybridClock* hybrid_clock = nullptr;
};

class Replica : public ReplicatedGroup {
 public:
  // Opens what a crash or a clean stop left: finishes an install that had been committed, removes garbage, opens the
  // live generation. `machine` outlives the replica.
  static absl::StatusOr<std::unique_ptr<Replica>> Open(const ReplicaContext& context,
                                                       LogStore::RecoveredReplica recovered, StateMachine* machine);
  // As it stands on the disk, with its store if that is open already.
  struct Founded {
    LogStore::RecoveredReplica recovered;
    std::shared_ptr<TabletStore> store;  // may be null
  };
  static absl::StatusOr<std::unique_ptr<Replica>> Open(const ReplicaContext& context, Founded founded,
                                                       StateMachine* machine);
  // Makes a new, empty replica durable: its store, then its journal record. A founder begins as a voter together with
  // the others in the record; one that joins begins outside of any configuration, and is told by the group. On the
  // Worker, or on the loop during start-up, as is CreateAndOpen, which opens the store too.
  enum class Origin : uint8_t { kFounder, kJoins };
  static absl::StatusOr<LogStore::RecoveredReplica> Create(const ReplicaContext& context,
                                                           const proto::ReplicaRecord& record, Origin origin);
  static absl::StatusOr<Founded> CreateAndOpen(const ReplicaContext& context, const proto::ReplicaRecord& record,
                                               Origin origin);
  ~Replica() override;

  // Called after each change of role, never inside Open.
  void set_on_role_change(std::function<void()> on_role_change) { on_role_change_ = std::move(on_role_change); }

  void Tick();
  void OnRaft(NodeId from, const raft::Message& message);
  void OnInstall(NodeId from, const proto::InstallEnvelope& envelope);
  // For removal, which is for good: takes the replica out of service, and stops it as soon as nothing of it is under
  // way on the Worker. Null as long as something is: ask again later. After it, the object only waits for what was
  // promised to call it back: a pause of kCallbackUsMax, then everything that the log writer has. The store is no more
  // in use. What clients are told depends on whether the tablet lives on elsewhere.
  std::shared_ptr<TabletStore> Retire(bool tablet_lives_on);
  static constexpr int64_t kCallbackUsMax = 2'000'000;

  // A learner this close to what is committed catches up with the rest as a voter (dissertation, section 4.2.1).
  static constexpr uint64_t kNewVoterLagMax = 16;

  // A request to this tablet, other than those that only the master knows.
  void Handle(const proto::Request& request, std::function<void(proto::Reply)> reply);

  bool is_leader() const override { return raft_->is_leader(); }
  Term term() const override { return raft_->status().term; }
  void Propose(proto::Command command, std::function<void(proto::Reply)> done) override;
  void ReadBarrier(std::function<void(proto::Reply)> done) override;

  // For inspections and status.
  const raft::Raft& raft() const { return *raft_; }
  const proto::ReplicaRecord& record() const { return record_; }
  const std::shared_ptr<TabletStore>& store() const { return store_; }
  const Markers& markers() const { return markers_; }
  const ReplicaLayout& layout() const { return layout_; }
  TabletId tablet() const { return tablet_; }
  ReplicaId replica() const { return replica_; }
  OpId applied() const { return applied_; }
  // A barrier is running or held up: directories may be in between.
  bool in_barrier() const { return barrier_running_; }
  bool out_of_service() const { return out_of_service_; }
  // A flush or a compaction is wanted, or under way.
  bool maintaining() const { return maintenance_running_ || flush_wanted_ || compaction_wanted_; }
  // Nothing is waiting to be applied, written, flushed or shipped.
  bool idle() const;
  // Where a replica of the group is, as far as known here.
  NodeId NodeOf(ReplicaId replica) const;

 private:
  friend class InstallReceiver;
  friend class InstallSource;
  friend class SnapshotBarriers;

  Replica(const ReplicaContext& context, proto::ReplicaRecord record, StateMachine* machine);
  absl::Status Recover(Founded founded);
  // The live generation of a replica in this state.
  static absl::StatusOr<std::shared_ptr<TabletStore>> OpenLive(const ReplicaContext& context,
                                                               const LogStore::RecoveredReplica& recovered);
  absl::Status LoadStore(std::shared_ptr<TabletStore> store);
  raft::Options RaftOptions() const;

  // Raft and its output.
  void Pump();
  void Process(raft::Ready ready);
  void SendRaft(const std::vector<raft::Message>& messages);
  void NoteRole();
  // Answers the proposals that wait for entries up to `last`: what became of them can't be told.
  void FailProposals(Index last, const std::string& message);
  // Stops the node; the replica does nothing more.
  void Fatal(const std::string& reason);

  // Applying.
  void ApplyCommitted();
  bool ApplyOne(const raft::Entry& entry);  // false: a barrier took over, or the replica stopped
  proto::Reply ApplyCommand(const proto::Command& command, const raft::Entry& entry, StoreBatch* batch,
                            absl::Status* status);
  proto::Reply ApplyClose(OpId op, StoreBatch* batch);
  static proto::Reply TabletGone();
  // To a request that this replica takes no more.
  proto::Reply Gone() const;
  // Commits `batch` at the entry, then finishes it.
  void CommitEntry(const raft::Entry& entry, const proto::Command* command, StoreBatch batch, proto::Reply reply);
  // What observers are told of an entry; valid as long as the entry. `command` is null for an entry that is none.
  ApplyObserver::Applied Observed(const raft::Entry& entry, const proto::Command* command) const;
  // The entry's effect is in the store: tells observers and the waiting proposer, and takes it off the queue.
  void FinishEntry(const raft::Entry& entry, const proto::Command* command, proto::Reply reply);
  void ServeReads();

  // Barriers. `finish` runs on the loop after all steps went well and must end with EndBarrier.
  void StartBarrier(LogicalIdentity identity, std::vector<Step> steps, std::function<void()> finish);
  // Calls `done` when the log says durably that what is being applied is committed: a restart applies it, and needs no
  // leader for that.
  void MakeCommitDurable(std::function<void()> done);
  // For a barrier that is no entry and ends by itself, well or in vain, or that waits for something before its first
  // step. REQUIRES: none is running.
  void BeginBarrier();
  void EndBarrier();
  // Calls `start` as soon as a barrier may begin; it may begin one. Bounded: an install source and a receiver ask once
  // each at a time.
  void WhenNoBarrier(std::function<void()> start);
  // A barrier that is held up gives way, unless the store is already another than what the directories are of.
  bool may_begin_barrier() const { return !barrier_running_ || (held_up_ && !record_.install_unfinished()); }
  void BarrierFailed(const absl::Status& status);
  // A read of the row store has failed. If that is damage, the replica leaves service until the whole store can be
  // read, which takes an install.
  void NoteReadFailure(const absl::Status& status);
  void SetOutOfService(bool out_of_service);
  // Flushes the present store. Its failure is final for the store, so that no later attempt can succeed.
  Step FlushStep() const;
  // Takes over a generation that has become the live one.
  absl::Status SwapStore(std::shared_ptr<TabletStore> store, const proto::ReplicaRecord& record);

  // Housekeeping after applying: flush, drop log entries, compact, remove old generations.
  void MaintainStore();
  void RunMaintenance(LogicalIdentity identity, Step step, std::function<void(absl::Status)> finish);
  void FlushStore(LogicalIdentity identity);
  void CompactStore(LogicalIdentity identity);
  void CompactLog();
  void RemoveOldGenerations();

  // Requests.
  void HandleWrite(const proto::Request& request, std::function<void(proto::Reply)> reply);
  void HandleGet(const proto::Request& request, std::function<void(proto::Reply)> reply);
  void HandleScan(const proto::Request& request, std::function<void(proto::Reply)> reply);
  void OpenScan(const proto::Scan& scan, std::function<void(proto::Reply)> reply);
  void HandleSnapshotOp(const proto::Request& request, std::function<void(proto::Reply)> reply);
  void HandleMaintenance(const proto::Request& request, std::function<void(proto::Reply)> reply);
  proto::Reply ScanPage(uint64_t pin, const proto::Scan& scan);
  void ExpirePins();
  proto::Reply NotLeader() const;
  // Whether a request for rows is to be refused since the tablet was closed, or is going to be removed.
  bool RefusesRows() const { return markers_.closed().has_value() || retiring_; }
  void HandleInspect(const proto::Request& request, std::function<void(proto::Reply)> reply);
  void HandleClose(std::function<void(proto::Reply)> reply);

  // Membership.
  void HandleChangeGroup(const proto::ChangeGroup& change, std::function<void(proto::Reply)> reply);
  bool CaughtUp(ReplicaId learner) const;
  ReplicaId MemberOn(NodeId node) const;  // none if there is none
  void NoteSender(ReplicaId replica, NodeId node);
  void NoteConfigApplied(const raft::Entry& entry);

  void Hit(Probe probe) const { context_.seams->probes->Hit(probe, tablet_); }
  int64_t NowUs() const { return context_.seams->clock->NowUs(); }
  const NodeOptions& options() const { return *context_.options; }
  const StorageSeam& storage() const { return context_.seams->storage; }

  struct Proposal {
    Term term;
    std::function<void(proto::Reply)> done;
  };
  struct Pinned {
    std::unique_ptr<TabletStore::View> view;
    int64_t expires_us = 0;
  };

  ReplicaContext context_;
  proto::ReplicaRecord record_;  // as it stands in the journal
  TabletId tablet_;
  TableId table_;
  ReplicaId replica_;
  ReplicaLayout layout_;
  StateMachine* machine_;
  std::unique_ptr<raft::Raft> raft_;
  std::shared_ptr<TabletStore> store_;  // Invariant: the generation that record_ names
  SessionTable sessions_;
  Markers markers_;
  RowMachine* row_machine_ = nullptr;  // machine_, where it is a tablet's

  OpId applied_;  // the last entry applied, and what reads see
  // Committed, not yet applied; no more than the log holds in memory anyway. Invariant: consecutive; what does not
  // follow applied_ is contained in it.
  std::deque<raft::Entry> to_apply_;
  std::map<Index, Proposal> proposals_;                                      // at most proposals_pending_max
  std::map<uint64_t, std::function<void(proto::Reply)>> reads_;              // by read id, waiting for a quorum
  std::multimap<Index, std::function<void(proto::Reply)>> reads_confirmed_;  // waiting for the index to be applied
  uint64_t last_read_id_ = 0;
  std::map<uint64_t, Pinned> pins_;
  uint64_t pins_opened_ = 0;

  // Senders that stand in no configuration known here; at most kHeardFromMax.
  std::map<ReplicaId, NodeId> heard_from_;

  raft::Role role_ = raft::Role::kFollower;  // as last noted
  Term role_term_;                           // the term of that
  std::function<void()> on_role_change_;
  bool pumping_ = false;
  bool stopped_ = false;          // by Fatal or Retire
  bool retiring_ = false;         // nothing is begun any more
  bool lives_on_ = false;         // retiring, and the tablet is elsewhere
  bool barrier_running_ = false;  // or held up
  bool held_up_ = false;          // failed, and waiting for the next attempt. Invariant: then retry_barrier_ is set
  std::deque<std::function<void()>> barriers_waiting_;
  bool out_of_service_ = false;
  std::function<void()> retry_barrier_;
  uint64_t barrier_attempts_ = 0;  // of the present one that failed
  uint64_t hold_ups_ = 0;          // tells the timer of one pause from that of another
  std::shared_ptr<bool> store_failed_ = std::make_shared<bool>(false);  // set by a job whose flush failed
  bool maintenance_running_ = false;
  std::set<SnapshotId> inspections_;  // under way
  int64_t maintenance_after_us_ = 0;  // a pause after what may fail has failed
  bool flush_wanted_ = false;
  bool compaction_wanted_ = false;
  bool old_generations_ = false;

  std::unique_ptr<SnapshotBarriers> snapshots_;
  std::unique_ptr<InstallSource> install_source_;
  std::unique_ptr<InstallReceiver> install_receiver_;
};

}  // namespace sut

#endif  // SUT_TABLET_REPLICA_H_
