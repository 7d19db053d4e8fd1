#include "sut/server/cluster_view.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "sut/server/reply_status.h"

namespace sut {
namespace {

constexpr int64_t kStatusTimeoutUs = 1'000'000;

// Gathers answers that come in any order; the last one ends it.
struct Collection {
  ClusterView view;
  absl::Status status;
  int waiting = 0;
  std::function<void(absl::StatusOr<ClusterView>)> done;

  void One(const absl::Status& one) {
    if (status.ok()) status = one;
    if (--waiting > 0) return;
    if (status.ok()) {
      done(std::move(view));
    } else {
      done(status);
    }
  }
};

}  // namespace

std::optional<NodeId> ClusterView::Leader(const std::string& tablet_bytes) const {
  std::optional<NodeId> leader;
  uint64_t term = 0;
  for (const auto& [id, node] : nodes) {
    if (!node.status.has_value()) continue;
    for (const auto& replica : node.status->replicas()) {
      if (replica.tablet() != tablet_bytes || !replica.leads() || (leader && replica.term() <= term)) continue;
      leader = id;
      term = replica.term();
    }
  }
  return leader;
}

void CollectClusterView(Session* session, CallTransport* transport, int64_t deadline_us,
                        std::function<void(absl::StatusOr<ClusterView>)> done) {
  auto collection = std::make_shared<Collection>();
  collection->done = std::move(done);
  collection->waiting = 2 + static_cast<int>(transport->addresses().size());
  proto::Request tables;
  tables.mutable_list_tables();
  session->Call(session->MasterTarget(), std::move(tables), deadline_us, [collection](const CallResult& result) {
    collection->view.tables = result.reply.tables();
    collection->One(ToAbsl(result));
  });
  proto::Request snapshots;
  snapshots.mutable_list_snapshots();
  session->Call(session->MasterTarget(), std::move(snapshots), deadline_us, [collection](const CallResult& result) {
    collection->view.snapshots = result.reply.snapshots();
    collection->One(ToAbsl(result));
  });
  for (const auto& [node, address] : transport->addresses()) {
    collection->view.nodes[node].address = address;
    transport->GetStatus(node, kStatusTimeoutUs, [collection, id = node](absl::StatusOr<proto::NodeStatus> status) {
      if (status.ok()) collection->view.nodes[id].status = *std::move(status);
      collection->One(absl::OkStatus());
    });
  }
}

}  // namespace sut
