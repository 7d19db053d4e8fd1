// A session reports ok and fail only for what is certain, and tries again under the same request id until the deadline.

#include "sut/client/session.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sut/base/prng.h"
#include "sut/client/session_fixture.h"

namespace sut {
namespace {

TEST_F(SessionTest, AnOkSettlesAndCarriesTheReply) {
  Start(Put());
  proto::Reply reply;
  reply.mutable_op()->set_index(12);
  const auto sent = transport_.TakeOne();
  Answer(sent, reply);
  EXPECT_EQ(OnlyOutcome(), Outcome::kOk);
  EXPECT_EQ(results_[0].reply.op().index(), 12u);
  EXPECT_EQ(results_[0].attempts, 1);
  EXPECT_EQ(session_->open_count(), 0u);
  EXPECT_EQ(sent.request.id().client(), Bytes(kClient));
  EXPECT_EQ(sent.request.tablet(), Bytes(kTablet));
}

TEST_F(SessionTest, ARefusalByApplySettlesAsFailWhateverWasUncertainBefore) {
  for (const proto::Code code :
       {proto::NOT_FOUND, proto::ALREADY_EXISTS, proto::WRONG_TYPE, proto::SNAPSHOT_NOT_COMPLETE,
        proto::SNAPSHOT_BEING_DELETED, proto::SNAPSHOT_DELETED, proto::RESTORATION_RUNNING, proto::BAD_REQUEST}) {
    results_.clear();
    Start(Put());
    transport_.TakeOne();
    time_.Advance(kAttempt);  // the first attempt is lost from sight
    Answer(transport_.TakeOne(), code);
    EXPECT_EQ(OnlyOutcome(), Outcome::kFail) << code;
    EXPECT_EQ(results_[0].reply.code(), code);
  }
}

TEST_F(SessionTest, EveryAttemptCarriesTheSameRequestIdAndItsOwnNumberAndIdentity) {
  Start(Put());
  const auto first = transport_.TakeOne();
  time_.Advance(kAttempt);
  const auto second = transport_.TakeOne();
  EXPECT_EQ(first.request.id().sequence(), second.request.id().sequence());
  EXPECT_EQ(first.request.attempt(), 1u);
  EXPECT_EQ(second.request.attempt(), 2u);
  EXPECT_NE(first.to, second.to);
  EXPECT_NE(first.identity.hash, second.identity.hash);
}

TEST_F(FinalRefusalSessionTest, AChangeFailsAtItsDeadlineIfEveryAttemptWasRefusedBeforeItWasAppended) {
  Start(Put(), kAttempt);
  while (results_.empty()) {
    for (const auto& sent : transport_.Take()) {
      Answer(sent, sent.request.attempt() % 2 == 0 ? proto::NOT_LEADER : proto::UNAVAILABLE);
    }
    time_.Advance(kPause);
  }
  EXPECT_EQ(OnlyOutcome(), Outcome::kFail);
  EXPECT_EQ(results_[0].attempts, kAttempt / kPause);
}

TEST_F(SessionTest, OverATransportThatDuplicatesNoRefusalProvesAnything) {
  Start(Put(), kAttempt);
  Answer(transport_.TakeOne(), proto::NOT_LEADER);
  transport_.Take();
  while (results_.empty()) {
    for (const auto& sent : transport_.Take()) Answer(sent, proto::NOT_LEADER);
    time_.Advance(kPause);
  }
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
  EXPECT_EQ(results_[0].reply.code(), proto::NOT_LEADER);
}

TEST_F(FinalRefusalSessionTest, OneAttemptThatTimedOutMakesLaterRefusalsProveNothing) {
  Start(Put(), 3 * kAttempt);
  transport_.TakeOne();
  time_.Advance(kAttempt);
  while (results_.empty()) {
    for (const auto& sent : transport_.Take()) Answer(sent, proto::NOT_LEADER);
    time_.Advance(kPause);
  }
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
}

TEST_F(FinalRefusalSessionTest, OneIndeterminateReplyMakesLaterRefusalsProveNothing) {
  Start(Put(), kAttempt);
  Answer(transport_.TakeOne(), proto::INDETERMINATE);
  time_.Advance(kPause);
  while (results_.empty()) {
    for (const auto& sent : transport_.Take()) Answer(sent, proto::UNAVAILABLE);
    time_.Advance(kPause);
  }
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
}

TEST_F(FinalRefusalSessionTest, ALateRefusalClearsTheAttemptThatTimedOut) {
  Start(Put(), 2 * kAttempt);
  const auto first = transport_.TakeOne();
  time_.Advance(kAttempt);
  Answer(transport_.TakeOne(), proto::NOT_LEADER);
  Answer(first, proto::NOT_LEADER);
  Answer(first, proto::NOT_LEADER);  // a duplicate clears nothing else
  while (results_.empty()) {
    for (const auto& sent : transport_.Take()) Answer(sent, proto::UNAVAILABLE);
    time_.Advance(kPause);
  }
  EXPECT_EQ(OnlyOutcome(), Outcome::kFail);
}

TEST_F(FinalRefusalSessionTest, AnAttemptInFlightAtTheDeadlineIsUncertain) {
  Start(Put(), kAttempt + kPause / 2);
  Answer(transport_.TakeOne(), proto::UNAVAILABLE);
  time_.Advance(kPause);
  EXPECT_EQ(transport_.Take().size(), 1u);  // and no answer to this one
  time_.Advance(kAttempt);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
}

TEST_F(SessionTest, AnIndeterminateReplyIsTriedAgainAndALaterOkSettles) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::INDETERMINATE);
  EXPECT_TRUE(results_.empty());
  time_.Advance(kPause);
  Answer(transport_.TakeOne(), proto::OK);
  EXPECT_EQ(OnlyOutcome(), Outcome::kOk);
  EXPECT_EQ(results_[0].attempts, 2);
}

TEST_F(SessionTest, ALateReplyOfAnEarlierAttemptSettles) {
  Start(Put());
  const auto first = transport_.TakeOne();
  time_.Advance(kAttempt);
  transport_.TakeOne();
  Answer(first, proto::OK);
  EXPECT_EQ(OnlyOutcome(), Outcome::kOk);
}

TEST_F(SessionTest, RepliesAfterTheEndAndForeignRepliesAreIgnored) {
  Start(Put(), kAttempt / 2);
  auto sent = transport_.TakeOne();
  auto foreign = sent;
  foreign.request.mutable_id()->set_client(Bytes(ClientId{9, 9}));
  Answer(foreign, proto::OK);
  auto unsent = sent;
  unsent.request.set_attempt(2);
  Answer(unsent, proto::OK);
  EXPECT_TRUE(results_.empty());
  time_.Advance(kAttempt);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
  Answer(sent, proto::OK);
  Answer(sent, proto::NOT_FOUND);
  EXPECT_EQ(results_.size(), 1u);
}

TEST_F(SessionTest, DuplicateRepliesSettleOnceAndRefusalsPauseOnce) {
  Start(Put());
  const auto sent = transport_.TakeOne();
  Answer(sent, proto::UNAVAILABLE);
  Answer(sent, proto::UNAVAILABLE);
  time_.Advance(kPause);
  const auto again = transport_.TakeOne();
  Answer(sent, proto::UNAVAILABLE);  // late: the attempt in flight goes on
  time_.Advance(kPause);
  EXPECT_TRUE(transport_.sent.empty());
  Answer(again, proto::OK);
  Answer(again, proto::OK);
  EXPECT_EQ(results_.size(), 1u);
}

TEST_F(SessionTest, AClosedSessionIsUncertainSinceItMayHaveForgottenWhatItDid) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::SESSION_CLOSED);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
}

TEST_F(FinalRefusalSessionTest, AClosedSessionFailsAChangeOfWhichNothingElseWasSent) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::SESSION_CLOSED);
  EXPECT_EQ(OnlyOutcome(), Outcome::kFail);
  results_.clear();
  Start(Put());
  transport_.TakeOne();
  time_.Advance(kAttempt);
  Answer(transport_.TakeOne(), proto::SESSION_CLOSED);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
}

TEST_F(FinalRefusalSessionTest, AChangeOfATabletThatIsGoneFailsUnlessAnEarlierAttemptMayHaveHadEffect) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::TABLET_GONE);
  EXPECT_EQ(OnlyOutcome(), Outcome::kFail);
  results_.clear();
  Start(Put());
  transport_.TakeOne();
  time_.Advance(kAttempt);
  Answer(transport_.TakeOne(), proto::TABLET_GONE);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
  results_.clear();
  Start(Get());
  Answer(transport_.TakeOne(), proto::TABLET_GONE);
  EXPECT_EQ(OnlyOutcome(), Outcome::kFail);
}

TEST_F(FinalRefusalSessionTest, AStaleReplyIsUncertain) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::STALE_REQUEST);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
}

TEST_F(FinalRefusalSessionTest, AReadWithoutAnAnswerIsIndeterminateAndAReadThatIsRefusedFails) {
  Start(Get(), kAttempt / 2);
  Answer(transport_.TakeOne(), proto::NOT_LEADER);
  while (results_.empty()) time_.Advance(kPause);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
  results_.clear();
  transport_.Take();
  Start(Get());
  Answer(transport_.TakeOne(), proto::BAD_REQUEST);
  EXPECT_EQ(OnlyOutcome(), Outcome::kFail);
}

TEST_F(SessionTest, FirstIncompleteIsTheOldestOpenChangeAndReadsHoldNothingBack) {
  Start(Get());  // 1
  Start(Put());  // 2
  Start(Put());  // 3
  const auto sent = transport_.Take();
  EXPECT_EQ(sent[0].request.id().first_incomplete(), 1u);
  EXPECT_EQ(sent[1].request.id().first_incomplete(), 2u);
  EXPECT_EQ(sent[2].request.id().first_incomplete(), 2u);
  Answer(sent[1], proto::OK);
  Start(Put());  // 4
  EXPECT_EQ(transport_.TakeOne().request.id().first_incomplete(), 3u);
  time_.Advance(kAttempt);
  for (const auto& again : transport_.Take()) {
    EXPECT_LE(again.request.id().first_incomplete(), again.request.id().sequence());
    EXPECT_TRUE(again.request.id().sequence() != 4 || again.request.id().first_incomplete() == 3);
  }
}

TEST_F(SessionTest, ManyOperationsAreInFlightAndSettleInAnyOrder) {
  std::vector<uint64_t> settled;
  for (int i = 0; i < 20; ++i) {
    const auto sequence = std::make_shared<uint64_t>();
    *sequence = session_->Call(kTarget, Put(), time_.NowUs() + kAttempt,
                               [&settled, sequence](const CallResult&) { settled.push_back(*sequence); });
  }
  auto sent = transport_.Take();
  ASSERT_EQ(sent.size(), 20u);
  for (size_t i = sent.size(); i-- > 0;) Answer(sent[i], proto::OK);
  ASSERT_EQ(settled.size(), 20u);
  EXPECT_EQ(settled.front(), 20u);
  EXPECT_EQ(settled.back(), 1u);
}

TEST_F(SessionTest, IdentitiesDependOnWhatTheCallerNamesAndNotOnWhatWasCalledBefore) {
  const auto identity_of = [&](uint64_t identity) {
    session_->Call(kTarget, Put(), Session::CallOptions{.deadline_us = time_.NowUs() + kAttempt, .identity = identity},
                   nullptr);
    return transport_.TakeOne().identity.hash;
  };
  const uint64_t first = identity_of(77);
  EXPECT_NE(identity_of(78), first);
  EXPECT_EQ(identity_of(77), first);
}

TEST_F(SessionTest, OpenOperationsGoOnWhenTheirDeadlineIsExtended) {
  Start(Put(), kAttempt / 2);
  session_->ExtendDeadlines(time_.NowUs() + 5 * kAttempt);
  session_->ExtendDeadlines(time_.NowUs());  // never shortens
  time_.Advance(kAttempt);
  EXPECT_TRUE(results_.empty());
  EXPECT_EQ(transport_.Take().size(), 2u);
  time_.Advance(4 * kAttempt);
  EXPECT_EQ(OnlyOutcome(), Outcome::kIndeterminate);
}

TEST_F(FinalRefusalSessionTest, AbandonEndsEverythingWithoutAnAnswer) {
  Start(Put());
  Answer(transport_.TakeOne(), proto::NOT_LEADER);
  Start(Get());
  session_->Abandon();
  ASSERT_EQ(results_.size(), 2u);
  EXPECT_EQ(results_[0].outcome, Outcome::kIndeterminate);
  EXPECT_EQ(results_[1].outcome, Outcome::kIndeterminate);
  transport_.Take();
  time_.Advance(10 * kAttempt);
  EXPECT_TRUE(transport_.sent.empty());
  EXPECT_EQ(results_.size(), 2u);
}

TEST_F(SessionTest, ACallbackMayStartAndAbandonOperations) {
  int ended = 0;
  session_->Call(kTarget, Put(), time_.NowUs() + kAttempt, [&](const CallResult&) {
    ++ended;
    Start(Put());
    session_->Abandon();
  });
  Start(Put(), kAttempt);
  time_.Advance(2 * kAttempt);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(results_.size(), 2u);
  EXPECT_EQ(session_->open_count(), 0u);
}

TEST_F(SessionTest, TimersMayOutliveTheSession) {
  Start(Put());
  session_.reset();
  time_.Advance(10 * kAttempt);
  EXPECT_EQ(transport_.sent.size(), 1u);
}

TEST_F(SessionTest, OneTimerServesManyOperations) {
  for (int i = 0; i < 100; ++i) {
    Start(Put());
    Answer(transport_.TakeOne(), proto::OK);
    time_.Advance(1000);
  }
  EXPECT_LE(time_.armed(), 1u);
  time_.Advance(10 * kAttempt);
  EXPECT_EQ(time_.armed(), 0u);  // and none when nothing is open
}

// A group that applies each request id once and remembers its answer, behind a network that loses, delays and doubles:
// no change that is said to have failed may ever take effect, and none that is said to be ok may lack.
TEST(SessionOutcomes, AreTrueWhateverTheNetworkDoes) {
  int oks = 0, fails = 0, indeterminates = 0;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Prng prng(seed);
    ManualTime time;
    RecordingTransport transport;
    Session session(
        {.id = kClient, .self = NodeId{50}, .masters = {}, .attempt_timeout_us = kAttempt, .retry_pause_us = kPause},
        &time, &time, &transport);
    NodeId leader{1};
    std::map<uint64_t, proto::Code> answers;  // by sequence: what the group's apply said
    std::map<uint64_t, Outcome> outcomes;
    std::vector<RecordingTransport::Sent> network;
    const auto deliver = [&](const RecordingTransport::Sent& sent) {
      const uint64_t sequence = sent.request.id().sequence();
      proto::Reply reply;
      if (sent.to != leader) {
        reply.set_code(prng.OneIn(2) ? proto::NOT_LEADER : proto::UNAVAILABLE);
        reply.set_leader_node(prng.OneIn(2) ? leader.value : 0);
      } else {
        answers.try_emplace(sequence, sequence % 3 == 0 ? proto::WRONG_TYPE : proto::OK);
        reply.set_code(prng.OneIn(5) ? proto::INDETERMINATE : answers[sequence]);
      }
      if (prng.OneIn(3)) return;  // the reply is lost
      proto::Envelope envelope;
      envelope.set_from_node(sent.to.value);
      *reply.mutable_id() = sent.request.id();
      reply.set_attempt(sent.request.attempt());
      *envelope.mutable_reply() = reply;
      session.OnEnvelope(envelope);
      if (prng.OneIn(4)) session.OnEnvelope(envelope);
    };
    for (int step = 0; step < 300; ++step) {
      if (step < 200 && prng.OneIn(3)) {
        const auto sequence = std::make_shared<uint64_t>();
        *sequence = session.Call(kTarget, Put(), time.NowUs() + static_cast<int64_t>(prng.NextBelow(2 * kAttempt)),
                                 [&outcomes, sequence](const CallResult& result) {
                                   EXPECT_TRUE(outcomes.emplace(*sequence, result.outcome).second);
                                 });
      }
      if (prng.OneIn(20)) leader = NodeId{static_cast<uint32_t>(1 + prng.NextBelow(3))};
      for (auto& sent : transport.Take()) network.push_back(std::move(sent));
      for (size_t i = 0; i < network.size();) {
        const auto sent = network[i];
        if (prng.OneIn(3)) {
          ++i;  // later
          continue;
        }
        if (prng.OneIn(6)) {
          ++i;  // and once more later
        } else {
          network.erase(network.begin() + static_cast<std::ptrdiff_t>(i));
        }
        if (!prng.OneIn(4)) deliver(sent);
      }
      time.Advance(kPause / 2);
    }
    session.Abandon();
    for (const auto& sent : network) deliver(sent);
    for (const auto& [sequence, outcome] : outcomes) {
      const bool applied = answers.contains(sequence) && answers[sequence] == proto::OK;
      EXPECT_TRUE(outcome != Outcome::kOk || applied) << "seed " << seed << " sequence " << sequence;
      EXPECT_TRUE(outcome != Outcome::kFail || !applied) << "seed " << seed << " sequence " << sequence;
      ++(outcome == Outcome::kOk ? oks : outcome == Outcome::kFail ? fails : indeterminates);
    }
  }
  EXPECT_GT(oks, 100);
  EXPECT_GT(fails, 30);
  EXPECT_GT(indeterminates, 30);
}

}  // namespace
}  // namespace sut
