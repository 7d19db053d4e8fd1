// sut-admin: snapshots and tables of a running cluster, with the commands and the output of YugabyteDB's yb-admin.
// Exit codes: 0 done, 1 not done or wrong arguments, with the reason on stderr.

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "sut/server/addresses.h"
#include "sut/tools/admin_commands.h"

namespace {

constexpr int kNotDone = 1;
constexpr int64_t kConnectTimeoutUs = 5'000'000;
constexpr char kAddressFlag[] = "--master_addresses";

void PrintUsage(std::ostream& out) {
  out << "Usage: sut-admin [" << kAddressFlag << " HOST:PORT[,HOST:PORT]...] <command> [<argument>]...\n"
      << "The addresses are of any nodes of the cluster, 127.0.0.1:9100 by default. Commands:\n";
  for (const sut::AdminCommand& command : sut::AdminCommands()) {
    out << "  " << command.name << (command.arguments.empty() ? "" : " ") << command.arguments << "\n      "
        << command.summary << "\n";
  }
}

int Fail(const sut::AdminCommand& command, const absl::Status& status) {
  std::cerr << "Error running " << command.name << ": " << sut::CodeName(status.code()) << ": "
            << std::string(status.message()) << "\n";
  return kNotDone;
}

int FailWithUsage(const sut::AdminCommand& command, const absl::Status& status) {
  Fail(command, status);
  std::cerr << "Usage: sut-admin " << command.name << (command.arguments.empty() ? "" : " ") << command.arguments
            << "\n";
  return kNotDone;
}

int Run(const sut::AdminCommand& command, const std::vector<std::string>& addresses,
        const std::vector<std::string>& arguments) {
  if (arguments.size() < command.arguments_min || arguments.size() > command.arguments_max) {
    return FailWithUsage(command, sut::WrongArguments("Wrong number of arguments"));
  }
  for (const std::string& address : addresses) {
    if (const auto parsed = sut::ParseAddress(address); !parsed.ok()) return Fail(command, parsed.status());
  }
  auto client = sut::RemoteClient::Connect(addresses, kConnectTimeoutUs);
  if (!client.ok()) return Fail(command, client.status());
  const absl::Status status = command.run(**client, arguments, std::cout);
  std::cout.flush();
  if (status.ok()) return 0;
  return sut::IsWrongArguments(status) ? FailWithUsage(command, status) : Fail(command, status);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  std::string addresses = "127.0.0.1:9100";
  if (words.size() >= 2 && (words[0] == kAddressFlag || words[0] == "-master_addresses")) {
    addresses = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.empty() || words[0] == "--help" || words[0] == "-h") {
    PrintUsage(words.empty() ? std::cerr : std::cout);
    return words.empty() ? kNotDone : 0;
  }
  for (const sut::AdminCommand& command : sut::AdminCommands()) {
    if (command.name != words[0]) continue;
    return Run(command, absl::StrSplit(addresses, ','), {words.begin() + 1, words.end()});
  }
  std::cerr << "Error running " << words[0] << ": Invalid argument: Unknown command\n";
  PrintUsage(std::cerr);
  return kNotDone;
}
