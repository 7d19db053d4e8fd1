#include "sut/tools/backup_files.h"

#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "sut/storage/directory.h"
#include "sut/tools/snapshot_transfer.h"

namespace sut {
namespace {

namespace fs = std::filesystem;

// Not a snapshot id, so a server that starts takes it for a left-over and removes it.
constexpr char kUnfinished[] = ".placing.tmp";

StorageSeam RealDisk() {
  StorageSeam seam;
  seam.env = rocksdb::Env::Default();
  return seam;
}

absl::Status Verify(const std::string& directory, const PlacedExpectation& expected) {
  const auto contents = InspectSnapshotDirectory(RealDisk(), directory);
  absl::Status status = contents.ok() ? CheckPlaced(*contents, expected) : contents.status();
  return status.ok() ? status : absl::Status(status.code(), absl::StrCat(directory, ": ", status.message()));
}

absl::StatusOr<CopiedDirectory> CopyFiles(const std::string& from, const std::string& to) {
  const StorageSeam disk = RealDisk();
  auto names = ListDirectory(disk, from);
  if (!names.ok()) return names.status();
  if (names->empty()) return absl::NotFoundError(absl::StrCat("there is nothing at ", from));
  if (absl::Status status = RemoveTree(disk, to); !status.ok()) return status;
  if (absl::Status status = CreateDirectoryChain(disk, to); !status.ok()) return status;
  CopiedDirectory copied;
  for (const std::string& name : *names) {
    std::error_code error;
    const fs::path source = fs::path(from) / name;
    if (!fs::is_regular_file(fs::symlink_status(source, error))) {
      return absl::DataLossError(absl::StrCat(source.string(), " is no plain file"));
    }
    fs::copy_file(source, fs::path(to) / name, error);
    if (error) return absl::UnavailableError(absl::StrCat("can't copy ", source.string(), ": ", error.message()));
    ++copied.files;
    copied.bytes += fs::file_size(source, error);
  }
  if (absl::Status status = SyncFiles(disk, to); !status.ok()) return status;
  return copied;
}

}  // namespace

std::string BackupMetaFile(const std::string& backup) { return absl::StrCat(backup, "/snapshot.meta"); }

std::string BackupTabletDirectory(const std::string& backup, const std::string& tablet_bytes) {
  return absl::StrCat(backup, "/", absl::BytesToHexString(tablet_bytes));
}

absl::StatusOr<CopiedDirectory> CopyVerified(const DirectoryCopy& copy) {
  if (fs::exists(copy.to)) return absl::AlreadyExistsError(absl::StrCat(copy.to, " is there already"));
  const std::string unfinished = absl::StrCat(copy.to, kUnfinished);
  auto copied = CopyFiles(copy.from, unfinished);
  absl::Status status = copied.ok() ? Verify(unfinished, copy.expected) : copied.status();
  if (status.ok()) {
    std::error_code error;
    fs::rename(unfinished, copy.to, error);
    if (error) status = absl::UnavailableError(absl::StrCat("can't make ", copy.to, ": ", error.message()));
  }
  if (status.ok()) status = SyncDirectory(RealDisk(), ParentDirectory(copy.to));
  if (status.ok()) return copied;
  std::error_code ignored;  // the reason for it is what matters
  fs::remove_all(unfinished, ignored);
  return status;
}

absl::StatusOr<proto::SnapshotExport> ReadBackup(const std::string& backup) {
  auto exported = ReadExportFile(BackupMetaFile(backup));
  if (!exported.ok()) return exported;
  for (const auto& table : exported->tables()) {
    for (const auto& tablet : table.tablets()) {
      const absl::Status status =
          Verify(BackupTabletDirectory(backup, tablet.id()), {tablet.source(), tablet.hash_begin(), tablet.hash_end()});
      if (!status.ok()) return status;
    }
  }
  return exported;
}

}  // namespace sut
