#include "sut/node/node.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/raft/wire.h"
#include "sut/tablet/partition.h"

namespace sut {
namespace {

constexpr size_t kCallsMax = 1024;

proto::Reply Refuse(proto::Code code, std::string message) {
  proto::Reply reply;
  reply.set_code(code);
  reply.set_message(std::move(message));
  return reply;
}

// A tablet's description as a request brings it; checked, since directories will be named after it.
bool ValidCreate(const proto::CreateReplica& request, NodeId self) {
  const proto::TabletInfo& tablet = request.tablet();
  if (request.table().size() != 16 || tablet.id().size() != 16 || tablet.id() == Bytes(kMasterTablet)) return false;
  if (tablet.hash_begin() >= tablet.hash_end() || tablet.hash_end() > kHashSpace) return false;
  std::set<uint64_t> replicas;
  std::set<uint32_t> nodes;
  for (const proto::ReplicaInfo& info : tablet.replicas()) {
    if (info.replica() == 0 || info.node() == 0) return false;
    if (!replicas.insert(info.replica()).second || !nodes.insert(info.node()).second) return false;
  }
  return std::any_of(tablet.replicas().begin(), tablet.replicas().end(), [&](const proto::ReplicaInfo& info) {
    return info.replica() == request.replica() && info.node() == self.value;
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const Seams* seams, NodeSpec spec) {
  std::unique_ptr<Node> node(new Node(seams, std::move(spec)));
  seams->probes->Hit(Probe::kRecoveryBegun, TabletId{});
  if (absl::Status status = node->Recover(); !status.ok()) return status;
  seams->probes->Hit(Probe::kRecoveryFinished, TabletId{});
  node->ArmTick();
  return node;
}

Node::Node(const Seams* seams, NodeSpec spec)
    : own_seams_(*seams),
      seams_(&own_seams_),
      spec_(std::move(spec)),
      layout_(spec_.root, spec_.id),
      life_(static_cast<uint64_t>(seams->clock->NowUs()) + 1) {
  // Whichever part can't go on first stops all of them.
  own_seams_.on_fatal = [this, stop = seams->on_fatal](const std::string& reason) {
    if (!std::exchange(stopped_, true)) stop(reason);
  };
}

Node::~Node() {
  // The master service refers to its replica, replicas to their machines and the log store.
  master_.reset();
  for (auto& [tablet, hosted] : hosted_) hosted.replica.reset();
  for (auto& [number, hosted] : retired_) hosted.replica.reset();
}

absl::Status Node::Recover() {
  auto log_store = LogStore::Open(seams_->storage, layout_.log_store());
  if (!log_store.ok()) return log_store.status();
  log_store_ = *std::move(log_store);
  seams_->probes->Hit(Probe::kStoreOpened, TabletId{});
  log_writer_ = std::make_unique<LogWriter>(log_store_.get(), seams_);
  context_ = {spec_.id, &spec_.options, seams_, &layout_, log_store_.get(), log_writer_.get(), &hybrid_clock_};
  auto recovered = log_store_->Recover();
  if (!recovered.ok()) return recovered.status();
  for (LogStore::RecoveredReplica& replica : *recovered) {
    if (replica.record.removed()) {
      if (absl::Status status = FinishRemoval(context_, replica.record); !status.ok()) return status;
      removals_[*IdFromBytes<TabletId>(replica.record.tablet())] = {
          Removal::State::kDone, ReplicaId{replica.record.replica()}, replica.record.lives_on()};
      continue;
    }
    if (absl::Status status = Host({std::move(replica), nullptr}); !status.ok()) return status;
  }
  const bool member =
      std::find(spec_.master_members.begin(), spec_.master_members.end(), spec_.id) != spec_.master_members.end();
  if (!member || replicas_.contains(kMasterTablet)) return absl::OkStatus();
  auto created = Replica::Create(context_, MasterRecord().record, Replica::Origin::kFounder);
  if (!created.ok()) return created.status();
  return Host({*std::move(created), nullptr});
}

LogStore::RecoveredReplica Node::MasterRecord() const {
  LogStore::RecoveredReplica master;
  master.record.set_table(Bytes(kMasterTablet));
  master.record.set_tablet(Bytes(kMasterTablet));
  master.record.set_replica(spec_.id.value);
  master.record.set_hash_end(kHashSpace);
  for (const NodeId node : spec_.master_members) {
    proto::ReplicaRecord::Member* member = master.record.add_members();
    member->set_replica(node.value);
    member->set_node(node.value);
  }
  return master;
}

absl::Status Node::Host(Replica::Founded founded) {
  const LogStore::RecoveredReplica& recovered = founded.recovered;
  const auto tablet = IdFromBytes<TabletId>(recovered.record.tablet());
  if (!tablet.ok()) return tablet.status();
  Hosted hosted;
  Catalogue* catalogue = nullptr;
  if (*tablet == kMasterTablet) {
    auto machine = std::make_unique<Catalogue>(spec_.options.bugs);
    catalogue = machine.get();
    hosted.machine = std::move(machine);
  } else {
    const HashRange range{recovered.record.hash_begin(), recovered.record.hash_end()};
    hosted.machine = std::make_unique<RowMachine>(range);
  }
  auto replica = Replica::Open(context_, std::move(founded), hosted.machine.get());
  if (!replica.ok()) {
    return absl::Status(replica.status().code(),
                        absl::StrCat("tablet ", Hex(*tablet), ": ", replica.status().message()));
  }
  hosted.replica = *std::move(replica);
  replicas_[*tablet] = hosted.replica.get();
  if (catalogue != nullptr) {
    MasterService::World world{hosted.replica.get(), catalogue, seams_->clock, seams_->timers, this, seams_->probes};
    master_ = std::make_unique<MasterService>(spec_.options, world);
    catalogue_ = catalogue;
    hosted.replica->set_on_role_change([this] { master_->Wake(); });
  }
  hosted_[*tablet] = std::move(hosted);
  return absl::OkStatus();
}

void Node::ArmTick() {
  seams_->timers->After(spec_.options.tick_us, [this] { Tick(); });
}

void Node::Tick() {
  if (stopped_) return;
  for (const auto& [tablet, replica] : replicas_) replica->Tick();
  ArmTick();
}

Replica* Node::Find(const std::string& tablet) const {
  const auto id = IdFromBytes<TabletId>(tablet);
  if (!id.ok()) return nullptr;
  const auto found = replicas_.find(*id);
  return found == replicas_.end() ? nullptr : found->second;
}

void Node::Receive(const std::string& bytes) {
  proto::Envelope envelope;
  if (stopped_ || !envelope.ParseFromString(bytes)) return;
  switch (envelope.body_case()) {
    case proto::Envelope::kRaft: {
      Replica* replica = Find(envelope.raft().tablet());
      auto message = raft::FromProto(envelope.raft().message());
      if (replica != nullptr && message.ok() && message->to == replica->replica()) {
        replica->OnRaft(NodeId{envelope.from_node()}, *message);
      }
      return;
    }
    case proto::Envelope::kInstall: {
      if (Replica* replica = Find(envelope.install().tablet())) {
        replica->OnInstall(NodeId{envelope.from_node()}, envelope.install());
      }
      return;
    }
    case proto::Envelope::kRequest:
      return OnRequest(NodeId{envelope.from_node()}, envelope.request());
    case proto::Envelope::kReply:
      return OnReply(envelope.reply());
    default:
      return;
  }
}

void Node::OnRequest(NodeId from, const proto::Request& request) {
  const auto reply = [this, from, request](proto::Reply answer) { SendReply(from, request, std::move(answer)); };
  if (request.has_create_replica()) return CreateReplica(request.create_replica(), reply);
  if (request.has_delete_replica()) return DeleteReplica(request, reply);
  Replica* replica = Find(request.tablet());
  if (replica == nullptr) {
    const auto tablet = IdFromBytes<TabletId>(request.tablet());
    const auto removed = tablet.ok() ? removals_.find(*tablet) : removals_.end();
    if (removed != removals_.end() && !removed->second.tablet_lives_on) {
      return reply(Refuse(proto::TABLET_GONE, "the table was dropped"));
    }
    return reply(Refuse(proto::NOT_HOSTED, "the tablet is not hosted here"));
  }
  const bool for_master = replica->tablet() == kMasterTablet && !request.has_fence() && !request.has_maintenance();
  if (for_master) return master_->Handle(request, reply);
  replica->Handle(request, reply);
}

void Node::SendReply(NodeId to, const proto::Request& request, proto::Reply reply) {
  proto::Envelope envelope;
  envelope.set_from_node(spec_.id.value);
  *reply.mutable_id() = request.id();
  reply.set_attempt(request.attempt());
  *envelope.mutable_reply() = std::move(reply);
  const uint64_t identity = Mix({0x7265706c, MixString(request.id().client()), request.id().sequence(),
                                 request.attempt(), MixString(request.tablet()), request.scan().pin()});
  seams_->transport->Send(to, LogicalIdentity{identity}, envelope.SerializeAsString());
}

std::optional<proto::Reply> Node::MayNotCreate(const proto::CreateReplica& request) const {
  if (!ValidCreate(request, spec_.id)) return Refuse(proto::BAD_REQUEST, "not a replica of this node");
  if (const Replica* present = Find(request.tablet().id())) {
    const proto::ReplicaRecord& record = present->record();
    if (record.replica() == request.replica() && record.table() == request.table()) return Refuse(proto::OK, "");
    return Refuse(proto::ALREADY_EXISTS, "another replica of the tablet is hosted here");
  }
  const TabletId tablet = *IdFromBytes<TabletId>(request.tablet().id());
  if (creating_.contains(tablet)) return Refuse(proto::UNAVAILABLE, "a replica of the tablet is being created");
  const auto removed = removals_.find(tablet);
  if (removed == removals_.end()) return std::nullopt;
  const bool is_later = request.joins() && ReplicaId{request.replica()} > removed->second.replica;
  if (!is_later) return Refuse(proto::TABLET_GONE, "the replica was removed from here");
  if (removed->second.state == Removal::State::kDone) return std::nullopt;
  return Refuse(proto::UNAVAILABLE, "the replica before it is being removed");
}

void Node::CreateReplica(const proto::CreateReplica& request, std::function<void(proto::Reply)> reply) {
  if (std::optional<proto::Reply> refusal = MayNotCreate(request)) return reply(*std::move(refusal));
  proto::ReplicaRecord record;
  record.set_table(request.table());
  record.set_tablet(request.tablet().id());
  record.set_replica(request.replica());
  record.set_hash_begin(request.tablet().hash_begin());
  record.set_hash_end(request.tablet().hash_end());
  for (const proto::ReplicaInfo& info : request.tablet().replicas()) {
    proto::ReplicaRecord::Member* member = record.add_members();
    member->set_replica(info.replica());
    member->set_node(info.node());
  }
  StartCreation(record, request.joins() ? Replica::Origin::kJoins : Replica::Origin::kFounder, std::move(reply));
}

void Node::StartCreation(const proto::ReplicaRecord& record, Replica::Origin origin,
                         std::function<void(proto::Reply)> reply) {
  const TabletId tablet = *IdFromBytes<TabletId>(record.tablet());
  creating_.insert(tablet);
  const auto founded = std::make_shared<Replica::Founded>();
  const Step create = [context = context_, record, origin, founded]() -> absl::Status {
    auto created = Replica::CreateAndOpen(context, record, origin);
    if (created.ok()) *founded = *std::move(created);
    return created.status();
  };
  const LogicalIdentity identity{Mix({0x63726561, tablet.hi, tablet.lo, record.replica()})};
  RunSequence(seams_->worker, identity, {create},
              [this, tablet, origin, founded, reply = std::move(reply)](absl::Status status) {
                creating_.erase(tablet);
                if (status.ok()) status = Host(std::move(*founded));
                if (!status.ok()) return reply(Refuse(proto::UNAVAILABLE, std::string(status.message())));
                removals_.erase(tablet);
                if (origin == Replica::Origin::kJoins) seams_->probes->Hit(Probe::kBootstrapBegun, tablet);
                reply(Refuse(proto::OK, ""));
              });
}

void Node::DeleteReplica(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  const auto tablet = IdFromBytes<TabletId>(request.tablet());
  const auto table = IdFromBytes<TableId>(request.delete_replica().table());
  const ReplicaId replica{request.delete_replica().replica()};
  if (!tablet.ok() || !table.ok() || replica.is_none() || *tablet == kMasterTablet) {
    return reply(Refuse(proto::BAD_REQUEST, "not a replica of a tablet"));
  }
  if (const auto known = removals_.find(*tablet); known != removals_.end()) {
    if (known->second.state == Removal::State::kRunning) {
      return reply(Refuse(proto::UNAVAILABLE, "a replica of the tablet is being removed"));
    }
    const bool is_done = known->second.state == Removal::State::kDone && known->second.replica >= replica;
    if (is_done) return reply(Refuse(proto::OK, ""));
  }
  const bool tablet_lives_on = request.delete_replica().tablet_lives_on();
  if (creating_.contains(*tablet)) {
    return reply(Refuse(proto::UNAVAILABLE, "a replica of the tablet is being created"));
  }
  std::shared_ptr<TabletStore> store;
  if (const auto hosted = hosted_.find(*tablet); hosted != hosted_.end()) {
    const proto::ReplicaRecord& record = hosted->second.replica->record();
    // A later one can only be here since nothing is left of the one before.
    if (record.table() == Bytes(*table) && record.replica() > replica.value) return reply(Refuse(proto::OK, ""));
    if (record.table() != Bytes(*table) || record.replica() != replica.value) {
      return reply(Refuse(proto::BAD_REQUEST, "another replica of the tablet is hosted here"));
    }
    store = hosted->second.replica->Retire(tablet_lives_on);
    if (store == nullptr) return reply(Refuse(proto::UNAVAILABLE, "the replica is at work"));
    Release(*tablet);
  }
  StartRemoval({*table, *tablet, replica, tablet_lives_on}, std::move(store), std::move(reply));
}

void Node::StartRemoval(const RemovedReplica& removed, std::shared_ptr<TabletStore> store,
                        std::function<void(proto::Reply)> reply) {
  removals_[removed.tablet] = {Removal::State::kRunning, removed.replica, removed.tablet_lives_on};
  const LogicalIdentity identity{Mix({0x72656d6f, removed.tablet.hi, removed.tablet.lo, removed.replica.value})};
  RunSequence(seams_->worker, identity, RemovalSteps(context_, removed, std::move(store)),
              [this, removed, reply = std::move(reply)](absl::Status status) {
                const bool done = status.ok();
                removals_[removed.tablet].state = done ? Removal::State::kDone : Removal::State::kFailed;
                if (done) seams_->probes->Hit(Probe::kReplicaDeleted, removed.tablet);
                reply(done ? Refuse(proto::OK, "") : Refuse(proto::UNAVAILABLE, std::string(status.message())));
              });
}

void Node::Release(TabletId tablet) {
  replicas_.erase(tablet);
  const uint64_t number = ++retirements_;
  retired_[number] = std::move(hosted_.extract(tablet).mapped());
  seams_->timers->After(Replica::kCallbackUsMax,
                        [this, number] { log_writer_->AfterPending([this, number] { retired_.erase(number); }); });
}

void Node::Send(NodeId to, proto::Request request, LogicalIdentity identity,
                std::function<void(const proto::Reply&)> on_reply) {
  request.set_attempt(++last_call_);
  request.mutable_id()->set_sequence(life_);
  calls_[last_call_] = std::move(on_reply);
  if (calls_.size() > kCallsMax) calls_.erase(calls_.begin());
  proto::Envelope envelope;
  envelope.set_from_node(spec_.id.value);
  *envelope.mutable_request() = std::move(request);
  seams_->transport->Send(to, identity, envelope.SerializeAsString());
}

void Node::OnReply(const proto::Reply& reply) {
  // A late reply to a former life of this node counts its calls from 1 too.
  if (reply.id().sequence() != life_) return;
  const auto call = calls_.find(reply.attempt());
  if (call == calls_.end()) return;
  const auto on_reply = std::move(call->second);
  calls_.erase(call);
  on_reply(reply);
}

}  // namespace sut
