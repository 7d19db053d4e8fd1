// Properties of the simulated network: every fault strikes when it is asked for, and none when it is not.

#include "harness/sim/sim_network.h"

#include <algorithm>
#include <map>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::sim {
namespace {

constexpr sut::NodeId kOne = {1};
constexpr sut::NodeId kTwo = {2};
constexpr int64_t kSecondUs = 1'000'000;

class Inbox final : public NetworkSink {
 public:
  explicit Inbox(const EventQueue* queue) : queue_(queue) {}
  void Deliver(sut::NodeId to, std::string envelope) override {
    received[to.value].push_back(envelope);
    last_us = queue_->now_us();
  }
  std::map<uint32_t, std::vector<std::string>> received;
  int64_t last_us = 0;

 private:
  const EventQueue* const queue_;
};

// A network of two nodes and clients, with what came out of it.
struct World {
  explicit World(uint64_t seed = 1, int64_t straggler_us = 0)
      : inbox(&queue),
        network({.seed = seed, .nodes = 2, .delay_us_median = 500, .straggler_us = straggler_us}, &queue, &inbox) {
    queue.SetAlive({1, 1});
    queue.SetAlive({2, 1});
  }
  // Sends `count` numbered messages, one each 100 us, and runs until all is delivered.
  void SendMany(int count, sut::NodeId from = kOne, sut::NodeId to = kTwo) {
    for (int i = 0; i < count; ++i) {
      queue.Schedule(queue.now_us() + 100 * i, {}, [this, i, from, to] {
        network.Send({from, to}, {static_cast<uint64_t>(i)}, std::to_string(i));
      });
    }
    Run(queue.now_us() + 100 * count + 10 * kSecondUs);
  }
  void Run(int64_t time_us) {
    while (queue.RunNext(time_us).has_value()) {
    }
  }
  EventQueue queue{0};
  Inbox inbox;
  SimNetwork network;
};

TEST(SimNetworkTest, WithoutFaultsEverythingArrivesOnceAndInOrder) {
  World world;
  world.SendMany(20'000);
  std::vector<std::string> expected;
  for (int i = 0; i < 20'000; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(world.inbox.received[2], expected);
}

TEST(SimNetworkTest, LossIsNearWhatIsAsked) {
  for (const uint32_t permille : {10u, 100u, 300u}) {
    World world;
    world.network.SetWeather({.loss_permille = permille});
    world.SendMany(200'000);
    EXPECT_NEAR(static_cast<double>(world.network.counters().lost), 200.0 * permille, 40.0 * permille);
    EXPECT_EQ(world.network.counters().lost + world.inbox.received[2].size(), 200'000u);
  }
}

TEST(SimNetworkTest, LossComesInBadSlots) {
  World world;
  world.network.SetWeather({.loss_permille = 100});
  world.SendMany(200'000);
  std::vector<int> lost_by_slot(80, 2500);
  for (const std::string& message : world.inbox.received[2]) --lost_by_slot[std::stoi(message) / 2500];
  EXPECT_GT(*std::max_element(lost_by_slot.begin(), lost_by_slot.end()), 2500 * 35 / 100);
  EXPECT_LT(*std::min_element(lost_by_slot.begin(), lost_by_slot.end()), 2500 * 8 / 100);
}

TEST(SimNetworkTest, DuplicationStrikes) {
  World world;
  world.network.SetWeather({.duplicate_permille = 100});
  world.SendMany(10'000);
  EXPECT_NEAR(static_cast<double>(world.inbox.received[2].size()), 11'000.0, 150.0);
  EXPECT_EQ(world.network.counters().duplicated, world.inbox.received[2].size() - 10'000);
  const std::set<std::string> distinct(world.inbox.received[2].begin(), world.inbox.received[2].end());
  EXPECT_EQ(distinct.size(), 10'000u);
}

TEST(SimNetworkTest, SomeDuplicatesComeLongAfter) {
  constexpr int kSent = 10'000;
  World world(/*seed=*/1, /*straggler_us=*/5 * kSecondUs);
  world.network.SetWeather({.duplicate_permille = 100});
  world.SendMany(kSent);
  std::map<std::string, int> copies;
  int far_behind = 0;
  int newest = -1;
  for (const std::string& message : world.inbox.received[2]) {
    const bool again = ++copies[message] == 2;
    newest = std::max(newest, std::stoi(message));
    far_behind += again && std::stoi(message) < newest - 1000 ? 1 : 0;  // 100 ms
  }
  EXPECT_EQ(copies.size(), size_t{kSent}) << "none but duplicates straggle, and those come too";
  EXPECT_NEAR(far_behind, kSent / 10 * 11 / 64, 60);
}

TEST(SimNetworkTest, ReorderedMessagesAreOvertaken) {
  World world;
  world.network.SetWeather({.reorder_permille = 50});
  world.SendMany(10'000);
  int overtaken = 0;
  int newest = -1;
  for (const std::string& message : world.inbox.received[2]) {
    overtaken += std::stoi(message) < newest ? 1 : 0;
    newest = std::max(newest, std::stoi(message));
  }
  EXPECT_EQ(world.inbox.received[2].size(), 10'000u);
  EXPECT_NEAR(overtaken, 500, 100);
}

TEST(SimNetworkTest, ACutStrikesOneWayOnly) {
  World world;
  world.network.Cut(7, {{1, 2}});
  world.SendMany(100, kOne, kTwo);
  world.SendMany(100, kTwo, kOne);
  EXPECT_TRUE(world.inbox.received[2].empty());
  EXPECT_EQ(world.inbox.received[1].size(), 100u);
  EXPECT_EQ(world.network.counters().cut, 100u);
}

TEST(SimNetworkTest, CutsAddUpAndMendByTheirIds) {
  World world;
  world.network.Cut(1, {{1, 2}});
  world.network.Cut(2, {{1, 2}, {0, 2}});
  world.network.Mend(1);
  EXPECT_TRUE(world.network.IsCut({kOne, kTwo}));
  EXPECT_TRUE(world.network.IsCut({{1005}, kTwo})) << "0 is every client";
  world.network.Mend(2);
  world.network.Mend(2);
  EXPECT_FALSE(world.network.IsCut({kOne, kTwo}));
  EXPECT_FALSE(world.network.IsCut({{1005}, kTwo}));
}

TEST(SimNetworkTest, ACutTakesWhatIsUnderWay) {
  World world;
  world.network.Send({kOne, kTwo}, {1}, "under way");
  world.network.Cut(1, {{1, 2}});
  world.Run(kSecondUs);
  EXPECT_TRUE(world.inbox.received[2].empty());
  EXPECT_EQ(world.network.counters().cut, 1u);
}

TEST(SimNetworkTest, MessagesToOneselfMeetNoFault) {
  World world;
  world.network.SetWeather({.loss_permille = 1000, .duplicate_permille = 1000});
  world.network.Cut(1, {{1, 1}});
  world.SendMany(100, kOne, kOne);
  EXPECT_EQ(world.inbox.received[1].size(), 100u);
}

TEST(SimNetworkTest, DelayFactorSlowsDown) {
  World quick;
  quick.network.Send({kOne, kTwo}, {1}, "x");
  quick.Run(10 * kSecondUs);
  World slow;
  slow.network.SetWeather({.delay_factor = 40});
  slow.network.Send({kOne, kTwo}, {1}, "x");
  slow.Run(10 * kSecondUs);
  EXPECT_GT(slow.inbox.last_us, 30 * quick.inbox.last_us);
}

NetworkWeather Foul() {
  return {.loss_permille = 100, .duplicate_permille = 100, .reorder_permille = 100, .delay_factor = 2};
}

TEST(SimNetworkTest, SameSeedSameDeliveriesOtherSeedOthers) {
  const auto run = [](uint64_t seed) {
    World world(seed);
    world.network.SetWeather(Foul());
    world.SendMany(1000);
    return std::make_pair(world.network.digest(), world.inbox.received);
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(SimNetworkTest, TheFateOfAMessageDoesNotDependOnOthers) {
  const auto lost = [](int skipped) {
    World world;
    world.network.SetWeather({.loss_permille = 200});
    for (int i = 0; i < 1000; ++i) {
      if (i != skipped) world.network.Send({kOne, kTwo}, {static_cast<uint64_t>(i)}, std::to_string(i));
    }
    world.Run(kSecondUs);
    std::set<std::string> arrived(world.inbox.received[2].begin(), world.inbox.received[2].end());
    arrived.erase("500");
    return arrived;
  };
  EXPECT_EQ(lost(-1), lost(500));
}

TEST(SimNetworkTest, ARetryOfTheSameIdentityMeetsAFateOfItsOwn) {
  World world;
  world.network.SetWeather({.loss_permille = 400});
  for (int i = 0; i < 100; ++i) world.network.Send({kOne, kTwo}, {42}, "retry");
  world.Run(10 * kSecondUs);
  EXPECT_GT(world.inbox.received[2].size(), 0u);
  EXPECT_LT(world.inbox.received[2].size(), 100u);
}

TEST(SimNetworkTest, ACutOfOneClientLeavesTheOthersAlone) {
  World world;
  const sut::NodeId client = {kFirstClientAddress + 1};
  const sut::NodeId other = {kFirstClientAddress + 2};
  world.network.Cut(1, {{client.value, 1}});
  world.network.Cut(2, {{client.value, 1}, {1, client.value}});
  world.network.Mend(1);
  EXPECT_TRUE(world.network.IsCut({client, kOne})) << "rules add up";
  EXPECT_TRUE(world.network.IsCut({kOne, client}));
  EXPECT_FALSE(world.network.IsCut({client, kTwo}));
  EXPECT_FALSE(world.network.IsCut({other, kOne}));
  world.network.Mend(2);
  EXPECT_FALSE(world.network.IsCut({client, kOne}));
}

TEST(SimNetworkTest, ASlowLinkDelaysItsOwnMessagesAndKeepsTheirOrder) {
  World world;
  world.network.Slow(1, {{1, 2}}, 100);
  world.SendMany(1, kTwo, kOne);
  EXPECT_LT(world.inbox.last_us, kSecondUs / 100) << "the other direction is as quick as ever";
  const int64_t start_us = world.queue.now_us();
  world.SendMany(200);
  EXPECT_GE(world.inbox.last_us - start_us, 100 * 250) << "at least half of the median, times the factor";
  const std::vector<std::string>& received = world.inbox.received[2];
  ASSERT_EQ(received.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(received[static_cast<size_t>(i)], std::to_string(i));
  world.network.Mend(1);
  const int64_t mended_us = world.queue.now_us();
  world.SendMany(1);
  EXPECT_LT(world.inbox.last_us - mended_us, kSecondUs / 100);
}

TEST(SimNetworkTest, WhateverMakesALinkSlowItsMessagesArriveSomeTime) {
  World world;
  world.network.SetWeather({.delay_factor = 1000});
  world.network.Slow(1, {{1, 2}}, 1000);
  world.network.Send({kOne, kTwo}, {1}, "x");
  world.network.Mend(1);
  world.network.SetWeather({});
  world.network.Send({kOne, kTwo}, {2}, "y");
  world.Run(11 * kSecondUs);
  EXPECT_EQ(world.inbox.received[2], (std::vector<std::string>{"x", "y"}));
}

TEST(SimNetworkTest, WhatArrivesAtADeadNodeIsGone) {
  World world;
  world.network.Send({kOne, kTwo}, {1}, "x");
  world.queue.SetDead(2);
  world.Run(kSecondUs);
  world.queue.SetAlive({2, 2});
  world.Run(2 * kSecondUs);
  EXPECT_TRUE(world.inbox.received[2].empty());
}

}  // namespace
}  // namespace holdfast::sim
