#include "harness/check/ending.h"

#include "absl/strings/str_cat.h"

namespace holdfast::check {
namespace {

using Outcome = Ending::Outcome;
using Reason = Ending::Reason;

// Why it may not have ended so; empty if it may.
std::string Fault(const Ending& ending) {
  if (ending.outcome == Outcome::kOk) {
    if (!ending.is_write || ending.answers == ending.increments) return "";
    return absl::StrCat("asked for ", ending.increments, " increments and was told ", ending.answers, " new values");
  }
  switch (ending.reason) {
    case Reason::kWrongType:
      return ending.increments > 0 ? "" : "was refused for the type of a value, and increments nothing";
    case Reason::kTabletGone:
      return ending.table_dropped ? "" : "was told that its table is gone, and nobody dropped it";
    case Reason::kStale:
      return "was told that its answer was forgotten, and it still waits for it";
    case Reason::kNotOfRows:
      return "was refused for what no operation on rows can be refused for";
    case Reason::kSessionClosed:
      return "";
    case Reason::kNone:
    case Reason::kTryAgain:
      return ending.time_is_over ? "" : "ended without an answer before its time was over";
  }
  return "";
}

}  // namespace

std::optional<Violation> CheckEnding(const std::string& what, const Ending& ending, const std::string& reply) {
  const std::string fault = Fault(ending);
  if (fault.empty()) return std::nullopt;
  return Violation{"ending", "", absl::StrCat(what, " ", fault), {absl::StrCat("the reply: ", reply)}};
}

}  // namespace holdfast::check
