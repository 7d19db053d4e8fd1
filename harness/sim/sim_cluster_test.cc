// Properties of the simulated cluster as a whole: it comes up, keeps what it acknowledged, and does the same twice.

#include "harness/sim/sim_cluster.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/prng.h"
#include "sut/storage/layout.h"

namespace holdfast::sim {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kSecondUs = 1'000'000;

// Keeps what the tests ask about.
class Witness final : public ClusterObserver {
 public:
  void OnRecovered(const check::ReplicaName&, check::LogPosition) override { ++recovered; }
  void OnBegun(const check::ReplicaName& replica, const check::LedgerEntry& entry) override {
    begun.insert({replica.tablet, entry.op.index});
  }
  void OnApplied(const check::ReplicaName& replica, const check::LedgerEntry& entry) override {
    ++applied;
    const auto [known, fresh] = entry_hashes.try_emplace({replica.tablet, entry.op.index}, entry.hash);
    EXPECT_EQ(known->second, entry.hash) << "tablet " << replica.tablet << " index " << entry.op.index;
  }
  void OnInstalled(const check::ReplicaName&, check::LogPosition) override { ++installed; }
  void OnProbe(uint32_t, sut::Probe, std::optional<uint32_t>) override {}
  void OnNodeDown(uint32_t node, const std::string& why) override { down.push_back(absl::StrCat(node, " ", why)); }
  void OnNodeUp(uint32_t) override { ++up; }
  void OnViolation(const check::Violation& violation) override {
    violations.push_back(violation.summary + (violation.evidence.empty() ? "" : ": " + violation.evidence[0]));
  }
  std::set<std::pair<uint32_t, uint64_t>> begun;
  int recovered = 0;
  int applied = 0;
  int installed = 0;
  int up = 0;
  std::map<std::pair<uint32_t, uint64_t>, uint64_t> entry_hashes;
  std::vector<std::string> down;
  std::vector<std::string> violations;
};

plan::Plan MakePlan(uint64_t seed = 1) {
  plan::Plan plan;
  plan.set_format_version(1);
  plan.set_seed(seed);
  plan.mutable_shape()->set_nodes(3);
  plan.mutable_shape()->set_replication_factor(3);
  plan.mutable_shape()->set_tables(2);
  plan.mutable_shape()->set_tablets_per_table(2);
  plan.set_clients(2);
  return plan;
}

// A cluster, its witness, and a client that waits for its answers.
struct World {
  explicit World(const plan::Plan& plan, SimOptions options = {}) {
    auto made = SimCluster::Create(plan, &witness, std::move(options));
    EXPECT_TRUE(made.ok()) << made.status();
    cluster = *std::move(made);
    const absl::Status started = cluster->Start();
    EXPECT_TRUE(started.ok()) << started;
  }
  ~World() { EXPECT_THAT(witness.violations, IsEmpty()); }

  CallResult Call(uint32_t object, sut::proto::Request body, int64_t patience_us = 20 * kSecondUs) {
    std::optional<CallResult> result;
    const int64_t deadline_us = cluster->NowUs() + patience_us;
    cluster->Invoke({.object = object, .body = std::move(body), .deadline_us = deadline_us},
                    [&](const CallResult& answered) { result = answered; });
    cluster->RunUntil(deadline_us + kSecondUs, [&] { return result.has_value(); });
    EXPECT_TRUE(result.has_value()) << "a callback comes exactly once";
    return result.value_or(CallResult{});
  }
  // In tablet 0, under the first key from `name` on that lives there.
  static std::string KeyOf(const std::string& name) {
    std::string key = name;
    while (sut::MixString(key) >> 63 != 0) key += "'";
    return key;
  }
  CallResult Put(const std::string& name, const std::string& value) {
    sut::proto::Request body;
    sut::proto::Mutation* mutation = body.mutable_write()->add_mutations();
    mutation->set_key(KeyOf(name));
    mutation->set_value(value);
    return Call(0, body);
  }
  std::string Get(const std::string& name) {
    sut::proto::Request body;
    body.mutable_get()->set_key(KeyOf(name));
    const CallResult result = Call(0, body);
    if (result.outcome != CallOutcome::kOk) return absl::StrCat("error: ", result.reply.ShortDebugString());
    return result.reply.get().found() ? result.reply.get().value() : "absent";
  }
  void Run(int64_t for_us) { cluster->RunUntil(cluster->NowUs() + for_us, nullptr); }
  void RunUntilQuiet() {
    cluster->RunUntil(cluster->NowUs() + 60 * kSecondUs, [this] { return cluster->IsQuiet(); });
    EXPECT_THAT(cluster->WhyNotQuiet(), IsEmpty());
  }
  uint32_t Leader(uint32_t tablet = 0) {
    fault::Target target;
    target.set_role(fault::Target::LEADER);
    target.set_tablet(tablet);
    return cluster->Resolve(target).value_or(1);
  }
  void RestartAll() {
    for (uint32_t node = 1; node <= 3; ++node) {
      if (cluster->IsUp(node)) continue;
      EXPECT_TRUE(cluster->Restart(node).ok());
    }
  }

  Witness witness;
  std::unique_ptr<SimCluster> cluster;
};

TEST(SimClusterTest, BootsAndServesReadsAndWrites) {
  World world(MakePlan());
  EXPECT_EQ(world.Get("k"), "absent");
  EXPECT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk);
  EXPECT_EQ(world.Get("k"), "v1");
  world.RunUntilQuiet();
  EXPECT_GT(world.witness.applied, 0);
}

TEST(SimClusterTest, EveryShapeComesUp) {
  for (const auto& [nodes, replicas] : {std::pair(1, 1), std::pair(3, 1), std::pair(5, 3), std::pair(9, 5)}) {
    plan::Plan plan = MakePlan();
    plan.mutable_shape()->set_nodes(nodes);
    plan.mutable_shape()->set_replication_factor(replicas);
    World world(plan);
    EXPECT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk) << nodes << " nodes";
    EXPECT_EQ(world.Get("k"), "v1");
    world.RunUntilQuiet();
    EXPECT_EQ(world.cluster->Inspect().replicas.size(), static_cast<size_t>(4 * replicas + nodes));
  }
}

TEST(SimClusterTest, SurvivesTheLeadersCrash) {
  World world(MakePlan());
  ASSERT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk);
  const uint32_t leader = world.Leader();
  EXPECT_TRUE(world.cluster->Crash(leader, fault::Crash::PROCESS_DEATH, 1).ok());
  EXPECT_FALSE(world.cluster->IsUp(leader));
  EXPECT_EQ(world.Get("k"), "v1");
  EXPECT_EQ(world.Put("k", "v2").outcome, CallOutcome::kOk);
  ASSERT_TRUE(world.cluster->Restart(leader).ok());
  EXPECT_EQ(world.cluster->Restart(leader).code(), absl::StatusCode::kFailedPrecondition);
  world.RunUntilQuiet();
  EXPECT_EQ(world.Get("k"), "v2");
}

TEST(SimClusterTest, AcknowledgedWritesOutliveALossOfPowerOfAllNodes) {
  World world(MakePlan());
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(world.Put(absl::StrCat("k", i), absl::StrCat("v", i)).outcome, CallOutcome::kOk);
  }
  for (uint32_t node = 1; node <= 3; ++node)
    EXPECT_TRUE(world.cluster->Crash(node, fault::Crash::POWER_LOSS, node).ok());
  world.Run(kSecondUs);
  world.RestartAll();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(world.Get(absl::StrCat("k", i)), absl::StrCat("v", i));
  EXPECT_EQ(world.witness.down.size(), 3u);
}

TEST(SimClusterTest, AMinorityServesNothingUntilThePartitionIsMended) {
  World world(MakePlan());
  ASSERT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk);
  const uint32_t leader = world.Leader();
  std::vector<std::pair<uint32_t, uint32_t>> links;
  for (uint32_t other = 1; other <= 3; ++other) {
    if (other == leader) continue;
    links.push_back({leader, other});
    links.push_back({other, leader});
  }
  ASSERT_TRUE(world.cluster->Cut(1, links).ok());
  EXPECT_EQ(world.Put("k", "v2").outcome, CallOutcome::kOk);
  EXPECT_NE(world.Leader(), leader);
  EXPECT_EQ(world.Get("k"), "v2");
  world.cluster->Mend(1);
  world.RunUntilQuiet();
  EXPECT_EQ(world.Get("k"), "v2");
}

TEST(SimClusterTest, InspectionsSeeTheSameRowsRunningAndDown) {
  World world(MakePlan());
  ASSERT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk);
  world.RunUntilQuiet();
  const check::Inspection running = world.cluster->Inspect();
  EXPECT_TRUE(running.quiet);
  EXPECT_EQ(running.replicas.size(), 3u * 5u) << "four tablets and the master, on three nodes";
  for (const check::ReplicaInspection& replica : running.replicas) {
    EXPECT_TRUE(replica.running);
    EXPECT_EQ(replica.error, "");
    EXPECT_THAT(replica.strays, IsEmpty()) << "tablet " << replica.replica.tablet << " node " << replica.replica.node;
    if (replica.replica.tablet == 0) {
      EXPECT_EQ(replica.rows, (check::Rows{{World::KeyOf("k"), "v1"}}));
    }
  }
  sut::proto::Maintenance flush;
  flush.set_kind(sut::proto::Maintenance::FLUSH);
  world.cluster->Maintain(2, 0, flush);
  world.Run(kSecondUs);
  EXPECT_TRUE(world.cluster->Crash(2, fault::Crash::POWER_LOSS, 1).ok());
  int seen = 0;
  for (const check::ReplicaInspection& replica : world.cluster->Inspect().replicas) {
    if (replica.replica.node != 2) continue;
    EXPECT_FALSE(replica.running);
    EXPECT_EQ(replica.error, "");
    if (replica.replica.tablet != 0) continue;
    ++seen;
    EXPECT_EQ(replica.rows, (check::Rows{{World::KeyOf("k"), "v1"}}));
  }
  EXPECT_EQ(seen, 1);
}

TEST(SimClusterTest, SnapshotsAndRestoresWork) {
  World world(MakePlan());
  ASSERT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk);
  const PlanIds& ids = world.cluster->ids();
  sut::proto::Request create;
  create.mutable_catalogue()->mutable_create_snapshot()->set_id(sut::Bytes(ids.Snapshot(7)));
  create.mutable_catalogue()->mutable_create_snapshot()->add_tables(sut::Bytes(ids.Table(0)));
  ASSERT_EQ(world.Call(check::kMasterObject, create).outcome, CallOutcome::kOk);
  const auto list = [&] {
    sut::proto::Request request;
    request.mutable_list_snapshots();
    return world.Call(check::kMasterObject, request).reply.snapshots();
  };
  const auto wait_until = [&](const std::function<bool()>& reached) {
    for (int i = 0; i < 100 && !reached(); ++i) world.Run(kSecondUs / 10);
    EXPECT_TRUE(reached());
  };
  wait_until([&] { return list().snapshots(0).state() == sut::proto::SnapshotInfo::COMPLETE; });
  world.RunUntilQuiet();
  int snapshots = 0;
  for (const check::ReplicaInspection& replica : world.cluster->Inspect().replicas) {
    EXPECT_THAT(replica.strays, IsEmpty());
    for (const check::SnapshotOnDisk& snapshot : replica.snapshots) {
      ++snapshots;
      EXPECT_EQ(snapshot.snapshot, 7u);
      EXPECT_EQ(snapshot.error, "");
      if (replica.replica.tablet != 0) continue;
      EXPECT_EQ(snapshot.rows, (check::Rows{{World::KeyOf("k"), "v1"}}));
    }
  }
  EXPECT_EQ(snapshots, 2 * 3);
  ASSERT_EQ(world.Put("k", "v2").outcome, CallOutcome::kOk);
  sut::proto::Request restore;
  restore.mutable_catalogue()->mutable_restore_snapshot()->set_snapshot(sut::Bytes(ids.Snapshot(7)));
  restore.mutable_catalogue()->mutable_restore_snapshot()->set_restoration(sut::Bytes(ids.Restoration(9)));
  ASSERT_EQ(world.Call(check::kMasterObject, restore).outcome, CallOutcome::kOk);
  wait_until([&] { return list().restorations(0).state() == sut::proto::RestorationInfo::RESTORED; });
  EXPECT_EQ(world.Get("k"), "v1");
  EXPECT_GE(world.witness.begun.size(), 4u) << "on two tablets, a create and a restore";
  for (uint32_t node = 1; node <= 3; ++node)
    EXPECT_TRUE(world.cluster->Crash(node, fault::Crash::POWER_LOSS, node).ok());
  world.RestartAll();
  EXPECT_EQ(world.Get("k"), "v1");
}

TEST(SimClusterTest, AProbeCrashStrikesOnTheSpotAndOnce) {
  World world(MakePlan());
  std::vector<uint32_t> struck;
  const auto armed = world.cluster->ArmProbeCrash({.probe = sut::Probe::kEntriesSynced, .node = std::nullopt},
                                                  [&](uint32_t node) { struck.push_back(node); });
  ASSERT_TRUE(armed.ok());
  EXPECT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk);
  ASSERT_EQ(struck.size(), 1u);
  EXPECT_FALSE(world.cluster->IsUp(struck[0]));
  EXPECT_EQ(world.witness.down.size(), 1u);
  ASSERT_TRUE(world.cluster->Restart(struck[0]).ok());
  world.RunUntilQuiet();
  EXPECT_EQ(world.Get("k"), "v1");
}

// Every point of a write, a flush and the recovery after it: what was acknowledged stays.
TEST(SimClusterTest, EveryDiskMutationAndProbeIsACrashPoint) {
  const auto run = [](std::optional<SimCluster::PointCrash> point) {
    World world(MakePlan());
    SimCluster& cluster = *world.cluster;
    bool struck = false;
    if (point.has_value()) cluster.ArmPointCrash(*point, [&] { struck = true; });
    const auto revive = [&] {
      if (cluster.IsUp(1)) return;
      EXPECT_TRUE(cluster.Restart(1).ok());
    };
    EXPECT_EQ(world.Put("k", "v1").outcome, CallOutcome::kOk);
    revive();
    sut::proto::Maintenance flush;
    flush.set_kind(sut::proto::Maintenance::FLUSH);
    cluster.Maintain(1, 0, flush);
    world.Run(kSecondUs / 5);
    EXPECT_TRUE(cluster.Crash(1, fault::Crash::POWER_LOSS, 3).ok());
    world.Run(kSecondUs / 5);
    revive();
    revive();  // a crash may have struck the start
    EXPECT_EQ(world.Put("k", "v2").outcome, CallOutcome::kOk);
    revive();
    cluster.RunUntil(cluster.NowUs() + 60 * kSecondUs, [&] { return cluster.IsQuiet() || !cluster.IsUp(1); });
    revive();  // or it may have struck on the way to rest
    world.RunUntilQuiet();
    EXPECT_EQ(world.Get("k"), "v2");
    EXPECT_EQ(struck, point.has_value());
    return std::make_pair(cluster.mutation_count(1), cluster.probe_count(1));
  };
  const auto [mutations, probes] = run(std::nullopt);
  EXPECT_GT(mutations, 20u);
  EXPECT_GT(probes, 5u);
  constexpr uint64_t kRunsMax = 25;
  for (uint64_t i = 1; i <= std::min(mutations, kRunsMax); ++i) {
    run(SimCluster::PointCrash{.ordinal = 1 + (i - 1) * mutations / kRunsMax % mutations,
                               .kind = i % 2 == 0 ? fault::Crash::POWER_LOSS : fault::Crash::PROCESS_DEATH,
                               .salt = i});
  }
  for (uint64_t i = 1; i <= std::min<uint64_t>(probes, 10); ++i) {
    run(SimCluster::PointCrash{.point = SimCluster::PointKind::kProbe, .ordinal = i});
  }
}

// Some bad weather, some crashes; returns everything by which two runs are compared.
std::pair<uint64_t, uint64_t> StormyRun(uint64_t seed, SimOptions options = {}) {
  plan::Plan plan = MakePlan(seed);
  plan.mutable_world()->set_loss_permille(30);
  plan.mutable_world()->set_duplicate_permille(20);
  plan.mutable_world()->set_reorder_permille(30);
  World world(plan, std::move(options));
  for (int i = 0; i < 12; ++i) {
    world.Put(absl::StrCat("k", i % 4), absl::StrCat("v", i));
    if (i % 4 == 1) {
      EXPECT_TRUE(world.cluster->Crash(1 + i % 3, fault::Crash::POWER_LOSS, i).ok());
    }
    if (i % 4 == 3) world.RestartAll();
  }
  world.RestartAll();
  world.RunUntilQuiet();
  return {world.cluster->Digest(), world.cluster->FinalDraw()};
}

TEST(SimClusterTest, TheSameSeedGivesTheSameRun) {
  for (uint64_t seed = 1; seed <= 3; ++seed) EXPECT_EQ(StormyRun(seed), StormyRun(seed)) << "seed " << seed;
  EXPECT_NE(StormyRun(1), StormyRun(2));
}

TEST(SimClusterTest, ARealClockInTheRunIsNoticed) {
  int64_t real_us = 0;
  const auto run = [&real_us] {
    return StormyRun(1, {.clock_skew_us = [&real_us] { return static_cast<int64_t>(sut::MixBits(++real_us) % 50); }});
  };
  const auto first = run();
  const auto second = run();  // the "real" clock has gone on
  EXPECT_NE(first, second);
}

TEST(SimClusterTest, AVoteThatIsNotOnTheDiskIsFoundOutAsItLeaves) {
  plan::Plan plan = MakePlan();
  plan.add_bugs("vote-not-persisted");
  World world(plan);
  EXPECT_THAT(world.witness.violations, Contains(HasSubstr("votes in term 1 for ")));
  world.witness.violations.clear();
}

TEST(SimClusterTest, AReplicaThatForgetsWhatItPromisedIsFoundOut) {
  World world(MakePlan());
  EXPECT_THAT(world.witness.violations, IsEmpty());
  EXPECT_TRUE(world.cluster->LoseDisk(1).ok());
  world.RestartAll();
  EXPECT_THAT(world.witness.violations, Contains(HasSubstr("came back in term 0")));
  world.witness.violations.clear();
}

TEST(SimClusterTest, ANodeThatCannotReadItsOwnDiskIsAViolation) {
  World world(MakePlan());
  EXPECT_TRUE(world.cluster->Crash(2, fault::Crash::PROCESS_DEATH, 1).ok());
  const std::string current = sut::NodeLayout(SimNode::root(), {2}).log_store() + "/CURRENT";
  ASSERT_TRUE(world.cluster->disk(2).FlipBits(current, 0, 1).ok());
  EXPECT_FALSE(world.cluster->Restart(2).ok());
  EXPECT_FALSE(world.cluster->IsUp(2));
  EXPECT_THAT(world.witness.violations, ElementsAre(HasSubstr("can't start from its own disk")));
  world.witness.violations.clear();
}

TEST(SimClusterTest, ShapesThatMakeNoClusterAreRefused) {
  Witness witness;
  plan::Plan plan = MakePlan();
  plan.mutable_shape()->set_replication_factor(5);
  EXPECT_EQ(SimCluster::Create(plan, &witness).status().code(), absl::StatusCode::kInvalidArgument);
  plan = MakePlan();
  plan.add_bugs("no-such-bug");
  EXPECT_EQ(SimCluster::Create(plan, &witness).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast::sim
