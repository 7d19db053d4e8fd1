// A client's Transport over gRPC: each request is one unary call, whose answer comes back as an Envelope.
//
// A call that ends without an answer is answered as INDETERMINATE, so that a session goes elsewhere at once instead of
// waiting for its time-out. Nothing is sent twice (no retries in the channel), so a refusal is final. A node that can't
// be reached is waited for by a call of the transport's own, since gRPC works on a connection only while a call waits
// for it: without one, a node that has come back would be found seconds later.
// Loop rule: all calls and callbacks on the loop; the end of the object waits for the calls under way.

#ifndef SUT_SERVER_CALL_TRANSPORT_H_
#define SUT_SERVER_CALL_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "sut/proto/services.grpc.pb.h"
#include "sut/runtime/seams.h"
#include "sut/server/addresses.h"
#include "sut/server/event_loop.h"

namespace sut {

class CallTransport final : public Transport {
 public:
  using Deliver = std::function<void(const proto::Envelope&)>;
  // The loop outlives the transport.
  CallTransport(EventLoop* loop, Addresses addresses);
  ~CallTransport() override;

  // Where answers go. To be set before the first Send.
  void set_deliver(Deliver deliver) { deliver_ = std::move(deliver); }

  // `envelope` holds a request; what has no known address is answered like a call that fails.
  void Send(NodeId to, LogicalIdentity identity, std::string envelope) override;

  using StatusDone = std::function<void(absl::StatusOr<proto::NodeStatus>)>;
  void GetStatus(NodeId node, int64_t timeout_us, StatusDone done);

  const Addresses& addresses() const { return addresses_; }

 private:
  class Calls;
  template <typename Request, typename Reply>
  struct Call;
  // Null if the node's address is not known.
  proto::NodeService::Stub* StubFor(NodeId node);
  // For `end` of a call that was begun: brings it to the loop, and what the call holds with it.
  template <typename StartedCall, typename End>
  std::function<void(grpc::Status)> OnLoop(std::shared_ptr<StartedCall> call, End end);
  void AwaitConnection(NodeId node);

  EventLoop* const loop_;
  const Addresses addresses_;
  std::map<NodeId, std::unique_ptr<proto::NodeService::Stub>> stubs_;
  std::set<NodeId> awaited_;  // those with a call that waits for the connection
  Deliver deliver_;
  std::shared_ptr<Calls> calls_;
  std::shared_ptr<CallTransport*> self_;  // what was posted holds it weakly: it may come after the end
};

}  // namespace sut

#endif  // SUT_SERVER_CALL_TRANSPORT_H_
