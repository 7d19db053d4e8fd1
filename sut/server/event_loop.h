// A node's event loop on the real clock: the one thread on which all of the node's code runs.
//
// Handlers run one at a time, in the order of their posting; timers in the order of their times. The clock starts from
// the wall clock and from then on runs steadily: it never goes back within a process's life, and two lives of a node
// do not show the same times. Thread rule: Post and Stop from anywhere; everything else on the thread that calls Run,
// or before it does.

#ifndef SUT_SERVER_EVENT_LOOP_H_
#define SUT_SERVER_EVENT_LOOP_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>

#include "sut/runtime/seams.h"

namespace sut {

class EventLoop final : public Clock, public Timers {
 public:
  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  int64_t NowUs() const override;  // from anywhere
  void After(int64_t delay_us, std::function<void()> callback) override;

  void Post(std::function<void()> callback);
  // Runs callbacks until Stop. What is still waiting then is dropped with the loop.
  void Run();
  void Stop();

  // For sockets and signals.
  asio::io_context& context() { return context_; }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  const std::chrono::steady_clock::time_point started_;
  const int64_t wall_us_at_start_;
};

}  // namespace sut

#endif  // SUT_SERVER_EVENT_LOOP_H_
