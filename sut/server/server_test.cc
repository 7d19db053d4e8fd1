// Three real servers on loopback: the whole way of a snapshot, deaths, stops, and what comes from strangers.

#include "sut/server/server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <sys/stat.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/prng.h"
#include "sut/server/client_id.h"
#include "sut/server/grpc_names.h"
#include "sut/server/reply_status.h"
#include "sut/server/test_servers.h"
#include "sut/tablet/partition.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using asio::ip::tcp;

constexpr int64_t kTimeoutUs = 30'000'000;
constexpr int kRows = 40;

std::string Key(int i) { return absl::StrCat("key-", i); }
std::string Value(int i) { return absl::StrCat("value-", i); }

// A cluster with a table of two tablets.
class ServerTest : public ::testing::Test {
 protected:
  void StartCluster(int nodes) {
    servers_ = std::make_unique<TestServers>(nodes);
    servers_->StartAll();
    client_ = servers_->Connect();
    ASSERT_NE(client_, nullptr);
  }
  void CreateTable(const std::string& name) {
    proto::CatalogueCommand change;
    proto::TableInfo* table = change.mutable_create_table()->mutable_table();
    table_ = RandomId<TableId>();
    table->set_id(Bytes(table_));
    table->set_keyspace("ydb");
    table->set_name(name);
    for (uint32_t i = 0; i < 2; ++i) {
      proto::TabletInfo* tablet = table->add_tablets();
      tablet->set_id(Bytes(RandomId<TabletId>()));
      tablet->set_hash_begin(TabletRange(i, 2).begin);
      tablet->set_hash_end(TabletRange(i, 2).end);
      for (const NodeId node : servers_->ids()) {
        proto::ReplicaInfo* replica = tablet->add_replicas();
        replica->set_node(node.value);
        replica->set_replica(node.value);
      }
    }
    ASSERT_TRUE(client_->Change(change, kTimeoutUs).ok());
    Learn();
  }
  void Learn() {
    auto tables = client_->ListTables(kTimeoutUs);
    ASSERT_TRUE(tables.ok()) << tables.status();
    auto routing = RoutingTable::FromTableList(*tables);
    ASSERT_TRUE(routing.ok()) << routing.status();
    routing_ = *std::move(routing);
  }
  CallResult Mutate(proto::Mutation::Kind kind, int i) {
    proto::Request request;
    proto::Mutation* mutation = request.mutable_write()->add_mutations();
    mutation->set_kind(kind);
    mutation->set_key(Key(i));
    if (kind == proto::Mutation::PUT) mutation->set_value(Value(i));
    return client_->Call(*routing_.Route(table_, Key(i)), std::move(request), kTimeoutUs);
  }
  void PutRows(int begin, int end) {
    for (int i = begin; i < end; ++i) {
      const CallResult put = Mutate(proto::Mutation::PUT, i);
      ASSERT_EQ(put.outcome, Outcome::kOk) << put.reply.ShortDebugString();
    }
  }
  void DeleteRows(int begin, int end) {
    for (int i = begin; i < end; ++i) ASSERT_EQ(Mutate(proto::Mutation::DELETE, i).outcome, Outcome::kOk);
  }
  // All rows of the table, by linearizable scans.
  std::map<std::string, std::string> Rows() {
    std::map<std::string, std::string> rows;
    for (const RoutingTable::Tablet& tablet : routing_.Find(table_)->tablets) {
      proto::Request request;
      request.mutable_scan();
      const CallResult result = client_->Call(tablet.target, std::move(request), kTimeoutUs);
      EXPECT_EQ(result.outcome, Outcome::kOk) << result.reply.ShortDebugString();
      for (const proto::Row& row : result.rows) rows[row.key()] = row.value();
    }
    return rows;
  }
  static std::map<std::string, std::string> Expected(int begin, int end) {
    std::map<std::string, std::string> rows;
    for (int i = begin; i < end; ++i) rows[Key(i)] = Value(i);
    return rows;
  }
  // Until `done` holds of the list; fails the test when the time is over.
  template <typename Done>
  void AwaitList(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < give_up) {
      const auto list = client_->ListSnapshots(kTimeoutUs);
      ASSERT_TRUE(list.ok()) << list.status();
      if (done(*list)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << "the list does not become what it should";
  }
  SnapshotId CreateSnapshot() {
    const SnapshotId id = RandomId<SnapshotId>();
    proto::CatalogueCommand change;
    change.mutable_create_snapshot()->set_id(Bytes(id));
    change.mutable_create_snapshot()->add_tables(Bytes(table_));
    EXPECT_TRUE(client_->Change(change, kTimeoutUs).ok());
    AwaitList([id](const proto::Reply::SnapshotList& list) {
      for (const auto& one : list.snapshots()) {
        if (one.id() == Bytes(id)) return one.state() == proto::SnapshotInfo::COMPLETE;
      }
      return false;
    });
    return id;
  }
  void Restore(SnapshotId snapshot) {
    const RestorationId id = RandomId<RestorationId>();
    proto::CatalogueCommand change;
    change.mutable_restore_snapshot()->set_restoration(Bytes(id));
    change.mutable_restore_snapshot()->set_snapshot(Bytes(snapshot));
    ASSERT_TRUE(client_->Change(change, kTimeoutUs).ok());
    AwaitList([id](const proto::Reply::SnapshotList& list) {
      for (const auto& one : list.restorations()) {
        if (one.id() == Bytes(id)) return one.state() == proto::RestorationInfo::RESTORED;
      }
      return false;
    });
  }
  NodeId LeaderOf(const std::string& tablet_bytes) {
    for (int attempt = 0; attempt < 200; ++attempt) {
      const auto view = client_->View(kTimeoutUs);
      if (view.ok() && view->Leader(tablet_bytes)) return *view->Leader(tablet_bytes);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "nobody leads";
    return {};
  }

  std::unique_ptr<TestServers> servers_;
  std::unique_ptr<RemoteClient> client_;
  TableId table_;
  RoutingTable routing_;
};

ino_t InodeOf(const fs::path& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

bool AwaitDirectory(const fs::path& directory) {
  for (int attempt = 0; attempt < 200 && !fs::exists(directory); ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return fs::exists(directory);
}

std::set<ino_t> TableFileInodes(const fs::path& directory) {
  std::set<ino_t> inodes;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.path().extension() == ".sst") inodes.insert(InodeOf(entry.path()));
  }
  return inodes;
}

TEST_F(ServerTest, ARestoreBringsDeletedRowsBackAndSnapshotsAreHardLinks) {
  StartCluster(3);
  CreateTable("test_tb");
  PutRows(0, kRows);
  const SnapshotId snapshot = CreateSnapshot();

  for (const NodeId node : servers_->ids()) {
    for (const RoutingTable::Tablet& tablet : routing_.Find(table_)->tablets) {
      const std::string base =
          absl::StrCat(servers_->TableDirectory(node, table_), "/tablet-", Hex(tablet.target.tablet));
      const fs::path directory = absl::StrCat(base, ".snapshots/", Hex(snapshot));
      // COMPLETE is the leaders' word; the other replicas apply the same entry, a little later.
      ASSERT_TRUE(AwaitDirectory(directory)) << directory;
      const std::set<ino_t> live = TableFileInodes(base);
      const std::set<ino_t> linked = TableFileInodes(directory);
      EXPECT_FALSE(linked.empty());
      for (const ino_t inode : linked) EXPECT_TRUE(live.contains(inode)) << directory;
    }
  }

  DeleteRows(0, kRows);
  PutRows(kRows, kRows + 5);
  EXPECT_EQ(Rows(), Expected(kRows, kRows + 5));
  Restore(snapshot);
  EXPECT_EQ(Rows(), Expected(0, kRows));
  Restore(snapshot);
  EXPECT_EQ(Rows(), Expected(0, kRows));
}

TEST_F(ServerTest, WhatWasAcknowledgedSurvivesTheLeadersDeathAndACleanRestart) {
  StartCluster(3);
  CreateTable("test_tb");
  PutRows(0, kRows);
  const SnapshotId snapshot = CreateSnapshot();
  const NodeId leader = LeaderOf(Bytes(routing_.Find(table_)->tablets.front().target.tablet));
  ASSERT_FALSE(leader.is_none());
  servers_->Kill(leader);
  PutRows(kRows, 2 * kRows);
  EXPECT_EQ(Rows(), Expected(0, 2 * kRows));
  servers_->Start(leader);
  PutRows(2 * kRows, 3 * kRows);

  client_.reset();
  for (const NodeId node : servers_->ids()) EXPECT_EQ(servers_->Terminate(node), 0);
  servers_->StartAll();
  client_ = servers_->Connect();
  ASSERT_NE(client_, nullptr);
  Learn();
  EXPECT_EQ(Rows(), Expected(0, 3 * kRows));
  Restore(snapshot);
  EXPECT_EQ(Rows(), Expected(0, kRows));
}

// A follower that missed more than the log keeps is brought up to date by an install.
TEST_F(ServerTest, AFollowerThatTheLogCannotServeIsInstalled) {
  StartCluster(3);
  CreateTable("test_tb");
  PutRows(0, kRows);
  CreateSnapshot();
  const NodeId away{3};
  servers_->Kill(away);
  for (int round = 0; round < 8; ++round) PutRows(0, kRows);
  servers_->Start(away);
  const auto caught_up = [&] {
    const auto view = client_->View(kTimeoutUs);
    if (!view.ok()) return false;
    std::map<std::string, std::set<uint64_t>> applied;
    for (const auto& [id, node] : view->nodes) {
      if (!node.status) return false;
      for (const auto& replica : node.status->replicas()) applied[replica.tablet()].insert(replica.applied().index());
    }
    for (const auto& [tablet, indexes] : applied) {
      if (indexes.size() != 1) return false;
    }
    return true;
  };
  bool done = false;
  for (int attempt = 0; attempt < 200 && !done; ++attempt) {
    done = caught_up();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(done);
  // An install brings a new generation of the store; replaying the log would not.
  for (const RoutingTable::Tablet& tablet : routing_.Find(table_)->tablets) {
    EXPECT_TRUE(
        fs::exists(absl::StrCat(servers_->TableDirectory(away, table_), "/tablet-", Hex(tablet.target.tablet), "/2")));
  }
  // Its rows are served when the other two can't form a majority without it.
  servers_->Kill(NodeId{1});
  EXPECT_EQ(Rows(), Expected(0, kRows));
}

// --- Strangers -------------------------------------------------------------------------------------------------------

class Stranger {
 public:
  explicit Stranger(int port) : socket_(context_) {
    std::error_code error;
    socket_.connect({asio::ip::address_v4::loopback(), static_cast<uint16_t>(port)}, error);
    EXPECT_FALSE(error);
  }
  // The server may hang up in the middle.
  void Send(const std::string& bytes) {
    std::error_code error;
    asio::write(socket_, asio::buffer(bytes), error);
  }
  // Until the server hangs up.
  std::string ReadAll() {
    std::string out;
    std::error_code error;
    asio::read(socket_, asio::dynamic_buffer(out, 1 << 20), error);
    return out;
  }

 private:
  asio::io_context context_;
  tcp::socket socket_;
};

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

TEST_F(ServerTest, RandomBytesAndAHugeMessageDoNoHarm) {
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
TEST_F(ServerTest, AMessageOfOneGibibyteIsRefused) {
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

TEST_F(ServerTest, AServerWhoseDiskIsFullStopsAndKeepsWhatItAcknowledged) {
  servers_ = std::make_unique<TestServers>(1);
  servers_->Start(NodeId{1}, {.file_bytes_max = 1 << 20});
  client_ = servers_->Connect();
  ASSERT_NE(client_, nullptr);
  CreateTable("test_tb");
  std::map<std::string, std::string> acknowledged;
  for (int i = 0; i < 1000; ++i) {
    proto::Request request;
    proto::Mutation* mutation = request.mutable_write()->add_mutations();
    mutation->set_kind(proto::Mutation::PUT);
    mutation->set_key(Key(i));
    mutation->set_value(std::string(20'000, 'v'));
    const CallTarget target = *routing_.Route(table_, Key(i));
    if (client_->Call(target, std::move(request), 3'000'000).outcome != Outcome::kOk) break;
    acknowledged[Key(i)] = std::string(20'000, 'v');
  }
  EXPECT_GT(acknowledged.size(), 10u);
  EXPECT_LT(acknowledged.size(), 1000u);
  EXPECT_EQ(servers_->AwaitEnd(NodeId{1}), Server::kFatalExit);
  servers_->Start(NodeId{1});
  client_ = servers_->Connect();
  ASSERT_NE(client_, nullptr);
  const std::map<std::string, std::string> rows = Rows();
  for (const auto& [key, value] : acknowledged) EXPECT_TRUE(rows.contains(key) && rows.at(key) == value) << key;
}

// Who is no node of the cluster, or means another one, is turned away; what a node sends that is no message is dropped.
TEST_F(ServerTest, StrangersAreNoPeersAndAPeersNoiseIsDropped) {
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

// The clients of open calls are told at once that nothing is known, and the server ends cleanly.
TEST_F(ServerTest, AStopEndsTheOpenCallsAndThenTheServer) {
  StartCluster(3);
  CreateTable("test_tb");
  PutRows(0, 3);
  const CallTarget target = *routing_.Route(table_, Key(0));
  const NodeId leader = LeaderOf(Bytes(target.tablet));
  ASSERT_FALSE(leader.is_none());
  // Without the others nothing commits, so that the call stays open.
  for (const NodeId node : servers_->ids()) {
    if (node != leader) servers_->Kill(node);
  }
  const auto stub = proto::NodeService::NewStub(MakeChannel(servers_->Address(leader)));
  proto::Request request;
  request.set_tablet(Bytes(target.tablet));
  request.mutable_id()->set_client(Bytes(RandomClientId()));
  request.mutable_id()->set_sequence(1);
  proto::Mutation* mutation = request.mutable_write()->add_mutations();
  mutation->set_kind(proto::Mutation::PUT);
  mutation->set_key(Key(0));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  proto::Reply reply;
  grpc::Status status;
  std::thread caller([&] { status = stub->Call(&context, request, &reply); });
  EXPECT_EQ(servers_->Terminate(leader), 0);
  caller.join();
  EXPECT_THAT(status.error_code(), ::testing::AnyOf(grpc::StatusCode::UNKNOWN, grpc::StatusCode::UNAVAILABLE,
                                                    grpc::StatusCode::CANCELLED, grpc::StatusCode::FAILED_PRECONDITION))
      << status.error_message();
}

TEST_F(ServerTest, EachRefusalHasItsStatusCode) {
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
  proto::Request large = get;
  large.mutable_get()->set_key(std::string(kRequestBytesMax + 1, 'k'));
  EXPECT_EQ(call(leader, large), grpc::StatusCode::INVALID_ARGUMENT);
  large.mutable_get()->set_key(std::string(kMessageBytesMax - 100, 'k'));
  EXPECT_EQ(call(leader, large), grpc::StatusCode::INVALID_ARGUMENT);
}

// What any gRPC tool asks first. Both protocols' messages are written by hand, since their code is not installed.
TEST_F(ServerTest, HealthAndReflectionAreServed) {
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

// --- The web page and the options
// --------------------------------------------------------------------------------------

TEST_F(ServerTest, TheWebPageShowsTablesTabletsAndSnapshots) {
  StartCluster(1);
  CreateTable("<b>&");
  PutRows(0, 3);
  const SnapshotId snapshot = CreateSnapshot();
  const auto get = [&](const std::string& path) {
    Stranger browser(servers_->http_port(NodeId{1}));
    browser.Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n"));
    return browser.ReadAll();
  };
  const std::string page = get("/tables");
  EXPECT_THAT(page, ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(page, ::testing::HasSubstr("User Tables"));
  EXPECT_THAT(page, ::testing::HasSubstr("&lt;b&gt;&amp;"));
  EXPECT_THAT(page, ::testing::Not(::testing::HasSubstr("<b>")));
  EXPECT_THAT(page, ::testing::HasSubstr(Hex(table_)));
  EXPECT_THAT(page, ::testing::HasSubstr(Hex(snapshot)));
  EXPECT_THAT(page, ::testing::HasSubstr(servers_->Address(NodeId{1})));
  const std::string json = get("/tables.json");
  for (const RoutingTable::Tablet& tablet : routing_.Find(table_)->tablets) {
    EXPECT_THAT(page, ::testing::HasSubstr(Hex(tablet.target.tablet)));
    EXPECT_THAT(json, ::testing::HasSubstr(Hex(tablet.target.tablet)));
  }
  EXPECT_THAT(get("/../etc/passwd"), ::testing::StartsWith("HTTP/1.1 404"));
  Stranger endless(servers_->http_port(NodeId{1}));
  endless.Send("GET /" + std::string(16 << 20, 'x'));
  EXPECT_THAT(get("/tables"), ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST(ServerOptionsTest, WrongOptionsGiveOneLineAndExitCodeTwo) {
  const TestServers servers(1);
  const std::vector<std::string> good = servers.Command(NodeId{1});
  const auto with = [&good](const std::string& flag, const std::string& value) {
    std::vector<std::string> command = good;
    for (size_t i = 0; i + 1 < command.size(); ++i) {
      if (command[i] == flag) command[i + 1] = value;
    }
    return command;
  };
  for (const auto& command : {with("--node-id", "0"),
                              with("--node-id", "x"),
                              with("--node-id", "2"),
                              with("--peers", "1=nonsense"),
                              with("--peers", "1=127.0.0.1:70000"),
                              with("--master-members", "2"),
                              with("--http-port", "0"),
                              {good[0]}}) {
    const ProgramEnd end = RunProgram(command);
    EXPECT_EQ(end.code, 2) << end.errors;
    EXPECT_EQ(std::count(end.errors.begin(), end.errors.end(), '\n'), 1) << end.errors;
  }
}

TEST_F(ServerTest, ASecondServerOnTheSameDirectoryOrPortIsRefused) {
  StartCluster(1);
  const ProgramEnd same = RunProgram(servers_->Command(NodeId{1}));
  EXPECT_EQ(same.code, 1) << same.errors;
  std::vector<std::string> elsewhere = servers_->Command(NodeId{1});
  const TestDirectory directory;
  for (size_t i = 0; i + 1 < elsewhere.size(); ++i) {
    if (elsewhere[i] == "--data-dir") elsewhere[i + 1] = directory.path();
    if (elsewhere[i] == "--http-port") elsewhere[i + 1] = absl::StrCat(FreePort());
  }
  const ProgramEnd port = RunProgram(elsewhere);
  EXPECT_EQ(port.code, 1) << port.errors;
  EXPECT_THAT(port.errors, ::testing::HasSubstr("listen"));
}

}  // namespace
}  // namespace sut
