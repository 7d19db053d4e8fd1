#include "harness/check/catalogue.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/model_replica.h"

namespace holdfast::check {
namespace {

using history::kPending;
using history::Outcome;
using ::testing::HasSubstr;
using Kind = CatalogueOperation::Kind;
using State = CatalogueState;
using Listed = CatalogueOperation::Listed;

// A history written down by hand: times are given, the rest is short.
class CatalogueTest : public ::testing::Test {
 protected:
  CatalogueOperation& Add(Kind kind, int64_t invoke, int64_t complete, Outcome outcome = Outcome::kOk) {
    CatalogueOperation op;
    op.kind = kind;
    op.invoke = invoke;
    op.complete = complete;
    op.outcome = outcome;
    op.step = static_cast<uint32_t>(history_.size() + 1);
    history_.push_back(std::move(op));
    return history_.back();
  }
  void Create(uint32_t snapshot, int64_t invoke, int64_t complete, std::vector<uint32_t> tables = {0}) {
    CatalogueOperation& op = Add(Kind::kCreate, invoke, complete, OutcomeOf(complete));
    op.snapshot = snapshot;
    op.tables = std::move(tables);
  }
  void Delete(uint32_t snapshot, int64_t invoke, int64_t complete) {
    Add(Kind::kDelete, invoke, complete, OutcomeOf(complete)).snapshot = snapshot;
  }
  void Restore(uint32_t snapshot, uint32_t restoration, int64_t invoke, int64_t complete) {
    CatalogueOperation& op = Add(Kind::kRestore, invoke, complete, OutcomeOf(complete));
    op.snapshot = snapshot;
    op.restoration = restoration;
  }
  void List(int64_t invoke, int64_t complete, std::vector<Listed> snapshots, std::vector<Listed> restorations = {}) {
    CatalogueOperation& op = Add(Kind::kList, invoke, complete);
    op.snapshots = std::move(snapshots);
    op.restorations = std::move(restorations);
  }
  void Refused(Kind kind, RefusalReason reason, uint32_t snapshot, int64_t invoke, int64_t complete,
               uint32_t restoration = 99) {
    CatalogueOperation& op = Add(kind, invoke, complete, Outcome::kFail);
    op.refusal = reason;
    op.snapshot = snapshot;
    op.restoration = restoration;
    op.tables = {0};
  }
  std::string Found() const { return TextOf(CheckCatalogue(history_, {.table_count = 2})); }
  static Outcome OutcomeOf(int64_t complete) { return complete == kPending ? Outcome::kIndeterminate : Outcome::kOk; }

  CatalogueHistory history_;
};

TEST_F(CatalogueTest, AcceptsTheWholeLifeOfASnapshot) {
  List(1, 2, {});
  Create(1, 3, 4);
  List(5, 6, {{1, State::kCreating, 0}});
  List(7, 8, {{1, State::kComplete, 0}});
  Restore(1, 1, 9, 10);
  List(11, 12, {{1, State::kComplete, 0}}, {{1, State::kRestoring, 1}});
  Refused(Kind::kDelete, RefusalReason::kRestorationRunning, 1, 13, 14);
  List(15, 16, {{1, State::kComplete, 0}}, {{1, State::kRestored, 1}});
  Delete(1, 17, 18);
  List(19, 20, {{1, State::kDeleting, 0}}, {{1, State::kRestored, 1}});
  List(21, 22, {{1, State::kDeleted, 0}}, {{1, State::kRestored, 1}});
  Refused(Kind::kRestore, RefusalReason::kDeleted, 1, 23, 24);
  List(25, 26, {});
  EXPECT_EQ(Found(), "");
}

TEST_F(CatalogueTest, RejectsAStateThatGoesBackAndAcceptsListsThatOverlap) {
  Create(1, 1, 2);
  List(3, 10, {{1, State::kComplete, 0}});
  List(4, 9, {{1, State::kCreating, 0}});
  EXPECT_EQ(Found(), "");
  List(11, 12, {{1, State::kCreating, 0}});
  EXPECT_THAT(Found(), HasSubstr("in an order that is not theirs"));
}

TEST_F(CatalogueTest, RejectsASnapshotThatIsForgotten) {
  Create(1, 1, 4);
  List(2, 3, {});  // before the create took effect
  EXPECT_EQ(Found(), "");
  List(5, 6, {});
  EXPECT_THAT(Found(), HasSubstr("snapshot 1 was forgotten"));
}

TEST_F(CatalogueTest, AcceptsADeletedSnapshotThatIsGoneButNotOneThatComesBack) {
  Create(1, 1, 2);
  List(3, 4, {{1, State::kComplete, 0}});
  Delete(1, 5, kPending);
  List(6, 7, {});
  EXPECT_EQ(Found(), "");
  List(8, 9, {{1, State::kDeleting, 0}});
  EXPECT_THAT(Found(), HasSubstr("in an order that is not theirs"));
}

TEST_F(CatalogueTest, RejectsASnapshotThatNobodyAskedFor) {
  List(1, 2, {{7, State::kCreating, 0}});
  EXPECT_THAT(Found(), HasSubstr("nobody asked for"));
}

TEST_F(CatalogueTest, RejectsASnapshotListedBeforeItsCreateWasInvoked) {
  List(1, 2, {{1, State::kCreating, 0}});
  Create(1, 3, 4);
  EXPECT_THAT(Found(), HasSubstr("in an order that is not theirs"));
}

TEST_F(CatalogueTest, RejectsADeletionThatNobodyAskedForOrThatWasRefused) {
  Create(1, 1, 2);
  List(3, 4, {{1, State::kComplete, 0}});
  List(7, 8, {{1, State::kDeleting, 0}});
  EXPECT_THAT(Found(), HasSubstr("became DELETING, which nobody asked for"));
  Delete(1, 5, kPending);
  EXPECT_EQ(Found(), "");
  history_.back().outcome = Outcome::kFail;
  history_.back().complete = 6;
  EXPECT_THAT(Found(), HasSubstr("became DELETING, which nobody asked for"));
}

TEST_F(CatalogueTest, RejectsAnAcceptedDeleteWithoutEffect) {
  Create(1, 1, 2);
  Delete(1, 3, 6);
  List(4, 5, {{1, State::kComplete, 0}});
  EXPECT_EQ(Found(), "");
  List(7, 8, {{1, State::kComplete, 0}});
  EXPECT_THAT(Found(), HasSubstr("in an order that is not theirs"));
}

TEST_F(CatalogueTest, RejectsAnEndThatChanges) {
  Create(1, 1, 2);
  List(3, 4, {{1, State::kFailed, 0}});
  EXPECT_EQ(Found(), "");
  List(5, 6, {{1, State::kComplete, 0}});
  EXPECT_THAT(Found(), HasSubstr("ended both well and FAILED"));
}

TEST_F(CatalogueTest, RejectsAnAcceptedRestoreOfWhatIsNotComplete) {
  Create(1, 1, 2);
  Restore(1, 1, 3, 6);
  List(4, 8, {{1, State::kCreating, 0}});
  EXPECT_EQ(Found(), "");
  List(7, 9, {{1, State::kCreating, 0}});
  EXPECT_THAT(Found(), HasSubstr("in an order that is not theirs"));
}

TEST_F(CatalogueTest, RejectsAnAcceptedRestoreOfADeletedSnapshot) {
  Create(1, 1, 2);
  Delete(1, 3, 4);
  Restore(1, 1, 5, 6);
  EXPECT_THAT(Found(), HasSubstr("in an order that is not theirs"));
}

TEST_F(CatalogueTest, RejectsAForgottenRestoration) {
  Create(1, 1, 2);
  Restore(1, 1, 3, 4);
  List(5, 6, {{1, State::kComplete, 0}}, {});
  EXPECT_THAT(Found(), HasSubstr("restoration 1 was forgotten"));
}

TEST_F(CatalogueTest, AcceptsAnIndeterminateRestoreThatNeverShows) {
  Create(1, 1, 2);
  Restore(1, 1, 3, kPending);
  List(5, 6, {{1, State::kComplete, 0}}, {});
  Delete(1, 7, 8);
  List(9, 10, {{1, State::kDeleting, 0}}, {});
  EXPECT_EQ(Found(), "");
}

TEST_F(CatalogueTest, RejectsADeleteDuringARestorationInOneListAndOverSeveral) {
  Create(1, 1, 2);
  Restore(1, 1, 3, 4);
  Delete(1, 5, 6);
  EXPECT_EQ(Found(), "");
  List(7, 8, {{1, State::kDeleting, 0}}, {{1, State::kRestored, 1}});
  EXPECT_EQ(Found(), "");
  history_.back().restorations[0].state = State::kRestoring;
  EXPECT_THAT(Found(), HasSubstr("deleted while restoration 1 of it was running"));
  EXPECT_THAT(Found(), HasSubstr("RESTORING, but its snapshot 1 DELETING"));
}

TEST_F(CatalogueTest, RejectsRestorationsOfOneTableThatOverlapAndAcceptsOtherTables) {
  Create(1, 1, 2, {0});
  Create(2, 3, 4, {0, 1});
  Create(3, 5, 6, {1});
  Restore(1, 1, 7, 8);
  Restore(3, 3, 9, 10);
  List(11, 12, {{1, State::kComplete, 0}, {2, State::kComplete, 0}, {3, State::kComplete, 0}},
       {{1, State::kRestoring, 1}, {3, State::kRestoring, 3}});
  EXPECT_EQ(Found(), "");
  Restore(2, 2, 13, 14);
  List(15, 16, {{1, State::kComplete, 0}, {2, State::kComplete, 0}, {3, State::kComplete, 0}},
       {{1, State::kRestored, 1}, {2, State::kRestoring, 2}, {3, State::kRestored, 3}});
  EXPECT_EQ(Found(), "");
  history_.back().restorations[2].state = State::kRestoring;
  EXPECT_THAT(Found(), HasSubstr("restorations 2 and 3 share a table"));
}

TEST_F(CatalogueTest, RejectsRestorationsThatOverlapThoughNoListShowsBoth) {
  Create(1, 1, 2);
  Restore(1, 1, 3, 4);
  Restore(1, 2, 5, 6);
  EXPECT_EQ(Found(), "");
  List(7, 8, {{1, State::kComplete, 0}}, {{1, State::kRestoring, 1}, {2, State::kRestored, 1}});
  EXPECT_THAT(Found(), HasSubstr("restorations 1 and 2 share a table"));
}

TEST_F(CatalogueTest, RejectsTwoListsThatHaveNoOrder) {
  Create(1, 1, 20);
  Create(2, 2, 21);
  List(3, 10, {{1, State::kCreating, 0}});
  List(4, 11, {{1, State::kCreating, 0}, {2, State::kCreating, 0}});
  EXPECT_EQ(Found(), "");
  history_.back().snapshots = {{2, State::kCreating, 0}};
  EXPECT_THAT(Found(), HasSubstr("can't be put in an order"));
}

TEST_F(CatalogueTest, RejectsAListThatShowsAnIdTwiceOrAWrongKindOfState) {
  Create(1, 1, 2);
  List(3, 4, {{1, State::kComplete, 0}, {1, State::kComplete, 0}});
  EXPECT_THAT(Found(), HasSubstr("snapshot 1 twice"));
  history_.back().snapshots = {{1, State::kRestoring, 0}};
  EXPECT_THAT(Found(), HasSubstr("snapshot 1 RESTORING"));
}

TEST_F(CatalogueTest, RejectsARestorationOfAnotherSnapshotThanAskedFor) {
  Create(1, 1, 2);
  Create(2, 3, 4);
  Restore(1, 1, 5, 6);
  List(7, 8, {{1, State::kComplete, 0}, {2, State::kComplete, 0}}, {{1, State::kRestored, 2}});
  EXPECT_THAT(Found(), HasSubstr("asked for of snapshot 1"));
}

TEST_F(CatalogueTest, NotFoundIsTrueBeforeTheCreateTookEffectAndUntrueAfter) {
  Create(1, 1, 5);
  Refused(Kind::kRestore, RefusalReason::kNotFound, 1, 4, 6);
  Refused(Kind::kDelete, RefusalReason::kNotFound, 2, 7, 8);
  EXPECT_EQ(Found(), "");
  Refused(Kind::kRestore, RefusalReason::kNotFound, 1, 9, 10);
  EXPECT_THAT(Found(), HasSubstr("the snapshot existed throughout the call"));
}

TEST_F(CatalogueTest, NotFoundOfAnIndeterminateCreateIsTrue) {
  Create(1, 1, kPending);
  Refused(Kind::kRestore, RefusalReason::kNotFound, 1, 9, 10);
  EXPECT_EQ(Found(), "");
}

TEST_F(CatalogueTest, NotCompleteIsTrueUntilCompleteWasCertainlyReached) {
  Create(1, 1, 2);
  List(3, 8, {{1, State::kComplete, 0}});
  Refused(Kind::kRestore, RefusalReason::kNotComplete, 1, 7, 10);
  EXPECT_EQ(Found(), "");
  Refused(Kind::kRestore, RefusalReason::kNotComplete, 1, 9, 12);
  EXPECT_THAT(Found(), HasSubstr("COMPLETE throughout the call"));
}

TEST_F(CatalogueTest, NotCompleteIsTrueOfAFailedSnapshotForARestoreAndNotForADelete) {
  Create(1, 1, 2);
  List(3, 4, {{1, State::kFailed, 0}});
  Refused(Kind::kRestore, RefusalReason::kNotComplete, 1, 5, 6);
  EXPECT_EQ(Found(), "");
  Refused(Kind::kDelete, RefusalReason::kNotComplete, 1, 7, 8);
  EXPECT_THAT(Found(), HasSubstr("not CREATING at any moment"));
}

TEST_F(CatalogueTest, BeingDeletedAndDeletedNeedADelete) {
  Create(1, 1, 2);
  Refused(Kind::kRestore, RefusalReason::kBeingDeleted, 1, 3, 7);
  EXPECT_THAT(Found(), HasSubstr("not DELETING at any moment"));
  Delete(1, 6, kPending);
  EXPECT_EQ(Found(), "");
  Refused(Kind::kDelete, RefusalReason::kDeleted, 1, 8, 9);
  EXPECT_EQ(Found(), "");
  List(10, 11, {{1, State::kDeleting, 0}});
  EXPECT_THAT(Found(), HasSubstr("not DELETED at any moment"));
}

TEST_F(CatalogueTest, ARunningRestorationMayBeNamedUntilItIsKnownToBeOver) {
  Create(1, 1, 2);
  Restore(1, 1, 3, 4);
  List(5, 8, {{1, State::kComplete, 0}}, {{1, State::kRestored, 1}});
  Refused(Kind::kRestore, RefusalReason::kRestorationRunning, 1, 7, 10);
  EXPECT_EQ(Found(), "");
  Refused(Kind::kRestore, RefusalReason::kRestorationRunning, 1, 9, 12);
  EXPECT_THAT(Found(), HasSubstr("no restoration that shares a table"));
}

TEST_F(CatalogueTest, ARestorationOfOtherTablesIsNoReason) {
  Create(1, 1, 2, {0});
  Create(2, 3, 4, {1});
  Restore(2, 1, 5, 6);
  Refused(Kind::kRestore, RefusalReason::kRestorationRunning, 1, 7, 8);
  EXPECT_THAT(Found(), HasSubstr("no restoration that shares a table"));
}

TEST_F(CatalogueTest, AlreadyExistsNeedsAnother) {
  Refused(Kind::kCreate, RefusalReason::kAlreadyExists, 1, 1, 4);
  EXPECT_THAT(Found(), HasSubstr("nobody else created"));
  Create(1, 2, kPending);
  EXPECT_EQ(Found(), "");
}

TEST_F(CatalogueTest, ACreateOfTablesThatExistIsNotRefusedAsNotFound) {
  Refused(Kind::kCreate, RefusalReason::kNotFound, 1, 1, 4);
  EXPECT_THAT(Found(), HasSubstr("its tables existed"));
  history_.back().tables = {0, 2};
  EXPECT_EQ(Found(), "");
}

TEST_F(CatalogueTest, ARefusalWithoutAReasonThatCanBeJudgedIsAccepted) {
  Create(1, 1, 2);
  Refused(Kind::kRestore, RefusalReason::kOther, 1, 3, 4);
  EXPECT_EQ(Found(), "");
}

TEST_F(CatalogueTest, WindowsSayWhenEachStateWasFirstSeen) {
  Create(1, 1, 2, {0, 1});
  Restore(1, 4, 3, 6);
  List(5, 9, {{1, State::kComplete, 0}}, {{4, State::kRestoring, 1}});
  List(7, 8, {{1, State::kComplete, 0}}, {{4, State::kRestored, 1}});
  Delete(1, 10, kPending);
  List(11, 12, {{1, State::kDeleting, 0}}, {{4, State::kRestored, 1}});
  List(13, 14, {{1, State::kDeleted, 0}}, {{4, State::kRestored, 1}});
  Refused(Kind::kCreate, RefusalReason::kOther, 2, 15, 16);
  const CatalogueWindows windows = WindowsOf(history_);
  ASSERT_EQ(windows.snapshots.size(), 1u);
  const SnapshotWindow& snapshot = windows.snapshots.at(1);
  EXPECT_EQ(snapshot.tables, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(snapshot.create_invoke, 1);
  EXPECT_EQ(snapshot.create_ok, 2);
  EXPECT_EQ(snapshot.complete_seen, 6);  // an accepted restore shows it before any list does
  EXPECT_EQ(snapshot.failed_seen, kPending);
  EXPECT_EQ(snapshot.delete_invoke, 10);
  EXPECT_EQ(snapshot.deleting_seen, 12);
  EXPECT_EQ(snapshot.deleted_seen, 14);
  const RestorationWindow& restoration = windows.restorations.at(4);
  EXPECT_EQ(restoration.snapshot, 1u);
  EXPECT_EQ(restoration.tables, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(restoration.invoke, 3);
  EXPECT_EQ(restoration.accepted, 6);
  EXPECT_EQ(restoration.restored_seen, 8);
}

// A catalogue that is right by construction, read by clients whose calls overlap: every moment lies within its call.
TEST_F(CatalogueTest, AcceptsEveryHistoryOfARightCatalogue) {
  uint64_t random = 7;
  const auto draw = [&random](int64_t below) {
    random = random * 6364136223846793005 + 1442695040888963407;
    return static_cast<int64_t>(random >> 33) % below;
  };
  for (int round = 0; round < 300; ++round) {
    history_.clear();
    std::map<uint32_t, State> snapshots;
    std::map<uint32_t, Listed> restorations;
    std::map<uint32_t, std::vector<uint32_t>> tables;
    const auto running = [&](const auto& matches) {
      for (const auto& [id, listed] : restorations) {
        if (listed.state == State::kRestoring && matches(listed.snapshot)) return true;
      }
      return false;
    };
    const auto share = [&](uint32_t a, uint32_t b) {
      for (const uint32_t table : tables[a]) {
        for (const uint32_t other : tables[b]) {
          if (table == other) return true;
        }
      }
      return false;
    };
    uint32_t last_restoration = 0;
    for (int64_t moment = 1000; moment < 1000 + 60 * 100; moment += 100) {
      // Distinct events: the last two digits of each time are its own.
      const int64_t invoke = moment - 100 * draw(9) - 10 - draw(30);
      const int64_t complete = moment + 100 * draw(9) + 10 + draw(30);
      const uint32_t id = static_cast<uint32_t>(1 + draw(4));
      const bool lost = draw(8) == 0;
      const int64_t told = lost ? kPending : complete;
      const auto known = snapshots.find(id);
      switch (draw(6)) {
        case 0:
          if (known == snapshots.end()) {
            tables[id] = {static_cast<uint32_t>(draw(2))};
            Create(id, invoke, told, tables[id]);
            if (!lost || draw(2) == 0) snapshots[id] = State::kCreating;
          }
          break;
        case 1:
          if (known != snapshots.end() && known->second == State::kCreating) {
            known->second = draw(4) == 0 ? State::kFailed : State::kComplete;
          } else if (known != snapshots.end() && known->second == State::kDeleting) {
            known->second = State::kDeleted;
          }
          for (auto& [number, listed] : restorations) {
            if (draw(2) == 0) listed.state = State::kRestored;
          }
          break;
        case 2: {
          if (known == snapshots.end()) {
            Refused(Kind::kDelete, RefusalReason::kNotFound, id, invoke, complete);
          } else if (known->second == State::kCreating) {
            Refused(Kind::kDelete, RefusalReason::kNotComplete, id, invoke, complete);
          } else if (known->second == State::kDeleting || known->second == State::kDeleted) {
            const bool over = known->second == State::kDeleted;
            Refused(Kind::kDelete, over ? RefusalReason::kDeleted : RefusalReason::kBeingDeleted, id, invoke, complete);
          } else if (running([&](uint32_t snapshot) { return snapshot == id; })) {
            Refused(Kind::kDelete, RefusalReason::kRestorationRunning, id, invoke, complete);
          } else {
            Delete(id, invoke, told);
            if (!lost || draw(2) == 0) known->second = State::kDeleting;
          }
          break;
        }
        case 3: {
          const uint32_t restoration = ++last_restoration;
          if (known == snapshots.end()) {
            Refused(Kind::kRestore, RefusalReason::kNotFound, id, invoke, complete, restoration);
          } else if (known->second != State::kComplete) {
            const bool deleting = known->second == State::kDeleting;
            const bool over = known->second == State::kDeleted;
            Refused(Kind::kRestore,
                    deleting ? RefusalReason::kBeingDeleted
                    : over   ? RefusalReason::kDeleted
                             : RefusalReason::kNotComplete,
                    id, invoke, complete, restoration);
          } else if (running([&](uint32_t snapshot) { return share(snapshot, id); })) {
            Refused(Kind::kRestore, RefusalReason::kRestorationRunning, id, invoke, complete, restoration);
          } else {
            Restore(id, restoration, invoke, told);
            if (!lost || draw(2) == 0) restorations[restoration] = {restoration, State::kRestoring, id};
          }
          break;
        }
        default: {
          std::vector<Listed> shown;
          std::vector<Listed> shown_restorations;
          for (const auto& [number, state] : snapshots) shown.push_back({number, state, 0});
          for (const auto& [number, listed] : restorations) shown_restorations.push_back(listed);
          List(invoke, complete, shown, shown_restorations);
        }
      }
    }
    ASSERT_EQ(Found(), "") << "round " << round;
  }
}

}  // namespace
}  // namespace holdfast::check
