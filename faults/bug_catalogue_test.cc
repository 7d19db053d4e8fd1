// The catalogue and the switches belong together: neither has what the other lacks.

#include "faults/bug_catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace holdfast {
namespace {

TEST(BugCatalogue, EverySwitchHasExactlyOneEntryUnderItsName) {
  std::map<sut::Bug, int> entries;
  for (const BugEntry& entry : BugCatalogue()) ++entries[entry.bug];
  EXPECT_EQ(entries.size(), static_cast<size_t>(sut::kBugCount));
  std::set<std::string_view> names;
  for (int i = 0; i < sut::kBugCount; ++i) {
    const auto bug = static_cast<sut::Bug>(i);
    EXPECT_EQ(entries[bug], 1) << sut::BugName(bug);
    EXPECT_EQ(BugEntryOf(bug).bug, bug);
    EXPECT_TRUE(names.insert(sut::BugName(bug)).second);
    EXPECT_EQ(sut::BugFromName(sut::BugName(bug)), bug);
  }
}

TEST(BugCatalogue, EntriesAreSortedAndSayWhatTheyDo) {
  int last = 0;
  for (const BugEntry& entry : BugCatalogue()) {
    EXPECT_GT(entry.number, last);
    last = entry.number;
    EXPECT_FALSE(entry.origin.empty());
    EXPECT_THAT(std::string(entry.what), ::testing::EndsWith("."));
    EXPECT_FALSE(entry.symptoms.empty());
    for (const BugSymptom symptom : entry.symptoms) EXPECT_NE(BugSymptomName(symptom), "unknown");
  }
}

}  // namespace
}  // namespace holdfast
