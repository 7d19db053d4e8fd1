// The fault side of a draft: whom to strike, with what, and what stands in for a kind that the swarm has switched off.

#include <utility>

#include "harness/plan/draft.h"
#include "harness/plan/validate.h"

namespace holdfast::plan {
namespace {

constexpr Range kRestartUs = {50'000, 3'000'000};
constexpr Range kHealUs = {150'000, 4'000'000};
constexpr uint64_t kWhenDeadlineUs = 8'000'000;

}  // namespace

fault::Target Draft::Node(uint32_t node) const {
  fault::Target target;
  target.set_node(node);
  return target;
}

fault::Target Draft::AnyNode() { return Node(1 + static_cast<uint32_t>(random_.NextBelow(shape().nodes()))); }

fault::Target Draft::Leader(TabletRef tablet) const {
  fault::Target target;
  target.set_role(fault::Target::LEADER);
  target.set_table(tablet.table);
  target.set_tablet(tablet.tablet);
  return target;
}

fault::Target Draft::Follower(TabletRef tablet) {
  fault::Target target = Leader(tablet);
  if (shape().replication_factor() == 1) return target;
  target.set_role(fault::Target::FOLLOWER);
  target.set_ordinal(static_cast<uint32_t>(random_.NextBelow(shape().replication_factor() - 1)));
  return target;
}

fault::Target Draft::MasterLeader() const {
  fault::Target target;
  target.set_role(fault::Target::MASTER_LEADER);
  return target;
}

fault::Target Draft::AnyTarget() {
  const uint64_t kind = random_.NextBelow(10);
  if (kind < 3) return AnyNode();
  if (kind < 6) return Leader(AnyTablet());
  if (kind < 8) return Follower(AnyTablet());
  return MasterLeader();
}

fault::Fault* Draft::AddFault(uint64_t at_us) {
  ++counts_.faults;
  return Add(at_us)->mutable_fault();
}

// REQUIRES: can_crash().
fault::Crash::Kind Draft::DrawCrashKind() {
  if (!swarm_.has(Kind::kPowerLoss)) return fault::Crash::PROCESS_DEATH;
  if (!swarm_.has(Kind::kProcessDeath)) return fault::Crash::POWER_LOSS;
  return Chance(500) ? fault::Crash::PROCESS_DEATH : fault::Crash::POWER_LOSS;
}

fault::Partition::Kind Draft::DrawPartitionKind() {
  if (!swarm_.has(Kind::kOneWay) || Chance(600)) return fault::Partition::SPLIT;
  return Chance(500) ? fault::Partition::TO_SIDE : fault::Partition::FROM_SIDE;
}

bool Draft::Crash(uint64_t at_us, fault::Target target, Range restart_after_us) {
  if (!can_crash()) return false;
  fault::Crash* crash = AddFault(at_us)->mutable_crash();
  crash->set_kind(DrawCrashKind());
  *crash->mutable_target() = std::move(target);
  if (!Chance(60)) crash->set_restart_after_us(Draw(restart_after_us, &random_));
  return true;
}

bool Draft::PowerLoss(uint64_t at_us, fault::Target target, Range restart_after_us) {
  if (!swarm_.has(Kind::kPowerLoss)) return false;
  fault::Crash* crash = AddFault(at_us)->mutable_crash();
  crash->set_kind(fault::Crash::POWER_LOSS);
  *crash->mutable_target() = std::move(target);
  crash->set_restart_after_us(Draw(restart_after_us, &random_));
  return true;
}

bool Draft::CrashAll(uint64_t at_us, Range restart_after_us) {
  if (!can_crash() || !swarm_.has(Kind::kCrashAll)) return false;
  fault::CrashAll* crash = AddFault(at_us)->mutable_crash_all();
  crash->set_kind(DrawCrashKind());
  crash->set_restart_after_us(Draw(restart_after_us, &random_));
  return true;
}

Step* Draft::AddWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes) {
  Step* step = Add(at_us);
  When* when = step->mutable_when();
  when->set_probe(std::string(sut::ProbeName(probes.begin()[random_.NextBelow(probes.size())])));
  when->set_deadline_us(kWhenDeadlineUs);
  // The first hit mostly; later ones meet the other tablets of the node, or the other nodes.
  if (!Chance(600)) when->set_nth(static_cast<uint32_t>(Between(2, 6)));
  if (Chance(350)) *when->mutable_target() = Chance(500) ? Leader(AnyTablet()) : Follower(AnyTablet());
  return step;
}

bool Draft::TroubleWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, Range over_after_us) {
  if (!swarm_.has(Kind::kTrigger)) return false;
  if (profile_.disk_permille > 0 && Chance(profile_.disk_permille / 2) && DiskErrorWhen(at_us, probes)) return true;
  const uint64_t kind = random_.NextBelow(100);
  if (kind < 65 && CrashWhen(at_us, probes, over_after_us)) return true;
  if (kind < 85 && can_partition()) {
    ++counts_.faults;
    fault::Partition* partition = AddWhen(at_us, probes)->mutable_fault()->mutable_partition();
    partition->set_kind(DrawPartitionKind());
    partition->set_heal_after_us(Draw(over_after_us, &random_));
    return true;
  }
  if (kind < 93 && swarm_.has(Kind::kLeaderMove) && shape().replication_factor() > 1) {
    const TabletRef tablet = AnyTablet();
    LeaderMove* move = AddWhen(at_us, probes)->mutable_move();
    move->set_table(tablet.table);
    move->set_tablet(tablet.tablet);
    move->set_ordinal(static_cast<uint32_t>(random_.NextBelow(shape().replication_factor() - 1)));
    return true;
  }
  if (!swarm_.has(Kind::kPause)) return CrashWhen(at_us, probes, over_after_us);
  ++counts_.faults;
  AddWhen(at_us, probes)->mutable_fault()->mutable_pause()->set_resume_after_us(Draw(over_after_us, &random_));
  return true;
}

bool Draft::CrashWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, Range restart_after_us) {
  if (!can_crash() || !swarm_.has(Kind::kTrigger)) return false;
  ++counts_.faults;
  Step* step = AddWhen(at_us, probes);
  fault::Crash* crash = step->mutable_fault()->mutable_crash();
  crash->set_kind(DrawCrashKind());
  crash->set_restart_after_us(Draw(restart_after_us, &random_));
  return true;
}

bool Draft::LoseDisk(uint64_t at_us, Range restart_after_us) {
  const uint32_t masters = MasterCount(shape());
  if (!can_change_groups() || masters == shape().nodes() || shape().replication_factor() < 3) return false;
  ++counts_.group_changes;
  fault::DiskLoss* loss = AddFault(at_us)->mutable_disk_loss();
  *loss->mutable_target() = Node(static_cast<uint32_t>(Between(masters + 1, shape().nodes())));
  loss->set_restart_after_us(Draw(restart_after_us, &random_));
  loss->set_elsewhere(Chance(400));
  return true;
}

bool Draft::ChangeReplicas(uint64_t at_us, Membership::Kind kind, fault::Target target) {
  if (!can_change_groups()) return false;
  ++counts_.group_changes;
  Membership* membership = Add(at_us)->mutable_membership();
  membership->set_kind(kind);
  *membership->mutable_target() = std::move(target);
  if (kind != Membership::REMOVE) membership->set_ordinal(static_cast<uint32_t>(random_.NextBelow(shape().nodes())));
  return true;
}

bool Draft::Partition(uint64_t at_us, fault::Target side, Range heal_after_us) {
  if (!can_partition()) return false;
  fault::Partition* partition = AddFault(at_us)->mutable_partition();
  partition->set_kind(DrawPartitionKind());
  partition->set_clients_too(Chance(300));
  if (!Chance(40)) partition->set_heal_after_us(Draw(heal_after_us, &random_));
  *partition->add_side() = std::move(side);
  return true;
}

bool Draft::Isolate(uint64_t at_us, fault::Target side, std::vector<uint32_t> clients_inside, Range heal_after_us) {
  if (!can_partition()) return false;
  fault::Partition* partition = AddFault(at_us)->mutable_partition();
  if (!Chance(700)) partition->set_kind(DrawPartitionKind());
  partition->set_heal_after_us(Draw(heal_after_us, &random_));
  *partition->add_side() = std::move(side);
  for (const uint32_t client : clients_inside) partition->add_clients_inside(client);
  partition->set_clients_too(!clients_inside.empty() && Chance(600));
  return true;
}

bool Draft::Pause(uint64_t at_us, fault::Target target, Range resume_after_us) {
  if (!swarm_.has(Kind::kPause)) return false;
  fault::Pause* pause = AddFault(at_us)->mutable_pause();
  *pause->mutable_target() = std::move(target);
  pause->set_resume_after_us(Draw(resume_after_us, &random_));
  return true;
}

bool Draft::SlowLink(uint64_t at_us, fault::Target from, fault::Target to, Range heal_after_us) {
  if (!swarm_.has(Kind::kSlowLink) || shape().nodes() == 1) return false;
  if (from.SerializeAsString() == to.SerializeAsString()) return false;
  fault::SlowLink* slow = AddFault(at_us)->mutable_slow_link();
  *slow->mutable_from() = std::move(from);
  *slow->mutable_to() = std::move(to);
  slow->set_delay_factor(static_cast<uint32_t>(Chance(500) ? Between(5, 40) : Between(50, 600)));
  slow->set_heal_after_us(Draw(heal_after_us, &random_));
  return true;
}

bool Draft::OddPartition(uint64_t at_us, Range heal_after_us) {
  if (!swarm_.has(Kind::kShapedPartition) || !can_partition() || shape().nodes() < 3) return false;
  fault::Partition* partition = AddFault(at_us)->mutable_partition();
  const bool ring = shape().nodes() >= 4 && Chance(500);
  partition->set_kind(ring ? fault::Partition::RING : fault::Partition::BRIDGE);
  if (!ring) *partition->add_side() = AnyTarget();
  partition->set_heal_after_us(Draw(heal_after_us, &random_));
  return true;
}

bool Draft::CrashLoop(uint64_t at_us, fault::Target target, Range restart_after_us) {
  if (!swarm_.has(Kind::kRestartLoop) || !can_crash()) return false;
  fault::Crash* crash = AddFault(at_us)->mutable_crash();
  crash->set_kind(DrawCrashKind());
  *crash->mutable_target() = std::move(target);
  crash->set_restart_after_us(Draw(restart_after_us, &random_));
  crash->set_times(static_cast<uint32_t>(Between(2, 8)));
  return true;
}

bool Draft::CrashInTurn(uint64_t at_us, Range stagger_us) {
  if (!swarm_.has(Kind::kRestartLoop) || !can_crash()) return false;
  fault::CrashAll* crash = AddFault(at_us)->mutable_crash_all();
  crash->set_kind(DrawCrashKind());
  crash->set_stagger_us(Draw(stagger_us, &random_));
  // Each is back before the next one goes, or not quite.
  crash->set_restart_after_us(crash->stagger_us() * Between(3, 12) / 10);
  return true;
}

bool Draft::Weather(uint64_t at_us, fault::Weather weather) {
  if (!swarm_.has(Kind::kWeather)) return false;
  *AddFault(at_us)->mutable_weather() = std::move(weather);
  return true;
}

bool Draft::TakeAway(uint64_t at_us, fault::Target target, Range back_after_us) {
  if (Chance(150) && Pause(at_us, target, back_after_us)) return true;
  if (can_partition() && (!can_crash() || Chance(500))) return Partition(at_us, std::move(target), back_after_us);
  return Crash(at_us, std::move(target), back_after_us);
}

bool Draft::AnyFault(uint64_t at_us) {
  if (profile_.disk_permille > 0 && Chance(profile_.disk_permille) && DiskFault(at_us)) return true;
  if (profile_.clock_permille > 0 && Chance(profile_.clock_permille) && ClockFault(at_us)) return true;
  if (profile_.changes_groups && Chance(150) && LoseDisk(at_us, kRestartUs)) return true;
  const uint64_t kind = random_.NextBelow(100);
  if (kind < 8 && CrashAll(at_us, kRestartUs)) return true;
  if (kind < 20) {
    fault::Weather weather;
    weather.set_loss_permille(static_cast<uint32_t>(Between(0, 200)));
    weather.set_duplicate_permille(static_cast<uint32_t>(Between(0, 300)));
    weather.set_delay_factor(static_cast<uint32_t>(Between(2, 10)));
    weather.set_heal_after_us(Draw(kHealUs, &random_));
    if (Weather(at_us, std::move(weather))) return true;
  }
  if (kind < 30) {
    using sut::Probe;
    if (TroubleWhen(at_us,
                    {Probe::kEntriesAppended, Probe::kEntriesSynced, Probe::kLogCompacted, Probe::kStoreFlushed,
                     Probe::kElectionStarted, Probe::kBecameLeader},
                    kRestartUs)) {
      return true;
    }
  }
  if (kind < 35 && Pause(at_us, AnyTarget(), kHealUs)) return true;
  if (kind < 38 && SlowLink(at_us, AnyTarget(), AnyTarget(), kHealUs)) return true;
  if (kind < 41 && OddPartition(at_us, kHealUs)) return true;
  if (kind < 44 && CrashLoop(at_us, AnyTarget(), kRestartUs)) return true;
  if (kind < 46 && CrashInTurn(at_us, kRestartUs)) return true;
  if (kind < 60 && Isolate(at_us, AnyTarget(), SomeClients(), kHealUs)) return true;
  if (kind < 75 && Partition(at_us, AnyTarget(), kHealUs)) return true;
  return Crash(at_us, AnyTarget(), kRestartUs) || Partition(at_us, AnyTarget(), kHealUs);
}

}  // namespace holdfast::plan
