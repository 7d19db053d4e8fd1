#include "sut/server/thread_worker.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/server/event_loop.h"

namespace sut {
namespace {

TEST(ThreadWorkerTest, JobsRunInOrderOffTheLoopAndEndOnIt) {
  EventLoop loop;
  ThreadWorker worker(&loop);
  const auto loop_thread = std::this_thread::get_id();
  std::vector<int> jobs, ends;
  for (int i = 0; i < 100; ++i) {
    worker.Run(
        {},
        [&jobs, i, loop_thread] {
          EXPECT_NE(std::this_thread::get_id(), loop_thread);
          jobs.push_back(i);
        },
        [&, i, loop_thread] {
          EXPECT_EQ(std::this_thread::get_id(), loop_thread);
          ends.push_back(i);
          if (i == 99) loop.Stop();
        });
  }
  loop.Run();
  worker.Stop();
  EXPECT_TRUE(std::is_sorted(jobs.begin(), jobs.end()));
  EXPECT_EQ(jobs.size(), 100u);
  EXPECT_EQ(ends, jobs);
}

// What a job shares with its end must not die on the worker's thread.
TEST(ThreadWorkerTest, WhatAJobHoldsIsLetGoOnTheLoop) {
  EventLoop loop;
  ThreadWorker worker(&loop);
  std::thread::id died_on;
  const auto shared = [&died_on] {
    return std::shared_ptr<int>(new int(0), [&died_on](int* value) {
      died_on = std::this_thread::get_id();
      delete value;
    });
  };
  {
    auto held = shared();
    worker.Run(
        {}, [held] {}, [held, &loop] { loop.Stop(); });
  }
  loop.Run();
  EXPECT_EQ(died_on, std::this_thread::get_id());
}

TEST(ThreadWorkerTest, StopWaitsForTheJobThatRunsAndTakesNoMore) {
  EventLoop loop;
  ThreadWorker worker(&loop);
  std::promise<void> started, go_on;
  std::atomic<int> finished = 0;
  worker.Run(
      {},
      [&] {
        started.set_value();
        go_on.get_future().wait();
        ++finished;
      },
      [] {});
  worker.Run(
      {}, [&] { ++finished; }, [] {});
  started.get_future().wait();
  std::thread releaser([&] { go_on.set_value(); });
  worker.Stop();
  releaser.join();
  EXPECT_GE(finished, 1);
  const int after_stop = finished;
  worker.Run(
      {}, [&] { ++finished; }, [] {});
  EXPECT_EQ(finished, after_stop);
}

TEST(EventLoopTest, TimersRunInTheOrderOfTheirTimesAndTheClockNeverGoesBack) {
  EventLoop loop;
  std::vector<int> order;
  int64_t last_us = loop.NowUs();
  const auto note = [&](int which) {
    EXPECT_GE(loop.NowUs(), last_us);
    last_us = loop.NowUs();
    order.push_back(which);
    if (order.size() == 3) loop.Stop();
  };
  const int64_t begun_us = loop.NowUs();
  loop.After(20'000, [&] { note(2); });
  loop.After(1'000, [&] { note(1); });
  loop.Post([&] { note(0); });
  loop.Run();
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2));
  EXPECT_GE(loop.NowUs() - begun_us, 20'000);
}

}  // namespace
}  // namespace sut
