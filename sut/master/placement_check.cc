#include "sut/master/placement_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/base/prng.h"
#include "sut/master/replica_rules.h"
#include "sut/storage/placed.h"

namespace sut {
namespace {

template <typename Id>
Id StoredId(const std::string& bytes) {
  const auto id = IdFromBytes<Id>(bytes);
  SUT_CHECK(id.ok(), "the catalogue holds a malformed id");
  return *id;
}

std::string Place(NodeId node, TabletId tablet, SnapshotId snapshot) {
  return absl::StrCat("node ", node.value, ": tablet-", Hex(tablet), ".snapshots/", Hex(snapshot));
}

}  // namespace

void PlacementCheck::Run(const CatalogueState& state, const proto::SnapshotInfo& snapshot, Done done) {
  const auto id = StoredId<SnapshotId>(snapshot.id());
  Check& check = checks_[id];
  check.done.push_back(std::move(done));
  if (check.done.size() > 1) return;
  check.number = ++started_;
  for (const auto& part : snapshot.tablets()) {
    if (!part.has_source()) continue;
    const proto::TabletInfo* tablet = FindTablet(state, StoredId<TabletId>(part.tablet()));
    SUT_CHECK(tablet != nullptr, "a snapshot of a tablet that no table has");
    for (const auto& replica : tablet->replicas()) {
      if (!rules::IsInGroup(replica)) continue;
      Question question;
      question.node = NodeId{replica.node()};
      question.tablet = StoredId<TabletId>(part.tablet());
      question.hash_begin = tablet->hash_begin();
      question.hash_end = tablet->hash_end();
      question.source = part.source();
      check.questions.push_back(std::move(question));
    }
  }
  Arm(id, check.number);
  Ask(id);
}

void PlacementCheck::Ask(SnapshotId id) {
  Check& check = checks_.at(id);
  const auto in_flight = std::count_if(check.questions.begin(), check.questions.end(),
                                       [](const Question& question) { return question.in_flight; });
  int free = options_.calls_in_flight_max - static_cast<int>(in_flight);
  for (size_t i = 0; i < check.questions.size() && free > 0; ++i) {
    Question& question = check.questions[i];
    if (question.in_flight || question.answered) continue;
    question.in_flight = true;
    --free;
    proto::Request request;
    request.set_tablet(Bytes(question.tablet));
    request.mutable_inspect_snapshot()->set_snapshot(Bytes(id));
    const LogicalIdentity identity{
        Mix({0x706c6163, id.hi, id.lo, question.tablet.lo, question.node.value, ++check.asked})};
    sender_->Send(
        question.node, std::move(request), identity,
        [this, weak = std::weak_ptr<PlacementCheck*>(self_), id, number = check.number, i](const proto::Reply& reply) {
          if (!weak.expired()) OnReply(id, number, i, reply);
        });
  }
}

void PlacementCheck::OnReply(SnapshotId id, uint64_t number, size_t question_index, const proto::Reply& reply) {
  const auto found = checks_.find(id);
  if (found == checks_.end() || found->second.number != number) return;
  Question& question = found->second.questions[question_index];
  if (question.answered || reply.code() == proto::UNAVAILABLE || reply.code() == proto::NOT_HOSTED)
    return;  // asked again later
  const std::string place = Place(question.node, question.tablet, id);
  if (reply.code() == proto::NOT_FOUND) return Finish(id, absl::NotFoundError(absl::StrCat(place, " is not there")));
  absl::Status status;
  if (reply.code() == proto::OK) {
    const auto& inspection = reply.inspection();
    status = CheckPlaced({inspection.metadata(), inspection.rows(), inspection.rows_crc32c()},
                         {question.source, question.hash_begin, question.hash_end}, options_.bugs);
  } else {
    status = absl::DataLossError(reply.message());
  }
  if (!status.ok()) {
    return Finish(id, absl::DataLossError(absl::StrCat(place, " is not what was exported: ", status.message())));
  }
  question.answered = true;
  question.in_flight = false;
  const auto& questions = found->second.questions;
  const bool all = std::all_of(questions.begin(), questions.end(), [](const Question& one) { return one.answered; });
  return all ? Finish(id, absl::OkStatus()) : Ask(id);
}

void PlacementCheck::Arm(SnapshotId id, uint64_t number) {
  timers_->After(options_.ask_again_us, [this, weak = std::weak_ptr<PlacementCheck*>(self_), id, number] {
    if (!weak.expired()) OnTimer(id, number);
  });
}

void PlacementCheck::OnTimer(SnapshotId id, uint64_t number) {
  const auto found = checks_.find(id);
  if (found == checks_.end() || found->second.number != number) return;
  Check& check = found->second;
  check.waited_us += options_.ask_again_us;
  if (check.waited_us >= options_.timeout_us) {
    const auto silent = std::find_if(check.questions.begin(), check.questions.end(),
                                     [](const Question& question) { return !question.answered; });
    return Finish(
        id, absl::DeadlineExceededError(absl::StrCat("node ", silent->node.value, " did not show that it holds tablet-",
                                                     Hex(silent->tablet), ".snapshots/", Hex(id))));
  }
  for (Question& question : check.questions) question.in_flight = false;
  Arm(id, number);
  Ask(id);
}

void PlacementCheck::Finish(SnapshotId id, const absl::Status& status) {
  const auto check = checks_.extract(id);
  for (const Done& done : check.mapped().done) done(status);
}

}  // namespace sut
