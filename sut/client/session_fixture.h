// For tests: a session in time that the test moves, over a transport that keeps what is sent until the test answers it.

#ifndef SUT_CLIENT_SESSION_FIXTURE_H_
#define SUT_CLIENT_SESSION_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sut/base/check.h"
#include "sut/client/session.h"
#include "sut/master/manual_time.h"

namespace sut {

inline constexpr int64_t kAttempt = 1'000'000;
inline constexpr int64_t kPause = 50'000;
inline constexpr ClientId kClient{7, 8};
inline constexpr TabletId kTablet{3, 4};
inline const CallTarget kTarget{kTablet, {NodeId{1}, NodeId{2}, NodeId{3}}};

class RecordingTransport : public Transport {
 public:
  struct Sent {
    NodeId to;
    LogicalIdentity identity;
    proto::Request request;
  };
  void Send(NodeId to, LogicalIdentity identity, std::string envelope) override {
    proto::Envelope parsed;
    SUT_CHECK(parsed.ParseFromString(envelope) && parsed.has_request(), "no request");
    SUT_CHECK(parsed.from_node() == 50, "not from this client");
    sent.push_back({to, identity, parsed.request()});
  }
  std::vector<Sent> Take() { return std::exchange(sent, {}); }
  // The one request that was sent since the last Take.
  Sent TakeOne() {
    EXPECT_EQ(sent.size(), 1u);
    return sent.empty() ? Sent{} : Take()[0];
  }

  std::vector<Sent> sent;
};

inline proto::Request Put() {
  proto::Request body;
  body.mutable_write()->add_mutations()->set_key("a");
  return body;
}
inline proto::Request Get() {
  proto::Request body;
  body.mutable_get()->set_key("a");
  return body;
}
inline proto::Request Scan() {
  proto::Request body;
  body.mutable_scan();
  return body;
}

class SessionTest : public ::testing::Test {
 protected:
  explicit SessionTest(bool refusal_is_final = false)
      : session_(std::make_unique<Session>(Session::Options{.id = kClient,
                                                            .self = NodeId{50},
                                                            .masters = {NodeId{1}, NodeId{2}},
                                                            .attempt_timeout_us = kAttempt,
                                                            .retry_pause_us = kPause,
                                                            .refusal_is_final = refusal_is_final},
                                           &time_, &time_, &transport_)) {}

  // Starts an operation whose end is put in results_; its deadline is `budget_us` from now.
  uint64_t Start(proto::Request body, int64_t budget_us = 10 * kAttempt) {
    return session_->Call(kTarget, std::move(body), time_.NowUs() + budget_us,
                          [this](const CallResult& result) { results_.push_back(result); });
  }
  void Answer(const RecordingTransport::Sent& sent, proto::Reply reply) {
    proto::Envelope envelope;
    envelope.set_from_node(sent.to.value);
    *reply.mutable_id() = sent.request.id();
    reply.set_attempt(sent.request.attempt());
    *envelope.mutable_reply() = std::move(reply);
    session_->OnEnvelope(envelope);
  }
  void Answer(const RecordingTransport::Sent& sent, proto::Code code, uint32_t leader_node = 0) {
    proto::Reply reply;
    reply.set_code(code);
    reply.set_leader_node(leader_node);
    Answer(sent, reply);
  }
  void AnswerPage(const RecordingTransport::Sent& sent, const std::string& key, uint64_t pin, uint64_t index) {
    proto::Reply reply;
    reply.mutable_op()->set_index(index);
    reply.mutable_scan()->add_rows()->set_key(key);
    reply.mutable_scan()->set_pin(pin);
    reply.mutable_scan()->set_last_hash_key("after-" + key);
    Answer(sent, reply);
  }
  Outcome OnlyOutcome() {
    EXPECT_EQ(results_.size(), 1u);
    return results_.at(0).outcome;
  }

  ManualTime time_;
  RecordingTransport transport_;
  std::unique_ptr<Session> session_;
  std::vector<CallResult> results_;
};

// Over a transport that delivers at most once, so that a refusal proves something.
class FinalRefusalSessionTest : public SessionTest {
 protected:
  FinalRefusalSessionTest() : SessionTest(true) {}
};

}  // namespace sut

#endif  // SUT_CLIENT_SESSION_FIXTURE_H_
