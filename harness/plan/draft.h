// A plan in the making: a timeline on which themes put operations and faults at moments of their choice.
//
// The steps of a plan follow one another by gaps; themes overlap. So a draft keeps absolute times and turns them into
// gaps at the end. Whatever is put in counts towards the plan's sizes. A kind that the plan's swarm has switched off is
// left out or replaced by its nearest neighbour here, so that themes need not ask.

#ifndef HARNESS_PLAN_DRAFT_H_
#define HARNESS_PLAN_DRAFT_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "harness/plan/keys.h"
#include "harness/plan/plan.pb.h"
#include "harness/plan/profile.h"
#include "sut/base/prng.h"
#include "sut/base/probe.h"

namespace holdfast::plan {

inline constexpr uint64_t kMillisecond = 1'000;

// One tablet of a plan.
struct TabletRef {
  uint32_t table = 0;
  uint32_t tablet = 0;
};

class Draft {
 public:
  // How many of each kind stand on the timeline.
  struct Counts {
    uint64_t client_operations = 0;
    uint64_t snapshots = 0;
    uint64_t restores = 0;
    uint64_t drops = 0;
    uint64_t faults = 0;
    uint64_t exports = 0;
    uint64_t imports = 0;
    uint64_t group_changes = 0;
  };

  // Work of several clients at once.
  struct Burst {
    uint64_t at_us = 0;
    uint64_t spread_us = 0;
    uint64_t count = 0;
    bool on_tablet = false;  // all of it on `tablet`
    TabletRef tablet = {};
    bool writes_only = false;
    bool reads_only = false;
    bool scans_only = false;
    bool increments_mostly = false;
    std::vector<uint32_t> clients = {};  // only these; empty: any
  };

  struct CreatedSnapshot {
    uint32_t number = 0;
    uint64_t at_us = 0;
    std::vector<uint32_t> tables;
  };

  // Draws shape, options, world, swarm and keys.
  Draft(uint64_t seed, const Profile& profile);

  sut::Prng* random() { return &random_; }
  // Both ends included.
  uint64_t Between(uint64_t min, uint64_t max) { return Draw({min, max}, &random_); }
  uint64_t BetweenMs(uint64_t min, uint64_t max) { return Between(min * kMillisecond, max * kMillisecond); }
  bool Chance(uint32_t permille) { return random_.NextBelow(1000) < permille; }

  const Profile& profile() const { return profile_; }
  const Swarm& swarm() const { return swarm_; }
  const Counts& counts() const { return counts_; }
  const Shape& shape() const { return plan_.shape(); }
  uint64_t duration_us() const { return duration_us_; }
  Options* options() { return plan_.mutable_options(); }
  // How long a follower waits at least before it stands for election.
  uint64_t election_us() const;
  TabletRef AnyTablet();

  // What clients do.
  void AddClientOperation(uint64_t at_us);
  void AddBurst(const Burst& burst);
  // Some clients, but not all; none if there is only one.
  std::vector<uint32_t> SomeClients();
  std::vector<uint32_t> AllClientsBut(const std::vector<uint32_t>& clients) const;
  // Creates a snapshot of some tables, or of all. `clients` as in Burst, also below.
  CreatedSnapshot Create(uint64_t at_us, const std::vector<uint32_t>& clients = {});
  CreatedSnapshot CreateOfAll(uint64_t at_us);
  // REQUIRES: at_us is not before the create.
  void Restore(uint64_t at_us, uint32_t snapshot);
  void Drop(uint64_t at_us, uint32_t snapshot, const std::vector<uint32_t>& clients = {});
  // As soon as one of the probes is hit.
  void DropWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, uint32_t snapshot);
  void List(uint64_t at_us, const std::vector<uint32_t>& clients = {});
  // Reads of the snapshot's tables: gets, and a scan of each tablet.
  void Observe(uint64_t at_us, const CreatedSnapshot& snapshot);
  const std::vector<CreatedSnapshot>& snapshots() const { return snapshots_; }

  // Targets. Where the shape has no followers, the leader stands in.
  fault::Target Node(uint32_t node) const;
  fault::Target AnyNode();
  fault::Target Leader(TabletRef tablet) const;
  fault::Target Follower(TabletRef tablet);
  fault::Target MasterLeader() const;
  fault::Target AnyTarget();

  // Faults; each tells whether it was put in.
  bool can_crash() const { return swarm_.has(Kind::kProcessDeath) || swarm_.has(Kind::kPowerLoss); }
  bool can_partition() const { return swarm_.has(Kind::kPartition) && shape().nodes() > 1; }
  bool Crash(uint64_t at_us, fault::Target target, Range restart_after_us);
  bool CrashAll(uint64_t at_us, Range restart_after_us);
  // At the hit of one of the probes on any node, or on one drawn; the node that hits it crashes.
  bool CrashWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, Range restart_after_us);
  // The same, but what happens to the node may also be that it is cut off or paused, or that a leader moves.
  bool TroubleWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, Range over_after_us);
  bool Partition(uint64_t at_us, fault::Target side, Range heal_after_us);
  bool Weather(uint64_t at_us, fault::Weather weather);
  // Of one node's disk: an error, room that runs out, slowness or damage. Only in profiles with disk faults.
  bool DiskFault(uint64_t at_us);
  bool ClockFault(uint64_t at_us);
  bool PowerLoss(uint64_t at_us, fault::Target target, Range restart_after_us);
  // Of a node that holds no replica of the master, if there are such.
  bool LoseDisk(uint64_t at_us, Range restart_after_us);
  // The target, and these clients with it, against the rest.
  bool Isolate(uint64_t at_us, fault::Target side, std::vector<uint32_t> clients_inside, Range heal_after_us);
  bool Pause(uint64_t at_us, fault::Target target, Range resume_after_us);
  bool SlowLink(uint64_t at_us, fault::Target from, fault::Target to, Range heal_after_us);
  // A ring or a bridge, whichever the shape admits.
  bool OddPartition(uint64_t at_us, Range heal_after_us);
  bool CrashLoop(uint64_t at_us, fault::Target target, Range restart_after_us);
  bool CrashInTurn(uint64_t at_us, Range stagger_us);
  // A crash, a partition or a pause, whichever the plan may use.
  bool TakeAway(uint64_t at_us, fault::Target target, Range back_after_us);
  // A fault of any kind.
  bool AnyFault(uint64_t at_us);

  // The replica goes, or comes, or is replaced; false where the plan has other things in mind for its disks.
  bool ChangeReplicas(uint64_t at_us, Membership::Kind kind, fault::Target target);
  // draft_tables.cc
  void DropTable(uint64_t at_us, uint32_t table);
  // As soon as one of the probes is hit.
  void DropTableWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, uint32_t table);
  // An export of a snapshot: its number, and what it is of.
  struct Exported {
    uint32_t number = 0;
    CreatedSnapshot snapshot;
  };
  Exported Export(uint64_t at_us, const CreatedSnapshot& snapshot);
  // Into the tables that it comes from; or, if it is of one table, into any.
  CreatedSnapshot Import(uint64_t at_us, const Exported& exported);
  void Damage(uint64_t at_us, const Exported& exported);

  void MoveLeader(uint64_t at_us, bool master);
  void Maintain(uint64_t at_us);
  void Flush(uint64_t at_us, const fault::Target& replica);
  void Inspect(uint64_t at_us);

  // REQUIRES: called once, last.
  Plan Finish();

 private:
  struct Event {
    uint64_t at_us;
    Step step;
  };

  Step* Add(uint64_t at_us);
  Step* AddWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes);
  fault::Fault* AddFault(uint64_t at_us);
  void DrawOptions();
  void DrawWorld();
  fault::Crash::Kind DrawCrashKind();
  fault::Partition::Kind DrawPartitionKind();
  // A plan damages disks, imports snapshots or changes groups, one of the last with neither of the others.
  bool can_change_groups() const {
    return (profile_.disk_permille == 0 || !swarm_.has(Kind::kDiskDamage)) && counts_.imports == 0;
  }
  bool DiskError(uint64_t at_us);
  bool DiskErrorInRecovery(uint64_t at_us);
  bool DiskErrorThenPowerLoss(uint64_t at_us);
  bool DiskErrorWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes);
  bool DiskLatency(uint64_t at_us);
  bool DiskDamage(uint64_t at_us);
  CreatedSnapshot CreateOf(uint64_t at_us, std::vector<uint32_t> tables, const std::vector<uint32_t>& clients = {});
  uint32_t ClientOf(const std::vector<uint32_t>& clients);
  void FillOperation(const Burst& burst, TabletRef tablet, ClientOperation* operation);
  void FillMutation(const Burst& burst, TabletRef tablet, Mutation* mutation);
  std::string DrawValue();

  const Profile& profile_;
  sut::Prng random_;
  Plan plan_;
  Swarm swarm_;
  uint64_t duration_us_;
  KeyPool keys_;
  Counts counts_;
  uint64_t values_ = 0;
  uint32_t damaged_node_ = 0;  // the one whose disk may be damaged; 0: none yet
  std::vector<CreatedSnapshot> snapshots_;
  std::vector<Event> events_;
};

}  // namespace holdfast::plan

#endif  // HARNESS_PLAN_DRAFT_H_
