// Jobs as two events each: the effect, and the end.

#include "harness/sim/sim_worker.h"

#include <algorithm>
#include <utility>

#include "sut/base/check.h"
#include "sut/base/prng.h"

namespace holdfast::sim {

SimWorker::SimWorker(const Options& options, EventQueue* queue) : options_(options), queue_(queue) {
  SUT_CHECK(options.latency_us_median > 0, "a job takes time");
}

void SimWorker::Run(sut::LogicalIdentity identity, std::function<void()> job, std::function<void()> done) {
  SUT_CHECK(waiting_.size() < kJobsMax, "the worker's queue runs away");
  const uint32_t occurrence = occurrences_[identity.hash]++;
  Job next = {DrawFor(identity, occurrence), std::move(job), std::move(done)};
  if (busy_) {
    waiting_.push_back(std::move(next));
  } else {
    Begin(std::move(next));
  }
}

SimWorker::Draw SimWorker::DrawFor(sut::LogicalIdentity identity, uint32_t occurrence) const {
  // Without the incarnation: a job that is done again after a restart may as well meet the same fate as before.
  const uint64_t draw = sut::Mix({options_.seed, options_.owner.node, identity.hash, occurrence});
  const auto median = static_cast<uint64_t>(options_.latency_us_median);
  uint64_t latency_us = median / 2 + sut::Below(sut::MixBits(draw), median + 1);
  // One job in sixteen is slow, as disks are now and then.
  if (draw % 16 == 0) latency_us *= 5;
  return {std::max<int64_t>(2, static_cast<int64_t>(latency_us)), static_cast<EffectPosition>(sut::Below(draw, 3))};
}

void SimWorker::Begin(Job job) {
  busy_ = true;
  const int64_t start_us = queue_->now_us();
  const int64_t end_us = start_us + job.draw.latency_us;
  const int64_t effect_us = job.draw.position == EffectPosition::kStart    ? start_us
                            : job.draw.position == EffectPosition::kMiddle ? start_us + job.draw.latency_us / 2
                                                                           : end_us;
  queue_->Schedule(effect_us, options_.owner, [this, effect = std::move(job.job)] {
    effect();
    if (options_.take_extra_latency_us) extra_latency_us_ += options_.take_extra_latency_us();
  });
  queue_->Schedule(end_us, options_.owner, [this, done = std::move(job.done)] { Finish(done); });
}

void SimWorker::Finish(std::function<void()> done) {
  if (const int64_t extra_us = std::exchange(extra_latency_us_, 0); extra_us > 0) {
    queue_->Schedule(queue_->now_us() + extra_us, options_.owner,
                     [this, done = std::move(done)]() mutable { Finish(std::move(done)); });
    return;
  }
  busy_ = false;
  if (!waiting_.empty()) {
    Job next = std::move(waiting_.front());
    waiting_.pop_front();
    Begin(std::move(next));
  }
  done();
}

}  // namespace holdfast::sim
