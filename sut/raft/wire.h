// Raft messages and entries as bytes: what travels in envelopes and what the log store keeps.
//
// Equal values have equal encodings. Decoding trusts nothing: bytes that do not parse, an unknown type, an index of 0
// or a stray id are InvalidArgument, never a half-filled value.

#ifndef SUT_RAFT_WIRE_H_
#define SUT_RAFT_WIRE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sut/proto/raft.pb.h"
#include "sut/raft/raft.h"

namespace sut::raft {

std::string EncodeMessage(const Message& message);
absl::StatusOr<Message> DecodeMessage(std::string_view bytes);
// The same, for a message that travels as a part of another. REQUIRES: `out` is empty.
void ToProto(const Message& message, proto::RaftMessage* out);
absl::StatusOr<Message> FromProto(const proto::RaftMessage& in);

proto::Config ToProto(const Config& config);
absl::StatusOr<Config> FromProto(const proto::Config& in);

std::string EncodeEntry(const Entry& entry);
absl::StatusOr<Entry> DecodeEntry(std::string_view bytes);

}  // namespace sut::raft

#endif  // SUT_RAFT_WIRE_H_
