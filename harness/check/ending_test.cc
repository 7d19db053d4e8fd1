// Endings that no correct cluster gives are found, and the ones next to them are not.

#include "harness/check/ending.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::check {
namespace {

using ::testing::HasSubstr;
using Outcome = Ending::Outcome;
using Reason = Ending::Reason;

std::string Fault(const Ending& ending) {
  const auto violation = CheckEnding("a write", ending, "code");
  return violation ? violation->summary : "";
}

TEST(EndingTest, AWriteAnswersEachOfItsIncrements) {
  EXPECT_EQ(Fault({.is_write = true}), "");
  EXPECT_EQ(Fault({.is_write = true, .increments = 2, .answers = 2}), "");
  EXPECT_THAT(Fault({.is_write = true, .increments = 1}), HasSubstr("1 increments and was told 0"));
  EXPECT_THAT(Fault({.is_write = true, .answers = 1}), HasSubstr("0 increments and was told 1"));
  EXPECT_EQ(Fault({.answers = 1}), "");
}

TEST(EndingTest, OnlyAnIncrementMeetsAWrongType) {
  const Ending increment{.outcome = Outcome::kFail, .reason = Reason::kWrongType, .is_write = true, .increments = 1};
  EXPECT_EQ(Fault(increment), "");
  Ending put = increment;
  put.increments = 0;
  EXPECT_THAT(Fault(put), HasSubstr("increments nothing"));
}

TEST(EndingTest, ATableIsGoneOnlyIfItWasDropped) {
  Ending gone{.outcome = Outcome::kFail, .reason = Reason::kTabletGone, .table_dropped = true};
  EXPECT_EQ(Fault(gone), "");
  gone.outcome = Outcome::kInDoubt;
  EXPECT_EQ(Fault(gone), "");
  gone.table_dropped = false;
  EXPECT_THAT(Fault(gone), HasSubstr("nobody dropped it"));
}

TEST(EndingTest, WhatIsWaitedForIsNotForgotten) {
  EXPECT_THAT(Fault({.outcome = Outcome::kInDoubt, .reason = Reason::kStale, .time_is_over = true}),
              HasSubstr("still waits"));
}

TEST(EndingTest, RowsAreNotRefusedForWhatTheCatalogueIs) {
  EXPECT_THAT(Fault({.outcome = Outcome::kFail, .reason = Reason::kNotOfRows}), HasSubstr("can be refused for"));
}

TEST(EndingTest, NothingEndsWithoutAnAnswerBeforeItsTime) {
  for (const Outcome outcome : {Outcome::kFail, Outcome::kInDoubt}) {
    for (const Reason reason : {Reason::kNone, Reason::kTryAgain}) {
      EXPECT_EQ(Fault({.outcome = outcome, .reason = reason, .time_is_over = true}), "");
      EXPECT_THAT(Fault({.outcome = outcome, .reason = reason}), HasSubstr("before its time"));
    }
  }
  EXPECT_EQ(Fault({.outcome = Outcome::kFail, .reason = Reason::kSessionClosed}), "");
}

}  // namespace
}  // namespace holdfast::check
