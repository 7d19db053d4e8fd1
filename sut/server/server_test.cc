// Three real servers on loopback: the whole way of a snapshot, deaths, stops, a full disk, the web page and the
// options.

#include "sut/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "sut/server/server_fixture.h"
#include "sut/server/stranger.h"

namespace sut {
namespace {

namespace fs = std::filesystem;

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

// The clients of open calls are told at once that nothing is known, and the server ends cleanly.
TEST_F(ServerTest, AStopEndsTheOpenCallsAndThenTheServer) {
  StartCluster(3);
  CreateTable("test_tb");
  PutRows(0, 3);
  // Nothing commits, so that the call stays open.
  const NodeId leader = LeaderLeftAlone(0);
  ASSERT_FALSE(leader.is_none());
  const auto stub = proto::NodeService::NewStub(MakeChannel(servers_->Address(leader)));
  const proto::Request request = FirstPut(0);
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

// --- The web page and the options ------------------------------------------------------------------------------------

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
