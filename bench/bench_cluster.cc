#include "bench/bench_cluster.h"

#include <chrono>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/server/client_id.h"
#include "sut/server/reply_status.h"
#include "sut/tablet/partition.h"

namespace holdfast::bench {
namespace {

using sut::CallResult;
using sut::Outcome;
using sut::proto::CatalogueCommand;

constexpr int64_t kTimeoutUs = 60'000'000;
constexpr auto kCatalogueTimeout = std::chrono::minutes(5);
constexpr auto kPollInterval = std::chrono::milliseconds(2);
constexpr int64_t kFillValueBytes = 16 << 10;
constexpr int64_t kFillRequestBytes = 512 << 10;

void MustBeOk(const CallResult& result) { SUT_CHECK(result.outcome == Outcome::kOk, result.reply.ShortDebugString()); }

std::string Noise(uint64_t seed, int64_t bytes) {
  sut::Prng prng(seed);
  std::string out;
  out.reserve(static_cast<size_t>(bytes));
  while (static_cast<int64_t>(out.size()) < bytes) out.push_back(static_cast<char>(prng.Next()));
  return out;
}

}  // namespace

BenchCluster::BenchCluster() : servers_(kNodes) {
  servers_.StartAll();
  client_ = Connect();
  CreateTable();
  const auto tables = client_->ListTables(kTimeoutUs);
  SUT_CHECK(tables.ok(), "the table list");
  auto routing = sut::RoutingTable::FromTableList(*tables);
  SUT_CHECK(routing.ok(), "a table list that routes");
  routing_ = *std::move(routing);
  for (int i = 0; i < 64; ++i) Put(*client_, absl::StrCat("warm-", i), "x");
}

std::unique_ptr<sut::RemoteClient> BenchCluster::Connect() {
  auto client = servers_.Connect();
  SUT_CHECK(client != nullptr, "the servers answer");
  return client;
}

void BenchCluster::CreateTable() {
  CatalogueCommand change;
  sut::proto::TableInfo* table = change.mutable_create_table()->mutable_table();
  table_ = sut::RandomId<sut::TableId>();
  table->set_id(Bytes(table_));
  table->set_keyspace("bench");
  table->set_name("rows");
  for (uint32_t i = 0; i < kTablets; ++i) {
    sut::proto::TabletInfo* tablet = table->add_tablets();
    tablet->set_id(Bytes(sut::RandomId<sut::TabletId>()));
    tablet->set_hash_begin(sut::TabletRange(i, kTablets).begin);
    tablet->set_hash_end(sut::TabletRange(i, kTablets).end);
    for (const sut::NodeId node : servers_.ids()) {
      sut::proto::ReplicaInfo* replica = tablet->add_replicas();
      replica->set_node(node.value);
      replica->set_replica(node.value);
    }
  }
  Change(change);
}

void BenchCluster::Change(const CatalogueCommand& change) {
  const absl::Status status = client_->Change(change, kTimeoutUs);
  SUT_CHECK(status.ok(), status.ToString());
}

void BenchCluster::Put(sut::RemoteClient& client, const std::string& key, const std::string& value) const {
  sut::proto::Request request;
  sut::proto::Mutation* mutation = request.mutable_write()->add_mutations();
  mutation->set_kind(sut::proto::Mutation::PUT);
  mutation->set_key(key);
  mutation->set_value(value);
  MustBeOk(client.Call(*routing_.Route(table_, key), std::move(request), kTimeoutUs));
}

void BenchCluster::Get(sut::RemoteClient& client, const std::string& key) const {
  sut::proto::Request request;
  request.mutable_get()->set_key(key);
  MustBeOk(client.Call(*routing_.Route(table_, key), std::move(request), kTimeoutUs));
}

void BenchCluster::Fill(int64_t bytes) {
  std::map<sut::TabletId, sut::proto::Request> waiting;
  const auto send = [this](sut::TabletId tablet, sut::proto::Request request) {
    for (const auto& one : routing_.Find(table_)->tablets) {
      if (one.target.tablet == tablet) MustBeOk(client_->Call(one.target, std::move(request), kTimeoutUs));
    }
  };
  for (; filled_bytes_ < bytes; filled_bytes_ += kFillValueBytes) {
    const std::string key = absl::StrCat("fill-", filled_bytes_);
    const sut::TabletId tablet = routing_.Route(table_, key)->tablet;
    sut::proto::Mutation* mutation = waiting[tablet].mutable_write()->add_mutations();
    mutation->set_kind(sut::proto::Mutation::PUT);
    mutation->set_key(key);
    mutation->set_value(Noise(static_cast<uint64_t>(filled_bytes_), kFillValueBytes));
    if (waiting[tablet].write().mutations_size() * kFillValueBytes < kFillRequestBytes) continue;
    send(tablet, std::exchange(waiting[tablet], {}));
  }
  for (auto& [tablet, request] : waiting) {
    if (request.has_write()) send(tablet, std::move(request));
  }
}

template <typename Done>
void BenchCluster::AwaitCatalogue(Done done) {
  const auto give_up = std::chrono::steady_clock::now() + kCatalogueTimeout;
  while (true) {
    const auto list = client_->ListSnapshots(kTimeoutUs);
    SUT_CHECK(list.ok(), "the snapshot list");
    if (done(*list)) return;
    SUT_CHECK(std::chrono::steady_clock::now() < give_up, "the snapshot list becomes what it should");
    std::this_thread::sleep_for(kPollInterval);
  }
}

sut::SnapshotId BenchCluster::CreateSnapshot() {
  const auto id = sut::RandomId<sut::SnapshotId>();
  CatalogueCommand change;
  change.mutable_create_snapshot()->set_id(Bytes(id));
  change.mutable_create_snapshot()->add_tables(Bytes(table_));
  Change(change);
  AwaitCatalogue([id](const sut::proto::Reply::SnapshotList& list) {
    for (const auto& one : list.snapshots()) {
      if (one.id() == Bytes(id)) return one.state() == sut::proto::SnapshotInfo::COMPLETE;
    }
    return false;
  });
  return id;
}

void BenchCluster::Restore(sut::SnapshotId snapshot) {
  const auto id = sut::RandomId<sut::RestorationId>();
  CatalogueCommand change;
  change.mutable_restore_snapshot()->set_restoration(Bytes(id));
  change.mutable_restore_snapshot()->set_snapshot(Bytes(snapshot));
  Change(change);
  AwaitCatalogue([id](const sut::proto::Reply::SnapshotList& list) {
    for (const auto& one : list.restorations()) {
      if (one.id() == Bytes(id)) return one.state() == sut::proto::RestorationInfo::RESTORED;
    }
    return false;
  });
}

void BenchCluster::DeleteSnapshot(sut::SnapshotId snapshot) {
  CatalogueCommand change;
  change.mutable_delete_snapshot()->set_id(Bytes(snapshot));
  Change(change);
  AwaitCatalogue([snapshot](const sut::proto::Reply::SnapshotList& list) {
    for (const auto& one : list.snapshots()) {
      if (one.id() == Bytes(snapshot)) return one.state() == sut::proto::SnapshotInfo::DELETED;
    }
    return true;
  });
}

}  // namespace holdfast::bench
