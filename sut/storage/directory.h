// Directories and plain files on a node's disk, with every fsync that RocksDB leaves out.
//
// Rule of creation: a directory is made durable in its parent before anything is made inside it. So of the directories
// that a crash left, only the deepest can be without its entry in the parent on disk; CreateDirectoryChain syncs that
// one anew. Thread rule: on the Worker, or on the loop during start-up.

#ifndef SUT_STORAGE_DIRECTORY_H_
#define SUT_STORAGE_DIRECTORY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sut/proto/storage.pb.h"
#include "sut/runtime/seams.h"

namespace sut {

// Creates `path` and its missing parents, fsyncing each new one's parent.
absl::Status CreateDirectoryChain(const StorageSeam& seam, const std::string& path);
// Creates the missing parents of `path` as above, and `path` itself unsynced. Unavailable if it exists.
absl::Status CreateUnsyncedDirectory(const StorageSeam& seam, const std::string& path);
// Removes a directory with everything in it; fine if it is missing. Fsyncs the parent.
absl::Status RemoveTree(const StorageSeam& seam, const std::string& path);
// Removes one file; unsynced.
absl::Status RemoveFile(const StorageSeam& seam, const std::string& file);
absl::Status SyncDirectory(const StorageSeam& seam, const std::string& path);
// Names, sorted; empty if the directory is missing.
absl::StatusOr<std::vector<std::string>> ListDirectory(const StorageSeam& seam, const std::string& path);
absl::StatusOr<bool> DirectoryExists(const StorageSeam& seam, const std::string& path);
std::string ParentDirectory(const std::string& path);

// Whether `name`, perhaps from outside, names a file in a directory and can't lead out of it.
bool IsPlainFileName(std::string_view name);
// Table files never change once written, so they may be linked where other files are copied.
bool IsTableFile(std::string_view name);
absl::Status SyncFile(const StorageSeam& seam, const std::string& file);

// Fsyncs every file in `directory`, then the directory.
absl::Status SyncFiles(const StorageSeam& seam, const std::string& directory);
// The list of files with size and checksum, of every file in `directory`, sorted by name.
absl::StatusOr<std::vector<proto::FileInfo>> DescribeFiles(const StorageSeam& seam, const std::string& directory);
// Verifies size and checksum of one file in `directory`. DataLoss if they differ.
absl::Status VerifyFile(const StorageSeam& seam, const std::string& directory, const proto::FileInfo& file);
// Verifies that `directory` holds exactly these files. DataLoss if not.
absl::Status VerifyFiles(const StorageSeam& seam, const std::string& directory,
                         const std::vector<proto::FileInfo>& files);
// Links every file of `from` into the new directory `to` (a pinned snapshot directory); unsynced: for as long as the
// process lives.
absl::Status LinkDirectory(const StorageSeam& seam, const std::string& from, const std::string& to);

// Whole files, unsynced.
absl::StatusOr<std::string> ReadFile(const StorageSeam& seam, const std::string& file);
absl::Status WriteFile(const StorageSeam& seam, const std::string& file, std::string_view contents);
struct FileCopy {
  std::string from;
  std::string to;
  uint64_t bytes_max = UINT64_MAX;  // what comes after is left out
};
absl::Status CopyFile(const StorageSeam& seam, const FileCopy& copy);
struct FileLink {
  std::string from;
  std::string to;
};
absl::Status LinkFile(const StorageSeam& seam, const FileLink& link);

// Reads up to `bytes_max` bytes of a file from `offset`.
absl::StatusOr<std::string> ReadChunk(const StorageSeam& seam, const std::string& file, uint64_t offset,
                                      uint64_t bytes_max);
// Writes a file being received: creates it at offset 0, else appends. Unsynced. REQUIRES: chunks in order.
absl::Status WriteChunk(const StorageSeam& seam, const std::string& file, uint64_t offset, const std::string& data);

}  // namespace sut

#endif  // SUT_STORAGE_DIRECTORY_H_
