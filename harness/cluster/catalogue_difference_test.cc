#include "harness/cluster/catalogue_difference.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

sut::CatalogueState OneTableAndOneSnapshot() {
  sut::CatalogueState state;
  state.tables[sut::TableId{1, 2}].set_name("t");
  state.snapshots[sut::SnapshotId{3, 4}].set_state(sut::proto::SnapshotInfo::COMPLETE);
  return state;
}

TEST(CatalogueDifferenceTest, EqualCataloguesAgree) {
  EXPECT_THAT(CatalogueDifference({}, {}), IsEmpty());
  EXPECT_THAT(CatalogueDifference(OneTableAndOneSnapshot(), OneTableAndOneSnapshot()), IsEmpty());
}

TEST(CatalogueDifferenceTest, WhatIsInOneOnlyIsNamed) {
  sut::CatalogueState without = OneTableAndOneSnapshot();
  without.tables.clear();
  EXPECT_THAT(CatalogueDifference(without, OneTableAndOneSnapshot()), ElementsAre(HasSubstr("in the store only")));
  EXPECT_THAT(CatalogueDifference(OneTableAndOneSnapshot(), without), ElementsAre(HasSubstr("in memory only")));
}

TEST(CatalogueDifferenceTest, SoIsWhatIsNotTheSame) {
  sut::CatalogueState other = OneTableAndOneSnapshot();
  other.snapshots.begin()->second.set_state(sut::proto::SnapshotInfo::DELETING);
  EXPECT_THAT(CatalogueDifference(other, OneTableAndOneSnapshot()), SizeIs(2));
}

}  // namespace
}  // namespace holdfast
