// Properties of the simulated worker: one job at a time, effects at every position, nothing after death.

#include "harness/sim/sim_worker.h"

#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::sim {
namespace {

using ::testing::ElementsAre;

constexpr EventQueue::Owner kOwner = {1, 1};

struct World {
  World() : worker({.seed = 3, .owner = kOwner, .latency_us_median = 1000}, &queue) { queue.SetAlive(kOwner); }
  void Run(int64_t time_us) {
    while (queue.RunNext(time_us).has_value()) {
    }
  }
  EventQueue queue{0};
  SimWorker worker;
};

TEST(SimWorkerTest, JobsRunOneAtATimeInOrder) {
  World world;
  std::vector<std::string> ran;
  for (int i = 0; i < 3; ++i) {
    const std::string name = std::to_string(i);
    world.worker.Run(
        {static_cast<uint64_t>(i)}, [&ran, name] { ran.push_back("job " + name); },
        [&ran, name] { ran.push_back("done " + name); });
  }
  EXPECT_TRUE(ran.empty()) << "nothing happens inside Run";
  world.Run(1'000'000);
  EXPECT_THAT(ran, ElementsAre("job 0", "done 0", "job 1", "done 1", "job 2", "done 2"));
  EXPECT_FALSE(world.worker.busy());
}

TEST(SimWorkerTest, EffectFallsWhereTheDrawSays) {
  std::set<EffectPosition> seen;
  for (uint64_t identity = 0; identity < 50; ++identity) {
    World world;
    int64_t effect_us = -1;
    int64_t done_us = -1;
    const SimWorker::Draw draw = world.worker.DrawFor({identity}, 0);
    world.worker.Run(
        {identity}, [&] { effect_us = world.queue.now_us(); }, [&] { done_us = world.queue.now_us(); });
    world.Run(1'000'000);
    EXPECT_EQ(done_us, draw.latency_us);
    switch (draw.position) {
      case EffectPosition::kStart:
        EXPECT_EQ(effect_us, 0);
        break;
      case EffectPosition::kMiddle:
        EXPECT_EQ(effect_us, draw.latency_us / 2);
        break;
      case EffectPosition::kEnd:
        EXPECT_EQ(effect_us, draw.latency_us);
        break;
    }
    seen.insert(draw.position);
  }
  EXPECT_EQ(seen.size(), 3u);
}

TEST(SimWorkerTest, TheSameIdentityAgainDrawsAnew) {
  World world;
  std::set<int64_t> latencies;
  for (uint32_t occurrence = 0; occurrence < 20; ++occurrence) {
    latencies.insert(world.worker.DrawFor({9}, occurrence).latency_us);
  }
  EXPECT_GT(latencies.size(), 10u);
}

TEST(SimWorkerTest, AfterDeathNeitherEffectsNorEndsHappen) {
  World world;
  int happened = 0;
  for (uint64_t i = 0; i < 100; ++i)
    world.worker.Run(
        {i}, [&] { ++happened; }, [&] { ++happened; });
  world.Run(20'000);
  const int before = happened;
  EXPECT_GT(before, 0);
  world.queue.SetDead(1);
  world.Run(1'000'000);
  EXPECT_EQ(happened, before);
}

TEST(SimWorkerTest, ADoneMayStartTheNextJob) {
  World world;
  int rounds = 0;
  std::function<void()> again = [&] {
    if (++rounds < 5)
      world.worker.Run(
          {7}, [] {}, again);
  };
  world.worker.Run(
      {7}, [] {}, again);
  world.Run(1'000'000);
  EXPECT_EQ(rounds, 5);
}

}  // namespace
}  // namespace holdfast::sim
