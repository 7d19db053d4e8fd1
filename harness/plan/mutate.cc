#include "harness/plan/mutate.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "harness/plan/repair.h"
#include "sut/base/prng.h"
#include "sut/base/probe.h"

namespace holdfast::plan {
namespace {

constexpr size_t kGraftMax = 12;
constexpr size_t kStepsMax = 600;  // a plan that grows from mutation to mutation would only become slow

constexpr uint64_t kLargeValueChunkBytes = 1024;

// A run of steps: [begin, end).
struct Span {
  size_t begin = 0;
  size_t end = 0;
};

class Mutator {
 public:
  Mutator(const Plan& base, const Plan& donor, uint64_t seed)
      : plan_(base), donor_(donor), random_(sut::Mix({seed, 0x6d757461})) {
    for (Step& step : *plan_.mutable_steps()) steps_.push_back(std::move(step));
    plan_.clear_steps();
  }

  Plan Make() {
    for (uint64_t n = 1 + random_.NextBelow(4); n > 0; --n) Change();
    if (steps_.size() > kStepsMax) steps_.resize(kStepsMax);
    for (Step& step : steps_) *plan_.add_steps() = std::move(step);
    Repair(&plan_);
    KeepInstallsShort();
    return std::move(plan_);
  }

 private:
  void Change() {
    switch (random_.NextBelow(10)) {
      case 0:
      case 1:
      case 2:
        return Graft();
      case 3:
        return LeaveOut();
      case 4:
      case 5:
        return MoveStep();
      case 6:
        return Stretch();
      case 7:
        return DrawAgain();
      case 8:
        return WaitForAnother();
      default:
        return TakeConstants();
    }
  }

  Span SomeSteps(size_t size, size_t length_max) {
    if (size == 0) return {};
    const size_t length = 1 + random_.NextBelow(std::min(size, length_max));
    const size_t begin = random_.NextBelow(size - length + 1);
    return {begin, begin + length};
  }

  // Snapshots and restorations of the donor get numbers of their own.
  void Renumber(Step* step) const {
    if (!step->has_snapshot()) return;
    SnapshotOperation* operation = step->mutable_snapshot();
    if (operation->has_create()) {
      operation->mutable_create()->set_snapshot(operation->create().snapshot() + snapshot_max());
    } else if (operation->has_delete_()) {
      operation->mutable_delete_()->set_snapshot(operation->delete_().snapshot() + snapshot_max());
    } else if (operation->has_restore()) {
      SnapshotOperation::Restore* restore = operation->mutable_restore();
      restore->set_snapshot(restore->snapshot() + snapshot_max());
      restore->set_restoration(restore->restoration() + restoration_max());
    }
  }

  uint32_t snapshot_max() const {
    uint32_t max = 0;
    for (const Step& step : steps_) max = std::max(max, step.snapshot().create().snapshot());
    return max;
  }
  uint32_t restoration_max() const {
    uint32_t max = 0;
    for (const Step& step : steps_) max = std::max(max, step.snapshot().restore().restoration());
    return max;
  }

  void Graft() {
    const Span span = SomeSteps(static_cast<size_t>(donor_.steps_size()), kGraftMax);
    std::vector<Step> graft(donor_.steps().begin() + static_cast<std::ptrdiff_t>(span.begin),
                            donor_.steps().begin() + static_cast<std::ptrdiff_t>(span.end));
    for (Step& step : graft) Renumber(&step);
    const auto position = static_cast<std::ptrdiff_t>(random_.NextBelow(steps_.size() + 1));
    steps_.insert(steps_.begin() + position, std::make_move_iterator(graft.begin()),
                  std::make_move_iterator(graft.end()));
  }

  void LeaveOut() {
    const Span span = SomeSteps(steps_.size(), 1 + steps_.size() / 3);
    uint64_t gap_us = 0;
    for (size_t i = span.begin; i < span.end; ++i) gap_us += steps_[i].gap_us();
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(span.begin),
                 steps_.begin() + static_cast<std::ptrdiff_t>(span.end));
    if (span.begin < steps_.size()) steps_[span.begin].set_gap_us(steps_[span.begin].gap_us() + gap_us);
  }

  // Mostly a fault, a move or a snapshot operation: it meets other work there.
  void MoveStep() {
    std::vector<size_t> movable;
    for (size_t i = 0; i < steps_.size(); ++i) {
      if (!steps_[i].has_client()) movable.push_back(i);
    }
    if (movable.empty()) return;
    const auto from = static_cast<std::ptrdiff_t>(movable[random_.NextBelow(movable.size())]);
    Step step = std::move(steps_[static_cast<size_t>(from)]);
    steps_.erase(steps_.begin() + from);
    steps_.insert(steps_.begin() + static_cast<std::ptrdiff_t>(random_.NextBelow(steps_.size() + 1)), std::move(step));
  }

  void Stretch() {
    constexpr std::array<uint64_t, 4> kQuarters = {0, 1, 2, 8};
    const uint64_t quarters = kQuarters[random_.NextBelow(kQuarters.size())];
    const Span span = SomeSteps(steps_.size(), steps_.size());
    for (size_t i = span.begin; i < span.end; ++i) {
      steps_[i].set_gap_us(std::min<uint64_t>(steps_[i].gap_us() * quarters / 4, 10'000'000));
    }
  }

  void DrawAgain() {
    if (random_.OneIn(2)) return plan_.set_seed(random_.Next());
    const Span span = SomeSteps(steps_.size(), steps_.size());
    for (size_t i = span.begin; i < span.end; ++i) steps_[i].set_salt(random_.Next() >> 32);
  }

  void WaitForAnother() {
    std::vector<Step*> waiting;
    for (Step& step : steps_) {
      if (step.has_when()) waiting.push_back(&step);
    }
    if (waiting.empty()) return;
    When* when = waiting[random_.NextBelow(waiting.size())]->mutable_when();
    if (random_.OneIn(3)) return when->set_nth(static_cast<uint32_t>(1 + random_.NextBelow(8)));
    when->set_probe(std::string(sut::ProbeName(static_cast<sut::Probe>(random_.NextBelow(sut::kProbeCount)))));
  }

  void TakeConstants() {
    if (random_.OneIn(3)) {
      *plan_.mutable_world() = donor_.world();
    } else {
      *plan_.mutable_options() = donor_.options();
    }
  }

  // An install of large values in tiny chunks is thousands of messages: it would end, but not soon.
  void KeepInstallsShort() {
    const uint64_t chunk_bytes = plan_.options().install_chunk_bytes();
    if (chunk_bytes == 0 || chunk_bytes >= kLargeValueChunkBytes) return;
    for (const Step& step : plan_.steps()) {
      for (const Mutation& mutation : step.client().write().mutations()) {
        if (mutation.value().size() < kLargeValueChunkBytes) continue;
        return plan_.mutable_options()->set_install_chunk_bytes(kLargeValueChunkBytes);
      }
    }
  }

  Plan plan_;  // without its steps
  const Plan& donor_;
  sut::Prng random_;
  std::vector<Step> steps_;
};

}  // namespace

Plan Mutate(const Plan& base, const Plan& donor, uint64_t seed) { return Mutator(base, donor, seed).Make(); }

}  // namespace holdfast::plan
