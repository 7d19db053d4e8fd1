#include "sut/server/event_loop.h"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <utility>

namespace sut {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;

}  // namespace

EventLoop::EventLoop()
    : work_(context_.get_executor()),
      started_(std::chrono::steady_clock::now()),
      wall_us_at_start_(duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count()) {}

EventLoop::~EventLoop() = default;

int64_t EventLoop::NowUs() const {
  return wall_us_at_start_ + duration_cast<microseconds>(std::chrono::steady_clock::now() - started_).count();
}

void EventLoop::After(int64_t delay_us, std::function<void()> callback) {
  auto timer = std::make_shared<asio::steady_timer>(context_, microseconds(delay_us));
  timer->async_wait([timer, callback = std::move(callback)](const std::error_code& error) {
    if (!error) callback();
  });
}

void EventLoop::Post(std::function<void()> callback) { asio::post(context_, std::move(callback)); }

void EventLoop::Run() { context_.run(); }

void EventLoop::Stop() { context_.stop(); }

}  // namespace sut
