// One Raft group with disks and a network, for tests: the test decides when anything happens.
//
// Fault model: a message may be delivered at any time, twice, or never. A disk keeps what was synced; at a crash a
// prefix of the unsynced writes may survive too. A store is flushed apart from the log. After every event the
// invariants are checked, and these: all replicas apply the same entries, nothing acknowledged is lost, reads see all
// that was committed before.

#ifndef SUT_RAFT_TEST_CLUSTER_H_
#define SUT_RAFT_TEST_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sut/raft/invariants.h"
#include "sut/raft/raft.h"

namespace sut::raft {

class TestCluster {
 public:
  // What a replica's state machine holds after applying up to `applied`.
  struct Store {
    OpId applied;
    uint64_t digest = 0;  // of all entries applied
    Config config;
  };
  // A Ready on its way to the disk.
  struct Write {
    uint64_t number = 0;
    std::optional<Index> truncate_from;
    std::vector<Entry> entries;
    std::optional<HardState> hard_state;
    std::vector<Message> messages_after_sync;
  };
  struct Replica {
    ReplicaId id;
    uint64_t incarnation = 0;
    std::unique_ptr<Raft> raft;  // none while down
    // The disk. Invariant: flushed.applied.index >= log_start.last.index.
    HardState hard_state;
    LogStart log_start;
    std::vector<Entry> entries;
    Store flushed;
    // Lost in a crash.
    std::deque<Write> unsynced;
    Store store;
  };
  struct Install {
    ReplicaId from;
    ReplicaId to;
  };

  // `options` gives each replica's; called again at each start.
  explicit TestCluster(std::function<Options(ReplicaId)> options) : options_(std::move(options)) {}

  // A replica with an empty log; founders know the configuration, later ones learn it.
  void Add(ReplicaId id, const Config& founders);

  // Inputs. REQUIRES: the replica is up, except for Restart.
  void Tick(ReplicaId id);
  void Campaign(ReplicaId id);
  void StepDown(ReplicaId id);
  absl::StatusOr<OpId> Propose(ReplicaId id, const std::string& data);
  absl::StatusOr<OpId> ProposeConfig(ReplicaId id, const Config& config);
  absl::Status ReadIndex(ReplicaId id);
  absl::Status Transfer(ReplicaId id, ReplicaId to);

  // The host's side. Drain takes every Ready; Sync makes the oldest unsynced write durable.
  void Drain(ReplicaId id);
  void Sync(ReplicaId id);
  void Flush(ReplicaId id);
  // Drops log entries up to `index`, or as far as the store is flushed.
  void Compact(ReplicaId id, Index index);
  void Crash(ReplicaId id, size_t unsynced_writes_kept);
  void Restart(ReplicaId id);

  // The network. A message over a cut link is lost when it is delivered.
  void Deliver(size_t position, bool keep_copy = false);
  void Drop(size_t position);
  // Links between replicas of different sides are cut; replicas in no side are cut off from everybody.
  void Partition(const std::vector<std::vector<ReplicaId>>& sides);
  void Heal() { cut_ = false; }
  bool Connected(ReplicaId a, ReplicaId b) const;

  // Ends a running install: with the source's present store, or in vain.
  void FinishInstall(size_t position, bool success);

  // Everything durable, delivered and, if asked for, installed, until nothing moves any more. False if that takes more
  // than `rounds_max`.
  bool Settle(int rounds_max, bool finish_installs);

  std::map<ReplicaId, Replica>& replicas() { return replicas_; }
  Replica& replica(ReplicaId id) { return replicas_.at(id); }
  bool IsUp(ReplicaId id) const { return replicas_.at(id).raft != nullptr; }
  const std::vector<Message>& network() const { return network_; }
  const std::vector<Install>& installs() const { return installs_; }
  // The up replica that leads in the highest term; none if there is none.
  ReplicaId leader() const;
  // The first thing that went wrong.
  const std::optional<std::string>& violation() const { return violation_; }
  void Fail(const std::string& what);
  // Proposals that their proposer saw committed, with their data.
  const std::map<OpId, std::string>& acknowledged() const { return acknowledged_; }
  // Whether what was acknowledged is what stands in the group's history.
  void CheckAcknowledged();
  uint64_t reads_answered() const { return reads_answered_; }
  // Reads of replicas that are up, neither answered nor lost.
  size_t reads_open() const { return open_reads_.size(); }
  uint64_t installs_finished() const { return installs_finished_; }
  // Called with every line that tells what happened, if set.
  std::function<void(const std::string&)> trace;

 private:
  struct Applied {
    Entry entry;
    uint64_t digest = 0;
  };

  Raft& raft(ReplicaId id) { return *replicas_.at(id).raft; }
  void Observe(Replica& replica);
  void Note(const std::optional<std::string>& violation);
  void Say(const std::string& line) {
    if (trace) trace(line);
  }
  void TakeReady(Replica& replica);
  void Apply(Replica& replica, const Entry& entry);
  void Send(std::vector<Message> messages);
  static void WriteToDisk(Replica& replica, const Write& write);

  std::function<Options(ReplicaId)> options_;
  std::map<ReplicaId, Replica> replicas_;
  std::vector<Message> network_;
  std::vector<Install> installs_;
  bool cut_ = false;
  std::map<ReplicaId, size_t> side_;
  RaftInvariants invariants_;
  std::optional<std::string> violation_;

  std::vector<Applied> history_;                            // what was applied anywhere, by index from 1
  std::map<std::pair<ReplicaId, OpId>, std::string> open_;  // proposals by proposer, not committed yet
  std::map<OpId, std::string> acknowledged_;
  struct OpenRead {
    ReplicaId at;
    Index committed_before;
  };
  std::map<uint64_t, OpenRead> open_reads_;
  uint64_t next_read_ = 1;
  uint64_t reads_answered_ = 0;
  uint64_t installs_finished_ = 0;
  Index committed_anywhere_;
};

}  // namespace sut::raft

#endif  // SUT_RAFT_TEST_CLUSTER_H_
