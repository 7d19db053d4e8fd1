// A node: the composition root of the cluster under test, and the router of its messages.
//
// It owns the Raft log store, one replica for each group it hosts, and on members of the master's group the master
// service. Handlers run to completion and never block; long work goes to the Worker.
//
// Life: Start recovers everything from disk and arms the tick; from then on the node only reacts. A crash is the
// destruction of the object, with or without what was written to disk. Loop rule: everything on one event loop.

#ifndef SUT_NODE_NODE_H_
#define SUT_NODE_NODE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/base/hybrid_clock.h"
#include "sut/base/ids.h"
#include "sut/master/catalogue.h"
#include "sut/master/master_service.h"
#include "sut/proto/service.pb.h"
#include "sut/runtime/node_options.h"
#include "sut/runtime/seams.h"
#include "sut/storage/layout.h"
#include "sut/storage/log_store.h"
#include "sut/tablet/log_writer.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/replica_removal.h"
#include "sut/tablet/row_machine.h"

namespace sut {

struct NodeSpec {
  NodeId id;
  std::string root;  // of the data directory
  NodeOptions options;
  std::vector<NodeId> master_members;  // ascending; the nodes that hold the master's group
};

class Node : private RequestSender {
 public:
  // Recovers from disk. `seams` outlives the node. An error leaves nothing running.
  static absl::StatusOr<std::unique_ptr<Node>> Start(const Seams* seams, NodeSpec spec);
  ~Node() override;

  // A message has arrived: a serialised proto::Envelope from anywhere. What does not parse is dropped.
  void Receive(const std::string& envelope);

  // For inspections and status, in the order of tablet ids (the master's first).
  const std::map<TabletId, Replica*>& replicas() const { return replicas_; }
  const NodeSpec& spec() const { return spec_; }
  // As this node's replica of the master's group has applied it; null if there is none here.
  const CatalogueState* catalogue() const { return catalogue_ == nullptr ? nullptr : &catalogue_->state(); }

 private:
  // What is hosted for one group: the replica, and the state machine that it drives.
  struct Hosted {
    std::unique_ptr<StateMachine> machine;
    std::unique_ptr<Replica> replica;
  };

  Node(const Seams* seams, NodeSpec spec);
  absl::Status Recover();
  absl::Status Host(Replica::Founded founded);
  LogStore::RecoveredReplica MasterRecord() const;
  void ArmTick();
  void Tick();

  void OnRequest(NodeId from, const proto::Request& request);
  void OnReply(const proto::Reply& reply);
  void CreateReplica(const proto::CreateReplica& request, std::function<void(proto::Reply)> reply);
  // What is to be said to a request for this replica without making it; none: it is to be made.
  std::optional<proto::Reply> MayNotCreate(const proto::CreateReplica& request) const;
  void StartCreation(const proto::ReplicaRecord& record, Replica::Origin origin,
                     std::function<void(proto::Reply)> reply);
  void DeleteReplica(const proto::Request& request, std::function<void(proto::Reply)> reply);
  void StartRemoval(const RemovedReplica& removed, std::shared_ptr<TabletStore> store,
                    std::function<void(proto::Reply)> reply);
  // Takes a replica that has retired out of service, and keeps it until nothing can call it back any more.
  void Release(TabletId tablet);
  void SendReply(NodeId to, const proto::Request& request, proto::Reply reply);
  // RequestSender, for the coordinator.
  void Send(NodeId to, proto::Request request, LogicalIdentity identity,
            std::function<void(const proto::Reply&)> on_reply) override;
  Replica* Find(const std::string& tablet) const;

  Seams own_seams_;  // those given, but for on_fatal
  const Seams* seams_;
  bool stopped_ = false;  // by on_fatal: nothing is taken in any more
  NodeSpec spec_;
  NodeLayout layout_;
  HybridClock hybrid_clock_;
  std::unique_ptr<LogStore> log_store_;
  std::unique_ptr<LogWriter> log_writer_;
  ReplicaContext context_;
  std::map<TabletId, Hosted> hosted_;
  std::map<TabletId, Replica*> replicas_;
  // Of each tablet, the latest replica that was removed from this node, or is just being removed. Neither it nor one
  // before it, by id, ever comes back; a later one may.
  struct Removal {
    enum class State { kRunning, kFailed, kDone };
    State state = State::kDone;
    ReplicaId replica;
    bool tablet_lives_on = false;  // elsewhere
  };
  std::map<TabletId, Removal> removals_;
  std::set<TabletId> creating_;         // on the Worker; neither hosted nor removed meanwhile
  std::map<uint64_t, Hosted> retired_;  // in the order of their retirement
  uint64_t retirements_ = 0;
  std::unique_ptr<MasterService> master_;
  const Catalogue* catalogue_ = nullptr;  // of the master's replica, if there is one
  // Requests of this node that wait for a reply, by attempt. Bounded: the oldest is forgotten.
  std::map<uint32_t, std::function<void(const proto::Reply&)>> calls_;
  uint32_t last_call_ = 0;
  uint64_t life_;  // tells the calls of this life of the node from those of an earlier one
};

}  // namespace sut

#endif  // SUT_NODE_NODE_H_
