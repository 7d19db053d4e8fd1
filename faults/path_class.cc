#include "faults/path_class.h"

#include <array>

#include "sut/storage/checkpoint.h"

namespace holdfast::faults {
namespace {

constexpr std::array<std::string_view, kPathClassCount> kNames = {"any",      "raft-log",          "sst", "manifest",
                                                                  "snapshot", "snapshot-metadata", "tmp", "other"};

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool HasComponentEnding(std::string_view path, std::string_view suffix) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (path.substr(0, slash).ends_with(suffix)) return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
  return false;
}

}  // namespace

PathClass PathClassOf(std::string_view path) {
  if (HasComponentEnding(path, "raft-log")) return PathClass::kRaftLog;
  const std::string_view name = BaseName(path);
  const bool in_snapshots = HasComponentEnding(path, ".snapshots");
  if (in_snapshots && name == sut::kSnapshotMetadataFile) return PathClass::kSnapshotMetadata;
  if (HasComponentEnding(path, ".tmp") || HasComponentEnding(path, ".incoming") ||
      HasComponentEnding(path, ".outgoing")) {
    return PathClass::kTmp;
  }
  if (in_snapshots) return PathClass::kSnapshot;
  if (name.ends_with(".sst")) return PathClass::kSst;
  if (name.starts_with("MANIFEST-") || name == "CURRENT" || name.ends_with(".dbtmp")) return PathClass::kManifest;
  return PathClass::kOther;
}

std::string_view PathClassName(PathClass path_class) { return kNames[static_cast<size_t>(path_class)]; }

std::optional<PathClass> PathClassFromName(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<PathClass>(i);
  }
  return std::nullopt;
}

}  // namespace holdfast::faults
