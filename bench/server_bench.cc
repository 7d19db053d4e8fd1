// Three real server processes on one machine: operations a second at 1, 16 and 64 clients, and how long a snapshot and
// a restore take against the data they cover. README.md tells what each number means.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/bench_cluster.h"

namespace holdfast::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kKeys = 1'000;
constexpr int kValueBytes = 100;
constexpr auto kRound = std::chrono::seconds(2);

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Gives the latency at `share` of the sorted ones.
double At(const std::vector<double>& sorted_seconds, double share) {
  if (sorted_seconds.empty()) return 0;
  const auto index = static_cast<size_t>(share * static_cast<double>(sorted_seconds.size() - 1));
  return sorted_seconds[index];
}

using Operation = std::function<void(BenchCluster& cluster, sut::RemoteClient& client, const std::string& key)>;

// Closed loop: each client has a connection and a thread of its own, and one operation open at a time.
void RunClients(benchmark::State& state, const Operation& operation) {
  BenchCluster cluster;
  const auto clients = static_cast<size_t>(state.range(0));
  std::vector<std::unique_ptr<sut::RemoteClient>> connections;
  for (size_t i = 0; i < clients; ++i) connections.push_back(cluster.Connect());
  for (int i = 0; i < kKeys; i += 10) cluster.Put(*connections[0], absl::StrCat("key-", i), "first");
  std::vector<double> all;
  for (auto _ : state) {
    std::vector<std::vector<double>> latencies(clients);
    std::vector<std::thread> threads;
    const Clock::time_point start = Clock::now();
    for (size_t client = 0; client < clients; ++client) {
      threads.emplace_back([&, client] {
        for (size_t i = client; Clock::now() - start < kRound; i += clients) {
          const Clock::time_point begun = Clock::now();
          operation(cluster, *connections[client], absl::StrCat("key-", i % kKeys));
          latencies[client].push_back(SecondsSince(begun));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    state.SetIterationTime(SecondsSince(start));
    for (const auto& one : latencies) all.insert(all.end(), one.begin(), one.end());
  }
  std::sort(all.begin(), all.end());
  state.SetItemsProcessed(static_cast<int64_t>(all.size()));
  state.counters["p50_ms"] = 1e3 * At(all, 0.5);
  state.counters["p99_ms"] = 1e3 * At(all, 0.99);
}

void BM_Puts(benchmark::State& state) {
  const std::string value(kValueBytes, 'v');
  RunClients(state, [&value](BenchCluster& cluster, sut::RemoteClient& client, const std::string& key) {
    cluster.Put(client, key, value);
  });
}

void BM_Gets(benchmark::State& state) {
  RunClients(state, [](BenchCluster& cluster, sut::RemoteClient& client, const std::string& key) {
    cluster.Get(client, key);
  });
}

BENCHMARK(BM_Puts)->ArgName("clients")->Arg(1)->Arg(16)->Arg(64)->UseManualTime()->Iterations(3)->Unit(
    benchmark::kMillisecond);
BENCHMARK(BM_Gets)->ArgName("clients")->Arg(1)->Arg(16)->Arg(64)->UseManualTime()->Iterations(3)->Unit(
    benchmark::kMillisecond);

void BM_CreateSnapshot(benchmark::State& state) {
  BenchCluster cluster;
  cluster.Fill(state.range(0) << 20);
  const auto client = cluster.Connect();
  for (auto _ : state) {
    cluster.Put(*client, "key-1", "something new to flush");
    const Clock::time_point start = Clock::now();
    const sut::SnapshotId snapshot = cluster.CreateSnapshot();
    state.SetIterationTime(SecondsSince(start));
    cluster.DeleteSnapshot(snapshot);
  }
}

void BM_Restore(benchmark::State& state) {
  BenchCluster cluster;
  cluster.Fill(state.range(0) << 20);
  const auto client = cluster.Connect();
  const sut::SnapshotId snapshot = cluster.CreateSnapshot();
  for (auto _ : state) {
    cluster.Put(*client, "key-1", "something to undo");
    const Clock::time_point start = Clock::now();
    cluster.Restore(snapshot);
    state.SetIterationTime(SecondsSince(start));
  }
}

BENCHMARK(BM_CreateSnapshot)
    ->ArgName("MiB")
    ->Arg(1)
    ->Arg(16)
    ->Arg(64)
    ->UseManualTime()
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Restore)
    ->ArgName("MiB")
    ->Arg(1)
    ->Arg(16)
    ->Arg(64)
    ->UseManualTime()
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace holdfast::bench
