#include "sut/storage/checkpoint.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

using ::testing::Contains;
using ::testing::Not;

using Contents = std::map<std::string, std::string>;

OpId Op(uint64_t index) { return OpId{Term{1}, Index{index}}; }
std::string RowKey(const std::string& name) { return StoreKey(KeySpace::kRow, name); }

class CheckpointTest : public testing::TestWithParam<TestDisk::Threads> {
 protected:
  std::shared_ptr<TabletStore> Open(uint64_t generation) {
    absl::StatusOr<std::shared_ptr<TabletStore>> opened =
        TabletStore::Open(seam_, layout_.generation(generation), {.bugs = {}, .create = true});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *opened : nullptr;
  }
  static void Commit(TabletStore& store, const Contents& puts, uint64_t index) {
    StoreBatch batch;
    for (const auto& [key, value] : puts) batch.Put(key, value);
    ASSERT_TRUE(store.Commit(batch, Op(index)).ok());
  }
  // As a tablet does it; returns the directory.
  std::string Create(TabletStore& store, SnapshotId id, BugSet bugs = {}) {
    EXPECT_TRUE(store.Flush().ok());
    const std::string tmp = layout_.snapshot_tmp(id);
    EXPECT_TRUE(LinkFiles(seam_, store, tmp).ok());
    proto::SnapshotMetadata metadata;
    metadata.set_snapshot(Bytes(id));
    EXPECT_TRUE(WriteMetadata(seam_, tmp, metadata).ok());
    EXPECT_TRUE(SyncFiles(seam_, tmp).ok());
    EXPECT_TRUE(Publish(seam_, tmp, layout_.snapshot(id), bugs).ok());
    return layout_.snapshot(id);
  }
  Contents Read(const std::string& directory) const {
    absl::StatusOr<std::vector<std::pair<std::string, std::string>>> all = ReadAll(seam_, directory);
    EXPECT_TRUE(all.ok()) << all.status();
    return all.ok() ? Contents(all->begin(), all->end()) : Contents();
  }
  // Without the applied op id.
  Contents ReadUnmarked(const std::string& directory) const {
    Contents contents = Read(directory);
    contents.erase(StoreKey(KeySpace::kApplied, ""));
    return contents;
  }
  std::vector<std::string> Names(const std::string& directory) const { return *ListDirectory(seam_, directory); }
  // A copy that shares no file, to be damaged.
  std::string CopyOf(const std::string& directory) const {
    const std::string copy = disk_.root() + "/copy";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(directory, copy);
    return copy;
  }
  // Stages generation 2 from `snapshot`, carries over from `live` with `bugs`, and returns what it holds then.
  Contents Restore(const TabletStore& live, const std::string& snapshot, const StoreBatch& extra, uint64_t index,
                   BugSet bugs = {}) {
    EXPECT_TRUE(StageGeneration(seam_, snapshot, layout_.generation(2)).ok());
    {
      const std::shared_ptr<TabletStore> staged = Open(2);
      EXPECT_TRUE(CarryOver(live, *staged, extra, Op(index), bugs).ok());
    }
    return ReadUnmarked(layout_.generation(2));
  }

  TestDisk disk_{GetParam()};
  const StorageSeam seam_ = disk_.seam();
  const ReplicaLayout layout_{NodeLayout(disk_.root(), NodeId{1}), TableId{0, 5}, TabletId{0, 6}};
  const SnapshotId id_{0, 7};
};

INSTANTIATE_TEST_SUITE_P(, CheckpointTest, testing::Values(TestDisk::Threads::kOwn, TestDisk::Threads::kNone),
                         [](const auto& info) {
                           return info.param == TestDisk::Threads::kOwn ? "WithThreads" : "WithoutThreads";
                         });

TEST_P(CheckpointTest, ASnapshotHoldsTheStateOfItsMomentWhateverComesLater) {
  const std::shared_ptr<TabletStore> store = Open(1);
  Commit(*store, {{RowKey("a"), "1"}, {RowKey("b"), "2"}}, 1);
  ASSERT_TRUE(store->Flush().ok());
  Commit(*store, {{RowKey("a"), "3"}}, 2);
  const std::string snapshot = Create(*store, id_);
  const Contents expected = {{RowKey("a"), "3"}, {RowKey("b"), "2"}};
  EXPECT_EQ(ReadUnmarked(snapshot), expected);

  Commit(*store, {{RowKey("a"), "4"}, {RowKey("c"), "5"}}, 3);
  ASSERT_TRUE(store->Flush().ok());
  ASSERT_TRUE(store->Compact().ok());
  EXPECT_EQ(ReadUnmarked(snapshot), expected);
  absl::StatusOr<proto::SnapshotMetadata> metadata = VerifySnapshot(seam_, snapshot);
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  EXPECT_EQ(metadata->snapshot(), Bytes(id_));
}

TEST_P(CheckpointTest, AnEmptyStoreHasASnapshotToo) {
  const std::shared_ptr<TabletStore> store = Open(1);
  const std::string snapshot = Create(*store, id_);
  EXPECT_TRUE(VerifySnapshot(seam_, snapshot).ok());
  EXPECT_TRUE(Read(snapshot).empty());
}

TEST_P(CheckpointTest, LinkFilesTakesWhatIsFlushedAndNothingElse) {
  const std::shared_ptr<TabletStore> store = Open(1);
  Commit(*store, {{RowKey("a"), "1"}}, 1);
  ASSERT_TRUE(store->Flush().ok());
  Commit(*store, {{RowKey("b"), "2"}}, 2);
  ASSERT_TRUE(LinkFiles(seam_, *store, layout_.snapshot_tmp(id_)).ok());
  EXPECT_EQ(ReadUnmarked(layout_.snapshot_tmp(id_)), (Contents{{RowKey("a"), "1"}}));
}

TEST_P(CheckpointTest, TableFilesAreSharedAndAllOthersAreNot) {
  const std::shared_ptr<TabletStore> store = Open(1);
  Commit(*store, {{RowKey("a"), "1"}}, 1);
  const std::string snapshot = Create(*store, id_);
  int shared = 0;
  for (const std::string& name : Names(snapshot)) {
    struct stat status = {};
    ASSERT_EQ(::stat((snapshot + "/" + name).c_str(), &status), 0);
    EXPECT_EQ(status.st_nlink, IsTableFile(name) ? 2u : 1u) << name;
    struct stat live = {};
    if (!IsTableFile(name)) continue;
    ASSERT_EQ(::stat((store->path() + "/" + name).c_str(), &live), 0);
    EXPECT_EQ(status.st_ino, live.st_ino);
    ++shared;
  }
  EXPECT_EQ(shared, 1);
}

TEST_P(CheckpointTest, AFlippedBitOfAnyFileIsDataLoss) {
  const std::shared_ptr<TabletStore> store = Open(1);
  Commit(*store, {{RowKey("a"), "1"}}, 1);
  const std::string snapshot = Create(*store, id_);
  EXPECT_EQ(Names(snapshot).size(), 4u);  // a table, MANIFEST, CURRENT, metadata
  for (const std::string& name : Names(snapshot)) {
    const std::string sound = *ReadFile(seam_, snapshot + "/" + name);
    for (const size_t position : {size_t{0}, sound.size() / 2, sound.size() - 1}) {
      const std::string copy = CopyOf(snapshot);
      ASSERT_TRUE(VerifySnapshot(seam_, copy).ok());
      std::string rotten = sound;
      rotten[position] = static_cast<char>(rotten[position] ^ 0x10);
      ASSERT_TRUE(WriteFile(seam_, copy + "/" + name, rotten).ok());
      EXPECT_TRUE(absl::IsDataLoss(VerifySnapshot(seam_, copy).status())) << name << " at " << position;
    }
  }
}

// A checksum's value differs from run to run of one plan, since table files hold session ids; with a variable width, so
// would the size of the metadata, the number of chunks of an install, and all that follows.
TEST(SnapshotMetadataTest, ItsSizeDoesNotDependOnTheChecksums) {
  proto::SnapshotMetadata small;
  small.add_files()->set_crc32c(1);
  proto::SnapshotMetadata large;
  large.add_files()->set_crc32c(0xffffffff);
  EXPECT_EQ(small.ByteSizeLong(), large.ByteSizeLong());
}

TEST_P(CheckpointTest, AMissingOrShortOrExtraFileIsDataLoss) {
  const std::shared_ptr<TabletStore> store = Open(1);
  Commit(*store, {{RowKey("a"), "1"}}, 1);
  const std::string snapshot = Create(*store, id_);
  for (const std::string& name : Names(snapshot)) {
    const std::string missing = CopyOf(snapshot);
    ASSERT_TRUE(seam_.env->DeleteFile(missing + "/" + name).ok());
    EXPECT_TRUE(absl::IsDataLoss(VerifySnapshot(seam_, missing).status())) << name;
    for (const uint64_t cut : {uint64_t{1}, std::filesystem::file_size(snapshot + "/" + name)}) {
      const std::string torn = CopyOf(snapshot);
      std::filesystem::resize_file(torn + "/" + name, std::filesystem::file_size(torn + "/" + name) - cut);
      EXPECT_TRUE(absl::IsDataLoss(VerifySnapshot(seam_, torn).status())) << name << " short by " << cut;
    }
  }
  const std::string extra = CopyOf(snapshot);
  ASSERT_TRUE(WriteFile(seam_, extra + "/000099.sst", "").ok());
  EXPECT_TRUE(absl::IsDataLoss(VerifySnapshot(seam_, extra).status()));
  EXPECT_TRUE(absl::IsNotFound(VerifySnapshot(seam_, snapshot + "-of-nobody").status()));
}

TEST_P(CheckpointTest, AnotherFormatVersionIsRefusedByName) {
  const std::shared_ptr<TabletStore> store = Open(1);
  const std::string snapshot = Create(*store, id_);
  proto::SnapshotMetadata metadata = *ReadMetadata(seam_, snapshot);
  metadata.set_format_version(kSnapshotFormatVersion + 1);
  std::string contents = metadata.SerializeAsString();
  const uint32_t crc = Crc32c(contents);
  for (int shift = 0; shift < 32; shift += 8) contents.push_back(static_cast<char>(crc >> shift));
  ASSERT_TRUE(WriteFile(seam_, snapshot + "/" + kSnapshotMetadataFile, contents).ok());
  EXPECT_TRUE(absl::IsUnimplemented(ReadMetadata(seam_, snapshot).status()));
}

TEST_P(CheckpointTest, LinkingSyncsNothingInTheNewDirectoryAndPublishSyncsTheParent) {
  const std::shared_ptr<TabletStore> store = Open(1);
  Commit(*store, {{RowKey("a"), "1"}}, 1);
  ASSERT_TRUE(store->Flush().ok());
  disk_.TakeSyncedDirectories();
  ASSERT_TRUE(LinkFiles(seam_, *store, layout_.snapshot_tmp(id_)).ok());
  EXPECT_THAT(disk_.TakeSyncedDirectories(), Not(Contains(layout_.snapshot_tmp(id_))));
  ASSERT_TRUE(SyncFiles(seam_, layout_.snapshot_tmp(id_)).ok());
  EXPECT_THAT(disk_.TakeSyncedDirectories(), Contains(layout_.snapshot_tmp(id_)));
  ASSERT_TRUE(Publish(seam_, layout_.snapshot_tmp(id_), layout_.snapshot(id_), {}).ok());
  EXPECT_THAT(disk_.TakeSyncedDirectories(), Contains(layout_.snapshots()));
}

TEST_P(CheckpointTest, PlantedNoParentFsyncAfterRenameLeavesTheRenameUnsynced) {
  BugSet bugs;
  bugs.Plant(Bug::kNoParentFsyncAfterRename);
  ASSERT_TRUE(CreateDirectoryChain(seam_, layout_.snapshot_tmp(id_)).ok());
  disk_.TakeSyncedDirectories();
  ASSERT_TRUE(Publish(seam_, layout_.snapshot_tmp(id_), layout_.snapshot(id_), bugs).ok());
  EXPECT_TRUE(*DirectoryExists(seam_, layout_.snapshot(id_)));
  EXPECT_TRUE(disk_.TakeSyncedDirectories().empty());
}

TEST_P(CheckpointTest, PublishDoesNotReplaceASnapshot) {
  const std::shared_ptr<TabletStore> store = Open(1);
  const std::string snapshot = Create(*store, id_);
  ASSERT_TRUE(LinkFiles(seam_, *store, layout_.snapshot_tmp(id_)).ok());
  EXPECT_FALSE(Publish(seam_, layout_.snapshot_tmp(id_), snapshot, {}).ok());
  EXPECT_TRUE(VerifySnapshot(seam_, snapshot).ok());
}

// A live store and a snapshot that differ in every key space.
class RestoreTest : public CheckpointTest {
 protected:
  void SetUp() override {
    live_ = Open(1);
    Commit(*live_,
           {{RowKey("both"), "old"},
            {RowKey("snapshot"), "old"},
            {StoreKey(KeySpace::kRequest, "old"), "reply"},
            {StoreKey(KeySpace::kSession, "old"), "session"},
            {StoreKey(KeySpace::kMarker, "old"), "marker"}},
           3);
    snapshot_ = Create(*live_, id_);
    StoreBatch batch;
    batch.Put(RowKey("both"), "new");
    batch.Delete(RowKey("snapshot"));
    batch.Put(RowKey("live"), "new");
    for (const KeySpace space : {KeySpace::kRequest, KeySpace::kSession, KeySpace::kMarker}) {
      batch.Delete(StoreKey(space, "old"));
      batch.Put(StoreKey(space, "new"), "live");
    }
    ASSERT_TRUE(live_->Commit(batch, Op(8)).ok());  // not even flushed
    extra_.Put(StoreKey(KeySpace::kMarker, "restored"), "yes");
  }
  const Contents restored_ = {{RowKey("both"), "old"},
                              {RowKey("snapshot"), "old"},
                              {StoreKey(KeySpace::kRequest, "new"), "live"},
                              {StoreKey(KeySpace::kSession, "new"), "live"},
                              {StoreKey(KeySpace::kMarker, "new"), "live"},
                              {StoreKey(KeySpace::kMarker, "restored"), "yes"}};
  std::shared_ptr<TabletStore> live_;
  std::string snapshot_;
  StoreBatch extra_;
};

INSTANTIATE_TEST_SUITE_P(, RestoreTest, testing::Values(TestDisk::Threads::kOwn, TestDisk::Threads::kNone),
                         [](const auto& info) {
                           return info.param == TestDisk::Threads::kOwn ? "WithThreads" : "WithoutThreads";
                         });

TEST_P(RestoreTest, AStagedGenerationIsTheSnapshotsRowsAndTheLiveStoresMetadata) {
  EXPECT_EQ(Restore(*live_, snapshot_, extra_, 9), restored_);
  EXPECT_EQ(Open(2)->applied(), Op(9));
  EXPECT_EQ(Open(2)->flushed_applied(), Op(9));
  EXPECT_EQ(*live_->Get(RowKey("both")), "new");
}

TEST_P(RestoreTest, StagingDropsWhatALostAttemptLeft) {
  ASSERT_TRUE(WriteFile(seam_, disk_.root() + "/file", "left over").ok());
  ASSERT_TRUE(StageGeneration(seam_, snapshot_, layout_.generation(2)).ok());
  ASSERT_TRUE(WriteFile(seam_, layout_.generation(2) + "/000099.sst", "left over").ok());
  EXPECT_EQ(Restore(*live_, snapshot_, extra_, 9), restored_);
  EXPECT_THAT(Names(layout_.generation(2)), Not(Contains("000099.sst")));
}

TEST_P(RestoreTest, ASnapshotDoesNotChangeWhenItsGenerationIsWrittenToAndCompactedAndRemoved) {
  const std::vector<std::string> names = Names(snapshot_);
  const Contents before = Read(snapshot_);
  Restore(*live_, snapshot_, extra_, 9);
  {
    const std::shared_ptr<TabletStore> generation = Open(2);
    for (uint64_t index = 10; index < 14; ++index) {
      Commit(*generation, {{RowKey("both"), absl::StrCat(index)}}, index);
      ASSERT_TRUE(generation->Flush().ok());
    }
    ASSERT_TRUE(generation->Compact().ok());
    EXPECT_EQ(*generation->Get(RowKey("both")), "13");
  }
  ASSERT_TRUE(RemoveTree(seam_, layout_.generation(2)).ok());
  EXPECT_TRUE(VerifySnapshot(seam_, snapshot_).ok());
  EXPECT_EQ(Names(snapshot_), names);
  EXPECT_EQ(Read(snapshot_), before);
  EXPECT_EQ(Restore(*live_, snapshot_, extra_, 20), restored_) << "a second restore gives the same";
}

TEST_P(RestoreTest, AGenerationOutlivesItsSnapshot) {
  Restore(*live_, snapshot_, extra_, 9);
  ASSERT_TRUE(RemoveTree(seam_, snapshot_).ok());
  EXPECT_EQ(ReadUnmarked(layout_.generation(2)), restored_);
}

TEST_P(RestoreTest, StagingFromNothingIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(StageGeneration(seam_, layout_.snapshot(SnapshotId{9, 9}), layout_.generation(2))));
  EXPECT_FALSE(*DirectoryExists(seam_, layout_.generation(2)));
}

TEST_P(RestoreTest, PlantedRestoreKeepsSnapshotIndexLeavesTheOldOpId) {
  BugSet bugs;
  bugs.Plant(Bug::kRestoreKeepsSnapshotIndex);
  EXPECT_EQ(Restore(*live_, snapshot_, extra_, 9, bugs), restored_);
  EXPECT_EQ(Open(2)->applied(), Op(3));
}

TEST_P(RestoreTest, PlantedRestoreMergesRowsKeepsRowsBeyondTheSnapshot) {
  BugSet bugs;
  bugs.Plant(Bug::kRestoreMergesRows);
  Contents merged = restored_;
  merged[RowKey("live")] = "new";
  EXPECT_EQ(Restore(*live_, snapshot_, extra_, 9, bugs), merged);
}

TEST_P(RestoreTest, PlantedRequestTableNotInSnapshotForgetsRequests) {
  BugSet bugs;
  bugs.Plant(Bug::kRequestTableNotInSnapshot);
  Contents forgetful = restored_;
  forgetful.erase(StoreKey(KeySpace::kRequest, "new"));
  EXPECT_EQ(Restore(*live_, snapshot_, extra_, 9, bugs), forgetful);
}

TEST_P(RestoreTest, ReadAllChangesNothingAndSeesWhatIsDurable) {
  for (const std::string& directory : {snapshot_, live_->path()}) {
    const auto before = std::filesystem::last_write_time(directory);
    const std::vector<std::string> names = Names(directory);
    EXPECT_EQ(Read(directory).at(RowKey("both")), "old");
    EXPECT_EQ(Names(directory), names);
    EXPECT_EQ(std::filesystem::last_write_time(directory), before);
  }
  EXPECT_TRUE(VerifySnapshot(seam_, snapshot_).ok());
  EXPECT_TRUE(absl::IsNotFound(ReadAll(seam_, disk_.root() + "/nowhere").status()));
  EXPECT_FALSE(*DirectoryExists(seam_, disk_.root() + "/nowhere"));
  Commit(*live_, {{RowKey("more"), "1"}}, 10);  // the live store does not mind
  EXPECT_TRUE(live_->Flush().ok());
}

TEST_P(RestoreTest, ReadAllOfADamagedTableIsAnError) {
  const std::string copy = CopyOf(snapshot_);
  for (const std::string& name : Names(copy)) {
    if (!IsTableFile(name)) continue;
    std::string bytes = *ReadFile(seam_, copy + "/" + name);
    bytes[4] = static_cast<char>(bytes[4] ^ 1);
    ASSERT_TRUE(WriteFile(seam_, copy + "/" + name, bytes).ok());
  }
  EXPECT_TRUE(absl::IsDataLoss(ReadAll(seam_, copy).status()));
}

TEST_P(RestoreTest, ADirectoryShippedInSmallChunksArrivesWhole) {
  const std::vector<proto::FileInfo> files = *DescribeFiles(seam_, snapshot_);
  const std::string incoming = layout_.incoming(id_);
  ASSERT_TRUE(CreateDirectoryChain(seam_, incoming).ok());
  for (const proto::FileInfo& file : files) {
    uint64_t offset = 0;
    do {
      absl::StatusOr<std::string> chunk = ReadChunk(seam_, snapshot_ + "/" + file.name(), offset, 100);
      ASSERT_TRUE(chunk.ok());
      ASSERT_TRUE(WriteChunk(seam_, incoming + "/" + file.name(), offset, *chunk).ok());
      offset += chunk->size();
    } while (offset < file.size());
    EXPECT_FALSE(WriteChunk(seam_, incoming + "/" + file.name(), offset + 1, "out of order").ok());
  }
  EXPECT_TRUE(VerifyFiles(seam_, incoming, files).ok());
  EXPECT_TRUE(VerifySnapshot(seam_, incoming).ok());
  EXPECT_EQ(Read(incoming), Read(snapshot_));

  ASSERT_TRUE(WriteChunk(seam_, incoming + "/" + files[0].name(), files[0].size(), "x").ok());
  EXPECT_TRUE(absl::IsDataLoss(VerifyFiles(seam_, incoming, files)));
}

TEST_P(RestoreTest, APinnedDirectoryOutlivesItsSource) {
  const Contents before = Read(snapshot_);
  const std::string pinned = layout_.outgoing(1) + "/0";
  ASSERT_TRUE(LinkDirectory(seam_, snapshot_, pinned).ok());
  ASSERT_TRUE(RemoveTree(seam_, snapshot_).ok());
  EXPECT_TRUE(VerifySnapshot(seam_, pinned).ok());
  EXPECT_EQ(Read(pinned), before);
  EXPECT_TRUE(absl::IsNotFound(LinkDirectory(seam_, snapshot_, layout_.outgoing(2))));
}

}  // namespace
}  // namespace sut
