#include "harness/cli/exit_code.h"

#include <cstdio>

#include "absl/strings/str_format.h"

namespace holdfast::cli {

ExitCode ExitCodeOf(run::Result::Verdict verdict) {
  switch (verdict) {
    case run::Result::PASS:
      return kExitPass;
    case run::Result::FAIL:
    case run::Result::NONDETERMINISTIC:
    case run::Result::CRASHED:
      return kExitFinding;
    default:
      return kExitInconclusive;
  }
}

ExitCode Fail(const absl::Status& status) {
  absl::FPrintF(stderr, "holdfast: %s\n", status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnavailable:  // of a file that was named
      return kExitBadInput;
    case absl::StatusCode::kCancelled:
      return kExitInconclusive;
    default:
      return kExitInternalError;
  }
}

}  // namespace holdfast::cli
