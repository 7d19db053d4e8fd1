// Properties of the chaos disk, on a real directory and with real processes that are killed: what was synced is there
// after any loss of power, what was not may be gone, and often is; a store that was killed opens with every write that
// it acknowledged; each fault really strikes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "faults/chaos_file_system.h"
#include "rocksdb/db.h"
#include "sut/storage/log_store.h"

namespace holdfast::faults {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uint64_t kSalts = 60;

class ChaosDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::error_code ignored;
    std::string pattern = fs::is_directory("/dev/shm", ignored) ? "/dev/shm/chaos-XXXXXX" : "/tmp/chaos-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string data() const { return root_ + "/data"; }
  std::string At(const std::string& name) const { return data() + "/" + name; }
  std::unique_ptr<ChaosDisk> Open(std::vector<std::string> faults = {}) const {
    ChaosDiskOptions options;
    options.data_dir = data();
    options.control_file = root_ + "/control";
    for (const std::string& fault : faults) options.faults.push_back(*ParseDiskFault(fault));
    auto disk = OpenChaosDisk(options);
    EXPECT_TRUE(disk.ok()) << disk.status();
    return disk.ok() ? *std::move(disk) : nullptr;
  }
  // Runs `body` in a process of its own, which is killed at the end of it.
  void InKilledProcess(const std::function<bool(rocksdb::Env*)>& body) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto disk = Open();
      if (disk != nullptr && body(disk->env())) kill(getpid(), SIGKILL);
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the body failed";
  }
  void LosePower(uint64_t salt) {
    const absl::Status status = ApplyPowerLoss(data(), salt);
    ASSERT_TRUE(status.ok()) << status;
  }
  void StartAnew() { fs::remove_all(data()); }

  static bool Write(rocksdb::Env* env, const std::string& path, const std::string& bytes, bool sync) {
    std::unique_ptr<rocksdb::WritableFile> file;
    if (!env->ReopenWritableFile(path, &file, rocksdb::EnvOptions()).ok()) return false;
    return file->Append(bytes).ok() && (!sync || file->Sync().ok()) && file->Close().ok();
  }
  static bool SyncDirectory(rocksdb::Env* env, const std::string& path) {
    std::unique_ptr<rocksdb::Directory> directory;
    return env->NewDirectory(path, &directory).ok() && directory->Fsync().ok();
  }
  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return "(none)";
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::string root_;
};

TEST_F(ChaosDiskTest, WhatWasSyncedSurvivesEveryLossOfPower) {
  for (uint64_t salt = 0; salt < kSalts; ++salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) {
      return env->CreateDir(At("d")).ok() && SyncDirectory(env, data()) && Write(env, At("d/a"), "synced", true) &&
             SyncDirectory(env, At("d")) && Write(env, At("d/a"), "-tail", false);
    });
    EXPECT_EQ(Read(At("d/a")), "synced-tail") << "the death of the process alone loses nothing";
    LosePower(salt);
    EXPECT_EQ(Read(At("d/a")).substr(0, 6), "synced");
  }
}

TEST_F(ChaosDiskTest, AnUnsyncedTailMeetsEveryFate) {
  std::set<std::string> seen;
  for (uint64_t salt = 0; salt < 4 * kSalts; ++salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) {
      return Write(env, At("a"), "synced", true) && SyncDirectory(env, data()) &&
             Write(env, At("a"), "0123456789", false);
    });
    LosePower(salt);
    const std::string left = Read(At("a"));
    ASSERT_EQ(left.substr(0, 6), "synced");
    const std::string tail = left.substr(6);
    if (tail.empty()) {
      seen.insert("gone");
    } else if (tail == "0123456789") {
      seen.insert("kept");
    } else if (tail == std::string("0123456789").substr(0, tail.size())) {
      seen.insert("short");
    } else if (tail.find('\0') != std::string::npos) {
      seen.insert("zeroed");
    } else {
      seen.insert("garbage");
    }
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre("gone", "kept", "short", "zeroed", "garbage"));
}

TEST_F(ChaosDiskTest, AnUnsyncedNameMayBeGoneAndAnUnsyncedUnlinkMayComeBack) {
  std::set<std::string> seen;
  for (uint64_t salt = 0; salt < kSalts; ++salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) {
      return Write(env, At("old"), "old", true) && SyncDirectory(env, data()) && env->DeleteFile(At("old")).ok() &&
             Write(env, At("new"), "new", true);
    });
    LosePower(salt);
    const std::string old_name = Read(At("old"));
    const std::string new_name = Read(At("new"));
    EXPECT_TRUE(old_name == "old" || old_name == "(none)") << old_name;
    EXPECT_TRUE(new_name == "new" || new_name == "(none)") << new_name;
    seen.insert(old_name + new_name);
  }
  EXPECT_EQ(seen.size(), 4u) << "any subset of independent changes";
}

TEST_F(ChaosDiskTest, ARenameIsAtomicAndBringsBackWhatItReplaced) {
  std::set<std::string> seen;
  for (uint64_t salt = 0; salt < kSalts; ++salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) {
      return Write(env, At("current"), "old", true) && SyncDirectory(env, data()) &&
             Write(env, At("tmp"), "new", true) && env->RenameFile(At("tmp"), At("current")).ok();
    });
    LosePower(salt);
    const std::string current = Read(At("current"));
    EXPECT_TRUE(current == "old" || current == "new") << current;
    if (current == "new") {
      EXPECT_EQ(Read(At("tmp")), "(none)");
    }
    seen.insert(current + Read(At("tmp")));
  }
  EXPECT_GE(seen.size(), 3u);
}

TEST_F(ChaosDiskTest, ADirectoryAndWhatIsInItNeedTheParentsSync) {
  std::set<bool> seen;
  for (uint64_t salt = 0; salt < kSalts; ++salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) {
      return env->CreateDir(At("d")).ok() && Write(env, At("d/a"), "synced", true) && SyncDirectory(env, At("d"));
    });
    LosePower(salt);
    const bool there = fs::exists(At("d"));
    seen.insert(there);
    EXPECT_EQ(Read(At("d/a")), there ? "synced" : "(none)");
  }
  EXPECT_EQ(seen.size(), 2u);
}

TEST_F(ChaosDiskTest, ATreeThatWasRemovedComesBackInPartsThatStandOnEachOther) {
  for (uint64_t salt = 0; salt < kSalts; ++salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) {
      return env->CreateDir(At("d")).ok() && SyncDirectory(env, data()) && Write(env, At("d/a"), "a", true) &&
             Write(env, At("d/b"), "b", true) && SyncDirectory(env, At("d")) && env->DeleteFile(At("d/a")).ok() &&
             env->DeleteFile(At("d/b")).ok() && env->DeleteDir(At("d")).ok();
    });
    LosePower(salt);
    const bool a = Read(At("d/a")) == "a";
    const bool b = Read(At("d/b")) == "b";
    if (a || b) {
      EXPECT_TRUE(fs::is_directory(At("d")));
    }
  }
}

TEST_F(ChaosDiskTest, WhatIsUnsyncedStaysSoOverADeathOfTheProcess) {
  std::set<std::string> seen;
  for (uint64_t salt = 0; salt < kSalts; ++salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) { return Write(env, At("a"), "x", true); });
    InKilledProcess([this](rocksdb::Env* env) { return Write(env, At("b"), "y", true); });
    LosePower(salt);
    seen.insert(Read(At("a")) + Read(At("b")));
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST_F(ChaosDiskTest, ALossOfPowerIsAFunctionOfItsSaltAndMayBePlayedTwice) {
  const auto play = [this](uint64_t salt) {
    StartAnew();
    InKilledProcess([this](rocksdb::Env* env) {
      return Write(env, At("a"), "0123456789", false) && Write(env, At("b"), "x", true) &&
             env->RenameFile(At("b"), At("c")).ok();
    });
    LosePower(salt);
    return Read(At("a")) + Read(At("b")) + Read(At("c"));
  };
  for (uint64_t salt = 0; salt < 10; ++salt) {
    const std::string first = play(salt);
    EXPECT_EQ(first, play(salt));
    LosePower(salt + 1000);
    EXPECT_EQ(first, Read(At("a")) + Read(At("b")) + Read(At("c"))) << "what a loss of power left is durable";
  }
}

// --- A store ---------------------------------------------------------------------------------------------------------

rocksdb::Options StoreOptions(rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.create_if_missing = true;
  options.write_buffer_size = 16 << 10;
  options.level0_file_num_compaction_trigger = 3;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  return options;
}

TEST_F(ChaosDiskTest, AKilledStoreOpensWithEveryWriteThatItAcknowledged) {
  uint64_t kept_unsynced = 0;
  uint64_t lost_unsynced = 0;
  for (uint64_t round = 0; round < 20; ++round) {
    StartAnew();
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    InKilledProcess([&](rocksdb::Env* env) {
      rocksdb::DB* db = nullptr;
      // RocksDB never syncs the directory that its own lies in.
      if (!env->CreateDir(At("db")).ok() || !SyncDirectory(env, data())) return false;
      if (!rocksdb::DB::Open(StoreOptions(env), At("db"), &db).ok()) return false;
      rocksdb::WriteOptions synced;
      synced.sync = true;
      const int count = 50 + static_cast<int>(round * 37 % 400);
      for (int i = 0; i < count; ++i) {
        const std::string value = std::string(200, static_cast<char>('a' + i % 26));
        if (!db->Put(i % 3 == 2 ? rocksdb::WriteOptions() : synced, absl::StrCat("key", i), value).ok()) return false;
        if (i % 3 != 2 && write(acknowledged[1], &i, sizeof(i)) != sizeof(i)) return false;
      }
      return true;  // killed with the store open
    });
    close(acknowledged[1]);
    LosePower(round);
    const auto disk = Open();
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(StoreOptions(disk->env()), At("db"), &opened);
    ASSERT_TRUE(status.ok()) << "round " << round << ": " << status.ToString();
    const std::unique_ptr<rocksdb::DB> db(opened);
    std::set<int> known;
    for (int i = 0; read(acknowledged[0], &i, sizeof(i)) == sizeof(i);) known.insert(i);
    close(acknowledged[0]);
    std::string value;
    for (const int i : known) {
      EXPECT_TRUE(db->Get({}, absl::StrCat("key", i), &value).ok()) << "round " << round << ", key" << i << " is lost";
    }
    const bool last_kept = db->Get({}, absl::StrCat("key", *known.rbegin() + 1), &value).ok();
    ++(last_kept ? kept_unsynced : lost_unsynced);
  }
  EXPECT_GT(lost_unsynced, 0u) << "the loss of power takes nothing";
  EXPECT_GT(kept_unsynced + lost_unsynced, 0u);
}

// What a node does between a client's write and its acknowledgement, killed again and again.
TEST_F(ChaosDiskTest, ARaftLogKeepsWhatItSyncedOverManyKillsAndLossesOfPower) {
  constexpr sut::TabletId kTablet{0, 7};
  const std::string path = At("raft-log");
  const sut::StorageSeam no_seam;
  uint64_t synced_up_to = 0;
  for (uint64_t round = 0; round < 25; ++round) {
    int acknowledged[2];
    ASSERT_EQ(pipe(acknowledged), 0);
    InKilledProcess([&](rocksdb::Env* env) {
      sut::StorageSeam seam;
      seam.env = env;
      auto opened = sut::LogStore::Open(seam, path);
      if (!opened.ok()) return false;
      sut::LogStore* log = opened->release();  // killed with the store open
      auto replicas = log->Recover();
      if (!replicas.ok()) return false;
      uint64_t last = 0;
      if (replicas->empty()) {
        sut::proto::ReplicaRecord record;
        record.set_tablet(sut::Bytes(kTablet));
        record.set_replica(1);
        if (!log->PutReplica(record, sut::LogStore::LogReset{}).ok()) return false;
      } else {
        last = replicas->front().entries.size();
      }
      for (uint64_t i = 1; i <= 20; ++i) {
        sut::raft::Entry entry;
        entry.op = {sut::Term{1}, sut::Index{last + i}};
        entry.data = std::string(300, 'x');
        if (!log->Write({{kTablet, {}, {entry}, {}}}).ok()) return false;
        if (i % 3 != 0) continue;
        if (!log->Sync().ok()) return false;
        const uint64_t index = last + i;
        if (write(acknowledged[1], &index, sizeof(index)) != sizeof(index)) return false;
      }
      return true;
    });
    close(acknowledged[1]);
    for (uint64_t index = 0; read(acknowledged[0], &index, sizeof(index)) == sizeof(index);) synced_up_to = index;
    close(acknowledged[0]);
    if (round % 3 != 2) LosePower(round);
    const auto disk = Open();
    sut::StorageSeam seam = no_seam;
    seam.env = disk->env();
    auto log = sut::LogStore::Open(seam, path);
    ASSERT_TRUE(log.ok()) << "round " << round << ": " << log.status();
    const auto replicas = (*log)->Recover();
    ASSERT_TRUE(replicas.ok()) << replicas.status();
    ASSERT_EQ(replicas->size(), 1u);
    EXPECT_GE(replicas->front().entries.size(), synced_up_to) << "round " << round;
  }
  EXPECT_GT(synced_up_to, 100u);
}

// --- Faults ----------------------------------------------------------------------------------------------------------

TEST_F(ChaosDiskTest, EveryEffectStrikes) {
  const auto append = [](ChaosDisk* disk, const std::string& path, const std::string& bytes) {
    std::unique_ptr<rocksdb::WritableFile> file;
    rocksdb::Status status = disk->env()->ReopenWritableFile(path, &file, rocksdb::EnvOptions());
    return status.ok() ? file->Append(bytes) : status;
  };
  {
    const auto disk = Open({"io-error append any nth=2"});
    EXPECT_TRUE(append(disk.get(), At("a"), "one").ok());
    EXPECT_TRUE(append(disk.get(), At("a"), "two").IsIOError());
    EXPECT_EQ(Read(At("a")), "one");
    EXPECT_EQ(disk->faults_struck(), 1u);
  }
  {
    const auto disk = Open({"no-space any any times=always"});
    EXPECT_TRUE(append(disk.get(), At("a"), "x").IsNoSpace());
    EXPECT_TRUE(disk->env()->CreateDir(At("d")).IsNoSpace());
    EXPECT_TRUE(disk->env()->DeleteFile(At("a")).ok());
  }
  {
    const auto disk = Open({"short append any"});
    EXPECT_TRUE(append(disk.get(), At("s"), "0123456789").IsIOError());
    EXPECT_LT(Read(At("s")).size(), 10u);
  }
  {
    const auto disk = Open({"lost append any"});
    EXPECT_TRUE(append(disk.get(), At("l"), "0123").ok());
    EXPECT_EQ(Read(At("l")), std::string(4, '\0'));
  }
  {
    std::ofstream(At("victim")) << "vvvvvvvv";
    fs::remove(At("s"));
    fs::remove(At("l"));
    const auto disk = Open({"misdirected append any"});
    EXPECT_TRUE(append(disk.get(), At("m"), "0123").ok());
    EXPECT_EQ(Read(At("m")), std::string(4, '\0'));
    EXPECT_THAT(Read(At("victim")), HasSubstr("0"));
  }
  {
    const auto disk = Open({"latency sync any us=50000"});
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(Write(disk->env(), At("m"), "x", true));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
  }
  {
    const auto disk = Open({"io-error open any", "io-error read any nth=2"});
    std::unique_ptr<rocksdb::SequentialFile> file;
    EXPECT_TRUE(disk->env()->NewSequentialFile(At("m"), &file, rocksdb::EnvOptions()).IsIOError());
    ASSERT_TRUE(disk->env()->NewSequentialFile(At("m"), &file, rocksdb::EnvOptions()).ok());
    char scratch[2];
    rocksdb::Slice result;
    EXPECT_TRUE(file->Read(2, &result, scratch).ok());
    EXPECT_TRUE(file->Read(2, &result, scratch).IsIOError());
  }
  EXPECT_THAT(Read(At(".chaos/struck")), HasSubstr("io-error append "));
}

TEST_F(ChaosDiskTest, AFailedSyncLosesHoldOfWhatWasDirty) {
  std::set<std::string> seen;
  for (uint64_t salt = 0; salt < kSalts; ++salt) {
    StartAnew();
    {
      const auto disk = Open({"io-error sync any nth=2"});
      std::unique_ptr<rocksdb::WritableFile> file;
      ASSERT_TRUE(disk->env()->ReopenWritableFile(At("a"), &file, rocksdb::EnvOptions()).ok());
      ASSERT_TRUE(file->Append("one").ok() && file->Sync().ok() && SyncDirectory(disk->env(), data()));
      ASSERT_TRUE(file->Append("two").ok());
      EXPECT_FALSE(file->Sync().ok());
      EXPECT_TRUE(file->Sync().ok());
    }
    LosePower(salt);
    EXPECT_EQ(Read(At("a")).substr(0, 3), "one");
    seen.insert(Read(At("a")));
  }
  EXPECT_TRUE(seen.contains("onetwo"));
  EXPECT_TRUE(seen.contains("one"));
}

TEST_F(ChaosDiskTest, TheControlFileArmsAndDisarms) {
  const auto disk = Open();
  const auto create = [&](int i) { return disk->env()->CreateDir(At(absl::StrCat("d", i))); };
  int next = 0;
  EXPECT_TRUE(create(next++).ok());
  // From the very next operation on, as often as that changes.
  for (int round = 0; round < 50; ++round) {
    std::ofstream(root_ + "/control") << "no-space mkdir any times=always\n";
    EXPECT_TRUE(create(next++).IsNoSpace());
    fs::remove(root_ + "/control");
    EXPECT_TRUE(create(next++).ok());
  }
}

// Another fault that is armed meanwhile does not make one strike again that has struck.
TEST_F(ChaosDiskTest, ALineThatStaysInTheControlFileGoesOnCounting) {
  const auto write_control = [&](const std::string& text) {
    std::ofstream(root_ + "/control.tmp") << text;
    fs::rename(root_ + "/control.tmp", root_ + "/control");
  };
  const std::string once = "io-error mkdir any # 1\n";
  write_control(once);
  const auto disk = Open();
  int next = 0;
  const auto fails = [&] { return !disk->env()->CreateDir(At(absl::StrCat("d", next++))).ok(); };
  EXPECT_TRUE(fails());
  EXPECT_FALSE(fails());
  write_control(once + "no-space create any times=always # 2\n");
  const auto full = [&] {
    std::unique_ptr<rocksdb::WritableFile> file;
    return disk->env()->NewWritableFile(At(absl::StrCat("f", next++)), &file, rocksdb::EnvOptions()).IsNoSpace();
  };
  EXPECT_TRUE(full());
  EXPECT_FALSE(fails());
  EXPECT_THAT(Read(At(".chaos/struck")), HasSubstr("\tio-error mkdir any # 1\n"));
}

TEST_F(ChaosDiskTest, BadOptionsAndBrokenJournalsAreRefused) {
  EXPECT_EQ(OpenChaosDisk({.data_dir = "relative", .faults = {}, .control_file = ""}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ApplyPowerLoss(root_ + "/nowhere", 1).ok());
  { Write(Open()->env(), At("a"), "x", true); }
  std::string journal = Read(At(".chaos/journal"));
  journal[10] = static_cast<char>(journal[10] ^ 1);
  std::ofstream(At(".chaos/journal"), std::ios::binary) << journal;
  EXPECT_EQ(OpenChaosDisk({.data_dir = data(), .faults = {}, .control_file = ""}).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace holdfast::faults
