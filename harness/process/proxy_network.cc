#include "harness/process/proxy_network.h"

#include <algorithm>
#include <asio/post.hpp>
#include <future>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"

namespace holdfast::process {
namespace {

constexpr uint64_t kCutSalt = 0x637574;

Flow FlowOf(bool half_open, bool stalled) {
  if (half_open) return Flow::kHalfOpen;
  return stalled ? Flow::kStalled : Flow::kOpen;
}

}  // namespace

ProxyNetwork::ProxyNetwork() : work_(context_.get_executor()) {}

absl::StatusOr<std::unique_ptr<ProxyNetwork>> ProxyNetwork::Create(uint32_t nodes) {
  std::unique_ptr<ProxyNetwork> network(new ProxyNetwork());
  std::vector<uint32_t> senders = {kClients, kHarness};
  for (uint32_t node = 1; node <= nodes; ++node) senders.push_back(node);
  for (const uint32_t from : senders) {
    for (uint32_t to = 1; to <= nodes; ++to) {
      if (from == to) continue;
      const FaultLink::Options options{.hold_while_unreachable = from == kHarness};
      absl::Status status = FaultLink::Listen(&network->context_, options, &network->links_[{from, to}]);
      if (!status.ok()) {
        network->links_.erase({from, to});
        return status;
      }
    }
  }
  network->thread_ = std::thread([context = &network->context_] { context->run(); });
  return network;
}

ProxyNetwork::~ProxyNetwork() {
  const auto close = [this] {
    for (const auto& [way, link] : links_) link->Close();
  };
  if (thread_.joinable()) {
    Sync(close);
    work_.reset();
    thread_.join();
  } else {
    close();
  }
}

void ProxyNetwork::Sync(const std::function<void()>& work) const {
  std::promise<void> done;
  asio::post(context_, [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

sut::Addresses ProxyNetwork::AddressesFor(uint32_t from) const {
  sut::Addresses addresses;
  for (const auto& [way, link] : links_) {
    if (way.first == from) addresses[sut::NodeId{way.second}] = absl::StrCat("127.0.0.1:", link->port());
  }
  return addresses;
}

void ProxyNetwork::SetNode(uint32_t node, uint16_t port) {
  Sync([&] {
    for (const auto& [way, link] : links_) {
      if (way.second == node) link->SetUpstream(port);
    }
  });
}

void ProxyNetwork::Cut(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links) {
  cuts_[id] = directed_links;
  Apply();
}

void ProxyNetwork::Mend(uint64_t id) {
  if (cuts_.erase(id) + slow_.erase(id) > 0) Apply();
}

void ProxyNetwork::Slow(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links,
                        int64_t delay_us) {
  slow_[id] = {directed_links, delay_us};
  Apply();
}

void ProxyNetwork::SetDelay(int64_t delay_us) {
  if (std::exchange(delay_us_, delay_us) != delay_us) Apply();
}

LinkState ProxyNetwork::StateOf(const Link& link) const {
  CutWays cut;
  for (const auto& [id, ways] : cuts_) {
    for (const Link& way : ways) {
      const auto style = static_cast<CutStyle>(sut::Mix({kCutSalt, id, way.first, way.second}) % 3);
      if (way == link) cut.forward.insert(style);
      if (link.first == kClients && way == Link{link.second, kClients}) cut.backward.insert(style);
    }
  }
  LinkState state;
  state.broken = cut.forward.contains(CutStyle::kBroken) || cut.backward.contains(CutStyle::kBroken);
  state.forward.flow = FlowOf(cut.forward.contains(CutStyle::kHalfOpen), cut.forward.contains(CutStyle::kStalled));
  state.backward.flow = FlowOf(cut.backward.contains(CutStyle::kHalfOpen), cut.backward.contains(CutStyle::kStalled));
  state.forward.delay_us = delay_us_;
  for (const auto& [id, rule] : slow_) {
    const bool applies = std::find(rule.ways.begin(), rule.ways.end(), link) != rule.ways.end();
    if (applies) state.forward.delay_us = std::max(state.forward.delay_us, rule.delay_us);
  }
  state.backward.delay_us = link.first == kClients ? delay_us_ : 0;
  return state;
}

void ProxyNetwork::Apply() {
  std::map<Link, LinkState> states;
  for (const auto& [way, link] : links_) {
    if (way.first != kHarness) states[way] = StateOf(way);
  }
  Sync([&] {
    for (const auto& [way, state] : states) links_.at(way)->SetState(state);
  });
}

LinkCounters ProxyNetwork::counters() const {
  LinkCounters sum;
  Sync([&] {
    for (const auto& [way, link] : links_) {
      if (way.first == kHarness) continue;
      sum.connections += link->counters().connections;
      sum.bytes_passed += link->counters().bytes_passed;
      sum.bytes_swallowed += link->counters().bytes_swallowed;
      sum.resets += link->counters().resets;
      sum.bytes_delayed += link->counters().bytes_delayed;
    }
  });
  return sum;
}

}  // namespace holdfast::process
