// Properties: a mark is what was last made durable, whatever a crash or rot does to the slot that was being written; a
// log that lacks what was synced is told from one whose unsynced tail was torn.

#include "sut/storage/synced_mark.h"

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "sut/storage/directory.h"
#include "sut/storage/log_store.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

constexpr TabletId kTablet{0, 10};

void FlipBit(const std::string& path, uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

class SyncedMarkTest : public testing::Test {
 protected:
  uint64_t Reopened() {
    const auto mark = SyncedMark::Open(disk_.seam(), path_);
    EXPECT_TRUE(mark.ok()) << mark.status();
    return mark.ok() ? (*mark)->sequence() : UINT64_MAX;
  }

  TestDisk disk_{TestDisk::Threads::kNone};
  const std::string path_ = disk_.root() + "/SYNCED";
};

TEST_F(SyncedMarkTest, IsWhatWasLastAdvancedTo) {
  ASSERT_TRUE(SyncedMark::Create(disk_.seam(), path_).ok());
  EXPECT_EQ(Reopened(), 0u);
  for (const uint64_t sequence : {uint64_t{1}, uint64_t{2}, uint64_t{9}, uint64_t{1} << 40}) {
    auto mark = SyncedMark::Open(disk_.seam(), path_);
    ASSERT_TRUE(mark.ok()) << mark.status();
    ASSERT_TRUE((*mark)->Advance(sequence).ok());
    ASSERT_TRUE((*mark)->Advance(sequence - 1).ok());
    EXPECT_EQ(Reopened(), sequence);
  }
  ASSERT_TRUE(SyncedMark::Create(disk_.seam(), path_).ok());
  EXPECT_EQ(Reopened(), uint64_t{1} << 40) << "Create leaves a mark alone";
}

TEST_F(SyncedMarkTest, ABrokenSlotLeavesTheOtherOne) {
  ASSERT_TRUE(SyncedMark::Create(disk_.seam(), path_).ok());
  {
    auto mark = SyncedMark::Open(disk_.seam(), path_);
    ASSERT_TRUE((*mark)->Advance(4).ok());
    ASSERT_TRUE((*mark)->Advance(5).ok());
  }
  FlipBit(path_, 0);
  const uint64_t left = Reopened();
  EXPECT_TRUE(left == 4 || left == 5);
  FlipBit(path_, 512);
  EXPECT_EQ(SyncedMark::Open(disk_.seam(), path_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SyncedMarkTest, AMissingMarkIsDataLoss) {
  EXPECT_EQ(SyncedMark::Open(disk_.seam(), path_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SyncedMarkTest, AFailedSyncDoesNotAdvance) {
  ASSERT_TRUE(SyncedMark::Create(disk_.seam(), path_).ok());
  auto mark = SyncedMark::Open(disk_.seam(), path_);
  disk_.FailSyncs(true);
  EXPECT_FALSE((*mark)->Advance(7).ok());
  EXPECT_EQ((*mark)->sequence(), 0u);
}

class RottenLogTest : public testing::Test {
 protected:
  raft::Entry EntryAt(uint64_t index) {
    raft::Entry entry;
    entry.op = OpId{Term{1}, Index{index}};
    entry.data = absl::StrCat("entry ", index, std::string(40, 'x'));
    return entry;
  }
  std::unique_ptr<LogStore> Open(absl::Status* status) {
    auto opened = LogStore::Open(disk_.seam(), path_);
    *status = opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  // Entries 1 to 4 are synced, 5 to 8 are not.
  void WriteLog() {
    absl::Status status;
    const std::unique_ptr<LogStore> store = Open(&status);
    ASSERT_TRUE(status.ok()) << status;
    proto::ReplicaRecord record;
    record.set_tablet(Bytes(kTablet));
    record.set_replica(1);
    ASSERT_TRUE(store->PutReplica(record, LogStore::LogReset{}).ok());
    for (uint64_t index = 1; index <= 8; ++index) {
      ASSERT_TRUE(store->Write({{kTablet, {}, {EntryAt(index)}, {}}}).ok());
      if (index == 4) {
        ASSERT_TRUE(store->Sync().ok());
        synced_bytes_ = std::filesystem::file_size(Wal());
      }
    }
  }
  std::string Wal() const {
    std::string newest;
    for (const auto& file : std::filesystem::directory_iterator(path_)) {
      if (file.path().extension() == ".log" && file.path().string() > newest) newest = file.path().string();
    }
    return newest;
  }

  TestDisk disk_{TestDisk::Threads::kNone};
  const std::string path_ = disk_.root() + "/raft-log";
  uint64_t synced_bytes_ = 0;
};

TEST_F(RottenLogTest, RotAnywhereInWhatWasSyncedIsDataLoss) {
  WriteLog();
  const std::string saved = disk_.root() + "/saved";
  std::filesystem::copy(path_, saved, std::filesystem::copy_options::recursive);
  int tried = 0;
  for (uint64_t offset = 0; offset < synced_bytes_; offset += 7, ++tried) {
    FlipBit(Wal(), offset);
    absl::Status status;
    Open(&status);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << "offset " << offset << ": " << status;
    std::filesystem::remove_all(path_);
    std::filesystem::copy(saved, path_, std::filesystem::copy_options::recursive);
  }
  EXPECT_GT(tried, 20);
}

TEST_F(RottenLogTest, ATornTailAboveTheMarkIsNot) {
  WriteLog();
  const uint64_t bytes = std::filesystem::file_size(Wal());
  ASSERT_GT(bytes, synced_bytes_ + 20);
  const std::string saved = disk_.root() + "/saved";
  std::filesystem::copy(path_, saved, std::filesystem::copy_options::recursive);
  for (uint64_t left = synced_bytes_; left < bytes; left += 9) {
    std::filesystem::resize_file(Wal(), left);
    {
      absl::Status status;
      const std::unique_ptr<LogStore> store = Open(&status);
      ASSERT_TRUE(status.ok()) << status;
      const auto replicas = store->Recover();
      ASSERT_TRUE(replicas.ok()) << replicas.status();
      EXPECT_GE(replicas->front().entries.size(), 4u);
    }
    std::filesystem::remove_all(path_);
    std::filesystem::copy(saved, path_, std::filesystem::copy_options::recursive);
  }
}

TEST_F(RottenLogTest, ALogThatLostItsSyncedTailStaysRefused) {
  WriteLog();
  std::filesystem::resize_file(Wal(), synced_bytes_ - 1);
  for (int attempt = 0; attempt < 3; ++attempt) {
    absl::Status status;
    Open(&status);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  }
}

// RocksDB itself takes what is left for an older version of the store; and what was written since then leaves no gap.
TEST_F(RottenLogTest, AManifestThatLostItsEndIsDamageUnlessNothingWasLostWithIt) {
  WriteLog();
  const auto open_and_count = [this](absl::Status* status) -> size_t {
    const std::unique_ptr<LogStore> store = Open(status);
    if (!status->ok()) return 0;
    const auto replicas = store->Recover();
    *status = replicas.status();
    return replicas.ok() && !replicas->empty() ? replicas->front().entries.size() : 0;
  };
  absl::Status status;
  {
    const std::unique_ptr<LogStore> store = Open(&status);  // recovery moves everything to a table
    ASSERT_TRUE(status.ok() && store->Recover().ok()) << status;
    for (uint64_t term = 2; term <= 20; ++term) {
      ASSERT_TRUE(store->Write({{kTablet, {}, {}, raft::HardState{Term{term}, ReplicaId{1}, Index{8}}}}).ok());
    }
    ASSERT_TRUE(store->Sync().ok());
  }
  const std::string saved = disk_.root() + "/saved";
  std::filesystem::copy(path_, saved, std::filesystem::copy_options::recursive);
  std::string manifest;
  for (const auto& file : std::filesystem::directory_iterator(path_)) {
    if (file.path().filename().string().starts_with("MANIFEST")) manifest = file.path().string();
  }
  int refused = 0;
  for (uint64_t left = std::filesystem::file_size(manifest); left-- > 0;) {
    std::filesystem::resize_file(manifest, left);
    const size_t entries = open_and_count(&status);
    if (status.ok()) {
      EXPECT_EQ(entries, 8u) << "MANIFEST of " << left << " bytes";
    } else {
      ++refused;
    }
    std::filesystem::remove_all(path_);
    std::filesystem::copy(saved, path_, std::filesystem::copy_options::recursive);
  }
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace sut
