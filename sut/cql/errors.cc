#include "sut/cql/errors.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"

namespace sut::cql {
namespace {

std::string FromServer(std::string_view exception, std::string_view code, std::string_view what) {
  return absl::StrCat(std::string(exception), ": Error from server: code=", std::string(code), " message=\"",
                      std::string(what), "\"");
}

}  // namespace

absl::Status SyntaxException(const Position& position, std::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("SyntaxException: line ", position.line, ":", position.column, " ", std::string(what)));
}

absl::Status InvalidRequest(std::string_view what) {
  return absl::FailedPreconditionError(FromServer("InvalidRequest", "2200 [Invalid query]", what));
}

absl::Status ConfigurationException(std::string_view what) {
  return absl::FailedPreconditionError(
      FromServer("ConfigurationException", "2300 [Query invalid because of configuration issue]", what));
}

absl::Status AlreadyExists(std::string_view what) {
  return absl::AlreadyExistsError(absl::StrCat("AlreadyExists: ", std::string(what), " already exists"));
}

absl::Status FromStore(const absl::Status& status) {
  SUT_CHECK(!status.ok(), "no error");
  const std::string what(status.message());
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return absl::UnavailableError(FromServer("Unavailable", "1000 [Unavailable exception]", what));
    case absl::StatusCode::kDeadlineExceeded:
      return absl::DeadlineExceededError(absl::StrCat("OperationTimedOut: ", what));
    case absl::StatusCode::kUnknown:
      return absl::UnknownError(FromServer("WriteTimeout",
                                           "1100 [Coordinator node timed out waiting for replica nodes' "
                                           "responses]",
                                           absl::StrCat(what, "; the change may or may not take effect")));
    case absl::StatusCode::kDataLoss:
      return absl::DataLossError(FromServer("ServerError", "0000 [Server error]", what));
    default:
      return InvalidRequest(what);
  }
}

}  // namespace sut::cql
