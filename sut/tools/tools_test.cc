// The tools as a user types them, against real servers: the formats of yb-admin, and what sut-ctl leaves behind.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/server/client_id.h"
#include "sut/server/test_servers.h"
#include "sut/tablet/partition.h"
#include "sut/tools/server_process.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr int64_t kTimeoutUs = 30'000'000;
constexpr char kId[] = "[0-9a-f]{32}";

class ToolsTest : public ::testing::Test {
 protected:
  ~ToolsTest() override { Ctl({"destroy"}); }

  ProgramEnd Ctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {SUT_CTL_BINARY, "--data-dir", data_dir_, "--server-binary", SUT_SERVER_BINARY});
    return RunProgram(arguments);
  }
  ProgramEnd Admin(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {SUT_ADMIN_BINARY, "--master_addresses", Address()});
    return RunProgram(arguments);
  }
  void Create() {
    const ProgramEnd end =
        Ctl({"create", "--rf", "1", "--port", absl::StrCat(port_), "--http-port", absl::StrCat(http_port_)});
    ASSERT_EQ(end.code, 0) << end.errors;
  }
  void CreateTable() {
    auto client = RemoteClient::Connect({Address()}, kTimeoutUs);
    ASSERT_TRUE(client.ok()) << client.status();
    proto::CatalogueCommand change;
    proto::TableInfo* table = change.mutable_create_table()->mutable_table();
    table->set_id(Bytes(RandomId<TableId>()));
    table->set_keyspace("ydb");
    table->set_name("test_tb");
    for (const HashRange range : {HashRange{0, 0x7fff}, HashRange{0x7fff, kHashSpace}}) {
      proto::TabletInfo* tablet = table->add_tablets();
      tablet->set_id(Bytes(RandomId<TabletId>()));
      tablet->set_hash_begin(range.begin);
      tablet->set_hash_end(range.end);
      proto::ReplicaInfo* replica = tablet->add_replicas();
      replica->set_node(1);
      replica->set_replica(1);
    }
    ASSERT_TRUE((*client)->Change(change, kTimeoutUs).ok());
  }
  // What the command prints as soon as it prints `wanted`.
  std::string AwaitOutput(const std::vector<std::string>& arguments, const std::string& wanted) {
    std::string output;
    for (int attempt = 0; attempt < 100 && output.find(wanted) == std::string::npos; ++attempt) {
      output = Admin(arguments).output;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return output;
  }
  std::string Address() const { return absl::StrCat("127.0.0.1:", port_); }

  const TestDirectory directory_;
  const std::string data_dir_ = directory_.path() + "/data";
  const int port_ = FreePort();
  const int http_port_ = FreePort();
};

TEST_F(ToolsTest, TheTutorialsSnapshotCommandsPrintWhatThePageShows) {
  Create();
  CreateTable();
  const std::string id(kId);
  EXPECT_EQ(Admin({"list_snapshots"}).output, "No snapshots\n");
  const std::string created = Admin({"create_snapshot", "ydb", "test_tb"}).output;
  ASSERT_THAT(created, MatchesRegex("Started flushing table ydb.test_tb\nFlush request id: " + id +
                                    "\nWaiting for flushing...\nFlushing complete: SUCCESS\n"
                                    "Started snapshot creation: " +
                                    id + "\n"));
  const std::string snapshot = created.substr(created.size() - 33, 32);
  const std::string listed = "Snapshot UUID                    \tState\n" + snapshot + " \tCOMPLETE\n";
  EXPECT_EQ(AwaitOutput({"list_snapshots"}, "COMPLETE"), listed);
  const std::string pad(52, ' ');
  // The replicas are as new as the table: its leaders may still be to come.
  EXPECT_THAT(
      AwaitOutput({"list_tablets", "ydb", "test_tb", "0"}, Address() + "\n"),
      MatchesRegex("Tablet UUID                      \tRange" + pad + "\tLeader\n" + id +
                   " \tpartition_key_start: \"\" partition_key_end: \"\\\\177\\\\377\"    \t" + Address() + "\n" + id +
                   " \tpartition_key_start: \"\\\\177\\\\377\" partition_key_end: \"\"    \t" + Address() + "\n"));
  EXPECT_EQ(Admin({"list_tables"}).output, "ydb.test_tb\n");
  EXPECT_EQ(Admin({"restore_snapshot", snapshot}).output, "Started restoring snapshot: " + snapshot + "\n");
  EXPECT_THAT(AwaitOutput({"list_snapshot_restorations"}, "RESTORED"), HasSubstr(" \tRESTORED\n"));
  EXPECT_EQ(Admin({"list_snapshots"}).output, listed);
  EXPECT_EQ(Admin({"delete_snapshot", snapshot}).output, "Deleted snapshot: " + snapshot + "\n");
  EXPECT_EQ(AwaitOutput({"list_snapshots"}, "No snapshots"), "No snapshots\n");
}

TEST_F(ToolsTest, BadInputGetsOneClearLine) {
  Create();
  CreateTable();
  const std::string nobody(32, 'a');
  const auto error = [this](const std::vector<std::string>& arguments) {
    const ProgramEnd end = Admin(arguments);
    EXPECT_EQ(end.code, 1);
    EXPECT_EQ(end.output, "");
    return end.errors;
  };
  EXPECT_EQ(error({"restore_snapshot", nobody}),
            "Error running restore_snapshot: Not found: Could not find snapshot: " + nobody + "\n");
  EXPECT_EQ(error({"delete_snapshot", "../../x"}),
            "Error running delete_snapshot: Not found: Could not find snapshot: ../../x\n");
  EXPECT_EQ(error({"create_snapshot", "ydb", "t"}),
            "Error running create_snapshot: Not found: Table with name 't' not found in namespace 'ydb'\n");
  EXPECT_THAT(error({"create_snapshot", "ydb"}), HasSubstr("Usage: sut-admin create_snapshot "));
  EXPECT_THAT(error({"list_snapshots", "ALL"}), HasSubstr("Wrong list option: ALL"));
  EXPECT_THAT(error({"nonsense"}), HasSubstr("Unknown command"));
}

TEST_F(ToolsTest, AClusterStopsStartsAndLeavesNothingWhenDestroyed) {
  Create();
  CreateTable();
  EXPECT_THAT(Ctl({"status"}).output, HasSubstr("Node 1: running, " + Address()));
  EXPECT_EQ(Ctl({"create"}).code, 1);
  EXPECT_EQ(Ctl({"stop_node", "2"}).code, 1);
  EXPECT_EQ(Ctl({"stop"}).code, 0);
  EXPECT_THAT(Ctl({"status"}).output, HasSubstr("Node 1: stopped"));
  EXPECT_EQ(Ctl({"start"}).code, 0);
  EXPECT_EQ(Admin({"list_tables"}).output, "ydb.test_tb\n");
  EXPECT_EQ(Ctl({"wipe"}).code, 0);
  EXPECT_EQ(Admin({"list_tables"}).output, "");
  const auto process = ReadRecord(data_dir_ + "/node-1/server.pid");
  ASSERT_TRUE(process.ok() && process->has_value());
  EXPECT_TRUE(IsRunning(**process));
  EXPECT_EQ(Ctl({"destroy"}).code, 0);
  EXPECT_FALSE(IsRunning(**process));
  EXPECT_FALSE(fs::exists(data_dir_));
}

TEST_F(ToolsTest, AClusterThatCannotStartIsUndone) {
  const ProgramEnd end = RunProgram({SUT_CTL_BINARY, "--data-dir", data_dir_, "--server-binary", "/bin/false", "create",
                                     "--port", absl::StrCat(port_), "--http-port", absl::StrCat(http_port_)});
  EXPECT_EQ(end.code, 1) << end.errors;
  EXPECT_FALSE(fs::exists(data_dir_));
}

TEST(ServerProcessTest, ARecordOfAnotherProcessIsNeverSignalled) {
  ServerProcess self;
  self.pid = getpid();
  self.executable = fs::read_symlink("/proc/self/exe").string();
  self.start_ticks = 1;  // of init, perhaps, but not of this process
  EXPECT_FALSE(IsRunning(self));
  EXPECT_TRUE(absl::IsNotFound(SignalServer(self, SIGKILL)));

  const TestDirectory directory;
  const auto spawned = SpawnServer({"/bin/sleep", {"60"}, directory.path() + "/log"});
  ASSERT_TRUE(spawned.ok()) << spawned.status();
  ServerProcess renamed = *spawned;
  renamed.executable = self.executable;
  EXPECT_FALSE(IsRunning(renamed));
  EXPECT_TRUE(absl::IsNotFound(SignalServer(renamed, SIGKILL)));
  EXPECT_TRUE(IsRunning(*spawned));
  EXPECT_TRUE(SignalServer(*spawned, SIGTERM).ok());
  EXPECT_TRUE(WaitUntilGone(*spawned, 10'000).ok());
  EXPECT_FALSE(IsRunning(*spawned));
}

}  // namespace
}  // namespace sut
