// What a whole cluster looks like at a glance: catalogue, leaders, nodes. For the web page and the tools.
//
// The catalogue is read linearizably; who leads is asked of every node, and the claim of the highest term wins. A node
// that does not answer is listed as such. Loop rule: on the loop of the session and the transport.

#ifndef SUT_SERVER_CLUSTER_VIEW_H_
#define SUT_SERVER_CLUSTER_VIEW_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "sut/client/session.h"
#include "sut/server/call_transport.h"

namespace sut {

struct ClusterView {
  struct Node {
    std::string address;
    std::optional<proto::NodeStatus> status;  // none: it did not answer
  };
  std::map<NodeId, Node> nodes;
  proto::Reply::TableList tables;
  proto::Reply::SnapshotList snapshots;

  // None if no replica claims to lead.
  std::optional<NodeId> Leader(const std::string& tablet_bytes) const;
};

// `done` is called once; an error if the catalogue could not be read in time.
void CollectClusterView(Session* session, CallTransport* transport, int64_t deadline_us,
                        std::function<void(absl::StatusOr<ClusterView>)> done);

}  // namespace sut

#endif  // SUT_SERVER_CLUSTER_VIEW_H_
