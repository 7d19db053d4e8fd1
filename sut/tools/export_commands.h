// sut-admin's export_snapshot and import_snapshot, with the output of YugabyteDB's yb-admin.
//
// Thread rule: single-threaded; calls block.

#ifndef SUT_TOOLS_EXPORT_COMMANDS_H_
#define SUT_TOOLS_EXPORT_COMMANDS_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sut/proto/backup.pb.h"
#include "sut/server/remote_client.h"
#include "sut/tools/snapshot_transfer.h"

namespace sut {

// <snapshot_id> <file>
absl::Status ExportSnapshotCommand(RemoteClient& client, const std::vector<std::string>& arguments, std::ostream& out);
// <file> [<keyspace> <table>]...
absl::Status ImportSnapshotCommand(RemoteClient& client, const std::vector<std::string>& arguments, std::ostream& out);

// What became of each id: keyspace, table, tablets, snapshot.
void PrintMapping(const proto::SnapshotExport& exported, const ImportedSnapshot& imported, std::ostream& out);

}  // namespace sut

#endif  // SUT_TOOLS_EXPORT_COMMANDS_H_
