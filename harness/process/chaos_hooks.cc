#include "harness/process/chaos_hooks.h"

#include <algorithm>

namespace holdfast::process {
namespace {

void Fill(const sut::ApplyObserver::Applied& applied, LedgerRecord::Entry* entry) {
  entry->set_tablet(sut::Bytes(applied.tablet));
  entry->set_term(applied.op.term.value);
  entry->set_index(applied.op.index.value);
  entry->set_hash(applied.entry_hash);
  entry->set_is_command(applied.is_command);
  if (applied.is_command && applied.tablet != sut::kMasterTablet && applied.data != nullptr) {
    entry->set_data(*applied.data);
  }
}

template <typename Record>
void Fill(sut::TabletId tablet, sut::OpId op, Record* record) {
  record->set_tablet(sut::Bytes(tablet));
  record->set_term(op.term.value);
  record->set_index(op.index.value);
}

}  // namespace

void ChaosHooks::OnServing(int port) {
  LedgerRecord record;
  record.mutable_serving()->set_port(static_cast<uint32_t>(port));
  ledger_->Append(record);
}

void ChaosHooks::Hit(sut::Probe probe, sut::TabletId tablet) {
  LedgerRecord record;
  record.mutable_probe()->set_probe(static_cast<uint32_t>(probe));
  if (!tablet.is_nil()) record.mutable_probe()->set_tablet(sut::Bytes(tablet));
  ledger_->Append(record);
  control_->OnHit(node_, probe);
}

void ChaosHooks::OnRecovered(sut::TabletId tablet, sut::ReplicaId, sut::OpId applied) {
  LedgerRecord record;
  Fill(tablet, applied, record.mutable_recovered());
  ledger_->Append(record);
}

void ChaosHooks::OnBegun(const Applied& applied) {
  LedgerRecord record;
  Fill(applied, record.mutable_begun());
  ledger_->Append(record);
}

void ChaosHooks::OnApplied(const Applied& applied) {
  LedgerRecord record;
  Fill(applied, record.mutable_applied());
  ledger_->Append(record);
}

int64_t ChaosHooks::NowUs(int64_t true_us) {
  last_us_ = std::max(last_us_, true_us + control_->ReadClock(node_).ahead_us);
  return last_us_;
}

int64_t ChaosHooks::TrueDelayUs(int64_t delay_us) {
  return delay_us * 1000 / (1000 + control_->ReadClock(node_).drift_permille);
}

void ChaosHooks::OnInstalled(sut::TabletId tablet, sut::ReplicaId, sut::OpId op) {
  LedgerRecord record;
  Fill(tablet, op, record.mutable_installed());
  ledger_->Append(record);
}

}  // namespace holdfast::process
