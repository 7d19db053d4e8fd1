#include "harness/check/liveness.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/model_replica.h"

namespace holdfast::check {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Liveness, AcceptsAClusterWhereEverythingHasEnded) {
  LivenessInput input;
  input.snapshots = {
      {1, CatalogueState::kComplete, 0}, {2, CatalogueState::kDeleted, 0}, {3, CatalogueState::kFailed, 0}};
  input.restorations = {{1, CatalogueState::kRestored, 1}};
  EXPECT_THAT(CheckLiveness(input), IsEmpty());
}

TEST(Liveness, NamesTheOperationAndItsReason) {
  LivenessInput input;
  input.bound_us = 5000;
  input.unfinished = {{"client 1: put k1", "NOT_LEADER", 7}, {"client 2: get k2", "", 8}};
  const auto violations = CheckLiveness(input);
  ASSERT_THAT(violations, SizeIs(1));
  EXPECT_EQ(violations[0].invariant, "I5");
  EXPECT_THAT(TextOf(violations), HasSubstr("2 legal operations have not ended ok 5000 us after heal"));
  EXPECT_THAT(TextOf(violations), HasSubstr("client 1: put k1 (plan step 7): NOT_LEADER"));
  EXPECT_THAT(TextOf(violations), HasSubstr("client 2: get k2 (plan step 8): no answer"));
}

TEST(Liveness, RejectsEachStateThatMustEnd) {
  for (const auto state : {CatalogueState::kCreating, CatalogueState::kDeleting}) {
    LivenessInput input;
    input.snapshots = {{4, state, 0}};
    EXPECT_THAT(CheckLiveness(input), SizeIs(1));
  }
  LivenessInput input;
  input.restorations = {{6, CatalogueState::kRestoring, 4}};
  input.not_quiet = {"tablet 2 has no leader"};
  const auto violations = CheckLiveness(input);
  ASSERT_THAT(violations, SizeIs(1));
  EXPECT_THAT(violations[0].summary, HasSubstr("restoration 6 of snapshot 4 is still RESTORING"));
  EXPECT_THAT(violations[0].summary, HasSubstr("tablet 2 has no leader"));
}

TEST(Liveness, RejectsAClusterThatDoesNotComeToRestThoughAllOperationsEnded) {
  LivenessInput input;
  input.not_quiet = {"node 2 is behind on tablet 0"};
  const auto violations = CheckLiveness(input);
  ASSERT_THAT(violations, SizeIs(1));
  EXPECT_THAT(violations[0].summary, HasSubstr("node 2 is behind"));
}

TEST(Liveness, KeepsAReportToAScreen) {
  LivenessInput input;
  input.unfinished.assign(500, {"client 1: put k1", "NOT_LEADER", 1});
  const auto violations = CheckLiveness(input);
  ASSERT_THAT(violations, SizeIs(1));
  EXPECT_LT(violations[0].evidence.size(), 30u);
  EXPECT_THAT(violations[0].evidence.back(), HasSubstr("480 more"));
}

}  // namespace
}  // namespace holdfast::check
