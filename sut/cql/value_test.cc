// Values: from constants, as text, and their order.

#include "sut/cql/value.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/cql/literal.h"

namespace sut::cql {
namespace {

using Kind = Literal::Kind;

// As cqlsh shows the constant in a column of the type, or the error.
std::string Shown(const Literal& literal, Type type) {
  const auto value = ToValue(literal, "c", type);
  if (!value.ok()) return std::string(value.status().message());
  if (!value->has_value()) return "null";
  EXPECT_TRUE(IsOfType(**value, type));
  return ValueText(**value);
}

std::string Invalid(std::string_view what) {
  return "InvalidRequest: Error from server: code=2200 [Invalid query] message=\"" + std::string(what) + "\"";
}

TEST(ValueTest, ConstantsAreShownAsCqlshShowsThem) {
  EXPECT_EQ(Shown({Kind::kInteger, "-2147483648"}, Type::kInt), "-2147483648");
  EXPECT_EQ(Shown({Kind::kInteger, "9223372036854775807"}, Type::kBigint), "9223372036854775807");
  EXPECT_EQ(Shown({Kind::kBoolean, "true"}, Type::kBoolean), "True");
  EXPECT_EQ(Shown({Kind::kBoolean, "false"}, Type::kBoolean), "False");
  EXPECT_EQ(Shown({Kind::kHex, "0x00CAFE"}, Type::kBlob), "0x00cafe");
  EXPECT_EQ(Shown({Kind::kHex, "0x"}, Type::kBlob), "0x");
  EXPECT_EQ(Shown({Kind::kUuid, "123E4567-e89b-12d3-a456-426614174000"}, Type::kUuid),
            "123e4567-e89b-12d3-a456-426614174000");
  EXPECT_EQ(Shown({Kind::kNull, ""}, Type::kText), "null");
}

TEST(ValueTest, FloatsHaveFiveDigitsAfterThePoint) {
  const auto shown = [](std::string text, Type type) { return Shown({Kind::kFloat, std::move(text)}, type); };
  EXPECT_EQ(shown("1.5", Type::kDouble), "1.5");
  EXPECT_EQ(shown("3.14159265358979", Type::kDouble), "3.14159");
  EXPECT_EQ(shown("3.14159265358979", Type::kFloat), "3.14159");
  EXPECT_EQ(shown("12345.678901", Type::kDouble), "12345.6789");
  EXPECT_EQ(shown("123456.789", Type::kDouble), "1.2346e+05") << "too large for five digits before it";
  EXPECT_EQ(shown("1e300", Type::kDouble), "1e+300");
  EXPECT_EQ(shown("0.0", Type::kDouble), "0");
  EXPECT_EQ(shown("nan", Type::kFloat), "NaN");
  EXPECT_EQ(shown("-infinity", Type::kDouble), "-Infinity");
  EXPECT_EQ(Shown({Kind::kInteger, "7"}, Type::kDouble), "7");
}

TEST(ValueTest, TextIsEscapedSoThatARowStaysALine) {
  EXPECT_EQ(ValueText(Value("a\nb\t\\\x01\x7f'"
                            "\xc3\xa4\xc2\xa0")),
            "a\\nb\\t\\\\\\x01\\x7f'\xc3\xa4\\xa0");
}

TEST(ValueTest, TimestampsAreReadInTheFormsOfCql) {
  const auto shown = [](std::string text) { return Shown({Kind::kString, std::move(text)}, Type::kTimestamp); };
  EXPECT_EQ(shown("2026-01-31"), "2026-01-31 00:00:00.000000+0000");
  EXPECT_EQ(shown("2026-01-31 12:34"), "2026-01-31 12:34:00.000000+0000");
  EXPECT_EQ(shown("2026-01-31T12:34:56.789+0200"), "2026-01-31 10:34:56.789000+0000");
  EXPECT_EQ(shown("2026-01-31 12:34:56Z"), "2026-01-31 12:34:56.000000+0000");
  EXPECT_EQ(shown("2026-02-30"), Invalid("Unable to make timestamp from '2026-02-30'"));
  EXPECT_EQ(shown("infinite-past"), Invalid("Unable to make timestamp from 'infinite-past'"));
  EXPECT_EQ(Shown({Kind::kInteger, "-1"}, Type::kTimestamp), "1969-12-31 23:59:59.999000+0000");
  EXPECT_EQ(Shown({Kind::kInteger, "9223372036854775807"}, Type::kTimestamp), "9223372036854775807");
}

TEST(ValueTest, AConstantOfAnotherTypeIsRefused) {
  EXPECT_EQ(Shown({Kind::kString, "abc"}, Type::kInt), Invalid("Invalid STRING constant (abc) for \"c\" of type int"));
  EXPECT_EQ(Shown({Kind::kInteger, "5"}, Type::kText), Invalid("Invalid INTEGER constant (5) for \"c\" of type text"));
  EXPECT_EQ(Shown({Kind::kInteger, "2147483648"}, Type::kInt), Invalid("Unable to make int from '2147483648'"));
  EXPECT_EQ(Shown({Kind::kFloat, "1e400"}, Type::kDouble), Invalid("Unable to make double from '1e400'"));
  EXPECT_EQ(Shown({Kind::kFloat, "1e200"}, Type::kFloat), Invalid("Unable to make float from '1e200'"));
  EXPECT_EQ(Shown({Kind::kHex, "0xabc"}, Type::kBlob), Invalid("Unable to make blob from '0xabc'"));
  EXPECT_EQ(Shown({Kind::kString, "\xff"}, Type::kText), Invalid("Unable to make text from '\xff'"));
}

TEST(ValueTest, Utf8HasOneFormForACharacter) {
  EXPECT_TRUE(IsUtf8("a\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80"));
  for (const char* bytes : {"\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\x80"}) {
    EXPECT_FALSE(IsUtf8(bytes)) << bytes;
  }
}

TEST(ValueTest, FloatsAreTotallyOrdered) {
  const std::vector<double> ascending = {-HUGE_VAL, -1.5, -0.0, 0.0, 5e-324, 1.5, HUGE_VAL, std::nan("")};
  for (size_t i = 0; i < ascending.size(); ++i) {
    for (size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(Compare(Value(ascending[i]), Value(ascending[j])), i <=> j) << ascending[i] << " " << ascending[j];
    }
  }
}

}  // namespace
}  // namespace sut::cql
