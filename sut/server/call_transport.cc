#include "sut/server/call_transport.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <utility>

#include "sut/server/reply_status.h"

namespace sut {
namespace {

// Longer than any attempt of a session: it is the session that gives up.
constexpr int64_t kCallTimeoutUs = 10'000'000;

std::chrono::system_clock::time_point DeadlineIn(int64_t timeout_us) {
  return std::chrono::system_clock::now() + std::chrono::microseconds(timeout_us);
}

// The reply of a call that has ended, whichever way.
proto::Reply ReplyOf(const proto::Request& request, const grpc::ClientContext& context, const grpc::Status& status,
                     proto::Reply reply) {
  if (status.ok()) return reply;
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto found = trailers.find(kReplyTrailer);
  proto::Reply refused;
  if (found != trailers.end() && refused.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()))) {
    return refused;
  }
  refused.Clear();
  *refused.mutable_id() = request.id();
  refused.set_attempt(request.attempt());
  refused.set_code(proto::INDETERMINATE);
  refused.set_message(status.error_message());
  return refused;
}

}  // namespace

// The calls under way, so that they can be cancelled and waited for. Thread rule: from anywhere.
class CallTransport::Calls {
 public:
  void Begin(grpc::ClientContext* context) {
    std::lock_guard lock(mutex_);
    running_.insert(context);
  }
  // The call has ended; `post` hands its end to the loop, which may destroy the context at any time from then on.
  template <typename Post>
  void End(grpc::ClientContext* context, Post post) {
    {
      std::lock_guard lock(mutex_);
      running_.erase(context);
      ++posting_;
    }
    post();
    std::lock_guard lock(mutex_);
    --posting_;
    changed_.notify_all();
  }
  void CancelAndWait() {
    std::unique_lock lock(mutex_);
    for (grpc::ClientContext* context : running_) context->TryCancel();
    changed_.wait(lock, [this] { return running_.empty() && posting_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<grpc::ClientContext*> running_;
  int posting_ = 0;
};

template <typename Request, typename Reply>
struct CallTransport::Call {
  grpc::ClientContext context;
  Request request;
  Reply reply;
};

CallTransport::CallTransport(EventLoop* loop, Addresses addresses)
    : loop_(loop),
      addresses_(std::move(addresses)),
      calls_(std::make_shared<Calls>()),
      self_(std::make_shared<CallTransport*>(this)) {}

CallTransport::~CallTransport() { calls_->CancelAndWait(); }

proto::NodeService::Stub* CallTransport::StubFor(NodeId node) {
  auto& stub = stubs_[node];
  if (stub == nullptr) {
    const auto address = addresses_.find(node);
    if (address == addresses_.end()) return nullptr;
    stub = proto::NodeService::NewStub(MakeChannel(address->second));
  }
  return stub.get();
}

// A context is let go on the loop, never in gRPC's own thread: it may hold the last reference to its channel, which
// must not go away inside a callback. So a callback gives what it holds to the loop.
template <typename StartedCall, typename End>
std::function<void(grpc::Status)> CallTransport::OnLoop(std::shared_ptr<StartedCall> call, End end) {
  calls_->Begin(&call->context);
  return [loop = loop_, calls = calls_, call = std::move(call), weak = std::weak_ptr(self_),
          end = std::move(end)](const grpc::Status& status) mutable {
    grpc::ClientContext* const context = &call->context;
    calls->End(context, [&] {
      loop->Post([call = std::move(call), weak = std::move(weak), end = std::move(end), status] {
        if (const auto self = weak.lock()) end(*self, call.get(), status);
      });
    });
  };
}

void CallTransport::Send(NodeId to, LogicalIdentity, std::string envelope_bytes) {
  using Started = Call<proto::Request, proto::Reply>;
  proto::Envelope envelope;
  if (!envelope.ParseFromString(envelope_bytes)) return;
  auto call = std::make_shared<Started>();
  call->request = std::move(*envelope.mutable_request());
  const auto end = [to](CallTransport* self, Started* ended, const grpc::Status& status) {
    const auto answer = ReplyOf(ended->request, ended->context, status, std::move(ended->reply));
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE && answer.code() == proto::INDETERMINATE) {
      self->AwaitConnection(to);
    }
    if (!self->deliver_) return;
    proto::Envelope delivered;
    delivered.set_from_node(to.value);
    *delivered.mutable_reply() = answer;
    self->deliver_(delivered);
  };
  proto::NodeService::Stub* stub = StubFor(to);
  if (stub == nullptr) {
    const grpc::Status unknown(grpc::StatusCode::UNKNOWN, "the node's address is not known");
    return loop_->Post([end, call, unknown, weak = std::weak_ptr(self_)] {
      if (const auto self = weak.lock()) end(*self, call.get(), unknown);
    });
  }
  call->context.set_deadline(DeadlineIn(kCallTimeoutUs));
  Started* const started = call.get();
  stub->async()->Call(&started->context, &started->request, &started->reply, OnLoop(std::move(call), end));
}

void CallTransport::GetStatus(NodeId node, int64_t timeout_us, StatusDone done) {
  using Started = Call<proto::StatusRequest, proto::NodeStatus>;
  proto::NodeService::Stub* stub = StubFor(node);
  if (stub == nullptr) {
    loop_->Post([done = std::move(done)] { done(absl::NotFoundError("the node's address is not known")); });
    return;
  }
  auto call = std::make_shared<Started>();
  call->context.set_deadline(DeadlineIn(timeout_us));
  Started* const started = call.get();
  const auto end = [node, done = std::move(done)](CallTransport* self, Started* ended, const grpc::Status& status) {
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) self->AwaitConnection(node);
    if (!status.ok()) return done(ToAbsl(status));
    done(std::move(ended->reply));
  };
  stub->async()->GetStatus(&started->context, &started->request, &started->reply, OnLoop(std::move(call), end));
}

// At most one such call a node; it ends when the node answers, and is made again only if another call fails.
void CallTransport::AwaitConnection(NodeId node) {
  using Started = Call<proto::StatusRequest, proto::NodeStatus>;
  if (!awaited_.insert(node).second) return;
  auto call = std::make_shared<Started>();
  call->context.set_deadline(DeadlineIn(kCallTimeoutUs));
  call->context.set_wait_for_ready(true);
  Started* const started = call.get();
  const auto end = [node](CallTransport* self, Started*, const grpc::Status&) { self->awaited_.erase(node); };
  StubFor(node)->async()->GetStatus(&started->context, &started->request, &started->reply,
                                    OnLoop(std::move(call), end));
}

}  // namespace sut
