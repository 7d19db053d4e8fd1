// Each kind of damage strikes the part that it names, and no other.

#include "harness/run/backup_store.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::run {
namespace {

using Damaging = fault::BackupDamage;

BackupStore::Export ExportOf(const std::string& content) {
  BackupStore::Export exported;
  exported.tables = {0};
  exported.file = "file of " + content;
  for (uint32_t object = 0; object < 3; ++object) {
    exported.parts.push_back(
        {object, {{"metadata", "m"}, {"1.sst", content + " of tablet " + std::to_string(object)}}, {}});
  }
  return exported;
}

class BackupStoreTest : public ::testing::Test {
 protected:
  BackupStoreTest() {
    store_.Put(1, ExportOf("old"));
    store_.Put(2, ExportOf("new"));
  }
  void Damage(Damaging::Kind kind, uint32_t number = 2, uint32_t tablet = 1) {
    Damaging damage;
    damage.set_number(number);
    damage.set_kind(kind);
    damage.set_tablet(tablet);
    store_.Damage(damage, 77);
  }
  const DirectoryFiles& Now(size_t part) const { return store_.Find(2)->parts[part].files; }
  const DirectoryFiles& Sound(size_t part) const { return store_.Sound(2).parts[part].files; }

  BackupStore store_;
};

TEST_F(BackupStoreTest, DamageToTheFileLeavesTheDirectoriesAndTheOtherExportAsTheyAre) {
  for (const Damaging::Kind kind : {Damaging::FILE_TRUNCATED, Damaging::FILE_ROTTEN}) {
    Damage(kind);
    EXPECT_FALSE(store_.FileIsSound(2));
    EXPECT_TRUE(store_.FileIsSound(1));
    for (size_t part = 0; part < 3; ++part) EXPECT_EQ(Now(part), Sound(part));
    store_.Put(2, ExportOf("new"));
  }
}

TEST_F(BackupStoreTest, DamageToADirectoryLeavesTheOthersAndTheFileAsTheyAre) {
  for (const Damaging::Kind kind : {Damaging::DIRECTORY_MISSING, Damaging::DIRECTORY_TRUNCATED,
                                    Damaging::DIRECTORY_ROTTEN, Damaging::DIRECTORY_STALE}) {
    Damage(kind);
    EXPECT_TRUE(store_.FileIsSound(2));
    EXPECT_EQ(Now(0), Sound(0)) << kind;
    EXPECT_NE(Now(1), Sound(1)) << kind;
    EXPECT_EQ(Now(2), Sound(2)) << kind;
    store_.Put(2, ExportOf("new"));
  }
}

TEST_F(BackupStoreTest, SwappedAndStaleDirectoriesAreWholeOnesOfOthers) {
  Damage(Damaging::DIRECTORIES_SWAPPED, 2, 2);
  EXPECT_EQ(Now(2), Sound(0));
  EXPECT_EQ(Now(0), Sound(2));
  Damage(Damaging::DIRECTORY_STALE);
  EXPECT_EQ(Now(1), store_.Sound(1).parts[1].files);
}

TEST_F(BackupStoreTest, WhatThereIsNotCantBeDamaged) {
  Damage(Damaging::FILE_ROTTEN, 9);
  Damage(Damaging::DIRECTORY_STALE, 1);  // nothing is older
  EXPECT_EQ(store_.Find(9), nullptr);
  EXPECT_EQ(store_.Find(1)->parts[1].files, store_.Sound(1).parts[1].files);
}

}  // namespace
}  // namespace holdfast::run
