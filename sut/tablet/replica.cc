// A replica's life and its Raft group's output. The rest of the class: applying in replica_apply.cc, barriers in
// replica_barriers.cc, housekeeping in replica_maintenance.cc, requests in replica_requests.cc, changes of the group in
// replica_membership.cc.

#include "sut/tablet/replica.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/raft/wire.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/placed.h"
#include "sut/tablet/install_receiver.h"
#include "sut/tablet/install_source.h"
#include "sut/tablet/snapshot_barriers.h"

namespace sut {
namespace {

template <typename Id>
Id TrustedId(const std::string& bytes) {
  const auto id = IdFromBytes<Id>(bytes);
  SUT_CHECK(id.ok(), "an id in a journal record was verified when it was written");
  return *id;
}

raft::Config FoundingConfig(const proto::ReplicaRecord& record) {
  raft::Config config;
  for (const auto& member : record.members()) {
    config.voters.push_back(ReplicaId{member.replica()});
    config.addresses.push_back({ReplicaId{member.replica()}, NodeId{member.node()}});
  }
  std::sort(config.voters.begin(), config.voters.end());
  std::sort(config.addresses.begin(), config.addresses.end(),
            [](const raft::Address& a, const raft::Address& b) { return a.replica < b.replica; });
  return config;
}

absl::Status CheckRecord(const proto::ReplicaRecord& record) {
  if (!IdFromBytes<TabletId>(record.tablet()).ok() || !IdFromBytes<TableId>(record.table()).ok()) {
    return absl::DataLossError("a replica's journal record has no valid ids");
  }
  if (record.replica() == 0 || record.members().empty()) {
    return absl::DataLossError("a replica's journal record has no members");
  }
  for (const std::string& id : record.install_snapshots()) {
    if (!IdFromBytes<SnapshotId>(id).ok()) return absl::DataLossError("a journal record names no valid snapshot");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LogStore::RecoveredReplica> Replica::Create(const ReplicaContext& context,
                                                           const proto::ReplicaRecord& record, Origin origin) {
  if (absl::Status status = CheckRecord(record); !status.ok()) return status;
  const StorageSeam& storage = context.seams->storage;
  const ReplicaLayout layout(*context.layout, TrustedId<TableId>(record.table()), TrustedId<TabletId>(record.tablet()));
  // Without a record, a directory of that name is left over from an attempt that a crash cut short.
  if (absl::Status status = RemoveTree(storage, layout.live()); !status.ok()) return status;
  if (absl::Status status = CreateDirectoryChain(storage, layout.live()); !status.ok()) return status;
  LogStore::RecoveredReplica created;
  created.record = record;
  created.record.set_generation(1);
  if (origin == Origin::kFounder) created.start.config = FoundingConfig(record);
  const LogStore::LogReset reset{.start = created.start, .keep_tail = false, .forget_promises = true};
  const absl::Status status = context.log_store->PutReplica(created.record, reset);
  if (!status.ok()) return status;
  return created;
}

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(const ReplicaContext& context,
                                                       LogStore::RecoveredReplica recovered, StateMachine* machine) {
  return Open(context, Founded{std::move(recovered), nullptr}, machine);
}

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(const ReplicaContext& context, Founded founded,
                                                       StateMachine* machine) {
  const proto::ReplicaRecord& record = founded.recovered.record;
  if (absl::Status status = CheckRecord(record); !status.ok()) return status;
  std::unique_ptr<Replica> replica(new Replica(context, record, machine));
  if (absl::Status status = replica->Recover(std::move(founded)); !status.ok()) return status;
  return replica;
}

absl::StatusOr<Replica::Founded> Replica::CreateAndOpen(const ReplicaContext& context,
                                                        const proto::ReplicaRecord& record, Origin origin) {
  auto created = Create(context, record, origin);
  if (!created.ok()) return created.status();
  auto store = OpenLive(context, *created);
  if (!store.ok()) return store.status();
  return Founded{*std::move(created), *std::move(store)};
}

absl::StatusOr<std::shared_ptr<TabletStore>> Replica::OpenLive(const ReplicaContext& context,
                                                               const LogStore::RecoveredReplica& recovered) {
  const proto::ReplicaRecord& record = recovered.record;
  const auto tablet = TrustedId<TabletId>(record.tablet());
  const ReplicaLayout layout(*context.layout, TrustedId<TableId>(record.table()), tablet);
  TabletStore::OpenOptions open;
  open.bugs = context.options->bugs;
  open.flush_after_entries = context.options->flush_after_entries;
  // The first generation may not have reached the disk before its first flush; the log then holds everything.
  open.create = record.generation() == 1 && recovered.start.last.index.value == 0;
  auto store = TabletStore::Open(context.seams->storage, layout.generation(record.generation()), open);
  if (store.ok()) context.seams->probes->Hit(Probe::kStoreOpened, tablet);
  return store;
}

Replica::Replica(const ReplicaContext& context, proto::ReplicaRecord record, StateMachine* machine)
    : context_(context),
      record_(std::move(record)),
      tablet_(TrustedId<TabletId>(record_.tablet())),
      table_(TrustedId<TableId>(record_.table())),
      replica_(ReplicaId{record_.replica()}),
      layout_(*context.layout, table_, tablet_),
      machine_(machine),
      row_machine_(dynamic_cast<RowMachine*>(machine)),
      snapshots_(std::make_unique<SnapshotBarriers>(this)),
      install_source_(std::make_unique<InstallSource>(this)),
      install_receiver_(std::make_unique<InstallReceiver>(this)) {}

Replica::~Replica() = default;

raft::Options Replica::RaftOptions() const {
  raft::Options raft_options;
  raft_options.heartbeat_ticks = options().heartbeat_ticks;
  raft_options.election_ticks_min = options().election_ticks;
  raft_options.entries_per_append_max = options().entries_per_append_max;
  raft_options.appends_in_flight_max = options().appends_in_flight_max;
  raft_options.proposals_pending_max = options().proposals_pending_max;
  raft_options.learners_begin_with_install = true;
  const BugSet bugs = options().bugs;
  raft_options.bug_older_install_taken = bugs.has(Bug::kOlderInstallTaken);
  raft_options.bug_removed_replica_votes = bugs.has(Bug::kRemovedReplicaVotes);
  raft_options.bug_vote_not_persisted = bugs.has(Bug::kVoteNotPersisted);
  raft_options.bug_install_keeps_conflicting_tail = bugs.has(Bug::kInstallKeepsConflictingTail);
  raft_options.bug_no_install = bugs.has(Bug::kNoInstallForLaggard);
  raft_options.bug_commit_without_majority = bugs.has(Bug::kCommitWithoutMajority);
  raft_options.bug_read_without_quorum = bugs.has(Bug::kReadWithoutQuorum);
  raft_options.bug_older_term_committed_by_counting = bugs.has(Bug::kOlderTermCommittedByCounting);
  const int base = options().election_ticks;
  raft_options.election_ticks = [base, node = context_.node, tablet = tablet_](Term term) {
    const uint64_t draw = Mix({0x656c6563, node.value, tablet.hi, tablet.lo, term.value});
    return base + static_cast<int>(Below(draw, static_cast<uint64_t>(base)));
  };
  return raft_options;
}

absl::Status Replica::Recover(Founded founded) {
  LogStore::RecoveredReplica& recovered = founded.recovered;
  if (record_.install_unfinished()) {
    if (absl::Status status = install_receiver_->FinishAtStart(); !status.ok()) return status;
  }
  if (absl::Status status = snapshots_->RemoveLeftOvers(); !status.ok()) return status;
  if (absl::Status status = install_receiver_->FindLeftOver(); !status.ok()) return status;
  if (founded.store == nullptr) {
    // FinishAtStart may have changed the record.
    recovered.record = record_;
    auto store = OpenLive(context_, recovered);
    if (!store.ok()) return store.status();
    founded.store = *std::move(store);
  }
  if (absl::Status status = LoadStore(std::move(founded.store)); !status.ok()) return status;
  // An install may have brought the deletion of an import past what was placed for it.
  if (absl::Status status = RemovePlaced(storage(), layout_, markers_.removed_snapshots()); !status.ok()) return status;
  applied_ = store_->applied();
  // Should this replica lead, its entries are stamped later than those that it has already.
  for (const raft::Entry& entry : recovered.entries) context_.hybrid_clock->Observe(entry.time);
  raft::RecoveredState state{recovered.hard_state, recovered.start, std::move(recovered.entries), applied_.index};
  auto raft = raft::Raft::Recover(replica_, RaftOptions(), std::move(state));
  if (!raft.ok()) return raft.status();
  raft_ = *std::move(raft);
  if (raft_->TermAt(applied_.index) != applied_.term) {
    return absl::DataLossError("the row store's applied op id is not in the Raft log");
  }
  context_.seams->observer->OnRecovered(tablet_, replica_, applied_);
  return absl::OkStatus();
}

absl::Status Replica::LoadStore(std::shared_ptr<TabletStore> store) {
  if (absl::Status status = sessions_.Load(*store); !status.ok()) return status;
  if (absl::Status status = markers_.Load(*store); !status.ok()) return status;
  if (absl::Status status = machine_->Load(*store); !status.ok()) return status;
  store_ = std::move(store);
  return absl::OkStatus();
}

void Replica::Tick() {
  raft_->Tick();
  install_source_->Tick();
  install_receiver_->Tick();
  if (!pins_.empty()) ExpirePins();
  Pump();
}

void Replica::OnRaft(NodeId from, const raft::Message& message) {
  NoteSender(message.from, from);
  raft_->Step(message);
  Pump();
}

void Replica::OnInstall(NodeId from, const proto::InstallEnvelope& envelope) {
  if (retiring_ && envelope.has_offer()) return;
  if (ReplicaId{envelope.to_replica()} != replica_) return;
  NoteSender(ReplicaId{envelope.from_replica()}, from);
  if (envelope.has_reply()) {
    install_source_->OnReply(envelope);
  } else {
    install_receiver_->OnEnvelope(envelope);
  }
  Pump();
}

bool Replica::idle() const {
  return to_apply_.empty() && !barrier_running_ && barriers_waiting_.empty() && !maintenance_running_ &&
         !old_generations_ && !install_source_->busy() && !install_receiver_->busy() &&
         applied_.index == raft_->status().commit;
}

void Replica::Pump() {
  // A callback may come back here; the outer loop takes what it leaves.
  if (stopped_ || std::exchange(pumping_, true)) return;
  const auto more = [this] {
    return !stopped_ && (raft_->HasReady() || (may_begin_barrier() && !barriers_waiting_.empty()));
  };
  do {
    while (raft_->HasReady()) Process(raft_->TakeReady());
    NoteRole();
    ApplyCommitted();
    ServeReads();
  } while (more());
  pumping_ = false;
}

void Replica::Process(raft::Ready ready) {
  SendRaft(ready.messages);
  LogStore::GroupWrite write{tablet_, ready.truncate_from, std::move(ready.entries), ready.hard_state};
  const bool writes = write.truncate_from || !write.entries.empty() || write.hard_state;
  const auto durable = [this, number = ready.number, messages = std::move(ready.messages_after_sync)] {
    raft_->Persisted(number);
    SendRaft(messages);
    Pump();
  };
  if (ready.must_sync) {
    context_.log_writer->Submit(write, durable);
  } else {
    if (writes) context_.log_writer->SubmitUnsynced(write);
    context_.log_writer->AfterPending(durable);
  }
  if (ready.truncate_from) Hit(Probe::kLogTruncated);
  for (raft::Entry& entry : ready.committed) to_apply_.push_back(std::move(entry));
  for (const raft::ReadState& read : ready.reads) {
    const auto waiting = reads_.find(read.id);
    if (waiting == reads_.end()) continue;
    reads_confirmed_.emplace(read.index, std::move(waiting->second));
    reads_.erase(waiting);
  }
  for (const uint64_t id : ready.lost_reads) {
    const auto waiting = reads_.find(id);
    if (waiting == reads_.end()) continue;
    const auto done = std::move(waiting->second);
    reads_.erase(waiting);
    done(NotLeader());
  }
  for (const ReplicaId peer : ready.installs) {
    if (!retiring_) install_source_->Start(peer);
  }
}

void Replica::SendRaft(const std::vector<raft::Message>& messages) {
  for (const raft::Message& message : messages) {
    const NodeId to = NodeOf(message.to);
    if (to.is_none()) continue;  // the answer to a replica that never was in this group
    if (message.type == raft::MessageType::kPreVote) Hit(Probe::kPreVoteStarted);
    if (message.type == raft::MessageType::kVote) Hit(Probe::kElectionStarted);
    if (message.type == raft::MessageType::kVoteReply && message.granted) Hit(Probe::kVoteGranted);
    if (message.type == raft::MessageType::kTimeoutNow) Hit(Probe::kLeaderTransferStarted);
    proto::Envelope envelope;
    envelope.set_from_node(context_.node.value);
    envelope.mutable_raft()->set_tablet(Bytes(tablet_));
    raft::ToProto(message, envelope.mutable_raft()->mutable_message());
    const uint64_t identity = Mix({0x72616674, tablet_.hi, tablet_.lo, static_cast<uint64_t>(message.type),
                                   message.term.value, message.previous.index.value, message.entries.size(),
                                   message.commit.value, message.match.value, message.read_context});
    context_.seams->transport->Send(to, LogicalIdentity{identity}, envelope.SerializeAsString());
  }
}

void Replica::NoteRole() {
  const raft::Role role = raft_->status().role;
  const Term term = raft_->status().term;
  // A leader of a later term has lost leadership in between.
  if (role == role_ && (role != raft::Role::kLeader || term == role_term_)) return;
  const raft::Role before = std::exchange(role_, role);
  role_term_ = term;
  if (role == raft::Role::kLeader) Hit(Probe::kBecameLeader);
  if (before == raft::Role::kLeader) {
    Hit(Probe::kSteppedDown);
    // Planted bug 26: what was begun is shipped to the end, wherever the receiver has got to meanwhile.
    if (!options().bugs.has(Bug::kOlderInstallTaken)) install_source_->StopAll();
    FailProposals(raft_->status().last.index, "leadership was lost before the entry was known to be committed");
  }
  if (on_role_change_) on_role_change_();
}

void Replica::FailProposals(Index last, const std::string& message) {
  // A proposal beyond the log's end was cut off with it.
  const auto end = last >= raft_->status().last.index ? proposals_.end() : proposals_.upper_bound(last);
  std::vector<Proposal> failed;
  for (auto it = proposals_.begin(); it != end; ++it) failed.push_back(std::move(it->second));
  proposals_.erase(proposals_.begin(), end);
  for (const Proposal& proposal : failed) {
    proto::Reply reply;
    reply.set_code(proto::INDETERMINATE);
    reply.set_message(message);
    reply.set_leader_node(NodeOf(raft_->status().leader).value);
    proposal.done(std::move(reply));
  }
}

void Replica::Fatal(const std::string& reason) {
  SetOutOfService(true);
  if (std::exchange(stopped_, true)) return;
  context_.seams->on_fatal(reason);
}

}  // namespace sut
