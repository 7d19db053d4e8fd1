#include "harness/plan/profile.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace holdfast::plan {
namespace {

constexpr std::array<std::string_view, kThemeCount> kThemeNames = {
    "cycle",
    "restore-twice",
    "restore-write-crash",
    "back-to-back",
    "create-phase-crash",
    "restore-phase-crash",
    "leader-moves",
    "power-loss-after-create",
    "retry-across-restore",
    "drop",
    "duplicated-create",
    "slow-tablet",
    "lagging-follower",
    "election-storm",
    "master-trouble",
    "recovery-crash",
    "isolated-leader",
    "isolated-master",
    "rolling-isolation",
    "deposed-leader-lags",
    "odd-network",
    "restart-loop",
    "rivals",
    "replace-replica",
    "replace-dead",
    "lost-disk",
    "dropped-table",
    "imported-snapshot",
    "long-scans",
    "grow-and-shrink",
    "master-to-and-fro",
};

// Every phase of a snapshot's life, met by each of these faults.
std::vector<std::string> Cells(std::initializer_list<const char*> faults) {
  std::vector<std::string> cells;
  for (const char* phase : {"creating", "restoring", "deleting", "installing"}) {
    for (const char* fault : faults) cells.push_back(absl::StrCat(phase, "/", fault));
  }
  return cells;
}

void Weigh(Profile* profile, std::initializer_list<std::pair<Theme, uint32_t>> weights) {
  for (const auto& [theme, weight] : weights) profile->theme_weights[static_cast<int>(theme)] = weight;
}

void SwitchOff(Profile* profile, std::initializer_list<std::pair<Kind, uint32_t>> permille) {
  for (const auto& [kind, off] : permille) profile->off_permille[static_cast<int>(kind)] = off;
}

// More of what snapshots go through, over fewer faults.
Profile SnapshotProfile() {
  Profile profile = DefaultProfile();
  profile.name = "snapshots";
  profile.snapshots = {4, 8};
  profile.drops = {0, 4};
  Weigh(&profile, {{Theme::kBackToBack, 25},
                   {Theme::kCreatePhaseCrash, 25},
                   {Theme::kDrop, 20},
                   {Theme::kDuplicatedCreate, 20},
                   {Theme::kSlowTablet, 20},
                   {Theme::kElectionStorm, 2}});
  profile.floors = Cells({"process-death", "power-loss"});
  return profile;
}

Profile RestoreProfile() {
  Profile profile = DefaultProfile();
  profile.name = "restores";
  profile.restores = {3, 7};
  Weigh(&profile, {{Theme::kRestoreTwice, 25},
                   {Theme::kRestoreWriteCrash, 25},
                   {Theme::kRestorePhaseCrash, 25},
                   {Theme::kRetryAcrossRestore, 25},
                   {Theme::kElectionStorm, 2},
                   {Theme::kDrop, 2}});
  profile.floors = {"restoring/process-death", "restoring/power-loss", "restoring/partition", "restoring/weather"};
  return profile;
}

// Tables that are dropped, and snapshots that are exported and imported.
Profile TablesProfile() {
  Profile profile = DefaultProfile();
  profile.name = "tables";
  profile.tables = {{200, 1}, {500, 2}, {300, 3}};
  profile.client_operations = {70, 130};
  Weigh(&profile, {{Theme::kDroppedTable, 90}, {Theme::kImportedSnapshot, 90}, {Theme::kElectionStorm, 2}});
  profile.uneven_permille = 500;
  profile.floors = {"adopting/process-death", "adopting/power-loss",    "removing/process-death",
                    "removing/power-loss",    "creating/process-death", "restoring/process-death"};
  return profile;
}

// Partitions and weather rather than crashes.
Profile NetworkProfile() {
  Profile profile = DefaultProfile();
  profile.name = "network";
  profile.faults = {5, 11};
  profile.leader_moves = {1, 6};
  Weigh(&profile, {{Theme::kIsolatedLeader, 20},
                   {Theme::kIsolatedMaster, 20},
                   {Theme::kRollingIsolation, 20},
                   {Theme::kDeposedLeaderLags, 20},
                   {Theme::kOddNetwork, 20},
                   {Theme::kLongScans, 20}});
  // Shapes that a ring needs.
  profile.shapes = {{800, 3, 3}, {100, 5, 3}, {100, 5, 5}};
  SwitchOff(&profile, {{Kind::kPartition, 20},
                       {Kind::kOneWay, 100},
                       {Kind::kWeather, 50},
                       {Kind::kRoughWorld, 300},
                       {Kind::kProcessDeath, 800},
                       {Kind::kPowerLoss, 800},
                       {Kind::kRestartLoop, 900},
                       {Kind::kPause, 100},
                       {Kind::kSlowLink, 100},
                       {Kind::kShapedPartition, 100},
                       {Kind::kCrashAll, 900}});
  profile.floors = Cells({"partition", "weather"});
  profile.floors.insert(profile.floors.end(),
                        {"idle/pause", "idle/slow-link", "creating/slow-link", "restoring/slow-link"});
  return profile;
}

// Disks that fail, fill up, forget and rot, under a cluster that also crashes.
Profile DiskProfile() {
  Profile profile = DefaultProfile();
  profile.name = "disk";
  profile.faults = {4, 11};
  profile.disk_permille = 650;
  profile.maintenance = {2, 8};
  profile.inspections = {1, 5};
  SwitchOff(&profile, {{Kind::kDiskError, 150}, {Kind::kDiskLatency, 300}, {Kind::kDiskDamage, 400}});
  profile.floors = Cells({"disk", "process-death", "power-loss"});
  profile.floors.push_back("idle/rot");
  return profile;
}

// Clocks that disagree, and the races of time-outs that this brings.
Profile ClockProfile() {
  Profile profile = DefaultProfile();
  profile.name = "clocks";
  profile.faults = {4, 10};
  profile.clock_permille = 600;
  SwitchOff(&profile, {{Kind::kClock, 0}});
  profile.floors = Cells({"clock", "process-death"});
  return profile;
}

// Replicas come and go, and nodes lose their disks. No more than one at a time, under crashes and partitions.
Profile MembershipProfile() {
  Profile profile = DefaultProfile();
  profile.name = "membership";
  profile.shapes = {{350, 3, 3}, {350, 5, 3, 3}, {100, 5, 3}, {100, 5, 5, 3}, {50, 1, 1}, {50, 3, 1, 1}};
  profile.faults = {3, 8};
  Weigh(&profile, {{Theme::kReplaceReplica, 60},
                   {Theme::kReplaceDead, 100},
                   {Theme::kGrowAndShrink, 50},
                   {Theme::kLostDisk, 90},
                   {Theme::kImportedSnapshot, 0}});
  profile.enough_weight = 20;
  profile.floors = {"joining/process-death", "joining/power-loss", "joining/partition", "idle/disk-loss"};
  profile.changes_groups = true;
  return profile;
}

// Many plans in little time: one tablet, one snapshot, one restore, hardly a fault. Finds what is wrong always, and
// shows what a long campaign does to the machine.
Profile SmallProfile() {
  Profile profile = DefaultProfile();
  profile.name = "small";
  profile.shapes = {{800, 3, 3}, {200, 1, 1}};
  profile.tables = {{1, 1}};
  profile.tablets = {{1, 1}};
  profile.clients = {1, 2};
  profile.client_operations = {10, 20};
  profile.snapshots = {1, 1};
  profile.restores = {1, 1};
  profile.faults = {0, 1};
  profile.leader_moves = {0, 1};
  profile.maintenance = {0, 1};
  profile.inspections = {0, 1};
  profile.lists = {0, 1};
  profile.drops = {0, 1};
  profile.duration_us = {6'000'000, 8'000'000};
  profile.quiet_permille = 300;
  profile.theme_weights.fill(1);
  Weigh(&profile,
        {{Theme::kReplaceReplica, 0}, {Theme::kReplaceDead, 0}, {Theme::kGrowAndShrink, 0}, {Theme::kLostDisk, 0}});
  profile.enough_weight = 30;
  return profile;
}

// Nothing is ever switched off for long, and every theme is as likely as any other.
Profile EverythingProfile() {
  Profile profile = DefaultProfile();
  profile.name = "everything";
  profile.disk_permille = 200;
  profile.clock_permille = 80;
  // Disks are lost only where masters are not everywhere.
  profile.shapes = {{790, 3, 3}, {30, 1, 1}, {20, 5, 3}, {100, 5, 3, 3}, {40, 5, 5}, {20, 3, 1}};
  profile.faults = {4, 12};
  profile.maintenance = {1, 6};
  profile.inspections = {1, 4};
  profile.extreme_permille = 220;
  profile.quiet_permille = 10;
  profile.theme_weights.fill(10);
  profile.changes_groups = true;
  profile.off_permille.fill(100);
  // A plan damages disks or changes groups.
  SwitchOff(&profile,
            {{Kind::kLargeValue, 500}, {Kind::kMixedKeys, 800}, {Kind::kRoughWorld, 500}, {Kind::kDiskDamage, 500}});
  profile.floors = Cells({"process-death", "power-loss", "partition", "weather"});
  profile.floors.insert(profile.floors.end(),
                        {"idle/pause", "idle/slow-link", "creating/slow-link", "restoring/slow-link", "creating/disk",
                         "restoring/disk", "idle/rot", "idle/clock", "creating/clock", "idle/disk-loss"});
  profile.every_probe = true;
  return profile;
}

// The baseline that hunts are measured against: as many operations, snapshots and restores at random moments, and
// nothing that looks for trouble: no faults, no triggers, no themes, no odd constants.
Profile PlainProfile() {
  Profile profile = DefaultProfile();
  profile.name = "plain";
  profile.faults = {0, 0};
  profile.leader_moves = {0, 0};
  profile.maintenance = {0, 0};
  profile.quiet_permille = 1000;
  profile.extreme_permille = 0;
  profile.theme_weights.fill(0);
  SwitchOff(&profile, {{Kind::kLeaderMove, 1000}, {Kind::kMaintenance, 1000}, {Kind::kRoughWorld, 1000}});
  return profile;
}

constexpr std::array<std::string_view, 11> kProfileNames = {"default",    "snapshots", "restores", "membership",
                                                            "network",    "disk",      "clocks",   "tables",
                                                            "everything", "plain",     "small"};

}  // namespace

std::string_view ThemeName(Theme theme) { return kThemeNames[static_cast<int>(theme)]; }

Profile DefaultProfile() {
  Profile profile;
  profile.name = "default";
  // What is larger than three nodes, two tables and two tablets is dear, so it is rare.
  profile.shapes = {{930, 3, 3}, {25, 1, 1}, {20, 5, 3}, {15, 5, 5}, {10, 3, 1}};
  profile.tables = {{140, 1}, {820, 2}, {40, 3}};
  profile.tablets = {{140, 1}, {800, 2}, {40, 3}, {20, 4}};
  profile.clients = {2, 5};
  profile.client_operations = {110, 190};
  profile.snapshots = {2, 4};
  profile.restores = {1, 3};
  profile.faults = {2, 8};
  profile.leader_moves = {0, 4};
  profile.maintenance = {0, 5};
  profile.inspections = {0, 4};
  profile.lists = {0, 5};
  profile.drops = {0, 2};
  profile.rows_per_table = {4, 16};
  profile.duration_us = {16'000'000, 30'000'000};
  profile.disk_permille = 0;
  profile.clock_permille = 0;
  profile.uneven_permille = 250;
  profile.quiet_permille = 40;
  profile.extreme_permille = 170;
  profile.theme_weights.fill(10);
  profile.enough_weight = 12;
  Weigh(&profile, {{Theme::kCycle, 8},
                   {Theme::kRetryAcrossRestore, 14},
                   {Theme::kDuplicatedCreate, 12},
                   {Theme::kLaggingFollower, 14},
                   {Theme::kCreatePhaseCrash, 14},
                   {Theme::kRestorePhaseCrash, 14},
                   {Theme::kSlowTablet, 12},
                   {Theme::kPowerLossAfterCreate, 12},
                   {Theme::kDrop, 6},
                   {Theme::kMasterTrouble, 7},
                   {Theme::kElectionStorm, 7},
                   {Theme::kRecoveryCrash, 3},
                   {Theme::kIsolatedLeader, 12},
                   {Theme::kIsolatedMaster, 16},
                   {Theme::kRollingIsolation, 8},
                   {Theme::kDeposedLeaderLags, 8},
                   {Theme::kOddNetwork, 4},
                   {Theme::kRestartLoop, 4},
                   {Theme::kRivals, 18},
                   {Theme::kReplaceReplica, 0},
                   {Theme::kReplaceDead, 0},
                   {Theme::kLostDisk, 0},
                   {Theme::kDroppedTable, 8},
                   {Theme::kImportedSnapshot, 12},
                   {Theme::kLongScans, 8},
                   {Theme::kGrowAndShrink, 0}});
  profile.off_permille.fill(200);
  SwitchOff(&profile, {{Kind::kIncrement, 120},
                       {Kind::kDropSnapshot, 250},
                       {Kind::kCrashAll, 400},
                       {Kind::kOneWay, 400},
                       {Kind::kLargeValue, 800},
                       {Kind::kMixedKeys, 900},
                       {Kind::kRoughWorld, 700},
                       {Kind::kMaintenance, 400},
                       {Kind::kInspect, 300},
                       {Kind::kPause, 300},
                       {Kind::kSlowLink, 500},
                       {Kind::kShapedPartition, 500},
                       {Kind::kRestartLoop, 500}});
  profile.floors = Cells({"process-death", "power-loss", "partition"});
  profile.every_probe = true;
  return profile;
}

std::optional<Profile> ProfileNamed(std::string_view name) {
  if (name == "default") return DefaultProfile();
  if (name == "snapshots") return SnapshotProfile();
  if (name == "restores") return RestoreProfile();
  if (name == "network") return NetworkProfile();
  if (name == "membership") return MembershipProfile();
  if (name == "small") return SmallProfile();
  if (name == "everything") return EverythingProfile();
  if (name == "plain") return PlainProfile();
  if (name == "tables") return TablesProfile();
  if (name == "disk") return DiskProfile();
  if (name == "clocks") return ClockProfile();
  return std::nullopt;
}

std::vector<std::string_view> ProfileNames() { return {kProfileNames.begin(), kProfileNames.end()}; }

std::string ProfileNamesText() {
  return absl::StrJoin(std::vector<std::string>(kProfileNames.begin(), kProfileNames.end()), ", ");
}

}  // namespace holdfast::plan
