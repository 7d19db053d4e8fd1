#include "sut/server/thread_worker.h"

#include <utility>

#include "sut/base/check.h"

namespace sut {

ThreadWorker::ThreadWorker(EventLoop* loop) : loop_(loop), thread_([this] { Work(); }) {}

ThreadWorker::~ThreadWorker() { Stop(); }

void ThreadWorker::Run(LogicalIdentity, std::function<void()> job, std::function<void()> done) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    SUT_CHECK(waiting_.size() < kJobsMax, "the worker's queue runs away");
    waiting_.push_back({std::move(job), std::move(done)});
  }
  changed_.notify_one();
}

void ThreadWorker::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  waiting_.clear();
}

void ThreadWorker::Work() {
  while (true) {
    Job next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    next.job();
    next.job = nullptr;
    loop_->Post(std::move(next.done));
  }
}

}  // namespace sut
