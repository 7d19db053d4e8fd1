// Placed directories: what was exported is told from anything else, and adopting is atomic and repeatable.

#include "sut/storage/placed.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr SnapshotId kSource{0, 7}, kTarget{0, 8};
constexpr TabletId kSourceTablet{0, 16}, kTargetTablet{0, 17};

class PlacedTest : public testing::Test {
 protected:
  PlacedTest() {
    auto opened = TabletStore::Open(seam_, source_layout_.generation(1), {.bugs = {}, .create = true});
    EXPECT_TRUE(opened.ok()) << opened.status();
    store_ = *opened;
    Commit("a", "1", 1);
    Commit("b", "2", 2);
    exported_ = Snapshot(kSource, kSourceTablet, 2);
    const auto contents = InspectSnapshotDirectory(seam_, exported_);
    EXPECT_TRUE(contents.ok()) << contents.status();
    EXPECT_EQ(contents->rows, 2u);
    source_.set_snapshot(Bytes(kSource));
    source_.set_tablet(Bytes(kSourceTablet));
    *source_.mutable_op() = contents->metadata.op();
    source_.set_rows(contents->rows);
    source_.set_rows_crc32c(contents->rows_crc32c);
  }
  void Commit(const std::string& key, const std::string& value, uint64_t index) {
    StoreBatch batch;
    batch.Put(StoreKey(KeySpace::kRow, key), value);
    ASSERT_TRUE(store_->Commit(batch, OpId{Term{1}, Index{index}}).ok());
  }
  static proto::SnapshotMetadata Metadata(SnapshotId id, TabletId tablet, uint64_t index) {
    proto::SnapshotMetadata metadata;
    metadata.set_snapshot(Bytes(id));
    metadata.set_tablet(Bytes(tablet));
    metadata.set_hash_end(100);
    metadata.mutable_op()->set_term(1);
    metadata.mutable_op()->set_index(index);
    return metadata;
  }
  // A snapshot of the store as it is, beside the target's directories.
  std::string Snapshot(SnapshotId id, TabletId tablet, uint64_t index) {
    const std::string path = absl::StrCat(disk_.root(), "/exported-", ++snapshots_);
    EXPECT_TRUE(store_->Flush().ok());
    EXPECT_TRUE(LinkFiles(seam_, *store_, path).ok());
    EXPECT_TRUE(WriteMetadata(seam_, path, Metadata(id, tablet, index)).ok());
    return path;
  }
  std::string Place(const std::string& from) {
    const std::string to = layout_.snapshot(kTarget);
    fs::remove_all(to);
    fs::create_directories(to);
    for (const auto& file : fs::directory_iterator(from))
      fs::copy_file(file.path(), fs::path(to) / file.path().filename());
    return to;
  }
  Adoption NewAdoption() { return Adoption(seam_, layout_, Metadata(kTarget, kTargetTablet, 9), source_); }
  static absl::Status Run(Adoption& adoption) {
    absl::Status status = adoption.Verify();
    if (status.ok()) status = adoption.WriteMetadata();
    return status.ok() ? adoption.Publish() : status;
  }
  absl::Status Check(const std::string& directory) {
    const auto contents = InspectSnapshotDirectory(seam_, directory);
    return contents.ok() ? CheckPlaced(*contents, {source_, 0, 100}) : contents.status();
  }

  TestDisk disk_{TestDisk::Threads::kNone};
  const StorageSeam seam_ = disk_.seam();
  const ReplicaLayout source_layout_{NodeLayout(disk_.root(), NodeId{1}), TableId{0, 5}, kSourceTablet};
  const ReplicaLayout layout_{NodeLayout(disk_.root(), NodeId{2}), TableId{0, 6}, kTargetTablet};
  std::shared_ptr<TabletStore> store_;
  std::string exported_;
  proto::SnapshotSource source_;
  int snapshots_ = 0;
};

TEST_F(PlacedTest, ACopyIsWhatWasExported) {
  const std::string placed = Place(exported_);
  EXPECT_TRUE(Check(placed).ok()) << Check(placed);
  EXPECT_TRUE(IsPlaced(seam_, placed, kTarget));
  EXPECT_FALSE(IsPlaced(seam_, exported_, kSource));
  EXPECT_FALSE(IsPlaced(seam_, layout_.snapshot(kSource), kSource));
}

TEST_F(PlacedTest, AnythingElseIsNot) {
  EXPECT_THAT(Check(Place(Snapshot(kSource, kTargetTablet, 2))).message(), HasSubstr("it is of tablet"));
  EXPECT_THAT(Check(Place(Snapshot(SnapshotId{0, 9}, kSourceTablet, 2))).message(), HasSubstr("it is of snapshot"));
  EXPECT_THAT(Check(Place(Snapshot(kSource, kSourceTablet, 3))).message(), HasSubstr("another log position"));
  Commit("b", "3", 3);
  EXPECT_THAT(Check(Place(Snapshot(kSource, kSourceTablet, 2))).message(), HasSubstr("rows are not those"));
  const auto contents = InspectSnapshotDirectory(seam_, exported_);
  EXPECT_THAT(CheckPlaced(*contents, {source_, 0, 99}).message(), HasSubstr("bounds"));
}

// Each file of the directory in turn: gone, shorter, with a bit flipped; and one too many.
TEST_F(PlacedTest, NoDamageGoesUnseenAndNoneIsAdopted) {
  const auto names = *ListDirectory(seam_, exported_);
  const auto refused = [this](const std::string& what) {
    Adoption adoption = NewAdoption();
    EXPECT_FALSE(Run(adoption).ok()) << what;
    EXPECT_FALSE(fs::exists(layout_.snapshot_tmp(kTarget))) << what;
  };
  refused("nothing is placed");
  for (const std::string& name : names) {
    const std::string file = absl::StrCat(Place(exported_), "/", name);
    fs::remove(file);
    refused("without " + name);
    Place(exported_);
    fs::resize_file(file, fs::file_size(file) - 1);
    refused("a shorter " + name);
    Place(exported_);
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(5);
    const char byte = static_cast<char>(bytes.get());
    bytes.seekp(5);
    bytes.put(static_cast<char>(byte ^ 16));
    bytes.close();
    refused("another bit in " + name);
  }
  std::ofstream(Place(exported_) + "/more.sst") << "x";
  refused("one file too many");
}

TEST_F(PlacedTest, AdoptingGivesItTheNewNameAndKeepsTheRows) {
  const std::string placed = Place(exported_);
  Adoption adoption = NewAdoption();
  ASSERT_TRUE(Run(adoption).ok());
  const auto contents = InspectSnapshotDirectory(seam_, placed);
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->metadata.snapshot(), Bytes(kTarget));
  EXPECT_EQ(contents->metadata.tablet(), Bytes(kTargetTablet));
  EXPECT_EQ(contents->metadata.op().index(), 9u);
  EXPECT_EQ(contents->rows_crc32c, source_.rows_crc32c());
  EXPECT_FALSE(IsPlaced(seam_, placed, kTarget));
  EXPECT_FALSE(fs::exists(layout_.snapshot_tmp(kTarget)));
  // What it was copied from is as it was.
  EXPECT_EQ(InspectSnapshotDirectory(seam_, exported_)->metadata.snapshot(), Bytes(kSource));
}

TEST_F(PlacedTest, AnAdoptionCutShortAnywhereIsRepeated) {
  for (int steps = 0; steps <= 3; ++steps) {
    const std::string placed = Place(exported_);
    Adoption first = NewAdoption();
    if (steps > 0) {
      ASSERT_TRUE(first.Verify().ok());
    }
    if (steps > 1) {
      ASSERT_TRUE(first.WriteMetadata().ok());
    }
    if (steps > 2) {
      ASSERT_TRUE(first.Publish().ok());
    }
    Adoption second = NewAdoption();
    ASSERT_TRUE(Run(second).ok()) << steps;
    const auto contents = InspectSnapshotDirectory(seam_, placed);
    ASSERT_TRUE(contents.ok()) << contents.status();
    EXPECT_EQ(contents->metadata.snapshot(), Bytes(kTarget));
    EXPECT_FALSE(fs::exists(layout_.snapshot_tmp(kTarget)));
  }
}

TEST_F(PlacedTest, OnlyWhatIsStillAsItWasPlacedIsRemovedAsSuch) {
  const std::string placed = Place(exported_);
  ASSERT_TRUE(RemovePlaced(seam_, layout_, {kSource}).ok());
  EXPECT_TRUE(fs::exists(placed));
  ASSERT_TRUE(RemovePlaced(seam_, layout_, {kTarget}).ok());
  EXPECT_FALSE(fs::exists(placed));
  Place(exported_);
  Adoption adoption = NewAdoption();
  ASSERT_TRUE(Run(adoption).ok());
  ASSERT_TRUE(RemovePlaced(seam_, layout_, {kTarget}).ok());
  EXPECT_TRUE(fs::exists(placed));
}

}  // namespace
}  // namespace sut
