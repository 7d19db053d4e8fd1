// What a step on tables or exports must be.

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harness/plan/validate.h"

namespace holdfast::plan {
namespace {

template <typename... Parts>
absl::Status Refuse(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

}  // namespace

absl::Status StepChecker::CheckTable(const TableOperation& operation) {
  if (operation.client() >= plan_.clients()) {
    return Refuse("client ", operation.client(), " of ", plan_.clients(), "; clients count from 0");
  }
  switch (operation.op_case()) {
    case TableOperation::kDrop:
      return CheckTablet(operation.drop().table(), 0);
    case TableOperation::kExportSnapshot:
      return CheckExport(operation.export_snapshot());
    case TableOperation::kImportSnapshot:
      return CheckImport(operation.import_snapshot());
    case TableOperation::kDamage: {
      const uint32_t number = operation.damage().number();
      if (!fault::BackupDamage::Kind_IsValid(operation.damage().kind())) return Refuse("unknown kind of damage");
      if (!exports_.contains(number)) return Refuse("damage to export ", number, ", which no earlier step makes");
      return absl::OkStatus();
    }
    case TableOperation::OP_NOT_SET:
      break;
  }
  return Refuse("a table operation that does nothing");
}

absl::Status StepChecker::CheckExport(const TableOperation::Export& exported) {
  const auto snapshot = snapshots_.find(exported.snapshot());
  if (snapshot == snapshots_.end()) {
    return Refuse("export of snapshot ", exported.snapshot(), ", which no earlier step creates");
  }
  if (!exports_.emplace(exported.number(), snapshot->second).second) {
    return Refuse("export ", exported.number(), " is made twice");
  }
  return absl::OkStatus();
}

absl::Status StepChecker::CheckImport(const TableOperation::Import& import) {
  const bool before = std::exchange(imports_, true);
  if (absl::Status status = CheckNoImportMeetsAChange(); !status.ok()) {
    imports_ = before;
    return status;
  }
  const auto exported = exports_.find(import.number());
  if (exported == exports_.end()) {
    return Refuse("import of export ", import.number(), ", which no earlier step makes");
  }
  if (import.tables_size() != exported->second) {
    return Refuse("import into ", import.tables_size(), " tables of an export of ", exported->second);
  }
  std::set<uint32_t> tables;
  for (const uint32_t table : import.tables()) {
    if (absl::Status status = CheckTablet(table, 0); !status.ok()) return status;
    if (!tables.insert(table).second) return Refuse("table ", table, " is named twice");
  }
  if (!snapshots_.emplace(import.snapshot(), import.tables_size()).second) {
    return Refuse("snapshot ", import.snapshot(), " is created twice");
  }
  return absl::OkStatus();
}

}  // namespace holdfast::plan
