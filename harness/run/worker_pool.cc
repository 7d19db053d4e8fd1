#include "harness/run/worker_pool.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "harness/run/child_process.h"

namespace holdfast::run {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPollMs = 100;
constexpr size_t kEvidenceLinesMax = 60;

// One child after the other, and what the present one is at.
struct Lane {
  std::unique_ptr<ChildProcess> child;
  int tasks_left = 0;
  std::optional<uint64_t> number;
  Clock::time_point deadline;
};

// Evidence travels as text: what a dying process wrote may be anything.
std::string Printable(std::string line) {
  for (char& c : line) c = c >= ' ' && c <= '~' ? c : '?';
  return line;
}

TrialReport Crashed(const std::string& checker, const std::string& how, const ChildProcess::End& end) {
  TrialReport report;
  report.mutable_result()->set_verdict(Result::CRASHED);
  report.mutable_result()->mutable_counters()->set_plans(1);
  Violation* violation = report.mutable_result()->add_violations();
  violation->set_checker(checker);
  violation->set_summary(absl::StrCat("the process of the cluster under test ", how));
  for (const std::string& line : end.lines) {
    if (absl::StrContains(line, "check failed")) {
      violation->set_summary(absl::StrCat(violation->summary(), ": ", Printable(line)));
    }
  }
  const size_t skipped = end.lines.size() - std::min(end.lines.size(), kEvidenceLinesMax);
  for (size_t i = 0; i < end.lines.size(); ++i) {
    // Of much output, the first and the last lines.
    if (i < kEvidenceLinesMax / 2 || i >= kEvidenceLinesMax / 2 + skipped) {
      violation->add_evidence(Printable(end.lines[i]));
    }
  }
  return report;
}

class Pool {
 public:
  Pool(const WorkerPoolOptions& options, const std::function<TrialReport(uint64_t)>& work, TaskSource* source)
      : options_(options), source_(source), lanes_(static_cast<size_t>(std::max(options.jobs, 1))) {
    serve_ = [&work](uint64_t number) { return work(number).SerializeAsString(); };
  }

  absl::Status Run() {
    while (source_->GoOn()) {
      for (Lane& lane : lanes_) {
        if (absl::Status status = Assign(&lane); !status.ok()) return status;
      }
      if (std::ranges::none_of(lanes_, [](const Lane& lane) { return lane.number.has_value(); })) break;
      Wait();
      // All first: a report may take its reader long, and must not make the others look late.
      for (Lane& lane : lanes_) {
        if (lane.number) lane.child->Read();
      }
      for (Lane& lane : lanes_) Settle(&lane);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Assign(Lane* lane) {
    if (lane->number || no_more_) return absl::OkStatus();
    const std::optional<uint64_t> number = source_->Next();
    if (!number) {
      no_more_ = true;
      return absl::OkStatus();
    }
    if (lane->child == nullptr || lane->tasks_left == 0) {
      lane->child.reset();
      absl::StatusOr<std::unique_ptr<ChildProcess>> child = ChildProcess::Fork(serve_);
      if (!child.ok()) return child.status();
      lane->child = *std::move(child);
      lane->tasks_left = std::max(options_.tasks_per_child, 1);
    }
    --lane->tasks_left;
    lane->number = number;
    lane->deadline = Clock::now() + std::chrono::milliseconds(options_.timeout_ms);
    lane->child->Ask(*number);
    return absl::OkStatus();
  }

  void Wait() const {
    std::vector<pollfd> fds;
    for (const Lane& lane : lanes_) {
      if (!lane.number) continue;
      fds.push_back({lane.child->reply_fd(), POLLIN, 0});
      fds.push_back({lane.child->error_fd(), POLLIN, 0});  // a negative one is passed over
    }
    poll(fds.data(), fds.size(), kPollMs);
  }

  // Hands over what a lane has come to, if it has.
  void Settle(Lane* lane) {
    if (!lane->number) return;
    TrialReport report;
    if (std::optional<std::string> reply = lane->child->TakeReply()) {
      if (!report.ParseFromString(*reply)) report = End(lane, "crash", "sent a reply that makes no sense");
    } else if (lane->child->gone()) {
      report = End(lane, "crash", "");
    } else if (Clock::now() >= lane->deadline) {
      report = End(lane, "hang", absl::StrCat("gave no result within ", options_.timeout_ms / 1000, " s of wall time"));
    } else {
      return;
    }
    const uint64_t number = *std::exchange(lane->number, std::nullopt);
    const Clock::time_point start = Clock::now();
    source_->Done(number, std::move(report));
    const Clock::duration spent = Clock::now() - start;
    for (Lane& other : lanes_) other.deadline += spent;
  }

  static TrialReport End(Lane* lane, const std::string& checker, const std::string& how) {
    const ChildProcess::End end = lane->child->Reap();
    lane->child.reset();
    return Crashed(checker, how.empty() ? absl::StrCat("was ", end.how) : how, end);
  }

  const WorkerPoolOptions options_;
  TaskSource* const source_;
  ChildProcess::Serve serve_;
  std::vector<Lane> lanes_;
  bool no_more_ = false;
};

}  // namespace

absl::Status RunTasks(const WorkerPoolOptions& options, const std::function<TrialReport(uint64_t)>& work,
                      TaskSource* source) {
  return Pool(options, work, source).Run();
}

int DefaultJobs() { return std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN))); }

}  // namespace holdfast::run
