// What happened in a run, a line each with its simulated time: written only for replays and findings.

#ifndef HARNESS_RUN_TIMELINE_H_
#define HARNESS_RUN_TIMELINE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"

namespace holdfast::run {

class Timeline {
 public:
  explicit Timeline(bool enabled) : enabled_(enabled) {}
  bool enabled() const { return enabled_; }
  // `text` is one line without its end.
  void Add(int64_t time_us, std::string_view text) {
    if (!enabled_) return;
    absl::StrAppendFormat(&text_, "%11.6f  %s\n", static_cast<double>(time_us) / 1e6, text);
  }
  const std::string& text() const { return text_; }

 private:
  bool enabled_;
  std::string text_;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_TIMELINE_H_
