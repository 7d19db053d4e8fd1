// The network of a cluster of processes: a fault proxy on every directed link between nodes, from the clients to every
// node, and one without faults from the harness itself to every node.
//
// A node sends to another one on a stream that it opens itself, so the link a -> b carries a's messages alone, and a
// cut of b -> a does not touch it. Clients hear back on the connection that they opened: cutting their way back is
// cutting its other direction. How a cut shows is drawn from its id and its link: half open, stalled, or broken.
//
// Thread rule: the calls from one thread; the proxies run on a thread of their own, so that nothing that keeps the
// caller busy holds up the cluster.

#ifndef HARNESS_PROCESS_PROXY_NETWORK_H_
#define HARNESS_PROCESS_PROXY_NETWORK_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "harness/process/fault_link.h"
#include "sut/server/addresses.h"

namespace holdfast::process {

class ProxyNetwork {
 public:
  // Nodes are 1..nodes.
  static absl::StatusOr<std::unique_ptr<ProxyNetwork>> Create(uint32_t nodes);
  ~ProxyNetwork();
  ProxyNetwork(const ProxyNetwork&) = delete;
  ProxyNetwork& operator=(const ProxyNetwork&) = delete;

  // Where `from` reaches each node: a node, kClients or kHarness.
  sut::Addresses AddressesFor(uint32_t from) const;
  static constexpr uint32_t kClients = 0;
  static constexpr uint32_t kHarness = UINT32_MAX;

  // The node listens on this port of 127.0.0.1; 0: on none.
  void SetNode(uint32_t node, uint16_t port);

  // As Cluster's.
  void Cut(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links);
  void Mend(uint64_t id);
  // Messages from a to b are so late until the rule is mended; the latest of all rules and SetDelay's holds.
  void Slow(uint64_t id, const std::vector<std::pair<uint32_t, uint32_t>>& directed_links, int64_t delay_us);
  // One way; on all links but the harness's.
  void SetDelay(int64_t delay_us);

  // Of all links together, the harness's left out.
  LinkCounters counters() const;

 private:
  using Link = std::pair<uint32_t, uint32_t>;  // from, to
  enum class CutStyle : uint8_t { kHalfOpen, kStalled, kBroken };
  struct CutWays {
    std::set<CutStyle> forward;
    std::set<CutStyle> backward;
  };
  ProxyNetwork();
  // Calls `work` on the proxies' thread and waits for it.
  void Sync(const std::function<void()>& work) const;
  LinkState StateOf(const Link& link) const;
  void Apply();

  mutable asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::map<Link, std::shared_ptr<FaultLink>> links_;
  std::map<uint64_t, std::vector<Link>> cuts_;  // by id: directed ways, as the plan means them
  struct SlowRule {
    std::vector<Link> ways;
    int64_t delay_us;
  };
  std::map<uint64_t, SlowRule> slow_;  // by id
  int64_t delay_us_ = 0;
  std::thread thread_;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_PROXY_NETWORK_H_
