#include "sut/storage/log_store.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/db.h"
#include "sut/storage/log_records.h"
#include "sut/storage/rocksdb_options.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr TabletId kTabletA{0, 10};
constexpr TabletId kTabletB{0, 20};

raft::Entry EntryAt(uint64_t index, uint64_t term = 1) {
  raft::Entry entry;
  entry.op = OpId{Term{term}, Index{index}};
  entry.type = raft::EntryType::kCommand;
  entry.time = HybridTime{index * 1000};
  entry.data = absl::StrCat("entry ", index, " of term ", term);
  return entry;
}

std::vector<raft::Entry> EntriesFrom(uint64_t first, uint64_t last, uint64_t term = 1) {
  std::vector<raft::Entry> entries;
  for (uint64_t index = first; index <= last; ++index) entries.push_back(EntryAt(index, term));
  return entries;
}

proto::ReplicaRecord RecordOf(TabletId tablet, uint64_t replica = 1) {
  proto::ReplicaRecord record;
  record.set_tablet(Bytes(tablet));
  record.set_replica(replica);
  return record;
}

raft::LogStart StartAt(uint64_t index, uint64_t term = 1) {
  return raft::LogStart{OpId{Term{term}, Index{index}}, raft::Config{{ReplicaId{1}, ReplicaId{2}}, {ReplicaId{3}}}};
}

LogStore::GroupWrite Append(TabletId tablet, std::vector<raft::Entry> entries) {
  return {.tablet = tablet, .truncate_from = {}, .entries = std::move(entries), .hard_state = {}};
}

class LogStoreTest : public testing::TestWithParam<TestDisk::Threads> {
 protected:
  void Open() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<LogStore>> opened = LogStore::Open(disk_.seam(), path_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  // A store with replicas of both tablets, whose logs begin at 1.
  void OpenWithReplicas() {
    Open();
    ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletA), LogStore::LogReset{}).ok());
    ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletB), LogStore::LogReset{}).ok());
  }
  std::vector<LogStore::RecoveredReplica> Recover() {
    absl::StatusOr<std::vector<LogStore::RecoveredReplica>> replicas = store_->Recover();
    EXPECT_TRUE(replicas.ok()) << replicas.status();
    return replicas.ok() ? *std::move(replicas) : std::vector<LogStore::RecoveredReplica>();
  }
  // Of tablet A, after a restart.
  LogStore::RecoveredReplica Restart() {
    Open();
    std::vector<LogStore::RecoveredReplica> replicas = Recover();
    EXPECT_FALSE(replicas.empty());
    return replicas.empty() ? LogStore::RecoveredReplica() : replicas.front();
  }
  // Changes the closed store behind the log store's back.
  void Meddle(const std::function<void(rocksdb::DB&)>& change) {
    store_.reset();
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(LogStoreOptions(disk_.seam()), path_, &db).ok());
    change(*db);
    delete db;
  }
  std::vector<std::string> FilesEndingIn(const std::string& suffix) const {
    std::vector<std::string> paths;
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      if (file.path().string().ends_with(suffix)) paths.push_back(file.path().string());
    }
    return paths;
  }

  TestDisk disk_{GetParam()};
  const std::string path_ = disk_.root() + "/node-1/raft-log";
  std::unique_ptr<LogStore> store_;
};

INSTANTIATE_TEST_SUITE_P(, LogStoreTest, testing::Values(TestDisk::Threads::kOwn, TestDisk::Threads::kNone),
                         [](const auto& info) {
                           return info.param == TestDisk::Threads::kOwn ? "WithThreads" : "WithoutThreads";
                         });

TEST_P(LogStoreTest, RecoversWhatWasWritten) {
  OpenWithReplicas();
  const raft::HardState hard_state{Term{3}, ReplicaId{2}, Index{4}};
  ASSERT_TRUE(store_->Write({{kTabletA, {}, EntriesFrom(1, 5), hard_state}}).ok());
  ASSERT_TRUE(store_->Sync().ok());
  const LogStore::RecoveredReplica replica = Restart();
  EXPECT_EQ(replica.entries, EntriesFrom(1, 5));
  EXPECT_EQ(replica.hard_state, hard_state);
  EXPECT_EQ(replica.record.replica(), 1u);
  EXPECT_EQ(replica.start.last, OpId());
}

TEST_P(LogStoreTest, KeepsGroupsApartInTheOrderOfTheirIds) {
  Open();
  ASSERT_TRUE(store_->Write({Append(TabletId{7, 7}, EntriesFrom(1, 3))}).ok());  // no replica was recorded
  ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletB, 2), LogStore::LogReset{}).ok());
  ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletA, 1), LogStore::LogReset{}).ok());
  ASSERT_TRUE(store_->Write({Append(kTabletB, EntriesFrom(1, 2)), Append(kTabletA, EntriesFrom(1, 9))}).ok());
  Open();
  const std::vector<LogStore::RecoveredReplica> replicas = Recover();
  ASSERT_THAT(replicas, SizeIs(2));
  EXPECT_EQ(replicas[0].record.tablet(), Bytes(kTabletA));
  EXPECT_EQ(replicas[0].entries, EntriesFrom(1, 9));
  EXPECT_EQ(replicas[1].record.tablet(), Bytes(kTabletB));
  EXPECT_EQ(replicas[1].entries, EntriesFrom(1, 2));
}

TEST_P(LogStoreTest, TruncationRemovesTheOldTailAndNotTheNewOne) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 9)), Append(kTabletB, EntriesFrom(1, 9))}).ok());
  ASSERT_TRUE(store_->Write({{kTabletA, Index{4}, EntriesFrom(4, 5, /*term=*/2), {}}}).ok());
  Open();
  const std::vector<LogStore::RecoveredReplica> replicas = Recover();
  ASSERT_THAT(replicas, SizeIs(2));
  EXPECT_THAT(replicas[0].entries, ElementsAre(EntryAt(1), EntryAt(2), EntryAt(3), EntryAt(4, 2), EntryAt(5, 2)));
  EXPECT_EQ(replicas[1].entries, EntriesFrom(1, 9));
}

TEST_P(LogStoreTest, CompactDropsEntriesUpToTheNewStart) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 9)), Append(kTabletB, EntriesFrom(1, 9))}).ok());
  ASSERT_TRUE(store_->Compact(kTabletA, StartAt(6)).ok());
  Open();
  const std::vector<LogStore::RecoveredReplica> replicas = Recover();
  ASSERT_THAT(replicas, SizeIs(2));
  EXPECT_EQ(replicas[0].start.last, StartAt(6).last);
  EXPECT_EQ(replicas[0].start.config, StartAt(6).config);
  EXPECT_EQ(replicas[0].entries, EntriesFrom(7, 9));
  EXPECT_EQ(replicas[1].entries, EntriesFrom(1, 9));
}

TEST_P(LogStoreTest, ResetWithoutTailDropsAllEntries) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 9))}).ok());
  ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletA, 5), LogStore::LogReset{StartAt(6), false}).ok());
  const LogStore::RecoveredReplica replica = Restart();
  EXPECT_EQ(replica.record.replica(), 5u);
  EXPECT_EQ(replica.start.last, StartAt(6).last);
  EXPECT_TRUE(replica.entries.empty());
}

TEST_P(LogStoreTest, ResetKeepsATailThatAgrees) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 9))}).ok());
  ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletA), LogStore::LogReset{StartAt(6), true}).ok());
  EXPECT_EQ(Restart().entries, EntriesFrom(7, 9));
  // Also when the log begins there already.
  ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletA), LogStore::LogReset{StartAt(6), true}).ok());
  EXPECT_EQ(Restart().entries, EntriesFrom(7, 9));
}

TEST_P(LogStoreTest, ResetDropsATailOfAnotherTermOrBeyondAGap) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 9)), Append(kTabletB, EntriesFrom(1, 9))}).ok());
  ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletA), LogStore::LogReset{StartAt(6, /*term=*/2), true}).ok());
  ASSERT_TRUE(store_->PutReplica(RecordOf(kTabletB), LogStore::LogReset{StartAt(20), true}).ok());
  Open();
  for (const LogStore::RecoveredReplica& replica : Recover()) EXPECT_TRUE(replica.entries.empty());
}

TEST_P(LogStoreTest, AGapIsDataLoss) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 9))}).ok());
  Meddle([](rocksdb::DB& db) {
    ASSERT_TRUE(db.Delete(rocksdb::WriteOptions(), EncodeLogKey({kTabletA, LogRecord::kEntry, Index{4}})).ok());
  });
  Open();
  EXPECT_TRUE(absl::IsDataLoss(store_->Recover().status()));
}

TEST_P(LogStoreTest, AGapBehindTheStartIsDataLoss) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(2, 9))}).ok());
  EXPECT_TRUE(absl::IsDataLoss(store_->Recover().status()));
}

TEST_P(LogStoreTest, AFlippedBitOfAnyRecordIsDataLoss) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({{kTabletA, {}, EntriesFrom(1, 1), raft::HardState{Term{1}, {}, {}}}}).ok());
  for (const LogRecord kind : {LogRecord::kEntry, LogRecord::kHardState, LogRecord::kReplica, LogRecord::kLogStart}) {
    const std::string key = EncodeLogKey({kTabletA, kind, Index{1}});
    std::string sound;
    Meddle([&](rocksdb::DB& db) {
      ASSERT_TRUE(db.Get(rocksdb::ReadOptions(), key, &sound).ok());
      std::string rotten = sound;
      rotten.back() = static_cast<char>(rotten.back() ^ 1);
      ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), key, rotten).ok());
    });
    Open();
    EXPECT_TRUE(absl::IsDataLoss(store_->Recover().status())) << static_cast<char>(kind);
    Meddle([&](rocksdb::DB& db) { ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), key, sound).ok()); });
  }
  EXPECT_EQ(Restart().entries, EntriesFrom(1, 1));
}

TEST_P(LogStoreTest, ARecordUnderAnotherOnesKeyIsDataLoss) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 2)), Append(kTabletB, EntriesFrom(1, 2))}).ok());
  Meddle([](rocksdb::DB& db) {
    std::string value;
    ASSERT_TRUE(db.Get(rocksdb::ReadOptions(), EncodeLogKey({kTabletA, LogRecord::kEntry, Index{2}}), &value).ok());
    ASSERT_TRUE(db.Put(rocksdb::WriteOptions(), EncodeLogKey({kTabletB, LogRecord::kEntry, Index{2}}), value).ok());
  });
  Open();
  EXPECT_TRUE(absl::IsDataLoss(store_->Recover().status()));
}

TEST_P(LogStoreTest, ATailTornAnywhereLeavesAPrefixOfWholeWrites) {
  OpenWithReplicas();
  ASSERT_THAT(FilesEndingIn(".log"), SizeIs(1));
  const uint64_t synced = std::filesystem::file_size(FilesEndingIn(".log").front());  // a tear below is rot
  for (uint64_t index = 1; index <= 6; ++index) {
    ASSERT_TRUE(store_->Write({Append(kTabletA, {EntryAt(index)}), Append(kTabletB, {EntryAt(index)})}).ok());
  }
  const std::string copy = disk_.root() + "/torn";
  const uint64_t size = std::filesystem::file_size(FilesEndingIn(".log").front());
  size_t longest = 0;
  for (uint64_t length = synced; length <= size; length += 7) {
    std::filesystem::remove_all(copy);
    std::filesystem::copy(path_, copy);
    const std::string log = copy + "/" + std::filesystem::path(FilesEndingIn(".log").front()).filename().string();
    std::filesystem::resize_file(log, length);
    if (length % 2 == 1) std::ofstream(log, std::ios::app) << std::string(100, 'x');
    absl::StatusOr<std::unique_ptr<LogStore>> torn = LogStore::Open(disk_.seam(), copy);
    ASSERT_TRUE(torn.ok()) << torn.status();
    absl::StatusOr<std::vector<LogStore::RecoveredReplica>> replicas = (*torn)->Recover();
    ASSERT_TRUE(replicas.ok()) << replicas.status();
    ASSERT_EQ(replicas->size(), 2u);
    const size_t entries = (*replicas)[0].entries.size();
    EXPECT_EQ((*replicas)[1].entries.size(), entries) << "one write must be there or not, as a whole";
    EXPECT_GE(entries, longest);
    longest = entries;
  }
  EXPECT_GE(longest, 5u);
}

TEST_P(LogStoreTest, OpenMakesDurableWhatItRecovered) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 5))}).ok());  // never synced
  EXPECT_EQ(Restart().entries, EntriesFrom(1, 5));
  store_.reset();
  // A write-ahead log that was not synced may be lost with the power.
  for (const std::string& log : FilesEndingIn(".log")) std::filesystem::resize_file(log, 0);
  EXPECT_EQ(Restart().entries, EntriesFrom(1, 5));
}

TEST_P(LogStoreTest, OpenMakesANewStoresDirectoriesDurable) {
  Open();
  const std::vector<std::string> synced = disk_.TakeSyncedDirectories();
  EXPECT_THAT(synced, Contains(disk_.root()));
  EXPECT_THAT(synced, Contains(disk_.root() + "/node-1"));
}

TEST_P(LogStoreTest, ALongLifeKeepsFewFilesAndForgetsNothing) {
  OpenWithReplicas();
  constexpr uint64_t kRounds = 80;
  constexpr uint64_t kEntriesEach = 500;
  for (uint64_t round = 0; round < kRounds; ++round) {
    const uint64_t first = round * kEntriesEach + 1;
    ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(first, first + kEntriesEach - 1))}).ok());
    if (round > 0) {
      ASSERT_TRUE(store_->Compact(kTabletA, StartAt(first - kEntriesEach)).ok());
    }
    ASSERT_TRUE(store_->Sync().ok());
  }
  const uint64_t last = kRounds * kEntriesEach;
  EXPECT_EQ(Restart().entries, EntriesFrom(last - 2 * kEntriesEach + 2, last));
  EXPECT_LE(FilesEndingIn(".sst").size(), 9u);
  EXPECT_LE(FilesEndingIn(".log").size(), 2u);
}

TEST_P(LogStoreTest, ManyRestartsKeepFewFiles) {
  OpenWithReplicas();
  for (uint64_t index = 1; index <= 20; ++index) {
    ASSERT_TRUE(store_->Write({Append(kTabletA, {EntryAt(index)})}).ok());
    ASSERT_EQ(Restart().entries, EntriesFrom(1, index));
  }
  EXPECT_LE(FilesEndingIn(".sst").size(), 9u);
}

TEST_P(LogStoreTest, AFailedSyncIsFinal) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 5))}).ok());
  disk_.FailSyncs(true);
  EXPECT_FALSE(store_->Sync().ok());
  disk_.FailSyncs(false);
  EXPECT_FALSE(store_->Sync().ok());
  EXPECT_FALSE(store_->Write({Append(kTabletA, EntriesFrom(6, 6))}).ok());
  EXPECT_FALSE(store_->PutReplica(RecordOf(kTabletA), {}).ok());
}

TEST_P(LogStoreTest, AFailedSyncDuringAFlushIsFinal) {
  OpenWithReplicas();
  ASSERT_TRUE(store_->Write({Append(kTabletA, EntriesFrom(1, 5000))}).ok());
  disk_.FailSyncs(true);
  EXPECT_FALSE(store_->Sync().ok());
  disk_.FailSyncs(false);
  EXPECT_FALSE(store_->Sync().ok());
  EXPECT_FALSE(store_->Write({Append(kTabletA, EntriesFrom(5001, 5001))}).ok());
}

TEST(LogStoreThreadsTest, WritesGoOnWhileAnotherThreadSyncs) {
  TestDisk disk(TestDisk::Threads::kOwn);
  const std::string path = disk.root() + "/raft-log";
  constexpr uint64_t kEntries = 20'000;  // several flushes, and a merge of their files
  {
    const std::unique_ptr<LogStore> store = *LogStore::Open(disk.seam(), path);
    ASSERT_TRUE(store->PutReplica(RecordOf(kTabletA), LogStore::LogReset{}).ok());
    std::atomic<bool> stop = false;
    std::thread syncer([&] {
      while (!stop) EXPECT_TRUE(store->Sync().ok());
    });
    for (uint64_t index = 1; index <= kEntries; ++index) {
      EXPECT_TRUE(store->Write({Append(kTabletA, {EntryAt(index)})}).ok());
    }
    stop = true;
    syncer.join();
  }
  absl::StatusOr<std::vector<LogStore::RecoveredReplica>> replicas = (*LogStore::Open(disk.seam(), path))->Recover();
  ASSERT_TRUE(replicas.ok()) << replicas.status();
  EXPECT_EQ(replicas->front().entries, EntriesFrom(1, kEntries));
}

TEST_P(LogStoreTest, ReplicaRecordsWithoutAnIdAreRefused) {
  Open();
  EXPECT_FALSE(store_->PutReplica(proto::ReplicaRecord(), {}).ok());
}

}  // namespace
}  // namespace sut
