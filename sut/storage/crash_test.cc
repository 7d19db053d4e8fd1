// One life of a replica's storage, killed at each of its mutations in turn. Whatever the moment: every call then
// returns an error, nothing hangs, and after the restart what had been promised is there and what is there is whole.

#include <set>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/directory.h"
#include "sut/storage/layout.h"
#include "sut/storage/log_store.h"
#include "sut/storage/tablet_store.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

constexpr TabletId kTablet{0, 6};
constexpr SnapshotId kSnapshot{0, 7};
constexpr uint64_t kSnapshotIndex = 6;  // holds rows 1 to 5
constexpr uint64_t kRestoreIndex = 8;

OpId Op(uint64_t index) { return OpId{Term{1}, Index{index}}; }

// What the life was told was done.
struct Promised {
  uint64_t generation = 0;  // 0: no replica record
  uint64_t synced_index = 0;
  uint64_t log_start = 0;
  uint64_t flushed_index = 0;
  bool snapshot = false;
};

class Life {
 public:
  Life(const StorageSeam& seam, const ReplicaLayout& layout, const std::string& log_path, Promised& promised)
      : seam_(seam), layout_(layout), log_path_(log_path), promised_(promised) {}

  // The first error, or OK at the end.
  absl::Status Run() {
    if (absl::Status status = Begin(); !status.ok()) return status;
    for (uint64_t index = 1; index < kSnapshotIndex; ++index) {
      if (absl::Status status = Apply(index); !status.ok()) return status;
    }
    if (absl::Status status = CreateSnapshot(); !status.ok()) return status;
    if (absl::Status status = Apply(kSnapshotIndex + 1); !status.ok()) return status;
    if (absl::Status status = store_->Flush(); !status.ok()) return status;
    promised_.flushed_index = kSnapshotIndex + 1;
    if (absl::Status status = store_->Compact(); !status.ok()) return status;
    if (absl::Status status = Restore(); !status.ok()) return status;
    return Finish();
  }

 private:
  absl::Status PutRecord(uint64_t generation, const std::optional<LogStore::LogReset>& reset) {
    proto::ReplicaRecord record;
    record.set_tablet(Bytes(kTablet));
    record.set_generation(generation);
    absl::Status status = log_->PutReplica(record, reset);
    if (status.ok()) promised_.generation = generation;
    return status;
  }

  absl::Status Begin() {
    absl::StatusOr<std::unique_ptr<LogStore>> log = LogStore::Open(seam_, log_path_);
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    if (absl::Status status = PutRecord(1, LogStore::LogReset{}); !status.ok()) return status;
    absl::StatusOr<std::shared_ptr<TabletStore>> store =
        TabletStore::Open(seam_, layout_.generation(1), {.bugs = {}, .create = true});
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return absl::OkStatus();
  }

  absl::Status LogEntry(uint64_t index) {
    raft::Entry entry;
    entry.op = Op(index);
    entry.data = absl::StrCat(index);
    if (absl::Status status = log_->Write({{kTablet, {}, {entry}, {}}}); !status.ok()) return status;
    absl::Status status = log_->Sync();
    if (status.ok()) promised_.synced_index = index;
    return status;
  }

  absl::Status Apply(uint64_t index) {
    if (absl::Status status = LogEntry(index); !status.ok()) return status;
    StoreBatch batch;
    batch.Put(StoreKey(KeySpace::kRow, absl::StrCat(index)), "");
    if (absl::Status status = store_->Commit(batch, Op(index)); !status.ok()) return status;
    if (index != 3) return absl::OkStatus();
    absl::Status status = store_->Flush();
    if (status.ok()) promised_.flushed_index = index;
    return status;
  }

  absl::Status CreateSnapshot() {
    if (absl::Status status = LogEntry(kSnapshotIndex); !status.ok()) return status;
    if (absl::Status status = store_->Flush(); !status.ok()) return status;
    promised_.flushed_index = kSnapshotIndex - 1;
    const std::string tmp = layout_.snapshot_tmp(kSnapshot);
    if (absl::Status status = LinkFiles(seam_, *store_, tmp); !status.ok()) return status;
    if (absl::Status status = WriteMetadata(seam_, tmp, {}); !status.ok()) return status;
    if (absl::Status status = SyncFiles(seam_, tmp); !status.ok()) return status;
    if (absl::Status status = Publish(seam_, tmp, layout_.snapshot(kSnapshot), {}); !status.ok()) return status;
    promised_.snapshot = true;
    return store_->Commit(StoreBatch(), Op(kSnapshotIndex));
  }

  absl::Status Restore() {
    if (absl::Status status = LogEntry(kRestoreIndex); !status.ok()) return status;
    if (absl::Status status = VerifySnapshot(seam_, layout_.snapshot(kSnapshot)).status(); !status.ok()) return status;
    absl::Status status = StageGeneration(seam_, layout_.snapshot(kSnapshot), layout_.generation(2));
    if (!status.ok()) return status;
    absl::StatusOr<std::shared_ptr<TabletStore>> staged = TabletStore::Open(seam_, layout_.generation(2), {});
    if (!staged.ok()) return staged.status();
    if (status = CarryOver(*store_, **staged, StoreBatch(), Op(kRestoreIndex), {}); !status.ok()) return status;
    if (status = PutRecord(2, {}); !status.ok()) return status;
    promised_.flushed_index = kRestoreIndex;
    store_ = *std::move(staged);
    return RemoveTree(seam_, layout_.generation(1));
  }

  absl::Status Finish() {
    if (absl::Status status = log_->Compact(kTablet, {Op(kRestoreIndex - 1), {}}); !status.ok()) return status;
    if (absl::Status status = log_->Sync(); !status.ok()) return status;
    promised_.log_start = kRestoreIndex - 1;
    return RemoveTree(seam_, layout_.snapshot(SnapshotId{9, 9}));
  }

  const StorageSeam seam_;
  const ReplicaLayout layout_;
  const std::string log_path_;
  Promised& promised_;
  std::unique_ptr<LogStore> log_;
  std::shared_ptr<TabletStore> store_;
};

class CrashTest : public testing::TestWithParam<TestDisk::Threads> {};

INSTANTIATE_TEST_SUITE_P(, CrashTest, testing::Values(TestDisk::Threads::kOwn, TestDisk::Threads::kNone),
                         [](const auto& info) {
                           return info.param == TestDisk::Threads::kOwn ? "WithThreads" : "WithoutThreads";
                         });

std::set<std::string> RowsUpTo(uint64_t index) {
  std::set<std::string> rows;
  for (uint64_t row = 1; row <= index; ++row) {
    if (row != kSnapshotIndex) rows.insert(absl::StrCat(row));
  }
  return rows;
}

std::set<std::string> RowsOf(const std::vector<std::pair<std::string, std::string>>& contents) {
  std::set<std::string> rows;
  for (const auto& [key, value] : contents) {
    if (key[0] == static_cast<char>(KeySpace::kRow)) rows.insert(key.substr(1));
  }
  return rows;
}

void CheckLog(const LogStore::RecoveredReplica& replica, const Promised& promised) {
  EXPECT_GE(replica.record.generation(), promised.generation);
  EXPECT_GE(replica.start.last.index.value, promised.log_start);
  const uint64_t last =
      replica.entries.empty() ? replica.start.last.index.value : replica.entries.back().op.index.value;
  EXPECT_GE(last, promised.synced_index);
  EXPECT_LE(last, promised.synced_index + 1);
}

void CheckStore(const StorageSeam& seam, const ReplicaLayout& layout, uint64_t generation, const Promised& promised) {
  absl::StatusOr<std::shared_ptr<TabletStore>> store =
      TabletStore::Open(seam, layout.generation(generation), {.bugs = {}, .create = promised.flushed_index == 0});
  ASSERT_TRUE(store.ok()) << store.status();
  const uint64_t applied = (*store)->applied().index.value;
  EXPECT_GE(applied, promised.flushed_index);
  store->reset();
  const auto contents = ReadAll(seam, layout.generation(generation));
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(RowsOf(*contents), RowsUpTo(generation == 1 ? applied : kSnapshotIndex));
  if (generation == 2) {
    EXPECT_EQ(applied, kRestoreIndex);
  }
}

void CheckSnapshot(const StorageSeam& seam, const ReplicaLayout& layout, const Promised& promised) {
  const std::string directory = layout.snapshot(kSnapshot);
  absl::StatusOr<bool> exists = DirectoryExists(seam, directory);
  ASSERT_TRUE(exists.ok());
  if (promised.snapshot) {
    EXPECT_TRUE(*exists);
  }
  if (!*exists) return;
  EXPECT_TRUE(VerifySnapshot(seam, directory).ok());
  const auto contents = ReadAll(seam, directory);
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(RowsOf(*contents), RowsUpTo(kSnapshotIndex));
}

TEST_P(CrashTest, AfterDeathAtAnyMutationWhatWasPromisedIsThereAndWhole) {
  constexpr uint64_t kMutationsMax = 2000;
  bool finished = false;
  // Where threads decide what comes when, one moment is not more telling than the next one.
  const uint64_t stride = GetParam() == TestDisk::Threads::kNone ? 1 : 5;
  for (uint64_t mutations = 0; !finished && mutations < kMutationsMax; mutations += stride) {
    SCOPED_TRACE(absl::StrCat("dead after ", mutations, " mutations"));
    TestDisk disk(GetParam());
    const NodeLayout node(disk.root(), NodeId{1});
    const ReplicaLayout layout(node, TableId{0, 5}, kTablet);
    Promised promised;
    disk.DieAfter(mutations);
    {
      Life life(disk.seam(), layout, node.log_store(), promised);
      const absl::Status status = life.Run();
      // A death in a background deletion is nobody's failure; all else must be told.
      EXPECT_TRUE(disk.dead() || status.ok()) << status;
      finished = status.ok() && !disk.dead();
    }
    disk.Revive();

    absl::StatusOr<std::unique_ptr<LogStore>> log = LogStore::Open(disk.seam(), node.log_store());
    ASSERT_TRUE(log.ok()) << log.status();
    absl::StatusOr<std::vector<LogStore::RecoveredReplica>> replicas = (*log)->Recover();
    ASSERT_TRUE(replicas.ok()) << replicas.status();
    if (replicas->empty()) {
      EXPECT_EQ(promised.generation, 0u);
      continue;
    }
    CheckLog(replicas->front(), promised);
    CheckStore(disk.seam(), layout, replicas->front().record.generation(), promised);
    CheckSnapshot(disk.seam(), layout, promised);
    if (HasFailure()) return;
  }
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace sut
