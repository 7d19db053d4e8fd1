#include "harness/process/disk_capture.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "sut/storage/directory.h"

namespace holdfast::process {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockFile = "LOCK";
constexpr const char* kSnapshotsSuffix = ".snapshots";

// Below a tablet's directory of snapshots.
bool InSnapshots(const fs::path& relative) {
  return std::any_of(relative.begin(), relative.end(),
                     [](const fs::path& part) { return absl::EndsWith(part.string(), kSnapshotsSuffix); });
}

// Which files a directory holds, so that another with the same answer has the same content.
std::string FilesOf(const std::string& directory, const std::vector<std::string>& names) {
  std::string files;
  for (const std::string& name : names) {
    struct stat info {};
    if (stat(absl::StrCat(directory, "/", name).c_str(), &info) != 0) continue;
    absl::StrAppend(&files, name, " ", info.st_ino, " ", info.st_size, " ", info.st_mtim.tv_sec, ".",
                    info.st_mtim.tv_nsec, "\n");
  }
  return files;
}

}  // namespace

absl::Status CaptureTree(const TreeCopy& copy) {
  std::error_code error;
  const auto failed = [&](const fs::path& path) {
    return absl::UnavailableError(absl::StrCat("looking at ", path.string(), ": ", error.message()));
  };
  fs::create_directories(copy.to, error);
  if (error) return failed(copy.to);
  fs::recursive_directory_iterator entries(copy.from, error);
  if (error == std::errc::no_such_file_or_directory) return absl::OkStatus();  // the node has never started
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    const fs::path relative = entries->path().lexically_relative(copy.from);
    const fs::path to = fs::path(copy.to) / relative;
    if (entries->is_directory(error)) {
      fs::create_directory(to, error);
    } else if (sut::IsTableFile(to.filename().string()) || InSnapshots(relative)) {
      fs::create_hard_link(entries->path(), to, error);
    } else if (to.filename() != kLockFile) {
      fs::copy_file(entries->path(), to, error);
    }
    if (error) return failed(entries->path());
  }
  return error ? failed(copy.from) : absl::OkStatus();
}

CapturedDisk::CapturedDisk() { seam_.env = rocksdb::Env::Default(); }

std::vector<std::string> CapturedDisk::NamesIn(const std::string& directory) {
  auto names = sut::ListDirectory(seam_, directory);
  return names.ok() ? *std::move(names) : std::vector<std::string>();
}

std::shared_ptr<const StoreContent> CapturedDisk::ReadStore(const std::string& directory, RowKeys row_keys) {
  return std::make_shared<StoreContent>(holdfast::ReadStore(seam_, directory, row_keys));
}

std::shared_ptr<const StoreContent> CapturedDisk::ReadSnapshot(const std::string& directory, RowKeys row_keys) {
  const std::string files = FilesOf(directory, NamesIn(directory));
  if (const auto known = snapshots_.find(files); known != snapshots_.end()) return known->second;
  if (snapshots_.size() >= kCachedMax) snapshots_.clear();
  const auto content = std::make_shared<StoreContent>(holdfast::ReadSnapshot(seam_, directory, row_keys));
  snapshots_[files] = content;
  return content;
}

absl::StatusOr<std::vector<JournaledReplica>> CapturedDisk::ReadJournal(const std::string& log_store_directory) {
  return holdfast::ReadJournal(seam_, log_store_directory);
}

}  // namespace holdfast::process
