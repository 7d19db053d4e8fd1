// The simulated network. The fault model:
//
// - A message arrives after a delay, twice, late, or never; its bytes are never changed. Without any fault a directed
// link
//   keeps order, like a connection; a message drawn as `reordered` takes several times its delay and is overtaken.
// - Weather is constant per (link, time slot): a link has good and bad slots, and the asked loss is their mean.
// - A link may be slow: its messages take several times their delay, and still keep their order.
// - A link that is cut loses what is sent on it and what is under way on it. Cuts are directed, and add up.
// - What a node sends to itself goes through the queue as well, quick, in order and never lost.
//
// Every draw is a hash of (seed, link, the message's logical identity, how many of that identity this link has seen).
// The count, and not the time, tells the attempts of one message apart: so a retry meets a fate of its own, and
// dropping a step of a plan, which shifts the time of all that follows, leaves the fate of every other message as it
// was.
//
// Loop rule: single-threaded, on one EventQueue.

#ifndef HARNESS_SIM_SIM_NETWORK_H_
#define HARNESS_SIM_SIM_NETWORK_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "harness/sim/event_queue.h"
#include "sut/base/ids.h"
#include "sut/runtime/seams.h"

namespace holdfast::sim {

// Addresses from here on are clients'; those below are nodes'.
inline constexpr uint32_t kFirstClientAddress = 999;

struct NetworkWeather {
  uint32_t loss_permille = 0;
  uint32_t duplicate_permille = 0;
  uint32_t reorder_permille = 0;
  uint32_t delay_factor = 1;
};

struct NetworkCounters {
  uint64_t sent = 0;
  uint64_t delivered = 0;  // each copy
  uint64_t lost = 0;
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t cut = 0;  // lost to a cut link, when sent or under way
  uint64_t bytes_sent = 0;
};

// Where messages come out. The receiver may be down: then it is not called.
class NetworkSink {
 public:
  virtual ~NetworkSink() = default;
  virtual void Deliver(sut::NodeId to, std::string envelope) = 0;
};

class SimNetwork {
 public:
  struct Options {
    uint64_t seed = 0;
    uint32_t nodes = 0;           // addresses 1..nodes
    int64_t delay_us_median = 0;  // 1..
    // Some duplicates come up to so much later than others: when what they ask for has long been done, and undone.
    int64_t straggler_us = 0;
  };
  // The queue and the sink outlive the network.
  SimNetwork(const Options& options, EventQueue* queue, NetworkSink* sink);
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  struct Link {
    sut::NodeId from;
    sut::NodeId to;
  };
  void Send(Link link, sut::LogicalIdentity identity, std::string envelope);

  void SetWeather(const NetworkWeather& weather) { weather_ = weather; }
  // The median one-way delay from now on. REQUIRES: delay_us_median > 0.
  void SetDelay(int64_t delay_us_median) { options_.delay_us_median = delay_us_median; }
  const NetworkWeather& weather() const { return weather_; }

  // (from, to); 0 stands for all clients, an address from kFirstClientAddress on for one. A second rule under the same
  // id replaces the first.
  using DirectedLinks = std::vector<std::pair<uint32_t, uint32_t>>;
  void Cut(uint64_t id, const DirectedLinks& links);
  // Of several rules for a link the slowest holds. REQUIRES: links between nodes.
  void Slow(uint64_t id, const DirectedLinks& links, uint32_t delay_factor);
  // Ends both kinds of rule under that id.
  void Mend(uint64_t id);
  bool IsCut(Link link) const {
    return cuts_[PairIndex(link)] > 0 || client_cuts_.contains({link.from.value, link.to.value});
  }

  const NetworkCounters& counters() const { return counters_; }
  // Depends on the order, time, link and identity of every delivery. Not on the bytes: table files, which an install
  // ships, differ from run to run.
  uint64_t digest() const { return digest_; }

 private:
  static constexpr int64_t kWeatherSlotUs = 250'000;
  static constexpr int64_t kSelfDelayUs = 20;
  // However slow a link: what is sent on it after it was mended waits for what is under way.
  static constexpr int64_t kDelayUsMax = 10'000'000;
  static constexpr uint64_t kStragglersOf64 = 11;  // of duplicates

  size_t PairIndex(Link link) const;
  int64_t SlotFactor(uint64_t slot_draw) const;
  uint32_t SlotLossPermille(uint64_t slot_draw) const;
  int64_t Delay(Link link, uint64_t draw, uint64_t slot_draw) const;
  int64_t StraggleUs(uint64_t draw) const;
  int64_t SlowFactor(Link link) const;
  void ScheduleCopy(Link link, sut::LogicalIdentity identity, int64_t arrival_us, std::string envelope);
  void Arrive(Link link, sut::LogicalIdentity identity, std::string envelope);

  Options options_;
  EventQueue* const queue_;
  NetworkSink* const sink_;
  NetworkWeather weather_;
  NetworkCounters counters_;
  uint64_t digest_ = 0;
  std::map<uint64_t, DirectedLinks> cut_rules_;
  // By (from, to), clients as 0: how many rules cut this link.
  std::vector<uint32_t> cuts_;
  // Cut links of single clients, each as often as rules cut it.
  std::multiset<std::pair<uint32_t, uint32_t>> client_cuts_;
  struct SlowRule {
    DirectedLinks links;
    uint32_t delay_factor = 1;
  };
  std::map<uint64_t, SlowRule> slow_rules_;
  // By (from, to) in full: when the last message that keeps order arrives.
  absl::flat_hash_map<uint64_t, int64_t> last_arrival_us_;
  // By hash of (link, identity): how many of it were sent. Grows by one small entry a message, for one run.
  absl::flat_hash_map<uint64_t, uint32_t> occurrences_;
};

}  // namespace holdfast::sim

#endif  // HARNESS_SIM_SIM_NETWORK_H_
