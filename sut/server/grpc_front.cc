#include "sut/server/grpc_front.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/server/grpc_lifetime.h"
#include "sut/server/grpc_names.h"
#include "sut/server/reply_status.h"

namespace sut {
namespace {

constexpr int64_t kExpiryIntervalUs = 1'000'000;
constexpr auto kStopGrace = std::chrono::milliseconds(500);
constexpr int kPingMsMin = 500;
// Of a client or a peer that is gone without a word nothing is kept for longer than both together.
constexpr int kKeepaliveMs = 10'000;
constexpr size_t kBufferBytesMax = size_t{256} << 20;

proto::Reply Refusal(proto::Code code, std::string message) {
  proto::Reply reply;
  reply.set_code(code);
  reply.set_message(std::move(message));
  return reply;
}

// What only nodes ask of each other would let a client act behind the master's back.
bool IsClientRequest(const proto::Request& request) {
  switch (request.body_case()) {
    case proto::Request::kCreateReplica:
    case proto::Request::kDeleteReplica:
    case proto::Request::kCloseTablet:
    case proto::Request::kSnapshot:
    case proto::Request::kChangeGroup:
    case proto::Request::BODY_NOT_SET:
      return false;
    default:
      return true;
  }
}

}  // namespace

// A client's call. Owns itself until OnDone.
class GrpcFront::Call final : public grpc::ServerUnaryReactor {
 public:
  Call(GrpcFront* front, grpc::CallbackServerContext* context, const proto::Request* request, proto::Reply* reply)
      : front_(front), context_(context), request_(*request), reply_(reply) {}

  // On one of gRPC's threads.
  void Begin() {
    front_->calls_begun_.fetch_add(1);
    if (front_->calls_begun_.load() > kCallsMax)
      return FinishWith(Refusal(proto::UNAVAILABLE, "too many calls are open"));
    if (request_.ByteSizeLong() > kRequestBytesMax) {
      return FinishWith(
          Refusal(proto::BAD_REQUEST, absl::StrCat("a request has at most ", kRequestBytesMax, " bytes")));
    }
    if (!IsClientRequest(request_)) return FinishWith(Refusal(proto::BAD_REQUEST, "not a request that clients make"));
    front_->loop_->Post([this] { front_->Open(this); });
  }
  // Once. A refusal's full reply goes beside the status.
  void FinishWith(proto::Reply reply) {
    if (reply.code() != proto::OK) {
      *reply.mutable_id() = request_.id();
      reply.set_attempt(request_.attempt());
      context_->AddTrailingMetadata(kReplyTrailer, reply.SerializeAsString());
    }
    const grpc::Status status = StatusOf(reply);
    *reply_ = std::move(reply);
    Finish(status);
  }
  void OnCancel() override {
    // By id, since the call may have ended when this runs.
    cancelled_.store(true);
    if (const uint32_t id = id_.load(); id != 0) {
      front_->loop_->Post(
          [front = front_, id] { front->End(id, Refusal(proto::INDETERMINATE, "the caller has gone")); });
    }
  }
  void OnDone() override {
    front_->calls_begun_.fetch_sub(1);
    delete this;
  }

  const proto::Request& request() const { return request_; }
  // On the loop.
  void Opened(uint32_t id, int64_t now_us) {
    id_.store(id);
    opened_us_ = now_us;
  }
  bool cancelled() const { return cancelled_.load(); }
  int64_t opened_us() const { return opened_us_; }

 private:
  GrpcFront* const front_;
  grpc::CallbackServerContext* const context_;
  const proto::Request& request_;  // gRPC's, until OnDone
  proto::Reply* const reply_;
  std::atomic<uint32_t> id_ = 0;
  std::atomic<bool> cancelled_ = false;
  int64_t opened_us_ = 0;
};

class GrpcFront::NodeServiceImpl final : public proto::NodeService::CallbackService {
 public:
  explicit NodeServiceImpl(GrpcFront* front) : front_(front) {}

  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const proto::Request* request,
                                 proto::Reply* reply) override {
    auto* call = new GrpcFront::Call(front_, context, request, reply);
    call->Begin();
    return call;
  }
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context, const proto::StatusRequest*,
                                      proto::NodeStatus* reply) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    front_->loop_->Post([front = front_, reactor, reply] {
      *reply = front->node_.status();
      reactor->Finish(grpc::Status::OK);
    });
    return reactor;
  }

 private:
  GrpcFront* const front_;
};

// A peer's stream, from which this node receives. Owns itself until OnDone.
class GrpcFront::PeerStream final : public grpc::ServerBidiReactor<proto::PeerFrame, proto::PeerHello> {
 public:
  explicit PeerStream(GrpcFront* front) : front_(front) {
    hello_.set_node(front->options_.self.value);
    StartWrite(&hello_);
    StartRead(&frame_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    front_->loop_->Post([this] {
      for (const std::string& envelope : frame_.envelopes()) front_->node_.receive(envelope);
      frame_.Clear();
      StartRead(&frame_);
    });
  }
  void OnDone() override { delete this; }

 private:
  GrpcFront* const front_;
  proto::PeerHello hello_;
  proto::PeerFrame frame_;
};

class GrpcFront::PeerServiceImpl final : public proto::PeerService::CallbackService {
 public:
  explicit PeerServiceImpl(GrpcFront* front) : front_(front) {}

  grpc::ServerBidiReactor<proto::PeerFrame, proto::PeerHello>* Deliver(grpc::CallbackServerContext* context) override {
    const auto from = Metadata(*context, kFromMetadata);
    const auto to = Metadata(*context, kToMetadata);
    if (!from.ok() || !to.ok() || !front_->options_.peers.contains(*from) || *from == front_->options_.self) {
      return new Refused(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "not a node of this cluster"));
    }
    if (*to != front_->options_.self) {
      return new Refused(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                                      absl::StrCat("this is node ", front_->options_.self.value)));
    }
    return new PeerStream(front_);
  }

 private:
  class Refused final : public grpc::ServerBidiReactor<proto::PeerFrame, proto::PeerHello> {
   public:
    explicit Refused(const grpc::Status& status) { Finish(status); }
    void OnDone() override { delete this; }
  };
  static absl::StatusOr<NodeId> Metadata(const grpc::CallbackServerContext& context, const char* key) {
    const auto found = context.client_metadata().find(key);
    if (found == context.client_metadata().end()) return absl::NotFoundError(key);
    return ParseNodeId(std::string_view(found->second.data(), found->second.size()));
  }

  GrpcFront* const front_;
};

absl::StatusOr<std::unique_ptr<GrpcFront>> GrpcFront::Start(Options options, Node node, EventLoop* loop) {
  std::unique_ptr<GrpcFront> front(new GrpcFront(std::move(options), std::move(node), loop));
  if (absl::Status status = front->Listen(); !status.ok()) return status;
  front->ExpireCalls();
  return front;
}

GrpcFront::GrpcFront(Options options, Node node, EventLoop* loop)
    : options_(std::move(options)),
      node_(std::move(node)),
      loop_(loop),
      self_(std::make_shared<GrpcFront*>(this)),
      node_service_(std::make_unique<NodeServiceImpl>(this)),
      peer_service_(std::make_unique<PeerServiceImpl>(this)) {}

GrpcFront::~GrpcFront() = default;

absl::Status GrpcFront::Listen() {
  KeepGrpcUp();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(node_service_.get());
  builder.RegisterService(peer_service_.get());
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  // gRPC refuses a message that is too large only when all of it has come; this bounds what has come of all of them.
  builder.SetResourceQuota(grpc::ResourceQuota("sut").Resize(kBufferBytesMax));
  // Otherwise a second server on the same port would take half of the connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingMsMin);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMs);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) {
    return absl::UnavailableError(absl::StrCat("can't listen on ", options_.listen));
  }
  // Asked without a name, the health service speaks for all; by name, only for those that it knows.
  if (auto* health = server_->GetHealthCheckService()) {
    health->SetServingStatus(proto::NodeService::service_full_name(), true);
    health->SetServingStatus(proto::PeerService::service_full_name(), true);
  }
  return absl::OkStatus();
}

void GrpcFront::Open(Call* call) {
  if (call->cancelled()) return call->FinishWith(Refusal(proto::INDETERMINATE, "the caller has gone"));
  uint32_t id = last_call_;
  do {
    id = id == UINT32_MAX ? kFirstCall + 1 : id + 1;
  } while (calls_.contains(id));
  last_call_ = id;
  calls_[id] = call;
  call->Opened(id, loop_->NowUs());
  // A cancellation that came in between did not see the id.
  if (call->cancelled()) return End(id, Refusal(proto::INDETERMINATE, "the caller has gone"));
  proto::Envelope envelope;
  envelope.set_from_node(id);
  *envelope.mutable_request() = call->request();
  node_.receive(envelope.SerializeAsString());
}

void GrpcFront::Answer(NodeId call, const std::string& bytes) {
  proto::Envelope envelope;
  if (envelope.ParseFromString(bytes) && envelope.has_reply()) End(call.value, envelope.reply());
}

void GrpcFront::End(uint32_t id, const proto::Reply& reply) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call* call = found->second;
  calls_.erase(found);
  call->FinishWith(reply);
}

void GrpcFront::ExpireCalls() {
  std::vector<uint32_t> expired;
  for (const auto& [id, call] : calls_) {
    if (loop_->NowUs() - call->opened_us() > kCallUsMax) expired.push_back(id);
  }
  for (const uint32_t id : expired) End(id, Refusal(proto::INDETERMINATE, "no answer in time"));
  loop_->After(kExpiryIntervalUs, [weak = std::weak_ptr(self_)] {
    if (const auto self = weak.lock()) (*self)->ExpireCalls();
  });
}

void GrpcFront::Stop() {
  if (server_ == nullptr) return;
  if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(false);
  server_->Shutdown(std::chrono::system_clock::now() + kStopGrace);
  server_->Wait();
}

}  // namespace sut
