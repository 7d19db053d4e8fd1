// The search judges any specification: here a queue, which is none of Holdfast's own.
#include "harness/check/search.h"

#include <deque>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace holdfast::check {
namespace {

struct QueueCall {
  bool push = false;
  int value = 0;  // pushed, or popped
};

class Queue {
 public:
  explicit Queue(std::vector<QueueCall> calls) : calls_(std::move(calls)) {}

  bool Apply(uint32_t operation) {
    const QueueCall& call = calls_[operation];
    if (!call.push && (values_.empty() || values_.front() != call.value)) return false;
    if (call.push) {
      values_.push_back(call.value);
    } else {
      values_.pop_front();
    }
    applied_.push_back(operation);
    return true;
  }
  void Undo() {
    const QueueCall& call = calls_[applied_.back()];
    applied_.pop_back();
    if (call.push) {
      values_.pop_back();
    } else {
      values_.push_front(call.value);
    }
  }
  uint64_t Hash() const {
    uint64_t hash = 17;
    for (const int value : values_) hash = hash * 1000003 + static_cast<uint64_t>(value);
    return hash;
  }
  bool ReadsOnly(uint32_t) const { return false; }
  uint32_t Partition(uint32_t) const { return 0; }
  std::string Describe() const { return std::to_string(values_.size()) + " values"; }

 private:
  std::vector<QueueCall> calls_;
  std::deque<int> values_;
  std::vector<uint32_t> applied_;
};

SearchResult Judge(std::vector<QueueCall> operations, std::vector<SearchCall> calls) {
  Queue queue(std::move(operations));
  const Limits limits;
  Meter meter(limits, 1'000'000);
  return Search<Queue>(&queue, std::move(calls), &meter).Run();
}

TEST(SearchTest, OverlappingPushesMayTakeEitherOrder) {
  const SearchResult result = Judge({{true, 1}, {true, 2}, {false, 2}, {false, 1}},
                                    {{0, 0, 3}, {1, 1, 2}, {2, 4, 5}, {3, 6, 7}});
  EXPECT_EQ(result.verdict, Verdict::kPass);
  EXPECT_EQ(result.order, (std::vector<uint32_t>{1, 0, 2, 3}));
}

TEST(SearchTest, PushesOneAfterTheOtherKeepTheirOrder) {
  const SearchResult result = Judge({{true, 1}, {true, 2}, {false, 2}, {false, 1}},
                                    {{0, 0, 1}, {1, 2, 3}, {2, 4, 5}, {3, 6, 7}});
  EXPECT_EQ(result.verdict, Verdict::kFail);
  EXPECT_EQ(result.order, (std::vector<uint32_t>{0, 1}));
}

TEST(SearchTest, WhatMayNeverHaveHappenedIsUsedOnlyWhereNeeded) {
  const std::vector<SearchCall> calls = {{0, 0, 1000, true}, {1, 1, 2}, {2, 3, 4}};
  EXPECT_EQ(Judge({{true, 1}, {true, 2}, {false, 2}}, calls).order, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(Judge({{true, 1}, {true, 2}, {false, 1}}, calls).order, (std::vector<uint32_t>{0, 1, 2}));
}

TEST(SearchTest, HintsChooseTheFirstOrderAndNothingElse) {
  // Two orders are right; the hints choose.
  EXPECT_EQ(Judge({{true, 1}, {true, 2}}, {{0, 0, 3, false, 9}, {1, 1, 2, false, 5}}).order,
            (std::vector<uint32_t>{1, 0}));
  // False hints cost time only.
  const SearchResult result = Judge({{true, 1}, {true, 2}, {false, 1}},
                                    {{0, 0, 3, false, 9}, {1, 1, 2, false, 5}, {2, 4, 5, false, 1}});
  EXPECT_EQ(result.verdict, Verdict::kPass);
}

}  // namespace
}  // namespace holdfast::check
