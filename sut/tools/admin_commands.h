// The commands of sut-admin. Their output follows YugabyteDB's yb-admin: columns end with a space and a tab.
//
// A command writes to `out` only what it has done or found. An InvalidArgument from Run means wrong arguments, for
// which the caller prints the usage. Thread rule: single-threaded; calls block.

#ifndef SUT_TOOLS_ADMIN_COMMANDS_H_
#define SUT_TOOLS_ADMIN_COMMANDS_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "sut/server/remote_client.h"

namespace sut {

struct AdminCommand {
  std::string name;
  std::string arguments;  // as the usage shows them
  std::string summary;
  size_t arguments_min = 0;
  size_t arguments_max = 0;
  std::function<absl::Status(RemoteClient& client, const std::vector<std::string>& arguments, std::ostream& out)> run;
};

// In the order of the usage.
const std::vector<AdminCommand>& AdminCommands();

// "Not found": the code as users of yb-admin know it.
std::string CodeName(absl::StatusCode code);

}  // namespace sut

#endif  // SUT_TOOLS_ADMIN_COMMANDS_H_
