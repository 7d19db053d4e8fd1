// Disk faults of a draft: which operation of which files, how often, and for how long.
//
// Errors may befall every node, one after the other or at once, since they leave nothing behind. Damage is given to one
// node for the whole plan, and only where its groups can do without it.

#include <algorithm>

#include "harness/plan/draft.h"
#include "harness/plan/plan_disk_faults.h"

namespace holdfast::plan {
namespace {

constexpr Range kErrorHealUs = {200'000, 5'000'000};
constexpr Range kFullUs = {300'000, 4'000'000};
constexpr Range kBackSoonUs = {50'000, 500'000};
constexpr Range kSlowUs = {300'000, 5'000'000};

struct Choice {
  fault::Disk::Operation operation;
  fault::PathClass path_class;
};

// What a snapshot is made of.
constexpr Choice kCreateErrors[] = {
    {fault::Disk::SYNC, fault::SST},
    {fault::Disk::APPEND, fault::SST},
    {fault::Disk::CREATE, fault::SST},
    {fault::Disk::LINK, fault::SST},
    {fault::Disk::SYNC, fault::MANIFEST},
    {fault::Disk::CREATE, fault::TMP},
    {fault::Disk::APPEND, fault::TMP},
    {fault::Disk::SYNC, fault::TMP},
    {fault::Disk::RENAME, fault::TMP},
    {fault::Disk::APPEND, fault::SNAPSHOT_METADATA},
    {fault::Disk::SYNC, fault::SNAPSHOT_METADATA},
    {fault::Disk::SYNC_DIRECTORY, fault::TMP},
    {fault::Disk::SYNC_DIRECTORY, fault::SNAPSHOT},
};

// Where a node works: what is struck at random would mostly be the log.
constexpr Choice kErrors[] = {
    {fault::Disk::SYNC, fault::RAFT_LOG},
    {fault::Disk::APPEND, fault::RAFT_LOG},
    {fault::Disk::CREATE, fault::RAFT_LOG},
    {fault::Disk::READ, fault::RAFT_LOG},
    {fault::Disk::SYNC, fault::SST},
    {fault::Disk::APPEND, fault::SST},
    {fault::Disk::READ, fault::SST},
    {fault::Disk::OPEN, fault::SST},
    {fault::Disk::LINK, fault::SST},
    {fault::Disk::APPEND, fault::MANIFEST},
    {fault::Disk::SYNC, fault::MANIFEST},
    {fault::Disk::OPEN, fault::MANIFEST},
    {fault::Disk::CREATE, fault::TMP},
    {fault::Disk::APPEND, fault::TMP},
    {fault::Disk::SYNC, fault::TMP},
    {fault::Disk::LINK, fault::TMP},
    {fault::Disk::RENAME, fault::TMP},
    {fault::Disk::UNLINK, fault::TMP},
    {fault::Disk::MAKE_DIRECTORY, fault::TMP},
    {fault::Disk::SYNC_DIRECTORY, fault::TMP},
    {fault::Disk::SYNC_DIRECTORY, fault::SNAPSHOT},
    {fault::Disk::READ, fault::SNAPSHOT},
    {fault::Disk::RENAME, fault::SNAPSHOT},
    {fault::Disk::UNLINK, fault::SNAPSHOT},
    {fault::Disk::APPEND, fault::SNAPSHOT_METADATA},
    {fault::Disk::SYNC, fault::SNAPSHOT_METADATA},
    {fault::Disk::READ, fault::SNAPSHOT_METADATA},
    {fault::Disk::SYNC_DIRECTORY, fault::OTHER},
    {fault::Disk::MAKE_DIRECTORY, fault::OTHER},
    {fault::Disk::RENAME, fault::MANIFEST},
};

constexpr Choice kRecoveryErrors[] = {
    {fault::Disk::READ, fault::SST},   {fault::Disk::READ, fault::RAFT_LOG}, {fault::Disk::READ, fault::MANIFEST},
    {fault::Disk::OPEN, fault::SST},   {fault::Disk::SYNC, fault::RAFT_LOG}, {fault::Disk::SYNC, fault::MANIFEST},
    {fault::Disk::UNLINK, fault::TMP}, {fault::Disk::RENAME, fault::TMP},
};

constexpr fault::PathClass kDamaged[] = {fault::RAFT_LOG,          fault::SST, fault::MANIFEST, fault::SNAPSHOT,
                                         fault::SNAPSHOT_METADATA, fault::TMP};

// Where what fails would have made something durable.
constexpr Choice kFailedSyncs[] = {
    {fault::Disk::SYNC, fault::RAFT_LOG},           {fault::Disk::SYNC, fault::RAFT_LOG},
    {fault::Disk::SYNC, fault::RAFT_LOG},           {fault::Disk::SYNC, fault::SST},
    {fault::Disk::SYNC, fault::MANIFEST},           {fault::Disk::SYNC, fault::TMP},
    {fault::Disk::SYNC, fault::SNAPSHOT_METADATA},  {fault::Disk::SYNC_DIRECTORY, fault::TMP},
    {fault::Disk::SYNC_DIRECTORY, fault::SNAPSHOT}, {fault::Disk::SYNC_DIRECTORY, fault::OTHER},
};

// Full for a moment, or beyond a quota, just when this is done.
bool TakesRoom(fault::Disk::Operation operation) {
  return operation == fault::Disk::APPEND || operation == fault::Disk::CREATE || operation == fault::Disk::LINK ||
         operation == fault::Disk::MAKE_DIRECTORY;
}

}  // namespace

bool Draft::DiskFault(uint64_t at_us) {
  const uint64_t kind = random_.NextBelow(100);
  if (kind < 25 && DiskDamage(at_us)) return true;
  if (kind < 40 && DiskLatency(at_us)) return true;
  if (kind < 55 && DiskErrorInRecovery(at_us)) return true;
  if (kind < 72 && DiskErrorThenPowerLoss(at_us)) return true;
  return DiskError(at_us);
}

bool Draft::DiskError(uint64_t at_us) {
  if (!swarm_.has(Kind::kDiskError)) return false;
  // At a random moment disks have little to do; while a snapshot is made they have.
  const bool at_create = !snapshots_.empty() && Chance(500);
  if (at_create) {
    const uint64_t create_us = snapshots_[random_.NextBelow(snapshots_.size())].at_us;
    at_us = create_us - std::min(create_us, BetweenMs(0, 40));
  }
  fault::Disk* disk = AddFault(at_us)->mutable_disk();
  *disk->mutable_target() = AnyTarget();
  const uint64_t kind = random_.NextBelow(100);
  if (kind < 25) {  // full: nothing can be added any more
    disk->set_effect(fault::Disk::NO_SPACE);
    disk->set_nth(static_cast<uint32_t>(Between(1, 40)));
    disk->set_lasting(true);
    disk->set_heal_after_us(Draw(kFullUs, &random_));
    return true;
  }
  const Choice& choice = at_create && Chance(600) ? kCreateErrors[random_.NextBelow(std::size(kCreateErrors))]
                                                  : kErrors[random_.NextBelow(std::size(kErrors))];
  disk->set_operation(choice.operation);
  disk->set_path_class(choice.path_class);
  if (TakesRoom(choice.operation) && Chance(350)) disk->set_effect(fault::Disk::NO_SPACE);
  if (choice.operation == fault::Disk::APPEND && Chance(350)) disk->set_effect(fault::Disk::SHORT);
  disk->set_nth(static_cast<uint32_t>(Between(1, Chance(700) ? 4 : 40)));
  if (Chance(150)) {
    disk->set_lasting(true);
  } else if (Chance(300)) {
    disk->set_times(static_cast<uint32_t>(Between(2, 6)));
  }
  if (!Chance(100)) disk->set_heal_after_us(Draw(kErrorHealUs, &random_));
  return true;
}

// Two faults on purpose: what a node needs to come back is what it can't read or write.
bool Draft::DiskErrorInRecovery(uint64_t at_us) {
  if (!swarm_.has(Kind::kDiskError) || !can_crash()) return false;
  const fault::Target node = AnyNode();
  // What was never flushed has nothing that could be read.
  if (Chance(400)) options()->set_flush_after_entries(Between(1, 8));
  // What a start mostly does is read its stores.
  const Choice& choice =
      Chance(500) ? kRecoveryErrors[0] : kRecoveryErrors[random_.NextBelow(std::size(kRecoveryErrors))];
  Crash(at_us, node, kBackSoonUs);
  // Armed when the node is down: its first operations are those of its start.
  fault::Disk* disk = AddFault(at_us + 1)->mutable_disk();
  *disk->mutable_target() = node;
  disk->set_operation(choice.operation);
  disk->set_path_class(choice.path_class);
  // A store takes about ten reads to open and look into; the master's comes first.
  disk->set_nth(static_cast<uint32_t>(Between(1, Chance(700) ? 12 : 40)));
  disk->set_heal_after_us(Draw(kErrorHealUs, &random_) + kBackSoonUs.max);
  return true;
}

// Whoever goes on after a sync that failed has promised what the power takes. The errors last until then, since the
// next sync that succeeds makes up for those before.
bool Draft::DiskErrorThenPowerLoss(uint64_t at_us) {
  if (!swarm_.has(Kind::kDiskError) || !swarm_.has(Kind::kPowerLoss)) return false;
  if (!snapshots_.empty() && Chance(300)) {
    const uint64_t create_us = snapshots_[random_.NextBelow(snapshots_.size())].at_us;
    at_us = create_us - std::min(create_us, BetweenMs(0, 40));
  }
  const fault::Target node = AnyNode();
  const Choice& choice = kFailedSyncs[random_.NextBelow(std::size(kFailedSyncs))];
  fault::Disk* disk = AddFault(at_us)->mutable_disk();
  *disk->mutable_target() = node;
  disk->set_operation(choice.operation);
  disk->set_path_class(choice.path_class);
  const uint64_t loss_us = BetweenMs(5, 400);
  disk->set_lasting(true);
  disk->set_heal_after_us(loss_us);
  AddBurst({.at_us = at_us,
            .spread_us = loss_us,
            .count = Between(4, 10),
            .on_tablet = Chance(500),
            .tablet = AnyTablet(),
            .writes_only = true});
  return PowerLoss(at_us + loss_us - 1, node, kBackSoonUs);
}

// What comes next fails on the node that hits the probe.
bool Draft::DiskErrorWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes) {
  if (!swarm_.has(Kind::kDiskError)) return false;
  ++counts_.faults;
  fault::Disk* disk = AddWhen(at_us, probes)->mutable_fault()->mutable_disk();
  const Choice& choice = kErrors[random_.NextBelow(std::size(kErrors))];
  disk->set_operation(choice.operation);
  disk->set_path_class(choice.path_class);
  if (TakesRoom(choice.operation) && Chance(500)) disk->set_effect(fault::Disk::NO_SPACE);
  disk->set_nth(static_cast<uint32_t>(Between(1, 3)));
  disk->set_heal_after_us(Draw(kErrorHealUs, &random_));
  return true;
}

bool Draft::DiskLatency(uint64_t at_us) {
  if (!swarm_.has(Kind::kDiskLatency)) return false;
  fault::Disk* disk = AddFault(at_us)->mutable_disk();
  *disk->mutable_target() = AnyTarget();
  disk->set_effect(fault::Disk::LATENCY);
  disk->set_operation(Chance(600) ? fault::Disk::SYNC : fault::Disk::ANY_OPERATION);
  disk->set_latency_us(Between(1, Chance(500) ? 5'000 : 200'000));
  disk->set_lasting(true);
  disk->set_heal_after_us(Draw(kSlowUs, &random_));
  return true;
}

bool Draft::ClockFault(uint64_t at_us) {
  if (!swarm_.has(Kind::kClock)) return false;
  fault::Clock* clock = AddFault(at_us)->mutable_clock();
  *clock->mutable_target() = AnyTarget();
  const uint64_t size_us = Chance(500) ? Between(1'000, 500'000) : Between(500'000, 20'000'000);
  if (Chance(800)) clock->set_jump_us(Chance(500) ? static_cast<int64_t>(size_us) : -static_cast<int64_t>(size_us));
  if (clock->jump_us() == 0 || Chance(400)) {
    clock->set_drift_permille(Chance(500) ? static_cast<int32_t>(Between(10, 1000))
                                          : -static_cast<int32_t>(Between(10, 500)));
  }
  if (!Chance(200)) clock->set_heal_after_us(Draw(kErrorHealUs, &random_));
  return true;
}

bool Draft::DiskDamage(uint64_t at_us) {
  if (!swarm_.has(Kind::kDiskDamage) || DamagedNodesMax(shape()) == 0) return false;
  if (damaged_node_ == 0) damaged_node_ = 1 + static_cast<uint32_t>(random_.NextBelow(shape().nodes()));
  fault::Fault* fault = AddFault(at_us);
  const fault::PathClass path_class = kDamaged[random_.NextBelow(std::size(kDamaged))];
  if (Chance(550)) {
    *fault->mutable_rot()->mutable_target() = Node(damaged_node_);
    fault->mutable_rot()->set_path_class(path_class);
    if (Chance(300)) fault->mutable_rot()->set_files(static_cast<uint32_t>(Between(2, 6)));
    if (Chance(300)) fault->mutable_rot()->set_bits(static_cast<uint32_t>(Between(2, 8)));
    return true;
  }
  fault::Disk* disk = fault->mutable_disk();
  *disk->mutable_target() = Node(damaged_node_);
  disk->set_effect(Chance(500) ? fault::Disk::LOST : fault::Disk::MISDIRECTED);
  disk->set_operation(fault::Disk::APPEND);
  // Finished snapshots are not written any more.
  disk->set_path_class(path_class == fault::SNAPSHOT ? fault::TMP : path_class);
  disk->set_nth(static_cast<uint32_t>(Between(1, 12)));
  return true;
}

}  // namespace holdfast::plan
