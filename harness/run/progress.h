// How a campaign is going, on stderr: one line that is written over on a terminal, a plain line every few seconds in a
// log.

#ifndef HARNESS_RUN_PROGRESS_H_
#define HARNESS_RUN_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace holdfast::run {

class Progress {
 public:
  struct State {
    uint64_t done = 0;
    uint64_t total = 0;  // 0: not known
    uint64_t findings = 0;
    uint64_t wall_us = 0;
  };

  // `what` is counted: "plans". `out` outlives this.
  Progress(std::string what, std::FILE* out);
  ~Progress();

  // Cheap; writes only when it is time to.
  void Update(const State& state);
  // Takes the live line away, so that something else can be written.
  void Clear();

 private:
  const std::string what_;
  std::FILE* const out_;
  const bool is_terminal_;
  std::chrono::steady_clock::time_point next_;
  bool shown_ = false;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_PROGRESS_H_
