// Ids round-trip and refuse what is not an id; names of bugs and probes are unique and round-trip; draws stay in
// bounds.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "sut/base/bugs.h"
#include "sut/base/check.h"
#include "sut/base/hybrid_clock.h"
#include "sut/base/ids.h"
#include "sut/base/prng.h"
#include "sut/base/probe.h"

namespace sut {
namespace {

TEST(Ids, HexAndBytesRoundTrip) {
  const SnapshotId id{0x4963ed18fc1e4f1bull, 0xa38c8fcf4058b295ull};
  EXPECT_EQ(Hex(id), "4963ed18fc1e4f1ba38c8fcf4058b295");
  EXPECT_EQ(IdFromHex<SnapshotId>(Hex(id)).value(), id);
  EXPECT_EQ(IdFromBytes<SnapshotId>(Bytes(id)).value(), id);
}

TEST(Ids, WhatIsNoIdIsRefused) {
  for (const std::string text : {"", "..", "../../etc/passwd", "4963ED18FC1E4F1BA38C8FCF4058B295",
                                 "4963ed18fc1e4f1ba38c8fcf4058b29/", "4963ed18fc1e4f1ba38c8fcf4058b2951"}) {
    EXPECT_FALSE(IdFromHex<SnapshotId>(text).ok()) << text;
  }
  EXPECT_FALSE(IdFromBytes<TabletId>("short").ok());
}

TEST(Ids, BytesOrderIsIdOrder) {
  const TabletId small{1, ~0ull};
  const TabletId large{2, 0};
  EXPECT_LT(small, large);
  EXPECT_LT(Bytes(small), Bytes(large));
}

TEST(Bugs, NamesAreUniqueAndRoundTrip) {
  std::set<std::string_view> names;
  for (int i = 0; i < kBugCount; ++i) {
    const Bug bug = static_cast<Bug>(i);
    EXPECT_TRUE(names.insert(BugName(bug)).second) << BugName(bug);
    EXPECT_EQ(BugFromName(BugName(bug)), bug);
  }
  EXPECT_EQ(BugFromName("no-such-bug"), std::nullopt);
}

TEST(Bugs, ASetHoldsWhatWasPlantedAndNothingElse) {
  BugSet bugs;
  EXPECT_TRUE(bugs.empty());
  bugs.Plant(Bug::kRestoreMergesRows);
  EXPECT_TRUE(bugs.has(Bug::kRestoreMergesRows));
  EXPECT_FALSE(bugs.has(Bug::kVoteNotPersisted));
}

TEST(Probes, NamesAreUniqueAndRoundTrip) {
  std::set<std::string_view> names;
  for (int i = 0; i < kProbeCount; ++i) {
    const Probe probe = static_cast<Probe>(i);
    EXPECT_TRUE(names.insert(ProbeName(probe)).second) << ProbeName(probe);
    EXPECT_EQ(ProbeFromName(ProbeName(probe)), probe);
  }
}

TEST(Prng, DrawsStayInBoundsAndReplay) {
  Prng first(7);
  Prng second(7);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t draw = first.NextBelow(10);
    EXPECT_LT(draw, 10u);
    EXPECT_EQ(draw, second.NextBelow(10));
  }
  EXPECT_NE(Mix({1, 2}), Mix({2, 1}));
  EXPECT_NE(MixString(std::string("a\0", 2)), MixString("a"));
}

TEST(HybridClock, StampsRiseThoughThePhysicalClockGoesBack) {
  HybridClock clock;
  const HybridTime first = clock.Now(100);
  const HybridTime second = clock.Now(50);
  EXPECT_GT(second, first);
  clock.Observe(HybridTime{second.value + 1000});
  EXPECT_GT(clock.Now(50).value, second.value + 1000);
}

TEST(CheckDeathTest, AFailedCheckNamesItsPlaceAndAborts) {
  EXPECT_DEATH(SUT_CHECK(1 == 2, "no luck"), "base_test.cc:.*check failed: 1 == 2: no luck");
}

}  // namespace
}  // namespace sut
