// One proto::Command to one check::LedgerEntry.

#include "harness/cluster/ledger_entry.h"

#include <string>

#include "sut/proto/command.pb.h"

namespace holdfast {

namespace {

check::LedgerMutation MutationOf(const sut::proto::Mutation& from) {
  check::LedgerMutation mutation;
  switch (from.kind()) {
    case sut::proto::Mutation::DELETE:
      mutation.kind = check::LedgerMutation::Kind::kDelete;
      break;
    case sut::proto::Mutation::INCREMENT:
      mutation.kind = check::LedgerMutation::Kind::kIncrement;
      break;
    default:
      mutation.kind = check::LedgerMutation::Kind::kPut;
      break;
  }
  mutation.key = from.key();
  mutation.value = from.value();
  mutation.delta = from.delta();
  return mutation;
}

check::AdoptedPart PartOf(const sut::proto::SnapshotSource& source, const PlanIds& ids) {
  check::AdoptedPart part;
  const auto tablet = sut::IdFromBytes<sut::TabletId>(source.tablet());
  const auto snapshot = sut::IdFromBytes<sut::SnapshotId>(source.snapshot());
  part.tablet = tablet.ok() ? ids.ObjectNumber(*tablet).value_or(kUnknownNumber - 1) : kUnknownNumber - 1;
  part.snapshot = snapshot.ok() ? ids.SnapshotNumber(*snapshot).value_or(kUnknownNumber) : kUnknownNumber;
  part.op = {.term = source.op().term(), .index = source.op().index()};
  return part;
}

void TakeSnapshotOp(const sut::proto::TabletSnapshotOp& op, const PlanIds& ids, check::LedgerEntry* entry) {
  switch (op.kind()) {
    case sut::proto::TabletSnapshotOp::RESTORE:
      entry->kind = check::LedgerEntry::Kind::kRestore;
      break;
    case sut::proto::TabletSnapshotOp::DROP:
      entry->kind = check::LedgerEntry::Kind::kDropSnapshot;
      break;
    case sut::proto::TabletSnapshotOp::ABORT_CREATE:
      entry->kind = check::LedgerEntry::Kind::kAbortCreate;
      break;
    case sut::proto::TabletSnapshotOp::ADOPT:
      entry->kind = check::LedgerEntry::Kind::kAdoptSnapshot;
      entry->adopted = PartOf(op.source(), ids);
      break;
    default:
      entry->kind = check::LedgerEntry::Kind::kCreateSnapshot;
      break;
  }
  entry->snapshot = kUnknownNumber;
  if (const auto id = sut::IdFromBytes<sut::SnapshotId>(op.snapshot()); id.ok()) {
    entry->snapshot = ids.SnapshotNumber(*id).value_or(kUnknownNumber);
  }
  if (entry->kind != check::LedgerEntry::Kind::kRestore) return;
  entry->restoration = kUnknownNumber;
  if (const auto id = sut::IdFromBytes<sut::RestorationId>(op.restoration()); id.ok()) {
    entry->restoration = ids.RestorationNumber(*id).value_or(kUnknownNumber);
  }
}

}  // namespace

check::LogPosition ToLogPosition(sut::OpId op) { return {.term = op.term.value, .index = op.index.value}; }

uint32_t LedgerClientOf(const std::string& client_bytes, const PlanIds& ids) {
  const auto client = sut::IdFromBytes<sut::ClientId>(client_bytes);
  if (!client.ok()) return kUnknownNumber;
  const std::optional<uint32_t> session = ids.SessionNumber(*client);
  return session.has_value() ? *session + 1 : kUnknownNumber;
}

check::LedgerEntry LedgerEntryOf(const sut::ApplyObserver::Applied& applied, const PlanIds& ids) {
  check::LedgerEntry entry;
  entry.op = ToLogPosition(applied.op);
  entry.hash = applied.entry_hash;
  if (!applied.is_command || applied.tablet == sut::kMasterTablet || applied.data == nullptr) return entry;
  sut::proto::Command command;
  if (!command.ParseFromString(*applied.data)) return entry;
  if (command.has_request()) {
    entry.client = LedgerClientOf(command.request().client(), ids);
    entry.sequence = command.request().sequence();
    entry.first_incomplete = command.request().first_incomplete();
  }
  switch (command.op_case()) {
    case sut::proto::Command::kWrite:
      entry.kind = check::LedgerEntry::Kind::kWrite;
      for (const sut::proto::Mutation& mutation : command.write().mutations()) {
        entry.mutations.push_back(MutationOf(mutation));
      }
      break;
    case sut::proto::Command::kFence:
      entry.kind = check::LedgerEntry::Kind::kFence;
      entry.client = LedgerClientOf(command.fence().client(), ids);
      break;
    case sut::proto::Command::kSnapshot:
      TakeSnapshotOp(command.snapshot(), ids, &entry);
      break;
    case sut::proto::Command::kClose:
      entry.kind = check::LedgerEntry::Kind::kClose;
      break;
    default:
      break;
  }
  return entry;
}

}  // namespace holdfast
