// A group of one for tests of what stands on top of it: it commits when the test says so, and loses what the test says.

#ifndef SUT_MASTER_FAKE_MASTER_GROUP_H_
#define SUT_MASTER_FAKE_MASTER_GROUP_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "sut/base/check.h"
#include "sut/master/catalogue.h"
#include "sut/master/coordinator.h"

namespace sut {

class FakeMasterGroup : public ReplicatedGroup {
 public:
  explicit FakeMasterGroup(Catalogue* catalogue) : catalogue_(catalogue) {}

  bool is_leader() const override { return leads_; }
  Term term() const override { return term_; }
  void Propose(proto::Command command, std::function<void(proto::Reply)> done) override {
    if (!leads_) return done(Code(proto::NOT_LEADER));
    proposed_.push_back({std::move(command), std::move(done)});
  }
  void ReadBarrier(std::function<void(proto::Reply)> done) override {
    done(Code(leads_ ? proto::OK : proto::NOT_LEADER));
  }

  // Commits and applies everything proposed so far; the number of entries.
  size_t CommitAll() {
    const size_t count = proposed_.size();
    while (!proposed_.empty()) {
      Proposal next = std::move(proposed_.front());
      proposed_.pop_front();
      proto::Reply reply = Code(proto::OK);
      if (next.command.has_catalogue()) {
        StoreBatch batch;
        reply = catalogue_->ApplyCommand(next.command.catalogue(), &batch);
        catalogue_->Committed();
      }
      next.done(reply);
    }
    return count;
  }
  // Everything proposed so far is lost, and each proposer told `code`.
  void LoseAll(proto::Code code) {
    for (Proposal& lost : std::exchange(proposed_, {})) lost.done(Code(code));
  }
  // Applies a change as if another replica had proposed it.
  proto::Reply Change(const proto::CatalogueCommand& change) {
    StoreBatch batch;
    const proto::Reply reply = catalogue_->ApplyCommand(change, &batch);
    catalogue_->Committed();
    return reply;
  }
  void Lead(uint64_t term) {
    term_ = Term{term};
    leads_ = true;
  }
  void Follow(uint64_t term) {
    term_ = Term{term};
    leads_ = false;
    LoseAll(proto::INDETERMINATE);
  }
  size_t proposed() const { return proposed_.size(); }
  const proto::Command& proposal(size_t i) const { return proposed_.at(i).command; }

 private:
  struct Proposal {
    proto::Command command;
    std::function<void(proto::Reply)> done;
  };
  static proto::Reply Code(proto::Code code) {
    proto::Reply reply;
    reply.set_code(code);
    return reply;
  }

  Catalogue* catalogue_;
  bool leads_ = true;
  Term term_{1};
  std::deque<Proposal> proposed_;
};

// Keeps what is sent; the test answers.
class FakeSender : public RequestSender {
 public:
  struct Sent {
    NodeId to;
    proto::Request request;
    LogicalIdentity identity;
    std::function<void(const proto::Reply&)> on_reply;
  };
  void Send(NodeId to, proto::Request request, LogicalIdentity identity,
            std::function<void(const proto::Reply&)> on_reply) override {
    sent.push_back({to, std::move(request), identity, std::move(on_reply)});
  }
  // What was sent since the last call.
  std::vector<Sent> Take() { return std::exchange(sent, {}); }

  std::vector<Sent> sent;
};

class CountingProbes : public ProbeSink {
 public:
  void Hit(Probe probe, TabletId tablet) override {
    SUT_CHECK(tablet == kMasterTablet, "a probe of another group");
    if (probe == Probe::kReconcileBegun) ++begun;
    if (probe == Probe::kReconcileCalled) ++called;
    if (probe == Probe::kReconcileReply) ++replies;
  }
  int begun = 0;
  int called = 0;
  int replies = 0;
};

}  // namespace sut

#endif  // SUT_MASTER_FAKE_MASTER_GROUP_H_
