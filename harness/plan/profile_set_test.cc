#include "harness/plan/profile_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace holdfast::plan {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(ProfileSetTest, ProfilesTakeTurnsByThePlansNumber) {
  const auto set = ProfileSet::Named("disk,network");
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->name(), "disk,network");
  EXPECT_EQ(set->Of(0).name, "disk");
  EXPECT_EQ(set->Of(1).name, "network");
  EXPECT_EQ(set->Of(2).name, "disk");
}

TEST(ProfileSetTest, AllAreThoseThatLookForTrouble) {
  const auto set = ProfileSet::Named("all");
  ASSERT_TRUE(set.ok()) << set.status();
  std::set<std::string> names;
  for (uint64_t number = 0; number < 2 * ProfileNames().size(); ++number) names.insert(set->Of(number).name);
  EXPECT_EQ(names.size(), ProfileNames().size() - 2) << "all but plain and small";
  EXPECT_FALSE(names.contains("plain"));
  EXPECT_TRUE(names.contains("default"));
}

TEST(ProfileSetTest, AsksForAsMuchAsEachOfItsProfiles) {
  const auto set = ProfileSet::Named("clocks,everything");
  ASSERT_TRUE(set.ok()) << set.status();
  const Profile clocks = *ProfileNamed("clocks");
  const Profile everything = *ProfileNamed("everything");
  EXPECT_TRUE(set->every_probe());
  EXPECT_EQ(set->floor_plans(), clocks.floor_plans + everything.floor_plans);
  for (const std::string& floor : clocks.floors) EXPECT_THAT(set->floors(), Contains(floor));
  const std::set<std::string> once(set->floors().begin(), set->floors().end());
  EXPECT_EQ(once.size(), set->floors().size());
}

TEST(ProfileSetTest, RefusesUnknownNamesAndEmptyOnes) {
  for (const char* names : {"weird", "disk,weird", "", "disk,", "disk,all"}) {
    const auto set = ProfileSet::Named(names);
    ASSERT_FALSE(set.ok()) << names;
    EXPECT_THAT(std::string(set.status().message()), HasSubstr("known ones are: default"));
  }
}

}  // namespace
}  // namespace holdfast::plan
