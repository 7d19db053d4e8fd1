// The harness's own line to the nodes, which no fault strikes: asks each of them for its status, again and again, and
// hands maintenance to one of them.
//
// Loop rule: all calls and callbacks on the loop.

#ifndef HARNESS_PROCESS_NODE_WATCH_H_
#define HARNESS_PROCESS_NODE_WATCH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "harness/process/cluster_status.h"
#include "sut/proto/services.grpc.pb.h"
#include "sut/server/addresses.h"
#include "sut/server/call_transport.h"
#include "sut/server/event_loop.h"

namespace holdfast::process {

class NodeWatch {
 public:
  // Loop and status outlive the watch.
  NodeWatch(sut::Addresses nodes, sut::EventLoop* loop, ClusterStatus* status);
  ~NodeWatch();

  // A life of the node has begun, or has ended: what was known is forgotten.
  void Begin(uint32_t node);
  void End(uint32_t node);

  // Asks the node at once, and waits for the answer. None within some seconds: nothing.
  std::optional<sut::proto::NodeStatus> AskNow(uint32_t node);
  // Best effort.
  void Maintain(uint32_t node, const std::string& tablet, const sut::proto::Maintenance& maintenance);

 private:
  struct Node {
    uint64_t life = 0;  // 0: none
    std::unique_ptr<sut::proto::NodeService::Stub> stub;
  };
  void Ask(uint32_t node, uint64_t life);

  const sut::Addresses addresses_;
  sut::EventLoop* const loop_;
  ClusterStatus* const status_;
  sut::CallTransport transport_;
  std::map<uint32_t, Node> nodes_;
  uint64_t last_life_ = 0;
  std::shared_ptr<NodeWatch*> self_;  // what is on its way holds it weakly
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_NODE_WATCH_H_
