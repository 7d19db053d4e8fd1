// What sut-admin's import_snapshot prints, for other tools that import. The commands themselves: ExportCommands in
// admin_commands.h.

#ifndef SUT_TOOLS_EXPORT_COMMANDS_H_
#define SUT_TOOLS_EXPORT_COMMANDS_H_

#include <ostream>

#include "sut/proto/backup.pb.h"
#include "sut/tools/snapshot_transfer.h"

namespace sut {

// What became of each id: keyspace, table, tablets, snapshot.
void PrintMapping(const proto::SnapshotExport& exported, const ImportedSnapshot& imported, std::ostream& out);

}  // namespace sut

#endif  // SUT_TOOLS_EXPORT_COMMANDS_H_
