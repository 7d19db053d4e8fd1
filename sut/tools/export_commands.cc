// sut-admin's export_snapshot and import_snapshot.

#include "sut/tools/export_commands.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/tools/admin_commands.h"

namespace sut {
namespace {

constexpr size_t kObjectWidth = 16;
constexpr size_t kTablesMax = 64;

struct MappingRow {
  std::string object, old_id, new_id;
};

void PrintRow(const MappingRow& row, std::ostream& out) {
  std::string last = row.new_id;
  last.resize(kIdWidth, ' ');
  out << Column(row.object, kObjectWidth) << Column(row.old_id, kIdWidth) << last << "\n";
}

absl::StatusOr<std::vector<TableName>> NamesOf(const proto::SnapshotExport& exported,
                                               const std::vector<std::string>& words) {
  if (words.empty()) return NamesIn(exported);
  std::vector<TableName> names;
  for (size_t i = 0; i + 1 < words.size(); i += 2) names.push_back({words[i], words[i + 1]});
  if (words.size() % 2 != 0 || names.size() != static_cast<size_t>(exported.tables_size())) {
    return WrongArguments(absl::StrCat("A keyspace and a table for each of the snapshot's tables, of which there are ",
                                       exported.tables_size()));
  }
  return names;
}

absl::Status ExportCommand(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto id = IdFromHex<SnapshotId>(arguments[0]);
  if (!id.ok()) return absl::NotFoundError(absl::StrCat("Could not find snapshot: ", arguments[0]));
  const auto exported = ExportSnapshot(client, *id);
  if (!exported.ok()) return exported.status();
  out << "Exporting snapshot " << Hex(*id) << " (" << proto::SnapshotInfo::State_Name(exported->state()) << ") to file "
      << arguments[1] << "\n";
  if (absl::Status status = WriteExportFile(arguments[1], *exported); !status.ok()) return status;
  out << "Snapshot meta data was saved into file: " << arguments[1] << "\n";
  return absl::OkStatus();
}

absl::Status ImportCommand(RemoteClient& client, const AdminArguments& arguments, std::ostream& out) {
  const auto exported = ReadExportFile(arguments[0]);
  if (!exported.ok()) return exported.status();
  const auto names = NamesOf(*exported, {arguments.begin() + 1, arguments.end()});
  if (!names.ok()) return names.status();
  out << "Read snapshot meta file " << arguments[0] << "\n";
  out << "Importing snapshot " << HexOf(exported->snapshot()) << " ("
      << proto::SnapshotInfo::State_Name(exported->state()) << ")\n";
  const bool renamed = arguments.size() > 1;
  for (size_t i = 0; i < names->size(); ++i) {
    const auto& table = exported->tables(static_cast<int>(i));
    if (renamed) out << "Target imported table name: " << (*names)[i].keyspace << "." << (*names)[i].name << "\n";
    out << "Table being imported: " << table.keyspace().name() << "." << table.name() << "\n";
  }
  const auto imported = ImportSnapshot(client, *exported, *names);
  if (!imported.ok()) return imported.status();
  out << "Successfully applied snapshot.\n";
  PrintMapping(*exported, *imported, out);
  return absl::OkStatus();
}

}  // namespace

void PrintMapping(const proto::SnapshotExport& exported, const ImportedSnapshot& imported, std::ostream& out) {
  PrintRow({"Object", "Old ID", "New ID"}, out);
  for (size_t i = 0; i < imported.tables.size(); ++i) {
    const auto& old_table = exported.tables(static_cast<int>(i));
    const ImportedTable& now = imported.tables[i];
    PrintRow({"Keyspace", HexOf(old_table.keyspace().id()), HexOf(now.table.keyspace_id())}, out);
    PrintRow({"Table", HexOf(old_table.id()), HexOf(now.table.id())}, out);
    for (int k = 0; k < now.mapping.tablets_size(); ++k) {
      const auto& tablet = now.mapping.tablets(k);
      PrintRow({absl::StrCat("Tablet ", k), HexOf(tablet.source().tablet()), HexOf(tablet.tablet())}, out);
    }
  }
  PrintRow({"Snapshot", HexOf(exported.snapshot()), Hex(imported.id)}, out);
}

std::vector<AdminCommand> ExportCommands() {
  return {
      {"export_snapshot", "<snapshot_id> <file>", "write the snapshot's metadata into a file", 2, 2, ExportCommand},
      {"import_snapshot", "<file> [<keyspace> <table>]...",
       "make the snapshot known here, under new ids; its tablets' directories are to be placed then", 1,
       2 * kTablesMax + 1, ImportCommand},
  };
}

}  // namespace sut
