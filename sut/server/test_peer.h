// For tests: a peer in this process, on 127.0.0.1, which says hello as it is told and counts what comes; and a link to
// it whose loop runs on a thread of its own.
//
// Thread rule: the calls from the test's thread.

#ifndef SUT_SERVER_TEST_PEER_H_
#define SUT_SERVER_TEST_PEER_H_

#include <grpcpp/server.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "sut/proto/services.grpc.pb.h"
#include "sut/server/event_loop.h"
#include "sut/server/peer_link.h"

namespace sut {

// Whether `reached` becomes true, within a generous time.
bool Await(const std::function<bool()>& reached);

class TestPeer {
 public:
  struct Options {
    uint32_t says_node = 2;
    int silent_streams = 0;  // the first ones, on which it never says hello
    int port = 0;            // 0: one that the system picks
  };
  explicit TestPeer(const Options& options);
  ~TestPeer();

  int port() const { return port_; }
  int streams() const { return streams_.load(); }
  // Envelopes that have come, of all streams.
  int received() const { return received_.load(); }

 private:
  class Stream;
  class Service;
  const Options options_;
  std::atomic<int> streams_ = 0;
  std::atomic<int> received_ = 0;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

// From node 1 to node 2.
class TestLink {
 public:
  TestLink(int port, int64_t hello_us_max);
  ~TestLink();

  void Send(const std::string& envelope);
  bool connected() const;
  std::string last_error() const;

 private:
  // Calls `work` on the loop and waits for it.
  void Sync(const std::function<void()>& work) const;

  mutable EventLoop loop_;
  std::shared_ptr<PeerLink> link_;
  std::thread thread_;
};

}  // namespace sut

#endif  // SUT_SERVER_TEST_PEER_H_
