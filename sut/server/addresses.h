// Who is where: the nodes of a cluster and the host:port of each; and the channel settings that all of them share.

#ifndef SUT_SERVER_ADDRESSES_H_
#define SUT_SERVER_ADDRESSES_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sut/base/ids.h"

namespace sut {

using Addresses = std::map<NodeId, std::string>;

// Node ids are 1..kNodeIdMax: those above are given to client calls (see GrpcFront).
inline constexpr uint32_t kNodeIdMax = 1023;

// A client's request may have so many bytes. One append carries up to entries_per_append_max of them, so that nodes
// among each other need more.
inline constexpr int kRequestBytesMax = 1 << 20;
inline constexpr int kMessageBytesMax = 72 << 20;

// "127.0.0.1:9100". InvalidArgument if it is not a host and a port from 1 to 65535.
absl::StatusOr<std::string> ParseAddress(std::string_view text);
absl::StatusOr<NodeId> ParseNodeId(std::string_view text);
// "1=127.0.0.1:9100,2=127.0.0.1:9101".
absl::StatusOr<Addresses> ParseAddresses(std::string_view text);
// "1,2,3", ascending and without repetition in the result.
absl::StatusOr<std::vector<NodeId>> ParseNodeIds(std::string_view text);

// Connects by itself, with a short back-off, and notices a peer that is silent.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

}  // namespace sut

#endif  // SUT_SERVER_ADDRESSES_H_
