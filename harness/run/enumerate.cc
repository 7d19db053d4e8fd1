#include "harness/run/enumerate.h"

#include <chrono>
#include <utility>

#include "harness/run/isolated.h"
#include "sut/base/prng.h"

namespace holdfast::run {
namespace {

using Clock = std::chrono::steady_clock;

// The second crash of a pair comes up to so many points after the first, as a power of two.
constexpr uint64_t kPairDistanceBits = 8;

// The points of one node and one kind, with the number that the first of them has.
struct Span {
  uint32_t node = 0;
  CrashPoint::Kind kind = CrashPoint::MUTATION;
  fault::Crash::Kind crash = fault::Crash::PROCESS_DEATH;
  uint64_t first = 0;
  uint64_t count = 0;
};

class Enumeration : public TaskSource {
 public:
  Enumeration(const plan::Plan& plan, const EnumerateOptions& options, EnumerationObserver* observer)
      : plan_(plan), options_(options), observer_(observer), start_(Clock::now()) {}

  // Lays the points out as numbered runs.
  void Count(const TrialReport& counted) {
    for (const TrialReport::Points& points : counted.points()) {
      if (options_.node && *options_.node != points.node()) continue;
      summary_.points.push_back(points);
      AddSpans(points);
    }
    if (options_.points == PointSet::kPairs) {
      firsts_ = summary_.total;
      summary_.total = firsts_ == 0 ? 0 : options_.pairs;
    }
    observer_->OnCounted(summary_);
  }

  Trial TrialOf(uint64_t number) const {
    Trial trial;
    *trial.mutable_plan() = plan_;
    if (options_.points != PointSet::kPairs) {
      *trial.mutable_crash_point() = PointAt(number);
      return trial;
    }
    CrashPoint* first = trial.mutable_crash_point();
    *first = PointAt(sut::Below(Draw(number, 0), firsts_));
    CrashPoint* second = first->mutable_then();
    *second = PointAt(sut::Below(Draw(number, 1), firsts_));
    second->set_node(summary_.points[sut::Below(Draw(number, 2), summary_.points.size())].node());
    // Mostly soon: what the first crash has left half done is not so for long.
    second->set_ordinal(1 + sut::Below(Draw(number, 3), uint64_t{2} << sut::Below(Draw(number, 4), kPairDistanceBits)));
    return trial;
  }

  CrashPoint PointAt(uint64_t number) const {
    const Span* span = &spans_.front();
    for (const Span& candidate : spans_) {
      if (candidate.count > 0 && candidate.first <= number) span = &candidate;
    }
    CrashPoint point;
    point.set_node(span->node);
    point.set_kind(span->kind);
    point.set_crash(span->crash);
    point.set_ordinal(number - span->first + 1);
    point.set_restart_after_us(options_.restart_after_us);
    point.set_salt(sut::Mix({plan_.seed(), span->node, static_cast<uint64_t>(span->kind), point.ordinal()}));
    return point;
  }

  uint64_t Draw(uint64_t number, uint64_t which) const { return sut::Mix({plan_.seed(), 0x70616972, number, which}); }

  std::optional<uint64_t> Next() override {
    if (next_ >= summary_.total) return std::nullopt;
    return next_++;
  }

  void Done(uint64_t number, TrialReport report) override {
    const Result& result = report.result();
    ++summary_.tried;
    // A run that died had no time to say so; where it died tells.
    if (report.point_struck()) {
      ++summary_.struck;
    } else if (result.verdict() != Result::CRASHED && options_.points != PointSet::kPairs) {
      // Of a pair, the run may end before the second one.
      observer_->OnNotStruck(TrialOf(number).crash_point());
    }
    if (result.verdict() == Result::PASS) ++summary_.passed;
    if (result.verdict() == Result::VACUOUS) ++summary_.vacuous;
    if (result.verdict() == Result::UNKNOWN) ++summary_.unknown;
    if (!IsFailure(result)) return;
    ++summary_.findings;
    const Clock::time_point start = Clock::now();
    observer_->OnFinding(TrialOf(number), result);
    start_ += Clock::now() - start;
  }

  bool GoOn() override {
    summary_.wall_us =
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_).count());
    if (observer_->GoOn(summary_)) return true;
    summary_.interrupted = summary_.tried < summary_.total;
    return false;
  }

  EnumerationSummary& summary() { return summary_; }

 private:
  void AddSpans(const TrialReport::Points& points) {
    if (options_.points == PointSet::kFails) {
      AddSpan({.node = points.node(), .kind = CrashPoint::MUTATION_FAILS, .count = points.mutations()});
      AddSpan({.node = points.node(), .kind = CrashPoint::READ_FAILS, .count = points.reads()});
      return;
    }
    for (const fault::Crash::Kind crash : options_.kinds) {
      const bool pairs = options_.points == PointSet::kPairs;
      if (options_.points == PointSet::kTorn) {
        AddSpan({points.node(), CrashPoint::WRITE_TORN, crash, 0, points.writes()});
      }
      if (options_.points == PointSet::kCrashes || pairs) {
        AddSpan({points.node(), CrashPoint::MUTATION, crash, 0, points.mutations()});
        AddSpan({points.node(), CrashPoint::PROBE, crash, 0, points.probes()});
      }
      if (options_.points == PointSet::kDeliveries || pairs) {
        AddSpan({points.node(), CrashPoint::DELIVERY, crash, 0, points.deliveries()});
      }
    }
  }

  void AddSpan(Span span) {
    span.first = summary_.total;
    summary_.total += span.count;
    spans_.push_back(span);
  }

  const plan::Plan& plan_;
  const EnumerateOptions& options_;
  EnumerationObserver* const observer_;
  Clock::time_point start_;
  std::vector<Span> spans_;
  uint64_t firsts_ = 0;  // kPairs: points that a pair may begin with
  uint64_t next_ = 0;
  EnumerationSummary summary_;
};

}  // namespace

absl::StatusOr<EnumerationSummary> Enumerate(const plan::Plan& plan, const EnumerateOptions& options,
                                             EnumerationObserver* observer) {
  Enumeration enumeration(plan, options, observer);
  Trial bare;
  *bare.mutable_plan() = plan;
  const absl::StatusOr<TrialReport> counted = RunIsolated(
      bare, {}, {.timeout_ms = options.pool.timeout_ms, .should_stop = [&] { return !enumeration.GoOn(); }});
  if (absl::IsCancelled(counted.status())) {
    enumeration.summary().interrupted = true;
    return std::move(enumeration.summary());
  }
  if (!counted.ok()) return counted.status();
  if (IsFailure(counted->result())) {
    ++enumeration.summary().findings;
    observer->OnFinding(bare, counted->result());
    return std::move(enumeration.summary());
  }
  enumeration.Count(*counted);
  const absl::Status status = RunTasks(
      options.pool, [&](uint64_t number) { return RunTrial(enumeration.TrialOf(number), {}); }, &enumeration);
  if (!status.ok()) return status;
  return std::move(enumeration.summary());
}

}  // namespace holdfast::run
