#include "sut/tablet/install_receiver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/raft/wire.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/placed.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/shipped_directory.h"

namespace sut {
namespace {

OpId LastOf(const proto::InstallOffer& offer) { return {Term{offer.last().term()}, Index{offer.last().index()}}; }

// How often the source hears of a disk that is at work.
constexpr int kWorkingRepeats = 1;

// How long what an interrupted session left is kept, in install_timeout_us: the source needs one to notice, and there
// may be a leader to elect.
constexpr int kLeftOverTimeouts = 3;

// Planted bug 35: what a client retries is not recognised any more.
absl::Status StripRequests(TabletStore* staged) {
  StoreBatch batch;
  for (const KeySpace space : {KeySpace::kRequest, KeySpace::kSession}) {
    const auto [begin, end] = KeySpaceRange(space);
    const absl::Status status = staged->Latest().Scan(begin, end, [&batch](std::string_view key, std::string_view) {
      batch.Delete(std::string(key));
      return true;
    });
    if (!status.ok()) return status;
  }
  return staged->CommitStaged(batch, staged->applied());
}

std::vector<SnapshotId> InstalledSnapshots(const proto::ReplicaRecord& record) {
  std::vector<SnapshotId> ids;
  for (const std::string& bytes : record.install_snapshots()) ids.push_back(*IdFromBytes<SnapshotId>(bytes));
  return ids;
}

void ClearInstall(proto::ReplicaRecord* record) {
  record->clear_install_unfinished();
  record->clear_install_snapshots();
}

}  // namespace

void InstallReceiver::OnEnvelope(const proto::InstallEnvelope& envelope) {
  if (envelope.has_offer()) {
    OnOffer(envelope);
  } else if (envelope.has_chunk()) {
    OnChunk(envelope);
  }
}

void InstallReceiver::OnOffer(const proto::InstallEnvelope& envelope) {
  const proto::InstallOffer& offer = envelope.offer();
  if (session_ && session_->id == envelope.session()) {
    if (session_->phase == Phase::kReceiving && !session_->writing) AskNext();
    return;
  }
  if (session_ && (session_->phase == Phase::kTakingOver || offer.term() < session_->offer.term())) return;
  Session session;
  session.id = envelope.session();
  session.source = ReplicaId{envelope.from_replica()};
  // An old leader's offer, or one that brings nothing new. A session that is under way goes on.
  const bool old = Term{offer.term()} < replica_.term() && !replica_.options().bugs.has(Bug::kOlderInstallTaken);
  if (!ValidOffer(offer) || old || !replica_.raft().CanInstall(LastOf(offer))) {
    return Reply(&session, proto::InstallReply::REFUSED, 0);
  }
  session.offer = offer;
  session.heard_us = replica_.NowUs();
  session_ = std::move(session);
  Prepare();
}

void InstallReceiver::Prepare() {
  session_->writing = true;
  left_over_until_us_.reset();
  auto there = std::make_shared<absl::StatusOr<OfferedFiles>>(OfferedFiles());
  replica_.context_.seams->worker->Run(
      LogicalIdentity{Mix({session_->id, 1})},
      [there, storage = replica_.storage(), layout = replica_.layout_, offer = session_->offer] {
        *there = PrepareIncoming(storage, layout, offer);
      },
      [this, id = session_->id, there] {
        if (!session_ || session_->id != id) return;
        session_->writing = false;
        if (!there->ok()) return Abandon();
        Prepared(**std::move(there));
      });
}

void InstallReceiver::Prepared(OfferedFiles there) {
  session_->heard_us = replica_.NowUs();
  replica_.Hit(Probe::kInstallAccepted);
  for (const auto& [directory, file] : there) {
    const auto& files = session_->offer.directories(static_cast<int>(directory)).files();
    if (files[static_cast<int>(file)].size() == 0) continue;
    replica_.Hit(Probe::kInstallResumed);
    break;
  }
  session_->there = std::move(there);
  FileReceived(0);
}

void InstallReceiver::OnChunk(const proto::InstallEnvelope& envelope) {
  const proto::InstallChunk& chunk = envelope.chunk();
  if (!session_ || session_->id != envelope.session() || session_->phase != Phase::kReceiving || session_->writing)
    return;
  if (chunk.directory() != session_->directory || chunk.file() != session_->file ||
      chunk.offset() != session_->offset) {
    return;
  }
  session_->heard_us = replica_.NowUs();
  if (chunk.data().empty()) return;
  const proto::ShippedDirectory& directory = session_->offer.directories(static_cast<int>(session_->directory));
  const proto::FileInfo& file = directory.files(static_cast<int>(session_->file));
  if (chunk.data().size() > file.size() - chunk.offset()) {
    return Abandon();
  }
  session_->writing = true;
  const std::string path = absl::StrCat(replica_.layout_.incoming(), "/", ShippedName(directory), "/", file.name());
  auto status = std::make_shared<absl::Status>();
  replica_.context_.seams->worker->Run(
      LogicalIdentity{Mix({session_->id, 2, chunk.directory(), chunk.file(), chunk.offset()})},
      [storage = replica_.storage(), path, chunk, status] {
        *status = WriteChunk(storage, path, chunk.offset(), chunk.data());
      },
      [this, id = session_->id, status, bytes = chunk.data().size()] {
        if (!session_ || session_->id != id) return;
        session_->writing = false;
        if (!status->ok()) return Abandon();
        replica_.Hit(Probe::kInstallChunkReceived);
        session_->heard_us = replica_.NowUs();
        session_->asks = 0;
        FileReceived(session_->offset + bytes);
      });
}

// The present file is there up to `offset`: goes on behind it.
void InstallReceiver::FileReceived(uint64_t offset) {
  session_->offset = offset;
  SkipWhatIsThere();
  if (complete()) {
    session_->phase = Phase::kTakingOver;
    replica_.WhenNoBarrier([this] { TakeOver(); });
  } else {
    AskNext();
  }
}

// Moves on past files and directories of which nothing is left to receive.
void InstallReceiver::SkipWhatIsThere() {
  while (!complete()) {
    const proto::ShippedDirectory& directory = session_->offer.directories(static_cast<int>(session_->directory));
    if (session_->file >= static_cast<uint32_t>(directory.files_size())) {
      ++session_->directory;
      session_->file = 0;
    } else if (session_->there.contains({session_->directory, session_->file}) ||
               session_->offset >= directory.files(static_cast<int>(session_->file)).size()) {
      ++session_->file;
    } else {
      return;
    }
    session_->offset = 0;
  }
}

bool InstallReceiver::complete() const {
  return session_->directory >= static_cast<uint32_t>(session_->offer.directories_size());
}

void InstallReceiver::AskNext() {
  session_->asked_us = replica_.NowUs();
  ++session_->asks;
  Reply(&*session_, proto::InstallReply::NEXT, 0);
}

void InstallReceiver::Tick() {
  const int64_t now_us = replica_.NowUs();
  if (!session_ && left_over_until_us_ && now_us >= *left_over_until_us_ && removals_ == 0) RemoveIncoming();
  if (!session_) return;
  if (session_->phase != Phase::kReceiving || session_->writing) {
    if (now_us - session_->asked_us > RepeatPauseUs(replica_.options(), kWorkingRepeats)) {
      session_->asked_us = now_us;
      Reply(&*session_, proto::InstallReply::WORKING, 0);
    }
    return;
  }
  if (now_us - session_->heard_us > replica_.options().install_timeout_us) {
    Interrupt();
  } else if (now_us - session_->asked_us > RepeatPauseUs(replica_.options(), session_->asks)) {
    // Planted bug 24: a file of a snapshot that does not come is done without.
    const bool skips = session_->directory > 0 && replica_.options().bugs.has(Bug::kInstallSkipsSlowFile);
    skips ? FileReceived(/*offset=*/UINT64_MAX) : AskNext();
  }
}

void InstallReceiver::TakeOver() {
  const StorageSeam storage = replica_.storage();
  const ReplicaLayout layout = replica_.layout_;
  const BugSet bugs = replica_.options().bugs;
  const proto::InstallOffer offer = session_->offer;
  proto::ReplicaRecord record = replica_.record();
  record.set_generation(record.generation() + 1);
  record.set_install_unfinished(true);
  record.clear_install_snapshots();
  for (int i = 1; i < offer.directories_size(); ++i) record.add_install_snapshots(offer.directories(i).snapshot());
  const std::string generation = layout.generation(record.generation());
  TabletStore::OpenOptions open;
  open.bugs = bugs;
  open.flush_after_entries = replica_.options().flush_after_entries;
  auto staged = std::make_shared<std::shared_ptr<TabletStore>>();
  const auto verify = [this, storage, layout, offer, bugs]() -> absl::Status {
    for (const proto::ShippedDirectory& directory : offer.directories()) {
      const std::string path = absl::StrCat(layout.incoming(), "/", ShippedName(directory));
      if (bugs.has(Bug::kInstallSkipsSlowFile) && !directory.snapshot().empty()) continue;
      if (absl::Status status = VerifyShipped(storage, path, directory); !status.ok()) return status;
    }
    if (absl::Status status = SyncDirectory(storage, layout.incoming()); !status.ok()) return status;
    replica_.Hit(Probe::kInstallStaged);
    return absl::OkStatus();
  };
  const auto move_rows = [=, this]() -> absl::Status {
    if (absl::Status status = RemoveTree(storage, generation); !status.ok()) return status;
    const std::string rows = absl::StrCat(layout.incoming(), "/", kShippedRows);
    if (absl::Status status = Publish(storage, rows, generation, bugs); !status.ok()) return status;
    auto opened = TabletStore::Open(storage, generation, open);
    if (!opened.ok()) return opened.status();
    replica_.Hit(Probe::kStoreOpened);
    if (bugs.has(Bug::kInstallLabelOneBelow)) {
      if (absl::Status status = (*opened)->CommitStaged({}, LastOf(offer)); !status.ok()) return status;
    }
    if ((*opened)->applied() != LastOf(offer)) return absl::DataLossError("the shipped rows are of another index");
    *staged = *std::move(opened);
    return bugs.has(Bug::kRequestTableNotInSnapshot) ? StripRequests(staged->get()) : absl::OkStatus();
  };
  replica_.BeginBarrier();
  RunSequence(replica_.context_.seams->worker, LogicalIdentity{Mix({session_->id, 3})}, {verify, move_rows},
              [this, staged, record](absl::Status status) {
                // What Raft has decided is in the log before it is asked.
                replica_.Pump();
                // Until the record is written nothing has happened, so a failure costs only this install.
                if (!status.ok() || !replica_.raft().CanInstall(LastOf(session_->offer))) {
                  replica_.EndBarrier();
                  replica_.old_generations_ = true;
                  Abandon();
                } else {
                  Commit(std::move(*staged), record);
                }
                replica_.Pump();
              });
}

// On the loop and in one go: between the question whether the log may be replaced and the answer nothing else may
// happen to it.
void InstallReceiver::Commit(std::shared_ptr<TabletStore> staged, proto::ReplicaRecord record) {
  const OpId last = LastOf(session_->offer);
  LogStore::LogReset reset;
  reset.start.last = last;
  // It was decoded when the offer came.
  reset.start.config = *raft::FromProto(session_->offer.config());
  reset.keep_tail = replica_.raft().TermAt(last.index) == last.term;
  if (absl::Status status = replica_.context_.log_store->PutReplica(record, reset); !status.ok()) {
    return replica_.Fatal(absl::StrCat("an install can't be recorded: ", status.message()));
  }
  replica_.Hit(Probe::kInstallCommitted);
  SUT_CHECK(replica_.raft_->Installed(reset.start), "Raft was asked before");
  if (absl::Status status = replica_.SwapStore(std::move(staged), record); !status.ok()) {
    return replica_.Fatal(absl::StrCat("an installed store can't be read: ", status.message()));
  }
  replica_.applied_ = last;
  replica_.context_.seams->observer->OnInstalled(replica_.tablet(), replica_.replica(), last);
  // Their entries won't be applied one by one any more.
  replica_.FailProposals(last.index, "an install took the place of the entry");
  MoveDirectories();
}

void InstallReceiver::MoveDirectories() {
  proto::ReplicaRecord finished = replica_.record();
  ClearInstall(&finished);
  replica_.StartBarrier(
      LogicalIdentity{Mix({session_->id, 4})},
      {[storage = replica_.storage(), layout = replica_.layout_, wanted = InstalledSnapshots(replica_.record()),
        bugs = replica_.options().bugs] { return MoveInPlace(storage, layout, wanted, bugs); },
       [storage = replica_.storage(), layout = replica_.layout_, gone = replica_.markers_.removed_snapshots()] {
         return RemovePlaced(storage, layout, gone);
       },
       [log_store = replica_.context_.log_store, finished] { return log_store->PutReplica(finished, std::nullopt); }},
      [this, finished] {
        replica_.record_ = finished;
        replica_.Hit(Probe::kInstallFinished);
        replica_.EndBarrier();
        Reply(&*session_, proto::InstallReply::DONE, replica_.applied().index.value);
        session_.reset();
      });
}

absl::Status InstallReceiver::FinishAtStart() {
  const absl::Status moved =
      MoveInPlace(replica_.storage(), replica_.layout_, InstalledSnapshots(replica_.record_), replica_.options().bugs);
  if (!moved.ok()) return moved;
  ClearInstall(&replica_.record_);
  return replica_.context_.log_store->PutReplica(replica_.record_, std::nullopt);
}

void InstallReceiver::Reply(Session* session, proto::InstallReply::Kind kind, uint64_t index) {
  const NodeId to = replica_.NodeOf(session->source);
  if (to.is_none()) return;
  proto::Envelope message;
  message.set_from_node(replica_.context_.node.value);
  proto::InstallEnvelope* envelope = message.mutable_install();
  envelope->set_tablet(Bytes(replica_.tablet()));
  envelope->set_from_replica(replica_.replica().value);
  envelope->set_to_replica(session->source.value);
  envelope->set_session(session->id);
  proto::InstallReply* reply = envelope->mutable_reply();
  reply->set_kind(kind);
  reply->set_directory(session->directory);
  reply->set_file(session->file);
  reply->set_offset(session->offset);
  reply->set_index(index);
  const LogicalIdentity identity{Mix({session->id, 5, ++session->sends})};
  replica_.context_.seams->transport->Send(to, identity, message.SerializeAsString());
}

void InstallReceiver::Cancel() {
  if (session_ && session_->phase == Phase::kReceiving && !session_->writing) {
    Abandon();
  } else if (!session_ && left_over_until_us_ && removals_ == 0) {
    RemoveIncoming();
  }
}

void InstallReceiver::Abandon() {
  Interrupt();
  RemoveIncoming();
}

void InstallReceiver::Interrupt() {
  Reply(&*session_, proto::InstallReply::REFUSED, 0);
  session_.reset();
  KeepForAWhile();
}

void InstallReceiver::KeepForAWhile() {
  left_over_until_us_ = replica_.NowUs() + kLeftOverTimeouts * replica_.options().install_timeout_us;
}

absl::Status InstallReceiver::FindLeftOver() {
  auto names = ListDirectory(replica_.storage(), replica_.layout_.incoming());
  if (!names.ok()) return names.status();
  if (!names->empty()) KeepForAWhile();
  return absl::OkStatus();
}

void InstallReceiver::RemoveIncoming() {
  ++removals_;
  left_over_until_us_.reset();
  auto removed = std::make_shared<absl::Status>();
  replica_.context_.seams->worker->Run(
      LogicalIdentity{Mix({replica_.tablet().lo, 6})},
      [storage = replica_.storage(), incoming = replica_.layout_.incoming(), removed] {
        *removed = RemoveTree(storage, incoming);
      },
      [this, removed] {
        --removals_;
        // Unless a session has begun: that makes it ready for itself.
        if (!session_ && !removed->ok()) left_over_until_us_ = replica_.NowUs();
      });
}

}  // namespace sut
