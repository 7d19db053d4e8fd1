#include "sut/tablet/snapshot_barriers.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/placed.h"
#include "sut/tablet/replica.h"

namespace sut {
namespace {

// Both leave a directory and a CREATED marker.
bool MakesSnapshot(const proto::TabletSnapshotOp& op) {
  return op.kind() == proto::TabletSnapshotOp::CREATE || op.kind() == proto::TabletSnapshotOp::ADOPT;
}

SnapshotId SnapshotOf(const proto::TabletSnapshotOp& op) {
  const auto id = IdFromBytes<SnapshotId>(op.snapshot());
  SUT_CHECK(id.ok(), "a snapshot operation was validated before it was appended");
  return *id;
}

RestorationId RestorationOf(const proto::TabletSnapshotOp& op) {
  const auto id = IdFromBytes<RestorationId>(op.restoration());
  SUT_CHECK(id.ok(), "a restore was validated before it was appended");
  return *id;
}

void SetOp(const OpId& from, proto::OpId* to) {
  to->set_term(from.term.value);
  to->set_index(from.index.value);
}

LogicalIdentity IdentityOf(TabletId tablet, const raft::Entry& entry) {
  return LogicalIdentity{Mix({0x62617272, tablet.hi, tablet.lo, entry.op.index.value})};
}

absl::Status RemoveAllBut(const StorageSeam& storage, const std::string& directory, const std::string& kept) {
  auto names = ListDirectory(storage, directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (name == kept) continue;
    if (absl::Status status = RemoveTree(storage, absl::StrCat(directory, "/", name)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SnapshotBarriers::RemoveLeftOvers() {
  const StorageSeam& storage = replica_.storage();
  const ReplicaLayout& layout = replica_.layout_;
  auto names = ListDirectory(storage, layout.snapshots());
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (IdFromHex<SnapshotId>(name).ok() || replica_.options().bugs.has(Bug::kLeftOverTmpKept)) continue;
    const std::string path = absl::StrCat(layout.snapshots(), "/", name);
    if (absl::Status status = RemoveTree(storage, path); !status.ok()) return status;
  }
  if (absl::Status status = RemoveTree(storage, layout.outgoing()); !status.ok()) return status;
  return RemoveAllBut(storage, layout.live(), absl::StrCat(replica_.record_.generation()));
}

bool ValidSnapshotOp(const proto::TabletSnapshotOp& op) {
  if (!proto::TabletSnapshotOp::Kind_IsValid(op.kind()) || op.snapshot().size() != 16) return false;
  const proto::SnapshotSource& source = op.source();
  const bool adopts = op.kind() == proto::TabletSnapshotOp::ADOPT;
  if (adopts && (source.snapshot().size() != 16 || source.tablet().size() != 16)) return false;
  if (!adopts && op.has_source()) return false;
  return op.kind() == proto::TabletSnapshotOp::RESTORE ? op.restoration().size() == 16 : op.restoration().empty();
}

bool SnapshotBarriers::IsSettled(const proto::TabletSnapshotOp& op) const {
  if (!IsRepetition(op)) return false;
  // A mark never goes away. But that there is none proves nothing: the create of what is to be restored may be
  // committed, and not yet applied here.
  return op.kind() != proto::TabletSnapshotOp::RESTORE || replica_.markers_.snapshot(SnapshotOf(op)).has_value() ||
         replica_.markers_.restoration(RestorationOf(op)).has_value();
}

bool SnapshotBarriers::IsRepetition(const proto::TabletSnapshotOp& op) const {
  const auto marker = replica_.markers_.snapshot(SnapshotOf(op));
  switch (op.kind()) {
    case proto::TabletSnapshotOp::CREATE:
      if (replica_.options().bugs.has(Bug::kDuplicateCreateOverwrites)) {
        return marker && marker->state() != proto::SnapshotMarker::CREATED;
      }
      return marker.has_value();
    case proto::TabletSnapshotOp::ADOPT:
      return marker.has_value();
    case proto::TabletSnapshotOp::RESTORE:
      if (!marker || marker->state() != proto::SnapshotMarker::CREATED) return true;
      return replica_.markers_.restoration(RestorationOf(op)).has_value() &&
             !replica_.options().bugs.has(Bug::kRepeatedRestoreRunsAgain);
    case proto::TabletSnapshotOp::DROP:
      return marker && marker->state() == proto::SnapshotMarker::DROPPED;
    case proto::TabletSnapshotOp::ABORT_CREATE:
      return marker && marker->state() != proto::SnapshotMarker::CREATED;
    default:
      return true;
  }
}

proto::Reply SnapshotBarriers::RepeatedReply(const proto::TabletSnapshotOp& op) const {
  const auto marker = replica_.markers_.snapshot(SnapshotOf(op));
  proto::Reply reply;
  reply.set_code(proto::OK);
  if (op.kind() == proto::TabletSnapshotOp::RESTORE) {
    if (const auto restored = replica_.markers_.restoration(RestorationOf(op))) {
      *reply.mutable_op() = restored->op();
      return reply;
    }
    reply.set_code(proto::NOT_FOUND);
    reply.set_message(absl::StrCat("Could not find snapshot: ", Hex(SnapshotOf(op))));
    return reply;
  }
  if (marker) *reply.mutable_op() = marker->op();
  if (MakesSnapshot(op) && marker && marker->state() != proto::SnapshotMarker::CREATED) {
    reply.set_code(proto::SNAPSHOT_DELETED);
    reply.set_message("The snapshot was deleted");
  }
  return reply;
}

bool SnapshotBarriers::Start(const raft::Entry& entry, const proto::Command& command) {
  const proto::TabletSnapshotOp& op = command.snapshot();
  if (IsRepetition(op)) return false;
  replica_.context_.seams->observer->OnBegun(replica_.Observed(entry, &command));
  switch (op.kind()) {
    case proto::TabletSnapshotOp::CREATE:
      Create(entry, command);
      return true;
    case proto::TabletSnapshotOp::ADOPT:
      Adopt(entry, command);
      return true;
    case proto::TabletSnapshotOp::RESTORE:
      if (replica_.options().bugs.has(Bug::kOnlyLeaderRestores) && !replica_.is_leader()) {
        StoreBatch batch;
        CommitMark(entry, command, std::move(batch));
        return true;
      }
      Restore(entry, command);
      return true;
    default:
      Remove(entry, command);
      return true;
  }
}

// Marks the operation as applied; from here on it is a repetition.
void SnapshotBarriers::CommitMark(const raft::Entry& entry, const proto::Command& command, StoreBatch batch) {
  const proto::TabletSnapshotOp& op = command.snapshot();
  if (op.kind() == proto::TabletSnapshotOp::RESTORE) {
    proto::RestorationMarker marker;
    SetOp(entry.op, marker.mutable_op());
    replica_.markers_.Put(RestorationOf(op), marker, &batch);
  } else {
    proto::SnapshotMarker marker = replica_.markers_.snapshot(SnapshotOf(op)).value_or(proto::SnapshotMarker());
    marker.set_state(MakesSnapshot(op)                            ? proto::SnapshotMarker::CREATED
                     : op.kind() == proto::TabletSnapshotOp::DROP ? proto::SnapshotMarker::DROPPED
                                                                  : proto::SnapshotMarker::ABORTED);
    if (!marker.has_op() || MakesSnapshot(op)) SetOp(entry.op, marker.mutable_op());
    replica_.markers_.Put(SnapshotOf(op), marker, &batch);
  }
  proto::Reply reply;
  reply.set_code(proto::OK);
  replica_.CommitEntry(entry, &command, std::move(batch), std::move(reply));
}

proto::SnapshotMetadata SnapshotBarriers::MetadataFor(const raft::Entry& entry, SnapshotId id) const {
  proto::SnapshotMetadata metadata;
  metadata.set_format_version(kSnapshotFormatVersion);
  metadata.set_snapshot(Bytes(id));
  metadata.set_table(Bytes(replica_.table_));
  metadata.set_tablet(Bytes(replica_.tablet_));
  metadata.set_hash_begin(replica_.record_.hash_begin());
  metadata.set_hash_end(replica_.record_.hash_end());
  SetOp(entry.op, metadata.mutable_op());
  return metadata;
}

void SnapshotBarriers::Create(const raft::Entry& entry, const proto::Command& command) {
  replica_.Hit(Probe::kSnapshotBegun);
  const SnapshotId id = SnapshotOf(command.snapshot());
  const StorageSeam storage = replica_.storage();
  const BugSet bugs = replica_.options().bugs;
  const std::string final_path = replica_.layout_.snapshot(id);
  const bool in_place = bugs.has(Bug::kSnapshotWrittenInPlace);
  const std::string tmp_path = in_place ? final_path : replica_.layout_.snapshot_tmp(id);
  const proto::SnapshotMetadata metadata = MetadataFor(entry, id);
  // Set by the first step: the entry is replayed, and its directory is already in place.
  auto kept = std::make_shared<bool>(false);
  const auto unless_kept = [kept](Step step) -> Step {
    return [kept, step = std::move(step)] { return *kept ? absl::OkStatus() : step(); };
  };
  const auto hit_after = [this](Probe probe, absl::Status status) {
    if (status.ok()) replica_.Hit(probe);
    return status;
  };
  std::vector<Step> steps;
  steps.push_back([=, snapshots = replica_.layout_.snapshots()]() -> absl::Status {
    if (absl::Status status = CreateDirectoryChain(storage, snapshots); !status.ok()) return status;
    const auto present = VerifySnapshot(storage, final_path);
    *kept =
        present.ok() && present->op().index() == metadata.op().index() && present->op().term() == metadata.op().term();
    if (in_place) *kept = !absl::IsNotFound(present.status());
    // The process may have died between the rename and its fsync.
    if (*kept) return SyncDirectory(storage, snapshots);
    if (absl::Status status = RemoveTree(storage, final_path); !status.ok()) return status;
    return bugs.has(Bug::kLeftOverTmpKept) ? absl::OkStatus() : RemoveTree(storage, tmp_path);
  });
  steps.push_back(unless_kept([=, flush = replica_.FlushStep()] {
    if (bugs.has(Bug::kCheckpointWithoutFlush)) return absl::OkStatus();
    absl::Status flushed = flush();
    if (bugs.has(Bug::kFailedFlushIgnored)) flushed = absl::OkStatus();
    return hit_after(Probe::kSnapshotFlushed, flushed);
  }));
  steps.push_back(unless_kept([=, store = replica_.store_] {
    return hit_after(Probe::kSnapshotLinked, LinkFiles(storage, *store, tmp_path, bugs));
  }));
  if (bugs.has(Bug::kFilesListedBeforeFlush)) std::swap(steps[steps.size() - 2], steps.back());
  steps.push_back(unless_kept(
      [=] { return hit_after(Probe::kSnapshotMetadataWritten, WriteMetadata(storage, tmp_path, metadata, bugs)); }));
  steps.push_back(unless_kept([=] { return SyncSnapshot(storage, tmp_path, bugs); }));
  steps.push_back(unless_kept([=, snapshots = replica_.layout_.snapshots()] {
    if (in_place) return SyncDirectory(storage, snapshots);
    return hit_after(Probe::kSnapshotRenamed, Publish(storage, tmp_path, final_path, bugs));
  }));
  replica_.StartBarrier(IdentityOf(replica_.tablet_, entry), std::move(steps), [this, entry, command] {
    replica_.EndBarrier();
    CommitMark(entry, command, {});
    replica_.Hit(Probe::kSnapshotMarked);
  });
}

// A create whose directory is there already: it only gets this replica's metadata.
void SnapshotBarriers::Adopt(const raft::Entry& entry, const proto::Command& command) {
  replica_.Hit(Probe::kAdoptBegun);
  const proto::TabletSnapshotOp& op = command.snapshot();
  const auto adoption = std::make_shared<Adoption>(
      replica_.storage(), replica_.layout_, MetadataFor(entry, SnapshotOf(op)), op.source(), replica_.options().bugs);
  const auto hit_after = [this](Probe probe, absl::Status status) {
    if (status.ok()) replica_.Hit(probe);
    return status;
  };
  replica_.StartBarrier(IdentityOf(replica_.tablet_, entry),
                        {[=] { return hit_after(Probe::kAdoptVerified, adoption->Verify()); },
                         [=] { return hit_after(Probe::kSnapshotMetadataWritten, adoption->WriteMetadata()); },
                         [=] { return hit_after(Probe::kSnapshotRenamed, adoption->Publish()); }},
                        [this, entry, command] {
                          replica_.EndBarrier();
                          CommitMark(entry, command, {});
                          replica_.Hit(Probe::kSnapshotMarked);
                        });
}

void SnapshotBarriers::Restore(const raft::Entry& entry, const proto::Command& command) {
  replica_.Hit(Probe::kRestoreBegun);
  const StorageSeam storage = replica_.storage();
  const BugSet bugs = replica_.options().bugs;
  const std::string snapshot = replica_.layout_.snapshot(SnapshotOf(command.snapshot()));
  proto::ReplicaRecord record = replica_.record_;
  record.set_generation(record.generation() + 1);
  const std::string generation = replica_.layout_.generation(record.generation());
  // The mark travels with the staged store, which becomes the live one as a whole.
  proto::RestorationMarker marker;
  const bool own_stamp = bugs.has(Bug::kRestoreStampedByReplica);
  SetOp(own_stamp ? OpId{replica_.term(), entry.op.index} : entry.op, marker.mutable_op());
  StoreBatch mark;
  Markers scratch;
  scratch.Put(RestorationOf(command.snapshot()), marker, &mark);
  TabletStore::OpenOptions open;
  open.bugs = bugs;
  open.flush_after_entries = replica_.options().flush_after_entries;
  auto staged = std::make_shared<std::shared_ptr<TabletStore>>();
  const auto hit_after = [this](Probe probe, absl::Status status) {
    if (status.ok()) replica_.Hit(probe);
    return status;
  };
  std::vector<Step> steps;
  steps.push_back([=]() -> absl::Status {
    staged->reset();
    // Damaged bytes must be refused before they replace anything.
    const bool checks = !bugs.has(Bug::kSnapshotBytesNotChecked);
    if (auto verified = VerifySnapshot(storage, snapshot); checks && !verified.ok()) return verified.status();
    return hit_after(Probe::kRestoreStaged, StageGeneration(storage, snapshot, generation));
  });
  steps.push_back([=, this, live = replica_.store_]() -> absl::Status {
    auto opened = TabletStore::Open(storage, generation, open);
    if (!opened.ok()) return opened.status();
    *staged = *std::move(opened);
    replica_.Hit(Probe::kStoreOpened);
    return hit_after(Probe::kRestoreCarriedOver, CarryOver(*live, **staged, mark, entry.op, bugs));
  });
  steps.push_back([=, log_store = replica_.context_.log_store] {
    // From this record on, a restart opens the restored store: durable before the next entry applies.
    return hit_after(Probe::kRestoreCommitted, log_store->PutReplica(record, std::nullopt));
  });
  replica_.StartBarrier(IdentityOf(replica_.tablet_, entry), std::move(steps),
                        [this, bugs, entry, command, record, staged] {
                          if (absl::Status status = replica_.SwapStore(std::move(*staged), record); !status.ok()) {
                            return replica_.Fatal(absl::StrCat("a restored store can't be read: ", status.message()));
                          }
                          replica_.Hit(Probe::kRestoreSwapped);
                          const bool waits = !replica_.to_apply_.empty();
                          if (waits && bugs.has(Bug::kWritesLostInSwap))
                            committed_before_swap_ = replica_.to_apply_.back().op.index;
                          replica_.EndBarrier();
                          proto::Reply reply;
                          reply.set_code(proto::OK);
                          replica_.FinishEntry(entry, &command, std::move(reply));
                        });
}

// Drop and abort: the directory goes at once from its name, then its files.
void SnapshotBarriers::Remove(const raft::Entry& entry, const proto::Command& command) {
  replica_.Hit(Probe::kDropBegun);
  const SnapshotId id = SnapshotOf(command.snapshot());
  const StorageSeam storage = replica_.storage();
  const BugSet bugs = replica_.options().bugs;
  const std::string final_path = replica_.layout_.snapshot(id);
  const std::string trash_path = replica_.layout_.snapshot_trash(id);
  std::vector<Step> steps;
  // Entries before this one must not be replayed without the directory: one of them may be a restore from it.
  steps.push_back(replica_.FlushStep());
  steps.push_back([=, this]() -> absl::Status {
    auto exists = DirectoryExists(storage, final_path);
    if (!exists.ok()) return exists.status();
    if (!*exists) return absl::OkStatus();
    if (absl::Status status = RemoveTree(storage, trash_path); !status.ok()) return status;
    if (absl::Status status = Publish(storage, final_path, trash_path, bugs); !status.ok()) return status;
    replica_.Hit(Probe::kDropRenamed);
    return absl::OkStatus();
  });
  steps.push_back([=, this, tmp_path = replica_.layout_.snapshot_tmp(id)]() -> absl::Status {
    if (absl::Status status = RemoveTree(storage, tmp_path); !status.ok()) return status;
    if (absl::Status status = RemoveTree(storage, trash_path); !status.ok()) return status;
    replica_.Hit(Probe::kDropUnlinked);
    return absl::OkStatus();
  });
  // Between the renaming and the mark, the snapshot counts as live and can't be shipped. Who comes back in that state
  // has to finish it by itself: the others may wait for nothing else than that its store is shipped to them.
  replica_.BeginBarrier();
  replica_.MakeCommitDurable([this, entry, command, steps] {
    replica_.StartBarrier(IdentityOf(replica_.tablet_, entry), steps, [this, entry, command] {
      replica_.EndBarrier();
      CommitMark(entry, command, {});
    });
  });
}

}  // namespace sut
