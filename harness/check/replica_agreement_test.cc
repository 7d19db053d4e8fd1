#include "harness/check/replica_agreement.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/model_replica.h"

namespace holdfast::check {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ReplicaAgreementTest : public ::testing::Test {
 protected:
  ReplicaAgreementTest() {
    log_.Put("a", "1");
    log_.Create(1);
    log_.Put("a", "2");
    log_.Create(2);
    for (uint32_t node = 1; node <= 3; ++node) {
      inspection_.replicas.push_back(log_.Replica({0, node, 1}, log_.size()));
      inspection_.replicas.back().metadata = {{"q1", "ok"}};
    }
  }
  void Check() { agreement_.Check(inspection_, DigestOf(inspection_)); }

  ModelLog log_;
  Inspection inspection_;
  ReplicaAgreement agreement_;
};

TEST_F(ReplicaAgreementTest, AcceptsEqualReplicasAndOnesAtOtherIndexes) {
  inspection_.quiet = true;
  Check();
  inspection_.replicas[1] = log_.Replica({0, 2, 1}, 1);
  inspection_.replicas[2].replica.tablet = 1;  // another tablet owes this one nothing
  inspection_.replicas[2].rows.clear();
  Check();
  EXPECT_THAT(agreement_.violations(), IsEmpty());
  EXPECT_GT(agreement_.comparisons(), 0u);
}

TEST_F(ReplicaAgreementTest, RejectsOtherRowsWithTheKeysThatDiffer) {
  inspection_.replicas[2].rows["a"] = "7";
  Check();
  ASSERT_THAT(agreement_.violations(), SizeIs(1));
  EXPECT_THAT(TextOf(agreement_.violations()), HasSubstr("key \"a\": expected \"2\", found \"7\""));
}

TEST_F(ReplicaAgreementTest, RejectsOtherMetadata) {
  inspection_.replicas[2].metadata.clear();
  Check();
  ASSERT_THAT(agreement_.violations(), SizeIs(1));
  EXPECT_THAT(agreement_.violations()[0].summary, HasSubstr("metadata"));
}

TEST_F(ReplicaAgreementTest, RejectsRowsThatChangeFromOneInspectionToTheNextAtOneIndex) {
  Check();
  for (ReplicaInspection& replica : inspection_.replicas) replica.rows["a"] = "7";
  Check();
  EXPECT_THAT(agreement_.violations(), SizeIs(3));
}

TEST_F(ReplicaAgreementTest, RejectsAnotherTermAtTheSameIndex) {
  inspection_.replicas[1].applied.term = 2;
  Check();
  EXPECT_THAT(agreement_.violations(), SizeIs(1));
}

TEST_F(ReplicaAgreementTest, RejectsAnotherOpIdOfTheSameSnapshot) {
  inspection_.replicas[1].snapshots[0].op.index = 1;
  Check();
  EXPECT_THAT(agreement_.violations(), SizeIs(1));
}

TEST_F(ReplicaAgreementTest, AcceptsOneIdInFlightUnlessQuietAndNeverTwo) {
  inspection_.replicas[1].snapshots.pop_back();
  Check();
  EXPECT_THAT(agreement_.violations(), IsEmpty());
  inspection_.replicas[2].snapshots.clear();
  Check();
  EXPECT_THAT(agreement_.violations(), SizeIs(1));
  ReplicaAgreement quiet;
  inspection_.quiet = true;
  quiet.Check(inspection_, DigestOf(inspection_));
  EXPECT_THAT(quiet.violations(), SizeIs(2));
}

TEST_F(ReplicaAgreementTest, LeavesReplicasInABarrierAlone) {
  inspection_.replicas[1].rows.clear();
  inspection_.replicas[1].in_barrier = true;
  inspection_.replicas[2].rows.clear();
  inspection_.replicas[2].error = "the ledger tells of it";
  Check();
  EXPECT_THAT(agreement_.violations(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::check
