// Steps on tables and exports as one line.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harness/plan/step_text.h"

namespace holdfast::plan {
namespace {

std::string DamageText(const fault::BackupDamage& damage) {
  const std::string where = absl::StrCat(" of tablet ", damage.tablet(), " of export ", damage.number());
  switch (damage.kind()) {
    case fault::BackupDamage::FILE_TRUNCATED:
      return absl::StrCat("truncate the file of export ", damage.number());
    case fault::BackupDamage::FILE_ROTTEN:
      return absl::StrCat("a bit rots in the file of export ", damage.number());
    case fault::BackupDamage::DIRECTORY_MISSING:
      return absl::StrCat("remove the directory", where);
    case fault::BackupDamage::DIRECTORY_TRUNCATED:
      return absl::StrCat("truncate a file in the directory", where);
    case fault::BackupDamage::DIRECTORY_ROTTEN:
      return absl::StrCat("a bit rots in the directory", where);
    case fault::BackupDamage::DIRECTORIES_SWAPPED:
      return absl::StrCat("swap the directory", where, " with the next one");
    case fault::BackupDamage::DIRECTORY_STALE:
      return absl::StrCat("put an older directory in the place of that", where);
    default:
      return "no damage";
  }
}

}  // namespace

std::string TableOperationText(const TableOperation& operation) {
  const std::string client = absl::StrCat("client ", operation.client(), ": ");
  switch (operation.op_case()) {
    case TableOperation::kDrop:
      return absl::StrCat(client, "drop table ", operation.drop().table());
    case TableOperation::kExportSnapshot:
      return absl::StrCat(client, "export snapshot ", operation.export_snapshot().snapshot(), " as export ",
                          operation.export_snapshot().number());
    case TableOperation::kImportSnapshot:
      return absl::StrCat(client, "import export ", operation.import_snapshot().number(), " as snapshot ",
                          operation.import_snapshot().snapshot(), " of table ",
                          absl::StrJoin(operation.import_snapshot().tables(), ", "));
    case TableOperation::kDamage:
      return DamageText(operation.damage());
    default:
      return absl::StrCat(client, "nothing");
  }
}

}  // namespace holdfast::plan
