#include "sut/server/remote_client.h"

#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_unary_call.h>

#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "sut/server/client_id.h"
#include "sut/server/reply_status.h"

namespace sut {
namespace {

constexpr int kOperationsMax = 4096;
// One node that is asked who it is. The call waits for the connection, since gRPC works on that only meanwhile.
struct Question {
  std::unique_ptr<proto::NodeService::Stub> stub;
  grpc::ClientContext context;
  proto::NodeStatus answer;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<proto::NodeStatus>> call;
};

// Asks all addresses at once; the first answer is taken.
absl::StatusOr<proto::NodeStatus> AskAll(const std::vector<std::string>& addresses, int64_t timeout_us) {
  const auto deadline = std::chrono::system_clock::now() + std::chrono::microseconds(timeout_us);
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Question>> questions;
  for (const std::string& address : addresses) {
    Question& one = *questions.emplace_back(std::make_unique<Question>());
    one.stub = proto::NodeService::NewStub(MakeChannel(address));
    one.context.set_deadline(deadline);
    one.context.set_wait_for_ready(true);
    one.call = one.stub->AsyncGetStatus(&one.context, {}, &queue);
    one.call->Finish(&one.answer, &one.status, &one);
  }
  absl::StatusOr<proto::NodeStatus> first = absl::UnavailableError(
      absl::StrCat("No answer within ", timeout_us / 1'000, " ms from ", absl::StrJoin(addresses, ",")));
  void* tag = nullptr;
  bool ok = false;
  // Every call ends: with its answer, at the deadline, or cancelled because another one was first.
  for (size_t ended = 0; ended < questions.size() && queue.Next(&tag, &ok); ++ended) {
    auto& one = *static_cast<Question*>(tag);
    if (first.ok() || !one.status.ok()) continue;
    first = std::move(one.answer);
    for (const auto& other : questions) other->context.TryCancel();
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) continue;
  return first;
}

CallResult NoRoom() {
  CallResult result;
  result.outcome = Outcome::kFail;
  result.reply.set_code(proto::UNAVAILABLE);
  result.reply.set_message("too many operations are open");
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RemoteClient>> RemoteClient::Connect(const std::vector<std::string>& addresses,
                                                                    int64_t timeout_us) {
  auto known = AskAll(addresses, timeout_us);
  if (!known.ok()) return known.status();
  Addresses nodes;
  for (const auto& peer : known->peers()) nodes[NodeId{peer.node()}] = peer.address();
  std::vector<NodeId> masters;
  for (const uint32_t member : known->master_members()) masters.push_back(NodeId{member});
  if (masters.empty()) return absl::InternalError("the node names no master");
  return std::unique_ptr<RemoteClient>(new RemoteClient(std::move(nodes), std::move(masters)));
}

RemoteClient::RemoteClient(Addresses addresses, std::vector<NodeId> masters)
    : addresses_(std::move(addresses)),
      masters_(std::move(masters)),
      transport_(std::make_unique<CallTransport>(&loop_, addresses_)) {
  Session::Options options;
  options.id = RandomClientId();
  options.masters = masters_;
  options.operations_open_max = kOperationsMax;
  options.refusal_is_final = true;
  session_ = std::make_unique<Session>(options, &loop_, &loop_, transport_.get());
  transport_->set_deliver([this](const proto::Envelope& envelope) { session_->OnEnvelope(envelope); });
  thread_ = std::thread([this] { loop_.Run(); });
}

RemoteClient::~RemoteClient() {
  loop_.Post([this] {
    session_->Abandon();
    session_.reset();
    transport_.reset();
    loop_.Stop();
  });
  thread_.join();
}

void RemoteClient::CallAsync(const CallTarget& target, proto::Request body, int64_t timeout_us, Session::Done done) {
  loop_.Post([this, target, body = std::move(body), timeout_us, done = std::move(done)] {
    if (session_->open_count() >= kOperationsMax) return done(NoRoom());
    session_->Call(target, body, loop_.NowUs() + timeout_us, done);
  });
}

CallResult RemoteClient::Call(const CallTarget& target, proto::Request body, int64_t timeout_us) {
  auto settled = std::make_shared<std::promise<CallResult>>();
  CallAsync(target, std::move(body), timeout_us, [settled](const CallResult& result) { settled->set_value(result); });
  return settled->get_future().get();
}

absl::StatusOr<proto::Reply::TableList> RemoteClient::ListTables(int64_t timeout_us) {
  proto::Request request;
  request.mutable_list_tables();
  const CallResult result = Call(MasterTarget(), std::move(request), timeout_us);
  if (result.outcome != Outcome::kOk) return ToAbsl(result);
  return result.reply.tables();
}

absl::StatusOr<proto::Reply::SnapshotList> RemoteClient::ListSnapshots(int64_t timeout_us) {
  proto::Request request;
  request.mutable_list_snapshots();
  const CallResult result = Call(MasterTarget(), std::move(request), timeout_us);
  if (result.outcome != Outcome::kOk) return ToAbsl(result);
  return result.reply.snapshots();
}

absl::Status RemoteClient::Change(proto::CatalogueCommand change, int64_t timeout_us) {
  proto::Request request;
  *request.mutable_catalogue() = std::move(change);
  return ToAbsl(Call(MasterTarget(), std::move(request), timeout_us));
}

absl::StatusOr<ClusterView> RemoteClient::View(int64_t timeout_us) {
  auto settled = std::make_shared<std::promise<absl::StatusOr<ClusterView>>>();
  loop_.Post([this, settled, timeout_us] {
    CollectClusterView(session_.get(), transport_.get(), loop_.NowUs() + timeout_us,
                       [settled](absl::StatusOr<ClusterView> view) { settled->set_value(std::move(view)); });
  });
  return settled->get_future().get();
}

absl::StatusOr<proto::NodeStatus> RemoteClient::GetStatus(NodeId node, int64_t timeout_us) {
  auto settled = std::make_shared<std::promise<absl::StatusOr<proto::NodeStatus>>>();
  loop_.Post([this, settled, node, timeout_us] {
    transport_->GetStatus(node, timeout_us, [settled](absl::StatusOr<proto::NodeStatus> status) {
      settled->set_value(std::move(status));
    });
  });
  return settled->get_future().get();
}

}  // namespace sut
