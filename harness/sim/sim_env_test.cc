// RocksDB on the simulated disk and Env: nothing runs by itself, and a crash at any mutation loses nothing that was
// synced.

#include "harness/sim/sim_env.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/sim/sim_file_system.h"
#include "rocksdb/db.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/checkpoint.h"

namespace holdfast::sim {
namespace {

using rocksdb::Status;
using ::testing::Contains;

constexpr char kStore[] = "/node/store";
constexpr char kCheckpoint[] = "/node/checkpoint";

rocksdb::Options StoreOptions(rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.disable_auto_compactions = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_file_opening_threads = 1;
  options.avoid_flush_during_shutdown = true;
  options.avoid_flush_during_recovery = true;
  options.max_bgerror_resume_count = 0;
  options.fail_if_options_file_error = false;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.compression = rocksdb::kNoCompression;
  options.table_cache_numshardbits = 0;
  options.arena_block_size = 16 << 10;
  options.writable_file_max_buffer_size = 8 << 10;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Kills the machine at one mutation, takes down what it saw, and asserts that RocksDB calls from this thread only.
struct CrashPoint : MutationObserver {
  MutationVerdict OnMutation(const Mutation& mutation) override {
    EXPECT_EQ(std::this_thread::get_id(), thread);
    seen.emplace_back(mutation.kind, mutation.path);
    if (mutation.count == kill_at) fs->KillHandles();
    return mutation.kind == failing ? MutationVerdict{.action = MutationVerdict::Action::kIOError, .bytes_written = 0}
                                    : MutationVerdict();
  }

  const std::thread::id thread = std::this_thread::get_id();
  SimFileSystem* fs = nullptr;
  uint64_t kill_at = 0;
  std::optional<MutationKind> failing;
  std::vector<std::pair<MutationKind, std::string>> seen;
};

// One machine with one store on it.
class Machine {
 public:
  Machine() : fs(std::make_shared<SimFileSystem>([this] { return now_us; })) {
    crash.fs = fs.get();
    fs->SetObserver(&crash);
    Restart();
    EXPECT_TRUE(fs->CreateDir("/node", {}, nullptr).ok());
    SyncDirectory("/");
  }
  ~Machine() { Close(); }

  // A new process; the store is not open yet.
  void Restart() {
    Close();
    env.reset();
    fs->Restart();
    env = std::make_unique<SimEnv>(SimEnv::Config{.file_system = fs, .now_us = [this] { return now_us; }});
  }
  void Close() { store.reset(); }
  Status Open() {
    rocksdb::DB* db = nullptr;
    const Status status = rocksdb::DB::Open(StoreOptions(env.get()), kStore, &db);
    store.reset(db);
    return status;
  }
  Status Put(const std::string& key) {
    rocksdb::WriteOptions options;
    options.sync = true;
    return store->Put(options, key, "value of " + key);
  }
  Status Flush() {
    rocksdb::FlushOptions options;
    options.wait = false;
    options.allow_write_stall = true;
    const Status status = store->Flush(options);
    env->Drain();
    return status;
  }
  Status CreateCheckpoint() {
    rocksdb::Checkpoint* checkpoint = nullptr;
    Status status = rocksdb::Checkpoint::Create(store.get(), &checkpoint);
    const std::unique_ptr<rocksdb::Checkpoint> owner(checkpoint);
    return status.ok() ? checkpoint->CreateCheckpoint(kCheckpoint, UINT64_MAX) : status;
  }
  bool SyncDirectory(const std::string& path) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    return fs->NewDirectory(path, {}, &directory, nullptr).ok() && directory->Fsync({}, nullptr).ok();
  }
  std::string Get(const std::string& key) {
    std::string value;
    const Status status = store->Get({}, key, &value);
    return status.ok() ? value : status.ToString();
  }
  std::vector<std::string> TableFiles(const std::string& directory) {
    std::vector<std::string> tables;
    const auto names = fs->ListDirectory(directory);
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>()) {
      if (name.ends_with(".sst")) tables.push_back(name);
    }
    return tables;
  }

  uint64_t now_us = 1'000'000;
  CrashPoint crash;
  std::shared_ptr<SimFileSystem> fs;
  std::unique_ptr<SimEnv> env;
  std::unique_ptr<rocksdb::DB> store;
};

#define ASSERT_OK(call)                                      \
  do {                                                       \
    const Status call_status = (call);                       \
    ASSERT_TRUE(call_status.ok()) << call_status.ToString(); \
  } while (false)

TEST(SimEnv, NothingRunsBeforeItIsDrained) {
  Machine machine;
  ASSERT_OK(machine.Open());
  ASSERT_OK(machine.Put("a"));
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;
  ASSERT_OK(machine.store->Flush(options));
  EXPECT_EQ(machine.env->queued_jobs(), 1u);
  EXPECT_TRUE(machine.TableFiles(kStore).empty());
  machine.env->Drain();
  EXPECT_EQ(machine.env->queued_jobs(), 0u);
  EXPECT_EQ(machine.TableFiles(kStore).size(), 1u);
}

TEST(SimEnv, AStoreClosesWithJobsQueuedAndTakesThemBack) {
  Machine machine;
  ASSERT_OK(machine.Open());
  ASSERT_OK(machine.Put("a"));
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;
  ASSERT_OK(machine.store->Flush(options));
  machine.Close();
  EXPECT_EQ(machine.env->queued_jobs(), 0u);
  ASSERT_OK(machine.Open());
  EXPECT_EQ(machine.Get("a"), "value of a");
}

TEST(SimEnv, TimeIsTheHarnessesAndSleepingTakesNone) {
  Machine machine;
  EXPECT_EQ(machine.env->NowMicros(), 1'000'000u);
  machine.env->SleepForMicroseconds(500'000);
  machine.now_us += 700'000;
  EXPECT_EQ(machine.env->NowMicros(), 2'200'000u);
  EXPECT_EQ(machine.env->GetSystemClock()->NowMicros(), 2'200'000u);
  int64_t time_s = 0;
  ASSERT_OK(machine.env->GetCurrentTime(&time_s));
  EXPECT_EQ(time_s, 2);
}

TEST(SimEnv, TheSimulatedMachineHasOneCore) { EXPECT_EQ(std::thread::hardware_concurrency(), 1u); }

// What a damaged disk does to a store may hang on any byte of it.
TEST(SimEnv, TheSameStoreHasTheSameBytes) {
  std::vector<std::string> bytes;
  for (int i = 0; i < 2; ++i) {
    Machine machine;
    ASSERT_OK(machine.Open());
    ASSERT_OK(machine.Put("a"));
    ASSERT_OK(machine.Flush());
    machine.Close();
    ASSERT_OK(machine.Open());
    machine.Close();
    const auto names = machine.fs->ListDirectory(kStore);
    ASSERT_TRUE(names.ok());
    std::string all;
    for (const std::string& name : *names) {
      if (name == "LOG" || name.starts_with("LOG.old")) continue;  // tells its times by the clock of the C library
      std::string contents;
      ASSERT_OK(rocksdb::ReadFileToString(machine.env.get(), std::string(kStore) + "/" + name, &contents));
      all += name + "\n" + contents;
    }
    bytes.push_back(all);
  }
  EXPECT_GT(bytes[0].size(), 1000u);
  EXPECT_TRUE(bytes[0] == bytes[1]);
}

TEST(SimEnv, ACheckpointSharesTheInodesOfTheStoresTables) {
  Machine machine;
  ASSERT_OK(machine.Open());
  ASSERT_OK(machine.Put("a"));
  ASSERT_OK(machine.Flush());
  ASSERT_OK(machine.CreateCheckpoint());
  const auto tables = machine.TableFiles(kCheckpoint);
  ASSERT_EQ(tables.size(), 1u);
  const auto original = machine.fs->Stat(std::string(kStore) + "/" + tables[0]);
  const auto linked = machine.fs->Stat(std::string(kCheckpoint) + "/" + tables[0]);
  ASSERT_TRUE(original.ok() && linked.ok());
  EXPECT_EQ(original->inode, linked->inode);
  EXPECT_EQ(linked->link_count, 2u);
}

TEST(SimEnv, CompactingFilesWorksInTheCallersThread) {
  Machine machine;
  ASSERT_OK(machine.Open());
  for (const std::string key : {"a", "b", "c"}) {
    ASSERT_OK(machine.Put(key));
    ASSERT_OK(machine.Flush());
  }
  std::vector<std::string> inputs = machine.TableFiles(kStore);
  ASSERT_EQ(inputs.size(), 3u);
  ASSERT_OK(machine.store->CompactFiles(rocksdb::CompactionOptions(), inputs, /*output_level=*/1));
  machine.env->Drain();
  EXPECT_EQ(machine.TableFiles(kStore).size(), 1u);
  EXPECT_EQ(machine.Get("b"), "value of b");
}

TEST(SimEnv, ADeadMachinesCheckpointOpensThroughTheReadOnlyViewWithoutEffect) {
  Machine machine;
  ASSERT_OK(machine.Open());
  ASSERT_OK(machine.Put("a"));
  ASSERT_OK(machine.Flush());
  ASSERT_OK(machine.CreateCheckpoint());
  ASSERT_OK(machine.Put("b"));
  machine.fs->KillHandles();
  const uint64_t state = machine.fs->StateHash();
  SimEnv view({.file_system = machine.fs->NewReadOnlyView(), .now_us = [] { return uint64_t{1}; }});
  rocksdb::DB* db = nullptr;
  ASSERT_OK(rocksdb::DB::OpenForReadOnly(StoreOptions(&view), kCheckpoint, &db));
  const std::unique_ptr<rocksdb::DB> checkpoint(db);
  std::string value;
  EXPECT_TRUE(checkpoint->Get({}, "a", &value).ok());
  EXPECT_TRUE(checkpoint->Get({}, "b", &value).IsNotFound());
  EXPECT_EQ(machine.fs->StateHash(), state);
}

TEST(SimEnv, AFailedFlushLeavesABackgroundErrorAndTheStoreCloses) {
  Machine machine;
  ASSERT_OK(machine.Open());
  ASSERT_OK(machine.Put("a"));
  machine.crash.failing = MutationKind::kSyncDirectory;
  ASSERT_OK(machine.Flush());  // Only starts the job; its failure shows in what the store says of itself:
  machine.crash.failing.reset();
  uint64_t errors = 0;
  ASSERT_TRUE(machine.store->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &errors));
  EXPECT_EQ(errors, 1u);
  EXPECT_FALSE(machine.Put("b").ok());
  EXPECT_EQ(machine.Get("a"), "value of a");
  machine.Restart();
  ASSERT_OK(machine.Open());
  EXPECT_EQ(machine.Get("a"), "value of a");
}

TEST(SimEnv, AFailedWalSyncIsReportedAndNothingIsAcknowledgedAfterIt) {
  Machine machine;
  ASSERT_OK(machine.Open());
  ASSERT_OK(machine.Put("a"));
  machine.crash.failing = MutationKind::kSync;
  EXPECT_FALSE(machine.Put("b").ok());
  machine.crash.failing.reset();
  EXPECT_FALSE(machine.Put("c").ok());
}

// --- Crashes at every mutation
// -------------------------------------------------------------------------------------------

// Writes, flushes, checkpoints, reopens. Returns the keys whose synced write was acknowledged, from the moment on at
// which the store's own name was made durable.
std::set<std::string> RunWorkload(Machine& machine) {
  std::set<std::string> acknowledged;
  const auto put = [&](const std::string& key) {
    if (machine.Put(key).ok()) acknowledged.insert(key);
  };
  if (!machine.Open().ok() || !machine.SyncDirectory("/node")) return {};
  for (const std::string key : {"a", "b", "c"}) put(key);
  machine.Flush().PermitUncheckedError();
  put("d");
  machine.CreateCheckpoint().PermitUncheckedError();
  put("e");
  machine.Flush().PermitUncheckedError();
  put("f");
  machine.Close();
  if (!machine.Open().ok()) return acknowledged;
  put("g");
  put("a");
  machine.Flush().PermitUncheckedError();
  put("h");
  return acknowledged;
}

uint64_t CountMutations() {
  Machine machine;
  EXPECT_EQ(RunWorkload(machine).size(), 8u);
  return machine.fs->mutation_count();
}

void ExpectRecovered(Machine& machine, const std::set<std::string>& acknowledged) {
  machine.crash.kill_at = 0;
  const Status opened = machine.Open();
  ASSERT_TRUE(opened.ok()) << opened.ToString();
  for (const std::string& key : acknowledged) ASSERT_EQ(machine.Get(key), "value of " + key);
}

TEST(SimEnvCrash, TheDeathOfTheProcessAtAnyMutationLosesNothingAcknowledged) {
  const uint64_t mutations = CountMutations();
  for (uint64_t kill_at = 3; kill_at <= mutations; ++kill_at) {
    SCOPED_TRACE(kill_at);
    Machine machine;
    machine.crash.kill_at = kill_at;
    const std::set<std::string> acknowledged = RunWorkload(machine);
    ASSERT_FALSE(machine.fs->alive());
    machine.Restart();
    ASSERT_NO_FATAL_FAILURE(ExpectRecovered(machine, acknowledged));
  }
}

TEST(SimEnvCrash, ALossOfPowerAtAnyMutationLosesNothingSynced) {
  const uint64_t mutations = CountMutations();
  for (uint64_t kill_at = 3; kill_at <= mutations; ++kill_at) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(std::to_string(kill_at) + ", seed " + std::to_string(seed));
      Machine machine;
      machine.crash.kill_at = kill_at;
      std::set<std::string> acknowledged = RunWorkload(machine);
      machine.fs->PowerLoss(seed);
      machine.Restart();
      ASSERT_NO_FATAL_FAILURE(ExpectRecovered(machine, acknowledged));
      // What is written after a recovery from a torn log survives as well.
      ASSERT_TRUE(machine.SyncDirectory("/node"));
      ASSERT_OK(machine.Put("z"));
      acknowledged.insert("z");
      machine.fs->PowerLoss(seed + 1);
      machine.Restart();
      ASSERT_NO_FATAL_FAILURE(ExpectRecovered(machine, acknowledged));
    }
  }
}

// Rows without a write-ahead log: flushed, compacted, flushed again. Returns the keys that a flush has reported
// durable.
std::set<std::string> RunRowWorkload(Machine& machine) {
  std::set<std::string> durable;
  if (!machine.Open().ok() || !machine.SyncDirectory("/node")) return {};
  for (const std::string key : {"a", "b", "c", "d"}) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    const bool written = machine.store->Put(options, key, "value of " + key).ok();
    const bool flush_started = machine.Flush().ok();
    uint64_t errors = 1;
    machine.store->GetIntProperty(rocksdb::DB::Properties::kBackgroundErrors, &errors);
    if (written && flush_started && errors == 0) durable.insert(key);
    if (key == "c") {
      machine.store->CompactFiles(rocksdb::CompactionOptions(), machine.TableFiles(kStore), 1).PermitUncheckedError();
      machine.env->Drain();
    }
  }
  return durable;
}

TEST(SimEnvCrash, ALossOfPowerAtAnyMutationLosesNoFlushedRow) {
  Machine whole;
  ASSERT_EQ(RunRowWorkload(whole).size(), 4u);
  const uint64_t mutations = whole.fs->mutation_count();
  for (uint64_t kill_at = 3; kill_at <= mutations; ++kill_at) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(std::to_string(kill_at) + ", seed " + std::to_string(seed));
      Machine machine;
      machine.crash.kill_at = kill_at;
      const std::set<std::string> durable = RunRowWorkload(machine);
      machine.fs->PowerLoss(seed);
      machine.Restart();
      ASSERT_NO_FATAL_FAILURE(ExpectRecovered(machine, durable));
    }
  }
}

TEST(SimEnvCrash, ALossOfPowerDuringRecoveryLosesNothingSynced) {
  constexpr int kRecoveryMutations = 40;  // More than a recovery makes.
  const uint64_t mutations = CountMutations();
  for (uint64_t kill_at = 3; kill_at <= mutations; kill_at += 7) {
    for (uint64_t again = 1; again <= kRecoveryMutations; again += 3) {
      SCOPED_TRACE(std::to_string(kill_at) + ", then after " + std::to_string(again));
      Machine machine;
      machine.crash.kill_at = kill_at;
      const std::set<std::string> acknowledged = RunWorkload(machine);
      machine.fs->PowerLoss(kill_at);
      machine.Restart();
      machine.crash.kill_at = machine.fs->mutation_count() + again;
      machine.Open().PermitUncheckedError();
      machine.fs->PowerLoss(again);
      machine.Restart();
      ASSERT_NO_FATAL_FAILURE(ExpectRecovered(machine, acknowledged));
    }
  }
}

TEST(SimEnvCrash, WithoutAnFsyncOfTheParentALossOfPowerTakesTheWholeStore) {
  // DB::Open makes the store's directory and never fsyncs the parent: its user must.
  std::set<bool> survived;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Machine machine;
    ASSERT_OK(machine.Open());
    ASSERT_OK(machine.Put("a"));
    machine.fs->PowerLoss(seed);
    survived.insert(machine.fs->HasDirectory(kStore));
    machine.Restart();
  }
  EXPECT_EQ(survived.size(), 2u);
}

TEST(SimEnvCrash, ACheckpointsNameNeedsAnFsyncOfItsParent) {
  // CreateCheckpoint syncs the files and the directory it makes, and renames it, but never fsyncs the parent.
  for (const bool sync_parent : {false, true}) {
    std::set<bool> survived;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      Machine machine;
      ASSERT_OK(machine.Open());
      ASSERT_OK(machine.Put("a"));
      ASSERT_OK(machine.Flush());
      ASSERT_TRUE(machine.SyncDirectory("/node"));
      ASSERT_OK(machine.CreateCheckpoint());
      if (sync_parent) {
        ASSERT_TRUE(machine.SyncDirectory("/node"));
      }
      machine.fs->PowerLoss(seed);
      survived.insert(machine.fs->Exists(std::string(kCheckpoint) + "/CURRENT"));
      machine.Restart();
    }
    EXPECT_EQ(survived, sync_parent ? std::set<bool>({true}) : std::set<bool>({false, true}));
  }
}

TEST(SimEnvCrash, UnsyncedWritesAreLostInSomeSeeds) {
  std::set<bool> survived;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Machine machine;
    ASSERT_OK(machine.Open());
    ASSERT_TRUE(machine.SyncDirectory("/node"));
    ASSERT_OK(machine.store->Put({}, "unsynced", "value"));
    machine.fs->PowerLoss(seed);
    machine.Restart();
    ASSERT_OK(machine.Open());
    survived.insert(machine.Get("unsynced") == "value");
  }
  EXPECT_EQ(survived.size(), 2u);
}

TEST(SimEnvCrash, TheSameWorkloadMakesTheSameMutations) {
  Machine first;
  Machine second;
  EXPECT_EQ(RunWorkload(first), RunWorkload(second));
  EXPECT_EQ(first.crash.seen, second.crash.seen);
  EXPECT_THAT(first.crash.seen, Contains(std::pair(MutationKind::kLink, std::string(kStore) + "/000008.sst")));
}

}  // namespace
}  // namespace holdfast::sim
