#include "sut/tablet/replica.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/raft/wire.h"
#include "sut/storage/checkpoint.h"
#include "sut/tablet/install_receiver.h"
#include "sut/tablet/install_source.h"
#include "sut/tablet/snapshot_barriers.h"

namespace sut {
namespace {

constexpr int64_t kBarrierRetryUs = 1'000'000;

template <typename Id>
Id TrustedId(const std::string& bytes) {
  const auto id = IdFromBytes<Id>(bytes);
  SUT_CHECK(id.ok(), "an id in a journal record was verified when it was written");
  return *id;
}

raft::Config InitialConfig(const proto::ReplicaRecord& record) {
  raft::Config config;
  for (const auto& member : record.members()) config.voters.push_back(ReplicaId{member.replica()});
  std::sort(config.voters.begin(), config.voters.end());
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
                                                           const proto::ReplicaRecord& record) {
  if (absl::Status status = CheckRecord(record); !status.ok()) return status;
  const StorageSeam& storage = context.seams->storage;
  const ReplicaLayout layout(*context.layout, TrustedId<TableId>(record.table()), TrustedId<TabletId>(record.tablet()));
  // Without a record, a directory of that name is left over from an attempt that a crash cut short.
  if (absl::Status status = RemoveTree(storage, layout.live()); !status.ok()) return status;
  if (absl::Status status = CreateDirectoryChain(storage, layout.live()); !status.ok()) return status;
  LogStore::RecoveredReplica created;
  created.record = record;
  created.record.set_generation(1);
  created.start.config = InitialConfig(record);
  const absl::Status status = context.log_store->PutReplica(created.record, LogStore::LogReset{created.start, false});
  if (!status.ok()) return status;
  return created;
}

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(const ReplicaContext& context,
                                                       LogStore::RecoveredReplica recovered, StateMachine* machine) {
  if (absl::Status status = CheckRecord(recovered.record); !status.ok()) return status;
  std::unique_ptr<Replica> replica(new Replica(context, recovered.record, machine));
  if (absl::Status status = replica->Recover(std::move(recovered)); !status.ok()) return status;
  return replica;
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
  raft_options.bug_vote_not_persisted = options().bugs.has(Bug::kVoteNotPersisted);
  const int base = options().election_ticks;
  raft_options.election_ticks = [base, node = context_.node, tablet = tablet_](Term term) {
    const uint64_t draw = Mix({0x656c6563, node.value, tablet.hi, tablet.lo, term.value});
    return base + static_cast<int>(Below(draw, static_cast<uint64_t>(base)));
  };
  return raft_options;
}

absl::Status Replica::Recover(LogStore::RecoveredReplica recovered) {
  if (record_.install_unfinished()) {
    if (absl::Status status = install_receiver_->FinishAtStart(); !status.ok()) return status;
  }
  if (absl::Status status = snapshots_->RemoveLeftOvers(); !status.ok()) return status;
  TabletStore::OpenOptions open;
  open.bugs = options().bugs;
  open.flush_after_entries = options().flush_after_entries;
  // The first generation may not have reached the disk before its first flush; the log then holds everything.
  open.create = record_.generation() == 1 && recovered.start.last.index.value == 0;
  auto store = TabletStore::Open(storage(), layout_.generation(record_.generation()), open);
  if (!store.ok()) return store.status();
  Hit(Probe::kStoreOpened);
  if (absl::Status status = LoadStore(*std::move(store)); !status.ok()) return status;
  applied_ = store_->applied();
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

void Replica::OnRaft(const raft::Message& message) {
  raft_->Step(message);
  Pump();
}

void Replica::OnInstall(const proto::InstallEnvelope& envelope) {
  if (ReplicaId{envelope.to_replica()} != replica_) return;
  if (envelope.has_reply()) {
    install_source_->OnReply(envelope);
  } else {
    install_receiver_->OnEnvelope(envelope);
  }
  Pump();
}

bool Replica::idle() const {
  return to_apply_.empty() && !barrier_running_ && !maintenance_running_ && !install_source_->busy() &&
         !install_receiver_->busy() && applied_.index == raft_->status().commit;
}

NodeId Replica::NodeOf(ReplicaId replica) const {
  for (const auto& member : record_.members()) {
    if (member.replica() == replica.value) return NodeId{member.node()};
  }
  return NodeId{};
}

// --- Raft and its output ---------------------------------------------------------------------------------------------

void Replica::Pump() {
  // A callback of Process may come back here; the outer loop takes what it leaves.
  if (std::exchange(pumping_, true)) return;
  while (raft_->HasReady()) Process(raft_->TakeReady());
  NoteRole();
  ApplyCommitted();
  ServeReads();
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
  for (const ReplicaId peer : ready.installs) install_source_->Start(peer);
}

void Replica::SendRaft(const std::vector<raft::Message>& messages) {
  for (const raft::Message& message : messages) {
    if (message.type == raft::MessageType::kVote) Hit(Probe::kElectionStarted);
    if (message.type == raft::MessageType::kVoteReply && message.granted) Hit(Probe::kVoteGranted);
    if (message.type == raft::MessageType::kTimeoutNow) Hit(Probe::kLeaderTransferStarted);
    proto::Envelope envelope;
    envelope.set_from_node(context_.node.value);
    envelope.mutable_raft()->set_tablet(Bytes(tablet_));
    envelope.mutable_raft()->set_message(raft::EncodeMessage(message));
    const uint64_t identity = Mix({0x72616674, tablet_.hi, tablet_.lo, static_cast<uint64_t>(message.type),
                                   message.term.value, message.previous.index.value, message.entries.size(),
                                   message.commit.value, message.match.value, message.read_context});
    context_.seams->transport->Send(NodeOf(message.to), LogicalIdentity{identity}, envelope.SerializeAsString());
  }
}

void Replica::NoteRole() {
  const raft::Role role = raft_->status().role;
  if (role == role_) return;
  const raft::Role before = std::exchange(role_, role);
  if (role == raft::Role::kLeader) Hit(Probe::kBecameLeader);
  if (before == raft::Role::kLeader) {
    install_source_->StopAll();
    FailPending(proto::INDETERMINATE, "leadership was lost before the entry was known to be committed");
  }
  if (on_role_change_) on_role_change_();
}

void Replica::FailPending(proto::Code code, const std::string& message) {
  for (auto& [index, proposal] : std::exchange(proposals_, {})) {
    proto::Reply reply;
    reply.set_code(code);
    reply.set_message(message);
    reply.set_leader_node(NodeOf(raft_->status().leader).value);
    proposal.done(std::move(reply));
  }
}

// --- Applying --------------------------------------------------------------------------------------------------------

void Replica::ApplyCommitted() {
  while (!barrier_running_ && !barriers_waiting_.empty()) {
    const auto start = std::move(barriers_waiting_.front());
    barriers_waiting_.pop_front();
    start();
  }
  while (!to_apply_.empty() && !barrier_running_) {
    // An install may have brought more than what was waiting.
    if (to_apply_.front().op.index <= applied_.index) {
      to_apply_.pop_front();
      continue;
    }
    if (!ApplyOne(raft::Entry(to_apply_.front()))) return;
  }
  MaintainStore();
}

bool Replica::ApplyOne(const raft::Entry& entry) {
  SUT_CHECK(entry.op.index == Next(applied_.index), "entries apply without a gap");
  context_.hybrid_clock->Observe(entry.time);
  if (entry.type != raft::EntryType::kCommand) {
    CommitEntry(entry, nullptr, {}, {});
    return true;
  }
  proto::Command command;
  if (!command.ParseFromString(entry.data)) {
    context_.seams->on_fatal("a committed entry does not parse");
    return false;
  }
  if (command.has_snapshot() && snapshots_->Start(entry, command)) return !barrier_running_;
  StoreBatch batch;
  absl::Status status;
  proto::Reply reply = ApplyCommand(command, entry, &batch, &status);
  if (!status.ok()) {
    barrier_running_ = true;
    retry_barrier_ = [this] { EndBarrier(); };
    BarrierFailed(status);
    return false;
  }
  CommitEntry(entry, &command, std::move(batch), std::move(reply));
  return true;
}

proto::Reply Replica::ApplyCommand(const proto::Command& command, const raft::Entry& entry, StoreBatch* batch,
                                   absl::Status* status) {
  if (command.has_snapshot()) return snapshots_->RepeatedReply(command.snapshot());
  if (command.has_fence()) {
    const auto client = IdFromBytes<ClientId>(command.fence().client());
    SUT_CHECK(client.ok(), "a fence was validated before it was appended");
    return sessions_.Close(*client, batch);
  }
  const bool remembered = command.has_request();
  if (remembered) {
    if (auto known = sessions_.Lookup(command.request())) return *std::move(known);
  }
  absl::StatusOr<proto::Reply> reply = machine_->Apply(command, entry.op, entry.time, *store_, batch);
  if (!reply.ok()) {
    *status = reply.status();
    return {};
  }
  if (remembered) {
    reply->mutable_op()->set_term(entry.op.term.value);
    reply->mutable_op()->set_index(entry.op.index.value);
    sessions_.Remember(command.request(), *reply, batch);
  }
  return *std::move(reply);
}

void Replica::CommitEntry(const raft::Entry& entry, const proto::Command* command, StoreBatch batch, proto::Reply reply) {
  if (absl::Status status = store_->Commit(batch, entry.op); !status.ok()) {
    // What the caches hold is ahead of the store now: only a restart puts that right.
    context_.seams->on_fatal(absl::StrCat("the row store can't be written: ", status.message()));
    return;
  }
  FinishEntry(entry, command, std::move(reply));
}

void Replica::FinishEntry(const raft::Entry& entry, const proto::Command* command, proto::Reply reply) {
  applied_ = entry.op;
  ApplyObserver::Applied applied;
  applied.tablet = tablet_;
  applied.replica = replica_;
  applied.op = entry.op;
  if (command != nullptr && command->has_request()) {
    applied.request = {*IdFromBytes<ClientId>(command->request().client()), command->request().sequence()};
  }
  applied.entry_hash = MixString(entry.data, static_cast<uint64_t>(entry.type));
  applied.data = &entry.data;
  applied.is_command = entry.type == raft::EntryType::kCommand;
  context_.seams->observer->OnApplied(applied);
  const OpId op = entry.op;
  if (!to_apply_.empty() && to_apply_.front().op.index == op.index) to_apply_.pop_front();
  raft_->Applied(op.index);
  if (command != nullptr) machine_->Committed();
  const auto waiting = proposals_.find(op.index);
  if (waiting == proposals_.end()) return;
  const Proposal proposal = std::move(waiting->second);
  proposals_.erase(waiting);
  if (proposal.term == op.term) {
    if (!reply.has_op()) {
      reply.mutable_op()->set_term(op.term.value);
      reply.mutable_op()->set_index(op.index.value);
    }
  } else {
    reply.Clear();
    reply.set_code(proto::INDETERMINATE);
    reply.set_message("another leader's entry stands in its place");
  }
  proposal.done(std::move(reply));
}

void Replica::ServeReads() {
  while (!reads_confirmed_.empty() && reads_confirmed_.begin()->first <= applied_.index) {
    const auto done = std::move(reads_confirmed_.begin()->second);
    reads_confirmed_.erase(reads_confirmed_.begin());
    proto::Reply reply;
    reply.set_code(proto::OK);
    reply.mutable_op()->set_term(applied_.term.value);
    reply.mutable_op()->set_index(applied_.index.value);
    done(std::move(reply));
  }
}

// --- Barriers --------------------------------------------------------------------------------------------------------

void Replica::StartBarrier(LogicalIdentity identity, std::vector<Step> steps, std::function<void()> finish) {
  barrier_running_ = true;
  retry_barrier_ = [this, identity, steps, finish] { StartBarrier(identity, steps, finish); };
  RunSequence(context_.seams->worker, LogicalIdentity{Mix({identity.hash, barrier_attempts_})}, std::move(steps),
              [this, finish = std::move(finish)](absl::Status status) {
                if (!status.ok()) return BarrierFailed(status);
                out_of_service_ = false;
                barrier_attempts_ = 0;
                finish();
                Pump();
              });
}

void Replica::WhenNoBarrier(std::function<void()> start) {
  barriers_waiting_.push_back(std::move(start));
  ApplyCommitted();
}

void Replica::EndBarrier() {
  barrier_running_ = false;
  out_of_service_ = false;
  retry_barrier_ = nullptr;
}

void Replica::BarrierFailed(const absl::Status& status) {
  out_of_service_ = true;
  ++barrier_attempts_;
  raft_->StepDown();
  FailPending(proto::INDETERMINATE, absl::StrCat("the replica left service: ", status.message()));
  context_.seams->timers->After(kBarrierRetryUs, [this] {
    if (!barrier_running_ || !retry_barrier_) return;
    const auto retry = retry_barrier_;
    retry();
    Pump();
  });
}

absl::Status Replica::SwapStore(std::shared_ptr<TabletStore> store, const proto::ReplicaRecord& record) {
  pins_.clear();
  if (absl::Status status = LoadStore(std::move(store)); !status.ok()) return status;
  record_ = record;
  old_generations_ = true;
  return absl::OkStatus();
}

// --- Housekeeping ----------------------------------------------------------------------------------------------------

void Replica::MaintainStore() {
  if (maintenance_running_ || barrier_running_) return;
  const LogicalIdentity identity{Mix({0x6d61696e, tablet_.hi, tablet_.lo, applied_.index.value})};
  if (store_->flush_due() || flush_wanted_) {
    flush_wanted_ = false;
    return RunMaintenance(identity, {[store = store_] { return store->Flush(); }}, [this] {
      Hit(Probe::kStoreFlushed);
      CompactLog();
      compaction_wanted_ = compaction_wanted_ || store_->file_count() >= options().compact_after_files;
    });
  }
  if (std::exchange(compaction_wanted_, false)) {
    return RunMaintenance(identity, {[store = store_] { return store->Compact(); }}, [] {});
  }
  if (std::exchange(old_generations_, false)) RemoveOldGenerations();
}

void Replica::RunMaintenance(LogicalIdentity identity, std::vector<Step> steps, std::function<void()> finish) {
  maintenance_running_ = true;
  RunSequence(context_.seams->worker, identity, std::move(steps),
              [this, finish = std::move(finish)](absl::Status status) {
                maintenance_running_ = false;
                if (!status.ok()) {
                  context_.seams->on_fatal(absl::StrCat("the row store can't be flushed: ", status.message()));
                  return;
                }
                finish();
                Pump();
              });
}

void Replica::CompactLog() {
  const uint64_t retention = options().log_retention_entries;
  uint64_t target = store_->flushed_applied().index.value;
  target = target > retention ? target - retention : 0;
  if (const auto pinned = install_source_->oldest_index()) target = std::min(target, pinned->value);
  if (target <= raft_->status().start.last.index.value) return;
  raft_->Compact(Index{target});
  if (absl::Status status = context_.log_store->Compact(tablet_, raft_->status().start); !status.ok()) {
    context_.seams->on_fatal(absl::StrCat("the Raft log can't be compacted: ", status.message()));
    return;
  }
  Hit(Probe::kLogCompacted);
}

void Replica::RemoveOldGenerations() {
  const std::string live = absl::StrCat(record_.generation());
  RunMaintenance(LogicalIdentity{Mix({0x67656e73, tablet_.hi, tablet_.lo, record_.generation()})},
                 {[storage = storage(), directory = layout_.live(), live] {
                   auto names = ListDirectory(storage, directory);
                   if (!names.ok()) return names.status();
                   for (const std::string& name : *names) {
                     if (name == live) continue;
                     if (absl::Status status = RemoveTree(storage, absl::StrCat(directory, "/", name)); !status.ok()) {
                       return status;
                     }
                   }
                   return absl::OkStatus();
                 }},
                 [] {});
}

}  // namespace sut
