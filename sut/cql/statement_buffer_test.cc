// Statements end where they should, however they are spread over lines.

#include "sut/cql/statement_buffer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sut::cql {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "line:text" of the statements that are whole so far.
std::vector<std::string> Drain(StatementBuffer* buffer) {
  std::vector<std::string> out;
  while (const auto statement = buffer->Next()) out.push_back(std::to_string(statement->line) + ":" + statement->text);
  return out;
}

std::vector<std::string> Whole(StatementBuffer* buffer, std::string_view line) {
  buffer->Add(line);
  return Drain(buffer);
}

TEST(StatementBufferTest, AStatementEndsWithItsSemicolon) {
  StatementBuffer buffer;
  EXPECT_THAT(Whole(&buffer, "SELECT *"), IsEmpty());
  EXPECT_TRUE(buffer.is_pending());
  EXPECT_THAT(Whole(&buffer, "  FROM t; USE a; USE"), ElementsAre("1:SELECT *\n  FROM t;", "2:USE a;"));
  EXPECT_TRUE(buffer.is_pending());
  EXPECT_THAT(Whole(&buffer, "b;"), ElementsAre("2:USE\nb;"));
  EXPECT_FALSE(buffer.is_pending());
}

TEST(StatementBufferTest, SemicolonsInQuotesAndCommentsEndNothing) {
  StatementBuffer buffer;
  EXPECT_THAT(Whole(&buffer, "INSERT 'a;''b;' \"c;\" $$d;'$$ -- e;"), IsEmpty());
  EXPECT_THAT(Whole(&buffer, "/* f; */ 'g"), IsEmpty());
  EXPECT_THAT(Whole(&buffer, "h;' ;"), ElementsAre("1:INSERT 'a;''b;' \"c;\" $$d;'$$ -- e;\n/* f; */ 'g\nh;' ;"));
}

TEST(StatementBufferTest, CommandsOfTheShellEndWithTheirLine) {
  StatementBuffer buffer;
  EXPECT_THAT(Whole(&buffer, "HELP"), ElementsAre("1:HELP"));
  EXPECT_THAT(Whole(&buffer, "desc tables"), ElementsAre("2:desc tables"));
  EXPECT_THAT(Whole(&buffer, "exit;"), ElementsAre("3:exit;"));
  EXPECT_THAT(Whole(&buffer, "USE a; quit"), ElementsAre("4:USE a;", "4:quit"));
  EXPECT_THAT(Whole(&buffer, "descend"), IsEmpty()) << "only the whole word is one";
}

TEST(StatementBufferTest, CommentsAndStraySemicolonsAreNoStatements) {
  StatementBuffer buffer;
  EXPECT_THAT(Whole(&buffer, "; -- nothing;"), IsEmpty());
  EXPECT_THAT(Whole(&buffer, "/* nor"), IsEmpty());
  EXPECT_TRUE(buffer.is_pending());
  EXPECT_THAT(Whole(&buffer, "this */ USE a;"), ElementsAre("3:USE a;"));
  EXPECT_FALSE(buffer.is_pending());
  EXPECT_EQ(buffer.Rest(), std::nullopt);
}

TEST(StatementBufferTest, TheRestIsWhatHasNoEnd) {
  StatementBuffer buffer;
  EXPECT_THAT(Whole(&buffer, "USE a; USE b"), ElementsAre("1:USE a;"));
  const auto rest = buffer.Rest();
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->text, "USE b");
  EXPECT_EQ(buffer.Rest(), std::nullopt);
}

TEST(StatementBufferTest, WhatIsTooLongIsNotKept) {
  StatementBuffer buffer;
  for (int i = 0; i < 100; ++i) buffer.Add(std::string(100'000, 'a'));
  EXPECT_TRUE(buffer.is_overfull());
  EXPECT_LT(buffer.Rest()->text.size(), StatementBuffer::kBytesMax + 200'000);
  EXPECT_FALSE(buffer.is_overfull());
}

}  // namespace
}  // namespace sut::cql
