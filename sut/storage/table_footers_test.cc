// A table whose footer was damaged is missed by its store, and nothing is read with it.

#include "sut/storage/table_footers.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "sut/storage/directory.h"
#include "sut/storage/tablet_store.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Not;

constexpr size_t kFooterBytes = 53;

class TableFootersTest : public testing::Test {
 protected:
  TableFootersTest() {
    auto store = TabletStore::Open(disk_.seam(), path_, {.create = true});
    EXPECT_TRUE(store.ok()) << store.status();
    StoreBatch batch;
    batch.Put(StoreKey(KeySpace::kRow, "a"), "1");
    EXPECT_TRUE((*store)->Commit(batch, OpId{Term{1}, Index{1}}).ok());
    EXPECT_TRUE((*store)->Flush().ok());
  }
  std::vector<std::string> Names() { return *ListDirectory(disk_.seam(), path_); }
  // The path of the one table file.
  std::string Table() {
    for (const std::string& name : Names()) {
      if (name.ends_with(".sst")) return path_ + "/" + name;
    }
    ADD_FAILURE() << "no table file";
    return "";
  }
  std::string Read(const std::string& file) {
    std::string contents;
    EXPECT_TRUE(rocksdb::ReadFileToString(disk_.seam().env, file, &contents).ok());
    return contents;
  }
  void Write(const std::string& file, const std::string& contents) {
    EXPECT_TRUE(rocksdb::WriteStringToFile(disk_.seam().env, contents, file).ok());
  }
  absl::Status Reopen() { return TabletStore::Open(disk_.seam(), path_, {}).status(); }

  TestDisk disk_{TestDisk::Threads::kNone};
  const std::string path_ = disk_.root() + "/1";
};

TEST_F(TableFootersTest, AWholeTableStays) {
  EXPECT_FALSE(SaysNoChecksums(Read(Table()).substr(Read(Table()).size() - kFooterBytes)));
  EXPECT_TRUE(Reopen().ok());
}

TEST_F(TableFootersTest, ATableWhoseFooterLostTheKindOfItsChecksumsIsSetAside) {
  const std::string table = Table();
  std::string contents = Read(table);
  for (const char kind : {0, 1, 2, 3, 5, 127}) {
    contents[contents.size() - kFooterBytes] = kind;
    EXPECT_TRUE(SaysNoChecksums(std::string_view(contents).substr(contents.size() - kFooterBytes)));
  }
  contents[contents.size() - kFooterBytes] = 0;
  Write(table, contents);
  EXPECT_TRUE(absl::IsDataLoss(Reopen()));
  EXPECT_THAT(Names(), Contains(EndsWith(".sst.damaged")));
  EXPECT_THAT(Names(), Not(Contains(EndsWith(".sst"))));
}

TEST_F(TableFootersTest, WhatACrashLeftBehindIsNobodysDamage) {
  const std::string contents = Read(Table());
  Write(path_ + "/000991.sst", "");
  Write(path_ + "/000992.sst", contents.substr(0, contents.size() - 10));
  std::string torn = contents;
  torn[torn.size() - kFooterBytes] = 0;
  Write(path_ + "/000993.sst", torn);
  EXPECT_TRUE(Reopen().ok());
}

}  // namespace
}  // namespace sut
