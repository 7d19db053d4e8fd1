// Bad input to the tools: one clear line, an exit code that is not 0, and nothing has changed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/tools/admin_commands.h"
#include "sut/tools/tools_fixture.h"

namespace sut {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using BadInputTest = ToolsTest;

TEST_F(BadInputTest, BadInputGetsOneClearLine) {
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

TEST_F(BadInputTest, WrongNumbersOfArgumentsShowTheUsage) {
  // Nobody is asked: there is no cluster.
  const auto expect_usage = [this](const AdminCommand& command, size_t count) {
    std::vector<std::string> words = {command.name};
    words.resize(1 + count, "x");
    const ProgramEnd end = Admin(words);
    EXPECT_EQ(end.code, 1);
    EXPECT_THAT(end.output, IsEmpty());
    EXPECT_THAT(end.errors, StartsWith(absl::StrCat("Error running ", command.name,
                                                    ": Invalid argument: Wrong number of arguments\nUsage: sut-admin ",
                                                    command.name)));
  };
  for (const AdminCommand& command : AdminCommands()) {
    if (command.arguments_min > 0) expect_usage(command, command.arguments_min - 1);
    if (command.arguments_max < 64) expect_usage(command, command.arguments_max + 1);
  }
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"stop_node"}, {"start_node"}, {"status", "x"}, {"destroy", "x"}, {"create", "--rf"}}) {
    const ProgramEnd end = Ctl(words);
    EXPECT_EQ(end.code, 2) << words[0];
    EXPECT_EQ(std::count(end.errors.begin(), end.errors.end(), '\n'), 1) << end.errors;
  }
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"create", "ydb"}, {"create", "ydb", "t"}, {"restore"}, {"restore", "a", "b"}}) {
    std::vector<std::string> command = {SUT_BACKUP_BINARY, "--data-dir", data_dir_};
    command.insert(command.end(), words.begin(), words.end());
    const ProgramEnd end = RunProgram(command);
    EXPECT_EQ(end.code, 2) << words[0];
    EXPECT_EQ(std::count(end.errors.begin(), end.errors.end(), '\n'), 1) << end.errors;
  }
}

TEST_F(BadInputTest, ADeletedSnapshotIsNeitherRestoredNorExportedNorDeletedAgain) {
  Create();
  CreateTable();
  const std::string snapshot = IdAtEnd(Admin({"create_snapshot", "ydb", "test_tb"}).output);
  ASSERT_THAT(AwaitOutput({"list_snapshots"}, "COMPLETE"), HasSubstr(snapshot + " \tCOMPLETE\n"));
  ASSERT_EQ(Admin({"delete_snapshot", snapshot}).code, 0);
  AwaitOutput({"list_snapshots"}, "No snapshots");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"restore_snapshot", snapshot},
                                                {"delete_snapshot", snapshot},
                                                {"export_snapshot", snapshot, directory_.path() + "/file"}}) {
    const ProgramEnd end = Admin(words);
    EXPECT_EQ(end.code, 1) << words[0];
    EXPECT_THAT(end.output, IsEmpty());
    EXPECT_THAT(end.errors, HasSubstr("Illegal state: The snapshot was deleted"));
    EXPECT_EQ(std::count(end.errors.begin(), end.errors.end(), '\n'), 1) << end.errors;
  }
  EXPECT_EQ(Admin({"list_snapshot_restorations"}).output, "No snapshot restorations\n");
}

}  // namespace
}  // namespace sut
