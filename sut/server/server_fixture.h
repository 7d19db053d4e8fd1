// For tests: a cluster of real servers on loopback with a table of two tablets, and what a client asks of it.

#ifndef SUT_SERVER_SERVER_FIXTURE_H_
#define SUT_SERVER_SERVER_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "sut/server/client_id.h"
#include "sut/server/test_servers.h"
#include "sut/tablet/partition.h"

namespace sut {

inline constexpr int64_t kTimeoutUs = 30'000'000;
inline constexpr int kRows = 40;

inline std::string Key(int i) { return absl::StrCat("key-", i); }
inline std::string Value(int i) { return absl::StrCat("value-", i); }

// A cluster with a table of two tablets.
class ServerTest : public ::testing::Test {
 protected:
  void StartCluster(int nodes) {
    servers_ = std::make_unique<TestServers>(nodes);
    servers_->StartAll();
    client_ = servers_->Connect();
    ASSERT_NE(client_, nullptr);
  }
  void CreateTable(const std::string& name) {
    proto::CatalogueCommand change;
    proto::TableInfo* table = change.mutable_create_table()->mutable_table();
    table_ = RandomId<TableId>();
    table->set_id(Bytes(table_));
    table->set_keyspace("ydb");
    table->set_name(name);
    for (uint32_t i = 0; i < 2; ++i) {
      proto::TabletInfo* tablet = table->add_tablets();
      tablet->set_id(Bytes(RandomId<TabletId>()));
      tablet->set_hash_begin(TabletRange(i, 2).begin);
      tablet->set_hash_end(TabletRange(i, 2).end);
      for (const NodeId node : servers_->ids()) {
        proto::ReplicaInfo* replica = tablet->add_replicas();
        replica->set_node(node.value);
        replica->set_replica(node.value);
      }
    }
    ASSERT_TRUE(client_->Change(change, kTimeoutUs).ok());
    Learn();
  }
  void Learn() {
    auto tables = client_->ListTables(kTimeoutUs);
    ASSERT_TRUE(tables.ok()) << tables.status();
    auto routing = RoutingTable::FromTableList(*tables);
    ASSERT_TRUE(routing.ok()) << routing.status();
    routing_ = *std::move(routing);
  }
  CallResult Mutate(proto::Mutation::Kind kind, int i) {
    proto::Request request;
    proto::Mutation* mutation = request.mutable_write()->add_mutations();
    mutation->set_kind(kind);
    mutation->set_key(Key(i));
    if (kind == proto::Mutation::PUT) mutation->set_value(Value(i));
    return client_->Call(*routing_.Route(table_, Key(i)), std::move(request), kTimeoutUs);
  }
  void PutRows(int begin, int end) {
    for (int i = begin; i < end; ++i) {
      const CallResult put = Mutate(proto::Mutation::PUT, i);
      ASSERT_EQ(put.outcome, Outcome::kOk) << put.reply.ShortDebugString();
    }
  }
  void DeleteRows(int begin, int end) {
    for (int i = begin; i < end; ++i) ASSERT_EQ(Mutate(proto::Mutation::DELETE, i).outcome, Outcome::kOk);
  }
  // All rows of the table, by linearizable scans.
  std::map<std::string, std::string> Rows() {
    std::map<std::string, std::string> rows;
    for (const RoutingTable::Tablet& tablet : routing_.Find(table_)->tablets) {
      proto::Request request;
      request.mutable_scan();
      const CallResult result = client_->Call(tablet.target, std::move(request), kTimeoutUs);
      EXPECT_EQ(result.outcome, Outcome::kOk) << result.reply.ShortDebugString();
      for (const proto::Row& row : result.rows) rows[row.key()] = row.value();
    }
    return rows;
  }
  static std::map<std::string, std::string> Expected(int begin, int end) {
    std::map<std::string, std::string> rows;
    for (int i = begin; i < end; ++i) rows[Key(i)] = Value(i);
    return rows;
  }
  // Until `done` holds of the list; fails the test when the time is over.
  template <typename Done>
  void AwaitList(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < give_up) {
      const auto list = client_->ListSnapshots(kTimeoutUs);
      ASSERT_TRUE(list.ok()) << list.status();
      if (done(*list)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << "the list does not become what it should";
  }
  SnapshotId CreateSnapshot() {
    const SnapshotId id = RandomId<SnapshotId>();
    proto::CatalogueCommand change;
    change.mutable_create_snapshot()->set_id(Bytes(id));
    change.mutable_create_snapshot()->add_tables(Bytes(table_));
    EXPECT_TRUE(client_->Change(change, kTimeoutUs).ok());
    AwaitList([id](const proto::Reply::SnapshotList& list) {
      for (const auto& one : list.snapshots()) {
        if (one.id() == Bytes(id)) return one.state() == proto::SnapshotInfo::COMPLETE;
      }
      return false;
    });
    return id;
  }
  void Restore(SnapshotId snapshot) {
    const RestorationId id = RandomId<RestorationId>();
    proto::CatalogueCommand change;
    change.mutable_restore_snapshot()->set_restoration(Bytes(id));
    change.mutable_restore_snapshot()->set_snapshot(Bytes(snapshot));
    ASSERT_TRUE(client_->Change(change, kTimeoutUs).ok());
    AwaitList([id](const proto::Reply::SnapshotList& list) {
      for (const auto& one : list.restorations()) {
        if (one.id() == Bytes(id)) return one.state() == proto::RestorationInfo::RESTORED;
      }
      return false;
    });
  }
  // The leader of the tablet of row `i`, once every other node is dead: nothing commits there any more.
  NodeId LeaderLeftAlone(int i) {
    const NodeId leader = LeaderOf(Bytes(routing_.Route(table_, Key(i))->tablet));
    for (const NodeId node : servers_->ids()) {
      if (node != leader) servers_->Kill(node);
    }
    return leader;
  }
  // A put of row `i` as a new client sends it.
  proto::Request FirstPut(int i) const {
    proto::Request request;
    request.set_tablet(Bytes(routing_.Route(table_, Key(i))->tablet));
    request.mutable_id()->set_client(Bytes(RandomClientId()));
    request.mutable_id()->set_sequence(1);
    proto::Mutation* mutation = request.mutable_write()->add_mutations();
    mutation->set_kind(proto::Mutation::PUT);
    mutation->set_key(Key(i));
    return request;
  }
  NodeId LeaderOf(const std::string& tablet_bytes) {
    for (int attempt = 0; attempt < 200; ++attempt) {
      const auto view = client_->View(kTimeoutUs);
      if (view.ok() && view->Leader(tablet_bytes)) return *view->Leader(tablet_bytes);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "nobody leads";
    return {};
  }

  std::unique_ptr<TestServers> servers_;
  std::unique_ptr<RemoteClient> client_;
  TableId table_;
  RoutingTable routing_;
};

}  // namespace sut

#endif  // SUT_SERVER_SERVER_FIXTURE_H_
