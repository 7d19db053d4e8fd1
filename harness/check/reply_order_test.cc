// Replies whose op ids go back in real time are found; those of operations that overlap are free.

#include "harness/check/reply_order.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harness/history/recorder.h"

namespace holdfast::check {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using history::Kind;

class ReplyOrderTest : public ::testing::Test {
 protected:
  size_t Invoke(Kind kind, uint32_t object = 0) {
    history::Call call;
    call.kind = kind;
    call.object = object;
    call.key = "a";
    call.value = "1";
    return recorder_.Invoke(call);
  }
  void End(size_t position, int64_t index) {
    history::Reply reply;
    reply.hint = {index, 1, 0};
    recorder_.Ok(position, reply);
  }
  void Do(Kind kind, int64_t index, uint32_t object = 0) { End(Invoke(kind, object), index); }
  std::vector<Violation> Found() const { return CheckReplyOrder(recorder_.history()); }

  history::Recorder recorder_;
};

TEST_F(ReplyOrderTest, AcceptsWhatGoesForward) {
  Do(Kind::kPut, 2);
  Do(Kind::kGet, 2);
  Do(Kind::kScan, 2);
  Do(Kind::kPut, 3);
  Do(Kind::kGet, 5);
  Do(Kind::kPut, 1, 1);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(ReplyOrderTest, RejectsAReadBehindAWriteThatHadEnded) {
  Do(Kind::kPut, 2);
  Do(Kind::kGet, 1);
  ASSERT_THAT(Found(), SizeIs(1));
  EXPECT_THAT(Found()[0].summary, HasSubstr("a read was served at index 1, after something at index 2"));
  EXPECT_THAT(Found()[0].evidence, SizeIs(2));
}

TEST_F(ReplyOrderTest, RejectsAReadBehindAnotherRead) {
  Do(Kind::kScan, 4);
  Do(Kind::kGet, 3);
  EXPECT_THAT(Found(), SizeIs(1));
}

TEST_F(ReplyOrderTest, RejectsAWriteInThePlaceOfWhatHadEnded) {
  Do(Kind::kGet, 4);
  Do(Kind::kPut, 4);
  EXPECT_THAT(Found(), SizeIs(1));
}

TEST_F(ReplyOrderTest, WhatOverlapsIsFree) {
  const size_t read = Invoke(Kind::kGet);
  Do(Kind::kPut, 2);
  End(read, 1);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(ReplyOrderTest, WhatHasNoReplyIsNotJudged) {
  Do(Kind::kPut, 2);
  const size_t lost = Invoke(Kind::kPut);
  recorder_.Indeterminate(lost);
  recorder_.SetHint(lost, {1, 1, 0});
  EXPECT_THAT(Found(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::check
