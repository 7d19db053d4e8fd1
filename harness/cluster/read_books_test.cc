#include "harness/cluster/read_books.h"

#include <gtest/gtest.h>

#include <string>

#include "harness/cluster/plan_shape.h"
#include "sut/base/ids.h"
#include "sut/storage/tablet_store.h"
#include "sut/tablet/markers.h"
#include "sut/tablet/session_table.h"

namespace holdfast {
namespace {

plan::Plan SmallPlan() {
  plan::Plan plan;
  plan.set_seed(7);
  plan.mutable_shape()->set_tables(1);
  plan.mutable_shape()->set_tablets_per_table(1);
  return plan;
}

// As the cluster writes them.
check::Rows RowsOf(const sut::StoreBatch& batch) {
  check::Rows rows;
  for (const sut::StoreBatch::Change& change : batch.changes()) {
    if (change.value) {
      rows[change.key] = *change.value;
    } else {
      rows.erase(change.key);
    }
  }
  return rows;
}

class ReadBooksTest : public ::testing::Test {
 protected:
  void Remember(uint32_t session, uint64_t sequence, uint64_t first_incomplete) {
    sut::proto::RequestId request;
    request.set_client(sut::Bytes(ids_.Session(session)));
    request.set_sequence(sequence);
    request.set_first_incomplete(first_incomplete);
    sessions_.Remember(request, {}, &batch_);
  }
  check::Rows Read() {
    const auto books = ReadBooks(RowsOf(batch_), ids_);
    EXPECT_TRUE(books.ok()) << books.status();
    return books.ok() ? books->facts() : check::Rows();
  }

  const PlanIds ids_{SmallPlan()};
  sut::SessionTable sessions_;
  sut::Markers markers_;
  sut::StoreBatch batch_;
};

TEST_F(ReadBooksTest, WhatTheClusterRemembersIsReadInWords) {
  Remember(/*session=*/0, /*sequence=*/4, /*first_incomplete=*/3);
  Remember(1, 300, 300);
  sessions_.Close(ids_.Session(1), &batch_);
  sut::proto::SnapshotMarker snapshot;
  snapshot.set_state(sut::proto::SnapshotMarker::DROPPED);
  markers_.Put(ids_.Snapshot(5), snapshot, &batch_);
  markers_.Put(ids_.Restoration(6), sut::proto::RestorationMarker(), &batch_);
  markers_.PutClosed({}, &batch_);
  EXPECT_EQ(Read(), (check::Rows{{"lower bound of client 1", "3"},
                                 {"request 4 of client 1", "remembered"},
                                 {"lower bound of client 2", "300"},
                                 {"request 300 of client 2", "remembered"},
                                 {"session of client 2", "closed"},
                                 {"snapshot 5", "removed"},
                                 {"restoration 6", "restored"},
                                 {"tablet", "closed"}}));
}

TEST_F(ReadBooksTest, WhatIsForgottenIsNotThere) {
  Remember(0, 4, 4);
  Remember(0, 6, 5);
  EXPECT_EQ(Read(), (check::Rows{{"lower bound of client 1", "5"}, {"request 6 of client 1", "remembered"}}));
}

TEST_F(ReadBooksTest, WhatDoesNotParseIsDamage) {
  for (const std::string& key :
       {std::string("q"), std::string("cshort"), "mx" + std::string(16, 'i'), std::string("?")}) {
    EXPECT_TRUE(absl::IsDataLoss(ReadBooks({{key, "value"}}, ids_).status())) << key;
  }
}

}  // namespace
}  // namespace holdfast
