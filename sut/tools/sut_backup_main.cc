// sut-backup: backs tables up and restores them, for a cluster that sut-ctl has made on this machine.
// Exit codes: 0 done, 1 not done, with the reason on stderr, 2 wrong arguments.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sut/tools/admin_commands.h"
#include "sut/tools/backup_commands.h"
#include "sut/tools/local_cluster.h"

namespace {

constexpr int kNotDone = 1;
constexpr int kUsage = 2;
constexpr int64_t kConnectTimeoutUs = 10'000'000;

std::string DefaultDataDir() {
  const char* home = std::getenv("HOME");
  return absl::StrCat(home != nullptr ? home : ".", "/sut-data");
}

absl::StatusOr<sut::TableName> ParseName(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not a keyspace and a table with a dot in between"));
  }
  return sut::TableName{text.substr(0, dot), text.substr(dot + 1)};
}

// Runs `command` on the cluster in `data_dir`.
template <typename Command>
absl::Status OnCluster(const std::string& data_dir, const Command& command) {
  const auto cluster = sut::LocalCluster::Open({data_dir, ""});
  if (!cluster.ok()) return cluster.status();
  const auto addresses = (*cluster)->RunningAddresses();
  if (addresses.empty()) return absl::UnavailableError("no node is running");
  auto client = sut::RemoteClient::Connect(addresses, kConnectTimeoutUs);
  if (!client.ok()) return client.status();
  return command(sut::BackupWorld{client->get(), data_dir, &std::cout});
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Backs up tables of a cluster on this machine, and restores them.");
  app.require_subcommand(1);
  std::string data_dir = DefaultDataDir();
  app.add_option("--data-dir", data_dir, "the cluster's, as of sut-ctl")->capture_default_str();

  sut::BackupRequest backup;
  CLI::App* create = app.add_subcommand("create", "back tables up into a new directory");
  create->add_option("keyspace", backup.keyspace)->required();
  create->add_option("table", backup.tables)->required()->expected(1, 64);
  create->add_option("--to", backup.directory, "the directory to make")->required();

  sut::RestoreRequest restore;
  std::string as;
  CLI::App* restoring = app.add_subcommand("restore", "restore tables from a backup");
  restoring->add_option("directory", restore.directory)->required();
  restoring->add_option("--as", as, "KEYSPACE.TABLE to restore into, instead of the backup's own");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "sut-backup: %s\n", error.what());
    return kUsage;
  }
  if (!as.empty()) {
    const auto name = ParseName(as);
    if (!name.ok()) {
      std::fprintf(stderr, "sut-backup: %s\n", std::string(name.status().message()).c_str());
      return kUsage;
    }
    restore.as = *name;
  }
  const absl::Status status = OnCluster(data_dir, [&](const sut::BackupWorld& world) {
    return create->parsed() ? CreateBackup(world, backup) : RestoreBackup(world, restore);
  });
  std::cout.flush();
  if (status.ok()) return 0;
  std::fprintf(stderr, "sut-backup: %s: %s\n", sut::CodeName(status.code()).c_str(),
               std::string(status.message()).c_str());
  return kNotDone;
}
