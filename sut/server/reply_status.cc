#include "sut/server/reply_status.h"

#include "absl/strings/str_cat.h"

namespace sut {

grpc::StatusCode StatusCodeOf(proto::Code code) {
  switch (code) {
    case proto::OK:
      return grpc::StatusCode::OK;
    case proto::UNAVAILABLE:
    case proto::NOT_HOSTED:
    case proto::NOT_CAUGHT_UP:
      return grpc::StatusCode::UNAVAILABLE;
    case proto::NOT_FOUND:
    case proto::TABLET_GONE:
      return grpc::StatusCode::NOT_FOUND;
    case proto::ALREADY_EXISTS:
      return grpc::StatusCode::ALREADY_EXISTS;
    case proto::BAD_REQUEST:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case proto::SCAN_EXPIRED:
      return grpc::StatusCode::ABORTED;
    case proto::STALE_REQUEST:
      return grpc::StatusCode::OUT_OF_RANGE;
    case proto::NOT_LEADER:
    case proto::WRONG_TYPE:
    case proto::SESSION_CLOSED:
    case proto::SNAPSHOT_NOT_COMPLETE:
    case proto::SNAPSHOT_BEING_DELETED:
    case proto::SNAPSHOT_DELETED:
    case proto::RESTORATION_RUNNING:
    case proto::NOT_EMPTY:
    case proto::CHANGE_RUNNING:
      return grpc::StatusCode::FAILED_PRECONDITION;
    default:  // INDETERMINATE, or a code of a later version
      return grpc::StatusCode::UNKNOWN;
  }
}

grpc::Status StatusOf(const proto::Reply& reply) {
  if (reply.code() == proto::OK) return grpc::Status::OK;
  return grpc::Status(StatusCodeOf(reply.code()), reply.message());
}

absl::Status ToAbsl(const grpc::Status& status) {
  // The two enumerations have the same values.
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

absl::Status ToAbsl(const CallResult& result) {
  if (result.outcome == Outcome::kOk) return absl::OkStatus();
  absl::Status status = ToAbsl(StatusOf(result.reply));
  if (status.ok()) status = absl::UnknownError("no reply that settles the call");
  if (result.outcome == Outcome::kFail) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), " (the time for it is over)"));
}

}  // namespace sut
