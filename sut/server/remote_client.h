// A client of a cluster of server processes, for tools and tests: a session with an event loop and a thread of its own.
//
// Outcomes are the session's. Thread rule: any thread may call; asynchronous ends run on the client's own thread, where
// no blocking call may be made. Destruction ends what is open as indeterminate.

#ifndef SUT_SERVER_REMOTE_CLIENT_H_
#define SUT_SERVER_REMOTE_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/client/routing_table.h"
#include "sut/client/session.h"
#include "sut/server/call_transport.h"
#include "sut/server/cluster_view.h"
#include "sut/server/event_loop.h"

namespace sut {

class RemoteClient {
 public:
  // Learns of the cluster from the first of `addresses` that answers; all are asked at once. Unavailable if none does
  // in time.
  static absl::StatusOr<std::unique_ptr<RemoteClient>> Connect(const std::vector<std::string>& addresses,
                                                               int64_t timeout_us);
  ~RemoteClient();

  // Blocks until the operation is settled, or its time over.
  CallResult Call(const CallTarget& target, proto::Request body, int64_t timeout_us);
  void CallAsync(const CallTarget& target, proto::Request body, int64_t timeout_us, Session::Done done);
  CallTarget MasterTarget() const { return {kMasterTablet, masters_}; }

  // Blocking, linearizable.
  absl::StatusOr<proto::Reply::TableList> ListTables(int64_t timeout_us);
  absl::StatusOr<proto::Reply::SnapshotList> ListSnapshots(int64_t timeout_us);
  // A catalogue change; OK or why not.
  absl::Status Change(proto::CatalogueCommand change, int64_t timeout_us);
  absl::StatusOr<ClusterView> View(int64_t timeout_us);
  // What one node says of itself; no leader is needed.
  absl::StatusOr<proto::NodeStatus> GetStatus(NodeId node, int64_t timeout_us);

  const Addresses& addresses() const { return addresses_; }

 private:
  RemoteClient(Addresses addresses, std::vector<NodeId> masters);

  const Addresses addresses_;
  const std::vector<NodeId> masters_;
  EventLoop loop_;
  // On the loop's thread, once it runs.
  std::unique_ptr<CallTransport> transport_;
  std::unique_ptr<Session> session_;
  std::thread thread_;
};

}  // namespace sut

#endif  // SUT_SERVER_REMOTE_CLIENT_H_
