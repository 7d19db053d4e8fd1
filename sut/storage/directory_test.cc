#include "sut/storage/directory.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/layout.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class DirectoryTest : public testing::Test {
 protected:
  TestDisk disk_{TestDisk::Threads::kNone};
  const StorageSeam seam_ = disk_.seam();
  const std::string root_ = disk_.root();
};

TEST_F(DirectoryTest, EachNewDirectoryIsSyncedInItsParent) {
  disk_.TakeSyncedDirectories();
  ASSERT_TRUE(CreateDirectoryChain(seam_, root_ + "/a/b/c").ok());
  EXPECT_THAT(disk_.TakeSyncedDirectories(), ElementsAre(ParentDirectory(root_), root_, root_ + "/a", root_ + "/a/b"));
}

TEST_F(DirectoryTest, ADirectoryThatACrashLeftUnsyncedIsSyncedByTheNextCall) {
  for (uint64_t mutations = 0; mutations < 7; ++mutations) {
    const std::string path = root_ + "/" + std::to_string(mutations) + "/b/c";
    disk_.DieAfter(mutations);
    EXPECT_EQ(CreateDirectoryChain(seam_, path).ok(), false);
    disk_.Revive();
    std::vector<std::string> synced = disk_.TakeSyncedDirectories();
    ASSERT_TRUE(CreateDirectoryChain(seam_, path).ok());
    for (std::string& more : disk_.TakeSyncedDirectories()) synced.push_back(std::move(more));
    for (std::string directory = path; directory != root_; directory = ParentDirectory(directory)) {
      EXPECT_THAT(synced, Contains(ParentDirectory(directory)));
    }
  }
}

TEST_F(DirectoryTest, RemoveTreeRemovesAllBelowAndSyncsTheParent) {
  ASSERT_TRUE(CreateDirectoryChain(seam_, root_ + "/a/b/c").ok());
  ASSERT_TRUE(CreateDirectoryChain(seam_, root_ + "/ab").ok());
  ASSERT_TRUE(WriteFile(seam_, root_ + "/a/b/file", "contents").ok());
  disk_.TakeSyncedDirectories();
  ASSERT_TRUE(RemoveTree(seam_, root_ + "/a").ok());
  EXPECT_THAT(disk_.TakeSyncedDirectories(), ElementsAre(root_));
  EXPECT_THAT(*ListDirectory(seam_, root_), ElementsAre("ab"));
}

TEST_F(DirectoryTest, RemovingWhatIsNotThereIsFine) {
  EXPECT_TRUE(RemoveTree(seam_, root_ + "/a").ok());
  EXPECT_TRUE(RemoveTree(seam_, root_ + "/a/b/c").ok());
}

TEST_F(DirectoryTest, AMissingDirectoryIsEmptyButADeadDiskIsAnError) {
  EXPECT_TRUE(ListDirectory(seam_, root_ + "/a")->empty());
  EXPECT_FALSE(*DirectoryExists(seam_, root_ + "/a"));
  disk_.DieAfter(0);
  EXPECT_FALSE(ListDirectory(seam_, root_).ok());
  EXPECT_FALSE(DirectoryExists(seam_, root_).ok());
  EXPECT_FALSE(RemoveTree(seam_, root_).ok());
  EXPECT_FALSE(SyncDirectory(seam_, root_).ok());
  EXPECT_FALSE(DescribeFiles(seam_, root_).ok());
  EXPECT_FALSE(LinkDirectory(seam_, root_, root_ + "/a").ok());
}

TEST_F(DirectoryTest, ACopyCanBeCutShort) {
  ASSERT_TRUE(WriteFile(seam_, root_ + "/a", std::string(100'000, 'x') + "tail").ok());
  ASSERT_TRUE(CopyFile(seam_, {.from = root_ + "/a", .to = root_ + "/whole"}).ok());
  ASSERT_TRUE(CopyFile(seam_, {.from = root_ + "/a", .to = root_ + "/short", .bytes_max = 99'999}).ok());
  EXPECT_EQ(*ReadFile(seam_, root_ + "/whole"), *ReadFile(seam_, root_ + "/a"));
  EXPECT_EQ(*ReadFile(seam_, root_ + "/short"), std::string(99'999, 'x'));
}

TEST_F(DirectoryTest, VerifyFilesWantsExactlyTheFilesDescribed) {
  const std::string path = root_ + "/a";
  ASSERT_TRUE(CreateDirectoryChain(seam_, path).ok());
  ASSERT_TRUE(WriteFile(seam_, path + "/one", "1").ok());
  ASSERT_TRUE(WriteFile(seam_, path + "/two", "").ok());
  const std::vector<proto::FileInfo> files = *DescribeFiles(seam_, path);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_TRUE(VerifyFiles(seam_, path, files).ok());
  EXPECT_TRUE(VerifyFiles(seam_, path, {files[1], files[0]}).ok()) << "in any order";
  EXPECT_TRUE(absl::IsDataLoss(VerifyFiles(seam_, path, {files[0]})));
  EXPECT_TRUE(absl::IsDataLoss(VerifyFiles(seam_, path, {files[0], files[0]})));
  EXPECT_TRUE(absl::IsDataLoss(VerifyFiles(seam_, path, {files[0], files[1], files[1]})));
  EXPECT_TRUE(absl::IsDataLoss(VerifyFiles(seam_, root_ + "/b", files)));
  ASSERT_TRUE(WriteFile(seam_, path + "/two", "2").ok());
  EXPECT_TRUE(absl::IsDataLoss(VerifyFiles(seam_, path, files)));
}

TEST_F(DirectoryTest, AChunkBeyondTheEndIsEmpty) {
  ASSERT_TRUE(WriteFile(seam_, root_ + "/a", "abcdef").ok());
  EXPECT_EQ(*ReadChunk(seam_, root_ + "/a", 4, 100), "ef");
  EXPECT_EQ(*ReadChunk(seam_, root_ + "/a", 6, 100), "");
  EXPECT_EQ(*ReadChunk(seam_, root_ + "/a", 7, 100), "");
  EXPECT_TRUE(absl::IsNotFound(ReadChunk(seam_, root_ + "/b", 0, 100).status()));
}

TEST(PlainFileNameTest, NoNameLeadsOutOfItsDirectory) {
  EXPECT_TRUE(IsPlainFileName("000012.sst"));
  EXPECT_TRUE(IsPlainFileName("..."));
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("/a"), std::string("../a"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(IsPlainFileName(name)) << name;
  }
}

TEST(Crc32cTest, AgreesWithPublishedValues) {
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);            // the check value of CRC-32C
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, appendix B.4
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Crc32cTest, ExtendingEqualsTheWhole) {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes.push_back(static_cast<char>(i * 37));
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    EXPECT_EQ(ExtendCrc32c(Crc32c(bytes.substr(0, cut)), bytes.substr(cut)), Crc32c(bytes));
  }
}

TEST(LayoutTest, NamesFollowTheTree) {
  const NodeLayout node("/root", NodeId{3});
  EXPECT_EQ(node.log_store(), "/root/node-3/disk-1/yb-data/tserver/raft-log");
  const ReplicaLayout replica(node, TableId{0, 1}, TabletId{0, 2});
  const std::string base =
      "/root/node-3/disk-1/yb-data/tserver/data/rocksdb/table-00000000000000000000000000000001/"
      "tablet-00000000000000000000000000000002";
  EXPECT_EQ(replica.generation(7), base + "/7");
  const SnapshotId id{0, 0xabc};
  EXPECT_EQ(replica.snapshot(id), base + ".snapshots/00000000000000000000000000000abc");
  EXPECT_EQ(replica.snapshot_tmp(id), replica.snapshot(id) + ".tmp");
  EXPECT_EQ(replica.snapshot_trash(id), replica.snapshot(id) + ".trash.tmp");
  EXPECT_EQ(replica.incoming(id), base + ".incoming/00000000000000000000000000000abc");
  EXPECT_EQ(replica.outgoing(5), base + ".outgoing/5");
}

}  // namespace
}  // namespace sut
