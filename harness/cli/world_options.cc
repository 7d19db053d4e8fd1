#include "harness/cli/world_options.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServerName = "holdfast-sut-server";

std::string BesideThisCommand() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / kServerName).string();
}

}  // namespace

void AddClusterOption(CLI::App* command, WorldFlags* flags) {
  command->add_option("--cluster", flags->cluster, "Where plans run: sim, or process for real servers on this machine")
      ->check(CLI::IsMember({"sim", "process"}))
      ->capture_default_str();
}

void AddSpeedOption(CLI::App* command, WorldFlags* flags) {
  command
      ->add_option("--speed", flags->speed,
                   "In processes: how many times as fast as the clock the plan's time runs, the nodes' time-outs too")
      ->check(CLI::Range(1, 20))
      ->capture_default_str();
}

void AddProcessOptions(CLI::App* command, WorldFlags* flags) {
  command->add_option("--server-binary", flags->server_binary, "The chaos build of the server [beside this command]")
      ->type_name("FILE");
  command->add_option("--work-dir", flags->work_dir, "Where clusters of processes keep their files [TMPDIR]")
      ->type_name("DIR");
  command->add_flag("--keep-data", flags->keep_data, "Leave the files of clusters of processes there");
}

bool IsProcesses(const WorldFlags& flags) { return flags.cluster == "process"; }

absl::StatusOr<ProcessWorld> ProcessWorld::Make(const WorldFlags& flags) {
  ProcessWorld world;
  world.places_.server_binary = flags.server_binary.empty() ? BesideThisCommand() : flags.server_binary;
  if (access(world.places_.server_binary.c_str(), X_OK) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--server-binary ", world.places_.server_binary, ": no such program"));
  }
  auto directory = process::WorkDirectory::Create(flags.work_dir);
  if (!directory.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--work-dir ", directory.status().message()));
  }
  world.directory_ = *std::move(directory);
  world.places_.work_dir = world.directory_->path();
  world.places_.keep_directories = flags.keep_data;
  if (flags.keep_data) {
    world.directory_->Keep();
    absl::FPrintF(stderr, "data: %s\n", world.places_.work_dir);
  }
  return world;
}

absl::StatusOr<std::optional<ProcessWorld>> MakeWorld(const WorldFlags& flags) {
  if (!IsProcesses(flags)) return std::nullopt;
  absl::StatusOr<ProcessWorld> world = ProcessWorld::Make(flags);
  if (!world.ok()) return world.status();
  return std::optional<ProcessWorld>(*std::move(world));
}

run::ProcessPlaces PlacesOf(const std::optional<ProcessWorld>& world) {
  return world ? world->places() : run::ProcessPlaces();
}

}  // namespace holdfast::cli
