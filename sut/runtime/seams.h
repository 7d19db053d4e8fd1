// The seams between a node and its world: clock, timers, messages, long work, observers. Disk is a rocksdb::Env.
//
// The simulator and the server implement them; nothing else in sut/ may know time, threads or sockets. All calls are
// made, and all callbacks run, on the node's one event loop, except that a Worker may run its job on a thread of its
// own. Callbacks of a node that has died are dropped, never run.

#ifndef SUT_RUNTIME_SEAMS_H_
#define SUT_RUNTIME_SEAMS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "sut/base/ids.h"
#include "sut/base/probe.h"

namespace rocksdb {
class Env;
}

namespace sut {

// Names a thing that happens by what it is, not by when it happens: the simulator draws its delay and its fate from
// this.
struct LogicalIdentity {
  uint64_t hash = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since some fixed moment; never goes back within a process's life.
  virtual int64_t NowUs() const = 0;
};

class Timers {
 public:
  virtual ~Timers() = default;
  // Runs `callback` once, `delay_us` >= 0 from now. There is no cancelling: a callback checks whether it is still
  // wanted.
  virtual void After(int64_t delay_us, std::function<void()> callback) = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Sends a serialised proto::Envelope. May be delayed, lost, duplicated and reordered; never corrupted.
  virtual void Send(NodeId to, LogicalIdentity identity, std::string envelope) = 0;
};

class Worker {
 public:
  virtual ~Worker() = default;
  // Runs `job` off the loop, then `done` on it. Jobs of one Worker run one at a time in the order of their calls to
  // Run.
  virtual void Run(LogicalIdentity identity, std::function<void()> job, std::function<void()> done) = 0;
};

// What replicas did, for the second judge. Loop rule: called on the node's loop.
class ApplyObserver {
 public:
  struct Applied {
    TabletId tablet;
    ReplicaId replica;
    OpId op;
    RequestId request;                  // sequence 0 if the entry carries none
    uint64_t entry_hash = 0;            // MixString of the entry's type and data
    const std::string* data = nullptr;  // the entry's data; valid during the call
    bool is_command = false;
  };
  virtual ~ApplyObserver() = default;
  // A replica has opened its store, which durably contains everything up to `applied`: the entry applied next is the
  // one after.
  virtual void OnRecovered(TabletId tablet, ReplicaId replica, OpId applied) = 0;
  // An entry whose effect lies outside the row store is about to take effect. It will be durable before OnApplied,
  // which a crash may swallow.
  virtual void OnBegun(const Applied& applied) = 0;
  // An entry has been applied.
  virtual void OnApplied(const Applied& applied) = 0;
  // The store was replaced by an install whose content is the state at `op`.
  virtual void OnInstalled(TabletId tablet, ReplicaId replica, OpId op) = 0;
};

struct StorageSeam {
  rocksdb::Env* env = nullptr;
  // Runs RocksDB's queued background jobs in the caller's thread; empty where RocksDB has threads of its own.
  std::function<void()> drain_background;
};

// One node's world. Everything outlives the node.
struct Seams {
  Clock* clock = nullptr;
  Timers* timers = nullptr;
  Transport* transport = nullptr;
  Worker* worker = nullptr;      // flushes, checkpoints, installs
  Worker* log_worker = nullptr;  // log syncs only, so that they never wait behind long work
  ProbeSink* probes = nullptr;
  ApplyObserver* observer = nullptr;
  StorageSeam storage;
  // The node can't go on (a failed sync of the Raft log, a gap in it): it is to be stopped. Called at most once a life.
  std::function<void(const std::string& reason)> on_fatal;
};

}  // namespace sut

#endif  // SUT_RUNTIME_SEAMS_H_
