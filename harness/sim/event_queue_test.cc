// Properties of the event queue: total order, and the silence of the dead.

#include "harness/sim/event_queue.h"

#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/prng.h"

namespace holdfast::sim {
namespace {

using ::testing::ElementsAre;

void RunAll(EventQueue& queue, int64_t time_max_us = 1'000'000) {
  while (queue.RunNext(time_max_us).has_value()) {
  }
}

TEST(EventQueueTest, EventsRunInOrderOfTimeThenOfInsertion) {
  EventQueue queue(100);
  std::vector<std::string> ran;
  const auto note = [&ran](std::string name) { return [&ran, name] { ran.push_back(name); }; };
  queue.Schedule(300, {}, note("c"));
  queue.Schedule(200, {}, note("a"));
  queue.Schedule(200, {}, note("b"));
  queue.Schedule(50, {}, note("past"));
  RunAll(queue);
  EXPECT_THAT(ran, ElementsAre("past", "a", "b", "c"));
}

TEST(EventQueueTest, TimeNeverGoesBackAndEndsAtTheBound) {
  EventQueue queue(0);
  sut::Prng prng(1);
  int64_t last_us = 0;
  for (int i = 0; i < 1000; ++i) {
    queue.Schedule(static_cast<int64_t>(prng.NextBelow(5000)), {}, [&] {
      EXPECT_GE(queue.now_us(), last_us);
      last_us = queue.now_us();
    });
  }
  RunAll(queue, 2500);
  EXPECT_EQ(queue.now_us(), 2500);
  EXPECT_GT(queue.size(), 0u);
  RunAll(queue, 5000);
  EXPECT_EQ(queue.events_run(), 1000u);
}

TEST(EventQueueTest, EventsOfADeadIncarnationNeverRun) {
  EventQueue queue(0);
  int first = 0;
  int second = 0;
  int whoever = 0;
  queue.SetAlive({1, 1});
  queue.Schedule(10, {1, 1}, [&] { ++first; });
  queue.Schedule(20, {1, 1}, [&] { ++first; });
  queue.Schedule(15, {1, EventQueue::kAnyIncarnation}, [&] { ++whoever; });
  queue.Schedule(25, {1, EventQueue::kAnyIncarnation}, [&] { ++whoever; });
  ASSERT_TRUE(queue.RunNext(100).has_value());
  queue.SetDead(1);
  EXPECT_FALSE(queue.RunNext(18).has_value());
  queue.SetAlive({1, 2});
  queue.Schedule(30, {1, 2}, [&] { ++second; });
  RunAll(queue);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(whoever, 1) << "what arrives while the node is down is lost, what arrives later is not";
}

TEST(EventQueueTest, DropReleasesWhatWaitingEventsHold) {
  EventQueue queue(0);
  auto held = std::make_shared<int>(1);
  queue.SetAlive({2, 7});
  queue.Schedule(10, {2, 7}, [held] {});
  queue.Schedule(10, {2, 8}, [held] {});
  EXPECT_EQ(held.use_count(), 3);
  queue.Drop({2, 7});
  EXPECT_EQ(held.use_count(), 2);
  RunAll(queue);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(EventQueueTest, RunNextTellsTheOwner) {
  EventQueue queue(0);
  queue.SetAlive({3, 1});
  queue.Schedule(5, {3, 1}, [&] { EXPECT_EQ(queue.running().node, 3u); });
  EXPECT_EQ(queue.RunNext(10), (EventQueue::Owner{3, 1}));
  EXPECT_EQ(queue.running(), EventQueue::Owner{});
}

TEST(EventQueueTest, APausedNodesEventsWaitInTheirOrderUntilItGoesOn) {
  EventQueue queue(0);
  queue.SetAlive({1, 1});
  queue.SetAlive({2, 1});
  std::vector<std::string> ran;
  const auto note = [&ran](std::string name) { return [&ran, name] { ran.push_back(name); }; };
  queue.Pause(1, 7);
  queue.Schedule(10, {1, 1}, note("timer"));
  queue.Schedule(20, {1, 1}, note("later timer"));
  queue.Schedule(30, {2, 1}, note("another node's"));
  queue.Schedule(40, {}, [&] {
    EXPECT_TRUE(queue.IsPaused(1));
    queue.Resume(1);
  });
  RunAll(queue);
  EXPECT_FALSE(queue.IsPaused(1));
  EXPECT_THAT(ran, ElementsAre("another node's", "timer", "later timer"));
}

TEST(EventQueueTest, AfterAPauseStreamsKeepTheirOwnOrderButNotThatOfOneAnother) {
  std::set<std::string> orders;
  for (uint64_t salt = 0; salt < 50; ++salt) {
    EventQueue queue(0);
    queue.SetAlive({1, 1});
    queue.Pause(1, salt);
    std::string ran;
    for (const auto& [time_us, stream, name] : {std::tuple(10, 2u, 'a'), {20, 3u, 'b'}, {30, 2u, 'c'}}) {
      queue.Schedule(time_us, {1, EventQueue::kAnyIncarnation, stream}, [&ran, name = name] { ran += name; });
    }
    RunAll(queue, 40);
    queue.Resume(1);
    RunAll(queue, 50);
    orders.insert(ran);
  }
  EXPECT_EQ(orders, (std::set<std::string>{"acb", "bac"}));
}

TEST(EventQueueTest, APauseEndsWithTheLifeAndWhatWaitedIsLost) {
  EventQueue queue(0);
  auto held = std::make_shared<int>(1);
  queue.SetAlive({1, 1});
  queue.Pause(1, 7);
  queue.Schedule(10, {1, 1}, [held] { ADD_FAILURE() << "ran"; });
  queue.Schedule(10, {1, EventQueue::kAnyIncarnation}, [held] { ADD_FAILURE() << "ran"; });
  RunAll(queue, 20);
  EXPECT_EQ(held.use_count(), 3);
  queue.SetDead(1);
  queue.Drop({1, 1});
  EXPECT_EQ(held.use_count(), 1);
  queue.SetAlive({1, 2});
  bool ran = false;
  queue.Schedule(30, {1, 2}, [&ran] { ran = true; });
  RunAll(queue);
  EXPECT_TRUE(ran) << "the next life is not paused";
}

TEST(EventQueueTest, DigestTellsOrdersApart) {
  const auto run = [](int64_t first_us, int64_t second_us) {
    EventQueue queue(0);
    queue.SetAlive({1, 1});
    queue.SetAlive({2, 1});
    queue.Schedule(first_us, {1, 1}, [] {});
    queue.Schedule(second_us, {2, 1}, [] {});
    RunAll(queue);
    return queue.digest();
  };
  EXPECT_EQ(run(10, 20), run(10, 20));
  EXPECT_NE(run(10, 20), run(20, 10));
  EXPECT_NE(run(10, 20), run(10, 21));
}

}  // namespace
}  // namespace holdfast::sim
