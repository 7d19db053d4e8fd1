#include "harness/run/progress.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace holdfast::run {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval(200);
constexpr std::chrono::milliseconds kLogInterval(5'000);
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

Progress::Progress(std::string what, std::FILE* out)
    : what_(std::move(what)), out_(out), is_terminal_(isatty(fileno(out)) == 1) {
  next_ = std::chrono::steady_clock::now() + (is_terminal_ ? kTerminalInterval : kLogInterval);
}

Progress::~Progress() { Clear(); }

void Progress::Update(const State& state) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + (is_terminal_ ? kTerminalInterval : kLogInterval);
  const double wall_s = static_cast<double>(state.wall_us) / 1e6;
  const std::string of = state.total == 0 ? "" : absl::StrCat(" of ", state.total);
  const std::string line =
      absl::StrFormat("%d%s %s, %.1f/s, %d findings, %.0f s", state.done, of, what_,
                      wall_s > 0 ? static_cast<double>(state.done) / wall_s : 0.0, state.findings, wall_s);
  if (is_terminal_) {
    absl::FPrintF(out_, "%s%s", kEraseLine, line);
  } else {
    absl::FPrintF(out_, "%s\n", line);
  }
  std::fflush(out_);
  shown_ = is_terminal_;
}

void Progress::Clear() {
  if (!shown_) return;
  absl::FPrintF(out_, "%s", kEraseLine);
  std::fflush(out_);
  shown_ = false;
}

}  // namespace holdfast::run
