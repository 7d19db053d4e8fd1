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
void CallTransport::Send(NodeId to, LogicalIdentity, std::string envelope_bytes) {
  struct Call {
    grpc::ClientContext context;
    proto::Envelope envelope;
    proto::Reply reply;
  };
  auto call = std::make_shared<Call>();
  if (!call->envelope.ParseFromString(envelope_bytes)) return;
  const auto deliver = [weak = std::weak_ptr(self_), to](Call* ended, const grpc::Status& status) {
    const auto self = weak.lock();
    if (self == nullptr || !(*self)->deliver_) return;
    proto::Envelope answer;
    answer.set_from_node(to.value);
    *answer.mutable_reply() = ReplyOf(ended->envelope.request(), ended->context, status, std::move(ended->reply));
    (*self)->deliver_(answer);
  };
  proto::NodeService::Stub* stub = StubFor(to);
  if (stub == nullptr) {
    const grpc::Status unknown(grpc::StatusCode::UNAVAILABLE, "the node's address is not known");
    return loop_->Post([deliver, call, unknown] { deliver(call.get(), unknown); });
  }
  Call* const started = call.get();
  started->context.set_deadline(DeadlineIn(kCallTimeoutUs));
  calls_->Begin(&started->context);
  stub->async()->Call(
      &started->context, &started->envelope.request(), &started->reply,
      [loop = loop_, calls = calls_, call = std::move(call), deliver](const grpc::Status& status) mutable {
        calls->End(&call->context,
                   [&] { loop->Post([call = std::move(call), deliver, status] { deliver(call.get(), status); }); });
      });
}

void CallTransport::GetStatus(NodeId node, int64_t timeout_us, StatusDone done) {
  struct Call {
    grpc::ClientContext context;
    proto::StatusRequest request;
    proto::NodeStatus reply;
  };
  proto::NodeService::Stub* stub = StubFor(node);
  if (stub == nullptr) {
    loop_->Post([done = std::move(done)] { done(absl::NotFoundError("the node's address is not known")); });
    return;
  }
  auto call = std::make_shared<Call>();
  Call* const started = call.get();
  started->context.set_deadline(DeadlineIn(timeout_us));
  calls_->Begin(&started->context);
  const auto finish = [weak = std::weak_ptr(self_), done = std::move(done)](Call* ended, const grpc::Status& status) {
    if (weak.lock() == nullptr) return;
    if (!status.ok()) return done(ToAbsl(status));
    done(std::move(ended->reply));
  };
  stub->async()->GetStatus(
      &started->context, &started->request, &started->reply,
      [loop = loop_, calls = calls_, call = std::move(call), finish](const grpc::Status& status) mutable {
        calls->End(&call->context,
                   [&] { loop->Post([call = std::move(call), finish, status] { finish(call.get(), status); }); });
      });
}

}  // namespace sut
