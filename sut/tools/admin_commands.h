// The commands of sut-admin. Their output follows YugabyteDB's yb-admin: columns end with a space and a tab.
//
// A command writes to `out` only what it has done or found. WrongArguments from Run means just that, and the caller
// prints the usage. Thread rule: single-threaded; calls block.

#ifndef SUT_TOOLS_ADMIN_COMMANDS_H_
#define SUT_TOOLS_ADMIN_COMMANDS_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/server/remote_client.h"

namespace sut {

using AdminArguments = std::vector<std::string>;

struct AdminCommand {
  std::string name;
  std::string arguments;  // as the usage shows them
  std::string summary;
  size_t arguments_min = 0;
  size_t arguments_max = 0;
  std::function<absl::Status(RemoteClient& client, const AdminArguments& arguments, std::ostream& out)> run;
};

// In the order of the usage.
const std::vector<AdminCommand>& AdminCommands();

// The groups that AdminCommands is made of, each in a file of its own.
std::vector<AdminCommand> SnapshotCommands();
std::vector<AdminCommand> TableCommands();

// "Not found": the code as users of yb-admin know it.
std::string CodeName(absl::StatusCode code);

// What the arguments themselves make wrong, whatever the cluster holds.
absl::Status WrongArguments(const std::string& what);
bool IsWrongArguments(const absl::Status& status);

// --- For the commands ------------------------------------------------------------------------------------------------

inline constexpr int64_t kAdminTimeoutUs = 60'000'000;
inline constexpr size_t kIdWidth = 32;

// Padded to `width`, then the separator.
std::string Column(std::string text, size_t width);
std::string HexOf(const std::string& bytes);
// "Not found: Table with name 't' not found in namespace 'n'".
absl::StatusOr<proto::TableInfo> FindTable(RemoteClient& client, const std::string& keyspace, const std::string& name);

// Has the table's replicas do `kind`, and waits until they have. A replica that can't be reached does not stand in the
// way of a majority. DeadlineExceeded if it takes longer.
struct MaintainOptions {
  proto::Maintenance::Kind kind = proto::Maintenance::FLUSH;
  int64_t timeout_us = 0;
};
absl::Status MaintainTable(RemoteClient& client, const proto::TableInfo& table, const MaintainOptions& options);
// The same with the lines that tell of a flush.
absl::Status FlushTable(RemoteClient& client, const proto::TableInfo& table, int64_t timeout_us, std::ostream& out);
// From seconds, 1..3600.
absl::StatusOr<int64_t> ParseTimeoutUs(const std::string& text);

}  // namespace sut

#endif  // SUT_TOOLS_ADMIN_COMMANDS_H_
