// The master's front refuses what is malformed before anything is appended, proposes what is well-formed under the
// client's request id, and lists what is committed, with nothing published early.

#include "sut/master/master_service.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "sut/master/catalogue_commands.h"
#include "sut/master/fake_master_group.h"
#include "sut/master/manual_time.h"

namespace sut {
namespace {

using namespace commands;  // NOLINT: short names for what a test is made of

proto::Request Change(const proto::CatalogueCommand& change) {
  proto::Request request;
  request.mutable_id()->set_client(Bytes(ClientId{1, 2}));
  request.mutable_id()->set_sequence(8);
  request.mutable_id()->set_first_incomplete(6);
  request.set_attempt(3);
  request.set_tablet(Bytes(kMasterTablet));
  *request.mutable_catalogue() = change;
  return request;
}

class MasterServiceTest : public ::testing::Test {
 protected:
  // The reply, if there is one before the group commits.
  std::optional<proto::Reply> Handle(const proto::Request& request) {
    const auto answer = std::make_shared<std::optional<proto::Reply>>();  // a late answer finds it still there
    service_.Handle(request, [answer](proto::Reply reply) { *answer = std::move(reply); });
    return *answer;
  }
  proto::Reply List(bool snapshots) {
    proto::Request request;
    request.set_tablet(Bytes(kMasterTablet));
    if (snapshots) {
      request.mutable_list_snapshots();
    } else {
      request.mutable_list_tables();
    }
    return Handle(request).value();
  }

  ManualTime time_;
  Catalogue catalogue_{BugSet{}};
  FakeMasterGroup group_{&catalogue_};
  FakeSender sender_;
  CountingProbes probes_;
  MasterService service_{NodeOptions{}, MasterService::World{.group = &group_,
                                                             .catalogue = &catalogue_,
                                                             .clock = &time_,
                                                             .timers = &time_,
                                                             .sender = &sender_,
                                                             .probes = &probes_}};
};

TEST_F(MasterServiceTest, AChangeIsProposedUnderItsRequestIdAndAnsweredByItsApply) {
  std::optional<proto::Reply> answer;
  service_.Handle(Change(CreateSnapshot(1, {1})), [&](proto::Reply reply) { answer = std::move(reply); });
  EXPECT_FALSE(answer.has_value());
  ASSERT_EQ(group_.proposed(), 1u);
  EXPECT_EQ(group_.proposal(0).request().sequence(), 8u);
  EXPECT_EQ(group_.proposal(0).request().first_incomplete(), 6u);
  group_.CommitAll();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->code(), proto::NOT_FOUND);
  EXPECT_EQ(answer->id().sequence(), 8u);
  EXPECT_EQ(answer->attempt(), 3u);
}

TEST_F(MasterServiceTest, AFollowerRefusesChangesAndLists) {
  group_.Follow(2);
  EXPECT_EQ(Handle(Change(CreateTable(1, 1)))->code(), proto::NOT_LEADER);
  const proto::Reply listed = List(true);
  EXPECT_EQ(listed.code(), proto::NOT_LEADER);
  EXPECT_FALSE(listed.has_snapshots());
}

TEST_F(MasterServiceTest, WellFormedTablesAreProposed) {
  for (const uint32_t tablets : {1u, 3u, 7u}) {
    group_.LoseAll(proto::UNAVAILABLE);
    Handle(Change(CreateTable(1, tablets)));
    EXPECT_EQ(group_.proposed(), 1u) << tablets;
  }
}

TEST_F(MasterServiceTest, MalformedTablesAreRefusedBeforeTheLog) {
  using Spoil = std::function<void(proto::TableInfo*)>;
  const std::vector<Spoil> spoils = {
      [](proto::TableInfo* t) { t->set_id("short"); },
      [](proto::TableInfo* t) { t->set_id(std::string(16, '\0')); },
      [](proto::TableInfo* t) { t->clear_name(); },
      [](proto::TableInfo* t) { t->clear_keyspace(); },
      [](proto::TableInfo* t) { t->set_state(proto::TableInfo::RUNNING); },
      [](proto::TableInfo* t) { t->clear_tablets(); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->set_id(t->id() + "x"); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->set_id(Bytes(kMasterTablet)); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->set_id(t->tablets(1).id()); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->set_hash_begin(1); },
      [](proto::TableInfo* t) { t->mutable_tablets(1)->set_hash_begin(t->tablets(1).hash_begin() + 1); },
      [](proto::TableInfo* t) { t->mutable_tablets(1)->set_hash_begin(t->tablets(1).hash_begin() - 1); },
      [](proto::TableInfo* t) { t->mutable_tablets(2)->set_hash_end(65535); },
      [](proto::TableInfo* t) { t->mutable_tablets(2)->set_hash_end(65537); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->clear_replicas(); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->mutable_replicas(0)->set_replica(2); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->mutable_replicas(0)->set_node(2); },
      [](proto::TableInfo* t) { t->mutable_tablets(0)->mutable_replicas(0)->set_node(0); },
  };
  for (size_t i = 0; i < spoils.size(); ++i) {
    proto::CatalogueCommand change = CreateTable(1, 3);
    spoils[i](change.mutable_create_table()->mutable_table());
    const auto answer = Handle(Change(change));
    ASSERT_TRUE(answer.has_value()) << "spoil " << i;
    EXPECT_EQ(answer->code(), proto::BAD_REQUEST) << "spoil " << i;
    EXPECT_FALSE(answer->message().empty());
  }
  EXPECT_EQ(group_.proposed(), 0u);
}

TEST_F(MasterServiceTest, MalformedSnapshotChangesAreRefusedBeforeTheLog) {
  std::vector<proto::CatalogueCommand> changes(6);
  changes[0] = CreateSnapshot(1, {});
  changes[1] = CreateSnapshot(1, {2, 2});
  changes[2] = CreateSnapshot(1, {2});
  changes[2].mutable_create_snapshot()->set_id("../../etc/passwd!");
  changes[3].mutable_delete_snapshot();
  changes[4] = Restore(1, 1);
  changes[4].mutable_restore_snapshot()->clear_restoration();
  // changes[5] names no operation at all.
  for (size_t i = 0; i < changes.size(); ++i) {
    const auto answer = Handle(Change(changes[i]));
    ASSERT_TRUE(answer.has_value()) << i;
    EXPECT_EQ(answer->code(), proto::BAD_REQUEST) << i;
  }
  EXPECT_EQ(group_.proposed(), 0u);
}

TEST_F(MasterServiceTest, ClientsMayNotSpeakForTheCoordinator) {
  for (const auto& change :
       {SnapshotDone(1, Tablet(1, 0), proto::SnapshotInfo::CREATING), FailSnapshot(1), TableRunning(1)}) {
    EXPECT_EQ(Handle(Change(change))->code(), proto::BAD_REQUEST);
  }
}

TEST_F(MasterServiceTest, AChangeNeedsAProperRequestId) {
  proto::Request request = Change(CreateTable(1, 1));
  request.mutable_id()->set_sequence(0);
  EXPECT_EQ(Handle(request)->code(), proto::BAD_REQUEST);
  request = Change(CreateTable(1, 1));
  request.mutable_id()->set_first_incomplete(9);
  EXPECT_EQ(Handle(request)->code(), proto::BAD_REQUEST);
  request = Change(CreateTable(1, 1));
  request.mutable_id()->set_client("me");
  EXPECT_EQ(Handle(request)->code(), proto::BAD_REQUEST);
}

TEST_F(MasterServiceTest, WhatIsNotForTheMasterIsRefused) {
  proto::Request request = Change(CreateTable(1, 1));
  request.set_tablet(Bytes(Tablet(1, 0)));
  EXPECT_EQ(Handle(request)->code(), proto::BAD_REQUEST);
  request = Change(CreateTable(1, 1));
  request.mutable_write();
  EXPECT_EQ(Handle(request)->code(), proto::BAD_REQUEST);
}

TEST_F(MasterServiceTest, ListsShowWhatIsCommitted) {
  group_.Change(CreateTable(1, 2));
  group_.Change(CreateSnapshot(1, {1}));
  proto::Reply listed = List(false);
  ASSERT_EQ(listed.tables().tables_size(), 1);
  EXPECT_EQ(listed.tables().tables(0).name(), "t1");
  listed = List(true);
  ASSERT_EQ(listed.snapshots().snapshots_size(), 1);
  EXPECT_EQ(listed.snapshots().snapshots(0).state(), proto::SnapshotInfo::CREATING);
}

TEST_F(MasterServiceTest, ASnapshotThatIsGoingToFailIsListedAsCreatingUntilItHas) {
  group_.Change(CreateTable(1, 2));
  group_.Change(CreateSnapshot(1, {1}));
  group_.Change(FailSnapshot(1));
  group_.Change(SnapshotDone(1, Tablet(1, 0), proto::SnapshotInfo::FAILING));
  proto::Reply listed = List(true);
  EXPECT_EQ(listed.snapshots().snapshots(0).state(), proto::SnapshotInfo::CREATING);
  EXPECT_FALSE(listed.snapshots().snapshots(0).tablets(0).done());
  group_.Change(SnapshotDone(1, Tablet(1, 1), proto::SnapshotInfo::FAILING));
  listed = List(true);
  EXPECT_EQ(listed.snapshots().snapshots(0).state(), proto::SnapshotInfo::FAILED);
}

TEST_F(MasterServiceTest, ACommittedChangeSetsTheCoordinatorToWork) {
  group_.Change(CreateTable(1, 1));
  EXPECT_TRUE(sender_.sent.empty());  // never inside the apply loop
  time_.Advance(1);
  EXPECT_EQ(sender_.sent.size(), 3u);
}

}  // namespace
}  // namespace sut
