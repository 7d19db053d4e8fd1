// How a Reply travels over gRPC: its code as a status that any client understands, and itself beside it.

#ifndef SUT_SERVER_REPLY_STATUS_H_
#define SUT_SERVER_REPLY_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "sut/client/session.h"
#include "sut/proto/service.pb.h"

namespace sut {

// Trailing metadata that holds the serialised Reply of a call that did not end OK.
inline constexpr char kReplyTrailer[] = "sut-reply-bin";

// The status that says to a client what to do: UNAVAILABLE, try again; FAILED_PRECONDITION, not before something has
// changed; ABORTED, start over; UNKNOWN, it may have happened.
grpc::StatusCode StatusCodeOf(proto::Code code);
grpc::Status StatusOf(const proto::Reply& reply);

// For blocking callers and tools.
absl::Status ToAbsl(const grpc::Status& status);
// OK, or why not, in the words of the reply that settled the call.
absl::Status ToAbsl(const CallResult& result);

}  // namespace sut

#endif  // SUT_SERVER_REPLY_STATUS_H_
