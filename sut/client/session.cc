#include "sut/client/session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sut/base/check.h"
#include "sut/base/prng.h"

namespace sut {
namespace {

// A page that does not come is asked for again at the replica that holds the pin, so often; then the scan starts again.
constexpr int kPageTimeoutsMax = 3;
// How long the master is asked where the tablets are.
constexpr int64_t kLocateUs = 5'000'000;

bool IsRead(const proto::Request& request) {
  return request.has_get() || request.has_scan() || request.has_list_snapshots() || request.has_list_tables() ||
         request.has_inspect_snapshot();
}

// Whether the request is for whichever replica leads, rather than for one node.
bool IsForLeader(const proto::Request& request) {
  return !request.has_maintenance() && !request.has_create_replica() && !request.has_inspect_snapshot();
}

void ToFirstPage(proto::Scan* scan) {
  scan->clear_pin();
  scan->clear_after_hash_key();
}

proto::Reply NoReply() {
  proto::Reply reply;
  reply.set_code(proto::UNAVAILABLE);
  reply.set_message("No reply came in");
  return reply;
}

// Of a tablet that the master does not list: nobody is left who could say so, the replicas that the caller knew having
// moved away before the table was dropped.
proto::Reply NoSuchTablet() {
  proto::Reply reply;
  reply.set_code(proto::TABLET_GONE);
  reply.set_message("the table was dropped");
  return reply;
}

}  // namespace

struct Session::Operation {
  uint64_t sequence = 0;
  TabletId tablet;
  std::vector<NodeId> replicas;
  proto::Request request;
  uint64_t identity = 0;
  int64_t deadline_us = 0;
  Done done;

  uint32_t attempts = 0;
  bool in_flight = false;   // Invariant: if set, attempt number `attempts` has neither been answered nor timed out
  bool redirected = false;  // this attempt follows a hint
  bool not_hosted = false;  // a node that was asked does not host the tablet
  NodeId sent_to;
  int64_t wake_us = 0;           // when the attempt times out, or the pause ends
  size_t next_replica = 0;       // whom to ask when no leader is known
  std::set<uint32_t> unsettled;  // attempts that may have been appended, or may yet be
  std::optional<proto::Reply> last_reply;

  // Scans.
  std::vector<proto::Row> rows;  // of the pages so far
  proto::OpId pinned_at;         // what the first page's pin reads
  int page_timeouts = 0;         // in a row

  int timeouts = 0;  // of all attempts

  bool is_first_page() const { return request.scan().pin() == 0; }
  int64_t next_event_us() const { return std::min(wake_us, deadline_us); }
};

Session::Session(Options options, Clock* clock, Timers* timers, Transport* transport)
    : options_(std::move(options)),
      clock_(clock),
      timers_(timers),
      transport_(transport),
      self_(std::make_shared<Session*>(this)) {}

Session::~Session() = default;

uint64_t Session::Call(const CallTarget& target, proto::Request body, const CallOptions& options, Done done) {
  SUT_CHECK(!target.replicas.empty(), "a call to nobody");
  SUT_CHECK(open_.size() < static_cast<size_t>(options_.operations_open_max), "too many operations are open");
  auto operation = std::make_unique<Operation>();
  operation->sequence = next_sequence_++;
  operation->tablet = target.tablet;
  operation->replicas = target.replicas;
  operation->request = std::move(body);
  operation->request.set_tablet(Bytes(target.tablet));
  operation->request.mutable_id()->set_client(Bytes(options_.id));
  operation->request.mutable_id()->set_sequence(operation->sequence);
  operation->identity = options.identity != 0 ? options.identity : operation->sequence;
  operation->deadline_us = options.deadline_us;
  operation->done = std::move(done);
  if (!IsRead(operation->request)) open_changes_.insert(operation->sequence);
  if (operation->request.has_scan()) ToFirstPage(operation->request.mutable_scan());

  Operation* started = operation.get();
  const uint64_t sequence = started->sequence;
  open_.emplace(sequence, std::move(operation));
  Send(started);
  return sequence;
}

void Session::Send(Operation* operation) {
  ++operation->attempts;
  operation->in_flight = true;
  operation->sent_to = Destination(*operation);
  operation->wake_us = clock_->NowUs() + AttemptTimeoutUs(*operation);
  if (!IsRead(operation->request)) operation->unsettled.insert(operation->attempts);

  proto::Envelope envelope;
  envelope.set_from_node(options_.self.value);
  operation->request.set_attempt(operation->attempts);
  operation->request.mutable_id()->set_first_incomplete(FirstIncomplete(operation->sequence));
  *envelope.mutable_request() = operation->request;
  const LogicalIdentity identity{Mix({options_.id.hi, options_.id.lo, operation->identity, operation->attempts})};
  Arm(operation->next_event_us());
  transport_->Send(operation->sent_to, identity, envelope.SerializeAsString());
}

// Every lower sequence of a change has been answered or given up. Reads hold nothing back, since nobody remembers them.
uint64_t Session::FirstIncomplete(uint64_t own_sequence) const {
  return open_changes_.empty() ? own_sequence : std::min(own_sequence, *open_changes_.begin());
}

NodeId Session::Destination(const Operation& operation) const {
  if (operation.request.has_scan() && !operation.is_first_page()) return operation.sent_to;
  if (IsForLeader(operation.request)) {
    const auto leader = leaders_.find(operation.tablet);
    if (leader != leaders_.end()) return leader->second;
  }
  return operation.replicas[operation.next_replica % operation.replicas.size()];
}

// The node asked last does not lead, or does not answer.
void Session::TryElsewhere(Operation* operation) {
  const auto leader = leaders_.find(operation->tablet);
  if (leader != leaders_.end() && leader->second == operation->sent_to) leaders_.erase(leader);
  ++operation->next_replica;
}

// Replicas come and go, so the caller may have named nodes none of which hosts the tablet any more.
void Session::Locate() {
  const bool has_room = open_.size() < static_cast<size_t>(options_.operations_open_max);
  if (locating_ || options_.masters.empty() || !has_room) return;
  locating_ = true;
  proto::Request request;
  request.mutable_list_tables();
  Call(MasterTarget(), std::move(request), clock_->NowUs() + kLocateUs, [this](const CallResult& result) {
    locating_ = false;
    if (result.outcome == Outcome::kOk) TakePlaces(result.reply.tables());
  });
}

void Session::TakePlaces(const proto::Reply::TableList& list) {
  std::map<std::string, std::vector<NodeId>> places;
  for (const proto::TableInfo& table : list.tables()) {
    for (const proto::TabletInfo& tablet : table.tablets()) {
      for (const proto::ReplicaInfo& replica : tablet.replicas()) {
        places[tablet.id()].push_back(NodeId{replica.node()});
      }
    }
  }
  std::vector<uint64_t> gone;
  for (auto& [sequence, operation] : open_) {
    if (!IsForLeader(operation->request) || operation->tablet == kMasterTablet) continue;
    const auto place = places.find(Bytes(operation->tablet));
    if (place != places.end()) {
      operation->replicas = place->second;
    } else if (operation->not_hosted) {
      gone.push_back(sequence);
    }
  }
  for (const uint64_t sequence : gone) {
    const auto found = open_.find(sequence);
    if (found != open_.end()) OnClosed(found->second.get(), NoSuchTablet());
  }
}

void Session::Pause(Operation* operation) {
  operation->in_flight = false;
  operation->redirected = false;
  operation->wake_us = clock_->NowUs() + options_.retry_pause_us;
  Arm(operation->next_event_us());
}

// Forgets the pages so far: what another pin reads does not fit to them.
void Session::RestartScan(Operation* operation) {
  if (!operation->request.has_scan()) return;
  ToFirstPage(operation->request.mutable_scan());
  operation->rows.clear();
  operation->page_timeouts = 0;
}

void Session::OnEnvelope(const proto::Envelope& envelope) {
  if (!envelope.has_reply()) return;
  if (envelope.reply().id().client() != Bytes(options_.id)) return;
  OnReply(envelope.reply(), NodeId{envelope.from_node()});
}

void Session::OnReply(const proto::Reply& reply, NodeId from) {
  const auto found = open_.find(reply.id().sequence());
  if (found == open_.end()) return;
  Operation* operation = found->second.get();
  if (reply.attempt() == 0 || reply.attempt() > operation->attempts) return;
  operation->last_reply = reply;
  switch (reply.code()) {
    case proto::OK:
      return OnOk(operation, reply, from);
    case proto::NOT_FOUND:
    case proto::ALREADY_EXISTS:
    case proto::WRONG_TYPE:
    case proto::SNAPSHOT_NOT_COMPLETE:
    case proto::SNAPSHOT_BEING_DELETED:
    case proto::SNAPSHOT_DELETED:
    case proto::RESTORATION_RUNNING:
    case proto::BAD_REQUEST:
    case proto::NOT_EMPTY:
    case proto::CHANGE_RUNNING:
      // The answer to this request id, whichever attempt brought it.
      return Finish(operation, Outcome::kFail, reply);
    case proto::SESSION_CLOSED:
    case proto::TABLET_GONE:
      return OnClosed(operation, reply);
    case proto::STALE_REQUEST:
      // Its answer was forgotten, though it is still wanted: all that is certain is that nothing comes after this.
      return Finish(operation, Outcome::kIndeterminate, reply);
    default:  // NOT_LEADER, NOT_HOSTED, UNAVAILABLE, INDETERMINATE, SCAN_EXPIRED, or a code of a later version
      return OnRefused(operation, reply, from);
  }
}

void Session::OnOk(Operation* operation, const proto::Reply& reply, NodeId from) {
  if (IsForLeader(operation->request)) leaders_[operation->tablet] = from;
  if (operation->request.has_scan()) return OnPage(operation, reply);
  Finish(operation, Outcome::kOk, reply);
}

// Only the page asked for last fits to the pages before it; a duplicate of an earlier one would put rows in twice.
void Session::OnPage(Operation* operation, const proto::Reply& reply) {
  if (!operation->in_flight || reply.attempt() != operation->attempts) return;
  if (operation->is_first_page()) operation->pinned_at = reply.op();
  const auto& page = reply.scan();
  operation->rows.insert(operation->rows.end(), page.rows().begin(), page.rows().end());
  if (page.pin() == 0) {
    proto::Reply last = reply;
    *last.mutable_op() = operation->pinned_at;
    return Finish(operation, Outcome::kOk, last);
  }
  operation->page_timeouts = 0;
  operation->redirected = false;
  operation->request.mutable_scan()->set_pin(page.pin());
  operation->request.mutable_scan()->set_after_hash_key(page.last_hash_key());
  Send(operation);
}

// This attempt has no answer here; try again, where the reply says or after a pause.
void Session::OnRefused(Operation* operation, const proto::Reply& reply, NodeId from) {
  const bool before_append =
      reply.code() == proto::NOT_LEADER || reply.code() == proto::UNAVAILABLE || reply.code() == proto::NOT_HOSTED;
  if (before_append && options_.refusal_is_final) operation->unsettled.erase(reply.attempt());
  if (!operation->in_flight || reply.attempt() != operation->attempts) return;
  RestartScan(operation);
  operation->not_hosted = operation->not_hosted || reply.code() == proto::NOT_HOSTED;
  if (reply.code() == proto::NOT_HOSTED && IsForLeader(operation->request)) Locate();
  const NodeId hint{reply.leader_node()};
  if (reply.code() == proto::NOT_LEADER && !hint.is_none() && hint != from && IsForLeader(operation->request)) {
    leaders_[operation->tablet] = hint;
    // Two replicas may each hold the other for the leader: after a hint that led nowhere comes a pause.
    if (!std::exchange(operation->redirected, true)) return Send(operation);
  } else if (reply.code() != proto::SCAN_EXPIRED) {
    TryElsewhere(operation);
  }
  Pause(operation);
}

// This attempt had no effect, and none will have any from now on. A closed session may have forgotten what it did
// before, and a tablet that is gone has forgotten everything, so earlier attempts may have had effect.
void Session::OnClosed(Operation* operation, const proto::Reply& reply) {
  if (options_.refusal_is_final) operation->unsettled.erase(reply.attempt());
  const bool fail = IsRead(operation->request) || operation->unsettled.empty();
  Finish(operation, fail ? Outcome::kFail : Outcome::kIndeterminate, reply);
}

// Doubles with each time-out of the operation, so that a network slower than the first guess is not asked in vain for
// ever.
int64_t Session::AttemptTimeoutUs(const Operation& operation) const {
  int64_t timeout_us = options_.attempt_timeout_us;
  for (int i = 0; i < operation.timeouts && timeout_us < kBackOffUsMax; ++i) timeout_us *= 2;
  return timeout_us;
}

void Session::OnAttemptTimeout(Operation* operation) {
  ++operation->timeouts;
  operation->in_flight = false;
  operation->redirected = false;
  const bool later_page = operation->request.has_scan() && !operation->is_first_page();
  if (!later_page || ++operation->page_timeouts > kPageTimeoutsMax) {
    RestartScan(operation);
    TryElsewhere(operation);
  }
  Send(operation);
}

void Session::OnDeadline(Operation* operation) {
  const bool fail = !IsRead(operation->request) && operation->unsettled.empty();
  Finish(operation, fail ? Outcome::kFail : Outcome::kIndeterminate, operation->last_reply.value_or(NoReply()));
}

void Session::Finish(Operation* operation, Outcome outcome, const proto::Reply& reply) {
  CallResult result;
  result.outcome = outcome;
  result.reply = reply;
  result.attempts = static_cast<int>(operation->attempts);
  if (outcome == Outcome::kOk) result.rows = std::move(operation->rows);
  // Out of the books first: `done` may start, extend or abandon operations.
  const auto node = open_.extract(operation->sequence);
  open_changes_.erase(operation->sequence);
  if (operation->done) operation->done(result);
}

void Session::ExtendDeadlines(int64_t deadline_us) {
  for (auto& [sequence, operation] : open_) operation->deadline_us = std::max(operation->deadline_us, deadline_us);
}

void Session::Abandon() {
  std::vector<uint64_t> sequences;
  for (const auto& [sequence, operation] : open_) sequences.push_back(sequence);
  for (const uint64_t sequence : sequences) {
    const auto found = open_.find(sequence);
    if (found == open_.end()) continue;
    Finish(found->second.get(), Outcome::kIndeterminate, found->second->last_reply.value_or(NoReply()));
  }
}

// One timer serves all operations; a later one than needed is never armed, an earlier one finds nothing to do.
void Session::Arm(int64_t at_us) {
  if (armed_for_us_ && *armed_for_us_ <= at_us) return;
  armed_for_us_ = at_us;
  const int64_t delay_us = std::max<int64_t>(0, at_us - clock_->NowUs());
  timers_->After(delay_us, [weak = std::weak_ptr<Session*>(self_), at_us] {
    const std::shared_ptr<Session*> self = weak.lock();
    if (self == nullptr || (*self)->armed_for_us_ != at_us) return;
    (*self)->armed_for_us_.reset();
    (*self)->OnTimer();
  });
}

void Session::OnTimer() {
  const int64_t now_us = clock_->NowUs();
  std::vector<uint64_t> due;
  for (const auto& [sequence, operation] : open_) {
    if (operation->next_event_us() <= now_us) due.push_back(sequence);
  }
  for (const uint64_t sequence : due) {
    const auto found = open_.find(sequence);
    if (found == open_.end()) continue;
    Operation* operation = found->second.get();
    if (operation->deadline_us <= now_us) {
      OnDeadline(operation);
    } else if (operation->wake_us > now_us) {
      continue;  // a callback of this loop extended it
    } else if (operation->in_flight) {
      OnAttemptTimeout(operation);
    } else {
      Send(operation);
    }
  }
  for (const auto& [sequence, operation] : open_) Arm(operation->next_event_us());
}

}  // namespace sut
