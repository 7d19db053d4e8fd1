// Three replicas of one tablet for tests, each on a disk of its own, in virtual time: nothing happens but in RunFor.
//
// Fault model: a node dies at a probe or on call (its disk refuses everything from then on, its callbacks and messages
// are dropped) and starts again with what it had written; messages are lost by a filter, duplicated and reordered on
// demand. Deterministic. Loop rule: single-threaded; jobs of a Worker run as events of their own, one at a time.

#ifndef SUT_TABLET_TEST_GROUP_H_
#define SUT_TABLET_TEST_GROUP_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sut/runtime/seams.h"
#include "sut/storage/test_disk.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/row_machine.h"

namespace sut {

inline constexpr int kTestNodes = 3;
inline constexpr TabletId kTestTablet{7, 8};
inline constexpr TableId kTestTable{5, 6};

// Events in the order of their time, then of their making.
class TestLoop : public Clock {
 public:
  int64_t NowUs() const override { return now_us_; }
  void At(int64_t time_us, std::function<void()> event) {
    events_.emplace(std::pair(time_us, next_++), std::move(event));
  }
  // Runs what falls due in the time given.
  void RunFor(int64_t duration_us);

 private:
  int64_t now_us_ = 1'000'000;
  uint64_t next_ = 0;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> events_;
};

class TestGroup {
 public:
  explicit TestGroup(NodeOptions options = {});
  ~TestGroup();

  // A node by number, 1..kTestNodes. REQUIRES for the replica: it is up.
  Replica& replica(int node);
  bool up(int node) const;
  TestDisk& disk(int node);
  TestLoop& loop() { return loop_; }
  NodeOptions& options() { return options_; }

  void Kill(int node);
  // Opens the replica anew; kills it first if it is up.
  absl::Status Start(int node);
  // The node dies at its nth hit of `probe` from now on, unless it dies before. One such a node.
  void KillAt(int node, Probe probe, int nth);
  bool killed_at_probe(int node) const;
  // Messages between it and the others are lost, until Connect.
  void Disconnect(int node) { disconnected_.insert(node); }
  void Connect(int node) { disconnected_.erase(node); }
  void set_loss(std::function<bool(const proto::Envelope&)> lost) { lost_ = std::move(lost); }
  // Every message comes twice, the second time much later.
  void set_duplicates(bool on) { duplicates_ = on; }
  // How long half of a job takes, on all nodes, from now on.
  void set_job_us(int64_t job_us) { job_us_ = job_us; }
  // Jobs of this node's Worker wait.
  void HoldWorker(int node, bool hold);

  void RunFor(int64_t duration_us) { loop_.RunFor(duration_us); }
  // Runs until `reached`, for a minute at most; whether it was.
  bool RunUntil(const std::function<bool()>& reached);
  // The node that leads, known to be so by its own group of connected ones; 0 if there is none.
  int leader();
  int WaitForLeader();
  int AnyFollower();

  // One attempt at one node; the reply may come later, or never.
  std::shared_ptr<std::optional<proto::Reply>> Send(int node, const proto::Request& request);
  // The same request again and again until it has a definite answer.
  proto::Reply Call(const proto::Request& request);
  // Every node that is up has applied all that is committed, and rests.
  bool Settle();
  // Rows and metadata of one node, then names of its snapshots with the metadata of each; all verified.
  std::vector<std::pair<std::string, std::string>> Content(int node);
  // Why each node that stopped itself did so.
  const std::vector<std::string>& fatal() const { return fatal_; }

 private:
  struct Life;
  struct Machine {
    std::unique_ptr<TestDisk> disk = std::make_unique<TestDisk>(TestDisk::Threads::kNone);
    std::unique_ptr<Life> life;
  };

  void Deliver(NodeId to, const std::string& bytes);

  TestLoop loop_;
  NodeOptions options_;
  std::array<Machine, kTestNodes> machines_;
  std::set<int> disconnected_;
  std::function<bool(const proto::Envelope&)> lost_;
  bool duplicates_ = false;
  int64_t job_us_ = 200;
  std::vector<std::string> fatal_;
};

// Requests, with ids from the test's own hand.
std::string TestId(uint64_t n);
proto::Request PutRequest(uint64_t client, uint64_t sequence, const std::string& key, const std::string& value);
proto::Request IncrementRequest(uint64_t client, uint64_t sequence, const std::string& key, int64_t delta);
proto::Request GetRequest(const std::string& key);
proto::Request SnapshotRequest(proto::TabletSnapshotOp::Kind kind, uint64_t snapshot, uint64_t restoration = 0);
// The value of a row, or none.
std::optional<std::string> Get(TestGroup& group, const std::string& key);

}  // namespace sut

#endif  // SUT_TABLET_TEST_GROUP_H_
