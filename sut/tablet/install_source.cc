#include "sut/tablet/install_source.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"
#include "sut/raft/wire.h"
#include "sut/storage/checkpoint.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/shipped_directory.h"

namespace sut {
namespace {

// What is to be linked: taken on the loop, used on the Worker.
struct Sources {
  StorageSeam storage;
  ReplicaLayout layout;
  std::shared_ptr<TabletStore> store;
  std::vector<SnapshotId> snapshots;
  std::string to;
};

absl::Status LinkSnapshot(const Sources& sources, SnapshotId id, proto::InstallOffer* offer) {
  const std::string to = absl::StrCat(sources.to, "/", Hex(id));
  if (absl::Status status = LinkDirectory(sources.storage, sources.layout.snapshot(id), to); !status.ok())
    return status;
  const auto files = DescribeFiles(sources.storage, to);
  if (!files.ok()) return files.status();
  // Damage is not spread: fresh checksums of rotten bytes would make them look sound.
  if (auto verified = VerifySnapshot(sources.storage, to); !verified.ok()) return verified.status();
  proto::ShippedDirectory* directory = offer->add_directories();
  directory->set_snapshot(Bytes(id));
  directory->mutable_files()->Assign(files->begin(), files->end());
  return absl::OkStatus();
}

absl::Status LinkAll(const Sources& sources, proto::InstallOffer* offer) {
  if (absl::Status status = RemoveTree(sources.storage, sources.to); !status.ok()) return status;
  if (absl::Status status = CreateDirectoryChain(sources.storage, sources.to); !status.ok()) return status;
  const std::string rows = absl::StrCat(sources.to, "/", kShippedRows);
  if (absl::Status status = LinkFiles(sources.storage, *sources.store, rows); !status.ok()) return status;
  const auto files = DescribeLinked(sources.storage, rows);
  if (!files.ok()) return files.status();
  offer->add_directories()->mutable_files()->Assign(files->begin(), files->end());
  for (const SnapshotId id : sources.snapshots) {
    if (absl::Status status = LinkSnapshot(sources, id, offer); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Planted bug 28: the label of data that contains one entry more.
OpId OneBelow(OpId op, const raft::Raft& raft) {
  if (op.index.value == 0) return op;
  const std::optional<Term> term = raft.TermAt(Previous(op.index));
  return term ? OpId{*term, Previous(op.index)} : op;
}

}  // namespace

void InstallSource::Start(ReplicaId peer) {
  for (const auto& [id, session] : sessions_) {
    if (session.peer == peer) return;
  }
  if (sessions_.size() >= kSessionsMax) {
    wanted_.insert(peer);
    return;
  }
  // Unique over restarts: a term is led in one life only.
  const uint64_t id = Mix({replica_.replica().value, replica_.term().value, ++started_}) | 1;
  Session& session = sessions_[id];
  session.peer = peer;
  WantPin();
}

void InstallSource::WantPin() {
  if (std::exchange(pin_wanted_, true)) return;
  replica_.WhenNoBarrier([this] { PinNext(); });
}

void InstallSource::PinNext() {
  pin_wanted_ = false;
  std::vector<uint64_t> unpinned;
  for (const auto& [id, session] : sessions_) {
    if (!session.pinning) unpinned.push_back(id);
  }
  if (unpinned.empty()) return;
  Pin(unpinned.front());
  if (unpinned.size() > 1) WantPin();
}

// A barrier of its own kind: applying waits, so that rows, metadata and directories are of one index. If it fails, only
// the install has failed.
void InstallSource::Pin(uint64_t id) {
  replica_.Hit(Probe::kInstallBegun);
  sessions_[id].pinning = true;
  auto offer = std::make_shared<proto::InstallOffer>();
  const BugSet bugs = replica_.options().bugs;
  const OpId last =
      bugs.has(Bug::kInstallLabelOneBelow) ? OneBelow(replica_.applied(), replica_.raft()) : replica_.applied();
  const raft::Status& status = replica_.raft().status();
  offer->mutable_last()->set_term(last.term.value);
  offer->mutable_last()->set_index(last.index.value);
  // Planted bug 46: the newest configuration in the log, which may never be committed.
  const bool newest = bugs.has(Bug::kUncommittedConfigShipped);
  *offer->mutable_config() = raft::ToProto(newest ? status.config : replica_.raft().ConfigAt(last.index));
  offer->set_term(status.term.value);
  Sources sources{replica_.storage(), replica_.layout_, replica_.store_, replica_.markers_.live_snapshots(),
                  replica_.layout_.outgoing(id)};
  if (bugs.has(Bug::kInstallShipsNoSnapshots)) sources.snapshots.clear();
  replica_.BeginBarrier();
  RunSequence(replica_.context_.seams->worker, LogicalIdentity{id},
              {replica_.FlushStep(), [sources, offer] { return LinkAll(sources, offer.get()); }},
              [this, id, offer](absl::Status linked) {
                replica_.EndBarrier();
                Pinned(id, *offer, linked);
                replica_.Pump();
              });
}

void InstallSource::Pinned(uint64_t id, const proto::InstallOffer& offer, const absl::Status& status) {
  if (*replica_.store_failed_) {
    return replica_.Fatal(absl::StrCat("the row store can't be flushed: ", status.message()));
  }
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return RemoveOutgoing(id);  // ended meanwhile, perhaps before its directory was made
  if (!status.ok()) {
    End(id, std::nullopt);
    // Its snapshots are damaged, or its disk is full: another leader may do better.
    return replica_.raft_->StepDown();
  }
  session->second.offer = offer;
  session->second.pinned = true;
  session->second.heard_us = session->second.progress_us = replica_.NowUs();
  SendOffer(id, &session->second);
}

void InstallSource::OnReply(const proto::InstallEnvelope& envelope) {
  const auto found = sessions_.find(envelope.session());
  if (found == sessions_.end() || !found->second.pinned) return;
  Session& session = found->second;
  if (session.peer != ReplicaId{envelope.from_replica()}) return;
  const proto::InstallReply& reply = envelope.reply();
  switch (reply.kind()) {
    case proto::InstallReply::NEXT: {
      session.answered = true;
      const auto asked = std::tuple(reply.directory(), reply.file(), reply.offset());
      if (asked > std::tuple(session.directory, session.file, session.offset)) {
        std::tie(session.directory, session.file, session.offset) = asked;
        session.heard_us = session.progress_us = replica_.NowUs();
      }
      return ReadWanted(found->first, &session, reply);
    }
    case proto::InstallReply::WORKING:
      session.answered = true;
      session.heard_us = replica_.NowUs();
      return;
    case proto::InstallReply::DONE:
      return End(found->first, Index{session.offer.last().index()});
    default:
      return End(found->first, std::nullopt);
  }
}

void InstallSource::Tick() {
  const int64_t now_us = replica_.NowUs();
  std::optional<uint64_t> stuck;
  for (auto& [id, session] : sessions_) {
    // Pinning and reading are this node's own work, which ends.
    if (!session.pinned || session.reading) continue;
    const int64_t timeout_us = replica_.options().install_timeout_us;
    if (now_us - session.heard_us > timeout_us || now_us - session.progress_us > kWorkTimeoutsMax * timeout_us) {
      stuck = id;
    } else if (!session.answered && now_us - session.offered_us > RepeatPauseUs(replica_.options(), session.offers)) {
      SendOffer(id, &session);
    }
  }
  if (stuck) End(*stuck, std::nullopt);
  if (!left_over_.empty() && removals_ == 0) RemoveOutgoing(left_over_.extract(left_over_.begin()).value());
  if (!wanted_.empty() && sessions_.size() < kSessionsMax) Start(wanted_.extract(wanted_.begin()).value());
}

void InstallSource::StopAll() {
  wanted_.clear();
  while (!sessions_.empty()) End(sessions_.begin()->first, std::nullopt);
}

std::optional<Index> InstallSource::oldest_index() const {
  std::optional<Index> oldest;
  for (const auto& [id, session] : sessions_) {
    const Index index = session.pinned ? Index{session.offer.last().index()} : Index{0};
    oldest = oldest ? std::min(*oldest, index) : index;
  }
  return oldest;
}

void InstallSource::SendOffer(uint64_t id, Session* session) {
  session->offered_us = replica_.NowUs();
  ++session->offers;
  proto::InstallEnvelope envelope;
  *envelope.mutable_offer() = session->offer;
  Send(id, session, std::move(envelope));
}

void InstallSource::ReadWanted(uint64_t id, Session* session, const proto::InstallReply& wanted) {
  if (session->reading) return SendChunk(id, session, wanted, "");
  if (wanted.directory() >= static_cast<uint32_t>(session->offer.directories_size())) return;
  const proto::ShippedDirectory& directory = session->offer.directories(static_cast<int>(wanted.directory()));
  if (wanted.file() >= static_cast<uint32_t>(directory.files_size())) return;
  const proto::FileInfo& file = directory.files(static_cast<int>(wanted.file()));
  if (wanted.offset() >= file.size()) return;
  session->reading = true;
  auto data = std::make_shared<absl::StatusOr<std::string>>(std::string());
  const std::string path = absl::StrCat(replica_.layout_.outgoing(id), "/", ShippedName(directory), "/", file.name());
  replica_.context_.seams->worker->Run(
      LogicalIdentity{Mix({id, 7, wanted.directory(), wanted.file(), wanted.offset()})},
      [data, path, storage = replica_.storage(), offset = wanted.offset(),
       bytes_max = replica_.options().install_chunk_bytes] { *data = ReadChunk(storage, path, offset, bytes_max); },
      [this, id, wanted, data] { ChunkRead(id, wanted, *std::move(data)); });
}

void InstallSource::ChunkRead(uint64_t id, const proto::InstallReply& wanted, absl::StatusOr<std::string> data) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  found->second.reading = false;
  found->second.heard_us = replica_.NowUs();
  if (!data.ok()) {
    End(id, std::nullopt);
    return replica_.Pump();
  }
  SendChunk(id, &found->second, wanted, *std::move(data));
  replica_.Hit(Probe::kInstallChunkSent);
}

void InstallSource::SendChunk(uint64_t id, Session* session, const proto::InstallReply& wanted, std::string data) {
  proto::InstallEnvelope envelope;
  proto::InstallChunk* chunk = envelope.mutable_chunk();
  chunk->set_directory(wanted.directory());
  chunk->set_file(wanted.file());
  chunk->set_offset(wanted.offset());
  chunk->set_data(std::move(data));
  Send(id, session, std::move(envelope));
}

void InstallSource::Send(uint64_t id, Session* session, proto::InstallEnvelope envelope) {
  const NodeId to = replica_.NodeOf(session->peer);
  if (to.is_none()) return;
  envelope.set_tablet(Bytes(replica_.tablet()));
  envelope.set_from_replica(replica_.replica().value);
  envelope.set_to_replica(session->peer.value);
  envelope.set_session(id);
  proto::Envelope message;
  message.set_from_node(replica_.context_.node.value);
  *message.mutable_install() = std::move(envelope);
  replica_.context_.seams->transport->Send(to, LogicalIdentity{Mix({id, ++session->sends})},
                                           message.SerializeAsString());
}

void InstallSource::End(uint64_t id, std::optional<Index> installed) {
  const auto found = sessions_.find(id);
  const ReplicaId peer = found->second.peer;
  sessions_.erase(found);
  replica_.raft_->ReportInstall(peer, installed);
  RemoveOutgoing(id);
}

void InstallSource::RemoveOutgoing(uint64_t id) {
  ++removals_;
  auto removed = std::make_shared<absl::Status>();
  replica_.context_.seams->worker->Run(
      LogicalIdentity{Mix({id, 0})},
      [storage = replica_.storage(), root = replica_.layout_.outgoing(id), removed] {
        *removed = RemoveTree(storage, root);
      },
      [this, id, removed] {
        --removals_;
        if (!removed->ok()) left_over_.insert(id);
      });
}

}  // namespace sut
