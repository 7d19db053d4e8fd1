// sut-cqlsh as a user meets it, against real servers: the tutorial at a prompt, scripts, errors, and that changes of
// different clients do not undo each other.

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/check.h"
#include "sut/cql/changes.h"
#include "sut/cql/executor.h"
#include "sut/cql/parser.h"
#include "sut/cql/row_codec.h"
#include "sut/server/test_servers.h"
#include "sut/tools/sut_cqlsh_store.h"

namespace sut {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto kPatience = std::chrono::seconds(60);

// A program on a terminal of its own, wide enough that no line is broken. It goes with the object.
class TerminalProgram {
 public:
  TerminalProgram(std::vector<std::string> command, std::vector<std::string> environment) {
    const auto pointers = [](std::vector<std::string>& words) {
      std::vector<char*> out;
      for (std::string& word : words) out.push_back(word.data());
      out.push_back(nullptr);
      return out;
    };
    const std::vector<char*> argv = pointers(command), envp = pointers(environment);
    winsize size = {};
    size.ws_row = 50;
    size.ws_col = 250;
    pid_ = forkpty(&fd_, nullptr, nullptr, &size);
    SUT_CHECK(pid_ >= 0, "forkpty");
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  ~TerminalProgram() {
    if (pid_ != 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(fd_);
  }
  TerminalProgram(const TerminalProgram&) = delete;
  TerminalProgram& operator=(const TerminalProgram&) = delete;

  // What is typed, and what the screen shows from there on until it ends with `prompt`.
  std::string Type(const std::string& keys, const std::string& prompt) {
    EXPECT_EQ(write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    return ReadUntil(prompt);
  }
  std::string ReadUntil(const std::string& prompt) {
    std::string shown;
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!shown.ends_with(prompt) && std::chrono::steady_clock::now() < give_up) {
      pollfd wait = {fd_, POLLIN, 0};
      if (poll(&wait, 1, 100) <= 0) continue;
      char bytes[4096];
      const ssize_t n = read(fd_, bytes, sizeof bytes);
      if (n <= 0) break;  // the program has ended
      std::copy_if(bytes, bytes + n, std::back_inserter(shown), [](char c) { return c != '\r'; });
    }
    EXPECT_TRUE(shown.ends_with(prompt)) << "no prompt after: " << shown;
    return shown;
  }
  // The exit code.
  int TypeLast(const std::string& keys) {
    EXPECT_EQ(write(fd_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    int status = 0;
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    char bytes[4096];
    // A terminal that nobody reads holds its writers up.
    pollfd wait = {fd_, POLLIN, 0};
    while (std::chrono::steady_clock::now() < give_up) {
      if (poll(&wait, 1, 100) > 0 && read(fd_, bytes, sizeof bytes) <= 0) break;
    }
    if (waitpid(pid_, &status, 0) == pid_) pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int fd_ = -1;
};

class CqlshTest : public ::testing::Test {
 protected:
  void Start(int nodes) {
    servers_ = std::make_unique<TestServers>(nodes);
    servers_->StartAll();
    ASSERT_NE(servers_->Connect(), nullptr);
  }
  std::vector<std::string> Command(const std::vector<std::string>& arguments) const {
    std::vector<std::string> out = {SUT_CQLSH_BINARY,
                                    "--request-timeout",
                                    "60",
                                    "--connect-timeout",
                                    "60",
                                    "127.0.0.1",
                                    absl::StrCat(servers_->port(NodeId{1}))};
    out.insert(out.end(), arguments.begin(), arguments.end());
    return out;
  }
  ProgramEnd Cqlsh(const std::vector<std::string>& arguments) const { return RunProgram(Command(arguments)); }
  // Prints nothing and succeeds.
  void Done(const std::string& statements) const {
    const ProgramEnd end = Cqlsh({"-e", statements});
    EXPECT_EQ(end.code, 0) << statements;
    EXPECT_EQ(end.output, "");
    EXPECT_EQ(end.errors, "");
  }
  std::string Shown(const std::string& statements) const {
    const ProgramEnd end = Cqlsh({"-e", statements});
    EXPECT_EQ(end.code, 0) << end.errors;
    return end.output;
  }
  std::string WriteFile(const std::string& text) const {
    const std::string path = directory_.path() + "/script.cql";
    std::ofstream(path) << text;
    return path;
  }

  const TestDirectory directory_;
  std::unique_ptr<TestServers> servers_;
};

TEST_F(CqlshTest, TheTutorialTypedAtAPromptLooksAsOnThePage) {
  Start(1);
  TerminalProgram cqlsh(Command({}), {"TERM=dumb", "HOME=" + directory_.path()});
  const std::string prompt = "cqlsh> ";
  EXPECT_EQ(cqlsh.ReadUntil(prompt), absl::StrCat("Connected to 1 node(s) at ", servers_->Address(NodeId{1}),
                                                  ".\n[sut-cqlsh 0.1.0]\nUse HELP for help.\n", prompt));
  // With the prompt before it, what the page shows.
  const auto expect = [&](const std::string& statement, const std::string& output) {
    EXPECT_EQ(cqlsh.Type(statement + "\n", prompt), absl::StrCat(statement, "\n", output, prompt));
  };
  const std::string with_row = "\n user_id\n---------\n       5\n\n(1 rows)\n";
  const std::string without_rows = "\n user_id\n---------\n\n(0 rows)\n";
  expect("CREATE KEYSPACE ydb;", "");
  expect("CREATE TABLE IF NOT EXISTS ydb.test_tb(user_id INT PRIMARY KEY);", "");
  expect("INSERT INTO ydb.test_tb(user_id) VALUES (5);", "");
  expect("SELECT * FROM ydb.test_tb;", with_row);
  expect("DELETE FROM ydb.test_tb WHERE user_id=5;", "");
  expect("SELECT * FROM ydb.test_tb;", without_rows);
  expect("SELECT * FROM ydb.nothing;",
         "InvalidRequest: Error from server: code=2200 [Invalid query] message=\"unconfigured table nothing\"\n");

  EXPECT_EQ(cqlsh.Type("USE ydb;\n", "cqlsh:ydb> "), "USE ydb;\ncqlsh:ydb> ");
  EXPECT_EQ(cqlsh.Type("SELECT * FROM\n", "       ... "), "SELECT * FROM\n       ... ");
  EXPECT_EQ(cqlsh.Type("test_tb;\n", "cqlsh:ydb> "), "test_tb;\n" + without_rows + "cqlsh:ydb> ");
  EXPECT_EQ(cqlsh.Type("DROP TABLE\n", "       ... "), "DROP TABLE\n       ... ");
  EXPECT_THAT(cqlsh.Type("\x03", "cqlsh:ydb> "), HasSubstr("^C\n")) << "Ctrl-C forgets the statement";
  EXPECT_EQ(cqlsh.Type("DESC TABLES\n", "cqlsh:ydb> "), "DESC TABLES\n\ntest_tb\n\ncqlsh:ydb> ");
  EXPECT_EQ(cqlsh.TypeLast("EXIT\n"), 0);

  const std::string history = directory_.path() + "/.sut-cqlsh-history";
  std::ifstream in(history);
  std::string first;
  std::getline(in, first);
  EXPECT_EQ(first, "CREATE KEYSPACE ydb;");
  struct stat information = {};
  ASSERT_EQ(stat(history.c_str(), &information), 0);
  EXPECT_EQ(information.st_mode & 077, 0u) << "for its owner alone";
}

TEST_F(CqlshTest, ScriptsRunOnThreeNodesWithRowsOfAPartitionTogether) {
  Start(3);
  const ProgramEnd end = Cqlsh({"-f", WriteFile(R"(
-- Rows of several partitions in several tablets.
CREATE KEYSPACE ks WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3};
USE ks;
CREATE TABLE readings (
  sensor text, day int, at timestamp, id uuid, value double, raw blob, good boolean,
  PRIMARY KEY ((sensor, day), at)
) WITH CLUSTERING ORDER BY (at DESC) AND tablets = 8;
INSERT INTO readings (sensor, day, at, id, value, raw, good)
  VALUES ('a', 1, '2026-01-31 12:00', 123e4567-e89b-12d3-a456-426614174000, 1.5, 0xcafe, true);
INSERT INTO readings (sensor, day, at, value) VALUES ('a', 1, '2026-01-31 13:00', -2);
INSERT INTO readings (sensor, day, at, value) VALUES ('a', 2, '2026-02-01', 7); UPDATE readings SET good = false
  WHERE sensor = 'b' AND day = 1 AND at = 0;
SELECT * FROM readings WHERE sensor = 'a' AND day = 1;
SELECT COUNT(*) FROM readings)")});
  EXPECT_EQ(end.errors, "");
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.output, R"(
 sensor | day | at                              | id                                   | value | raw    | good
--------+-----+---------------------------------+--------------------------------------+-------+--------+------
      a |   1 | 2026-01-31 13:00:00.000000+0000 |                                 null |    -2 |   null | null
      a |   1 | 2026-01-31 12:00:00.000000+0000 | 123e4567-e89b-12d3-a456-426614174000 |   1.5 | 0xcafe | True

(2 rows)

 count
-------
     4

(1 rows)
)");
  EXPECT_THAT(Shown("DESCRIBE TABLE ks.readings"), HasSubstr("tablets = 8;"));
  Done("DROP TABLE ks.readings; DROP KEYSPACE ks");
  EXPECT_EQ(Shown("DESCRIBE KEYSPACES"), "\n<empty>\n\n");
}

TEST_F(CqlshTest, AnErrorIsOneLineAndChangesNothing) {
  Start(1);
  Done("CREATE KEYSPACE ks; CREATE TABLE ks.t(k int PRIMARY KEY, v text)");
  const auto error = [this](const std::string& statements) {
    const ProgramEnd end = Cqlsh({"-e", statements});
    EXPECT_EQ(end.code, 2) << statements;
    EXPECT_EQ(end.output, "");
    return end.errors;
  };
  EXPECT_EQ(error("INSERT INTO ks.t(k) VALUES (1);\nSELECT FROM ks.t"),
            "<stdin>:2:SyntaxException: line 1:7 mismatched input 'FROM' expecting a name\n");
  EXPECT_THAT(Shown("SELECT * FROM ks.t"), HasSubstr("(0 rows)")) << "what is not understood keeps all from running";
  EXPECT_EQ(error("INSERT INTO ks.t(k) VALUES ('x')"),
            "<stdin>:1:InvalidRequest: Error from server: code=2200 [Invalid query] message=\"Invalid STRING constant "
            "(x) for \"k\" of type int\"\n");
  EXPECT_EQ(error("CREATE KEYSPACE ks"), "<stdin>:1:AlreadyExists: Keyspace 'ks' already exists\n");
  EXPECT_THAT(error("DROP KEYSPACE ks"), StartsWith("<stdin>:1:InvalidRequest: ")) << "it has a table";

  const ProgramEnd endless = Cqlsh({"-f", WriteFile(absl::StrCat("USE ", std::string(2'000'000, 'x')))});
  EXPECT_EQ(endless.code, 2);
  EXPECT_THAT(endless.errors, HasSubstr("a statement is longer than 1 MiB\n"));

  const std::string script = WriteFile("\n\nUSE nowhere;\nSELECT * FROM ks.t;\n");
  const ProgramEnd end = Cqlsh({"-f", script});
  EXPECT_EQ(end.code, 2);
  EXPECT_EQ(end.errors, script +
                            ":3:InvalidRequest: Error from server: code=2200 [Invalid query] message=\"Keyspace "
                            "'nowhere' does not exist\"\n");
  EXPECT_THAT(end.output, HasSubstr("(0 rows)")) << "as with cqlsh, the next one runs";

  EXPECT_EQ(Cqlsh({"-f", "/nowhere.cql"}).errors, "Can't open '/nowhere.cql'\n");
  EXPECT_EQ(Cqlsh({"-f", "/nowhere.cql"}).code, 1);
  EXPECT_EQ(Cqlsh({"--nonsense"}).code, 2);
  const ProgramEnd unreachable =
      RunProgram({SUT_CQLSH_BINARY, "--port", absl::StrCat(FreePort()), "--connect-timeout", "1", "-e", "USE ks"});
  EXPECT_EQ(unreachable.code, 1);
  EXPECT_THAT(unreachable.errors, StartsWith("Connection error: ('Unable to connect to any servers', {'127.0.0.1:"));
  EXPECT_EQ(std::count(unreachable.errors.begin(), unreachable.errors.end(), '\n'), 1);
}

// A client of its own for each thread.
class CqlClient {
 public:
  explicit CqlClient(TestServers* servers) : client_(servers->Connect()), store_(client_.get(), {60'000'000}) {}
  std::string Run(const std::string& statement) {
    const auto printed = executor_.Execute(statement);
    return printed.ok() ? *printed : std::string(printed.status().message());
  }
  CqlRemoteStore& store() { return store_; }
  RemoteClient& client() { return *client_; }

 private:
  std::unique_ptr<RemoteClient> client_;
  CqlRemoteStore store_;
  cql::Executor executor_{&store_};
};

TEST_F(CqlshTest, ClientsThatChangeOneRowAtATimeDoNotUndoEachOther) {
  Start(1);
  Done(
      "CREATE KEYSPACE ks; CREATE TABLE ks.hits(k int PRIMARY KEY, n counter);"
      "CREATE TABLE ks.row(k int PRIMARY KEY, a int, b int)");
  constexpr int kRounds = 40;
  const auto change = [this](const std::string& column) {
    CqlClient client(servers_.get());
    for (int i = 1; i <= kRounds; ++i) {
      EXPECT_EQ(client.Run("UPDATE ks.hits SET n = n + 1 WHERE k = 1"), "");
      EXPECT_EQ(client.Run(absl::StrCat("UPDATE ks.row SET ", column, " = ", i, " WHERE k = 1")), "");
      const std::string shown = client.Run(absl::StrCat("SELECT ", column, " FROM ks.row"));
      EXPECT_THAT(shown, HasSubstr(absl::StrCat(" ", i, "\n"))) << "another client's change of another cell undid this";
    }
  };
  std::thread other(change, "a");
  change("b");
  other.join();
  CqlClient client(servers_.get());
  EXPECT_EQ(client.Run("SELECT * FROM ks.hits"), "\n k | n\n---+----\n 1 | 80\n\n(1 rows)\n");
  EXPECT_EQ(client.Run("SELECT * FROM ks.row"), "\n k | a  | b\n---+----+----\n 1 | 40 | 40\n\n(1 rows)\n");
}

TEST_F(CqlshTest, APartitionOfManyPagesIsReadInOrderAndWithoutOthers) {
  Start(1);
  CqlClient client(servers_.get());
  EXPECT_EQ(client.Run("CREATE KEYSPACE ks"), "");
  EXPECT_EQ(client.Run("CREATE TABLE ks.t(p text, c int, PRIMARY KEY(p, c)) WITH tablets = 1"), "");
  const auto schema = client.store().ReadSchema();
  ASSERT_TRUE(schema.ok()) << schema.status();
  const cql::Table& table = *schema->Find({"ks", "t"});
  constexpr int kRows = 500;
  for (const char* partition : {"a", "b", "c"}) {
    proto::Write write;
    for (int i = 0; i < kRows; ++i) {
      const auto insert =
          cql::Parse(absl::StrCat("INSERT INTO ks.t(p, c) VALUES ('", partition, "', ", i - kRows / 2, ")"));
      ASSERT_TRUE(insert.ok());
      const auto one = cql::PlanInsert(table, std::get<cql::Insert>(*insert));
      ASSERT_TRUE(one.ok()) << one.status();
      write.MergeFrom(*one);
    }
    EXPECT_TRUE(client.store().Write(table, write).ok());
  }
  std::ostringstream expected;
  for (int i = 0; i < kRows; ++i) {
    char line[16];
    std::snprintf(line, sizeof line, " %4d\n", i - kRows / 2);
    expected << line;
  }
  EXPECT_EQ(client.Run("SELECT c FROM ks.t WHERE p = 'b'"), "\n c\n------\n" + expected.str() + "\n(500 rows)\n");
  EXPECT_THAT(client.Run("SELECT COUNT(*) FROM ks.t"), HasSubstr("  1500\n"));

  // A prefix that does not name a partition may match keys of other tablets, too.
  const RoutingTable routing = *RoutingTable::FromTableList(*client.client().ListTables(60'000'000));
  proto::Request request;
  request.mutable_scan()->set_key_prefix("a");
  const CallResult refused =
      client.client().Call(routing.FindByName("ks", "t")->tablets.front().target, std::move(request), 60'000'000);
  EXPECT_EQ(refused.outcome, Outcome::kFail);
  EXPECT_EQ(refused.reply.code(), proto::BAD_REQUEST);
}

TEST(CqlRemoteStoreTest, ASchemaIsReadAsItWasWrittenAndADamagedOneRefused) {
  const auto statement = cql::Parse(
      "CREATE TABLE ks.t(a int, b bigint, c text, d boolean, e double, f float, g blob, h timestamp, i uuid, "
      "PRIMARY KEY((a, b), c, d)) WITH CLUSTERING ORDER BY (c DESC, d ASC) AND tablets = 2");
  ASSERT_TRUE(statement.ok()) << statement.status();
  const auto table = cql::MakeTable(std::get<cql::CreateTable>(*statement));
  ASSERT_TRUE(table.ok()) << table.status();
  proto::TableInfo info;
  info.set_keyspace("ks");
  info.set_name("t");
  for (int i = 0; i < 2; ++i) info.add_tablets();
  const proto::TableSchema schema = ToProto(*table);
  info.set_schema(schema.SerializeAsString());
  const auto read = FromProto(info);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, *table);

  const auto refused = [&info](const proto::TableSchema& damaged) {
    info.set_schema(damaged.SerializeAsString());
    return absl::IsDataLoss(FromProto(info).status());
  };
  proto::TableSchema damaged = schema;
  damaged.set_version(2);
  EXPECT_TRUE(refused(damaged));
  damaged = schema;
  damaged.mutable_columns()->SwapElements(1, 2);
  EXPECT_TRUE(refused(damaged)) << "a column of the partition key after one of the clustering key";
  damaged = schema;
  *damaged.add_columns() = damaged.columns(8);
  EXPECT_TRUE(refused(damaged)) << "two columns of one name";
  EXPECT_TRUE(refused({}));
}

}  // namespace
}  // namespace sut
