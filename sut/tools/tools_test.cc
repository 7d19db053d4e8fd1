// The tools as a user types them, against real servers: the formats of yb-admin, and what sut-ctl leaves behind.

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "sut/server/test_servers.h"
#include "sut/tools/server_process.h"
#include "sut/tools/tools_fixture.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

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
