// Statements against a store in memory: what they change, what is printed, and what is refused without a change.

#include "sut/cql/executor.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/cql/memory_store.h"

namespace sut::cql {
namespace {

using ::testing::HasSubstr;

class ExecutorTest : public ::testing::Test {
 protected:
  // What is printed, or the error.
  std::string Run(std::string_view text) {
    const auto printed = executor_.Execute(text);
    return printed.ok() ? *printed : std::string(printed.status().message());
  }
  // Each prints nothing.
  void RunAll(const std::vector<std::string>& statements) {
    for (const std::string& statement : statements) EXPECT_EQ(Run(statement), "") << statement;
  }
  // An InvalidRequest that writes nothing.
  void ExpectInvalid(std::string_view text, std::string_view what) {
    const int writes = store_.writes();
    EXPECT_EQ(Run(text), Invalid(what)) << text;
    EXPECT_EQ(store_.writes(), writes) << text;
  }
  static std::string Invalid(std::string_view what) {
    return "InvalidRequest: Error from server: code=2200 [Invalid query] message=\"" + std::string(what) + "\"";
  }
  void CreateEvents() {
    RunAll(
        {"CREATE KEYSPACE ks", "USE ks",
         "CREATE TABLE events(host text, day int, seq bigint, what text, level double, PRIMARY KEY((host, day), seq))"
         " WITH tablets = 4"});
  }

  MemoryStore store_;
  Executor executor_{&store_};
};

TEST_F(ExecutorTest, TheTutorialsStatementsPrintWhatThePageShows) {
  RunAll({"CREATE KEYSPACE ydb;", "CREATE TABLE IF NOT EXISTS ydb.test_tb(user_id INT PRIMARY KEY);",
          "INSERT INTO ydb.test_tb(user_id) VALUES (5);"});
  EXPECT_EQ(Run("SELECT * FROM ydb.test_tb;"), "\n user_id\n---------\n       5\n\n(1 rows)\n");
  RunAll({"DELETE FROM ydb.test_tb WHERE user_id=5;"});
  EXPECT_EQ(Run("SELECT * FROM ydb.test_tb;"), "\n user_id\n---------\n\n(0 rows)\n");
  EXPECT_TRUE(store_.cells({"ydb", "test_tb"}).empty());
}

TEST_F(ExecutorTest, InsertReplacesOnlyTheCellsThatItNames) {
  CreateEvents();
  RunAll({"INSERT INTO events(host, day, seq, what, level) VALUES ('a', 1, 1, 'x', 0.5)",
          "INSERT INTO events(host, day, seq, what) VALUES ('a', 1, 1, 'y')"});
  EXPECT_THAT(Run("SELECT * FROM events"), HasSubstr("\n    a |   1 |   1 |    y |   0.5\n\n(1 rows)"));
  RunAll({"INSERT INTO events(host, day, seq, what, level) VALUES ('a', 1, 1, null, 2)"});
  EXPECT_THAT(Run("SELECT what, level FROM events"), HasSubstr("\n null |     2\n"));
}

TEST_F(ExecutorTest, ARowIsThereAsLongAsItHasACell) {
  CreateEvents();
  RunAll({"UPDATE events SET what = 'x', level = 1 WHERE host = 'a' AND day = 1 AND seq = 1"});
  EXPECT_THAT(Run("SELECT COUNT(*) FROM events"), HasSubstr("\n     1\n"));
  RunAll({"DELETE what FROM events WHERE host = 'a' AND day = 1 AND seq = 1",
          "UPDATE events SET level = null WHERE host = 'a' AND day = 1 AND seq = 1"});
  EXPECT_THAT(Run("SELECT COUNT(*) FROM events"), HasSubstr("\n     0\n"));
  RunAll({"INSERT INTO events(host, day, seq) VALUES ('a', 1, 1)"});
  EXPECT_THAT(Run("SELECT * FROM events"), HasSubstr("(1 rows)")) << "INSERT makes a row of nothing but its key";
}

TEST_F(ExecutorTest, APartitionIsReadAloneAndInTheOrderOfItsKey) {
  CreateEvents();
  for (const int seq : {3, -1, 20, 100}) {
    RunAll({"INSERT INTO events(host, day, seq, what) VALUES ('a', 1, " + std::to_string(seq) + ", 'x')"});
  }
  RunAll({"INSERT INTO events(host, day, seq) VALUES ('a', 2, 7)"});
  EXPECT_EQ(Run("SELECT seq FROM events WHERE host = 'a' AND day = 1"),
            "\n seq\n-----\n  -1\n   3\n  20\n 100\n\n(4 rows)\n");
  EXPECT_NE(store_.last_prefix(), "");
  EXPECT_EQ(Run("SELECT seq FROM events WHERE host = 'a' AND day = 1 AND seq > -1 AND seq <= 20"),
            "\n seq\n-----\n   3\n  20\n\n(2 rows)\n");
  EXPECT_EQ(Run("SELECT seq FROM events WHERE host = 'a' AND day = 1 ORDER BY seq DESC LIMIT 2"),
            "\n seq\n-----\n 100\n  20\n\n(2 rows)\n");
  EXPECT_EQ(Run("SELECT day, seq FROM events WHERE day >= 2"), "\n day | seq\n-----+-----\n   2 |   7\n\n(1 rows)\n");
  EXPECT_EQ(store_.last_prefix(), "") << "without the partition key all tablets are read";
  EXPECT_EQ(Run("SELECT COUNT(*) FROM events WHERE what = 'x'"), "\n count\n-------\n     4\n\n(1 rows)\n");
}

TEST_F(ExecutorTest, ADescendingColumnComesOutTheOtherWayRound) {
  RunAll({"CREATE KEYSPACE ks", "USE ks",
          "CREATE TABLE t(k int, c text, PRIMARY KEY(k, c)) WITH CLUSTERING ORDER BY (c DESC)",
          "INSERT INTO t(k, c) VALUES (1, 'a')", "INSERT INTO t(k, c) VALUES (1, 'ab')",
          "INSERT INTO t(k, c) VALUES (1, 'b')"});
  EXPECT_EQ(Run("SELECT c FROM t WHERE k = 1"), "\n c\n----\n  b\n ab\n  a\n\n(3 rows)\n");
  EXPECT_EQ(Run("SELECT c FROM t WHERE k = 1 ORDER BY c ASC LIMIT 1"), "\n c\n---\n a\n\n(1 rows)\n");
}

TEST_F(ExecutorTest, CountersAreIncrementedAndNothingElse) {
  RunAll({"CREATE KEYSPACE ks", "USE ks", "CREATE TABLE hits(page text PRIMARY KEY, n counter)",
          "UPDATE hits SET n = n + 5 WHERE page = 'a'", "UPDATE hits SET n = n - 7 WHERE page = 'a'"});
  EXPECT_EQ(Run("SELECT * FROM hits"), "\n page | n\n------+----\n    a | -2\n\n(1 rows)\n");
  ExpectInvalid("UPDATE hits SET n = 5 WHERE page = 'a'",
                "Cannot set the value of counter column n (counters can only be incremented/decremented, not set)");
  ExpectInvalid("INSERT INTO hits(page, n) VALUES ('a', 5)",
                "INSERT statements are not allowed on counter tables, use UPDATE instead");
  ExpectInvalid("CREATE TABLE mixed(k int PRIMARY KEY, n counter, v int)",
                "Cannot mix counter and non counter columns in the same table");
  RunAll({"DELETE FROM hits WHERE page = 'a'"});
  EXPECT_THAT(Run("SELECT * FROM hits"), HasSubstr("(0 rows)"));
}

TEST_F(ExecutorTest, WhatDoesNotFitTheTableIsRefusedAndWritesNothing) {
  CreateEvents();
  ExpectInvalid("SELECT * FROM nothing", "unconfigured table nothing");
  ExpectInvalid("SELECT * FROM nowhere.t", "Keyspace 'nowhere' does not exist");
  ExpectInvalid("SELECT nope FROM events", "Undefined column name nope");
  ExpectInvalid("SELECT * FROM events WHERE seq = null", "Invalid null value in condition for column seq");
  ExpectInvalid("SELECT * FROM events ORDER BY seq",
                "ORDER BY is only supported when the partition key is restricted by an EQ or an IN.");
  ExpectInvalid("SELECT * FROM events LIMIT 0", "LIMIT must be strictly positive");
  ExpectInvalid("INSERT INTO events(host) VALUES ('a')", "Some partition key parts are missing: day");
  ExpectInvalid("INSERT INTO events(host, day) VALUES ('a', 1)", "Some clustering keys are missing: seq");
  ExpectInvalid("INSERT INTO events(host, day, seq) VALUES ('a', 1)", "Unmatched column names/values");
  ExpectInvalid("INSERT INTO events(host, day, day) VALUES ('a', 1, 1)", "The column names contains duplicates");
  ExpectInvalid("INSERT INTO events(host, day, seq) VALUES ('a', 'b', 1)",
                "Invalid STRING constant (b) for \"day\" of type int");
  ExpectInvalid("UPDATE events SET what = 'x' WHERE host = 'a' AND day = 1", "Some clustering keys are missing: seq");
  ExpectInvalid("UPDATE events SET seq = 1 WHERE host = 'a' AND day = 1 AND seq = 1",
                "PRIMARY KEY part seq found in SET part");
  ExpectInvalid("UPDATE events SET level = level + 1 WHERE host = 'a' AND day = 1 AND seq = 1",
                "Invalid operation (level = level + 1) for non counter column level");
  ExpectInvalid("DELETE FROM events WHERE what = 'x'", "Non PRIMARY KEY columns found in where clause: what");
  ExpectInvalid("DELETE FROM events WHERE host = 'a' AND day = 1 AND seq > 1",
                "A change names one row: only = can restrict seq");
}

TEST_F(ExecutorTest, TablesMustMakeSense) {
  RunAll({"CREATE KEYSPACE ks", "USE ks"});
  ExpectInvalid("CREATE TABLE t(a int)", "No PRIMARY KEY specified (exactly one required)");
  ExpectInvalid("CREATE TABLE t(a int, PRIMARY KEY(b))", "Unknown definition b referenced in PRIMARY KEY");
  ExpectInvalid("CREATE TABLE t(a int, a text, PRIMARY KEY(a))", "Multiple definition of identifier a");
  ExpectInvalid("CREATE TABLE t(a int, PRIMARY KEY(a, a))", "Multiple definition of identifier a in the PRIMARY KEY");
  ExpectInvalid("CREATE TABLE t(a counter PRIMARY KEY)", "counter type is not supported for PRIMARY KEY part a");
  ExpectInvalid("CREATE TABLE \"../t\"(a int PRIMARY KEY)", "A table name has 1 to 48 letters, digits and underscores");
  ExpectInvalid("CREATE KEYSPACE \"a/b\"", "A keyspace name has 1 to 48 letters, digits and underscores");
  EXPECT_THAT(Run("CREATE TABLE t(a int PRIMARY KEY) WITH tablets = 0"), HasSubstr("tablets must be from 1 to 64"));
  ExpectInvalid("CREATE TABLE nowhere.t(a int PRIMARY KEY)", "Keyspace 'nowhere' does not exist");
}

TEST_F(ExecutorTest, ExistsAndNotExistsAreAllowedForWhenSaidSo) {
  RunAll({"CREATE KEYSPACE ks", "CREATE KEYSPACE IF NOT EXISTS ks", "CREATE TABLE ks.t(a int PRIMARY KEY)",
          "CREATE TABLE IF NOT EXISTS ks.t(a int PRIMARY KEY)"});
  EXPECT_EQ(Run("CREATE KEYSPACE ks"), "AlreadyExists: Keyspace 'ks' already exists");
  EXPECT_EQ(Run("CREATE TABLE ks.t(a int PRIMARY KEY)"), "AlreadyExists: Table 'ks.t' already exists");
  ExpectInvalid("DROP KEYSPACE ks", "the keyspace has tables");
  RunAll({"USE ks", "DROP TABLE t", "DROP TABLE IF EXISTS t"});
  ExpectInvalid("DROP TABLE t", "unconfigured table t");
  RunAll({"DROP KEYSPACE ks", "DROP KEYSPACE IF EXISTS ks"});
  EXPECT_EQ(executor_.keyspace(), "");
  EXPECT_THAT(Run("DROP KEYSPACE ks"), HasSubstr("Cannot drop non existing keyspace 'ks'."));
  ExpectInvalid("USE ks", "Keyspace 'ks' does not exist");
  ExpectInvalid("SELECT * FROM t",
                "No keyspace has been specified. USE a keyspace, or explicitly specify keyspace.tablename");
}

TEST_F(ExecutorTest, WhatIsDescribedCanBeRunAgain) {
  CreateEvents();
  EXPECT_EQ(Run("DESCRIBE KEYSPACES"), "\nks\n\n");
  EXPECT_EQ(Run("DESC TABLES"), "\nevents\n\n");
  const std::string described = Run("DESCRIBE TABLE events");
  EXPECT_EQ(described, R"(
CREATE TABLE ks.events (
    host text,
    day int,
    seq bigint,
    what text,
    level double,
    PRIMARY KEY ((host, day), seq)
) WITH CLUSTERING ORDER BY (seq ASC)
    AND tablets = 4;

)");
  EXPECT_THAT(Run("DESCRIBE KEYSPACE"), HasSubstr("\nCREATE KEYSPACE ks;\n\nCREATE TABLE ks.events (\n"));
  RunAll({"DROP TABLE events", described});
  EXPECT_EQ(Run("DESCRIBE TABLE events"), described);
  RunAll({"CREATE KEYSPACE \"Other\"", "CREATE TABLE \"Other\".t(\"K\" int PRIMARY KEY) WITH tablets = 1"});
  EXPECT_EQ(Run("DESCRIBE TABLE \"Other\".t"),
            "\nCREATE TABLE \"Other\".t (\n    \"K\" int PRIMARY KEY\n) WITH tablets = 1;\n\n");
  Executor fresh(&store_);
  EXPECT_EQ(*fresh.Execute("DESCRIBE TABLES"),
            "\nKeyspace \"Other\"\n----------------\nt\n\nKeyspace ks\n-----------\nevents\n\n");
}

TEST_F(ExecutorTest, AStoreThatFailsGivesOneLineEach) {
  CreateEvents();
  store_.FailWith(absl::UnavailableError("no leader"));
  EXPECT_EQ(Run("SELECT * FROM events"),
            "Unavailable: Error from server: code=1000 [Unavailable exception] message=\"no leader\"");
  store_.FailWith(absl::DeadlineExceededError("no answer"));
  EXPECT_EQ(Run("SELECT * FROM events"), "OperationTimedOut: no answer");
  store_.FailWith(absl::UnknownError("no answer"));
  EXPECT_THAT(Run("CREATE KEYSPACE other"), HasSubstr("no answer; the change may or may not take effect"));
}

TEST_F(ExecutorTest, ADamagedCellIsAnErrorAndNoRow) {
  CreateEvents();
  RunAll({"INSERT INTO events(host, day, seq, what) VALUES ('a', 1, 1, 'x')"});
  store_.cells({"ks", "events"}).rbegin()->second = "\x01\xff";
  EXPECT_EQ(Run("SELECT * FROM events"),
            "ServerError: Error from server: code=0000 [Server error] message=\"a cell holds no text\"");
}

}  // namespace
}  // namespace sut::cql
