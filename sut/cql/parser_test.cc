// The grammar: what each statement means, where a wrong one is wrong, and that no bytes upset it.

#include "sut/cql/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "sut/base/prng.h"
#include "sut/cql/lexer.h"
#include "sut/cql/random_statements.h"

namespace sut::cql {
namespace {

using Kind = Literal::Kind;

Statement Parsed(std::string_view text) {
  auto statement = Parse(text);
  EXPECT_TRUE(statement.ok()) << text << ": " << statement.status();
  return statement.ok() ? *statement : Statement();
}

std::string Error(std::string_view text) {
  const auto statement = Parse(text);
  EXPECT_FALSE(statement.ok()) << text;
  return std::string(statement.status().message());
}

TEST(ParserTest, TheStatementsOfTheTutorialAreUnderstood) {
  EXPECT_EQ(Parsed("CREATE KEYSPACE ydb;"), Statement(CreateKeyspace{"ydb", false}));
  EXPECT_EQ(Parsed("CREATE TABLE IF NOT EXISTS ydb.test_tb(user_id INT PRIMARY KEY);"),
            Statement(CreateTable{{"ydb", "test_tb"}, true, {{"user_id", Type::kInt}}, {"user_id"}, {}, {}, {}}));
  EXPECT_EQ(Parsed("INSERT INTO ydb.test_tb(user_id) VALUES (5);"),
            Statement(Insert{{"ydb", "test_tb"}, {"user_id"}, {{Kind::kInteger, "5"}}}));
  EXPECT_EQ(Parsed("SELECT * FROM ydb.test_tb;"), Statement(Select{{"ydb", "test_tb"}, false, {}, {}, {}, {}}));
  EXPECT_EQ(Parsed("DELETE FROM ydb.test_tb WHERE user_id=5;"),
            Statement(Delete{{"ydb", "test_tb"}, {}, {{"user_id", Operator::kEqual, {Kind::kInteger, "5"}}}}));
}

TEST(ParserTest, KeysMayBeComposite) {
  EXPECT_EQ(Parsed("create table t(a int, b text, c bigint, d varchar, primary key((a, b), c)) "
                   "with clustering order by (c desc) and tablets = 8"),
            Statement(CreateTable{{"", "t"},
                                  false,
                                  {{"a", Type::kInt}, {"b", Type::kText}, {"c", Type::kBigint}, {"d", Type::kText}},
                                  {"a", "b"},
                                  {"c"},
                                  {{"c", true}},
                                  8}));
  EXPECT_EQ(std::get<CreateTable>(Parsed("create table t(a int, c int, primary key(a, c))")).clustering_key,
            std::vector<std::string>{"c"});
}

TEST(ParserTest, PlainNamesAreInLowerCaseAndQuotedOnesAsTheyAre) {
  EXPECT_EQ(Parsed("USE Ydb"), Statement(Use{"ydb"}));
  EXPECT_EQ(Parsed("USE \"Y\"\"db\""), Statement(Use{"Y\"db"}));
}

TEST(ParserTest, MinusIsASignOrADecrement) {
  const auto update = std::get<Update>(Parsed("UPDATE t SET a = -1, c = c - 1, d = d - -1 WHERE k = -2"));
  EXPECT_EQ(update.assignments[0], (Assignment{"a", Assignment::Kind::kSet, "", {Kind::kInteger, "-1"}}));
  EXPECT_EQ(update.assignments[1], (Assignment{"c", Assignment::Kind::kSubtract, "c", {Kind::kInteger, "1"}}));
  EXPECT_EQ(update.assignments[2], (Assignment{"d", Assignment::Kind::kSubtract, "d", {Kind::kInteger, "-1"}}));
  EXPECT_EQ(update.where[0].value.text, "-2");
}

TEST(ParserTest, AnErrorNamesLineColumnAndWhatWasExpected) {
  EXPECT_EQ(Error("SELEKT * FROM t"), "SyntaxException: line 1:0 no viable alternative at input 'SELEKT'");
  EXPECT_EQ(Error("SELECT FROM t"), "SyntaxException: line 1:7 mismatched input 'FROM' expecting a name");
  EXPECT_EQ(Error("SELECT *\nFORM t"), "SyntaxException: line 2:0 mismatched input 'FORM' expecting FROM");
  EXPECT_EQ(Error("SELECT * FROM"), "SyntaxException: line 1:13 mismatched input '<EOF>' expecting a name");
  EXPECT_EQ(Error("USE a b"), "SyntaxException: line 1:6 mismatched input 'b' expecting ';'");
  EXPECT_EQ(Error("USE 'a\nb'"), "SyntaxException: line 1:4 mismatched input '\\'a\\nb\\'' expecting a name")
      << "an error is one line";
  EXPECT_EQ(Error("USE \"\""), "SyntaxException: line 1:4 an empty name");
  EXPECT_EQ(Error("CREATE TABLE t(a list)"), "SyntaxException: line 1:17 unknown type 'list'");
  EXPECT_EQ(Error("CREATE TABLE t(a int primary key, b int primary key)"),
            "SyntaxException: line 1:40 more than one PRIMARY KEY");
  EXPECT_EQ(Error("CREATE TABLE t(a int primary key) WITH comment = 'x'"),
            "SyntaxException: line 1:39 unknown property 'comment'");
  EXPECT_EQ(Error("SELECT * FROM t LIMIT 99999999999999999999"), "SyntaxException: line 1:22 the number is too large");
}

TEST(ParserTest, WhatIsNoTokenIsNamedByItsPlace) {
  EXPECT_EQ(Error("SELECT 'a"), "SyntaxException: line 1:7 the quoted text that begins here has no end");
  EXPECT_EQ(Error("SELECT /* a"), "SyntaxException: line 1:7 the comment that begins here has no end");
  EXPECT_EQ(Error("SELECT 12ab"), "SyntaxException: line 1:7 no number, blob or UUID begins like this");
  EXPECT_EQ(Error("SELECT 0xgg"), "SyntaxException: line 1:7 no number, blob or UUID begins like this");
  EXPECT_EQ(Error("SELECT ~"), "SyntaxException: line 1:7 no viable alternative at character '~'");
  EXPECT_EQ(Error("SELECT '\xc3\xa4' \xc3\xa4"),
            "SyntaxException: line 1:11 a character that is not printable, or not ASCII, outside quotes");
}

RC_GTEST_PROP(ParserProperty, EveryStatementIsUnderstoodAsItWasWritten, (uint64_t seed)) {
  Prng random(seed);
  const Statement statement = RandomStatement(&random);
  const std::string text = StatementText(statement, &random);
  const auto parsed = Parse(text);
  RC_LOG() << text << "\n" << parsed.status().ToString();
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == statement);
  RC_ASSERT(StatementEnd(text + ";") == text.size() + (text.ends_with(';') ? 0 : 1));
}

// An error is one printable line, whatever was typed.
void ExpectAnyAnswer(const std::string& text) {
  StatementEnd(text);
  BlanksEnd(text);
  const auto parsed = Parse(text);
  if (parsed.ok()) return;
  RC_ASSERT(parsed.status().message().substr(0, 22) == "SyntaxException: line ");
  for (const char c : parsed.status().message()) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20);
}

RC_GTEST_PROP(ParserProperty, RandomBytesGetAnAnswer, (const std::vector<char>& bytes)) {
  ExpectAnyAnswer(std::string(bytes.begin(), bytes.end()));
}

RC_GTEST_PROP(ParserProperty, DamagedStatementsGetAnAnswer, (uint64_t seed)) {
  Prng random(seed);
  std::string text = StatementText(RandomStatement(&random), &random);
  for (uint64_t damages = 1 + random.NextBelow(4); damages > 0 && !text.empty(); --damages) {
    const size_t at = random.NextBelow(text.size());
    if (random.OneIn(3)) {
      text.erase(at, 1 + random.NextBelow(5));
    } else if (random.OneIn(2)) {
      text[at] = static_cast<char>(random.NextBelow(256));
    } else {
      text.insert(at, text.substr(random.NextBelow(text.size()), random.NextBelow(10)));
    }
  }
  ExpectAnyAnswer(text);
}

}  // namespace
}  // namespace sut::cql
