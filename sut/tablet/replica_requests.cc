// The request side of a replica: proposals, linearizable reads, paged scans, snapshot operations, maintenance.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/prng.h"
#include "sut/storage/placed.h"
#include "sut/tablet/install_receiver.h"
#include "sut/tablet/install_source.h"
#include "sut/tablet/replica.h"
#include "sut/tablet/snapshot_barriers.h"

namespace sut {
namespace {

constexpr size_t kReadsWaitingMax = 4096;
constexpr size_t kInspectionsMax = 16;
constexpr size_t kWriteBytesMax = 16 << 20;

proto::Reply Refuse(proto::Code code, std::string message) {
  proto::Reply reply;
  reply.set_code(code);
  reply.set_message(std::move(message));
  return reply;
}

proto::Reply InspectionReply(const absl::StatusOr<SnapshotContents>& found) {
  if (found.ok()) {
    proto::Reply reply = Refuse(proto::OK, "");
    *reply.mutable_inspection()->mutable_metadata() = found->metadata;
    reply.mutable_inspection()->set_rows(found->rows);
    reply.mutable_inspection()->set_rows_crc32c(found->rows_crc32c);
    return reply;
  }
  const std::string message(found.status().message());
  switch (found.status().code()) {
    case absl::StatusCode::kNotFound:
      return Refuse(proto::NOT_FOUND, message);
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
      return Refuse(proto::BAD_REQUEST, message);
    default:
      return Refuse(proto::UNAVAILABLE, message);
  }
}

}  // namespace

proto::Reply Replica::NotLeader() const {
  proto::Reply reply = Refuse(proto::NOT_LEADER, "this replica does not lead the tablet");
  reply.set_leader_node(NodeOf(raft_->status().leader).value);
  return reply;
}

proto::Reply Replica::TabletGone() { return Refuse(proto::TABLET_GONE, "the table was dropped"); }

proto::Reply Replica::Gone() const {
  const bool moved = retiring_ && lives_on_ && !markers_.closed();
  return moved ? Refuse(proto::NOT_HOSTED, "the replica was removed from here") : TabletGone();
}

void Replica::Propose(proto::Command command, std::function<void(proto::Reply)> done) {
  if (!is_leader()) return done(NotLeader());
  if (out_of_service_) return done(Refuse(proto::UNAVAILABLE, "the replica is out of service"));
  // Raft bounds what is not committed; a barrier may hold up what is.
  if (proposals_.size() >= static_cast<size_t>(options().proposals_pending_max)) {
    return done(Refuse(proto::UNAVAILABLE, "too many entries wait to be applied"));
  }
  const HybridTime time = context_.hybrid_clock->Now(NowUs());
  const auto op = raft_->Propose(command.SerializeAsString(), time);
  if (!op.ok()) return done(Refuse(proto::UNAVAILABLE, std::string(op.status().message())));
  proposals_[op->index] = Proposal{op->term, std::move(done)};
  Pump();
}

void Replica::ReadBarrier(std::function<void(proto::Reply)> done) {
  if (!is_leader()) return done(NotLeader());
  if (out_of_service_ || reads_.size() + reads_confirmed_.size() >= kReadsWaitingMax) {
    return done(Refuse(proto::UNAVAILABLE, "the replica can't take the read"));
  }
  const uint64_t id = ++last_read_id_;
  if (absl::Status status = raft_->ReadIndex(id); !status.ok()) {
    return done(Refuse(proto::UNAVAILABLE, std::string(status.message())));
  }
  reads_[id] = std::move(done);
  Pump();
}

void Replica::Handle(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  const bool for_rows = request.has_write() || request.has_get() || request.has_scan();
  if (retiring_ || (for_rows && RefusesRows())) return reply(Gone());
  switch (request.body_case()) {
    case proto::Request::kWrite:
      return HandleWrite(request, std::move(reply));
    case proto::Request::kGet:
      return HandleGet(request, std::move(reply));
    case proto::Request::kScan:
      return HandleScan(request, std::move(reply));
    case proto::Request::kFence: {
      if (request.fence().client().size() != 16) return reply(Refuse(proto::BAD_REQUEST, "a fence of no client"));
      proto::Command command;
      *command.mutable_fence() = request.fence();
      return Propose(std::move(command), std::move(reply));
    }
    case proto::Request::kSnapshot:
      return HandleSnapshotOp(request, std::move(reply));
    case proto::Request::kMaintenance:
      return HandleMaintenance(request, std::move(reply));
    case proto::Request::kCloseTablet:
      return HandleClose(std::move(reply));
    case proto::Request::kChangeGroup:
      return HandleChangeGroup(request.change_group(), std::move(reply));
    case proto::Request::kInspectSnapshot:
      return HandleInspect(request, std::move(reply));
    default:
      return reply(Refuse(proto::BAD_REQUEST, "not a request to a tablet"));
  }
}

void Replica::HandleWrite(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  if (row_machine_ == nullptr) return reply(Refuse(proto::BAD_REQUEST, "the group holds no rows"));
  if (absl::Status status = row_machine_->Validate(request.write()); !status.ok()) {
    return reply(Refuse(proto::BAD_REQUEST, std::string(status.message())));
  }
  if (!ValidRequest(request.id()) || request.write().ByteSizeLong() > kWriteBytesMax) {
    return reply(Refuse(proto::BAD_REQUEST, "no valid request id, or too large"));
  }
  proto::Command command;
  *command.mutable_request() = request.id();
  *command.mutable_write() = request.write();
  Propose(std::move(command), std::move(reply));
}

void Replica::HandleGet(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  if (row_machine_ == nullptr || !row_machine_->range().contains(PartitionHash(request.get().key()))) {
    return reply(Refuse(proto::BAD_REQUEST, "no key of this tablet"));
  }
  ReadBarrier([this, key = RowStoreKey(request.get().key()), reply = std::move(reply)](proto::Reply barrier) {
    if (barrier.code() != proto::OK) return reply(std::move(barrier));
    if (RefusesRows()) return reply(Gone());
    auto value = store_->Get(key);
    if (!value.ok()) {
      NoteReadFailure(value.status());
      return reply(Refuse(proto::UNAVAILABLE, std::string(value.status().message())));
    }
    proto::Reply::GetResult* result = barrier.mutable_get();
    result->set_found(value->has_value());
    if (value->has_value()) result->set_value(**value);
    reply(std::move(barrier));
  });
}

void Replica::HandleScan(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  if (row_machine_ == nullptr) return reply(Refuse(proto::BAD_REQUEST, "the group holds no rows"));
  const proto::Scan& scan = request.scan();
  if (!scan.key_prefix().empty() &&
      (!HasTypedPartition(scan.key_prefix()) || !row_machine_->range().contains(PartitionHash(scan.key_prefix())))) {
    return reply(Refuse(proto::BAD_REQUEST, "no prefix of keys of this tablet"));
  }
  if (scan.pin() == 0) return OpenScan(scan, std::move(reply));
  reply(ScanPage(scan.pin(), scan));
}

void Replica::OpenScan(const proto::Scan& scan, std::function<void(proto::Reply)> reply) {
  ReadBarrier([this, key_prefix = scan.key_prefix(), reply = std::move(reply)](proto::Reply barrier) {
    if (barrier.code() != proto::OK) return reply(std::move(barrier));
    if (RefusesRows()) return reply(Gone());
    if (pins_.size() >= static_cast<size_t>(options().scan_pins_max)) {
      return reply(Refuse(proto::UNAVAILABLE, "too many scans are open"));
    }
    // Named so that no page of it can be asked of another replica, or of a later life of this one: a term is led in one
    // life only, and this replica led after the read came.
    const uint64_t pin = Mix({replica_.value, term().value, ++pins_opened_}) | 1;
    pins_[pin].view = store_->Pin();
    proto::Scan first_page;
    first_page.set_key_prefix(key_prefix);
    proto::Reply page = ScanPage(pin, first_page);
    if (page.code() == proto::OK) *page.mutable_op() = barrier.op();
    reply(std::move(page));
  });
}

proto::Reply Replica::ScanPage(uint64_t pin, const proto::Scan& scan) {
  const auto pinned = pins_.find(pin);
  if (pinned == pins_.end()) return Refuse(proto::SCAN_EXPIRED, "the version that the scan reads is gone");
  pinned->second.expires_us = NowUs() + options().scan_pin_us;
  proto::Reply reply;
  reply.set_code(proto::OK);
  proto::Reply::ScanResult* result = reply.mutable_scan();
  const auto [space_begin, end] = KeySpaceRange(KeySpace::kRow);
  const std::string first = scan.key_prefix().empty() ? space_begin : RowStoreKey(scan.key_prefix());
  const std::string& after = scan.after_hash_key();
  // What to resume after comes from outside: never from another key space.
  const std::string begin = std::max(first, after.empty() ? first : absl::StrCat(after, std::string(1, '\0')));
  bool more = false;
  const absl::Status status = pinned->second.view->Scan(begin, end, [&](std::string_view key, std::string_view value) {
    // Keys with the prefix lie side by side, from `first` on.
    if (!scan.key_prefix().empty() && !key.starts_with(first)) return false;
    more = result->rows_size() == options().scan_page_rows;
    if (more) return false;
    proto::Row* row = result->add_rows();
    row->set_key(std::string(RowUserKey(key)));
    row->set_value(std::string(value));
    result->set_last_hash_key(std::string(key));
    return true;
  });
  if (!status.ok()) {
    pins_.erase(pinned);
    NoteReadFailure(status);
    return Refuse(proto::UNAVAILABLE, std::string(status.message()));
  }
  if (more) {
    result->set_pin(pin);
  } else {
    pins_.erase(pinned);
  }
  return reply;
}

void Replica::ExpirePins() {
  const int64_t now_us = NowUs();
  std::erase_if(pins_, [now_us](const auto& pin) { return pin.second.expires_us < now_us; });
}

void Replica::HandleSnapshotOp(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  if (row_machine_ == nullptr || !ValidSnapshotOp(request.snapshot())) {
    return reply(Refuse(proto::BAD_REQUEST, "not a snapshot operation of a tablet"));
  }
  if (!is_leader()) return reply(NotLeader());
  const bool drops = request.snapshot().kind() == proto::TabletSnapshotOp::DROP;
  if (options().bugs.has(Bug::kClosedTabletRefusesSnapshots) && RefusesRows() && !drops) return reply(TabletGone());
  if (snapshots_->IsSettled(request.snapshot())) return reply(snapshots_->RepeatedReply(request.snapshot()));
  proto::Command command;
  *command.mutable_snapshot() = request.snapshot();
  if (options().bugs.has(Bug::kCreateAnsweredBeforeCommit) &&
      request.snapshot().kind() == proto::TabletSnapshotOp::CREATE) {
    proto::Reply early = Refuse(proto::OK, "");
    early.mutable_op()->set_term(term().value);
    early.mutable_op()->set_index(Next(raft_->status().last.index).value);
    Propose(std::move(command), [](const proto::Reply&) {});
    return reply(std::move(early));
  }
  Propose(std::move(command), std::move(reply));
}

// Reads every file of the directory, so it runs on the Worker, and once at a time for each snapshot.
void Replica::HandleInspect(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  const auto id = IdFromBytes<SnapshotId>(request.inspect_snapshot().snapshot());
  if (row_machine_ == nullptr || !id.ok()) return reply(Refuse(proto::BAD_REQUEST, "not a snapshot of a tablet"));
  if (inspections_.size() >= kInspectionsMax || !inspections_.insert(*id).second) {
    return reply(Refuse(proto::UNAVAILABLE, "the snapshot is being inspected"));
  }
  const auto found = std::make_shared<absl::StatusOr<SnapshotContents>>(absl::UnknownError("not inspected"));
  context_.seams->worker->Run(
      LogicalIdentity{Mix({0x696e7370, tablet_.lo, id->hi, id->lo})},
      [storage = storage(), directory = layout_.snapshot(*id), found] {
        *found = InspectSnapshotDirectory(storage, directory);
      },
      [this, id = *id, found, reply = std::move(reply)] {
        inspections_.erase(id);
        reply(InspectionReply(*found));
      });
}

void Replica::HandleClose(std::function<void(proto::Reply)> reply) {
  if (row_machine_ == nullptr) return reply(Refuse(proto::BAD_REQUEST, "not a tablet"));
  if (!is_leader()) return reply(NotLeader());
  if (markers_.closed()) {
    proto::Reply done = Refuse(proto::OK, "");
    *done.mutable_op() = markers_.closed()->op();
    return reply(std::move(done));
  }
  proto::Command command;
  command.mutable_close();
  Propose(std::move(command), std::move(reply));
}

void Replica::HandleMaintenance(const proto::Request& request, std::function<void(proto::Reply)> reply) {
  proto::Reply done;
  done.set_code(proto::OK);
  switch (request.maintenance().kind()) {
    case proto::Maintenance::FLUSH:
      flush_wanted_ = true;
      break;
    case proto::Maintenance::COMPACT:
      compaction_wanted_ = true;
      break;
    case proto::Maintenance::TRANSFER_LEADER: {
      const ReplicaId target = MemberOn(NodeId{request.maintenance().target_node()});
      if (absl::Status status = raft_->TransferLeader(target); !status.ok()) {
        done = Refuse(proto::UNAVAILABLE, std::string(status.message()));
      }
      break;
    }
    case proto::Maintenance::STEP_DOWN:
      raft_->StepDown();
      break;
    default:
      done = Refuse(proto::BAD_REQUEST, "unknown maintenance");
  }
  Pump();
  reply(std::move(done));
}

}  // namespace sut
