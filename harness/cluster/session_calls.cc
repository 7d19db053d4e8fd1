#include "harness/cluster/session_calls.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/cluster/plan_shape.h"

namespace holdfast {

namespace {

constexpr int64_t kPollUs = 20'000;

CallOutcome OutcomeOf(sut::Outcome outcome) {
  switch (outcome) {
    case sut::Outcome::kOk:
      return CallOutcome::kOk;
    case sut::Outcome::kFail:
      return CallOutcome::kFail;
    case sut::Outcome::kIndeterminate:
      break;
  }
  return CallOutcome::kIndeterminate;
}

// Calls that have not ended when the maker gives up may end later.
struct Progress {
  uint32_t created = 0;
  absl::Status problem;
  bool answered = false;
  size_t running = 0;
};

}  // namespace

CallResult ToCallResult(const sut::CallResult& result) {
  return {
      .outcome = OutcomeOf(result.outcome), .reply = result.reply, .rows = result.rows, .attempts = result.attempts};
}

absl::Status MakeTables(const TableMaker& maker, int64_t timeout_us, Cluster* cluster) {
  const int64_t deadline_us = cluster->NowUs() + timeout_us;
  const int64_t session_deadline_us = maker.session_us(deadline_us);
  const uint32_t tables = maker.plan->shape().tables();
  const auto progress = std::make_shared<Progress>();
  const auto given_up = [&] { return maker.give_up && maker.give_up(); };
  for (uint32_t table = 0; table < tables; ++table) {
    sut::proto::Request request;
    *request.mutable_catalogue()->mutable_create_table()->mutable_table() = TableOf(*maker.plan, *maker.ids, table);
    maker.admin->Call(maker.admin->MasterTarget(), std::move(request), session_deadline_us,
                      [progress](const sut::CallResult& result) {
                        ++progress->created;
                        if (result.outcome == sut::Outcome::kOk) return;
                        progress->problem = absl::InternalError(result.reply.ShortDebugString());
                      });
  }
  // A moment more than the calls have, so that each of them has ended when this has.
  cluster->RunUntil(deadline_us + kPollUs, [&] { return progress->created == tables || given_up(); });
  if (!progress->problem.ok()) {
    return absl::Status(progress->problem.code(), absl::StrCat("creating tables: ", progress->problem.message()));
  }
  while (cluster->NowUs() < deadline_us && !given_up()) {
    progress->answered = false;
    progress->running = 0;
    sut::proto::Request request;
    request.mutable_list_tables();
    maker.admin->Call(maker.admin->MasterTarget(), std::move(request), session_deadline_us,
                      [progress](const sut::CallResult& result) {
                        progress->answered = true;
                        for (const sut::proto::TableInfo& table : result.reply.tables().tables()) {
                          progress->running += table.state() == sut::proto::TableInfo::RUNNING ? 1 : 0;
                        }
                      });
    cluster->RunUntil(deadline_us + kPollUs, [&] { return progress->answered || given_up(); });
    if (progress->running == tables) return absl::OkStatus();
    cluster->RunUntil(cluster->NowUs() + kPollUs, nullptr);
  }
  return absl::DeadlineExceededError(
      absl::StrCat("the tables do not come up: ", absl::StrJoin(cluster->WhyNotQuiet(), "; ")));
}

}  // namespace holdfast
