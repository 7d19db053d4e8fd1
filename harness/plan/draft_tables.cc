// Steps of a draft that concern whole tables.

#include "harness/plan/draft.h"

namespace holdfast::plan {
namespace {

constexpr uint32_t kFirstImport = 1'000;  // above the numbers of snapshots that are created

}  // namespace

void Draft::DropTable(uint64_t at_us, uint32_t table) {
  TableOperation* operation = Add(at_us)->mutable_table();
  operation->set_client(ClientOf({}));
  operation->mutable_drop()->set_table(table);
}

void Draft::DropTableWhen(uint64_t at_us, std::initializer_list<sut::Probe> probes, uint32_t table) {
  if (!swarm_.has(Kind::kTrigger)) return DropTable(at_us, table);
  TableOperation* operation = AddWhen(at_us, probes)->mutable_table();
  operation->set_client(ClientOf({}));
  operation->mutable_drop()->set_table(table);
}

Draft::Exported Draft::Export(uint64_t at_us, const CreatedSnapshot& snapshot) {
  const Exported exported{static_cast<uint32_t>(++counts_.exports), snapshot};
  TableOperation* operation = Add(at_us)->mutable_table();
  operation->set_client(ClientOf({}));
  operation->mutable_export_snapshot()->set_snapshot(snapshot.number);
  operation->mutable_export_snapshot()->set_number(exported.number);
  return exported;
}

Draft::CreatedSnapshot Draft::Import(uint64_t at_us, const Exported& exported) {
  const auto shift = static_cast<uint32_t>(random_.NextBelow(shape().tables()));
  CreatedSnapshot snapshot{.number = kFirstImport + static_cast<uint32_t>(counts_.imports++),
                           .at_us = at_us,
                           .tables = exported.snapshot.tables};
  // Into others too, and in another order: their tablets may have other bounds.
  for (uint32_t& table : snapshot.tables) table = (table + shift) % shape().tables();
  TableOperation* operation = Add(at_us)->mutable_table();
  operation->set_client(ClientOf({}));
  operation->mutable_import_snapshot()->set_number(exported.number);
  operation->mutable_import_snapshot()->set_snapshot(snapshot.number);
  for (const uint32_t table : snapshot.tables) operation->mutable_import_snapshot()->add_tables(table);
  return snapshot;
}

void Draft::Damage(uint64_t at_us, const Exported& exported) {
  fault::BackupDamage* damage = Add(at_us)->mutable_table()->mutable_damage();
  damage->set_number(exported.number);
  damage->set_kind(static_cast<fault::BackupDamage::Kind>(Between(0, fault::BackupDamage::Kind_MAX)));
  damage->set_tablet(static_cast<uint32_t>(random_.NextBelow(shape().tablets_per_table())));
}

}  // namespace holdfast::plan
