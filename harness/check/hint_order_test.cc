#include "harness/check/hint_order.h"

#include <algorithm>
#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "harness/check/brute_force.h"
#include "harness/check/random_history.h"
#include "harness/history/jsonl.h"
#include "harness/history/recorder.h"

namespace holdfast::check {
namespace {

using history::History;
using history::Kind;
using history::Operation;

bool IsLinearization(const History& history) {
  const std::vector<ObjectOperations> objects = OperationsByObject(history);
  return std::all_of(objects.begin(), objects.end(), [&history](const ObjectOperations& object) {
    return HintOrderIsLinearization(history, object.positions);
  });
}

class HintOrder : public ::testing::Test {
 protected:
  void Do(Kind kind, const std::string& key, const std::string& value, int64_t index) {
    history::Call call;
    call.kind = kind;
    call.key = key;
    call.value = value;
    const size_t position = recorder_.Invoke(call);
    recorder_.Ok(position, {});
    recorder_.SetHint(position, {index, 1, 0});
  }
  // A snapshot that is dropped twice, with a write between the two; both are told of by the same entry of the log.
  void DropTwice() {
    Do(Kind::kSnapshot, "s", "", 1);
    Do(Kind::kDrop, "s", "", 2);
    Do(Kind::kPut, "a", "1", 3);
    Do(Kind::kDrop, "s", "", 2);
  }
  history::Recorder recorder_;
};

TEST_F(HintOrder, ADropOfWhatWasDroppedBeforeStandsWhereItWasAsked) {
  DropTwice();
  Do(Kind::kPut, "a", "2", 4);
  EXPECT_TRUE(IsLinearization(recorder_.history()));
}

TEST_F(HintOrder, AnythingElseThatWasInvokedAfterItsPlaceIsNoCertificate) {
  DropTwice();
  Do(Kind::kPut, "a", "2", 2);
  EXPECT_FALSE(IsLinearization(recorder_.history()));
}

// Of a snapshot that is dropped again, the drop is told of by the entry of the first drop, as a tablet tells it.
void TellRepeatedDropsOfTheFirst(History* history) {
  std::map<history::Symbol, history::OpId> first;
  for (Operation& op : history->operations) {
    if (op.kind != Kind::kDrop || !op.hint.known()) continue;
    op.hint = first.try_emplace(op.key, op.hint).first->second;
  }
}

TEST(HintOrderProperty, WhatItCertifiesIsLinearizable) {
  int certified = 0, refuted = 0;
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    RandomHistoryOptions options;
    options.operations = 7;
    History history = RandomHistory(options, seed).Make();
    TellRepeatedDropsOfTheFirst(&history);
    const bool truth = BruteForce(history, Model::kSnapshotMap, history::kAbsent).Linearizable();
    refuted += truth ? 0 : 1;
    if (!IsLinearization(history)) continue;
    ++certified;
    ASSERT_TRUE(truth) << "seed " << seed << "\n" << history::ToJsonl(history, {});
  }
  EXPECT_GT(certified, 1'000);
  EXPECT_GT(refuted, 1'000);
}

}  // namespace
}  // namespace holdfast::check
