// A Worker with one thread: jobs run on it in order, their ends come back to the event loop.
//
// A job's closure is destroyed on the thread before its end is posted, so that what it shares with the end is always
// let go on the loop. Thread rule: Run and Stop on the loop's thread.

#ifndef SUT_SERVER_THREAD_WORKER_H_
#define SUT_SERVER_THREAD_WORKER_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "sut/runtime/seams.h"
#include "sut/server/event_loop.h"

namespace sut {

class ThreadWorker final : public Worker {
 public:
  // The loop outlives the worker.
  explicit ThreadWorker(EventLoop* loop);
  ~ThreadWorker() override;

  // REQUIRES: fewer than kJobsMax jobs wait. A node has a few for each of its tablets.
  void Run(LogicalIdentity identity, std::function<void()> job, std::function<void()> done) override;

  // Waits for the job that runs; those that wait never run. Nothing is posted after it has returned.
  void Stop();

  static constexpr size_t kJobsMax = 1 << 20;

 private:
  struct Job {
    std::function<void()> job;
    std::function<void()> done;
  };
  void Work();

  EventLoop* const loop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace sut

#endif  // SUT_SERVER_THREAD_WORKER_H_
