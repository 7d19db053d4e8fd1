// One node and the messages it gets: who answers what, and that nothing that comes in can harm it.

#include "sut/node/node.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/base/prng.h"
#include "sut/raft/wire.h"
#include "sut/storage/directory.h"
#include "sut/storage/test_disk.h"
#include "sut/tablet/partition.h"
#include "sut/tablet/test_group.h"

namespace sut {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr NodeId kSelf{1};
constexpr NodeId kClient{77};
constexpr TabletId kTablet{7, 8};

class NodeTest : public testing::Test, Timers, Transport, Worker, ProbeSink, ApplyObserver {
 protected:
  NodeTest() {
    seams_ = {&loop_, this,         this,
              this,   this,         this,
              this,   disk_.seam(), [this](const std::string& reason) { fatal_.push_back(reason); }};
    Start();
  }
  ~NodeTest() override { Stop(); }

  void Start() {
    auto started = Node::Start(&seams_, {.id = kSelf, .root = disk_.root(), .options = {}, .master_members = {kSelf}});
    ASSERT_TRUE(started.ok()) << started.status();
    node_ = *std::move(started);
  }
  void Stop() {
    ++life_;
    node_.reset();
  }
  void After(int64_t delay_us, std::function<void()> callback) override {
    loop_.At(loop_.NowUs() + delay_us, [this, life = life_, callback = std::move(callback)] {
      if (life == life_) callback();
    });
  }
  void Run(LogicalIdentity, std::function<void()> job, std::function<void()> done) override {
    After(100, [job = std::move(job), done = std::move(done)] {
      job();
      done();
    });
  }
  void Send(NodeId to, LogicalIdentity, std::string bytes) override {
    proto::Envelope envelope;
    ASSERT_TRUE(envelope.ParseFromString(bytes));
    (to == kClient ? to_client_ : to_nodes_).push_back(std::move(envelope));
  }
  void Hit(Probe, TabletId) override {}
  void OnRecovered(TabletId, ReplicaId, OpId) override {}
  void OnBegun(const Applied&) override {}
  void OnApplied(const Applied&) override {}
  void OnInstalled(TabletId, ReplicaId, OpId) override {}

  // The replies to one request, once all is quiet.
  std::vector<proto::Reply> Ask(proto::Request request) {
    to_client_.clear();
    proto::Envelope envelope;
    envelope.set_from_node(kClient.value);
    request.set_attempt(++attempts_);
    *envelope.mutable_request() = std::move(request);
    node_->Receive(envelope.SerializeAsString());
    loop_.RunFor(2'000'000);
    std::vector<proto::Reply> replies;
    for (const proto::Envelope& got : to_client_) replies.push_back(got.reply());
    return replies;
  }
  proto::Reply AskOnce(const proto::Request& request) {
    const auto replies = Ask(request);
    EXPECT_THAT(replies, SizeIs(1)) << request.ShortDebugString();
    if (replies.empty()) return {};
    EXPECT_EQ(replies[0].attempt(), attempts_);
    return replies[0];
  }
  static proto::Request CreateReplica() {
    proto::Request request;
    proto::CreateReplica* create = request.mutable_create_replica();
    create->set_table(UuidBytes(5, 6));
    create->set_replica(4);
    create->mutable_tablet()->set_id(Bytes(kTablet));
    create->mutable_tablet()->set_hash_end(kHashSpace);
    proto::ReplicaInfo* info = create->mutable_tablet()->add_replicas();
    info->set_replica(4);
    info->set_node(kSelf.value);
    return request;
  }
  proto::Request Addressed(proto::Request request) {
    request.set_tablet(Bytes(kTablet));
    return request;
  }

  TestDisk disk_{TestDisk::Threads::kNone};
  TestLoop loop_;
  Seams seams_;
  int life_ = 0;
  uint32_t attempts_ = 0;
  std::vector<proto::Envelope> to_client_, to_nodes_;
  std::vector<std::string> fatal_;
  std::unique_ptr<Node> node_;
};

TEST_F(NodeTest, ATabletThatIsNotHereIsRefusedAsNotHosted) {
  EXPECT_EQ(AskOnce(Addressed(GetRequest("a"))).code(), proto::NOT_HOSTED);
  EXPECT_EQ(AskOnce(GetRequest("a")).code(), proto::NOT_HOSTED);
}

TEST_F(NodeTest, AHostedTabletServesAndIsThereAfterARestart) {
  EXPECT_EQ(AskOnce(CreateReplica()).code(), proto::OK);
  loop_.RunFor(3'000'000);
  EXPECT_EQ(AskOnce(Addressed(PutRequest(1, 1, "a", "x"))).code(), proto::OK);
  Stop();
  Start();
  loop_.RunFor(3'000'000);
  EXPECT_EQ(AskOnce(Addressed(GetRequest("a"))).get().value(), "x");
  EXPECT_THAT(fatal_, IsEmpty());
}

TEST_F(NodeTest, TheMastersRequestsGoToTheMasterAndOthersAreRefusedThere) {
  proto::Request list;
  list.set_tablet(Bytes(kMasterTablet));
  list.mutable_list_tables();
  loop_.RunFor(3'000'000);
  EXPECT_EQ(AskOnce(list).code(), proto::OK);
  proto::Request get = GetRequest("a");
  get.set_tablet(Bytes(kMasterTablet));
  EXPECT_EQ(AskOnce(get).code(), proto::BAD_REQUEST);
}

TEST_F(NodeTest, CreatingAReplicaTwiceIsFineButAnotherOneIsNotTakenForIt) {
  EXPECT_EQ(AskOnce(CreateReplica()).code(), proto::OK);
  EXPECT_EQ(AskOnce(CreateReplica()).code(), proto::OK);
  proto::Request other = CreateReplica();
  other.mutable_create_replica()->set_replica(9);
  other.mutable_create_replica()->mutable_tablet()->mutable_replicas(0)->set_replica(9);
  EXPECT_EQ(AskOnce(other).code(), proto::ALREADY_EXISTS);
  other = CreateReplica();
  other.mutable_create_replica()->set_table(UuidBytes(6, 6));
  EXPECT_EQ(AskOnce(other).code(), proto::ALREADY_EXISTS);
  EXPECT_THAT(node_->replicas(), SizeIs(2));
}

TEST_F(NodeTest, AMalformedCreateReplicaChangesNothing) {
  std::vector<proto::Request> requests(8, CreateReplica());
  const auto create = [&requests](size_t i) { return requests[i].mutable_create_replica(); };
  create(0)->set_table("short");
  create(1)->mutable_tablet()->set_id("../../x");
  create(2)->mutable_tablet()->set_id(Bytes(kMasterTablet));
  create(3)->set_replica(0);
  create(4)->mutable_tablet()->set_hash_end(0);
  create(5)->mutable_tablet()->set_hash_end(kHashSpace + 1);
  create(6)->mutable_tablet()->mutable_replicas(0)->set_node(2);
  *create(7)->mutable_tablet()->add_replicas() = create(7)->tablet().replicas(0);
  for (const proto::Request& request : requests) EXPECT_EQ(AskOnce(request).code(), proto::BAD_REQUEST);
  EXPECT_THAT(node_->replicas(), SizeIs(1));
}

proto::Request DeleteReplicaRequest(uint64_t replica = 4) {
  proto::Request request;
  request.set_tablet(Bytes(kTablet));
  request.mutable_delete_replica()->set_table(UuidBytes(5, 6));
  request.mutable_delete_replica()->set_replica(replica);
  return request;
}

TEST_F(NodeTest, ARemovedReplicaLeavesNothingAndNeverComesBack) {
  EXPECT_EQ(AskOnce(CreateReplica()).code(), proto::OK);
  loop_.RunFor(3'000'000);
  EXPECT_EQ(AskOnce(Addressed(PutRequest(1, 1, "a", "x"))).code(), proto::OK);
  EXPECT_EQ(AskOnce(DeleteReplicaRequest(9)).code(), proto::BAD_REQUEST);  // that one is not here
  EXPECT_EQ(AskOnce(DeleteReplicaRequest()).code(), proto::OK);
  const NodeLayout layout(disk_.root(), kSelf);
  for (int life = 0; life < 2; ++life) {
    EXPECT_THAT(node_->replicas(), SizeIs(1));
    EXPECT_FALSE(*DirectoryExists(disk_.seam(), layout.table(TableId{5, 6})));
    EXPECT_EQ(AskOnce(DeleteReplicaRequest()).code(), proto::OK);
    EXPECT_EQ(AskOnce(CreateReplica()).code(), proto::TABLET_GONE);  // a late delivery
    EXPECT_EQ(AskOnce(Addressed(GetRequest("a"))).code(), proto::TABLET_GONE);
    loop_.RunFor(5'000'000);
    Stop();
    Start();
  }
  EXPECT_THAT(fatal_, IsEmpty());
}

TEST_F(NodeTest, AReplicaThatNeverWasHereIsKeptFromComing) {
  EXPECT_EQ(AskOnce(DeleteReplicaRequest()).code(), proto::OK);
  EXPECT_EQ(AskOnce(CreateReplica()).code(), proto::TABLET_GONE);
  EXPECT_THAT(node_->replicas(), SizeIs(1));
}

TEST_F(NodeTest, ARemovalThatACrashCutsShortIsFinishedAtTheNextStart) {
  const NodeLayout layout(disk_.root(), kSelf);
  // Jobs take 100 us each: the crash falls before, between and after the steps.
  for (int64_t crash_after_us = 50; crash_after_us < 450; crash_after_us += 100) {
    const TabletId tablet{7, static_cast<uint64_t>(crash_after_us)};
    proto::Request create = CreateReplica();
    create.mutable_create_replica()->mutable_tablet()->set_id(Bytes(tablet));
    EXPECT_EQ(AskOnce(create).code(), proto::OK);
    proto::Envelope envelope;
    envelope.set_from_node(kClient.value);
    *envelope.mutable_request() = DeleteReplicaRequest();
    envelope.mutable_request()->set_tablet(Bytes(tablet));
    node_->Receive(envelope.SerializeAsString());
    loop_.RunFor(crash_after_us);
    Stop();
    loop_.RunFor(1'000);  // lets go of what the dead were about to do, and of the store with it
    Start();
    // Either nothing has happened or all of it.
    const bool there = node_->replicas().contains(tablet);
    EXPECT_EQ(there, crash_after_us == 50) << crash_after_us;
    EXPECT_EQ(*DirectoryExists(disk_.seam(), ReplicaLayout(layout, TableId{5, 6}, tablet).live()), there);
    loop_.RunFor(3'000'000);
    to_client_.clear();
    node_->Receive(envelope.SerializeAsString());
    loop_.RunFor(2'000'000);
    ASSERT_THAT(to_client_, SizeIs(1));
    EXPECT_EQ(to_client_[0].reply().code(), proto::OK);
    EXPECT_FALSE(node_->replicas().contains(tablet));
  }
  EXPECT_FALSE(*DirectoryExists(disk_.seam(), layout.table(TableId{5, 6})));
}

// The master of this node waits for another one to host a replica.
TEST_F(NodeTest, AReplyToAFormerLifeIsIgnored) {
  loop_.RunFor(3'000'000);
  proto::Request create;
  create.set_tablet(Bytes(kMasterTablet));
  create.mutable_id()->set_client(TestId(1));
  create.mutable_id()->set_sequence(1);
  proto::TableInfo* table = create.mutable_catalogue()->mutable_create_table()->mutable_table();
  table->set_id(UuidBytes(5, 6));
  table->set_keyspace("k");
  table->set_name("t");
  *table->add_tablets() = CreateReplica().create_replica().tablet();
  table->mutable_tablets(0)->mutable_replicas(0)->set_node(2);
  EXPECT_EQ(AskOnce(create).code(), proto::OK);
  const auto hosted = [this](const proto::Request& call) {
    proto::Envelope envelope;
    *envelope.mutable_reply()->mutable_id() = call.id();
    envelope.mutable_reply()->set_attempt(call.attempt());
    node_->Receive(envelope.SerializeAsString());
    loop_.RunFor(300'000);
    proto::Request list;
    list.set_tablet(Bytes(kMasterTablet));
    list.mutable_list_tables();
    const proto::Reply reply = AskOnce(list);
    return reply.tables().tables_size() == 1 && reply.tables().tables(0).state() == proto::TableInfo::RUNNING;
  };
  const auto last_call = [this] {
    EXPECT_FALSE(to_nodes_.empty());
    return to_nodes_.empty() ? proto::Request() : to_nodes_.back().request();
  };
  const proto::Request old_call = last_call();
  Stop();
  to_nodes_.clear();
  Start();
  // Until the same number of calls was made as in the former life.
  for (int i = 0; i < 1000 && (to_nodes_.empty() || last_call().attempt() < old_call.attempt()); ++i) {
    loop_.RunFor(10'000);
  }
  ASSERT_EQ(last_call().attempt(), old_call.attempt());
  EXPECT_FALSE(hosted(old_call));
  EXPECT_TRUE(hosted(last_call()));
}

// Envelopes of noise, and sound ones with noise in them.
TEST_F(NodeTest, NothingThatComesInHarmsTheNode) {
  ASSERT_EQ(AskOnce(CreateReplica()).code(), proto::OK);
  loop_.RunFor(3'000'000);
  proto::Envelope sound;
  sound.mutable_request()->CopyFrom(Addressed(SnapshotRequest(proto::TabletSnapshotOp::CREATE, 10)));
  std::vector<std::string> seeds = {sound.SerializeAsString()};
  sound.mutable_request()->CopyFrom(Addressed(PutRequest(1, 1, "a", "x")));
  seeds.push_back(sound.SerializeAsString());
  proto::InstallEnvelope* install = sound.mutable_install();
  install->set_tablet(Bytes(kTablet));
  install->set_from_replica(3);
  install->set_to_replica(4);
  install->mutable_offer()->set_term(1000);
  install->mutable_offer()->mutable_last()->set_index(1000);
  install->mutable_offer()->add_directories()->add_files()->set_name("CURRENT");
  seeds.push_back(sound.SerializeAsString());
  install->mutable_chunk()->set_file(3);
  seeds.push_back(sound.SerializeAsString());
  raft::Message message;
  message.type = raft::MessageType::kAppend;
  message.from = ReplicaId{4};
  message.to = ReplicaId{4};
  sound.mutable_raft()->set_tablet(Bytes(kTablet));
  raft::ToProto(message, sound.mutable_raft()->mutable_message());
  seeds.push_back(sound.SerializeAsString());
  Prng prng(11);
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes = seeds[prng.NextBelow(seeds.size())];
    if (prng.OneIn(4)) bytes.assign(prng.NextBelow(64), '\0');
    for (uint64_t changes = prng.NextBelow(4); changes > 0 && !bytes.empty(); --changes) {
      bytes[prng.NextBelow(bytes.size())] = static_cast<char>(prng.Next());
    }
    if (prng.OneIn(4)) bytes.resize(prng.NextBelow(bytes.size() + 1));
    node_->Receive(bytes);
    if (round % 100 == 0) loop_.RunFor(10'000);
  }
  loop_.RunFor(5'000'000);
  EXPECT_THAT(fatal_, IsEmpty());
  EXPECT_EQ(AskOnce(Addressed(PutRequest(9, 1, "b", "y"))).code(), proto::OK);
}

TEST_F(NodeTest, ANodeThatCannotGoOnSaysSoOnceAndTakesNothingMore) {
  ASSERT_EQ(AskOnce(CreateReplica()).code(), proto::OK);
  loop_.RunFor(3'000'000);
  disk_.FailSyncs(true);
  Ask(Addressed(PutRequest(1, 1, "a", "x")));
  proto::Request put = PutRequest(1, 2, "a", "x");
  EXPECT_THAT(Ask(Addressed(put)), IsEmpty());
  EXPECT_THAT(fatal_, SizeIs(1));
}

}  // namespace
}  // namespace sut
