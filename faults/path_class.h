// What a file of a node is for, told from its path: the classes that disk faults choose their victims by.
//
// Knows the layout of a node's data directory (sut/storage/layout.h) and the names that RocksDB gives its files; a path
// elsewhere is of class other, which only `any` takes in. Pure functions.

#ifndef FAULTS_PATH_CLASS_H_
#define FAULTS_PATH_CLASS_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::faults {

enum class PathClass : uint8_t {
  kAny,               // every path
  kRaftLog,           // all of the Raft log store
  kSst,               // table files of live row stores
  kManifest,          // MANIFEST and CURRENT of live row stores
  kSnapshot,          // files of finished snapshots, metadata apart
  kSnapshotMetadata,  // metadata files of snapshots, also while they are made
  kTmp,               // what is being made, received, shipped or removed
  kOther,
};
inline constexpr int kPathClassCount = static_cast<int>(PathClass::kOther) + 1;

// Never kAny. A directory is of the class of what lies in it: a directory of snapshots is kSnapshot.
PathClass PathClassOf(std::string_view path);
// Whether a fault on `wanted` strikes `path`.
inline bool Includes(PathClass wanted, std::string_view path) {
  return wanted == PathClass::kAny || PathClassOf(path) == wanted;
}

// "any", "raft-log", "sst", "manifest", "snapshot", "snapshot-metadata", "tmp", "other".
std::string_view PathClassName(PathClass path_class);
std::optional<PathClass> PathClassFromName(std::string_view name);

}  // namespace holdfast::faults

#endif  // FAULTS_PATH_CLASS_H_
