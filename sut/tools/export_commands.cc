#include "sut/tools/export_commands.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sut {
namespace {

constexpr size_t kObjectWidth = 16;
constexpr size_t kIdWidth = 32;

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

struct MappingRow {
  std::string object, old_id, new_id;
};

void PrintRow(const MappingRow& row, std::ostream& out) {
  out << Padded(row.object, kObjectWidth) << " \t" << Padded(row.old_id, kIdWidth) << " \t"
      << Padded(row.new_id, kIdWidth) << "\n";
}

std::string HexOf(const std::string& bytes) { return absl::BytesToHexString(bytes); }

absl::StatusOr<std::vector<TableName>> NamesOf(const proto::SnapshotExport& exported,
                                               const std::vector<std::string>& words) {
  if (words.empty()) return NamesIn(exported);
  std::vector<TableName> names;
  for (size_t i = 0; i + 1 < words.size(); i += 2) names.push_back({words[i], words[i + 1]});
  if (words.size() % 2 != 0 || names.size() != static_cast<size_t>(exported.tables_size())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "A keyspace and a table for each of the snapshot's tables, of which there are ", exported.tables_size()));
  }
  return names;
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

absl::Status ExportSnapshotCommand(RemoteClient& client, const std::vector<std::string>& arguments, std::ostream& out) {
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

absl::Status ImportSnapshotCommand(RemoteClient& client, const std::vector<std::string>& arguments, std::ostream& out) {
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

}  // namespace sut
