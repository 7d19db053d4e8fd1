#include "sut/server/test_peer.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sut {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kLookEvery = std::chrono::milliseconds(5);

}  // namespace

bool Await(const std::function<bool()>& reached) {
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(kLookEvery);
  }
  return true;
}

// Owns itself until OnDone.
class TestPeer::Stream final : public grpc::ServerBidiReactor<proto::PeerFrame, proto::PeerHello> {
 public:
  explicit Stream(TestPeer* peer) : peer_(*peer) {
    hello_.set_node(peer_.options_.says_node);
    if (peer_.streams_.fetch_add(1) >= peer_.options_.silent_streams) StartWrite(&hello_);
    StartRead(&frame_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    peer_.received_.fetch_add(frame_.envelopes_size());
    StartRead(&frame_);
  }
  void OnDone() override { delete this; }

 private:
  TestPeer& peer_;
  proto::PeerHello hello_;
  proto::PeerFrame frame_;
};

class TestPeer::Service final : public proto::PeerService::CallbackService {
 public:
  explicit Service(TestPeer* peer) : peer_(peer) {}
  grpc::ServerBidiReactor<proto::PeerFrame, proto::PeerHello>* Deliver(grpc::CallbackServerContext*) override {
    return new Stream(peer_);
  }

 private:
  TestPeer* const peer_;
};

TestPeer::TestPeer(const Options& options) : options_(options), service_(std::make_unique<Service>(this)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", options_.port), grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(service_.get());
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 500);
  server_ = builder.BuildAndStart();
}

TestPeer::~TestPeer() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
}

TestLink::TestLink(int port, int64_t hello_us_max) : thread_([this] { loop_.Run(); }) {
  Sync([&] {
    link_ = PeerLink::Create({NodeId{1}, NodeId{2}, absl::StrCat("127.0.0.1:", port), hello_us_max}, &loop_);
  });
}

TestLink::~TestLink() {
  std::promise<void> closed;
  loop_.Post([&] { link_->Close([&] { closed.set_value(); }); });
  closed.get_future().wait();
  Sync([this] { link_.reset(); });
  loop_.Stop();
  thread_.join();
}

void TestLink::Send(const std::string& envelope) {
  Sync([&] { link_->Send(envelope); });
}

bool TestLink::connected() const {
  bool connected = false;
  Sync([&] { connected = link_->connected(); });
  return connected;
}

std::string TestLink::last_error() const {
  std::string error;
  Sync([&] { error = link_->last_error(); });
  return error;
}

void TestLink::Sync(const std::function<void()>& work) const {
  std::promise<void> done;
  loop_.Post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace sut
