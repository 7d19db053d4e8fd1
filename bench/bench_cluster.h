// Three server processes on this machine with one table, for benchmarks. Every operation that fails ends the program:
// a figure over operations that did not happen would be none.
//
// The processes are killed with the object, and with this process however it ends. Thread rule: single-threaded, but
// for the clients, each of which belongs to one thread.

#ifndef BENCH_BENCH_CLUSTER_H_
#define BENCH_BENCH_CLUSTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sut/client/routing_table.h"
#include "sut/server/remote_client.h"
#include "sut/server/test_servers.h"

namespace holdfast::bench {

class BenchCluster {
 public:
  static constexpr int kNodes = 3;
  static constexpr uint32_t kTablets = 3;

  // Returns when every tablet takes writes.
  BenchCluster();

  std::unique_ptr<sut::RemoteClient> Connect();
  // Each is one linearizable operation, awaited.
  void Put(sut::RemoteClient& client, const std::string& key, const std::string& value) const;
  void Get(sut::RemoteClient& client, const std::string& key) const;

  // Fills the table up to `bytes` of values that do not compress. REQUIRES: bytes do not shrink from call to call.
  void Fill(int64_t bytes);

  // Await COMPLETE, RESTORED, DELETED.
  sut::SnapshotId CreateSnapshot();
  void Restore(sut::SnapshotId snapshot);
  void DeleteSnapshot(sut::SnapshotId snapshot);

 private:
  void CreateTable();
  void Change(const sut::proto::CatalogueCommand& change);
  template <typename Done>
  void AwaitCatalogue(Done done);

  sut::TestServers servers_;
  std::unique_ptr<sut::RemoteClient> client_;
  sut::TableId table_;
  sut::RoutingTable routing_;
  int64_t filled_bytes_ = 0;
};

}  // namespace holdfast::bench

#endif  // BENCH_BENCH_CLUSTER_H_
