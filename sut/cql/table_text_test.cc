// Results to the character as cqlsh prints them.

#include "sut/cql/table_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sut::cql {
namespace {

TEST(TableTextTest, TheTutorialsTablesComeOut) {
  EXPECT_EQ(TableText({{"user_id"}, {{Value(int32_t{5})}}}), R"(
 user_id
---------
       5

(1 rows)
)");
  EXPECT_EQ(TableText({{"user_id"}, {}}), R"(
 user_id
---------

(0 rows)
)");
}

TEST(TableTextTest, ColumnsAreAsWideAsTheirWidestValue) {
  EXPECT_EQ(TableText({{"id", "name", "ok", "raw"},
                       {{Value(int32_t{1}), Value("a longer name"), Value(true), Value(Blob{"\xca\xfe"})},
                        {Value(int32_t{-12345}), std::nullopt, Value(false), Value(Blob{})}}}),
            R"(
 id     | name          | ok    | raw
--------+---------------+-------+--------
      1 | a longer name |  True | 0xcafe
 -12345 |          null | False |     0x

(2 rows)
)");
}

TEST(TableTextTest, TheHeadersLastColumnHasNoBlanksBehind) {
  EXPECT_EQ(TableText({{"a", "b"}, {{Value("x"), Value("yyyy")}}}), "\n a | b\n---+------\n x | yyyy\n\n(1 rows)\n");
}

TEST(TableTextTest, WideCharactersTakeTwoCells) {
  EXPECT_EQ(DisplayWidth("\xe6\x97\xa5\xe6\x9c\xac"), 4u);
  EXPECT_EQ(DisplayWidth("\xc3\xa4"), 1u);
  EXPECT_EQ(DisplayWidth("a\xcc\x88"), 1u) << "a and a combining diaeresis";
  EXPECT_EQ(TableText({{"t"}, {{Value("\xe6\x97\xa5")}, {Value("x")}}}),
            "\n t\n----\n \xe6\x97\xa5\n  x\n\n(2 rows)\n");
}

TEST(TableTextTest, NamesAreListedSideBySide) {
  EXPECT_EQ(ColumnsText({}), "<empty>\n");
  EXPECT_EQ(ColumnsText({"ydb", "other"}), "ydb  other\n");
  std::vector<std::string> names;
  for (int i = 0; i < 12; ++i) names.push_back("keyspace_" + std::to_string(i));
  EXPECT_EQ(ColumnsText(names),
            "keyspace_0  keyspace_2  keyspace_4  keyspace_6  keyspace_8  keyspace_10\n"
            "keyspace_1  keyspace_3  keyspace_5  keyspace_7  keyspace_9  keyspace_11\n");
  EXPECT_EQ(ColumnsText({std::string(100, 'a'), "b"}), std::string(100, 'a') + "\nb\n");
}

}  // namespace
}  // namespace sut::cql
