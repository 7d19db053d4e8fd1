// A node's link to its peer through the fault proxies. Property: whatever has struck the link, at whatever moment, once
// it is mended messages arrive again.

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "harness/process/fault_link.h"
#include "sut/server/test_peer.h"

namespace holdfast::process {
namespace {

// Long enough for gRPC's first pings and for several attempts to connect to meet the fault.
constexpr auto kFaultTime = std::chrono::milliseconds(2'500);
constexpr int64_t kHelloUsMax = 10'000'000;

// A proxy on a thread of its own.
class Proxy {
 public:
  explicit Proxy(int upstream) : work_(context_.get_executor()) {
    EXPECT_TRUE(FaultLink::Listen(&context_, {}, &link_).ok());
    thread_ = std::thread([this] { context_.run(); });
    Sync([&] { link_->SetUpstream(static_cast<uint16_t>(upstream)); });
  }
  ~Proxy() {
    Sync([&] { link_->Close(); });
    work_.reset();
    thread_.join();
  }
  int port() const { return link_->port(); }
  void SetState(const LinkState& state) {
    Sync([&] { link_->SetState(state); });
  }
  LinkCounters counters() {
    LinkCounters counters;
    Sync([&] { counters = link_->counters(); });
    return counters;
  }

 private:
  void Sync(const std::function<void()>& work) {
    std::promise<void> done;
    asio::post(context_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<FaultLink> link_;
  std::thread thread_;
};

struct Fault {
  const char* name;
  LinkState state;
};

LinkState Forward(Flow flow) {
  LinkState state;
  state.forward.flow = flow;
  return state;
}
LinkState Backward(Flow flow) {
  LinkState state;
  state.backward.flow = flow;
  return state;
}
LinkState Broken() {
  LinkState state;
  state.broken = true;
  return state;
}

class PeerFaultTest : public testing::TestWithParam<Fault> {
 protected:
  // A message may be lost on a stream that nobody knows to be dead yet, so it is repeated, as a node would.
  void ExpectMessagesArrive(sut::TestLink* link) {
    const int before = peer_.received();
    EXPECT_TRUE(sut::Await([&] {
      link->Send("envelope");
      return peer_.received() > before;
    })) << link->last_error();
  }

  sut::TestPeer peer_{{}};
  Proxy proxy_{peer_.port()};
};

TEST_P(PeerFaultTest, ALinkThatWasStruckBeforeTheHelloCarriesMessagesOnceItIsMended) {
  proxy_.SetState(GetParam().state);
  sut::TestLink link(proxy_.port(), kHelloUsMax);
  ASSERT_TRUE(sut::Await([&] { return proxy_.counters().connections > 0; }));
  std::this_thread::sleep_for(kFaultTime);
  EXPECT_FALSE(link.connected());
  proxy_.SetState({});
  ExpectMessagesArrive(&link);
}

TEST_P(PeerFaultTest, AStreamThatWasStruckCarriesMessagesOnceItIsMended) {
  sut::TestLink link(proxy_.port(), kHelloUsMax);
  ASSERT_TRUE(sut::Await([&] { return link.connected(); }));
  ExpectMessagesArrive(&link);
  proxy_.SetState(GetParam().state);
  for (const auto end = std::chrono::steady_clock::now() + kFaultTime; std::chrono::steady_clock::now() < end;) {
    link.Send("envelope");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  proxy_.SetState({});
  ExpectMessagesArrive(&link);
}

INSTANTIATE_TEST_SUITE_P(EachFault, PeerFaultTest,
                         testing::Values(Fault{"HalfOpenForward", Forward(Flow::kHalfOpen)},
                                         Fault{"HalfOpenBackward", Backward(Flow::kHalfOpen)},
                                         Fault{"StalledForward", Forward(Flow::kStalled)},
                                         Fault{"StalledBackward", Backward(Flow::kStalled)}, Fault{"Broken", Broken()}),
                         [](const auto& fault) { return std::string(fault.param.name); });

// Nothing is mended and nothing reset here: only the silence tells.
TEST(PeerSilenceTest, AConnectionThatSwallowsForEverIsGivenUp) {
  sut::TestPeer peer({});
  Proxy proxy(peer.port());
  sut::TestLink link(proxy.port(), kHelloUsMax);
  ASSERT_TRUE(sut::Await([&] { return link.connected(); }));
  proxy.SetState(Forward(Flow::kHalfOpen));
  EXPECT_TRUE(sut::Await([&] { return !link.connected(); })) << "the silence is not noticed";
}

}  // namespace
}  // namespace holdfast::process
