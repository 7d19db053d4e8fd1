#include "sut/tablet/install_source.h"

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"
#include "sut/storage/checkpoint.h"
#include "sut/tablet/replica.h"

namespace sut {
namespace {

// The rows' directory within an outgoing or incoming one; snapshots are named by their ids, which never look like this.
constexpr char kRowsDirectory[] = "rows";

// What one install ships, taken from the replica when its step is made: the step itself runs off the loop.
struct Pinned {
  StorageSeam storage;
  std::shared_ptr<TabletStore> store;
  ReplicaLayout layout;
  std::vector<SnapshotId> snapshots;
};

// Links the rows and every snapshot directory below `root`, and describes them in `offer`.
absl::Status LinkAll(const Pinned& pinned, const std::string& root, proto::InstallOffer* offer) {
  const StorageSeam& storage = pinned.storage;
  offer->clear_directories();
  if (absl::Status status = RemoveTree(storage, root); !status.ok()) return status;
  if (absl::Status status = CreateDirectoryChain(storage, root); !status.ok()) return status;
  const auto describe = [&](const std::string& name, const std::string& snapshot) -> absl::Status {
    auto files = DescribeFiles(storage, absl::StrCat(root, "/", name));
    if (!files.ok()) return files.status();
    proto::ShippedDirectory* directory = offer->add_directories();
    directory->set_snapshot(snapshot);
    for (proto::FileInfo& file : *files) *directory->add_files() = std::move(file);
    return absl::OkStatus();
  };
  const std::string rows = absl::StrCat(root, "/", kRowsDirectory);
  if (absl::Status status = LinkFiles(storage, *pinned.store, rows); !status.ok()) return status;
  if (absl::Status status = describe(kRowsDirectory, ""); !status.ok()) return status;
  for (const SnapshotId id : pinned.snapshots) {
    const std::string to = absl::StrCat(root, "/", Hex(id));
    if (absl::Status status = LinkDirectory(storage, pinned.layout.snapshot(id), to); !status.ok()) return status;
    if (absl::Status status = describe(Hex(id), Bytes(id)); !status.ok()) return status;
  }
  return absl::OkStatus();
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
  session.progress_us = replica_.NowUs();
  replica_.WhenNoBarrier([this, id] { Pin(id); });
}

// A barrier of its own kind: applying waits, so that rows, metadata and directories are of one index. If it fails, only
// the install has failed.
void InstallSource::Pin(uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  replica_.Hit(Probe::kInstallBegun);
  auto offer = std::make_shared<proto::InstallOffer>();
  const OpId last = replica_.applied();
  const raft::Status& status = replica_.raft().status();
  offer->mutable_last()->set_term(last.term.value);
  offer->mutable_last()->set_index(last.index.value);
  for (const ReplicaId voter : status.config.voters) offer->mutable_config()->add_voters(voter.value);
  for (const ReplicaId learner : status.config.learners) offer->mutable_config()->add_learners(learner.value);
  offer->set_term(status.term.value);
  const std::string root = replica_.layout_.outgoing(id);
  const Pinned pinned{replica_.storage(), replica_.store_, replica_.layout_, replica_.markers_.live_snapshots()};
  replica_.barrier_running_ = true;
  RunSequence(replica_.context_.seams->worker, LogicalIdentity{id},
              {[store = replica_.store_] { return store->Flush(); },
               [pinned, root, offer] { return LinkAll(pinned, root, offer.get()); }},
              [this, id, offer](absl::Status linked) {
                replica_.EndBarrier();
                const auto session = sessions_.find(id);
                if (session == sessions_.end()) {
                  RemoveOutgoing(id);  // ended meanwhile, perhaps before its directory was made
                } else {
                  if (linked.ok()) {
                    session->second.offer = *offer;
                    session->second.pinned = true;
                    SendOffer(id, &session->second);
                  } else {
                    End(id, std::nullopt);
                  }
                }
                replica_.Pump();
              });
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
        session.progress_us = replica_.NowUs();
      }
      return SendChunk(found->first, &session, reply);
    }
    case proto::InstallReply::DONE:
      return End(found->first, Index{reply.index()});
    default:
      return End(found->first, std::nullopt);
  }
}

void InstallSource::Tick() {
  const int64_t now_us = replica_.NowUs();
  std::optional<uint64_t> stuck;
  for (auto& [id, session] : sessions_) {
    if (now_us - session.progress_us > replica_.options().install_timeout_us) {
      stuck = id;
    } else if (session.pinned && !session.answered && now_us - session.offered_us > 4 * replica_.options().tick_us) {
      SendOffer(id, &session);
    }
  }
  if (stuck) End(*stuck, std::nullopt);
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
  proto::InstallEnvelope envelope;
  *envelope.mutable_offer() = session->offer;
  Send(id, session, std::move(envelope));
}

void InstallSource::SendChunk(uint64_t id, Session* session, const proto::InstallReply& wanted) {
  if (wanted.directory() >= static_cast<uint32_t>(session->offer.directories_size())) return;
  const proto::ShippedDirectory& directory = session->offer.directories(static_cast<int>(wanted.directory()));
  if (wanted.file() >= static_cast<uint32_t>(directory.files_size())) return;
  const proto::FileInfo& file = directory.files(static_cast<int>(wanted.file()));
  auto data = ReadChunk(replica_.storage(), absl::StrCat(DirectoryPath(id, directory), "/", file.name()),
                        wanted.offset(), replica_.options().install_chunk_bytes);
  if (!data.ok()) return End(id, std::nullopt);
  proto::InstallEnvelope envelope;
  proto::InstallChunk* chunk = envelope.mutable_chunk();
  chunk->set_directory(wanted.directory());
  chunk->set_file(wanted.file());
  chunk->set_offset(wanted.offset());
  chunk->set_data(*std::move(data));
  Send(id, session, std::move(envelope));
  replica_.Hit(Probe::kInstallChunkSent);
}

void InstallSource::Send(uint64_t id, Session* session, proto::InstallEnvelope envelope) {
  envelope.set_tablet(Bytes(replica_.tablet()));
  envelope.set_from_replica(replica_.replica().value);
  envelope.set_to_replica(session->peer.value);
  envelope.set_session(id);
  proto::Envelope message;
  message.set_from_node(replica_.context_.node.value);
  *message.mutable_install() = std::move(envelope);
  replica_.context_.seams->transport->Send(replica_.NodeOf(session->peer), LogicalIdentity{Mix({id, ++session->sends})},
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
  replica_.context_.seams->worker->Run(
      LogicalIdentity{Mix({id, 0})},
      // What can't be removed now is removed at the next start.
      [storage = replica_.storage(), root = replica_.layout_.outgoing(id)] { RemoveTree(storage, root).IgnoreError(); },
      [this] { --removals_; });
}

std::string InstallSource::DirectoryPath(uint64_t id, const proto::ShippedDirectory& directory) const {
  const std::string root = replica_.layout_.outgoing(id);
  if (directory.snapshot().empty()) return absl::StrCat(root, "/", kRowsDirectory);
  const auto snapshot = ParseUuidBytes(directory.snapshot());
  return absl::StrCat(root, "/", UuidHex(snapshot->first, snapshot->second));
}

}  // namespace sut
