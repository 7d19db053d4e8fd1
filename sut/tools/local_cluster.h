// A cluster of servers on this machine, below one data directory: what sut-ctl manages.
//
//   <data>/cluster.json          which nodes there are, and their ports
//   <data>/sut-ctl.lock          held while a command runs
//   <data>/node-<n>/             everything of a node: its data, server.log, server.pid
//
// It removes only what is named here, and signals only processes that it started. Thread rule: single-threaded.

#ifndef SUT_TOOLS_LOCAL_CLUSTER_H_
#define SUT_TOOLS_LOCAL_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/server/addresses.h"

namespace sut {

class LocalCluster {
 public:
  struct Node {
    NodeId id;
    int port = 0;
    int http_port = 0;
  };
  struct Shape {
    std::vector<Node> nodes;  // ascending ids
    std::vector<NodeId> master_members;
  };
  struct CreateOptions {
    int nodes = 1;         // 1..7, odd: each holds the catalogue
    int port_base = 9100;  // of the first node; the others follow
    int http_port_base = 7000;
  };
  struct Paths {
    std::string data_dir;
    std::string server_binary;
  };

  // AlreadyExists if there is a cluster. Starts nothing.
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Create(const Paths& paths, const CreateOptions& options);
  // NotFound if there is none.
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Open(const Paths& paths);
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  const Shape& shape() const { return shape_; }
  const std::string& data_dir() const { return paths_.data_dir; }
  std::string Address(const Node& node) const;
  std::vector<std::string> RunningAddresses() const;

  bool IsUp(NodeId id) const;
  // Fine if it is up already. Returns when the node answers, or with the last line that it logged.
  absl::Status StartNode(NodeId id);
  // By SIGTERM, or after a while by SIGKILL. Fine if it is not up.
  absl::Status StopNode(NodeId id);
  absl::Status StartAll();
  absl::Status StopAll();
  // Until the catalogue can be read.
  absl::Status WaitUntilReady() const;
  // A further node, for tables to come. It is not started, and the others must be restarted to know it.
  absl::StatusOr<Node> AddNode();

  // REQUIRES: all nodes are down.
  absl::Status RemoveData();
  absl::Status Destroy();

 private:
  LocalCluster(Paths paths, int lock);
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Lock(const Paths& paths);
  absl::Status Save() const;
  absl::StatusOr<Node> Find(NodeId id) const;
  std::string NodeDir(NodeId id) const;
  std::string RecordFile(NodeId id) const;
  std::string LogFile(NodeId id) const;
  std::vector<std::string> Arguments(const Node& node) const;
  absl::Status WaitUntilAnswers(const Node& node) const;

  const Paths paths_;
  const int lock_;
  Shape shape_;
};

}  // namespace sut

#endif  // SUT_TOOLS_LOCAL_CLUSTER_H_
