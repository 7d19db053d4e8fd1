#include "sut/storage/tablet_store.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;

OpId Op(uint64_t index) { return OpId{Term{1}, Index{index}}; }
std::string RowKey(const std::string& name) { return StoreKey(KeySpace::kRow, name); }

class TabletStoreTest : public testing::TestWithParam<TestDisk::Threads> {
 protected:
  using Rows = std::vector<std::pair<std::string, std::string>>;

  void Open(TabletStore::OpenOptions options = {}) {
    store_.reset();
    options.create = true;
    absl::StatusOr<std::shared_ptr<TabletStore>> opened = TabletStore::Open(disk_.seam(), path_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  absl::Status Put(const std::string& name, const std::string& value, uint64_t index) {
    StoreBatch batch;
    batch.Put(RowKey(name), value);
    return store_->Commit(batch, Op(index));
  }
  static Rows RowsOf(const TabletStore::View& view) {
    Rows rows;
    const auto [begin, end] = KeySpaceRange(KeySpace::kRow);
    const absl::Status status = view.Scan(begin, end, [&](std::string_view key, std::string_view value) {
      rows.emplace_back(key.substr(1), value);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return rows;
  }
  Rows RowsNow() const { return RowsOf(store_->Latest()); }

  TestDisk disk_{GetParam()};
  const std::string path_ = disk_.root() + "/tablet-1/1";
  std::shared_ptr<TabletStore> store_;
};

INSTANTIATE_TEST_SUITE_P(, TabletStoreTest, testing::Values(TestDisk::Threads::kOwn, TestDisk::Threads::kNone),
                         [](const auto& info) {
                           return info.param == TestDisk::Threads::kOwn ? "WithThreads" : "WithoutThreads";
                         });

TEST_P(TabletStoreTest, AMissingStoreIsNotFoundAndNotCreatedUnlessAsked) {
  EXPECT_TRUE(absl::IsNotFound(TabletStore::Open(disk_.seam(), path_, {}).status()));
  EXPECT_TRUE(disk_.seam().env->FileExists(path_).IsNotFound());
  Open();
  EXPECT_TRUE(disk_.seam().env->FileExists(path_).ok());
}

TEST_P(TabletStoreTest, OpenMakesANewStoresDirectoriesDurable) {
  Open();
  const std::vector<std::string> synced = disk_.TakeSyncedDirectories();
  EXPECT_THAT(synced, Contains(disk_.root()));
  EXPECT_THAT(synced, Contains(disk_.root() + "/tablet-1"));
}

TEST_P(TabletStoreTest, WhatWasNotFlushedIsForgottenTogetherWithItsOpId) {
  Open();
  ASSERT_TRUE(Put("a", "1", 1).ok());
  EXPECT_EQ(store_->applied(), Op(1));
  EXPECT_EQ(store_->flushed_applied(), OpId());
  Open();
  EXPECT_EQ(store_->applied(), OpId());
  EXPECT_TRUE(RowsNow().empty());
}

TEST_P(TabletStoreTest, AFlushRemembersExactlyWhatWasCommittedBeforeIt) {
  Open();
  ASSERT_TRUE(Put("a", "1", 1).ok());
  ASSERT_TRUE(Put("b", "2", 2).ok());
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->flushed_applied(), Op(2));
  ASSERT_TRUE(Put("a", "3", 3).ok());
  Open();
  EXPECT_EQ(store_->applied(), Op(2));
  EXPECT_EQ(store_->flushed_applied(), Op(2));
  EXPECT_THAT(RowsNow(), ElementsAre(Pair("a", "1"), Pair("b", "2")));
}

TEST_P(TabletStoreTest, AFlushOfNothingIsFine) {
  Open();
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->file_count(), 0u);
}

TEST_P(TabletStoreTest, ChangesOfABatchTakeEffectInTheirOrder) {
  Open();
  StoreBatch batch;
  batch.Put(RowKey("a"), "1");
  batch.Delete(RowKey("a"));
  batch.Delete(RowKey("b"));
  batch.Put(RowKey("b"), "2");
  ASSERT_TRUE(store_->Commit(batch, Op(1)).ok());
  EXPECT_THAT(RowsNow(), ElementsAre(Pair("b", "2")));
}

TEST_P(TabletStoreTest, AFlushIsDueAfterSoManyEntries) {
  Open({.bugs = {}, .create = true, .flush_after_entries = 3});
  ASSERT_TRUE(Put("a", "1", 1).ok());
  ASSERT_TRUE(Put("a", "2", 2).ok());
  EXPECT_FALSE(store_->flush_due());
  ASSERT_TRUE(Put("a", "3", 3).ok());
  EXPECT_TRUE(store_->flush_due());
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_FALSE(store_->flush_due());
}

TEST_P(TabletStoreTest, APinnedViewSeesNoLaterCommitFlushOrCompaction) {
  Open();
  ASSERT_TRUE(Put("a", "1", 1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  const std::unique_ptr<TabletStore::View> pinned = store_->Pin();
  StoreBatch batch;
  batch.Delete(RowKey("a"));
  batch.Put(RowKey("b"), "2");
  ASSERT_TRUE(store_->Commit(batch, Op(2)).ok());
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(store_->Compact().ok());
  EXPECT_EQ(pinned->applied(), Op(1));
  EXPECT_THAT(RowsOf(*pinned), ElementsAre(Pair("a", "1")));
  EXPECT_EQ(*pinned->Get(RowKey("b")), std::nullopt);
  EXPECT_EQ(*store_->Get(RowKey("a")), std::nullopt);
  EXPECT_THAT(RowsNow(), ElementsAre(Pair("b", "2")));
}

TEST_P(TabletStoreTest, AGenerationStaysReadableUntilItsLastViewGoes) {
  Open();
  ASSERT_TRUE(Put("a", "1", 1).ok());
  std::unique_ptr<TabletStore::View> pinned = store_->Pin();
  store_.reset();
  EXPECT_EQ(*pinned->Get(RowKey("a")), "1");
  pinned.reset();
  Open();  // its lock is free again
  EXPECT_TRUE(RowsNow().empty());
}

TEST_P(TabletStoreTest, AScanKeepsToItsBoundsAndStopsWhenTold) {
  Open();
  StoreBatch batch;
  for (const char* name : {"a", "b", "c", "d"}) batch.Put(RowKey(name), name);
  batch.Put(StoreKey(KeySpace::kMarker, "z"), "marker");
  batch.Put(StoreKey(KeySpace::kSession, "z"), "session");
  ASSERT_TRUE(store_->Commit(batch, Op(1)).ok());
  std::string seen;
  const auto note = [&](std::string_view key, std::string_view) {
    seen.append(key);
    return seen.size() < 4;
  };
  ASSERT_TRUE(store_->Latest().Scan(RowKey("b"), RowKey("c"), note).ok());
  EXPECT_EQ(seen, "rb");
  seen.clear();
  ASSERT_TRUE(store_->Latest().Scan(RowKey("a"), "", note).ok());
  EXPECT_EQ(seen, "rarb");
  EXPECT_EQ(RowsNow().size(), 4u) << "a key space has no keys of others";
}

TEST_P(TabletStoreTest, CompactionLeavesOneFileAndTheSameRows) {
  Open();
  for (uint64_t index = 1; index <= 10; ++index) {
    StoreBatch batch;
    batch.Put(RowKey(absl::StrCat("row ", index)), "new");
    batch.Delete(RowKey(absl::StrCat("row ", index - 5)));
    ASSERT_TRUE(store_->Commit(batch, Op(index)).ok());
    ASSERT_TRUE(store_->Flush().ok());
  }
  EXPECT_EQ(store_->file_count(), 10u);
  const Rows before = RowsNow();
  EXPECT_EQ(before.size(), 5u);
  ASSERT_TRUE(store_->Compact().ok());
  EXPECT_EQ(store_->file_count(), 1u);
  EXPECT_EQ(RowsNow(), before);
  Open();
  EXPECT_EQ(RowsNow(), before);
  EXPECT_EQ(store_->applied(), Op(10));
}

TEST_P(TabletStoreTest, ACommitToAFileThatIsCompactedAgainStaysRight) {
  Open();
  for (uint64_t round = 0; round < 3; ++round) {
    for (uint64_t index = round * 2 + 1; index <= round * 2 + 2; ++index) {
      ASSERT_TRUE(Put("a", absl::StrCat(index), index).ok());
      ASSERT_TRUE(store_->Flush().ok());
    }
    ASSERT_TRUE(store_->Compact().ok());
    EXPECT_EQ(store_->file_count(), 1u);
  }
  EXPECT_THAT(RowsNow(), ElementsAre(Pair("a", "6")));
}

TEST_P(TabletStoreTest, AFailedFlushIsFinalAndReadsGoOn) {
  Open();
  ASSERT_TRUE(Put("a", "1", 1).ok());
  disk_.FailSyncs(true);
  EXPECT_FALSE(store_->Flush().ok());
  disk_.FailSyncs(false);
  EXPECT_FALSE(store_->Flush().ok());
  EXPECT_FALSE(Put("b", "2", 2).ok());
  EXPECT_EQ(store_->flushed_applied(), OpId());
  EXPECT_THAT(RowsNow(), ElementsAre(Pair("a", "1")));
  Open();
  EXPECT_EQ(store_->applied(), OpId());
}

TEST_P(TabletStoreTest, AFailedCompactionLosesNothingAndStopsNobodyForEver) {
  Open();
  for (uint64_t index = 1; index <= 3; ++index) {
    ASSERT_TRUE(Put(absl::StrCat(index), "", index).ok());
    ASSERT_TRUE(store_->Flush().ok());
  }
  disk_.FailSyncs(true);
  EXPECT_FALSE(store_->Compact().ok());
  disk_.FailSyncs(false);
  for (uint64_t index = 4; index <= 30; ++index) {  // refused or not, but answered
    if (!Put(absl::StrCat(index), "", index).ok() || !store_->Flush().ok()) break;
  }
  EXPECT_GE(RowsNow().size(), 3u);
  const OpId flushed = store_->flushed_applied();
  Open();
  EXPECT_EQ(store_->applied(), flushed);
  EXPECT_EQ(RowsNow().size(), flushed.index.value);
}

TEST(TabletStoreThreadsTest, CommitsGoOnWhileAnotherThreadFlushes) {
  TestDisk disk(TestDisk::Threads::kOwn);
  const std::string path = disk.root() + "/1";
  constexpr uint64_t kCommits = 2000;
  {
    const std::shared_ptr<TabletStore> store = *TabletStore::Open(disk.seam(), path, {.bugs = {}, .create = true});
    std::atomic<bool> stop = false;
    std::thread flusher([&] {
      while (!stop) EXPECT_TRUE(store->Flush().ok());
    });
    for (uint64_t index = 1; index <= kCommits; ++index) {
      StoreBatch batch;
      batch.Put(RowKey(absl::StrCat(index)), "");
      EXPECT_TRUE(store->Commit(batch, Op(index)).ok());
      EXPECT_EQ(store->Pin()->applied(), Op(index));
    }
    stop = true;
    flusher.join();
    EXPECT_TRUE(store->Flush().ok());
  }
  EXPECT_EQ((*TabletStore::Open(disk.seam(), path, {}))->applied(), Op(kCommits));
}

TEST_P(TabletStoreTest, AMissingTableFileIsDataLoss) {
  Open();
  ASSERT_TRUE(Put("a", "1", 1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  store_.reset();
  std::vector<std::string> names;
  ASSERT_TRUE(disk_.seam().env->GetChildren(path_, &names).ok());
  for (const std::string& name : names) {
    if (name.ends_with(".sst")) {
      ASSERT_TRUE(disk_.seam().env->DeleteFile(path_ + "/" + name).ok());
    }
  }
  EXPECT_TRUE(absl::IsDataLoss(TabletStore::Open(disk_.seam(), path_, {}).status()));
}

// Rows and applied op id reach the disk together, wherever a flush falls; with the planted bug they do not.
TEST_P(TabletStoreTest, PlantedAppliedIndexInOwnBatchLosesARowThatCountsAsApplied) {
  for (const bool planted : {false, true}) {
    TabletStore::OpenOptions options{.bugs = {}, .create = true, .flush_after_entries = 2};
    if (planted) options.bugs.Plant(Bug::kAppliedIndexInOwnBatch);
    Open(options);
    const uint64_t base = store_->applied().index.value;
    for (uint64_t index = base + 1; index <= base + 2; ++index) {
      ASSERT_TRUE(Put(absl::StrCat("row ", index), "", index).ok());
      if (!planted && store_->flush_due()) {
        ASSERT_TRUE(store_->Flush().ok());
      }
    }
    Open();
    EXPECT_EQ(store_->applied(), Op(base + 2));
    EXPECT_EQ(RowsNow().size(), planted ? base + 1 : base + 2);
  }
}

}  // namespace
}  // namespace sut
