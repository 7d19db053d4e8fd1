// Properties of the fault proxies: without faults every byte passes; and each fault really strikes, on the direction
// that it is meant for, and ends.

#include "harness/process/fault_link.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "harness/process/proxy_network.h"

namespace holdfast::process {
namespace {

using Clock = std::chrono::steady_clock;

// For what must happen; a slow machine may take it.
constexpr int kPatienceMs = 30'000;
// For what must not happen: long enough that it would have.
constexpr int kMomentMs = 150;

// One end of a TCP connection on 127.0.0.1.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket(const Socket&) = delete;

  static Socket To(uint16_t port) {
    Socket made(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = Loopback(port);
    EXPECT_EQ(connect(made.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return made;
  }
  static sockaddr_in Loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void Send(const std::string& bytes) const {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t count = send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<size_t>(count);
    }
  }
  // So many bytes, or as many as come before the end or the time-out.
  std::string Receive(size_t bytes, int timeout_ms = kPatienceMs) const {
    std::string received(bytes, '\0');
    size_t have = 0;
    while (have < bytes && Ready(timeout_ms)) {
      const ssize_t count = recv(fd_, received.data() + have, bytes - have, 0);
      if (count <= 0) break;
      have += static_cast<size_t>(count);
    }
    received.resize(have);
    return received;
  }
  bool Ready(int timeout_ms) const {
    pollfd ready{fd_, POLLIN, 0};
    return poll(&ready, 1, timeout_ms) > 0;
  }
  // Whether a reset comes.
  bool IsReset() const {
    char byte = 0;
    return Ready(kPatienceMs) && recv(fd_, &byte, 1, 0) < 0 && errno == ECONNRESET;
  }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

// The far side.
class Listener {
 public:
  Listener() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = Socket::Loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(socket_.fd(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_.fd(), 16), 0);
    EXPECT_EQ(getsockname(socket_.fd(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  uint16_t port() const { return port_; }
  Socket Accept() const {
    EXPECT_TRUE(socket_.Ready(kPatienceMs));
    return Socket(accept(socket_.fd(), nullptr, nullptr));
  }
  bool HasCaller(int timeout_ms) const { return socket_.Ready(timeout_ms); }

 private:
  Socket socket_;
  uint16_t port_ = 0;
};

class FaultLinkTest : public ::testing::Test {
 protected:
  explicit FaultLinkTest(const FaultLink::Options& options = {}) : work_(context_.get_executor()) {
    EXPECT_TRUE(FaultLink::Listen(&context_, options, &link_).ok());
    thread_ = std::thread([this] { context_.run(); });
    OnLoop([this] { link_->SetUpstream(far_.port()); });
  }
  ~FaultLinkTest() override {
    OnLoop([this] { link_->Close(); });
    work_.reset();
    thread_.join();
  }

  void OnLoop(const std::function<void()>& work) {
    std::promise<void> done;
    asio::post(context_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }
  void Set(const LinkState& state) {
    OnLoop([&] { link_->SetState(state); });
  }
  LinkCounters Counters() {
    LinkCounters counters;
    OnLoop([&] { counters = link_->counters(); });
    return counters;
  }
  // Waits until the counters say so.
  bool Await(const std::function<bool(const LinkCounters&)>& condition) {
    const auto give_up = Clock::now() + std::chrono::milliseconds(kPatienceMs);
    while (!condition(Counters())) {
      if (Clock::now() > give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }

  Listener far_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<FaultLink> link_;
  std::thread thread_;
};

class HoldingLinkTest : public FaultLinkTest {
 protected:
  HoldingLinkTest() : FaultLinkTest({.hold_while_unreachable = true}) {}
};

LinkState Forward(Direction direction) { return {.forward = direction, .backward = {}}; }
LinkState Backward(Direction direction) { return {.forward = {}, .backward = direction}; }

TEST_F(FaultLinkTest, WithoutFaultsEveryBytePassesBothWaysAndTheEndToo) {
  Socket client = Socket::To(link_->port());
  Socket server = far_.Accept();
  const std::string large(3'000'000, 'x');
  std::thread sender([&] { client.Send(large); });
  EXPECT_EQ(server.Receive(large.size()), large);
  sender.join();
  server.Send("answer");
  EXPECT_EQ(client.Receive(6), "answer");
  client.Close();
  EXPECT_EQ(server.Receive(1), "") << "its end arrives";
  EXPECT_EQ(Counters().bytes_passed, large.size() + 6);
  EXPECT_EQ(Counters().resets, 0u);
}

TEST_F(FaultLinkTest, ADelayIsWaitedForInItsDirectionAlone) {
  Set(Forward({.delay_us = 120'000}));
  const Socket client = Socket::To(link_->port());
  const Socket server = far_.Accept();
  server.Send("back");
  EXPECT_EQ(client.Receive(4), "back");
  EXPECT_EQ(Counters().bytes_delayed, 0u);
  const auto start = Clock::now();
  client.Send("there");
  EXPECT_EQ(server.Receive(5), "there");
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(120));
  EXPECT_EQ(Counters().bytes_delayed, 5u);
}

TEST_F(FaultLinkTest, AThrottledDirectionTakesItsTimePerByte) {
  Set(Backward({.bytes_per_second_max = 400'000}));
  const Socket client = Socket::To(link_->port());
  const Socket server = far_.Accept();
  const auto start = Clock::now();
  const std::string bytes(100'000, 't');
  server.Send(bytes);
  EXPECT_EQ(client.Receive(bytes.size()), bytes);
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(250));
}

TEST_F(FaultLinkTest, AStallHoldsEverythingBackAndLosesNothing) {
  const Socket client = Socket::To(link_->port());
  const Socket server = far_.Accept();
  Set(Forward({.flow = Flow::kStalled}));
  client.Send("first, ");
  server.Send("the other way");
  EXPECT_EQ(client.Receive(13), "the other way");
  EXPECT_FALSE(server.Ready(kMomentMs));
  client.Send("second");
  Set({});
  EXPECT_EQ(server.Receive(13), "first, second");
  EXPECT_EQ(Counters().resets, 0u);
}

TEST_F(FaultLinkTest, AHalfOpenConnectionSwallowsAndIsResetOnceItsDirectionOpens) {
  const Socket client = Socket::To(link_->port());
  Socket server = far_.Accept();
  Set(Forward({.flow = Flow::kHalfOpen}));
  client.Send("lost");
  EXPECT_TRUE(Await([](const LinkCounters& counters) { return counters.bytes_swallowed == 4; }));
  server.Send("one way works");
  EXPECT_EQ(client.Receive(13), "one way works");
  EXPECT_FALSE(server.Ready(kMomentMs));
  Set({});
  EXPECT_TRUE(client.IsReset());
  EXPECT_TRUE(server.IsReset());
}

TEST_F(FaultLinkTest, AHalfOpenConnectionHidesTheEndOfTheOtherSide) {
  const Socket client = Socket::To(link_->port());
  Socket server = far_.Accept();
  client.Send("x");
  EXPECT_EQ(server.Receive(1), "x");
  Set(Backward({.flow = Flow::kHalfOpen}));
  server.Close();
  EXPECT_FALSE(client.Ready(kMomentMs)) << "nobody has told the client";
  Set({});
  EXPECT_TRUE(client.IsReset());
}

TEST_F(FaultLinkTest, ABrokenLinkResetsWhatThereIsAndWhatIsNew) {
  const Socket client = Socket::To(link_->port());
  const Socket server = far_.Accept();
  client.Send("x");
  EXPECT_EQ(server.Receive(1), "x");
  Set({.forward = {}, .backward = {}, .broken = true});
  EXPECT_TRUE(client.IsReset());
  EXPECT_TRUE(server.IsReset());
  EXPECT_TRUE(Socket::To(link_->port()).IsReset());
  EXPECT_FALSE(far_.HasCaller(0));
  Set({});
  const Socket again = Socket::To(link_->port());
  again.Send("y");
  EXPECT_EQ(far_.Accept().Receive(1), "y");
}

TEST_F(FaultLinkTest, WhileTheFarSideIsNowhereConnectionsAreReset) {
  OnLoop([this] { link_->SetUpstream(0); });
  EXPECT_TRUE(Socket::To(link_->port()).IsReset());
}

TEST_F(HoldingLinkTest, AConnectionIsHeldUntilTheFarSideCanBeReached) {
  OnLoop([this] { link_->SetUpstream(0); });
  const Socket client = Socket::To(link_->port());
  client.Send("early");
  EXPECT_FALSE(client.Ready(kMomentMs));
  OnLoop([this] { link_->SetUpstream(far_.port()); });
  EXPECT_EQ(far_.Accept().Receive(5), "early");
}

// --- The network of links

class ProxyNetworkTest : public ::testing::Test {
 protected:
  ProxyNetworkTest() : network_(*ProxyNetwork::Create(2)) {
    for (uint32_t node = 1; node <= 2; ++node) network_->SetNode(node, far_[node].port());
  }
  uint16_t Port(uint32_t from, uint32_t to) const {
    const std::string address = network_->AddressesFor(from).at(sut::NodeId{to});
    return static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  }
  // A connection from `from`, and what of it has reached `to`: none within the time if its first bytes did not.
  std::pair<Socket, std::optional<Socket>> Connect(uint32_t from, uint32_t to, int timeout_ms) {
    const std::string greeting = "hello " + std::to_string(++greetings_);
    Socket client = Socket::To(Port(from, to));
    client.Send(greeting);
    const auto give_up = Clock::now() + std::chrono::milliseconds(timeout_ms);
    do {
      // A connection from before may come late.
      if (!far_[to].HasCaller(timeout_ms)) break;
      Socket server = far_[to].Accept();
      if (server.Receive(greeting.size(), timeout_ms) == greeting) return {std::move(client), std::move(server)};
    } while (Clock::now() < give_up);
    return {std::move(client), std::nullopt};
  }
  bool Passes(uint32_t from, uint32_t to, int timeout_ms) { return Connect(from, to, timeout_ms).second.has_value(); }
  // Whether an answer arrives, too.
  bool Answers(uint32_t from, uint32_t to, int timeout_ms) {
    const auto [client, server] = Connect(from, to, timeout_ms);
    if (!server) return false;
    server->Send("y");
    return client.Receive(1, timeout_ms) == "y";
  }

  std::map<uint32_t, Listener> far_;
  std::unique_ptr<ProxyNetwork> network_;
  int greetings_ = 0;
};

TEST_F(ProxyNetworkTest, ACutStrikesItsOwnWayAloneAndRulesAddUp) {
  // Ids enough to meet every style of a cut.
  for (uint64_t id = 1; id <= 6; ++id) {
    network_->Cut(id, {{1, 2}});
    network_->Cut(id + 100, {{1, 2}, {ProxyNetwork::kClients, 1}});
    EXPECT_FALSE(Passes(1, 2, kMomentMs)) << id;
    EXPECT_FALSE(Passes(ProxyNetwork::kClients, 1, kMomentMs)) << id;
    EXPECT_TRUE(Passes(2, 1, kPatienceMs)) << id;
    EXPECT_TRUE(Passes(ProxyNetwork::kClients, 2, kPatienceMs)) << id;
    EXPECT_TRUE(Passes(ProxyNetwork::kHarness, 2, kPatienceMs)) << id;
    network_->Mend(id + 100);
    EXPECT_FALSE(Passes(1, 2, kMomentMs)) << id;
    EXPECT_TRUE(Passes(ProxyNetwork::kClients, 1, kPatienceMs)) << id;
    network_->Mend(id);
    EXPECT_TRUE(Passes(1, 2, kPatienceMs)) << id;
  }
}

TEST_F(ProxyNetworkTest, CutOffFromItsClientsANodeHearsThemAndIsNotHeard) {
  int heard = 0;
  for (uint64_t id = 1; id <= 6; ++id) {
    network_->Cut(id, {{1, ProxyNetwork::kClients}});
    EXPECT_FALSE(Answers(ProxyNetwork::kClients, 1, kMomentMs)) << id;
    heard += Passes(ProxyNetwork::kClients, 1, kMomentMs) ? 1 : 0;
    network_->Mend(id);
    EXPECT_TRUE(Answers(ProxyNetwork::kClients, 1, kPatienceMs)) << id;
  }
  EXPECT_GT(heard, 0) << "but for links that are broken altogether";
}

TEST_F(ProxyNetworkTest, WeatherDelaysEveryLinkButTheHarnessesOwn) {
  network_->SetDelay(100'000);
  const auto time = [&](uint32_t from) {
    const auto start = Clock::now();
    EXPECT_TRUE(Passes(from, 1, kPatienceMs));
    return Clock::now() - start;
  };
  EXPECT_GE(time(2), std::chrono::milliseconds(100));
  EXPECT_GE(time(ProxyNetwork::kClients), std::chrono::milliseconds(100));
  const uint64_t delayed = network_->counters().bytes_delayed;
  EXPECT_EQ(delayed, std::string("hello 1hello 2").size());
  time(ProxyNetwork::kHarness);
  EXPECT_EQ(network_->counters().bytes_delayed, delayed);
}

}  // namespace
}  // namespace holdfast::process
