#include "harness/process/node_watch.h"

#include <chrono>
#include <utility>

namespace holdfast::process {
namespace {

constexpr int64_t kPollUs = 25'000;
constexpr int64_t kAnswerUsMax = 5'000'000;

}  // namespace

NodeWatch::NodeWatch(sut::Addresses nodes, sut::EventLoop* loop, ClusterStatus* status)
    : addresses_(std::move(nodes)),
      loop_(loop),
      status_(status),
      transport_(loop, addresses_),
      self_(std::make_shared<NodeWatch*>(this)) {
  transport_.set_deliver([](const sut::proto::Envelope&) {});
}

NodeWatch::~NodeWatch() { self_.reset(); }

void NodeWatch::Begin(uint32_t node) {
  nodes_[node].life = ++last_life_;
  status_->Forget(node);
  Ask(node, last_life_);
}

void NodeWatch::End(uint32_t node) {
  nodes_[node].life = 0;
  status_->Forget(node);
}

void NodeWatch::Ask(uint32_t node, uint64_t life) {
  transport_.GetStatus(sut::NodeId{node}, kAnswerUsMax,
                       [weak = std::weak_ptr(self_), node, life](absl::StatusOr<sut::proto::NodeStatus> status) {
                         const auto self = weak.lock();
                         if (self == nullptr || (*self)->nodes_[node].life != life) return;
                         if (status.ok()) (*self)->status_->Set(node, *std::move(status));
                         (*self)->loop_->After(kPollUs, [weak, node, life] {
                           const auto still = weak.lock();
                           if (still != nullptr && (*still)->nodes_[node].life == life) (*still)->Ask(node, life);
                         });
                       });
}

std::optional<sut::proto::NodeStatus> NodeWatch::AskNow(uint32_t node) {
  auto& stub = nodes_[node].stub;
  if (stub == nullptr) stub = sut::proto::NodeService::NewStub(sut::MakeChannel(addresses_.at(sut::NodeId{node})));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(kAnswerUsMax));
  sut::proto::NodeStatus answer;
  if (!stub->GetStatus(&context, {}, &answer).ok()) return std::nullopt;
  return answer;
}

void NodeWatch::Maintain(uint32_t node, const std::string& tablet, const sut::proto::Maintenance& maintenance) {
  sut::proto::Envelope envelope;
  envelope.mutable_request()->set_tablet(tablet);
  *envelope.mutable_request()->mutable_maintenance() = maintenance;
  transport_.Send(sut::NodeId{node}, {}, envelope.SerializeAsString());
}

}  // namespace holdfast::process
