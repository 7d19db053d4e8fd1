#include "sut/tablet/incoming_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "sut/raft/wire.h"
#include "sut/storage/checkpoint.h"
#include "sut/storage/placed.h"
#include "sut/tablet/shipped_directory.h"

namespace sut {
namespace {

constexpr int kDirectoriesMax = 4096;
constexpr int kFilesMax = 100'000;

bool ValidDirectory(const proto::ShippedDirectory& directory) {
  return directory.files_size() <= kFilesMax &&
         std::all_of(directory.files().begin(), directory.files().end(),
                     [](const proto::FileInfo& file) { return IsPlainFileName(file.name()); });
}

absl::Status RemoveAllButOffered(const StorageSeam& storage, const std::string& incoming,
                                 const proto::InstallOffer& offer) {
  std::set<std::string> offered;
  for (const proto::ShippedDirectory& directory : offer.directories()) offered.insert(ShippedName(directory));
  auto names = ListDirectory(storage, incoming);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (offered.contains(name)) continue;
    if (absl::Status status = RemoveTree(storage, absl::StrCat(incoming, "/", name)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// The names of the files in `path` that are as they are offered; all others are removed. One that was cut short, by
// the end of its session or by a loss of power, has another size or checksum.
absl::StatusOr<std::set<std::string>> KeepWhatIsOffered(const StorageSeam& storage, const std::string& path,
                                                        const proto::ShippedDirectory& directory) {
  std::map<std::string, const proto::FileInfo*> offered;
  for (const proto::FileInfo& file : directory.files()) offered[file.name()] = &file;
  auto present = ListDirectory(storage, path);
  if (!present.ok()) return present.status();
  std::set<std::string> kept;
  for (const std::string& name : *present) {
    const auto wanted = offered.find(name);
    if (wanted != offered.end() && VerifyFile(storage, path, *wanted->second).ok()) {
      kept.insert(name);
    } else if (absl::Status status = RemoveFile(storage, absl::StrCat(path, "/", name)); !status.ok()) {
      return status;
    }
  }
  return kept;
}

}  // namespace

bool ValidOffer(const proto::InstallOffer& offer) {
  if (offer.directories_size() == 0 || offer.directories_size() > kDirectoriesMax) return false;
  const auto config = raft::FromProto(offer.config());
  if (!config.ok() || config->voters.empty()) return false;
  const proto::ShippedDirectory& rows = offer.directories(0);
  // A store is never empty, so there is always something to ask for.
  const bool has_rows = std::any_of(rows.files().begin(), rows.files().end(),
                                    [](const proto::FileInfo& file) { return file.size() > 0; });
  if (!has_rows || !rows.snapshot().empty() || !ValidDirectory(rows)) return false;
  std::set<std::string> snapshots;
  for (int i = 1; i < offer.directories_size(); ++i) {
    const proto::ShippedDirectory& directory = offer.directories(i);
    if (directory.snapshot().size() != 16 || !snapshots.insert(directory.snapshot()).second) return false;
    if (!ValidDirectory(directory)) return false;
  }
  return true;
}

absl::Status VerifyShipped(const StorageSeam& storage, const std::string& path,
                           const proto::ShippedDirectory& directory) {
  const std::vector<proto::FileInfo> files(directory.files().begin(), directory.files().end());
  if (absl::Status status = VerifyFiles(storage, path, files); !status.ok()) return status;
  if (!directory.snapshot().empty()) {
    const auto metadata = VerifySnapshot(storage, path);
    if (!metadata.ok()) return metadata.status();
    if (metadata->snapshot() != directory.snapshot()) return absl::DataLossError("the shipped snapshot is another one");
  }
  return SyncFiles(storage, path);
}

absl::StatusOr<OfferedFiles> PrepareIncoming(const StorageSeam& storage, const ReplicaLayout& layout,
                                             const proto::InstallOffer& offer) {
  if (absl::Status status = RemoveAllButOffered(storage, layout.incoming(), offer); !status.ok()) return status;
  OfferedFiles there;
  for (int i = 0; i < offer.directories_size(); ++i) {
    const proto::ShippedDirectory& directory = offer.directories(i);
    const std::string path = absl::StrCat(layout.incoming(), "/", ShippedName(directory));
    if (absl::Status status = CreateDirectoryChain(storage, path); !status.ok()) return status;
    const auto kept = KeepWhatIsOffered(storage, path, directory);
    if (!kept.ok()) return kept.status();
    for (int j = 0; j < directory.files_size(); ++j) {
      const proto::FileInfo& file = directory.files(j);
      const bool came = kept->contains(file.name());
      if (!came && file.size() > 0) continue;  // comes in chunks
      there.emplace(i, j);
      if (came) continue;
      const std::string empty = absl::StrCat(path, "/", file.name());
      if (absl::Status status = WriteChunk(storage, empty, 0, ""); !status.ok()) return status;
    }
  }
  return there;
}

absl::Status MoveInPlace(const StorageSeam& storage, const ReplicaLayout& layout, const std::vector<SnapshotId>& wanted,
                         BugSet bugs) {
  if (absl::Status status = CreateDirectoryChain(storage, layout.snapshots()); !status.ok()) return status;
  const auto remove = [&](SnapshotId id) -> absl::Status {
    // By way of another name, so that no half-removed directory is ever under a final one.
    if (absl::Status status = RemoveTree(storage, layout.snapshot_trash(id)); !status.ok()) return status;
    absl::Status moved = Publish(storage, layout.snapshot(id), layout.snapshot_trash(id), bugs);
    if (!moved.ok()) return moved;
    return RemoveTree(storage, layout.snapshot_trash(id));
  };
  auto present = ListDirectory(storage, layout.snapshots());
  if (!present.ok()) return present.status();
  for (const std::string& name : *present) {
    const auto id = IdFromHex<SnapshotId>(name);
    if (!id.ok()) {
      // Half made or half removed: by an earlier attempt, or by a barrier that was held up when the install came.
      if (absl::Status status = RemoveTree(storage, absl::StrCat(layout.snapshots(), "/", name)); !status.ok()) {
        return status;
      }
      continue;
    }
    bool kept = false;
    for (const SnapshotId one : wanted) kept = kept || one == *id;
    if (kept) {
      auto incoming = DirectoryExists(storage, layout.incoming(*id));
      if (!incoming.ok()) return incoming.status();
      if (!*incoming) continue;
    } else if (IsPlaced(storage, layout.snapshot(*id), *id)) {
      continue;  // not the leader's business: an import is to adopt it yet
    }
    if (absl::Status status = remove(*id); !status.ok()) return status;
  }
  for (const SnapshotId id : wanted) {
    auto incoming = DirectoryExists(storage, layout.incoming(id));
    if (!incoming.ok()) return incoming.status();
    if (!*incoming) continue;
    if (absl::Status status = Publish(storage, layout.incoming(id), layout.snapshot(id), bugs); !status.ok())
      return status;
  }
  // An earlier attempt may have died between a rename and its fsync.
  if (absl::Status status = SyncDirectory(storage, layout.snapshots()); !status.ok()) return status;
  return RemoveTree(storage, layout.incoming());
}

}  // namespace sut
