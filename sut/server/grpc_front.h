// The gRPC side of a node: takes clients' calls and peers' streams, and brings them to the event loop.
//
// A client's call gets a node id of its own for as long as it is open; the node answers to that id like to any other.
// A call ends once: with its answer, at its deadline, when its client is gone, or when the server stops. Bounds: calls
// open at once, bytes of a request, one unhandled frame of each peer's stream (the next is read when the node has
// taken the last one).
//
// Thread rule: gRPC's threads call in; everything that touches the node is posted to the loop.

#ifndef SUT_SERVER_GRPC_FRONT_H_
#define SUT_SERVER_GRPC_FRONT_H_

#include <grpcpp/server.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "sut/proto/services.grpc.pb.h"
#include "sut/server/addresses.h"
#include "sut/server/event_loop.h"

namespace sut {

class GrpcFront {
 public:
  struct Options {
    NodeId self;
    std::string listen;  // HOST:PORT
    Addresses peers;     // self included
  };
  // What the front asks of the node. Called on the loop.
  struct Node {
    std::function<void(const std::string& envelope)> receive;
    std::function<proto::NodeStatus()> status;
  };
  // Listens from now on. The loop outlives the front. Unavailable if the address can't be had.
  static absl::StatusOr<std::unique_ptr<GrpcFront>> Start(Options options, Node node, EventLoop* loop);
  ~GrpcFront();

  int port() const { return port_; }

  static bool IsCall(NodeId id) { return id.value >= kFirstCall; }
  // The node's message to an open call; ignored if the call has ended. On the loop.
  void Answer(NodeId call, const std::string& envelope);

  // Ends all calls and streams, and listens no longer. Not on the loop, which must be running.
  void Stop();

  static constexpr uint32_t kFirstCall = 0x80000000;
  static constexpr int kCallsMax = 4096;
  // A call whose client set no deadline, or a later one, ends after this.
  static constexpr int64_t kCallUsMax = 60'000'000;

 private:
  class Call;
  class NodeServiceImpl;
  class PeerServiceImpl;
  class PeerStream;

  GrpcFront(Options options, Node node, EventLoop* loop);
  absl::Status Listen();
  // On the loop.
  void Open(Call* call);
  void End(uint32_t id, const proto::Reply& reply);
  void ExpireCalls();

  const Options options_;
  const Node node_;
  EventLoop* const loop_;
  std::map<uint32_t, Call*> calls_;  // open, by their ids; each owns itself
  uint32_t last_call_ = kFirstCall;
  std::atomic<int> calls_begun_ = 0;  // open, or on their way to the loop
  std::shared_ptr<GrpcFront*> self_;  // what was posted holds it weakly
  std::unique_ptr<NodeServiceImpl> node_service_;
  std::unique_ptr<PeerServiceImpl> peer_service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace sut

#endif  // SUT_SERVER_GRPC_FRONT_H_
