#include "harness/cluster/snapshot_copy.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harness/cluster/store_content.h"
#include "rocksdb/env.h"
#include "sut/storage/directory.h"
#include "sut/storage/rocksdb_calls.h"

namespace holdfast {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{256} << 20;

absl::Status PlaceAs(const sut::StorageSeam& seam, const std::string& unfinished, const std::string& directory,
                     const DirectoryFiles& files) {
  if (absl::Status status = sut::RemoveTree(seam, unfinished); !status.ok()) return status;
  if (absl::Status status = sut::CreateDirectoryChain(seam, unfinished); !status.ok()) return status;
  for (const auto& [name, bytes] : files) {
    const absl::Status written = sut::WriteChunk(seam, absl::StrCat(unfinished, "/", name), 0, bytes);
    if (!written.ok()) return written;
  }
  if (absl::Status status = sut::SyncFiles(seam, unfinished); !status.ok()) return status;
  if (absl::Status status = sut::RemoveTree(seam, directory); !status.ok()) return status;
  const rocksdb::Status renamed = seam.env->RenameFile(unfinished, directory);
  if (!renamed.ok()) return sut::FromRocksdb(renamed, absl::StrCat("rename to ", directory));
  return sut::SyncDirectory(seam, directory.substr(0, directory.rfind('/')));
}

}  // namespace

absl::StatusOr<SnapshotCopy> CopySnapshotOut(const sut::StorageSeam& seam, const std::string& directory) {
  SnapshotCopy copy;
  auto contents = sut::InspectSnapshotDirectory(seam, directory);
  if (!contents.ok()) return contents.status();
  copy.contents = *std::move(contents);
  StoreContent rows = ReadSnapshot(seam, directory, RowKeys::kTablet);
  if (!rows.error.empty()) return absl::DataLossError(rows.error);
  copy.rows = std::move(rows.rows);
  auto names = sut::ListDirectory(seam, directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    auto bytes = sut::ReadChunk(seam, absl::StrCat(directory, "/", name), 0, kFileBytesMax);
    if (!bytes.ok()) return bytes.status();
    copy.files[name] = *std::move(bytes);
  }
  return copy;
}

absl::Status PlaceSnapshotFiles(const sut::StorageSeam& seam, const std::string& directory,
                                const DirectoryFiles& files) {
  const std::string unfinished = absl::StrCat(directory, kPlacingSuffix);
  absl::Status placed = PlaceAs(seam, unfinished, directory, files);
  // A disk that failed may fail once more: then the next placing removes it, or the node's next start.
  if (!placed.ok()) sut::RemoveTree(seam, unfinished).IgnoreError();
  return placed;
}

}  // namespace holdfast
