// The host's duties (sut/raft/raft.h), done one at a time at the test's command.

#include "sut/raft/test_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/raft/describe.h"
#include "sut/raft/wire.h"

namespace sut::raft {

void TestCluster::Add(ReplicaId id, const Config& founders) {
  Replica& replica = replicas_[id];
  SUT_CHECK(replica.incarnation == 0, "a replica id is used once");
  replica.id = id;
  replica.log_start.config = founders;
  replica.flushed.config = founders;
  Restart(id);
}

void TestCluster::Tick(ReplicaId id) {
  raft(id).Tick();
  Observe(replica(id));
}

void TestCluster::Campaign(ReplicaId id) {
  raft(id).Campaign();
  Observe(replica(id));
}

void TestCluster::StepDown(ReplicaId id) {
  raft(id).StepDown();
  Observe(replica(id));
}

absl::StatusOr<OpId> TestCluster::Propose(ReplicaId id, const std::string& data) {
  const absl::StatusOr<OpId> op = raft(id).Propose(data, HybridTime{1});
  Observe(replica(id));
  if (op.ok()) open_[{id, *op}] = data;
  return op;
}

absl::StatusOr<OpId> TestCluster::ProposeConfig(ReplicaId id, const Config& config) {
  const absl::StatusOr<OpId> op = raft(id).ProposeConfig(config, HybridTime{1});
  Observe(replica(id));
  return op;
}

absl::Status TestCluster::ReadIndex(ReplicaId id) {
  const uint64_t read = next_read_++;
  const Index committed_before = committed_anywhere_;
  const absl::Status status = raft(id).ReadIndex(read);
  if (status.ok()) open_reads_[read] = {id, committed_before};
  return status;
}

absl::Status TestCluster::Transfer(ReplicaId id, ReplicaId to) {
  const absl::Status status = raft(id).TransferLeader(to);
  Observe(replica(id));
  return status;
}

void TestCluster::Drain(ReplicaId id) {
  Replica& host = replica(id);
  for (int readies = 0; host.raft->HasReady(); ++readies) {
    SUT_CHECK(readies < 100, "Ready never ends");
    TakeReady(host);
  }
}

void TestCluster::TakeReady(Replica& host) {
  Ready ready = host.raft->TakeReady();
  Observe(host);
  Say(absl::StrCat("replica ", host.id.value, " ready\n", Describe(ready)));
  Send(std::move(ready.messages));
  if (ready.must_sync) {
    host.unsynced.push_back({ready.number, ready.truncate_from, std::move(ready.entries), ready.hard_state,
                             std::move(ready.messages_after_sync)});
  } else if (host.unsynced.empty()) {
    Send(std::move(ready.messages_after_sync));
  } else {
    std::vector<Message>& later = host.unsynced.back().messages_after_sync;
    later.insert(later.end(), ready.messages_after_sync.begin(), ready.messages_after_sync.end());
  }
  for (const Entry& entry : ready.committed) Apply(host, entry);
  if (!ready.committed.empty()) host.raft->Applied(ready.committed.back().op.index);
  for (const ReadState& read : ready.reads) {
    const auto open = open_reads_.find(read.id);
    if (open == open_reads_.end() || open->second.at != host.id) {
      Fail(absl::StrCat("read ", read.id, " was answered twice or by another replica"));
      continue;
    }
    if (read.index < open->second.committed_before) {
      Fail(absl::StrCat("read ", read.id, " at index ", read.index.value,
                        " misses what was committed before it, up to ", open->second.committed_before.value));
    }
    open_reads_.erase(open);
    ++reads_answered_;
  }
  for (const uint64_t id : ready.lost_reads) {
    if (open_reads_.erase(id) == 0) Fail(absl::StrCat("read ", id, " was lost after its end"));
  }
  for (const ReplicaId peer : ready.installs) installs_.push_back({host.id, peer});
}

void TestCluster::Apply(Replica& host, const Entry& entry) {
  const Index index = entry.op.index;
  if (index != Next(host.store.applied.index)) {
    Fail(absl::StrCat("replica ", host.id.value, " applies ", ToString(entry.op), " after ",
                      ToString(host.store.applied)));
  }
  host.store.applied = entry.op;
  host.store.digest = Mix({host.store.digest, MixString(EncodeEntry(entry))});
  if (entry.type == EntryType::kConfig) host.store.config = *DecodeConfig(entry.data);
  if (history_.size() + 1 == index.value) history_.push_back({entry, host.store.digest});
  if (history_.size() < index.value || history_[index.value - 1].digest != host.store.digest) {
    Fail(absl::StrCat("replica ", host.id.value, " applied something else than others up to index ", index.value));
  }
  if (const auto open = open_.find({host.id, entry.op}); open != open_.end()) {
    acknowledged_.insert({entry.op, open->second});
    open_.erase(open);
  }
}

void TestCluster::Sync(ReplicaId id) {
  Replica& host = replica(id);
  if (host.unsynced.empty()) return;
  Write write = std::move(host.unsynced.front());
  host.unsynced.pop_front();
  WriteToDisk(host, write);
  host.raft->Persisted(write.number);
  Observe(host);
  Send(std::move(write.messages_after_sync));
}

void TestCluster::WriteToDisk(Replica& host, const Write& write) {
  const auto position = [&host](Index index) { return index.value - host.log_start.last.index.value - 1; };
  if (write.truncate_from.has_value() && *write.truncate_from <= host.log_start.last.index) host.entries.clear();
  if (write.truncate_from.has_value() && position(*write.truncate_from) < host.entries.size()) {
    host.entries.resize(position(*write.truncate_from));
  }
  for (const Entry& entry : write.entries) {
    // Written before an install that ended later, it may fall before the new start or beyond the log's end.
    if (entry.op.index <= host.log_start.last.index || position(entry.op.index) > host.entries.size()) continue;
    host.entries.resize(position(entry.op.index));
    host.entries.push_back(entry);
  }
  if (write.hard_state.has_value()) host.hard_state = *write.hard_state;
}

void TestCluster::Flush(ReplicaId id) { replica(id).flushed = replica(id).store; }

void TestCluster::Compact(ReplicaId id, Index index) {
  Replica& host = replica(id);
  index = std::min(index, host.flushed.applied.index);
  if (index <= host.log_start.last.index) return;
  host.raft->Compact(index);
  Observe(host);
  const size_t dropped = index.value - host.log_start.last.index.value;
  SUT_CHECK(dropped <= host.entries.size(), "what is applied is in the log");
  host.entries.erase(host.entries.begin(), host.entries.begin() + static_cast<ptrdiff_t>(dropped));
  host.log_start = host.raft->status().start;
}

void TestCluster::Crash(ReplicaId id, size_t unsynced_writes_kept) {
  Replica& host = replica(id);
  for (size_t i = 0; i < std::min(unsynced_writes_kept, host.unsynced.size()); ++i) {
    WriteToDisk(host, host.unsynced[i]);
  }
  host.unsynced.clear();
  host.raft.reset();
  std::erase_if(installs_, [id](const Install& install) { return install.from == id; });
  std::erase_if(open_, [id](const auto& open) { return open.first.first == id; });
  std::erase_if(open_reads_, [id](const auto& open) { return open.second.at == id; });
}

void TestCluster::Restart(ReplicaId id) {
  Replica& host = replica(id);
  SUT_CHECK(host.raft == nullptr, "restart of a replica that is up");
  const RecoveredState recovered{host.hard_state, host.log_start, host.entries, host.flushed.applied.index};
  Note(invariants_.ObserveRecovered(id, recovered));
  absl::StatusOr<std::unique_ptr<Raft>> raft = Raft::Recover(id, options_(id), recovered);
  SUT_CHECK(raft.ok(), raft.status().ToString());
  host.raft = *std::move(raft);
  host.store = host.flushed;
  ++host.incarnation;
  Observe(host);
}

void TestCluster::Deliver(size_t position, bool keep_copy) {
  const Message message = network_[position];
  if (!keep_copy) Drop(position);
  if (replicas_.count(message.to) == 0 || !IsUp(message.to) || !Connected(message.from, message.to)) return;
  Say(absl::StrCat("deliver ", Describe(message), "\n"));
  raft(message.to).Step(message);
  Observe(replica(message.to));
}

void TestCluster::Drop(size_t position) { network_.erase(network_.begin() + static_cast<ptrdiff_t>(position)); }

void TestCluster::Partition(const std::vector<std::vector<ReplicaId>>& sides) {
  cut_ = true;
  side_.clear();
  for (size_t i = 0; i < sides.size(); ++i) {
    for (const ReplicaId id : sides[i]) side_[id] = i + 1;
  }
}

bool TestCluster::Connected(ReplicaId a, ReplicaId b) const {
  if (!cut_) return true;
  const auto side_a = side_.find(a);
  const auto side_b = side_.find(b);
  return side_a != side_.end() && side_b != side_.end() && side_a->second == side_b->second;
}

void TestCluster::FinishInstall(size_t position, bool success) {
  const Install install = installs_[position];
  installs_.erase(installs_.begin() + static_cast<ptrdiff_t>(position));
  Raft& source = raft(install.from);
  std::optional<Index> arrived;
  if (success && replicas_.count(install.to) != 0 && IsUp(install.to) && Connected(install.from, install.to)) {
    const Store store = replica(install.from).store;
    Replica& host = replica(install.to);
    Drain(install.to);
    arrived = store.applied.index;
    if (host.raft->CanInstall(store.applied)) {
      // All that was written before reaches the disk before the new store does.
      const bool keeps_tail = host.raft->TermAt(store.applied.index) == store.applied.term;
      while (!host.unsynced.empty()) Sync(install.to);
      std::erase_if(host.entries,
                    [&](const Entry& entry) { return !keeps_tail || entry.op.index <= store.applied.index; });
      host.log_start = {store.applied, store.config};
      host.flushed = store;
      host.store = store;
      if (!host.raft->Installed(host.log_start)) Fail("an install that was possible was refused");
      ++installs_finished_;
      Observe(host);
      Say(absl::StrCat("replica ", install.to.value, " installed ", ToString(store.applied), "\n"));
    }
  }
  source.ReportInstall(install.to, arrived);
  Observe(replica(install.from));
}

bool TestCluster::Settle(int rounds_max, bool finish_installs) {
  for (int round = 0; round < rounds_max; ++round) {
    bool moved = false;
    for (auto& [id, host] : replicas_) {
      if (host.raft == nullptr) continue;
      moved = moved || host.raft->HasReady() || !host.unsynced.empty();
      Drain(id);
      while (!host.unsynced.empty()) Sync(id);
    }
    for (size_t count = network_.size(); count > 0; --count, moved = true) Deliver(0);
    for (size_t count = finish_installs ? installs_.size() : 0; count > 0; --count, moved = true)
      FinishInstall(0, true);
    if (!moved) return true;
  }
  return false;
}

ReplicaId TestCluster::leader() const {
  const Status* best = nullptr;
  for (const auto& [id, host] : replicas_) {
    if (host.raft == nullptr || !host.raft->is_leader()) continue;
    if (best == nullptr || host.raft->status().term > best->term) best = &host.raft->status();
  }
  return best == nullptr ? ReplicaId{} : best->self;
}

void TestCluster::Fail(const std::string& what) {
  if (!violation_.has_value()) violation_ = what;
}

void TestCluster::CheckAcknowledged() {
  for (const auto& [op, data] : acknowledged_) {
    const bool stands = op.index.value <= history_.size() && history_[op.index.value - 1].entry.op == op &&
                        history_[op.index.value - 1].entry.data == data;
    if (!stands) Fail(absl::StrCat("the acknowledged entry ", ToString(op), " is lost"));
  }
}

void TestCluster::Observe(Replica& host) {
  Note(invariants_.Observe(host.id, host.incarnation, *host.raft));
  committed_anywhere_ = std::max(committed_anywhere_, host.raft->status().commit);
}

void TestCluster::Note(const std::optional<std::string>& violation) {
  if (violation.has_value()) Fail(*violation);
}

void TestCluster::Send(std::vector<Message> messages) {
  for (Message& message : messages) {
    Note(invariants_.ObserveSent(message));
    network_.push_back(std::move(message));
  }
}

}  // namespace sut::raft
