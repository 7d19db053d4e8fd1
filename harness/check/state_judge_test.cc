#include "harness/check/state_judge.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/check/model_replica.h"

namespace holdfast::check {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr uint32_t kNodes = 3;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15 + 1) {}
  uint64_t Below(uint64_t bound) {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return (state_ >> 33) % bound;
  }
  bool OneIn(uint64_t bound) { return Below(bound) == 0; }

 private:
  uint64_t state_;
};

// One tablet that is right by construction: replicas apply, crash at any point also within a barrier, recover from what
// is durable, and are installed from one another.
class RightTablet {
 public:
  RightTablet(uint32_t tablet, uint64_t seed, StateJudge* judge) : tablet_(tablet), random_(seed), judge_(judge) {
    for (uint32_t node = 1; node <= kNodes; ++node) judge_->ledger().OnRecovered(Name(node), {});
  }

  void Step() {
    if (random_.OneIn(3)) Propose();
    const uint32_t node = 1 + static_cast<uint32_t>(random_.Below(kNodes));
    Replica& replica = replicas_[node - 1];
    if (random_.OneIn(12)) return Crash(node);
    if (random_.OneIn(25)) return Install(node);
    if (replica.applied == log_.size()) return;
    Apply(node);
    if (random_.OneIn(4)) replica.durable = replica.applied;
  }
  void CatchUp() {
    for (uint32_t node = 1; node <= kNodes; ++node) {
      while (replicas_[node - 1].applied < log_.size()) Apply(node);
    }
  }
  // As in the inspection, with what a crash within a barrier has left ahead of its mark.
  void Show(std::vector<ReplicaInspection>* out) const {
    for (uint32_t node = 1; node <= kNodes; ++node) {
      const Replica& replica = replicas_[node - 1];
      out->push_back(log_.Replica(Name(node), replica.applied));
      if (!replica.ahead) continue;
      out->back().snapshots = log_.Replica(Name(node), replica.applied + 1).snapshots;
    }
  }
  const ModelLog& log() const { return log_; }

 private:
  struct Replica {
    uint32_t incarnation = 1;
    uint64_t applied = 0;
    uint64_t durable = 0;
    bool ahead = false;  // the directories are those of the next index
  };
  ReplicaName Name(uint32_t node) const { return {tablet_, node, replicas_[node - 1].incarnation}; }
  LogPosition At(uint64_t index) const { return index == 0 ? LogPosition() : log_.at(index).op; }

  void Propose() {
    const std::string key(1, static_cast<char>('a' + random_.Below(8)));
    const FoldedSnapshots present = *log_.FoldTo(log_.size()).snapshots();
    const uint32_t old = present.empty() ? 0 : present.begin()->first;
    switch (random_.Below(10)) {
      case 0:
        log_.Create(++last_snapshot_);
        return;
      case 1:
        if (old != 0) log_.Restore(old, ++last_restoration_);
        return;
      case 2:
        if (old != 0) log_.Drop(old);
        return;
      case 3:
        log_.Nothing();
        return;
      case 4: {  // written, and sometimes written again
        const uint64_t sequence = ++sequence_;
        for (uint64_t copies = 1 + random_.Below(2); copies > 0; --copies) {
          log_.Write({IncrementOf("n", 3)}, 1, sequence, sequence);
        }
        judge_->ledger().Acknowledged(tablet_, log_.at(log_.size()).op, 1, sequence);
        return;
      }
      default:
        log_.Put(key, std::to_string(log_.size()));
    }
  }
  static bool IsBarrier(const LedgerEntry& entry) { return entry.kind >= LedgerEntry::Kind::kCreateSnapshot; }

  void Apply(uint32_t node) {
    Replica& replica = replicas_[node - 1];
    const LedgerEntry& entry = log_.at(replica.applied + 1);
    if (IsBarrier(entry)) {
      replica.durable = replica.applied;
      judge_->ledger().OnBegun(Name(node), entry);
    }
    ++replica.applied;
    replica.ahead = false;
    if (entry.kind == LedgerEntry::Kind::kRestore) replica.durable = replica.applied;
    judge_->ledger().OnApplied(Name(node), entry);
  }
  void Crash(uint32_t node) {
    Replica& replica = replicas_[node - 1];
    if (replica.applied < log_.size() && IsBarrier(log_.at(replica.applied + 1)) && random_.OneIn(2)) {
      // The effect is durable, and nobody has been told that it is applied.
      judge_->ledger().OnBegun(Name(node), log_.at(replica.applied + 1));
      const bool restore = log_.at(replica.applied + 1).kind == LedgerEntry::Kind::kRestore;
      replica.durable = replica.applied + (restore ? 1 : 0);
      replica.applied = replica.durable;
      replica.ahead = !restore;
    } else if (replica.applied > replica.durable) {
      // What was made or removed by the entry after the durable index is there all the same.
      replica.applied = replica.durable;
      replica.ahead = IsBarrier(log_.at(replica.applied + 1));
    }
    ++replica.incarnation;
    judge_->ledger().OnRecovered(Name(node), At(replica.applied));
  }
  void Install(uint32_t node) {
    Replica& replica = replicas_[node - 1];
    const Replica& source = replicas_[random_.Below(kNodes)];
    if (source.ahead || source.applied <= replica.applied) return;
    replica.applied = replica.durable = source.applied;
    replica.ahead = false;
    judge_->ledger().OnInstalled(Name(node), At(replica.applied));
  }

  const uint32_t tablet_;
  Random random_;
  StateJudge* judge_;
  ModelLog log_;
  std::array<Replica, kNodes> replicas_;
  uint32_t last_snapshot_ = 0;
  uint32_t last_restoration_ = 0;
  uint64_t sequence_ = 0;
};

TEST(StateJudge, AcceptsEveryClusterThatIsRight) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    StateJudge judge({.tables = 1, .tablets_per_table = 2});
    std::array<RightTablet, 2> tablets = {RightTablet(0, seed, &judge), RightTablet(1, seed + 1000, &judge)};
    for (int64_t step = 0; step < 400; ++step) {
      for (RightTablet& tablet : tablets) tablet.Step();
      if (step % 20 != 0) continue;
      Inspection inspection;
      inspection.event = step;
      for (const RightTablet& tablet : tablets) tablet.Show(&inspection.replicas);
      judge.Inspect(inspection, {});
    }
    for (RightTablet& tablet : tablets) tablet.CatchUp();
    ASSERT_EQ(TextOf(judge.Finish({})), "") << "seed " << seed;
    ASSERT_THAT(judge.unjudged(), IsEmpty()) << "seed " << seed;
    ASSERT_GT(judge.comparisons(), 100u);
  }
}

// The same clusters with one fault in one inspected replica.
TEST(StateJudge, RejectsEveryClusterWithOneWrongReplica) {
  int struck = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    StateJudge judge({.tables = 1, .tablets_per_table = 1});
    RightTablet tablet(0, seed, &judge);
    for (int64_t step = 0; step < 400; ++step) tablet.Step();
    tablet.CatchUp();
    Inspection inspection;
    inspection.quiet = true;
    tablet.Show(&inspection.replicas);
    ReplicaInspection& victim = inspection.replicas[seed % kNodes];
    if (seed % 3 == 0) {
      victim.rows["a"] += "x";
    } else if (victim.snapshots.empty()) {
      continue;
    } else if (seed % 3 == 1) {
      victim.snapshots.back().rows["a"] += "x";
    } else {
      victim.snapshots.pop_back();
    }
    ++struck;
    judge.Inspect(inspection, {});
    ASSERT_THAT(judge.ledger().violations(), Not(IsEmpty())) << "seed " << seed;
  }
  EXPECT_GT(struck, 30);
}

TEST(StateJudge, PutsTheFindingsOfAllCheckersTogether) {
  StateJudge judge({.tables = 1, .tablets_per_table = 1});
  ModelLog log;
  log.Put("a", "1");
  log.Create(1);
  CatalogueHistory catalogue(3);
  catalogue[0].kind = CatalogueOperation::Kind::kCreate;
  catalogue[0].outcome = history::Outcome::kOk;
  catalogue[0].snapshot = 1;
  catalogue[0].tables = {0};
  catalogue[0].invoke = 1;
  catalogue[0].complete = 2;
  catalogue[1].outcome = history::Outcome::kOk;
  catalogue[1].invoke = 3;
  catalogue[1].complete = 4;
  catalogue[1].snapshots = {{1, CatalogueState::kComplete, 0}};
  catalogue[2].outcome = history::Outcome::kOk;
  catalogue[2].invoke = 5;
  catalogue[2].complete = 6;
  Inspection inspection;
  inspection.event = 10;
  inspection.quiet = true;
  for (uint32_t node = 1; node <= kNodes; ++node) {
    judge.ledger().OnRecovered({0, node, 1}, {});
    for (uint64_t index = 1; index <= 2; ++index) judge.ledger().OnApplied({0, node, 1}, log.at(index));
    inspection.replicas.push_back(log.Replica({0, node, 1}, 2));
  }
  inspection.replicas[0].snapshots.clear();
  inspection.replicas[1].strays = {"snapshots/1.tmp"};
  judge.Inspect(inspection, catalogue);
  const std::string text = TextOf(judge.Finish(catalogue));
  for (const char* checker : {"ledger I3", "replica-agreement I1", "snapshots I3", "inventory I4", "catalogue"}) {
    EXPECT_THAT(text, HasSubstr(checker));
  }
  EXPECT_EQ(judge.quiet_inspections(), 1u);
}

}  // namespace
}  // namespace holdfast::check
