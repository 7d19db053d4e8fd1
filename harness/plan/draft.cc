#include "harness/plan/draft.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/runtime/node_options.h"

namespace holdfast::plan {
namespace {

template <typename Weighted>
const Weighted& PickWeighted(const std::vector<Weighted>& choices, sut::Prng* random) {
  uint64_t total = 0;
  for (const Weighted& choice : choices) total += choice.weight;
  SUT_CHECK(total > 0, "a profile without choices");
  uint64_t draw = random->NextBelow(total);
  for (const Weighted& choice : choices) {
    if (draw < choice.weight) return choice;
    draw -= choice.weight;
  }
  return choices.back();
}

Swarm DrawSwarm(const Profile& profile, sut::Prng* random) {
  Swarm swarm;
  for (int i = 0; i < kKindCount; ++i) {
    const auto kind = static_cast<Kind>(i);
    const bool of_disk = kind == Kind::kDiskError || kind == Kind::kDiskLatency || kind == Kind::kDiskDamage;
    // No draw for what the profile does not have, so that its plans stay what they were.
    if (of_disk && profile.disk_permille == 0) continue;
    const bool of_clock = kind == Kind::kClock;
    if (of_clock && profile.clock_permille == 0) continue;
    swarm.Set(kind, random->NextBelow(1000) >= profile.off_permille[i]);
  }
  if (random->NextBelow(1000) < profile.quiet_permille) {
    for (const Kind kind :
         {Kind::kProcessDeath, Kind::kPowerLoss, Kind::kCrashAll, Kind::kPartition, Kind::kOneWay, Kind::kWeather,
          Kind::kTrigger, Kind::kPause, Kind::kSlowLink, Kind::kShapedPartition, Kind::kRestartLoop, Kind::kDiskError,
          Kind::kDiskLatency, Kind::kDiskDamage, Kind::kClock}) {
      swarm.Set(kind, false);
    }
  }
  return swarm;
}

Plan DrawHeader(uint64_t seed, const Profile& profile, sut::Prng* random) {
  Plan plan;
  plan.set_format_version(1);
  plan.set_seed(seed);
  const auto& shape = PickWeighted(profile.shapes, random);
  plan.mutable_shape()->set_nodes(shape.nodes);
  plan.mutable_shape()->set_replication_factor(shape.replication_factor);
  if (shape.masters != 0) plan.mutable_shape()->set_masters(shape.masters);
  plan.mutable_shape()->set_tables(PickWeighted(profile.tables, random).count);
  plan.mutable_shape()->set_tablets_per_table(PickWeighted(profile.tablets, random).count);
  plan.set_clients(static_cast<uint32_t>(Draw(profile.clients, random)));
  // No draw for what the profile does not have.
  if (profile.uneven_permille > 0 && random->NextBelow(1000) < profile.uneven_permille) {
    plan.mutable_shape()->set_uneven_tables(true);
  }
  return plan;
}

// A time-out or interval from microseconds to seconds: every order of magnitude alike.
uint64_t PickOne(std::initializer_list<uint64_t> values, sut::Prng* random) {
  return values.begin()[random->NextBelow(values.size())];
}

}  // namespace

Draft::Draft(uint64_t seed, const Profile& profile)
    : profile_(profile),
      random_(sut::Mix({seed, 0x706c616e})),
      plan_(DrawHeader(seed, profile, &random_)),
      swarm_(DrawSwarm(profile, &random_)),
      duration_us_(Draw(profile.duration_us, &random_)),
      keys_(plan_.shape(), profile.rows_per_table, &random_) {
  DrawOptions();
  if (swarm_.has(Kind::kRoughWorld)) DrawWorld();
}

void Draft::DrawOptions() {
  Options* options = plan_.mutable_options();
  const auto extreme = [this] { return Chance(profile_.extreme_permille); };
  const auto pick = [this](std::initializer_list<uint64_t> values) { return PickOne(values, &random_); };
  if (extreme()) options->set_tick_us(pick({20'000, 30'000, 100'000}));
  if (extreme()) options->set_election_ticks(static_cast<uint32_t>(pick({9, 12, 20})));
  if (extreme()) options->set_entries_per_append_max(static_cast<uint32_t>(pick({1, 2, 4})));
  if (extreme()) options->set_appends_in_flight_max(static_cast<uint32_t>(pick({1, 2})));
  if (Chance(2 * profile_.extreme_permille)) options->set_log_retention_entries(pick({1, 1, 2, 4, 16}));
  if (Chance(2 * profile_.extreme_permille)) options->set_flush_after_entries(pick({1, 3, 6, 12, 24}));
  if (extreme()) options->set_compact_after_files(pick({2, 3, 4}));
  if (extreme()) options->set_scan_page_rows(static_cast<uint32_t>(pick({1, 1, 2, 5})));
  // An install ships tens of kilobytes; smaller chunks would be thousands of messages.
  const uint64_t chunk_min = swarm_.has(Kind::kLargeValue) ? 1024 : 128;
  if (extreme()) options->set_install_chunk_bytes(std::max(chunk_min, pick({128, 256, 512, 1024, 4096})));
  if (extreme()) options->set_reconcile_interval_us(pick({10'000, 50'000, 500'000, 1'000'000}));
  if (extreme()) options->set_tablet_call_timeout_us(pick({10'000, 15'000, 30'000, 100'000, 4'000'000}));
  if (extreme()) options->set_snapshot_timeout_us(pick({100'000, 200'000, 500'000, 2'000'000}));
  if (extreme()) options->set_attempt_timeout_us(pick({15'000, 30'000, 60'000, 200'000, 3'000'000}));
}

void Draft::DrawWorld() {
  World* world = plan_.mutable_world();
  const auto pick = [this](std::initializer_list<uint64_t> values) { return PickOne(values, &random_); };
  if (Chance(350)) world->set_message_delay_us(pick({100, 2'000, 5'000, 15'000}));
  if (Chance(350)) world->set_loss_permille(static_cast<uint32_t>(pick({2, 10, 40})));
  if (Chance(350)) world->set_duplicate_permille(static_cast<uint32_t>(pick({5, 50, 200})));
  if (Chance(350)) world->set_straggler_us(pick({500'000, 2'000'000, 6'000'000}));
  if (Chance(350)) world->set_reorder_permille(static_cast<uint32_t>(pick({5, 50, 200})));
  if (Chance(350)) world->set_sync_us(pick({50, 5'000, 20'000}));
  if (Chance(350)) world->set_job_us(pick({100, 20'000, 100'000, 300'000}));
}

TabletRef Draft::AnyTablet() {
  return {.table = static_cast<uint32_t>(random_.NextBelow(shape().tables())),
          .tablet = static_cast<uint32_t>(random_.NextBelow(shape().tablets_per_table()))};
}

Step* Draft::Add(uint64_t at_us) {
  Event& event = events_.emplace_back();
  event.at_us = at_us;
  event.step.set_salt(random_.Next() >> 32);  // short, since people read plans
  return &event.step;
}

void Draft::AddClientOperation(uint64_t at_us) { AddBurst({.at_us = at_us, .count = 1}); }

void Draft::AddBurst(const Burst& burst) {
  for (uint64_t i = 0; i < burst.count; ++i) {
    Step* step = Add(burst.at_us + random_.NextBelow(burst.spread_us + 1));
    FillOperation(burst, burst.on_tablet ? burst.tablet : AnyTablet(), step->mutable_client());
    ++counts_.client_operations;
  }
}

void Draft::FillOperation(const Burst& burst, TabletRef tablet, ClientOperation* operation) {
  operation->set_client(ClientOf(burst.clients));
  operation->set_table(tablet.table);
  const uint64_t kind = burst.scans_only   ? 20
                        : burst.reads_only ? 10 * (1 + random_.NextBelow(2))
                                           : random_.NextBelow(100);
  if (!burst.writes_only && kind < 16 && (swarm_.has(Kind::kGet) || burst.reads_only)) {
    const bool counter = random_.OneIn(3);
    operation->mutable_get()->set_key(counter ? keys_.Counter(tablet.table, tablet.tablet, &random_)
                                              : keys_.Row(tablet.table, tablet.tablet, &random_));
    return;
  }
  if (!burst.writes_only && kind < 26 && (swarm_.has(Kind::kScan) || burst.reads_only || burst.scans_only)) {
    operation->mutable_scan()->set_tablet(tablet.tablet);
    return;
  }
  const bool batch = kind >= 88 && swarm_.has(Kind::kBatch);
  const uint64_t mutations = batch ? Between(2, 5) : 1;
  for (uint64_t i = 0; i < mutations; ++i) FillMutation(burst, tablet, operation->mutable_write()->add_mutations());
}

void Draft::FillMutation(const Burst& burst, TabletRef tablet, Mutation* mutation) {
  const uint64_t increments = burst.increments_mostly ? 75 : 35;
  const uint64_t kind = random_.NextBelow(100);
  const bool crossed = swarm_.has(Kind::kMixedKeys) && random_.OneIn(8);
  if (kind < increments && swarm_.has(Kind::kIncrement)) {
    mutation->set_kind(Mutation::INCREMENT);
    mutation->set_key(crossed ? keys_.Row(tablet.table, tablet.tablet, &random_)
                              : keys_.Counter(tablet.table, tablet.tablet, &random_));
    // Two of the large ones overflow, which is refused.
    const bool large = swarm_.has(Kind::kMixedKeys) && random_.OneIn(12);
    const auto delta = large ? std::numeric_limits<int64_t>::max() - static_cast<int64_t>(random_.NextBelow(8))
                             : static_cast<int64_t>(Between(1, 1 << 20));
    mutation->set_delta(random_.OneIn(4) ? -delta : delta);
    return;
  }
  const bool counter = random_.OneIn(10);
  if (kind >= 78 && swarm_.has(Kind::kDelete)) {
    mutation->set_kind(Mutation::DELETE);
    mutation->set_key(counter ? keys_.Counter(tablet.table, tablet.tablet, &random_)
                              : keys_.Row(tablet.table, tablet.tablet, &random_));
    return;
  }
  if (crossed) {
    mutation->set_key(keys_.Counter(tablet.table, tablet.tablet, &random_));
    mutation->set_value(absl::StrCat(1'000'000'000 + ++values_));
    return;
  }
  mutation->set_key(keys_.Row(tablet.table, tablet.tablet, &random_));
  mutation->set_value(DrawValue());
}

// Unique, so that states can be told apart, but for the empty one.
std::string Draft::DrawValue() {
  const uint64_t number = ++values_;
  const uint64_t kind = random_.NextBelow(40);
  if (kind == 0) return "";
  if (kind == 1 && swarm_.has(Kind::kLargeValue)) {
    return absl::StrCat("v", number, std::string(Between(2048, 8192), static_cast<char>('a' + number % 26)));
  }
  if (kind == 2)
    return absl::StrCat(std::string("\0m\xff", 3), number);  // like a marker, with bytes that sort at the ends
  if (kind == 3) return absl::StrCat("-", number);           // like a counter
  return absl::StrCat("v", number);
}

uint32_t Draft::ClientOf(const std::vector<uint32_t>& clients) {
  if (clients.empty()) return static_cast<uint32_t>(random_.NextBelow(plan_.clients()));
  return clients[random_.NextBelow(clients.size())];
}

std::vector<uint32_t> Draft::SomeClients() {
  if (plan_.clients() < 2) return {};
  std::vector<uint32_t> clients(plan_.clients());
  std::iota(clients.begin(), clients.end(), 0);
  for (size_t i = clients.size() - 1; i > 0; --i) std::swap(clients[i], clients[random_.NextBelow(i + 1)]);
  clients.resize(1 + random_.NextBelow(clients.size() - 1));
  return clients;
}

std::vector<uint32_t> Draft::AllClientsBut(const std::vector<uint32_t>& clients) const {
  std::vector<uint32_t> others;
  for (uint32_t client = 0; client < plan_.clients(); ++client) {
    if (std::find(clients.begin(), clients.end(), client) == clients.end()) others.push_back(client);
  }
  return others;
}

Draft::CreatedSnapshot Draft::CreateOf(uint64_t at_us, std::vector<uint32_t> tables,
                                       const std::vector<uint32_t>& clients) {
  CreatedSnapshot snapshot{
      .number = static_cast<uint32_t>(++counts_.snapshots), .at_us = at_us, .tables = std::move(tables)};
  SnapshotOperation* operation = Add(at_us)->mutable_snapshot();
  operation->set_client(ClientOf(clients));
  operation->mutable_create()->set_snapshot(snapshot.number);
  for (const uint32_t table : snapshot.tables) operation->mutable_create()->add_tables(table);
  snapshots_.push_back(snapshot);
  return snapshot;
}

Draft::CreatedSnapshot Draft::Create(uint64_t at_us, const std::vector<uint32_t>& clients) {
  std::vector<uint32_t> tables = {AnyTablet().table};
  if (shape().tables() == 1 || !Chance(400)) {
    tables.resize(shape().tables());
    std::iota(tables.begin(), tables.end(), 0);
  }
  return CreateOf(at_us, std::move(tables), clients);
}

Draft::CreatedSnapshot Draft::CreateOfAll(uint64_t at_us) {
  std::vector<uint32_t> tables(shape().tables());
  std::iota(tables.begin(), tables.end(), 0);
  return CreateOf(at_us, std::move(tables));
}

void Draft::Restore(uint64_t at_us, uint32_t snapshot) {
  SnapshotOperation* operation = Add(at_us)->mutable_snapshot();
  operation->set_client(ClientOf({}));
  operation->mutable_restore()->set_snapshot(snapshot);
  operation->mutable_restore()->set_restoration(static_cast<uint32_t>(++counts_.restores));
}

void Draft::Drop(uint64_t at_us, uint32_t snapshot, const std::vector<uint32_t>& clients) {
  if (!swarm_.has(Kind::kDropSnapshot)) return;
  SnapshotOperation* operation = Add(at_us)->mutable_snapshot();
  operation->set_client(ClientOf(clients));
  operation->mutable_delete_()->set_snapshot(snapshot);
  ++counts_.drops;
}

void Draft::DropWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, uint32_t snapshot) {
  if (!swarm_.has(Kind::kTrigger)) return Drop(at_us, snapshot);
  if (!swarm_.has(Kind::kDropSnapshot)) return;
  SnapshotOperation* operation = AddWhen(at_us, probes)->mutable_snapshot();
  operation->set_client(ClientOf({}));
  operation->mutable_delete_()->set_snapshot(snapshot);
  ++counts_.drops;
}

void Draft::List(uint64_t at_us, const std::vector<uint32_t>& clients) {
  if (!swarm_.has(Kind::kList)) return;
  SnapshotOperation* operation = Add(at_us)->mutable_snapshot();
  operation->set_client(ClientOf(clients));
  operation->mutable_list();
}

void Draft::Observe(uint64_t at_us, const CreatedSnapshot& snapshot) {
  for (const uint32_t table : snapshot.tables) {
    for (uint32_t tablet = 0; tablet < shape().tablets_per_table(); ++tablet) {
      ClientOperation* operation = Add(at_us + BetweenMs(0, 400))->mutable_client();
      operation->set_client(ClientOf({}));
      operation->set_table(table);
      if (swarm_.has(Kind::kScan)) {
        operation->mutable_scan()->set_tablet(tablet);
      } else {
        operation->mutable_get()->set_key(keys_.Row(table, tablet, &random_));
      }
      ++counts_.client_operations;
    }
  }
}

void Draft::Maintain(uint64_t at_us) {
  if (!swarm_.has(Kind::kMaintenance)) return;
  const TabletRef tablet = AnyTablet();
  Maintenance* maintenance = Add(at_us)->mutable_maintenance();
  maintenance->set_kind(Chance(500) ? Maintenance::FLUSH : Maintenance::COMPACT);
  *maintenance->mutable_target() = Chance(500) ? Leader(tablet) : Follower(tablet);
}

void Draft::Flush(uint64_t at_us, const fault::Target& replica) {
  if (!swarm_.has(Kind::kMaintenance)) return;
  Maintenance* maintenance = Add(at_us)->mutable_maintenance();
  maintenance->set_kind(Maintenance::FLUSH);
  *maintenance->mutable_target() = replica;
}

void Draft::MoveLeader(uint64_t at_us, bool master) {
  if (!swarm_.has(Kind::kLeaderMove) || shape().replication_factor() == 1) return;
  LeaderMove* move = Add(at_us)->mutable_move();
  const TabletRef tablet = AnyTablet();
  move->set_master(master);
  if (!master) {
    move->set_table(tablet.table);
    move->set_tablet(tablet.tablet);
  }
  move->set_ordinal(static_cast<uint32_t>(random_.NextBelow(shape().replication_factor() - 1)));
}

void Draft::Inspect(uint64_t at_us) {
  if (swarm_.has(Kind::kInspect)) Add(at_us)->mutable_inspect();
}

uint64_t Draft::election_us() const {
  const sut::NodeOptions defaults;
  const Options& options = plan_.options();
  const uint64_t tick_us = options.tick_us() != 0 ? options.tick_us() : static_cast<uint64_t>(defaults.tick_us);
  const uint64_t ticks =
      options.election_ticks() != 0 ? options.election_ticks() : static_cast<uint64_t>(defaults.election_ticks);
  return tick_us * ticks;
}

Plan Draft::Finish() {
  std::vector<size_t> order(events_.size());
  std::iota(order.begin(), order.end(), 0);
  // Stable: what a theme put in first at one moment comes first, a `when` before what it waits for.
  std::stable_sort(order.begin(), order.end(),
                   [this](size_t a, size_t b) { return events_[a].at_us < events_[b].at_us; });
  uint64_t before_us = 0;
  plan_.mutable_steps()->Reserve(static_cast<int>(events_.size()));
  for (const size_t i : order) {
    Event& event = events_[i];
    event.step.set_gap_us(event.at_us - before_us);
    before_us = event.at_us;
    *plan_.add_steps() = std::move(event.step);
  }
  return std::move(plan_);
}

}  // namespace holdfast::plan
