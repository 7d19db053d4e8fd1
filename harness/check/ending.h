// How an operation on rows may end. Property (I5, I8, and the replies' meaning in sut/proto/service.proto): it is
// refused only for what can be true of it, a write that is told to have taken effect answers each of its increments,
// and an operation whose time is not over ends in doubt only where the one who closed its tablet can't know.
//
// The search over histories can't tell: an operation that failed never happened there, and one in doubt may have. That
// a write that failed did not take effect is the ledger's to judge (ApplyLedger::Refused).
//
// Plain functions; no thread rule.

#ifndef HARNESS_CHECK_ENDING_H_
#define HARNESS_CHECK_ENDING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "harness/check/inspection.h"

namespace holdfast::check {

struct Ending {
  enum class Outcome : uint8_t { kOk, kFail, kInDoubt };
  // What the settling reply says, as far as it matters here.
  enum class Reason : uint8_t {
    kNone,           // nothing, or what any operation may be told
    kTryAgain,       // refused for now
    kWrongType,      // an increment of what is no number
    kTabletGone,     // the table was dropped
    kSessionClosed,  // the client was fenced
    kStale,          // answered before, and forgotten
    kNotOfRows       // what only the catalogue's operations are refused for, or a malformed request
  };
  Outcome outcome = Outcome::kOk;
  Reason reason = Reason::kNone;
  bool is_write = false;
  size_t increments = 0;       // that the write asks for
  size_t answers = 0;          // new values that the reply holds
  bool time_is_over = false;   // its deadline has come, or its caller has given it up
  bool table_dropped = false;  // somebody asked for that
};

// `what` names the operation in the violation, `reply` is what it was told.
std::optional<Violation> CheckEnding(const std::string& what, const Ending& ending, const std::string& reply);

}  // namespace holdfast::check

#endif  // HARNESS_CHECK_ENDING_H_
