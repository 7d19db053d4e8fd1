// A create that outlasts its time under one leader is found; one that a new leader had to begin to wait for is not.

#include "harness/check/overdue.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::check {
namespace {

class OverdueTest : public ::testing::Test {
 protected:
  // The command at the next index, whose effect on the snapshot is seen with the one after it.
  bool Command(uint64_t term, int64_t time_us, CatalogueState after, int64_t commit_us = 0) {
    OverdueSnapshots::States before;
    if (state_) before[1] = *state_;
    state_ = after;
    return overdue_.OnCommand({{term, ++index_}, time_us, time_us + commit_us}, before).has_value();
  }

  // The leader of the term applies a command that was told of before.
  void LeaderApplies(uint64_t term, uint64_t index, int64_t applied_us) {
    EXPECT_EQ(overdue_.OnCommand({{term, index}, applied_us, applied_us, /*by_leader=*/true}, {}), std::nullopt);
  }

  OverdueSnapshots overdue_{100};
  uint64_t index_ = 0;
  std::optional<CatalogueState> state_;
};

TEST_F(OverdueTest, ACreateInTimeIsFine) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(1, 1100, CatalogueState::kComplete));
  EXPECT_FALSE(Command(1, 5000, CatalogueState::kComplete));
}

TEST_F(OverdueTest, OneThatOutlastsItsTimeIsNot) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(1, 1101, CatalogueState::kComplete));
  EXPECT_TRUE(Command(1, 1102, CatalogueState::kComplete));
}

TEST_F(OverdueTest, TheTimeUntilTheCreateIsCommittedAndTheCompletionIsDoesNotCount) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating, 500));
  EXPECT_FALSE(Command(1, 1600, CatalogueState::kComplete, 500));
  EXPECT_FALSE(Command(1, 1601, CatalogueState::kComplete, 500));
}

TEST_F(OverdueTest, FailingLateIsFine) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(1, 5000, CatalogueState::kFailed));
  EXPECT_FALSE(Command(1, 5001, CatalogueState::kFailed));
}

TEST_F(OverdueTest, ANewLeaderCountsFromItsBeginning) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(2, 5000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(2, 5100, CatalogueState::kComplete));
  EXPECT_FALSE(Command(2, 5101, CatalogueState::kComplete));
}

TEST_F(OverdueTest, ButNoLonger) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(2, 5000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(2, 5101, CatalogueState::kComplete));
  EXPECT_TRUE(Command(2, 5102, CatalogueState::kComplete));
}

TEST_F(OverdueTest, WhatALeaderCompletesWithItsFirstCommandWasNotItsOwnToFail) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(2, 5000, CatalogueState::kComplete));
  EXPECT_FALSE(Command(2, 5001, CatalogueState::kComplete));
}

TEST_F(OverdueTest, ALeaderThatAppliesItsCreateLastCountsFromThere) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(1, 1010, CatalogueState::kCreating));
  LeaderApplies(1, 1, 2000);
  LeaderApplies(1, 2, 2500);
  EXPECT_FALSE(Command(1, 2100, CatalogueState::kComplete));
  EXPECT_FALSE(Command(1, 2101, CatalogueState::kComplete));
}

TEST_F(OverdueTest, ThatGoesForTheNewestCommandToo) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  LeaderApplies(1, 1, 2000);
  EXPECT_FALSE(Command(1, 2100, CatalogueState::kComplete));
  EXPECT_FALSE(Command(1, 2101, CatalogueState::kComplete));
}

TEST_F(OverdueTest, AndIsLateAllTheSameWhenThatTimeIsOver) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  LeaderApplies(1, 1, 2000);
  EXPECT_FALSE(Command(1, 2101, CatalogueState::kComplete));
  EXPECT_TRUE(Command(1, 2102, CatalogueState::kComplete));
}

TEST_F(OverdueTest, ANewLeaderThatAppliesItsFirstCommandLastCountsFromThere) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(2, 5000, CatalogueState::kCreating));
  LeaderApplies(2, 2, 6000);
  EXPECT_FALSE(Command(2, 6100, CatalogueState::kComplete));
  EXPECT_FALSE(Command(2, 6101, CatalogueState::kComplete));
}

TEST_F(OverdueTest, TheLeaderBeforeItNoLongerCounts) {
  EXPECT_FALSE(Command(1, 1000, CatalogueState::kCreating));
  EXPECT_FALSE(Command(2, 5000, CatalogueState::kCreating));
  LeaderApplies(1, 1, 9000);
  EXPECT_FALSE(Command(2, 5101, CatalogueState::kComplete));
  EXPECT_TRUE(Command(2, 5102, CatalogueState::kComplete));
}

}  // namespace
}  // namespace holdfast::check
