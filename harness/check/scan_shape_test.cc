// Scans of a wrong shape are found, and the ones next to them are not.

#include "harness/check/scan_shape.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::check {
namespace {

using ::testing::HasSubstr;

using Rows = std::vector<std::pair<std::string, std::string>>;

// Keys of this tablet begin with a small letter, and lie in order of length, then of the alphabet.
ScanOrder ByLength() {
  return {.before = [](const std::string& a,
                       const std::string& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); },
          .owns = [](const std::string& key) { return key.empty() || (key[0] >= 'a' && key[0] <= 'z'); }};
}

std::string Fault(const Rows& rows, const ScanOrder& order = ByLength()) {
  const auto violation = CheckScanShape("a scan", rows, order);
  return violation ? violation->summary : "";
}

TEST(ScanShapeTest, AcceptsRowsInTheTabletsOrder) {
  EXPECT_EQ(Fault({}), "");
  EXPECT_EQ(Fault({{"", "1"}}), "");
  EXPECT_EQ(Fault({{"", "1"}, {"b", "1"}, {"c", "1"}, {"ab", "1"}}), "");
}

TEST(ScanShapeTest, AKeyStandsOnce) {
  EXPECT_THAT(Fault({{"a", "1"}, {"a", "1"}}), HasSubstr("twice"));
  EXPECT_THAT(Fault({{"a", "1"}, {"b", "1"}, {"a", "2"}, {"b", "1"}}), HasSubstr("twice"));
}

TEST(ScanShapeTest, KeysAreInOrder) {
  EXPECT_THAT(Fault({{"ab", "1"}, {"c", "1"}}), HasSubstr("out of order"));
  EXPECT_EQ(Fault({{"ab", "1"}, {"c", "1"}}, {}), "") << "no order is promised";
}

TEST(ScanShapeTest, KeysAreTheTabletsOwn) { EXPECT_THAT(Fault({{"a", "1"}, {"B", "1"}}), HasSubstr("another tablet")); }

}  // namespace
}  // namespace holdfast::check
