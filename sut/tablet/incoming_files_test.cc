// What an interrupted install leaves to the next one. Property: exactly the files that are offered again, as they are
// offered, are kept.

#include "sut/tablet/incoming_files.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/directory.h"
#include "sut/storage/test_disk.h"
#include "sut/tablet/shipped_directory.h"
#include "sut/tablet/test_group.h"

namespace sut {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class IncomingFilesTest : public testing::Test {
 protected:
  IncomingFilesTest() {
    proto::ShippedDirectory* rows = offer_.add_directories();
    *rows->add_files() = File("CURRENT", "12345");
    *rows->add_files() = File("LOCK", "");
    *rows->add_files() = File("MANIFEST", "version two");
    proto::ShippedDirectory* snapshot = offer_.add_directories();
    snapshot->set_snapshot(TestId(1));
    *snapshot->add_files() = File("000007.sst", "table");
    *snapshot->add_files() = File("000008.sst", "another table");
  }
  static proto::FileInfo File(const std::string& name, const std::string& contents) {
    proto::FileInfo file;
    file.set_name(name);
    file.set_size(contents.size());
    file.set_crc32c(Crc32c(contents));
    return file;
  }
  std::string Path(int directory) const {
    return absl::StrCat(layout_.incoming(), "/", ShippedName(offer_.directories(directory)));
  }
  void Write(const std::string& directory, const std::string& name, const std::string& contents) {
    ASSERT_TRUE(CreateDirectoryChain(disk_.seam(), directory).ok());
    ASSERT_TRUE(WriteChunk(disk_.seam(), absl::StrCat(directory, "/", name), 0, contents).ok());
  }
  OfferedFiles Prepare() { return *PrepareIncoming(disk_.seam(), layout_, offer_); }
  std::vector<std::string> Names(const std::string& directory) { return *ListDirectory(disk_.seam(), directory); }

  TestDisk disk_{TestDisk::Threads::kNone};
  const ReplicaLayout layout_{NodeLayout(disk_.root(), NodeId{1}), TableId{1, 2}, TabletId{3, 4}};
  proto::InstallOffer offer_;
};

TEST_F(IncomingFilesTest, AFirstSessionFindsOnlyTheEmptyFiles) {
  EXPECT_THAT(Prepare(), ElementsAre(OfferedFiles::value_type{0, 1}));
  EXPECT_THAT(Names(Path(0)), ElementsAre("LOCK"));
  EXPECT_THAT(Names(Path(1)), IsEmpty());
}

TEST_F(IncomingFilesTest, WhatIsOfferedAgainIsKept) {
  Write(Path(0), "CURRENT", "12345");
  Write(Path(1), "000008.sst", "another table");
  EXPECT_THAT(Prepare(), ElementsAre(OfferedFiles::value_type{0, 0}, OfferedFiles::value_type{0, 1},
                                     OfferedFiles::value_type{1, 1}));
  EXPECT_EQ(*ReadFile(disk_.seam(), Path(1) + "/000008.sst"), "another table");
  EXPECT_EQ(Prepare().size(), 3u) << "again";
}

TEST_F(IncomingFilesTest, WhatIsCutShortDamagedOrOfAnotherOfferIsRemoved) {
  Write(Path(0), "MANIFEST", "version");
  Write(Path(0), "LOCK", "no more empty");
  Write(Path(1), "000007.sst", "tablE");
  Write(Path(1), "000009.sst", "table");
  Write(absl::StrCat(layout_.incoming(), "/", Hex(SnapshotId{5, 6})), "000007.sst", "table");
  EXPECT_THAT(Prepare(), ElementsAre(OfferedFiles::value_type{0, 1}));
  EXPECT_THAT(Names(Path(0)), ElementsAre("LOCK"));
  EXPECT_EQ(*ReadFile(disk_.seam(), Path(0) + "/LOCK"), "");
  EXPECT_THAT(Names(Path(1)), IsEmpty());
  EXPECT_EQ(Names(layout_.incoming()).size(), 2u);
}

}  // namespace
}  // namespace sut
