// A table whose footer, metaindex or properties were damaged never gets into RocksDB.

#include "sut/storage/table_check.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rocksdb/env.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/directory.h"
#include "sut/storage/tablet_store.h"
#include "sut/storage/test_disk.h"

namespace sut {
namespace {

constexpr size_t kFooterBytes = 53;

class TableCheckTest : public testing::Test {
 protected:
  TableCheckTest() {
    auto store = TabletStore::Open(disk_.seam(), path_, {.bugs = {}, .create = true});
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

TEST_F(TableCheckTest, AWholeTableIsNotDamaged) {
  const std::string contents = Read(Table());
  EXPECT_FALSE(IsDamaged({contents, 0}));
  EXPECT_FALSE(IsDamaged({std::string_view(contents).substr(10), 10}));
  EXPECT_TRUE(Reopen().ok());
}

TEST_F(TableCheckTest, AFooterThatLostTheKindOfItsChecksumsIsDamaged) {
  const std::string table = Table();
  std::string contents = Read(table);
  for (const char kind : {0, 2, 3, 4, 5, 127}) {
    contents[contents.size() - kFooterBytes] = kind;
    EXPECT_TRUE(IsDamaged({contents, 0}));
  }
  contents[contents.size() - kFooterBytes] = 0;
  Write(table, contents);
  EXPECT_TRUE(absl::IsDataLoss(Reopen()));
}

TEST_F(TableCheckTest, NoBitOfThePropertiesAndTheirIndexIsTakenOnTrust) {
  const std::string contents = Read(Table());
  const size_t begin = contents.find("rocksdb.block.based.table.index.type");  // the first property but one
  ASSERT_LT(begin, contents.size());
  for (size_t i = begin; i < contents.size() - kFooterBytes + 3; ++i) {
    std::string damaged = contents;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    EXPECT_TRUE(IsDamaged({damaged, 0})) << "byte " << i << " of " << contents.size();
  }
}

TEST_F(TableCheckTest, NoBitOfATableEndsTheProcess) {
  const std::string table = Table();
  const std::string contents = Read(table);
  size_t refused = 0;
  for (size_t i = 0; i < contents.size(); ++i) {
    std::string damaged = contents;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    Write(table, damaged);
    if (!ReadAll(disk_.seam(), path_).ok()) ++refused;
  }
  EXPECT_GT(refused, contents.size() / 2);  // the rest is padding, and what nobody reads
}

TEST_F(TableCheckTest, WhatACrashLeftBehindIsNobodysDamage) {
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
