#include "sut/tablet/test_group.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/raft/wire.h"
#include "sut/storage/checkpoint.h"

namespace sut {
namespace {

constexpr int64_t kMessageUs = 500;
constexpr int64_t kDuplicateUs = 40'000;
constexpr int64_t kPatienceUs = 60'000'000;
constexpr int64_t kStepUs = 10'000;

}  // namespace

void TestLoop::RunFor(int64_t duration_us) {
  const int64_t end_us = now_us_ + duration_us;
  while (!events_.empty() && events_.begin()->first.first <= end_us) {
    auto first = events_.extract(events_.begin());
    now_us_ = std::max(now_us_, first.key().first);
    first.mapped()();
  }
  now_us_ = end_us;
}

// One life of a node's process, down to its one replica.
struct TestGroup::Life final : Timers, Transport, ProbeSink, ApplyObserver {
  struct Jobs final : Worker {
    explicit Jobs(Life* owner) : life(owner) {}
    void Run(LogicalIdentity, std::function<void()> job, std::function<void()> done) override {
      waiting.push_back({std::move(job), std::move(done)});
      Next();
    }
    void Next() {
      if (busy || held || waiting.empty()) return;
      busy = true;
      auto [job, done] = std::move(waiting.front());
      waiting.pop_front();
      life->After(life->group->job_us_, std::move(job));
      life->After(2 * life->group->job_us_, [this, done = std::move(done)] {
        busy = false;
        Next();
        done();
      });
    }
    Life* life;
    bool busy = false;
    bool held = false;
    std::deque<std::pair<std::function<void()>, std::function<void()>>> waiting;
  };

  Life(TestGroup* test_group, int number, TestDisk* test_disk)
      : group(test_group), node{static_cast<uint32_t>(number)}, disk(test_disk), layout(disk->root(), node) {
    seams = {
        &group->loop_, this, this, &worker, &log_worker, this, this, disk->seam(), [this](const std::string& reason) {
          group->fatal_.push_back(reason);
          Die();
        }};
  }
  ~Life() override { *alive = false; }

  // The process is dead from here on; its memory goes when the test says so.
  void Die() {
    disk->DieAfter(0);
    dead = true;
    *alive = false;
  }
  void After(int64_t delay_us, std::function<void()> callback) override {
    group->loop_.At(group->loop_.NowUs() + delay_us, [alive_then = alive, callback = std::move(callback)] {
      if (*alive_then) callback();
    });
  }
  void Send(NodeId to, LogicalIdentity, std::string envelope) override {
    if (dead) return;
    proto::Envelope parsed;
    SUT_CHECK(parsed.ParseFromString(envelope), "a node sends envelopes");
    const bool cut = group->disconnected_.contains(static_cast<int>(node.value)) ||
                     group->disconnected_.contains(static_cast<int>(to.value));
    if (cut || (group->lost_ && group->lost_(parsed))) return;
    const int64_t now_us = group->loop_.NowUs();
    group->loop_.At(now_us + kMessageUs, [this_group = group, to, envelope] { this_group->Deliver(to, envelope); });
    if (!group->duplicates_) return;
    group->loop_.At(now_us + kDuplicateUs, [this_group = group, to, envelope] { this_group->Deliver(to, envelope); });
  }
  void Hit(Probe probe, TabletId) override {
    if (dead || !kill_at || probe != kill_at->first || --kill_at->second > 0) return;
    killed = true;
    Die();
  }
  void OnRecovered(TabletId, ReplicaId, OpId applied) override { last_applied = applied; }
  void OnBegun(const Applied&) override {}
  void OnApplied(const Applied& applied) override {
    SUT_CHECK(applied.op.index == Next(last_applied.index), "each entry is applied once, in order");
    last_applied = applied.op;
  }
  void OnInstalled(TabletId, ReplicaId, OpId op) override { last_applied = op; }

  absl::Status Open();
  void Tick() {
    replica->Tick();
    After(group->options_.tick_us, [this] { Tick(); });
  }

  TestGroup* const group;
  const NodeId node;
  TestDisk* const disk;
  const std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  bool dead = false;
  bool killed = false;
  std::optional<std::pair<Probe, int>> kill_at;
  OpId last_applied;
  Seams seams;
  Jobs worker{this};
  Jobs log_worker{this};
  NodeLayout layout;
  HybridClock hybrid_clock;
  std::unique_ptr<LogStore> log_store;
  std::unique_ptr<LogWriter> log_writer;
  RowMachine machine{HashRange{}};
  std::unique_ptr<Replica> replica;
};

absl::Status TestGroup::Life::Open() {
  auto opened = LogStore::Open(seams.storage, layout.log_store());
  if (!opened.ok()) return opened.status();
  log_store = *std::move(opened);
  log_writer = std::make_unique<LogWriter>(log_store.get(), &seams);
  const ReplicaContext context{node,         &group->options_, &seams, &layout, log_store.get(), log_writer.get(),
                               &hybrid_clock};
  auto recovered = log_store->Recover();
  if (!recovered.ok()) return recovered.status();
  if (recovered->empty()) {
    proto::ReplicaRecord record;
    record.set_table(Bytes(kTestTable));
    record.set_tablet(Bytes(kTestTablet));
    record.set_replica(node.value);
    record.set_hash_end(kHashSpace);
    for (uint32_t n = 1; n <= kTestNodes; ++n) {
      proto::ReplicaRecord::Member* member = record.add_members();
      member->set_replica(n);
      member->set_node(n);
    }
    auto created = Replica::Create(context, record, Replica::Origin::kFounder);
    if (!created.ok()) return created.status();
    recovered->push_back(*std::move(created));
  }
  auto replica_or = Replica::Open(context, std::move(recovered->front()), &machine);
  if (!replica_or.ok()) return replica_or.status();
  replica = *std::move(replica_or);
  return absl::OkStatus();
}

TestGroup::TestGroup(NodeOptions options) : options_(options) {
  for (int node = 1; node <= kTestNodes; ++node) {
    const absl::Status started = Start(node);
    SUT_CHECK(started.ok(), started.ToString());
  }
}

TestGroup::~TestGroup() {
  for (Machine& machine : machines_) machine.life.reset();
}

bool TestGroup::up(int node) const {
  const Life* life = machines_[static_cast<size_t>(node - 1)].life.get();
  return life != nullptr && !life->dead && life->replica != nullptr;
}

Replica& TestGroup::replica(int node) {
  SUT_CHECK(up(node), "the node is down");
  return *machines_[static_cast<size_t>(node - 1)].life->replica;
}

TestDisk& TestGroup::disk(int node) { return *machines_[static_cast<size_t>(node - 1)].disk; }

void TestGroup::Kill(int node) {
  if (up(node)) machines_[static_cast<size_t>(node - 1)].life->Die();
}

absl::Status TestGroup::Start(int node) {
  Machine& machine = machines_[static_cast<size_t>(node - 1)];
  if (machine.life != nullptr) machine.life->Die();
  machine.life.reset();
  machine.disk->Revive();
  machine.life = std::make_unique<Life>(this, node, machine.disk.get());
  if (absl::Status status = machine.life->Open(); !status.ok()) {
    machine.life->Die();
    return status;
  }
  Life* life = machine.life.get();
  life->After(options_.tick_us, [life] { life->Tick(); });
  return absl::OkStatus();
}

void TestGroup::KillAt(int node, Probe probe, int nth) {
  machines_[static_cast<size_t>(node - 1)].life->kill_at = std::pair(probe, nth);
}

bool TestGroup::killed_at_probe(int node) const { return machines_[static_cast<size_t>(node - 1)].life->killed; }

void TestGroup::HoldWorker(int node, bool hold) {
  Life::Jobs& worker = machines_[static_cast<size_t>(node - 1)].life->worker;
  worker.held = hold;
  worker.Next();
}

bool TestGroup::RunUntil(const std::function<bool()>& reached) {
  const int64_t end_us = loop_.NowUs() + kPatienceUs;
  // Asking may have effects: what was reached is not asked for again.
  while (!reached()) {
    if (loop_.NowUs() >= end_us) return false;
    RunFor(kStepUs);
  }
  return true;
}

int TestGroup::leader() {
  int found = 0;
  for (int node = 1; node <= kTestNodes; ++node) {
    if (!up(node) || disconnected_.contains(node) || !replica(node).is_leader()) continue;
    if (found == 0 || replica(found).term() < replica(node).term()) found = node;
  }
  return found;
}

int TestGroup::WaitForLeader() {
  const bool elected = RunUntil([this] { return leader() != 0; });
  EXPECT_TRUE(elected) << "no leader is elected";
  return leader();
}

int TestGroup::AnyFollower() { return WaitForLeader() % kTestNodes + 1; }

std::shared_ptr<std::optional<proto::Reply>> TestGroup::Send(int node, const proto::Request& request) {
  auto answer = std::make_shared<std::optional<proto::Reply>>();
  replica(node).Handle(request, [answer](proto::Reply reply) {
    SUT_CHECK(!answer->has_value(), "one reply to one attempt");
    *answer = std::move(reply);
  });
  return answer;
}

proto::Reply TestGroup::Call(const proto::Request& request) {
  proto::Reply last;
  last.set_code(proto::INDETERMINATE);
  const auto answered = [&] {
    const int node = leader();
    if (node == 0) return false;
    const auto answer = Send(node, request);
    for (int waited = 0; waited < 100 && !answer->has_value() && up(node); ++waited) RunFor(kStepUs);
    if (!answer->has_value()) return false;
    last = **answer;
    return last.code() != proto::NOT_LEADER && last.code() != proto::UNAVAILABLE && last.code() != proto::INDETERMINATE;
  };
  EXPECT_TRUE(RunUntil(answered)) << "no definite answer to " << request.ShortDebugString() << ", at last "
                                  << last.ShortDebugString();
  return last;
}

bool TestGroup::Settle() {
  return RunUntil([this] {
    const int leading = leader();
    if (leading == 0) return false;
    const Index commit = replica(leading).raft().status().commit;
    for (int node = 1; node <= kTestNodes; ++node) {
      if (up(node) && (!replica(node).idle() || replica(node).applied().index != commit)) return false;
    }
    return true;
  });
}

std::vector<std::pair<std::string, std::string>> TestGroup::Content(int node) {
  std::vector<std::pair<std::string, std::string>> content;
  const Replica& read = replica(node);
  const absl::Status scanned = read.store()->Latest().Scan("", "", [&](std::string_view key, std::string_view value) {
    content.emplace_back(key, value);
    return true;
  });
  EXPECT_TRUE(scanned.ok()) << scanned;
  const StorageSeam seam = disk(node).seam();
  const auto names = ListDirectory(seam, read.layout().snapshots());
  EXPECT_TRUE(names.ok()) << names.status();
  for (const std::string& name : *names) {
    const auto id = IdFromHex<SnapshotId>(name);
    EXPECT_TRUE(id.ok()) << "left over: " << name;
    if (!id.ok()) continue;
    auto metadata = VerifySnapshot(seam, read.layout().snapshot(*id));
    EXPECT_TRUE(metadata.ok()) << metadata.status();
    if (metadata.ok()) metadata->clear_files();  // replicas may lay out the same rows differently
    content.emplace_back(absl::StrCat("snapshot ", name), metadata.ok() ? metadata->SerializeAsString() : "");
    const auto rows = ReadAll(seam, read.layout().snapshot(*id));
    EXPECT_TRUE(rows.ok()) << rows.status();
    if (rows.ok()) content.insert(content.end(), rows->begin(), rows->end());
  }
  return content;
}

void TestGroup::Deliver(NodeId to, const std::string& bytes) {
  const int node = static_cast<int>(to.value);
  if (node < 1 || node > kTestNodes || !up(node)) return;
  proto::Envelope envelope;
  SUT_CHECK(envelope.ParseFromString(bytes), "a node sends envelopes");
  if (envelope.has_install()) return replica(node).OnInstall(NodeId{envelope.from_node()}, envelope.install());
  const auto message = raft::FromProto(envelope.raft().message());
  SUT_CHECK(message.ok(), "a replica sends Raft messages");
  replica(node).OnRaft(NodeId{envelope.from_node()}, *message);
}

std::string TestId(uint64_t n) { return UuidBytes(1, n); }

namespace {

proto::Request WriteRequest(uint64_t client, uint64_t sequence, proto::Mutation mutation) {
  proto::Request request;
  request.mutable_id()->set_client(TestId(client));
  request.mutable_id()->set_sequence(sequence);
  *request.mutable_write()->add_mutations() = std::move(mutation);
  return request;
}

}  // namespace

proto::Request PutRequest(uint64_t client, uint64_t sequence, const std::string& key, const std::string& value) {
  proto::Mutation put;
  put.set_key(key);
  put.set_value(value);
  return WriteRequest(client, sequence, std::move(put));
}

proto::Request IncrementRequest(uint64_t client, uint64_t sequence, const std::string& key, int64_t delta) {
  proto::Mutation increment;
  increment.set_kind(proto::Mutation::INCREMENT);
  increment.set_key(key);
  increment.set_delta(delta);
  return WriteRequest(client, sequence, std::move(increment));
}

proto::Request GetRequest(const std::string& key) {
  proto::Request request;
  request.mutable_get()->set_key(key);
  return request;
}

proto::Request SnapshotRequest(proto::TabletSnapshotOp::Kind kind, uint64_t snapshot, uint64_t restoration) {
  proto::Request request;
  request.mutable_snapshot()->set_kind(kind);
  request.mutable_snapshot()->set_snapshot(TestId(snapshot));
  if (restoration != 0) request.mutable_snapshot()->set_restoration(TestId(restoration));
  return request;
}

std::optional<std::string> Get(TestGroup& group, const std::string& key) {
  const proto::Reply reply = group.Call(GetRequest(key));
  EXPECT_EQ(reply.code(), proto::OK) << reply.message();
  return reply.get().found() ? std::optional(reply.get().value()) : std::nullopt;
}

}  // namespace sut
