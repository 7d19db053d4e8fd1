// The tools as a user types them, against real servers: the formats of yb-admin, and what sut-ctl leaves behind.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sut/server/client_id.h"
#include "sut/server/test_servers.h"
#include "sut/tablet/partition.h"
#include "sut/tools/server_process.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

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
    arguments.insert(arguments.begin(), {SUT_ADMIN_BINARY, "--master_addresses", absl::StrJoin(addresses_, ",")});
    return RunProgram(arguments);
  }
  void Create() {
    const ProgramEnd end =
        Ctl({"create", "--rf", "1", "--port", absl::StrCat(port_), "--http-port", absl::StrCat(http_port_)});
    ASSERT_EQ(end.code, 0) << end.errors;
  }
  void CreateThreeNodes() {
    const int port = FreePorts(3);
    const ProgramEnd end =
        Ctl({"create", "--rf", "3", "--port", absl::StrCat(port), "--http-port", absl::StrCat(FreePorts(3))});
    ASSERT_EQ(end.code, 0) << end.errors;
    addresses_.clear();
    for (int i = 0; i < 3; ++i) addresses_.push_back(absl::StrCat("127.0.0.1:", port + i));
  }
  // With a replica of each tablet on nodes 1 to `nodes`.
  void CreateTable(uint64_t nodes = 1) {
    auto client = RemoteClient::Connect(addresses_, kTimeoutUs);
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
      for (uint64_t node = 1; node <= nodes; ++node) {
        proto::ReplicaInfo* replica = tablet->add_replicas();
        replica->set_node(static_cast<uint32_t>(node));
        replica->set_replica(node);
      }
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
  const int port_ = FreePorts(2);  // the next is a second node's
  const int http_port_ = FreePorts(2);
  std::vector<std::string> addresses_ = {Address()};
};

// The 32 digits before the line's end.
std::string IdAtEnd(const std::string& line) { return line.size() < 33 ? "" : line.substr(line.size() - 33, 32); }

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
  const std::string snapshot = IdAtEnd(created);
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

TEST_F(ToolsTest, TheFlagsOfTheListSayWhatItShows) {
  Create();
  CreateTable();
  const std::string kept = IdAtEnd(Admin({"create_snapshot", "ydb", "test_tb"}).output);
  const std::string deleted = IdAtEnd(Admin({"create_snapshot", "ydb", "test_tb", "30"}).output);
  AwaitOutput({"list_snapshots"}, deleted + " \tCOMPLETE");
  AwaitOutput({"list_snapshots"}, kept + " \tCOMPLETE");
  EXPECT_EQ(Admin({"delete_snapshot", deleted}).code, 0);
  EXPECT_THAT(AwaitOutput({"list_snapshots", "SHOW_DELETED"}, " \tDELETED"), HasSubstr(deleted + " \tDELETED\n"));
  EXPECT_THAT(Admin({"list_snapshots"}).output, Not(HasSubstr(deleted)));
  EXPECT_EQ(Admin({"delete_snapshot", deleted}).errors,
            "Error running delete_snapshot: Illegal state: The snapshot was deleted\n");
  EXPECT_EQ(Admin({"restore_snapshot", deleted}).errors,
            "Error running restore_snapshot: Illegal state: The snapshot was deleted\n");
  EXPECT_EQ(Admin({"restore_snapshot", kept}).code, 0);
  const std::string restored = AwaitOutput({"list_snapshot_restorations"}, "RESTORED");
  ASSERT_THAT(restored, MatchesRegex("Restoration UUID                 \tState\n[0-9a-f]{32} \tRESTORED\n"));
  const std::string restoration = std::vector<std::string>(absl::StrSplit(restored, '\n'))[1].substr(0, 32);
  EXPECT_EQ(Admin({"list_snapshot_restorations", restoration}).output, restored);

  const std::string details = Admin({"list_snapshots", "SHOW_DETAILS"}).output;
  EXPECT_THAT(details, HasSubstr(R"("data":{"name":"test_tb","namespace_name":"ydb","state":"RUNNING"}})"));
  EXPECT_THAT(details, HasSubstr(restoration + " \tRESTORED\n"));
  EXPECT_THAT(Admin({"list_snapshots", "SHOW_DETAILS", "NOT_SHOW_RESTORED"}).output, Not(HasSubstr(restoration)));
  const auto json = nlohmann::json::parse(Admin({"list_snapshots", "JSON"}).output);
  ASSERT_EQ(json["snapshots"].size(), 1);
  EXPECT_EQ(json["snapshots"][0]["id"], kept);
  EXPECT_EQ(json["snapshots"][0]["state"], "COMPLETE");
  EXPECT_EQ(json["restorations"][0]["snapshot_id"], kept);
}

TEST_F(ToolsTest, TablesAreFlushedAndCompactedAndLeadersMove) {
  CreateThreeNodes();
  CreateTable(3);
  EXPECT_THAT(Admin({"flush_table", "ydb", "test_tb"}).output,
              MatchesRegex("Started flushing table ydb.test_tb\nFlush request id: [0-9a-f]{32}\n"
                           "Waiting for flushing...\nFlushing complete: SUCCESS\n"));
  EXPECT_EQ(Admin({"compact_table", "ydb", "test_tb", "60"}).output,
            "Started compacting table ydb.test_tb\nWaiting for compaction...\nCompaction complete: SUCCESS\n");
  EXPECT_THAT(Admin({"list_tables", "include_table_id"}).output, MatchesRegex("ydb.test_tb [0-9a-f]{32}\n"));
  const auto first_line = [this] {
    const std::string listed = AwaitOutput({"list_tablets", "ydb", "test_tb", "1"}, "127.0.0.1:");
    return std::vector<std::string>(absl::StrSplit(listed, '\n'))[1];
  };
  const std::string before = first_line();
  const std::string tablet = before.substr(0, 32);
  std::string other = addresses_[0];
  if (absl::EndsWith(before, other)) other = addresses_[1];
  const ProgramEnd moved = Admin({"leader_stepdown", tablet, other});
  EXPECT_EQ(moved.output, absl::StrCat("Leader of tablet ", tablet, ": ", other, "\n")) << moved.errors;
  EXPECT_THAT(Admin({"leader_stepdown", tablet}).output, HasSubstr("Leader of tablet " + tablet + ": 127.0.0.1:"));

  // Two of three nodes are enough for everything.
  EXPECT_EQ(Ctl({"stop_node", "2"}).output, "Stopped node 2.\n");
  EXPECT_THAT(Ctl({"status"}).output, HasSubstr("Node 2: stopped"));
  const std::string snapshot = IdAtEnd(Admin({"create_snapshot", "ydb", "test_tb"}).output);
  EXPECT_THAT(AwaitOutput({"list_snapshots"}, "COMPLETE"), HasSubstr(snapshot + " \tCOMPLETE\n"));
  EXPECT_EQ(Ctl({"start_node", "2"}).code, 0);
  EXPECT_THAT(Ctl({"status"}).output, HasSubstr("Node 2: running"));
  EXPECT_EQ(Ctl({"destroy"}).code, 0);
  EXPECT_FALSE(fs::exists(data_dir_));
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
  EXPECT_EQ(error({"create_snapshot", "nowhere", "test_tb"}),
            "Error running create_snapshot: Not found: Table with name 'test_tb' not found in namespace 'nowhere'\n");
  EXPECT_THAT(error({"create_snapshot", "ydb", "test_tb", "ydb", "test_tb"}), HasSubstr("is named twice"));
  EXPECT_THAT(error({"create_snapshot", "ydb", "test_tb", "soon"}), HasSubstr("Not a time-out"));
  EXPECT_EQ(error({"restore_snapshot"}),
            "Error running restore_snapshot: Invalid argument: Wrong number of arguments\n"
            "Usage: sut-admin restore_snapshot <snapshot_id>\n");
  EXPECT_EQ(error({"restore_snapshot", nobody + "/.."}),
            "Error running restore_snapshot: Not found: Could not find snapshot: " + nobody + "/..\n");
  EXPECT_EQ(error({"list_snapshot_restorations", nobody}),
            "Error running list_snapshot_restorations: Not found: Could not find restoration: " + nobody + "\n");
  EXPECT_EQ(error({"leader_stepdown", nobody}),
            "Error running leader_stepdown: Not found: No leader found for tablet: " + nobody + "\n");
  EXPECT_THAT(error({"list_tablets", "ydb", "test_tb", "-1"}), HasSubstr("Not a number of tablets: -1"));
  EXPECT_EQ(error({"flush_table", "ydb", "t"}),
            "Error running flush_table: Not found: Table with name 't' not found in namespace 'ydb'\n");
  EXPECT_THAT(error({"nonsense"}), HasSubstr("Unknown command"));
  EXPECT_EQ(RunProgram({SUT_ADMIN_BINARY, "--master_addresses", "nowhere", "list_tables"}).errors,
            "Error running list_tables: Invalid argument: not an address HOST:PORT: 'nowhere'\n");
}

TEST_F(ToolsTest, AClusterStopsStartsAndLeavesNothingWhenDestroyed) {
  Create();
  CreateTable();
  EXPECT_THAT(Ctl({"status"}).output, HasSubstr("Node 1: running, " + Address()));
  EXPECT_EQ(Ctl({"create"}).code, 1);
  EXPECT_EQ(Ctl({"stop_node", "2"}).errors, "sut-ctl: the cluster has no node 2\n");
  EXPECT_EQ(Ctl({"stop_node", "x"}).code, 2);
  EXPECT_EQ(Ctl({"dance"}).code, 2);
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
  const ProgramEnd gone = Ctl({"status"});
  EXPECT_EQ(gone.code, 1);
  EXPECT_EQ(gone.errors, "sut-ctl: there is no cluster in " + data_dir_ + "; make one with 'sut-ctl create'\n");
  const ProgramEnd nobody = Admin({"list_snapshots"});
  EXPECT_EQ(nobody.code, 1);
  EXPECT_THAT(nobody.errors, HasSubstr("Error running list_snapshots: Service unavailable: No answer within "));
}

TEST_F(ToolsTest, ANodeThatIsAddedServesTheTablesToCome) {
  Create();
  EXPECT_EQ(Ctl({"add_node"}).code, 0);
  EXPECT_THAT(Ctl({"status"}).output, HasSubstr("Node 2: running"));
  CreateTable(2);
  EXPECT_THAT(AwaitOutput({"list_tablets", "ydb", "test_tb"}, "127.0.0.1:"), HasSubstr("127.0.0.1:"));
  EXPECT_TRUE(fs::exists(data_dir_ + "/node-2/disk-1/yb-data/tserver/data/rocksdb"));
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
