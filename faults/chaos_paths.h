// Where a chaos disk keeps its own things below the data directory.

#ifndef FAULTS_CHAOS_PATHS_H_
#define FAULTS_CHAOS_PATHS_H_

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace holdfast::faults {

inline constexpr char kChaosDirectoryName[] = ".chaos";

inline std::string ChaosDirectory(const std::string& data_dir) {
  return absl::StrCat(data_dir, "/", kChaosDirectoryName);
}
inline std::string TrashDirectory(const std::string& data_dir) {
  return absl::StrCat(ChaosDirectory(data_dir), "/trash");
}
inline std::string TrashPath(const std::string& data_dir, uint64_t number) {
  return absl::StrCat(TrashDirectory(data_dir), "/", number);
}

// Removes all trash but the numbers in `kept`.
inline absl::Status EmptyTrash(const std::string& data_dir, const std::set<uint64_t>& kept) {
  std::set<std::string> names;
  for (const uint64_t number : kept) names.insert(std::to_string(number));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(TrashDirectory(data_dir), error)) {
    if (names.contains(entry.path().filename().string())) continue;
    std::filesystem::remove_all(entry.path(), error);
    if (error) break;
  }
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("emptying the trash of ", data_dir, ": ", error.message()));
}

}  // namespace holdfast::faults

#endif  // FAULTS_CHAOS_PATHS_H_
