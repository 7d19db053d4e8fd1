// Draws and deliveries of the simulated network.

#include "harness/sim/sim_network.h"

#include <algorithm>

#include "sut/base/check.h"
#include "sut/base/prng.h"

namespace holdfast::sim {

namespace {

// Salts of the draws that are made for one message.
enum class Draw : uint64_t { kSlot = 1, kLoss, kDuplicate, kReorder, kDelay, kSecondDelay, kStraggle };

uint64_t Derive(uint64_t draw, Draw salt) { return sut::MixBits(draw ^ (static_cast<uint64_t>(salt) << 56)); }

bool OfOneClient(uint32_t from, uint32_t to) { return from >= kFirstClientAddress || to >= kFirstClientAddress; }

bool Strikes(uint64_t draw, uint32_t permille) { return sut::Below(draw, 1000) < permille; }

}  // namespace

SimNetwork::SimNetwork(const Options& options, EventQueue* queue, NetworkSink* sink)
    : options_(options), queue_(queue), sink_(sink), cuts_((options.nodes + 1) * (options.nodes + 1), 0) {
  SUT_CHECK(options.delay_us_median > 0, "a message takes time");
}

void SimNetwork::Send(Link link, sut::LogicalIdentity identity, std::string envelope) {
  ++counters_.sent;
  counters_.bytes_sent += envelope.size();
  if (link.from == link.to) {
    ScheduleCopy(link, identity, queue_->now_us() + kSelfDelayUs, std::move(envelope));
    return;
  }
  const uint64_t link_hash = uint64_t{link.from.value} << 32 | link.to.value;
  const uint64_t message_hash = sut::MixBits(sut::MixBits(link_hash) ^ identity.hash);
  const uint32_t occurrence = occurrences_[message_hash]++;
  if (IsCut(link)) {
    ++counters_.cut;
    return;
  }
  const uint64_t slot = static_cast<uint64_t>(queue_->now_us() / kWeatherSlotUs);
  const uint64_t slot_draw = sut::Mix({options_.seed, static_cast<uint64_t>(Draw::kSlot), link_hash, slot});
  const uint64_t draw = sut::Mix({options_.seed, message_hash, occurrence});
  if (Strikes(Derive(draw, Draw::kLoss), SlotLossPermille(slot_draw))) {
    ++counters_.lost;
    return;
  }
  if (Strikes(Derive(draw, Draw::kDuplicate), weather_.duplicate_permille)) {
    ++counters_.duplicated;
    // The copy may come long after, and is free to overtake.
    const int64_t delay_us = 3 * Delay(link, Derive(draw, Draw::kSecondDelay), slot_draw);
    ScheduleCopy(link, identity, queue_->now_us() + delay_us + StraggleUs(Derive(draw, Draw::kStraggle)), envelope);
  }
  const int64_t delay_us = Delay(link, Derive(draw, Draw::kDelay), slot_draw);
  const uint64_t reorder_draw = Derive(draw, Draw::kReorder);
  if (Strikes(reorder_draw, weather_.reorder_permille)) {
    ++counters_.reordered;
    const int64_t factor = 3 + static_cast<int64_t>(reorder_draw % 8);
    ScheduleCopy(link, identity, queue_->now_us() + factor * delay_us, std::move(envelope));
    return;
  }
  int64_t& last_arrival_us = last_arrival_us_[link_hash];
  last_arrival_us = std::max(last_arrival_us, queue_->now_us() + delay_us);
  ScheduleCopy(link, identity, last_arrival_us, std::move(envelope));
}

void SimNetwork::Cut(uint64_t id, const DirectedLinks& links) {
  Mend(id);
  for (const auto& [from, to] : links) {
    if (OfOneClient(from, to)) {
      client_cuts_.emplace(from, to);
    } else {
      ++cuts_[PairIndex({{from}, {to}})];
    }
  }
  cut_rules_[id] = links;
}

void SimNetwork::Slow(uint64_t id, const DirectedLinks& links, uint32_t delay_factor) {
  slow_rules_[id] = {links, delay_factor};
}

void SimNetwork::Mend(uint64_t id) {
  slow_rules_.erase(id);
  const auto rule = cut_rules_.extract(id);
  if (rule.empty()) return;
  for (const auto& link : rule.mapped()) {
    if (OfOneClient(link.first, link.second)) {
      client_cuts_.erase(client_cuts_.find(link));
    } else {
      --cuts_[PairIndex({{link.first}, {link.second}})];
    }
  }
}

size_t SimNetwork::PairIndex(Link link) const {
  const uint32_t from = link.from.value >= kFirstClientAddress ? 0 : link.from.value;
  const uint32_t to = link.to.value >= kFirstClientAddress ? 0 : link.to.value;
  SUT_CHECK(from <= options_.nodes && to <= options_.nodes, "an address is a node's or a client's");
  return from * (options_.nodes + 1) + to;
}

// One slot in eight is bad: slow, or lossy, or both.
int64_t SimNetwork::SlotFactor(uint64_t slot_draw) const {
  static constexpr std::array<int64_t, 8> kFactors = {1, 1, 1, 1, 1, 1, 2, 5};
  return kFactors[slot_draw >> 61];
}

// Half of the asked loss in seven slots of eight, the rest in the eighth, so that the mean is what was asked.
uint32_t SimNetwork::SlotLossPermille(uint64_t slot_draw) const {
  const uint32_t asked = weather_.loss_permille;
  const uint32_t bad = std::min<uint32_t>(1000, asked * 9 / 2);
  if ((slot_draw >> 58 & 7) == 0) return bad;
  return (8 * asked - bad) / 7;
}

int64_t SimNetwork::Delay(Link link, uint64_t draw, uint64_t slot_draw) const {
  const int64_t median_us = options_.delay_us_median * std::max<int64_t>(1, weather_.delay_factor);
  const int64_t spread_us = static_cast<int64_t>(sut::Below(draw, static_cast<uint64_t>(median_us) + 1));
  return std::clamp<int64_t>(SlotFactor(slot_draw) * SlowFactor(link) * (median_us / 2 + spread_us), 1, kDelayUsMax);
}

int64_t SimNetwork::StraggleUs(uint64_t draw) const {
  if (options_.straggler_us == 0 || draw >> 58 >= kStragglersOf64) return 0;
  return static_cast<int64_t>(sut::Below(sut::MixBits(draw), static_cast<uint64_t>(options_.straggler_us) + 1));
}

int64_t SimNetwork::SlowFactor(Link link) const {
  uint32_t slowest = 1;
  for (const auto& [id, rule] : slow_rules_) {
    const std::pair<uint32_t, uint32_t> asked(link.from.value, link.to.value);
    if (std::find(rule.links.begin(), rule.links.end(), asked) == rule.links.end()) continue;
    slowest = std::max(slowest, rule.delay_factor);
  }
  return slowest;
}

void SimNetwork::ScheduleCopy(Link link, sut::LogicalIdentity identity, int64_t arrival_us, std::string envelope) {
  // Whoever lives under that address when it arrives receives it, as a datagram would be.
  const EventQueue::Owner owner = {link.to.value >= kFirstClientAddress ? EventQueue::kNobody : link.to.value,
                                   EventQueue::kAnyIncarnation, link.from.value};
  queue_->Schedule(arrival_us, owner, [this, link, identity, envelope = std::move(envelope)]() mutable {
    Arrive(link, identity, std::move(envelope));
  });
}

void SimNetwork::Arrive(Link link, sut::LogicalIdentity identity, std::string envelope) {
  if (link.from != link.to && IsCut(link)) {
    ++counters_.cut;
    return;
  }
  ++counters_.delivered;
  digest_ = sut::Mix({digest_, static_cast<uint64_t>(queue_->now_us()), uint64_t{link.from.value} << 32 | link.to.value,
                      identity.hash});
  sink_->Deliver(link.to, std::move(envelope));
}

}  // namespace holdfast::sim
