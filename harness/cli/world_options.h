// Where a command runs its plans: in simulation, or in real processes, and what those need.

#ifndef HARNESS_CLI_WORLD_OPTIONS_H_
#define HARNESS_CLI_WORLD_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "harness/process/work_directory.h"
#include "harness/run/trial.h"

namespace holdfast::cli {

struct WorldFlags {
  std::string cluster = "sim";
  uint32_t speed = 4;
  std::string server_binary;  // empty: beside this command
  std::string work_dir;
  bool keep_data = false;
};

// --cluster.
void AddClusterOption(CLI::App* command, WorldFlags* flags);
// --speed.
void AddSpeedOption(CLI::App* command, WorldFlags* flags);
// --server-binary, --work-dir and --keep-data.
void AddProcessOptions(CLI::App* command, WorldFlags* flags);

// What runs in processes need, for as long as the object lives: a directory above those of all clusters goes with it,
// so that nothing is left of a run that was killed.
class ProcessWorld {
 public:
  // InvalidArgument: no server there, or no such directory.
  static absl::StatusOr<ProcessWorld> Make(const WorldFlags& flags);
  const run::ProcessPlaces& places() const { return places_; }

 private:
  run::ProcessPlaces places_;
  std::unique_ptr<process::WorkDirectory> directory_;
};

bool IsProcesses(const WorldFlags& flags);
// What runs in processes need; nothing for others.
absl::StatusOr<std::optional<ProcessWorld>> MakeWorld(const WorldFlags& flags);
run::ProcessPlaces PlacesOf(const std::optional<ProcessWorld>& world);

// A run in processes takes the time that its plan takes, on a machine that may be busy.
inline constexpr int64_t kProcessTimeoutMs = 3'600'000;

}  // namespace holdfast::cli

#endif  // HARNESS_CLI_WORLD_OPTIONS_H_
