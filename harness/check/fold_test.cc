#include "harness/check/fold.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/evidence.h"
#include "harness/check/fingerprint.h"
#include "harness/check/model_replica.h"

namespace holdfast::check {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

FoldEffect EffectOfLast(const ModelLog& log) {
  TabletFold fold = log.FoldTo(log.size() - 1);
  return fold.Apply(log.at(log.size()));
}

Rows RowsOf(const ModelLog& log) { return log.FoldTo(log.size()).rows().rows; }

TEST(Fold, IncrementCountsAnAbsentRowAsZeroAndSeesItsOwnBatch) {
  ModelLog log;
  log.Write({IncrementOf("a", 5), IncrementOf("a", -7), PutOf("b", "x"), DeleteOf("b"), IncrementOf("b", 1)});
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("a", "-2"), Pair("b", "1")));
}

TEST(Fold, ABatchThatIsRefusedChangesNothing) {
  ModelLog log;
  log.Write({PutOf("a", "one"), PutOf("n", "7")});
  log.Write({PutOf("c", "new"), IncrementOf("n", 1), IncrementOf("a", 1)});
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kWrongType);
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("a", "one"), Pair("n", "7")));
}

TEST(Fold, IncrementBeyondTheRangeIsRefusedAndUpToItIsNot) {
  ModelLog log;
  log.Write({PutOf("n", std::to_string(std::numeric_limits<int64_t>::max() - 1))});
  log.Write({IncrementOf("n", 1)});
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kApplied);
  log.Write({IncrementOf("n", 1)});
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kWrongType);
}

TEST(Fold, ANumberHasOneSpelling) {
  EXPECT_EQ(DecimalValue("-12"), -12);
  EXPECT_EQ(DecimalValue("0"), 0);
  for (const char* text : {"", "-", "+1", " 1", "1 ", "01", "-0", "1.0", "9223372036854775808", "0x1"}) {
    EXPECT_EQ(DecimalValue(text), std::nullopt) << text;
  }
}

TEST(Fold, ARequestTakesEffectOnceUntilItIsForgotten) {
  ModelLog log;
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kRemembered);
  log.Write({IncrementOf("n", 10)}, 1, 2, 2);
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kStale);
  log.Write({IncrementOf("n", 100)}, 2, 1, 1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kApplied);
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("n", "111")));
}

TEST(Fold, ARefusalIsRememberedLikeASuccess) {
  ModelLog log;
  log.Put("n", "text");
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  log.Put("n", "3");
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kRemembered);
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("n", "3")));
}

TEST(Fold, AFencedClientHasNoMoreEffectAndOthersDo) {
  ModelLog log;
  log.Fence(1);
  log.Write({PutOf("a", "1")}, 1, 5, 5);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kFenced);
  log.Write({PutOf("b", "2")}, 2, 1, 1);
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("b", "2")));
}

TEST(Fold, ARestoreBringsBackExactlyTheSnapshotAndLeavesItAsItIs) {
  ModelLog log;
  log.Put("a", "1");
  log.Put("b", "1");
  log.Create(7);
  log.Write({PutOf("a", "2"), DeleteOf("b"), PutOf("c", "2")});
  log.Restore(7, 1);
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("a", "1"), Pair("b", "1")));
  log.Put("a", "3");
  const TabletFold fold = log.FoldTo(log.size());
  EXPECT_THAT(fold.rows().rows, ElementsAre(Pair("a", "3"), Pair("b", "1")));
  EXPECT_THAT(fold.snapshots()->at(7).content->rows, ElementsAre(Pair("a", "1"), Pair("b", "1")));
  EXPECT_EQ(fold.snapshots()->at(7).op, (LogPosition{1, 3}));
}

TEST(Fold, ARestoreKeepsTheRequestTable) {
  ModelLog log;
  log.Create(1);
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  log.Restore(1, 1);
  log.Write({IncrementOf("n", 1)}, 1, 1, 1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kRemembered);
  EXPECT_TRUE(RowsOf(log).empty());
}

TEST(Fold, ARestorationOfOneIdRunsOnce) {
  ModelLog log;
  log.Create(1);
  log.Restore(1, 5);
  log.Put("a", "1");
  log.Restore(1, 5);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kNothing);
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("a", "1")));
}

TEST(Fold, AMarkerTurnsLaterDeliveriesOfACreateIntoNothing) {
  ModelLog created, aborted, dropped;
  created.Create(1);
  created.Put("a", "1");
  aborted.Abort(1);
  dropped.Create(1);
  dropped.Drop(1);
  for (ModelLog* log : {&created, &aborted, &dropped}) {
    log->Create(1);
    EXPECT_EQ(EffectOfLast(*log), FoldEffect::kNothing);
  }
  EXPECT_TRUE(created.FoldTo(created.size()).snapshots()->at(1).content->rows.empty());
  EXPECT_TRUE(aborted.FoldTo(aborted.size()).snapshots()->empty());
  EXPECT_TRUE(dropped.FoldTo(dropped.size()).snapshots()->empty());
}

TEST(Fold, AnAbortAfterTheCreateRemovesTheSnapshot) {
  ModelLog log;
  log.Create(1);
  log.Abort(1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kApplied);
  EXPECT_TRUE(log.FoldTo(log.size()).snapshots()->empty());
}

TEST(Fold, ARestoreOfWhatIsNotThereIsImpossible) {
  ModelLog log;
  log.Put("a", "1");
  log.Restore(3, 1);
  EXPECT_EQ(EffectOfLast(log), FoldEffect::kImpossible);
  EXPECT_THAT(RowsOf(log), ElementsAre(Pair("a", "1")));
}

// 4000 random entries on few keys, so that snapshots, restores and copies of shared rows meet in every order.
TEST(Fold, FingerprintsFollowEveryChange) {
  ModelLog log;
  uint64_t random = 12345;
  const auto draw = [&random](uint64_t below) {
    random = random * 6364136223846793005 + 1442695040888963407;
    return (random >> 33) % below;
  };
  TabletFold fold;
  for (int i = 0; i < 4000; ++i) {
    const std::string key(1, static_cast<char>('a' + draw(6)));
    const uint32_t id = static_cast<uint32_t>(draw(200));
    switch (draw(8)) {
      case 0:
        log.Create(id);
        break;
      case 1:
        log.Restore(id, static_cast<uint32_t>(i));
        break;
      case 2:
        log.Drop(id);
        break;
      case 3:
        log.Write({DeleteOf(key)});
        break;
      case 4:
        log.Write({IncrementOf("n" + key, static_cast<int64_t>(draw(9)))});
        break;
      default:
        log.Put(key, std::to_string(draw(1000)));
    }
    fold.Apply(log.at(log.size()));
    ASSERT_EQ(fold.rows().fingerprint, FingerprintOf(fold.rows().rows));
  }
  ASSERT_FALSE(fold.snapshots()->empty());
  for (const auto& [id, snapshot] : *fold.snapshots()) {
    EXPECT_EQ(snapshot.content->rows, log.FoldTo(snapshot.op.index).rows().rows);
    EXPECT_EQ(snapshot.content->fingerprint, FingerprintOf(snapshot.content->rows));
  }
}

TEST(Fingerprint, TellsRowsApartThatLookAlike) {
  const Rows a = {{"a", "bc"}, {"d", ""}};
  for (const Rows& other :
       {Rows{{"ab", "c"}, {"d", ""}}, Rows{{"a", "bc"}}, Rows{{"a", "bc"}, {"d", std::string(1, '\0')}},
        Rows{{"a", ""}, {"d", "bc"}}, Rows{{"d", "bc"}, {"a", ""}, {"", ""}}, Rows{}}) {
    EXPECT_NE(FingerprintOf(a), FingerprintOf(other));
  }
}

// Written to reports and compared between processes: the values themselves are part of the contract.
TEST(Fingerprint, IsTheSameInEveryProcess) {
  const Fingerprint first = FingerprintOf({{"key", "value"}});
  Fingerprint sum = FingerprintOf({{"key", "value"}, {"other", std::string(100, 'x')}});
  sum.Remove("other", std::string(100, 'x'));
  EXPECT_EQ(sum, first);
  EXPECT_EQ(FingerprintOf({}), Fingerprint());
  EXPECT_EQ(first.low, uint64_t{14532986227331160975u});
  EXPECT_EQ(first.high, uint64_t{11464090332783941943u});
}

TEST(RowDifference, NamesEveryKeyThatDiffersBothWays) {
  const Rows expected = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  const Rows found = {{"b", "5"}, {"c", "3"}, {"d", "4"}};
  EXPECT_THAT(RowDifference(expected, found),
              ElementsAre("key \"a\": expected \"1\", found nothing", "key \"b\": expected \"2\", found \"5\"",
                          "key \"d\": expected nothing, found \"4\""));
  EXPECT_THAT(RowDifference(expected, found, 1).back(), HasSubstr("2 more"));
  EXPECT_TRUE(RowDifference(expected, expected).empty());
}

}  // namespace
}  // namespace holdfast::check
