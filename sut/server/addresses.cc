#include "sut/server/addresses.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sut/server/grpc_lifetime.h"

namespace sut {
namespace {

constexpr int kKeepaliveMs = 2'000;
constexpr int kReconnectMsMin = 50;
// Despite its name, the setting is also how long one attempt to connect may take.
constexpr int kConnectAttemptMs = 5'000;
constexpr int kReconnectMsMax = 1'000;

}  // namespace

absl::StatusOr<std::string> ParseAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == std::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(absl::string_view(text.data() + colon + 1, text.size() - colon - 1), &port) || port == 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("not an address HOST:PORT: '", std::string(text), "'"));
  }
  return std::string(text);
}

absl::StatusOr<NodeId> ParseNodeId(std::string_view text) {
  uint32_t id = 0;
  if (!absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &id) || id == 0 || id > kNodeIdMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a node id from 1 to ", kNodeIdMax, ": '", std::string(text), "'"));
  }
  return NodeId{id};
}

absl::StatusOr<Addresses> ParseAddresses(std::string_view text) {
  Addresses out;
  const std::string whole(text);
  for (const auto& item : absl::StrSplit(whole, ',')) {
    const std::vector<std::string> parts = absl::StrSplit(item, absl::MaxSplits('=', 1));
    if (parts.size() != 2) return absl::InvalidArgumentError(absl::StrCat("not ID=HOST:PORT: '", item, "'"));
    const auto id = ParseNodeId(parts[0]);
    if (!id.ok()) return id.status();
    auto address = ParseAddress(parts[1]);
    if (!address.ok()) return address.status();
    if (!out.emplace(*id, *std::move(address)).second) {
      return absl::InvalidArgumentError(absl::StrCat("node ", id->value, " is named twice"));
    }
  }
  return out;
}

absl::StatusOr<std::vector<NodeId>> ParseNodeIds(std::string_view text) {
  std::set<NodeId> ids;
  const std::string whole(text);
  for (const auto& item : absl::StrSplit(whole, ',')) {
    const auto id = ParseNodeId(std::string(item));
    if (!id.ok()) return id.status();
    ids.insert(*id);
  }
  return std::vector<NodeId>(ids.begin(), ids.end());
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address) {
  KeepGrpcUp();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMsMin);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectAttemptMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMsMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A session's refusals are final only if nobody repeats its requests behind its back.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Two clients in one process are to have two connections.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // The nodes are where they say: a proxy of the environment has no part in it.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace sut
