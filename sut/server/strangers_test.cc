// What comes from strangers and from clients that break the rules: each is refused by its status or dropped, and the
// server goes on as before; and what any gRPC tool asks first.

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"
#include "sut/server/grpc_names.h"
#include "sut/server/reply_status.h"
#include "sut/server/server_fixture.h"
#include "sut/server/stranger.h"

namespace sut {
namespace {

using StrangersTest = ServerTest;

std::string Http2Frame(uint8_t type, uint8_t flags, uint32_t stream, const std::string& payload) {
  const auto size = static_cast<uint32_t>(payload.size());
  std::string out;
  for (const int shift : {16, 8, 0}) out.push_back(static_cast<char>(size >> shift));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(stream >> shift));
  return out + payload;
}

// A header as a literal that is not indexed (RFC 7541, section 6.2.2).
std::string Http2Header(const std::string& name, const std::string& value) {
  return absl::StrCat(std::string(1, '\0'), std::string(1, static_cast<char>(name.size())), name,
                      std::string(1, static_cast<char>(value.size())), value);
}

// A call whose message says that it is 1 GiB long.
std::string HugeCall() {
  const std::string headers = Http2Header(":method", "POST") + Http2Header(":scheme", "http") +
                              Http2Header(":authority", "localhost") +
                              Http2Header(":path", "/sut.proto.NodeService/Call") + Http2Header("te", "trailers") +
                              Http2Header("content-type", "application/grpc");
  const std::string prefix("\0\x40\0\0\0", 5);
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Http2Frame(4, 0, 0, "") + Http2Frame(1, 4, 1, headers) +
         Http2Frame(0, 0, 1, prefix + std::string(1000, 'x'));
}

TEST_F(StrangersTest, RandomBytesAndAHugeMessageDoNoHarm) {
  StartCluster(1);
  CreateTable("test_tb");
  Prng prng(7);
  for (int round = 0; round < 20; ++round) {
    std::string noise;
    for (int i = 0; i < 3000; ++i) noise.push_back(static_cast<char>(prng.Next()));
    Stranger(servers_->port(NodeId{1})).Send(noise);
    Stranger(servers_->http_port(NodeId{1})).Send(noise);
  }
  std::vector<std::unique_ptr<Stranger>> huge;
  for (int round = 0; round < 5; ++round) {
    huge.push_back(std::make_unique<Stranger>(servers_->port(NodeId{1})));
    huge.back()->Send(HugeCall());
  }
  PutRows(0, 3);
  EXPECT_EQ(Rows(), Expected(0, 3));
  // What a message says of its own size is not believed.
  EXPECT_LT(servers_->ResidentBytes(NodeId{1}), int64_t{512} << 20);
  huge.clear();
  PutRows(0, 3);
  EXPECT_EQ(Rows(), Expected(0, 3));
  EXPECT_TRUE(servers_->IsUp(NodeId{1}));
}

// By a client that follows the rules: one message of 1 GiB, whose parts share one piece of memory here.
TEST_F(StrangersTest, AMessageOfOneGibibyteIsRefused) {
  StartCluster(1);
  CreateTable("test_tb");
  grpc::ChannelArguments unlimited;
  unlimited.SetMaxSendMessageSize(-1);
  grpc::GenericStub stub(
      grpc::CreateCustomChannel(servers_->Address(NodeId{1}), grpc::InsecureChannelCredentials(), unlimited));
  const std::vector<grpc::Slice> parts(1 << 10, grpc::Slice(std::string(1 << 20, 'x')));
  const grpc::ByteBuffer message(parts.data(), parts.size());
  ASSERT_EQ(message.Length(), size_t{1} << 30);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
  grpc::CompletionQueue queue;
  grpc::ByteBuffer reply;
  grpc::Status status;
  const auto call = stub.PrepareUnaryCall(&context, "/sut.proto.NodeService/Call", message, &queue);
  call->StartCall();
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  int64_t resident_bytes_max = 0;
  while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + std::chrono::milliseconds(20)) ==
         grpc::CompletionQueue::TIMEOUT) {
    resident_bytes_max = std::max(resident_bytes_max, servers_->ResidentBytes(NodeId{1}));
  }
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
  EXPECT_LT(resident_bytes_max, int64_t{512} << 20);
  PutRows(0, 3);
  EXPECT_EQ(Rows(), Expected(0, 3));
}

// Who is no node of the cluster, or means another one, is turned away; what a node sends that is no message is dropped.
TEST_F(StrangersTest, StrangersAreNoPeersAndAPeersNoiseIsDropped) {
  StartCluster(3);
  CreateTable("test_tb");
  const auto stub = proto::PeerService::NewStub(MakeChannel(servers_->Address(NodeId{1})));
  Prng prng(11);
  const auto deliver = [&](const std::map<std::string, std::string>& metadata) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    const auto stream = stub->Deliver(&context);
    proto::PeerHello hello;
    const bool accepted = stream->Read(&hello);
    for (int i = 0; accepted && i < 50; ++i) {
      proto::PeerFrame frame;
      for (int size = 0; size < 20; ++size) frame.add_envelopes(std::string(size, static_cast<char>(prng.Next())));
      if (!stream->Write(frame)) break;
    }
    stream->WritesDone();
    return stream->Finish().error_code();
  };
  EXPECT_EQ(deliver({}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(deliver({{kFromMetadata, "9"}, {kToMetadata, "1"}}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(deliver({{kFromMetadata, "1"}, {kToMetadata, "1"}}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(deliver({{kFromMetadata, "2"}, {kToMetadata, "3"}}), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(deliver({{kFromMetadata, "2"}, {kToMetadata, "1"}}), grpc::StatusCode::OK);
  PutRows(0, 3);
  EXPECT_EQ(Rows(), Expected(0, 3));
  for (const NodeId node : servers_->ids()) EXPECT_TRUE(servers_->IsUp(node));
}

TEST_F(StrangersTest, EachRefusalHasItsStatusCode) {
  StartCluster(3);
  CreateTable("test_tb");
  const std::string tablet = Bytes(routing_.Route(table_, "k")->tablet);
  proto::Reply beside;
  const auto call = [&](NodeId node, const proto::Request& request) {
    const auto stub = proto::NodeService::NewStub(MakeChannel(servers_->Address(node)));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    proto::Reply reply;
    const grpc::Status status = stub->Call(&context, request, &reply);
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto found = trailers.find(kReplyTrailer);
    beside.Clear();
    if (found != trailers.end()) beside.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()));
    return status.error_code();
  };
  proto::Request get;
  get.set_tablet(tablet);
  get.mutable_get()->set_key("k");
  // Leadership may move between two calls, on a busy machine even twice.
  NodeId leader;
  bool seen = false;
  for (int attempt = 0; attempt < 20 && !seen; ++attempt) {
    leader = LeaderOf(tablet);
    ASSERT_FALSE(leader.is_none());
    if (call(leader, get) != grpc::StatusCode::OK) continue;
    const NodeId other{leader.value % 3 + 1};
    seen = call(other, get) == grpc::StatusCode::FAILED_PRECONDITION && beside.code() == proto::NOT_LEADER &&
           beside.leader_node() == leader.value;
  }
  EXPECT_TRUE(seen);

  proto::Request unknown = get;
  unknown.set_tablet(Bytes(RandomId<TabletId>()));
  EXPECT_EQ(call(leader, unknown), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(call(leader, {}), grpc::StatusCode::INVALID_ARGUMENT);
  proto::Request internal;
  internal.mutable_create_replica()->set_replica(1);
  EXPECT_EQ(call(leader, internal), grpc::StatusCode::INVALID_ARGUMENT);
  proto::Request shrinks;
  shrinks.set_tablet(tablet);
  shrinks.mutable_change_group()->set_replica(1);
  EXPECT_EQ(call(leader, shrinks), grpc::StatusCode::INVALID_ARGUMENT);
  proto::Request large = get;
  large.mutable_get()->set_key(std::string(kRequestBytesMax + 1, 'k'));
  EXPECT_EQ(call(leader, large), grpc::StatusCode::INVALID_ARGUMENT);
  large.mutable_get()->set_key(std::string(kMessageBytesMax - 100, 'k'));
  EXPECT_EQ(call(leader, large), grpc::StatusCode::INVALID_ARGUMENT);
}

// What any gRPC tool asks first. Both protocols' messages are written by hand, since their code is not installed.
TEST_F(StrangersTest, HealthAndReflectionAreServed) {
  StartCluster(1);
  grpc::GenericStub stub(MakeChannel(servers_->Address(NodeId{1})));
  const auto ask = [&stub](const std::string& method, const std::string& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    grpc::CompletionQueue queue;
    const auto stream = stub.PrepareCall(&context, method, &queue);
    void* tag = nullptr;
    bool ok = false;
    stream->StartCall(nullptr);
    queue.Next(&tag, &ok);
    const grpc::Slice slice(request);
    stream->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    queue.Next(&tag, &ok);
    grpc::ByteBuffer reply;
    stream->Read(&reply, nullptr);
    queue.Next(&tag, &ok);
    grpc::Slice whole;
    if (!ok || !reply.DumpToSingleSlice(&whole).ok()) whole = grpc::Slice();
    context.TryCancel();
    grpc::Status status;
    stream->Finish(&status, nullptr);
    queue.Next(&tag, &ok);
    return std::string(reinterpret_cast<const char*>(whole.begin()), whole.size());
  };
  const std::string serving("\x08\x01");
  EXPECT_EQ(ask("/grpc.health.v1.Health/Check", ""), serving);
  const std::string name = proto::NodeService::service_full_name();
  EXPECT_EQ(
      ask("/grpc.health.v1.Health/Check", absl::StrCat("\n", std::string(1, static_cast<char>(name.size())), name)),
      serving);
  // list_services
  const std::string listed =
      ask("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", std::string("\x3a\0", 2));
  EXPECT_THAT(listed, ::testing::HasSubstr("sut.proto.NodeService"));
  EXPECT_THAT(listed, ::testing::HasSubstr("sut.proto.PeerService"));
}

// The client learns at its deadline, no later, that nothing is known; and what it asked for may still take effect.
TEST_F(StrangersTest, ADeadlineOfTheClientIsKeptByTheServer) {
  StartCluster(3);
  CreateTable("test_tb");
  PutRows(0, 1);
  // Nothing commits, so that only the deadline ends the call.
  const NodeId leader = LeaderLeftAlone(0);
  ASSERT_FALSE(leader.is_none());
  const auto stub = proto::NodeService::NewStub(MakeChannel(servers_->Address(leader)));
  const proto::Request request = FirstPut(0);
  grpc::ClientContext context;
  const auto begin = std::chrono::steady_clock::now();
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(400));
  proto::Reply reply;
  const grpc::Status status = stub->Call(&context, request, &reply);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  EXPECT_GE(took, std::chrono::milliseconds(390));
  // Far below the server's own bound on a call.
  EXPECT_LT(took, std::chrono::seconds(30));
  EXPECT_EQ(servers_->Terminate(leader), 0) << "the call that was left is ended with the server";
}

}  // namespace
}  // namespace sut
