// The catalogue in the store is the catalogue in memory; what was not committed has left no trace; damage is never
// taken for an empty catalogue.

#include "sut/master/catalogue.h"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <memory>
#include <string>

#include "sut/base/check.h"
#include "sut/master/catalogue_commands.h"

namespace sut {
namespace {

using namespace commands;  // NOLINT: short names for what a test is made of

std::string Text(const CatalogueState& state) {
  std::string text;
  for (const auto& [id, table] : state.tables) text += table.ShortDebugString() + "\n";
  for (const auto& [id, snapshot] : state.snapshots) text += snapshot.ShortDebugString() + "\n";
  for (const auto& [id, restoration] : state.restorations) text += restoration.ShortDebugString() + "\n";
  return text;
}

class CatalogueTest : public ::testing::Test {
 protected:
  CatalogueTest() : env_(rocksdb::NewMemEnv(rocksdb::Env::Default())) {
    const auto opened = TabletStore::Open(StorageSeam{.env = env_.get(), .drain_background = {}}, "/store",
                                          TabletStore::OpenOptions{.bugs = {}, .create = true});
    SUT_CHECK(opened.ok(), opened.status().ToString());
    store_ = *opened;
  }
  // As a replica does it: apply, commit together with the op id, tell.
  proto::Reply Do(const proto::CatalogueCommand& change) {
    proto::Command command;
    *command.mutable_catalogue() = change;
    StoreBatch batch;
    const OpId op{Term{1}, Index{++index_}};
    const auto reply = catalogue_.Apply(command, op, HybridTime{}, *store_, &batch);
    EXPECT_TRUE(reply.ok());
    EXPECT_TRUE(store_->Commit(batch, op).ok());
    catalogue_.Committed();
    return *reply;
  }

  std::unique_ptr<rocksdb::Env> env_;
  std::shared_ptr<TabletStore> store_;
  Catalogue catalogue_{BugSet{}};
  uint64_t index_ = 0;
};

TEST_F(CatalogueTest, WhatIsLoadedIsWhatWasApplied) {
  EXPECT_EQ(Do(CreateTable(1, 2)).code(), proto::OK);
  EXPECT_EQ(Do(CreateSnapshot(1, {1})).code(), proto::OK);
  Do(SnapshotDone(1, Tablet(1, 0), proto::SnapshotInfo::CREATING));
  Do(SnapshotDone(1, Tablet(1, 1), proto::SnapshotInfo::CREATING));
  EXPECT_EQ(Do(Restore(1, 1)).code(), proto::OK);
  EXPECT_EQ(Do(DeleteSnapshot(9)).code(), proto::NOT_FOUND);

  Catalogue loaded{BugSet{}};
  ASSERT_TRUE(loaded.Load(*store_).ok());
  EXPECT_EQ(Text(loaded.state()), Text(catalogue_.state()));
  EXPECT_EQ(loaded.state().restorations.size(), 1u);
}

TEST_F(CatalogueTest, ADamagedRowIsAnErrorAndLeavesTheOldStateStanding) {
  Do(CreateTable(1, 1));
  StoreBatch rot;
  rot.Put(StoreKey(KeySpace::kRow, "t" + Bytes(Table(2))), "\xff\xff garbage");
  ASSERT_TRUE(store_->Commit(rot, OpId{Term{1}, Index{++index_}}).ok());
  EXPECT_EQ(catalogue_.Load(*store_).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(catalogue_.state().tables.size(), 1u);
}

TEST_F(CatalogueTest, AnEntryThatIsNotCommittedIsNotSeenAndCanBeAppliedAgain) {
  Do(CreateTable(1, 1));
  StoreBatch lost;
  EXPECT_EQ(catalogue_.ApplyCommand(CreateSnapshot(1, {1}), &lost).code(), proto::OK);
  EXPECT_TRUE(catalogue_.state().snapshots.empty());
  EXPECT_EQ(Do(CreateSnapshot(1, {1})).code(), proto::OK);
  EXPECT_EQ(catalogue_.state().snapshots.size(), 1u);
}

TEST_F(CatalogueTest, EveryChangeIsAnnouncedOnceAndRefusalsAreNot) {
  int announced = 0;
  catalogue_.set_on_changed([&] { ++announced; });
  Do(CreateTable(1, 1));
  const uint64_t version = catalogue_.version();
  EXPECT_EQ(announced, 1);
  Do(CreateTable(1, 1));   // a retry
  Do(DeleteSnapshot(1));   // refused
  catalogue_.Committed();  // of an entry that was no command
  EXPECT_EQ(announced, 1);
  EXPECT_EQ(catalogue_.version(), version);
  Do(CreateSnapshot(1, {1}));
  EXPECT_EQ(announced, 2);
  EXPECT_GT(catalogue_.version(), version);
}

TEST_F(CatalogueTest, ACommandForRowsIsRefused) {
  proto::Command command;
  command.mutable_write();
  StoreBatch batch;
  const auto reply = catalogue_.Apply(command, OpId{Term{1}, Index{1}}, HybridTime{}, *store_, &batch);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->code(), proto::BAD_REQUEST);
  EXPECT_TRUE(batch.empty());
}

}  // namespace
}  // namespace sut
