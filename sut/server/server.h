// A node as a process: the same sut::Node as in simulation, on real seams.
//
// Threads: the loop, which runs all of the node's code and is the thread that calls Run; one for storage work; one for
// log syncs; RocksDB's and gRPC's own. Binds to what it is told, nothing else.
//
// Life: Start recovers and listens; Run serves until SIGTERM, SIGINT or Stop; then calls are ended, the job that runs
// is finished and the stores are closed. What was acknowledged is durable at any time, so a kill loses nothing either.
// A node that can't go on (Seams::on_fatal) ends the process at once, as a crash would, with kFatalExit.

#ifndef SUT_SERVER_SERVER_H_
#define SUT_SERVER_SERVER_H_

#include <asio/signal_set.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/node/node.h"
#include "sut/server/addresses.h"
#include "sut/server/call_transport.h"
#include "sut/server/cluster_view.h"
#include "sut/server/event_loop.h"
#include "sut/server/grpc_front.h"
#include "sut/server/http_server.h"
#include "sut/server/peer_link.h"
#include "sut/server/thread_worker.h"

namespace sut {

class Server {
 public:
  struct Options {
    NodeId id;
    std::string data_dir;
    std::string listen;               // HOST:PORT for gRPC
    std::optional<std::string> http;  // HOST:PORT of the web page
    Addresses peers;                  // all nodes, this one included
    std::vector<NodeId> master_members;
    NodeOptions node;
  };
  // Time as the node is to see it, made of the true one. Called on the loop. REQUIRES: it never goes back.
  class TimeHook {
   public:
    virtual ~TimeHook() = default;
    virtual int64_t NowUs(int64_t true_us) = 0;
    virtual int64_t TrueDelayUs(int64_t delay_us) = 0;  // how long a timer of `delay_us` really takes
  };
  // What a special build puts in place of the real thing. Everything outlives the server.
  struct Hooks {
    rocksdb::Env* env = nullptr;        // null: the real disk
    ProbeSink* probes = nullptr;        // null: nobody looks
    ApplyObserver* observer = nullptr;  // null: nobody looks
    TimeHook* time = nullptr;           // null: the true time
  };

  // InvalidArgument for options that contradict each other.
  static absl::StatusOr<std::unique_ptr<Server>> Start(Options options, const Hooks& hooks);
  ~Server();

  // Until it is stopped. REQUIRES: called once.
  void Run();
  // From anywhere.
  void Stop();
  // The one that it listens on, also where the system was to pick it (port 0).
  int port() const { return front_->port(); }

  static constexpr int kFatalExit = 3;

 private:
  class NodeTransport;
  class HookedTime;
  Server(Options options, const Hooks& hooks);
  absl::Status Open();
  absl::Status OpenWebPage();
  proto::NodeStatus Status() const;
  void ServePage(const std::string& path, HttpServer::Respond respond);
  // On the loop, once: ends what is open, then the loop.
  void BeginStop();
  void CloseLinks();

  const Options options_;
  EventLoop loop_;
  ThreadWorker worker_;
  ThreadWorker log_worker_;
  std::unique_ptr<NodeTransport> transport_;
  const std::unique_ptr<ProbeSink> no_probes_;
  const std::unique_ptr<ApplyObserver> no_observer_;
  const std::unique_ptr<HookedTime> hooked_time_;  // null: none
  Seams seams_;
  std::unique_ptr<Node> node_;
  std::map<NodeId, std::shared_ptr<PeerLink>> links_;
  std::unique_ptr<GrpcFront> front_;
  asio::signal_set signals_;
  bool stopping_ = false;
  std::thread stopper_;  // ends the calls, for which the loop has to go on

  // The web page's own client, of this and all other nodes.
  std::unique_ptr<CallTransport> page_transport_;
  std::unique_ptr<Session> page_session_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace sut

#endif  // SUT_SERVER_SERVER_H_
